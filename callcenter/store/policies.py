"""Where the calls of a company may go."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.destinations import Policy
from callcenter.store.own_numbers import answered_by
from callcenter.store.tables.people import company


def policy_of(row: Any, own: frozenset[str]) -> Policy:
    """Where the calls of a company may go, from its row and the numbers on which it is called (E.164)."""
    return Policy(
        frozenset(row.countries),
        premium=bool(row.premium_open),
        satellite=bool(row.satellite_open),
        calls_per_day=row.calls_per_day,
        calls_per_number=row.calls_per_number,
        own=own,
    )


async def read_policy(connection: AsyncConnection, company_id: int) -> Policy:
    row = (await connection.execute(select(company).where(company.c.id == company_id))).one()
    return policy_of(row, await answered_by(connection, company_id))
