"""Companies: opening one with the roles it starts with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.tables.people import company, role


async def add_company(
    connection: AsyncConnection, values: Mapping[str, Any], roles: Iterable[Mapping[str, Any]], now: datetime
) -> int:
    """A company with those rows of `role`; returns its id."""
    row = await connection.execute(insert(company).values(**values, created_at=now).returning(company.c.id))
    company_id = int(row.scalar_one())
    await connection.execute(insert(role), [{"company_id": company_id, **one} for one in roles])
    return company_id
