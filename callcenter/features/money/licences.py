"""Licences: employees (O-06, SPEC §A4.1, §C9), search accounts (§C10) and AI seats (§B11.2). Money in fen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import fees
from callcenter.domain.refusals import Refusal
from callcenter.features.money import prices, wallet
from callcenter.features.money.tables import licence_purchase
from callcenter.ledger.book import Entry
from callcenter.store.people import is_staff
from callcenter.store.tables.people import company, employee, role

Kind = Literal["employee", "search", "ai"]


@dataclass(frozen=True, slots=True)
class Quote:
    """`days`: those a yearly fee is paid for, 0 where none is. `before`/`after`: free employee licences, all search
    accounts, or AI seats valid now. `unit_price` is the listed one: of one licence, or of the whole standard."""

    kind: Kind
    quantity: int
    unit_price: int
    days: int
    paid: int
    before: int
    after: int
    valid_until: datetime | None
    explanation: str


async def used(connection: AsyncConnection, company_id: int) -> int:
    """Employees who hold a licence: all but departed ones and the enterprise account's administrators (§A1.1)."""
    query = (
        select(func.count())
        .select_from(employee)
        .join(role, role.c.id == employee.c.role_id)
        .where(employee.c.company_id == company_id, is_staff(), role.c.code != "admin")
    )
    return int((await connection.execute(query)).scalar_one())


async def total(connection: AsyncConnection, company_id: int) -> int | None:
    """Licences for employees; None: no limit."""
    query = select(company.c.licences).where(company.c.id == company_id)
    found: int | None = (await connection.execute(query)).scalar_one()
    return found


async def keep_within(connection: AsyncConnection, company_id: int, before: int) -> None:
    """Refuses with `licences_used_up` when the company has more licensed employees than `before` and than it may have.

    To be asked in the write transaction that adds or brings back an employee, after it did so.
    """
    limit = await total(connection, company_id)
    now = await used(connection, company_id)
    if limit is not None and now > limit and now > before:
        raise Refusal("licences_used_up", licences=limit)


async def quote(
    connection: AsyncConnection, company_id: int, kind: Kind, quantity: int, standard: int | None, now: datetime
) -> Quote:
    """What `quantity` more would cost now; the first search accounts are bought as a `standard` of so many."""
    listed = await prices.current(connection)
    if kind == "employee":
        limit = await total(connection, company_id)
        if limit is None:
            raise Refusal("licences_unlimited")
        each = listed["employee_seat"]
        # Below zero where the company has more people than licences: what is bought fills that up first.
        free = limit - await used(connection, company_id)
        return Quote(kind, quantity, each, 0, each * quantity, free, free + quantity, None, _times(each, quantity))
    if kind == "ai":
        each = listed["ai_seat_year"]
        valid = await valid_ai_seats(connection, company_id, now)
        until = fees.a_year_later(now)
        paid = each * quantity
        return Quote(kind, quantity, each, fees.YEAR, paid, valid, valid + quantity, until, _times(each, quantity))
    return await _search(connection, company_id, quantity, standard, listed, now)


async def _search(
    connection: AsyncConnection,
    company_id: int,
    quantity: int,
    standard: int | None,
    listed: dict[str, Any],
    now: datetime,
) -> Quote:
    row = await wallet.require_verified(connection, company_id)
    days = fees.days_left(row.valid_until, now)
    if days == 0:
        raise Refusal("company_expired")
    before = await _bought(connection, company_id, "search")
    if before == 0:
        chosen = next((one for one in listed["search_first"] if one["accounts"] == standard), None)
        if chosen is None:
            raise Refusal("standard_unknown")
        each, count = chosen["price_year"], chosen["accounts"]
        paid = fees.pro_rata(each, days)
        text = f"{_yuan(each)} ÷ 365 × {days}"
        return Quote("search", count, each, days, paid, 0, count, row.valid_until, text)
    tier = fees.tier_for(prices.tiers(listed), quantity)
    if tier is None:
        raise Refusal("quantity_invalid")
    paid = fees.pro_rata(tier.price, days, quantity)
    text = f"{_yuan(tier.price)} ÷ 365 × {days} × {quantity}"
    return Quote("search", quantity, tier.price, days, paid, before, before + quantity, row.valid_until, text)


async def buy(
    connection: AsyncConnection,
    company_id: int,
    kind: Kind,
    quantity: int,
    standard: int | None,
    *,
    expected: int,
    key: str,
    by: int,
    now: datetime,
) -> Any:
    """Pays and licenses; the row of the purchase. Refuses with `price_changed` when it costs other than expected."""
    earlier = await wallet.keyed(connection, licence_purchase, company_id, key)
    if earlier is not None:
        asked = standard if kind == "search" and earlier.before == 0 and standard is not None else quantity
        wallet.same_request(earlier, kind=kind, quantity=asked, paid=expected)
        return earlier
    found = await quote(connection, company_id, kind, quantity, standard, now)
    if found.paid != expected:
        raise Refusal("price_changed", paid=found.paid)
    made = await connection.execute(
        insert(licence_purchase)
        .values(
            company_id=company_id,
            kind=kind,
            quantity=found.quantity,
            before=found.before,
            after=found.after,
            unit_price=found.unit_price,
            paid=found.paid,
            valid_until=found.valid_until,
            buyer_id=by,
            key=key,
            created_at=now,
        )
        .returning(licence_purchase)
    )
    row = made.one()
    entry = Entry.AI_SEATS if kind == "ai" else Entry.SEATS
    await wallet.spend(connection, company_id, found.paid, txn=f"licences:{row.id}", entry=entry, now=now, by=by)
    if kind == "employee":
        more = update(company).where(company.c.id == company_id).values(licences=company.c.licences + found.quantity)
        await connection.execute(more)
    return row


async def valid_ai_seats(connection: AsyncConnection, company_id: int, now: datetime) -> int:
    """AI seats that may be used at that moment: from the purchase on, for one year (V-32)."""
    mine = licence_purchase.c.company_id == company_id
    during = (licence_purchase.c.created_at <= now, licence_purchase.c.valid_until > now)
    query = select(func.sum(licence_purchase.c.quantity)).where(mine, licence_purchase.c.kind == "ai", *during)
    return int((await connection.execute(query)).scalar() or 0)


async def _bought(connection: AsyncConnection, company_id: int, kind: Kind) -> int:
    mine = (licence_purchase.c.company_id == company_id, licence_purchase.c.kind == kind)
    return int((await connection.execute(select(func.sum(licence_purchase.c.quantity)).where(*mine))).scalar() or 0)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _times(each: int, quantity: int) -> str:
    return f"{_yuan(each)} × {quantity}"
