"""Companies: opening one with the roles it starts with, and where its calls may go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.destinations import Policy
from callcenter.store.own_numbers import answered_by
from callcenter.store.tables import company, role


async def add_company(
    connection: AsyncConnection, values: Mapping[str, Any], roles: Iterable[Mapping[str, Any]], now: datetime
) -> int:
    """A company with those rows of `role`; returns its id."""
    row = await connection.execute(insert(company).values(**values, created_at=now).returning(company.c.id))
    company_id = int(row.scalar_one())
    await connection.execute(insert(role), [{"company_id": company_id, **one} for one in roles])
    return company_id


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
