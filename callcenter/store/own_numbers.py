"""Which numbers are a company's own: what the operator has dispatched to it, or confirmed for it.

Whoever shows, answers or lets people dial in on a number of somebody else deceives or eavesdrops. So what a company
enters by itself waits here until the operator confirms it, and is used for nothing before.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import normalise_or_raw
from callcenter.store.tables.inbound import inbound_number
from callcenter.store.tables.numbers import company_number, outside_number
from callcenter.store.tables.people import company

EVERYWHERE = {"all_companies": True}
WAITING, CONFIRMED, REFUSED = "waiting", "confirmed", "refused"


async def owned_by_all(connection: AsyncConnection) -> set[tuple[int, str]]:
    """(company, E.164) of every number that its company may show, receive on or use as access number."""
    confirmed = select(company_number.c.company_id, company_number.c.number).where(company_number.c.state == CONFIRMED)
    dispatched = select(outside_number.c.company_id, outside_number.c.number).where(
        outside_number.c.dispatched_at.is_not(None), outside_number.c.state != "retired"
    )
    found: set[tuple[int, str]] = set()
    for query in (confirmed, dispatched):
        rows = await connection.execute(query.execution_options(**EVERYWHERE))
        found |= {(row.company_id, row.number) for row in rows.all()}
    return found


_INBOUND = select(inbound_number.c.company_id, inbound_number.c.number)
_ACCESS = select(company.c.id.label("company_id"), company.c.access_number.label("number")).where(
    company.c.access_number != ""
)


async def answered_by_all(connection: AsyncConnection, region: str = "CN") -> dict[int, frozenset[str]]:
    """Company -> the numbers (E.164) on which calls come in to it, and its access number."""
    found: dict[int, set[str]] = {}
    for query in (_INBOUND, _ACCESS):
        for row in (await connection.execute(query.execution_options(**EVERYWHERE))).all():
            found.setdefault(row.company_id, set()).add(normalise_or_raw(row.number, region))
    return {one: frozenset(numbers) for one, numbers in found.items()}


async def answered_by(connection: AsyncConnection, company_id: int, region: str = "CN") -> frozenset[str]:
    """As `answered_by_all`, of one company."""
    mine = (_INBOUND.where(inbound_number.c.company_id == company_id), _ACCESS.where(company.c.id == company_id))
    rows = [row for query in mine for row in (await connection.execute(query)).all()]
    return frozenset(normalise_or_raw(row.number, region) for row in rows)


async def states_of(connection: AsyncConnection, company_id: int, numbers: Iterable[str]) -> dict[str, str]:
    """`confirmed`, `waiting` or `refused` of those numbers of the company; dispatched ones are confirmed."""
    wanted = list(numbers)
    claimed = select(company_number.c.number, company_number.c.state).where(
        company_number.c.company_id == company_id, company_number.c.number.in_(wanted)
    )
    found = {row.number: str(row.state) for row in (await connection.execute(claimed)).all()}
    dispatched = select(outside_number.c.number).where(
        outside_number.c.company_id == company_id,
        outside_number.c.number.in_(wanted),
        outside_number.c.dispatched_at.is_not(None),
        outside_number.c.state != "retired",
    )
    found |= dict.fromkeys((await connection.execute(dispatched)).scalars(), CONFIRMED)
    return {one: found.get(one, WAITING) for one in wanted}


async def claim(
    connection: AsyncConnection, company_id: int, numbers: Iterable[str], *, by: int | None, now: datetime, sure: bool
) -> None:
    """Notes that the company wants to use those numbers; `sure`: the operator enters them, so they are confirmed."""
    wanted = list(dict.fromkeys(numbers))
    known = await states_of(connection, company_id, wanted)
    rows = select(company_number.c.number).where(
        company_number.c.company_id == company_id, company_number.c.number.in_(wanted)
    )
    listed = set((await connection.execute(rows)).scalars())
    decided = {"state": CONFIRMED, "decided_by": by, "decided_at": now} if sure else {"state": WAITING}
    fresh = [
        {"company_id": company_id, "number": one, "asked_by": by, "asked_at": now, **decided}
        for one in wanted
        if one not in listed and known[one] != CONFIRMED
    ]
    if fresh:
        await connection.execute(insert(company_number), fresh)
    again = [one for one in listed if known[one] != CONFIRMED]
    if again:
        # Entered once more after a refusal: the operator looks again.
        values: dict[str, Any] = {"reason": "", "decided_by": None, "decided_at": None, **decided}
        mine = (company_number.c.company_id == company_id, company_number.c.number.in_(again))
        await connection.execute(update(company_number).where(*mine).values(**values))
