"""Points for social leads: packs are bought, gifts are not added to the current points (SPEC §C10.6, §C10.7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.features.money import prices, wallet
from callcenter.features.money.tables import points_order
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind


async def buy(
    connection: AsyncConnection,
    company_id: int,
    pack: str,
    quantity: int,
    *,
    expected: int,
    key: str,
    by: int,
    now: datetime,
) -> Any:
    """Pays a pack `quantity` times and adds its points; the order's row."""
    chosen = next((one for one in (await prices.current(connection))["point_packs"] if one["code"] == pack), None)
    earlier = await wallet.keyed(connection, points_order, company_id, key)
    if earlier is not None:
        # What was sold stays sold: that the pack is gone from the price list since makes it no other request.
        same_pack = {"name": chosen["name"]} if chosen is not None else {}
        wallet.same_request(earlier, quantity=quantity, paid=expected, **same_pack)
        return earlier
    await wallet.require_verified(connection, company_id)
    if chosen is None:
        raise Refusal("pack_unknown")
    paid, added = chosen["price"] * quantity, chosen["points"] * quantity
    if paid != expected:
        raise Refusal("price_changed", paid=paid)
    before = await book.balance(connection, company_id, book.points(Kind.POINTS))
    made = await connection.execute(
        insert(points_order)
        .values(
            company_id=company_id,
            number=wallet.document_number("P", now),
            name=chosen["name"],
            unit_price=chosen["price"],
            points_each=chosen["points"],
            gift_points=chosen["gift"] * quantity,
            quantity=quantity,
            paid=paid,
            before=before,
            after=before + added,
            buyer_id=by,
            key=key,
            created_at=now,
        )
        .returning(points_order)
    )
    row = made.one()
    await wallet.require(connection, company_id, paid)
    await book.post(
        connection,
        company_id=company_id,
        txn=f"points:{row.id}",
        entry=Entry.POINTS,
        lines={
            book.money(Kind.WALLET): -paid,
            book.money(Kind.SPENT): paid,
            book.points(Kind.POINTS_ISSUED): -added,
            book.points(Kind.POINTS): added,
        },
        at=now,
        actor_id=by,
    )
    return row
