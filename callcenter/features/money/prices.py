"""The platform's price list for everything but packages; one row of `price` per entry, with what stands until then."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.fees import Tier
from callcenter.features.money.tables import price

DEFAULTS: dict[str, Any] = {
    "employee_seat": 20_000,
    "ai_seat_year": 300_000,
    "number_month": 800,
    "search_first": [{"accounts": 5, "price_year": 298_000}],
    "search_tiers": [
        {"from": 1, "to": 4, "price_year": 36_000},
        {"from": 5, "to": 29, "price_year": 28_000},
        {"from": 30, "to": None, "price_year": 22_000},
    ],
    "point_packs": [
        {"code": "p2800", "name": "2800 点", "price": 19_800, "points": 2800, "gift": 0},
        {"code": "p20000", "name": "20000 点", "price": 30_000, "points": 20_000, "gift": 2000},
    ],
}
"""Fen. The standard of 5 accounts, the tier 5-29 and the point packs are printed in SPEC §C10; the rest is ours."""


async def current(connection: AsyncConnection) -> dict[str, Any]:
    """Every price that is in force."""
    rows = (await connection.execute(select(price))).all()
    return {**DEFAULTS, **{row.code: row.body for row in rows if row.code in DEFAULTS}}


async def change(connection: AsyncConnection, given: dict[str, Any]) -> None:
    """Puts a whole new list into force; what was bought before keeps its price."""
    await connection.execute(delete(price).where(price.c.code.in_(list(DEFAULTS))))
    await connection.execute(insert(price), [{"code": code, "body": given[code]} for code in DEFAULTS])


def tiers(listed: dict[str, Any]) -> list[Tier]:
    return [Tier(one["from"], one["to"], one["price_year"]) for one in listed["search_tiers"]]
