"""What is for sale: offerings and coupons, as the platform's operator keeps them and as companies find them."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.offers import Offering
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Mode, Offer, PackageKind
from callcenter.store.tables.packages import coupon, offering, purchase, purchase_line

FIXED_ONCE_SOLD = ("minutes", "days", "kind")
"""What a company has paid for does not change under it."""
CODE_LETTERS = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without those that look alike."""


def offering_of(row: Any) -> Offering:
    return Offering(
        id=row.id,
        name=row.name,
        kind=PackageKind(row.kind),
        mode=Mode(row.mode),
        minutes=row.minutes,
        days=row.days,
        price=row.price,
        list_price=row.list_price,
        offer=Offer(row.offer),
        also_mode=Mode(row.also_mode) if row.also_mode else None,
        line=row.line,
        per_employee=row.per_employee,
        offered_from=row.offered_from,
        offered_until=row.offered_until,
        increment_seconds=row.increment_seconds,
        on_sale=row.on_sale,
    )


async def find_offering(connection: AsyncConnection, offering_id: int) -> Offering:
    """Raises `offering_unknown`."""
    row = (await connection.execute(select(offering).where(offering.c.id == offering_id))).first()
    if row is None:
        raise Refusal("offering_unknown")
    return offering_of(row)


async def add_offering(connection: AsyncConnection, values: Mapping[str, Any], now: datetime) -> int:
    """A new offering; raises `offering_invalid` with the reason."""
    _check(values)
    row = await connection.execute(insert(offering).values(**values, created_at=now).returning(offering.c.id))
    return int(row.scalar_one())


async def change_offering(connection: AsyncConnection, offering_id: int, changes: Mapping[str, Any]) -> None:
    """Raises `not_found`, `offering_invalid`, and `offering_sold` for what is fixed once somebody has bought it."""
    row = (await connection.execute(select(offering).where(offering.c.id == offering_id))).first()
    if row is None:
        raise Refusal("not_found")
    before = row._mapping
    moved = [name for name in FIXED_ONCE_SOLD if name in changes and changes[name] != before[name]]
    if moved and await _sold(connection, offering_id):
        raise Refusal("offering_sold", fields=moved)
    _check({**before, **changes})
    if changes:
        await connection.execute(update(offering).where(offering.c.id == offering_id).values(**changes))


def _check(values: Mapping[str, Any]) -> None:
    """The price is never above the list price; only a limited offer has two, a time and a count for each employee."""
    limited = values["offer"] == Offer.LIMITED.value
    begins, ends = values.get("offered_from"), values.get("offered_until")
    reason = ""
    if values["list_price"] < values["price"] or (not limited and values["list_price"] != values["price"]):
        reason = "list_price"
    elif limited and values["per_employee"] < 1:
        reason = "per_employee"
    elif begins is not None and ends is not None and begins >= ends:
        reason = "offered_until"
    elif values.get("also_mode") == values["mode"]:
        reason = "also_mode"
    if reason:
        raise Refusal("offering_invalid", reason=reason)


async def _sold(connection: AsyncConnection, offering_id: int) -> bool:
    query = select(purchase.c.id).where(purchase.c.offering_id == offering_id).limit(1)
    return (await connection.execute(query.execution_options(all_companies=True))).first() is not None


async def offers_used(connection: AsyncConnection, company_id: int, offering_id: int) -> dict[int, int]:
    """Employee -> how often the offer price of an offering was theirs (SPEC §C5.2)."""
    query = (
        select(purchase_line.c.employee_id, func.count())
        .where(
            purchase_line.c.company_id == company_id,
            purchase_line.c.offering_id == offering_id,
            purchase_line.c.at_offer_price,
            purchase_line.c.employee_id.is_not(None),
        )
        .group_by(purchase_line.c.employee_id)
    )
    found: dict[int, int] = defaultdict(int)
    for employee_id, count in (await connection.execute(query)).all():
        found[employee_id] = int(count)
    return found


async def bought_ever(connection: AsyncConnection, company_id: int) -> set[int]:
    """Offerings that a company has bought at least once."""
    query = select(purchase.c.offering_id).where(purchase.c.company_id == company_id).distinct()
    return set((await connection.execute(query)).scalars())


# -- coupons -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Coupon:
    id: int
    code: str
    amount: int


async def make_coupon(
    connection: AsyncConnection,
    company_id: int | None,
    amount: int,
    reason: str,
    expires_at: datetime | None,
    now: datetime,
) -> int:
    """A coupon over that many fen, for one company or for any; its code is random. Used once (SPEC §C5.4)."""
    code = "".join(secrets.choice(CODE_LETTERS) for _ in range(12))
    values = {"code": code, "company_id": company_id, "amount": amount, "reason": reason, "expires_at": expires_at}
    row = await connection.execute(insert(coupon).values(**values, created_at=now).returning(coupon.c.id))
    return int(row.scalar_one())


async def find_coupon(connection: AsyncConnection, company_id: int, code: str, now: datetime) -> Coupon:
    """The unused coupon of that code; raises `coupon_unknown`, also for another company's, `coupon_used` and
    `coupon_expired`."""
    query = select(coupon).where(
        coupon.c.code == code.strip().upper(), or_(coupon.c.company_id.is_(None), coupon.c.company_id == company_id)
    )
    row = (await connection.execute(query.execution_options(all_companies=True))).first()
    if row is None:
        raise Refusal("coupon_unknown")
    if row.used_by_order is not None:
        raise Refusal("coupon_used")
    if row.expires_at is not None and row.expires_at <= now:
        raise Refusal("coupon_expired")
    return Coupon(row.id, row.code, row.amount)


async def use_coupon(connection: AsyncConnection, coupon_id: int, order_id: int) -> None:
    """Marks a coupon as used; raises `coupon_used` when another order was faster."""
    taken = await connection.execute(
        update(coupon)
        .where(coupon.c.id == coupon_id, coupon.c.used_by_order.is_(None))
        .values(used_by_order=order_id)
        .execution_options(all_companies=True)
    )
    if taken.rowcount != 1:
        raise Refusal("coupon_used")
