"""Number -> customer of one company, by E.164; and calls that get their customer late.

When several customers share a number, the one is taken that (1) belongs to the employee asked for, then (2) had the
most recent contact, then (3) has the lowest id, so the same question always finds the same customer.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, bindparam, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import normalise_or_raw
from callcenter.store.tables.calls import call
from crm_bridge.customers.tables import customer, customer_number

LATE_DAYS = 30
"""How old a call without a customer may be to be filed under a customer created later."""


# Built once: every call that rings asks for them.
_OF_NUMBER = (
    select(customer.c.id, customer.c.name)
    .join(customer_number, customer_number.c.customer_id == customer.c.id)
    .where(
        customer_number.c.company_id == bindparam("company"),
        customer_number.c.number == bindparam("wanted"),
        customer.c.company_id == bindparam("company"),
    )
    .limit(1)
)
_LATEST = (customer.c.last_contact_at.desc().nulls_last(), customer.c.id.asc())
_OF_ANYBODY = _OF_NUMBER.order_by(*_LATEST)
_OF_ONE = _OF_NUMBER.order_by(case((customer.c.owner_id == bindparam("asked"), 0), else_=1), *_LATEST)


async def match(
    connection: AsyncConnection,
    company_id: int,
    number: str,
    *,
    region: str = "CN",
    employee_id: int | None = None,
    condition: ColumnElement[bool] | None = None,
) -> Any | None:
    """The row (`id`, `name`) of the customer behind `number` as typed or as the network showed it; None if unknown.

    `condition` narrows the candidates, for instance to those a person may see.
    """
    wanted = normalise_or_raw(number, region)
    if not wanted:
        return None
    names = {"company": company_id, "wanted": wanted}
    if employee_id is not None:
        names["asked"] = employee_id
    query = _OF_ANYBODY if employee_id is None else _OF_ONE
    if condition is not None:
        query = query.where(condition)
    return (await connection.execute(query, names)).first()


async def match_all(
    connection: AsyncConnection,
    company_id: int,
    numbers: Collection[str],
    *,
    employee_id: int,
    condition: ColumnElement[bool],
) -> dict[str, Any]:
    """As `match`, for a page of numbers (E.164) at once: number -> row (`id`, `name`); unknown ones are missing."""
    if not numbers:
        return {}
    query = (
        select(customer_number.c.number, customer.c.id, customer.c.name)
        .join(customer, customer.c.id == customer_number.c.customer_id)
        .where(
            customer_number.c.company_id == company_id,
            customer.c.company_id == company_id,
            customer_number.c.number.in_(sorted(numbers)),
            condition,
        )
        .order_by(case((customer.c.owner_id == employee_id, 0), else_=1), *_LATEST)
    )
    found: dict[str, Any] = {}
    for row in (await connection.execute(query)).all():
        found.setdefault(row.number, row)
    return found


async def link_earlier_calls(
    connection: AsyncConnection, company_id: int, customer_id: int, numbers: Collection[str], now: datetime
) -> int:
    """Files calls of the last 30 days with these numbers (E.164) and no customer under this one; how many."""
    if not numbers:
        return 0
    linked = await connection.execute(
        update(call)
        .where(
            call.c.company_id == company_id,
            call.c.number.in_(sorted(numbers)),
            call.c.started_at >= now - timedelta(days=LATE_DAYS),
            call.c.customer_id.is_(None),
        )
        .values(customer_id=customer_id)
    )
    if linked.rowcount:
        talked = select(func.max(call.c.ended_at)).where(
            call.c.company_id == company_id, call.c.customer_id == customer_id, call.c.answered_at.is_not(None)
        )
        last: datetime | None = (await connection.execute(talked)).scalar()
        if last is not None:
            await touch(connection, company_id, customer_id, last)
    return linked.rowcount


async def touch(connection: AsyncConnection, company_id: int, customer_id: int, at: datetime) -> None:
    """Notes a contact: an answered call or a note. Older contacts never move the date back."""
    await connection.execute(
        update(customer)
        .where(
            customer.c.company_id == company_id,
            customer.c.id == customer_id,
            customer.c.last_contact_at.is_(None) | (customer.c.last_contact_at < at),
        )
        .values(last_contact_at=at)
    )
