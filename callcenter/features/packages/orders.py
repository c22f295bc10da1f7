"""Placing an order of voice packages: one write transaction moves money, minutes and rows.

Everything here runs in the caller's transaction and raises `Refusal` with a stable code.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import OrderAction, PackageKind
from callcenter.features.money import wallet
from callcenter.features.packages import assign, catalogue
from callcenter.features.packages.quotes import Quote, Wanted, quote
from callcenter.ledger.book import Entry
from callcenter.ledger.packages import NewLot, add_minutes, issue
from callcenter.store.tables.packages import purchase, purchase_line


async def place(
    connection: AsyncConnection,
    company_id: int,
    buyer_id: int,
    wanted: Wanted,
    *,
    key: str,
    request: str,
    expected_paid: int,
    now: datetime,
) -> tuple[int, bool]:
    """Places an order: its id, and whether it is new. The same `key` again answers with the same order.

    `request` tells one request from another; the same key for another one is `key_reused`. Raises `price_changed`
    when the order does not cost what the buyer has seen, and `balance_too_low`.
    """
    known = await _known(connection, company_id, key, request)
    if known is not None:
        return known, False
    found = await quote(connection, company_id, wanted, now)
    if found.paid != expected_paid:
        raise Refusal("price_changed", paid=found.paid, expected=expected_paid)
    order_id = await _insert(connection, company_id, buyer_id, wanted, found, key, request, now)
    await wallet.spend(
        connection,
        company_id,
        found.paid,
        txn=f"purchase:{order_id}",
        entry=Entry.PURCHASE,
        now=now,
        by=buyer_id,
        note=found.offering.name,
    )
    if found.coupon is not None:
        await catalogue.use_coupon(connection, found.coupon.id, order_id)
    await _deliver(connection, company_id, buyer_id, wanted, found, order_id, now)
    return order_id, True


# -- inside --------------------------------------------------------------------------------------------------------


async def _known(connection: AsyncConnection, company_id: int, key: str, request: str) -> int | None:
    query = select(purchase.c.id, purchase.c.request).where(purchase.c.company_id == company_id, purchase.c.key == key)
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    if row.request != request:
        raise Refusal("key_reused")
    return int(row.id)


async def _insert(
    connection: AsyncConnection,
    company_id: int,
    buyer_id: int,
    wanted: Wanted,
    found: Quote,
    key: str,
    request: str,
    now: datetime,
) -> int:
    row = await connection.execute(
        insert(purchase)
        .values(
            company_id=company_id,
            number=wallet.document_number("P", now),
            action=wanted.action.value,
            offering_id=found.offering.id,
            name=found.offering.name,
            kind=found.offering.kind.value,
            quantity=wanted.quantity,
            total=found.total,
            discount=found.discount,
            paid=found.paid,
            coupon_id=found.coupon.id if found.coupon else None,
            parent_id=found.package.purchase_id if found.package else None,
            buyer_id=buyer_id,
            valid_until=found.valid_until,
            key=key,
            request=request,
            created_at=now,
        )
        .returning(purchase.c.id)
    )
    return int(row.scalar_one())


async def _deliver(
    connection: AsyncConnection,
    company_id: int,
    buyer_id: int,
    wanted: Wanted,
    found: Quote,
    order_id: int,
    now: datetime,
) -> None:
    """Brings the bought minutes into the books and writes one line for each unit of the order."""
    units = [(line.employee_id, line) for line in found.lines for _ in range(line.quantity)]
    shared = found.offering.kind is PackageKind.SHARED and wanted.action is not OrderAction.TOP_UP
    one_for_all = await _shared(connection, company_id, buyer_id, wanted, found, order_id, now) if shared else None
    rows: list[dict[str, Any]] = []
    for employee_id, line in units:
        package_id = one_for_all
        if package_id is None:
            new = _new_lot(wanted, found, order_id, employee_id)
            package_id = await issue(connection, company_id, new, by=buyer_id, now=now)
        rows.append(
            {
                "company_id": company_id,
                "purchase_id": order_id,
                "employee_id": employee_id,
                "package_id": package_id,
                "offering_id": found.offering.id,
                "price": line.price,
                "at_offer_price": line.at_offer_price,
            }
        )
    await connection.execute(insert(purchase_line), rows)


async def _shared(
    connection: AsyncConnection,
    company_id: int,
    buyer_id: int,
    wanted: Wanted,
    found: Quote,
    order_id: int,
    now: datetime,
) -> int:
    """One pool of minutes for the whole order, new or added to, with its members; its id (SPEC §C2.3)."""
    minutes = found.offering.minutes * wanted.quantity
    if wanted.action is OrderAction.ADD and found.package is not None:
        package_id = found.package.id
        await add_minutes(
            connection,
            company_id,
            package_id,
            minutes,
            quantity=wanted.quantity,
            txn=f"add:{order_id}",
            by=buyer_id,
            now=now,
        )
    else:
        new = _new_lot(wanted, found, order_id, None, minutes=minutes, quantity=wanted.quantity)
        package_id = await issue(connection, company_id, new, by=buyer_id, now=now)
    members = [line.employee_id for line in found.lines if line.employee_id is not None]
    await assign.add_members(connection, company_id, package_id, members, by=buyer_id, now=now)
    return package_id


def _new_lot(
    wanted: Wanted,
    found: Quote,
    order_id: int,
    employee_id: int | None,
    *,
    minutes: int | None = None,
    quantity: int = 1,
) -> NewLot:
    offering = found.offering
    top_up = wanted.action is OrderAction.TOP_UP
    return NewLot(
        name=offering.name,
        mode=offering.mode,
        minutes=offering.minutes if minutes is None else minutes,
        starts_at=found.valid_from,
        expires_at=found.valid_until,
        employee_id=employee_id,
        also_mode=offering.also_mode,
        kind=PackageKind.TOP_UP if top_up else offering.kind,
        quantity=quantity,
        line=offering.line,
        increment_seconds=offering.increment_seconds,
        offering_id=offering.id,
        purchase_id=order_id,
        parent_id=found.package.id if top_up and found.package else None,
        renews_id=found.renews_id,
    )
