"""The time zone that a company lives in."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.tables.people import company


async def zone_of(connection: AsyncConnection, company_id: int) -> ZoneInfo:
    query = select(company.c.time_zone).where(company.c.id == company_id)
    return ZoneInfo((await connection.execute(query)).scalar_one())
