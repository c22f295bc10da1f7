"""The second witness: what AMI told of legs that Asterisk's own records are silent about.

Asterisk drops records that it cannot write, because the disk is full or the file is held for too long, and never writes
them again. A leg that only one of the two has seen is settled by what there is, and its call is flagged `ami_only`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import bindparam, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.terms import Role
from callcenter.ledger.cel import CelRow
from callcenter.ledger.legs import ROLES
from callcenter.ledger.settle import FLAG_AMI_ONLY
from callcenter.store.among import among
from callcenter.store.database import Database
from callcenter.store.tables.books import cel_leg
from callcenter.store.tables.calls import call, leg

OUTSIDE = (f".{Role.CUSTOMER.value}", f".{Role.THIRD.value}")

# Built once: every settlement asks.
_ANSWERED = (
    select(
        leg.c.id,
        leg.c.call_id,
        leg.c.company_id,
        leg.c.answered_at,
        call.c.answered_at.label("talked_from"),
        cel_leg.c.answered_at.label("record_answered_at"),
        cel_leg.c.bridged_at.label("record_bridged_at"),
    )
    .join(call, call.c.id == leg.c.call_id)
    .outerjoin(cel_leg, cel_leg.c.id == leg.c.id)
    .where(
        among(leg.c.id, "ids"),
        leg.c.employee_id.is_(None),
        leg.c.answered_at.is_not(None),
        or_(cel_leg.c.answered_at.is_(None), cel_leg.c.bridged_at.is_(None)),
    )
    .execution_options(all_companies=True)
)
_LEGS = (
    select(leg, call.c.answered_at.label("talked_from"), call.c.ended_at.label("call_ended_at"))
    .join(call, call.c.id == leg.c.call_id)
    .where(leg.c.company_id == bindparam("company"), leg.c.call_id == bindparam("the_call"))
)
_KNOWN = select(cel_leg).where(among(cel_leg.c.id, "ids"))


async def complete(database: Database, rows: Sequence[CelRow]) -> Sequence[CelRow]:
    """The same rows, and before the end of a leg whose answer or first talk was lost those rows, at the moments that
    AMI told."""
    here = {(row.uniqueid, row.event) for row in rows}
    ended = sorted(row.uniqueid for row in rows if row.event == "HANGUP" and row.account.endswith(OUTSIDE))
    if not ended:
        return rows
    async with database.glance() as connection:
        found = {row.id: row for row in (await connection.execute(_ANSWERED, {"ids": ended})).all()}
    whole: list[CelRow] = []
    gained: dict[str, int] = {}
    for row in rows:
        seen = found.get(row.uniqueid) if row.event == "HANGUP" else None
        if seen is not None:
            for event, at, known in (
                ("ANSWER", seen.answered_at, seen.record_answered_at),
                ("BRIDGE_ENTER", _bridged(seen), seen.record_bridged_at),
            ):
                if at is not None and known is None and (row.uniqueid, event) not in here:
                    whole.append(msgspec.structs.replace(row, event=event, at=at))
                    gained[seen.call_id] = seen.company_id
        whole.append(row)
    if gained:
        async with database.write() as connection:
            for call_id, company_id in gained.items():
                mine = (call.c.company_id == company_id, call.c.id == call_id, call.c.flag == "")
                await connection.execute(update(call).where(*mine).values(flag=FLAG_AMI_ONLY))
    return whole


async def fill_in(connection: AsyncConnection, node: str, company_id: int, call_id: str) -> int:
    """Gives the recorded legs of a call that is over what only AMI has seen of them; how many gained by it."""
    seen = (await connection.execute(_LEGS, {"company": company_id, "the_call": call_id})).all()
    ids = [row.id for row in seen]
    known = {row.id: row for row in (await connection.execute(_KNOWN, {"ids": ids})).all()}
    gained = 0
    for row in seen:
        if row.role not in ROLES:
            continue
        told = {
            "answered_at": row.answered_at,
            "bridged_at": _bridged(row),
            "ended_at": row.ended_at or row.call_ended_at,
        }
        record = known.get(row.id)
        if record is None:
            names = {"id": row.id, "node": node, "linkedid": call_id, "call_id": call_id, "role": row.role}
            channel = {"channel": row.channel, "started_at": row.started_at, "cause": row.cause}
            await connection.execute(insert(cel_leg).values(**names, **channel, **told))
            gained += 1
            continue
        lost = {name: value for name, value in told.items() if value is not None and getattr(record, name) is None}
        if record.call_id == "":
            lost |= {"call_id": call_id, "role": row.role}
        if lost and not record.settled:
            await connection.execute(update(cel_leg).where(cel_leg.c.id == row.id).values(**lost))
            gained += 1
    return gained


def _bridged(row: Any) -> Any:
    """When it was first connected with anybody: the later of its own answer and the call's."""
    if row.answered_at is None or row.talked_from is None:
        return None
    return max(row.answered_at, row.talked_from)
