"""Number -> customer of one company, by E.164; and calls that get their customer late.

When several customers share a number, the one is taken that (1) belongs to the employee asked for, then (2) had the
most recent contact, then (3) has the lowest id, so the same question always finds the same customer.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import normalise_or_raw
from callcenter.store.tables import call
from crm_bridge.tables import customer, customer_number

LATE_DAYS = 30
"""How old a call without a customer may be to be filed under a customer created later."""


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
    order: list[ColumnElement[Any]] = [customer.c.last_contact_at.desc().nulls_last(), customer.c.id.asc()]
    if employee_id is not None:
        order.insert(0, case((customer.c.owner_id == employee_id, 0), else_=1))
    query = (
        select(customer.c.id, customer.c.name)
        .join(customer_number, customer_number.c.customer_id == customer.c.id)
        .where(
            customer_number.c.company_id == company_id,
            customer_number.c.number == wanted,
            customer.c.company_id == company_id,
        )
        .order_by(*order)
        .limit(1)
    )
    if condition is not None:
        query = query.where(condition)
    return (await connection.execute(query)).first()


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
