"""Puts the CEL rows of a channel together into one leg: started, answered, bridged, ended."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.agents import employee_of
from callcenter.ledger.cel import CelRow
from callcenter.store.among import among
from callcenter.store.many import Many, Row
from callcenter.store.tables.books import cel_leg

ROLES = frozenset({"agent", "customer", "third"})
ENTRY = "from-trunk"
"""The dialplan context in which a call from the network begins."""
_IN_NUMBERS = re.compile(r"\+?[0-9]{3,25}")


@dataclass(slots=True)
class CelLeg:
    """One channel as Asterisk recorded it; `call_id` and `role` come from its account code `<call id>.<role>`."""

    id: str
    node: str
    linkedid: str
    call_id: str = ""
    role: str = ""
    channel: str = ""
    context: str = ""
    exten: str = ""
    caller_number: str = ""
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    bridged_at: datetime | None = None
    cause: int | None = None
    last_context: str = ""
    """The dialplan context in which it ended."""
    settled: bool = False

    @property
    def employee_id(self) -> int | None:
        found = employee_of(self.channel)
        return found[0] if found else None

    @classmethod
    def from_row(cls, row: Any) -> CelLeg:
        return cls(**row._mapping)


def absorb(legs: dict[str, CelLeg], row: CelRow, node: str) -> None:
    """Adds what one row tells; repeated rows change nothing."""
    leg = legs.get(row.uniqueid)
    if leg is None:
        leg = legs[row.uniqueid] = CelLeg(row.uniqueid, node, row.linkedid, channel=row.channel)
    call_id, _, role = row.account.rpartition(".")
    # The far half of a Local channel carries the account codes of both sides in turn and is nobody's leg.
    if call_id and role in ROLES and not row.channel.endswith(";2"):
        leg.call_id, leg.role = call_id, role
    match row.event:
        case "CHAN_START":
            leg.started_at = leg.started_at or row.at
            leg.context, leg.exten, leg.caller_number = row.context, row.exten, row.caller_number
        case "ANSWER":
            leg.answered_at = leg.answered_at or row.at
        case "BRIDGE_ENTER":
            leg.bridged_at = leg.bridged_at or row.at
        case "HANGUP":
            if leg.context == ENTRY and _IN_NUMBERS.fullmatch(row.exten):
                # The network's own spelling, or the name of a trunk, was made a number only after the channel began.
                leg.exten, leg.caller_number = row.exten, row.caller_number
            if leg.ended_at is None or leg.cause is None:  # an end without a cause was only supposed
                leg.ended_at = row.at
            leg.cause = row.cause
            leg.last_context = row.context[:40]
        case _:
            pass


_COLUMNS = tuple(one.name for one in cel_leg.c)
_values = attrgetter(*_COLUMNS)
_BY_ID = select(cel_leg).where(among(cel_leg.c.id, "ids"))
_INSERT = Many(insert(cel_leg), _COLUMNS)
_TO = {name: f"to_{name}" for name in _COLUMNS}
_UPDATE = Many(
    update(cel_leg)
    .where(cel_leg.c.id == bindparam("to_id"))
    .values({name: bindparam(to) for name, to in _TO.items() if name != "id"}),
    list(_TO.values()),
)


async def load_legs(connection: AsyncConnection, ids: set[str]) -> dict[str, CelLeg]:
    rows = await connection.execute(_BY_ID, {"ids": ids})
    return {row.id: CelLeg.from_row(row) for row in rows.all()}


async def save_legs(connection: AsyncConnection, legs: Iterable[CelLeg], known: Collection[str]) -> None:
    """Writes legs; `known` are the ids of those that are in the database already."""
    fresh: list[Row] = []
    changed: list[Row] = []
    for leg in legs:
        (changed if leg.id in known else fresh).append(_values(leg))
    await _INSERT.run(connection, fresh)
    await _UPDATE.run(connection, changed)
