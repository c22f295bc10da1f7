"""What ended legs cost, and what their calls give back: for many calls with a handful of statements.

The minutes that calls hold are read once for a batch and counted down in memory; nobody else writes meanwhile, because
the batch is one write transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.domain.clock import Step, corrected_seconds
from callcenter.domain.terms import Role
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind, Transaction
from callcenter.ledger.holds import Part, holder_of
from callcenter.ledger.legs import CelLeg
from callcenter.store.among import among
from callcenter.store.many import Many
from callcenter.store.tables.books import account, posting, reservation, reservation_part
from callcenter.store.tables.calls import call
from callcenter.store.tables.packages import voice_package

FLAG_OVERRUN = "overrun"
OUTSIDE = frozenset({Role.CUSTOMER.value, Role.THIRD.value})
EVERYWHERE = {"all_companies": True}

# Built once: building a statement costs ten times as much as running it.
_PAYERS = (
    select(
        reservation.c.call_id,
        reservation.c.company_id,
        reservation.c.package_id,
        reservation.c.employee_id,
        reservation.c.open,
        voice_package.c.increment_seconds,
    )
    .join(voice_package, voice_package.c.id == reservation.c.package_id)
    .where(among(reservation.c.call_id, "holders"))
    .execution_options(**EVERYWHERE)
)
_PARTS = (
    select(
        reservation_part.c.call_id,
        reservation_part.c.package_id,
        voice_package.c.expired,
        func.coalesce(func.sum(posting.c.amount), 0).label("minutes"),
    )
    .join(voice_package, voice_package.c.id == reservation_part.c.package_id)
    .join(account, (account.c.package_id == reservation_part.c.package_id) & (account.c.kind == Kind.RESERVED.value))
    .join(posting, (posting.c.account_id == account.c.id) & (posting.c.call_id == reservation_part.c.call_id))
    .where(among(reservation_part.c.call_id, "holders"))
    .group_by(
        reservation_part.c.call_id, reservation_part.c.package_id, reservation_part.c.place, voice_package.c.expired
    )
    .order_by(reservation_part.c.call_id, reservation_part.c.place)
    .execution_options(**EVERYWHERE)
)
_CLOSE = Many(
    update(reservation)
    .where(reservation.c.company_id == bindparam("company"), reservation.c.call_id == bindparam("holder"))
    .values(open=False),
    ["company", "holder"],
)
_FLAG = (
    update(call)
    .where(call.c.company_id == bindparam("company"), call.c.id == bindparam("the_call"))
    .values(flag=bindparam("to_flag"))
)


@dataclass(slots=True)
class Payer:
    """Who pays for an outside leg, and what is held for it."""

    company_id: int
    employee_id: int
    package_id: int
    """The package that pays last."""
    increment_seconds: int
    open: bool
    parts: list[Part] = field(default_factory=list)


@dataclass(slots=True)
class Payers:
    """What the calls of one batch hold, by the name under which they hold it."""

    connection: AsyncConnection
    steps: Sequence[Step] = ()
    """Of the clock that stamped the legs; they are taken off what legs seem to have lasted."""
    charged: set[str] = field(default_factory=set)
    """Calls of which a leg was charged now; one that was final before its records were whole is made so again."""
    _known: dict[str, Payer] = field(default_factory=dict)
    _asked: set[str] = field(default_factory=set)
    _left: dict[int, int] = field(default_factory=dict)
    """Minutes that nobody holds, of the packages that had to be asked."""

    async def load(self, holders: Iterable[str]) -> None:
        """Reads what those hold, unless it is known."""
        wanted = {"holders": set(holders) - self._asked}
        if not wanted["holders"]:
            return
        self._asked.update(wanted["holders"])
        for row in (await self.connection.execute(_PAYERS, wanted)).all():
            self._known[row.call_id] = Payer(
                row.company_id, row.employee_id, row.package_id, row.increment_seconds, row.open
            )
        for part in (await self.connection.execute(_PARTS, wanted)).all():
            self._known[part.call_id].parts.append(Part(part.package_id, int(part.minutes), bool(part.expired)))

    def of(self, holder: str) -> Payer | None:
        return self._known.get(holder)

    async def take(self, payer: Payer, wanted: int) -> tuple[dict[book.Account, int], int]:
        """The lines that charge up to `wanted` minutes, and how many they charge: first what is held, in the order in
        which it was taken, then what is left in the last package."""
        lines: dict[book.Account, int] = {}
        rest = wanted
        for at, part in enumerate(payer.parts):
            amount = min(rest, part.minutes)
            if amount:
                rest -= amount
                payer.parts[at] = Part(part.package_id, part.minutes - amount, part.expired)
                lines[book.lot(part.package_id, Kind.RESERVED)] = -amount
                lines[book.used(part.package_id, payer.employee_id)] = amount
        if rest:
            amount = min(rest, await self._left_in(payer))
            if amount:
                rest -= amount
                self._left[payer.package_id] -= amount
                mine = book.used(payer.package_id, payer.employee_id)
                lines[book.lot(payer.package_id, Kind.AVAILABLE)] = -amount
                lines[mine] = lines.get(mine, 0) + amount
        return lines, wanted - rest

    async def _left_in(self, payer: Payer) -> int:
        if payer.package_id not in self._left:
            found = await book.balances(self.connection, payer.company_id, payer.package_id)
            self._left[payer.package_id] = found.available
        return self._left[payer.package_id]


async def charge(payers: Payers, legs: Sequence[CelLeg], now: datetime) -> None:
    """Charges ended outside legs that we dialled; every other leg is only marked as dealt with.

    A leg that was dealt with before, without what has come in since, is charged if it has not been.
    """
    outside: list[CelLeg] = []
    late = {leg.id for leg in legs if leg.settled}
    for leg in legs:
        leg.settled = True
        # A colleague's phone is not an outside leg.
        if leg.role in OUTSIDE and leg.answered_at is not None and leg.employee_id is None:
            outside.append(leg)
    if not outside:
        return
    await payers.load(_holder(leg) for leg in outside)
    transactions: list[Transaction] = []
    overrun: list[dict[str, Any]] = []
    for leg in outside:
        payer = payers.of(_holder(leg))
        if payer is None:
            continue  # inbound, or a mode that no package pays for
        if leg.id in late and await book.posted(payers.connection, payer.company_id, f"settle:{leg.id}"):
            continue
        payers.charged.add(leg.call_id)
        seconds = corrected_seconds(leg.answered_at, leg.ended_at, payers.steps)
        wanted = rules.minutes_for(seconds, payer.increment_seconds)
        lines, charged = await payers.take(payer, wanted)
        if charged < wanted:
            # Nothing may go below zero: what could not be charged stays visible on the call.
            overrun.append({"company": payer.company_id, "the_call": leg.call_id, "to_flag": FLAG_OVERRUN})
        transactions.append(
            Transaction(
                payer.company_id,
                f"settle:{leg.id}",
                Entry.SETTLE,
                lines,
                at=leg.ended_at or now,
                call_id=_holder(leg),
                leg_id=leg.id,
                seconds=seconds,
            )
        )
    await book.post_all(payers.connection, transactions)
    if overrun:
        await payers.connection.execute(_FLAG, overrun)


def _holder(leg: CelLeg) -> str:
    return holder_of(leg.call_id, Role(leg.role))


async def give_back_rest(payers: Payers, holders: Collection[str], now: datetime) -> None:
    """Returns what those calls still hold to its packages and closes their reservations."""
    await payers.load(holders)
    found = [(holder, payers.of(holder)) for holder in holders]
    still_open = [(holder, payer) for holder, payer in found if payer is not None and payer.open]
    transactions: list[Transaction] = []
    for holder, payer in still_open:
        lines: dict[book.Account, int] = {}
        for part in payer.parts:
            lines |= part.returned(part.minutes)
        payer.parts, payer.open = [], False
        if lines:
            transactions.append(
                Transaction(payer.company_id, f"release:{holder}", Entry.RELEASE, lines, at=now, call_id=holder)
            )
    await book.post_all(payers.connection, transactions)
    await _CLOSE.run(payers.connection, [(payer.company_id, holder) for holder, payer in still_open])
