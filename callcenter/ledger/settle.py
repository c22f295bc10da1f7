"""Turns Asterisk's records into charges, exactly once.

Each batch of CEL rows is one database transaction: legs are put together, ended legs are settled, finished calls give
back what they did not use, and the watermark moves. Either all of it happened or none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.domain.endings import disposition_of
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.queues import left_reason
from callcenter.domain.terms import CallState, Direction, EndReason, Mode, Role, Source
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.cel import CelRow
from callcenter.ledger.holds import holder_of, holders_of, parts_of, release_rest
from callcenter.ledger.legs import CelLeg, absorb, load_legs, save_legs
from callcenter.store.database import Database
from callcenter.store.ledger_tables import account, posting, reservation, voice_package
from callcenter.store.tables import call, cel_leg, cel_watermark, company, inbound_number

EVERYWHERE = {"all_companies": True}
FLAG_OVERRUN = "overrun"
FLAG_CEL_ONLY = "cel_only"
FLAG_AMI_ONLY = "ami_only"


# Built once: building a statement costs ten times as much as running it.
_WATERMARK = select(cel_watermark.c.last_id).where(cel_watermark.c.node == bindparam("the_node"))
_MOVE_WATERMARK = (
    update(cel_watermark).where(cel_watermark.c.node == bindparam("the_node")).values(last_id=bindparam("last"))
)
_PAYS = (
    select(
        reservation.c.company_id,
        reservation.c.package_id,
        reservation.c.employee_id,
        voice_package.c.increment_seconds,
    )
    .join(voice_package, voice_package.c.id == reservation.c.package_id)
    .where(reservation.c.call_id == bindparam("holder"))
    .execution_options(**EVERYWHERE)
)
_CALLS_OF = select(cel_leg.c.call_id).where(cel_leg.c.linkedid == bindparam("linked"), cel_leg.c.call_id != "")
# A caller who has not been answered yet is known by the id alone: no record since the first one named the part.
_LEGS_OF = select(cel_leg).where(or_(cel_leg.c.call_id == bindparam("the_call"), cel_leg.c.id == bindparam("the_call")))
_CALL = (
    select(
        call.c.company_id,
        call.c.employee_id,
        call.c.direction,
        call.c.billing,
        call.c.flag,
        call.c.answered_at,
        call.c.ended_at,
        company.c.recording,
    )
    .join(company, company.c.id == call.c.company_id)
    .where(call.c.id == bindparam("the_call"))
    .execution_options(**EVERYWHERE)
)
_SETTLED = (
    update(call)
    .where(call.c.company_id == bindparam("company"), call.c.id == bindparam("the_call"))
    .values(
        {
            one: bindparam(f"to_{one}")
            for one in ("billing", "talk_seconds", "minutes_charged", "flag", "recording_state")
        }
    )
)
_CHARGED = (
    select(func.coalesce(func.sum(posting.c.amount), 0))
    .join(account, account.c.id == posting.c.account_id)
    .where(
        posting.c.company_id == bindparam("company"),
        posting.c.call_id.in_(bindparam("holders", expanding=True)),
        account.c.kind == Kind.USED.value,
    )
)


@dataclass(frozen=True, slots=True)
class Settled:
    """What the engine is told about a call whose charges are final."""

    call_id: str
    company_id: int
    employee_id: int | None
    talk_seconds: int
    minutes_charged: int
    found: bool
    """True when nobody but Asterisk had seen this call."""


@dataclass(slots=True)
class _Work:
    connection: AsyncConnection
    node: str
    now: datetime
    region: str
    settled: list[Settled] = field(default_factory=list)


class Settlement:
    def __init__(self, database: Database, region: str = "CN") -> None:
        self._db = database
        self._region = region

    async def watermark(self, node: str) -> int:
        """The last CEL id of that Asterisk whose effects are in the database."""
        async with self._db.read() as connection:
            return await _watermark(connection, node)

    async def advance(self, node: str, rows: Sequence[CelRow], now: datetime) -> list[Settled]:
        """Takes in rows in order; rows at or below the watermark are ignored, so a replay changes nothing."""
        async with self._db.write() as connection:
            last = await _watermark(connection, node)
            fresh = [row for row in rows if row.id > last]
            if not fresh:
                return []
            work = _Work(connection, node, now, self._region)
            legs = await load_legs(connection, {row.uniqueid for row in fresh})
            known = set(legs)
            finished: list[str] = []
            for row in fresh:
                absorb(legs, row, node)
                if row.event == "LINKEDID_END":
                    finished.append(row.linkedid)
            for leg in legs.values():
                if leg.ended_at is not None and not leg.settled:
                    await _settle_leg(work, leg)
            await save_legs(connection, legs.values(), known)
            ended = {leg.call_id for leg in legs.values() if leg.call_id and leg.ended_at is not None}
            for linkedid in finished:
                ended |= await _calls_of(connection, linkedid)
            for call_id in sorted(ended):
                await _finish(work, call_id)
            await _move_watermark(connection, node, fresh[-1].id)
            return work.settled

    async def close_unrecorded(self, call_id: str, company_id: int, until: datetime, now: datetime) -> Settled | None:
        """Settles a call whose end Asterisk never recorded (it crashed): talk counts up to `until`, and is flagged."""
        async with self._db.write() as connection:
            work = _Work(connection, "", now, self._region)
            legs = await _legs_of(connection, call_id)
            for leg in legs:
                if leg.ended_at is None:
                    leg.ended_at = max(until, leg.answered_at or until)
                if not leg.settled:
                    await _settle_leg(work, leg)
            await save_legs(connection, legs, {leg.id for leg in legs})
            row = (await connection.execute(_CALL, {"the_call": call_id})).first()
            if row is not None and row.company_id == company_id:
                await _finish_call(work, call_id, row, legs, FLAG_AMI_ONLY)
            return work.settled[-1] if work.settled else None


async def _watermark(connection: AsyncConnection, node: str) -> int:
    return int((await connection.execute(_WATERMARK, {"the_node": node})).scalar() or 0)


async def _move_watermark(connection: AsyncConnection, node: str, last_id: int) -> None:
    done = await connection.execute(_MOVE_WATERMARK, {"the_node": node, "last": last_id})
    if done.rowcount == 0:
        await connection.execute(insert(cel_watermark).values(node=node, last_id=last_id))


async def _legs_of(connection: AsyncConnection, call_id: str) -> list[CelLeg]:
    return [CelLeg.from_row(row) for row in (await connection.execute(_LEGS_OF, {"the_call": call_id})).all()]


async def _settle_leg(work: _Work, leg: CelLeg) -> None:
    """Charges an ended outside leg that we dialled; every other leg is only marked as dealt with."""
    connection = work.connection
    leg.settled = True
    if leg.role not in (Role.CUSTOMER.value, Role.THIRD.value) or leg.answered_at is None:
        return
    if leg.employee_id is not None:
        return  # a colleague's phone is not an outside leg
    holder = holder_of(leg.call_id, Role(leg.role))
    held = (await connection.execute(_PAYS, {"holder": holder})).first()
    if held is None:
        return  # inbound, or a mode that no package pays for
    seconds = rules.billable_seconds(leg.answered_at, leg.ended_at)
    wanted = rules.minutes_for(seconds, held.increment_seconds)
    lines, charged = await _charge(connection, held, holder, wanted)
    await book.post(
        connection,
        company_id=held.company_id,
        txn=f"settle:{leg.id}",
        entry=Entry.SETTLE,
        lines=lines,
        at=leg.ended_at or work.now,
        call_id=holder,
        leg_id=leg.id,
        seconds=seconds,
    )
    if charged < wanted:
        # Nothing may go below zero: what could not be charged stays visible on the call.
        await connection.execute(
            update(call).where(call.c.company_id == held.company_id, call.c.id == leg.call_id).values(flag=FLAG_OVERRUN)
        )


async def _charge(
    connection: AsyncConnection, held: Any, holder: str, wanted: int
) -> tuple[dict[book.Account, int], int]:
    """What a leg costs each package: first what is held, in the order in which it was taken, then what is left in the
    last one. The lines, and the minutes that they charge."""
    lines: dict[book.Account, int] = {}
    rest = wanted
    for part in await parts_of(connection, held.company_id, holder):
        amount = min(rest, part.minutes)
        rest -= amount
        if amount:
            lines[book.lot(part.package_id, Kind.RESERVED)] = -amount
            lines[book.used(part.package_id, held.employee_id)] = amount
    if rest:
        left = (await book.balances(connection, held.company_id, held.package_id)).available
        amount = min(rest, left)
        rest -= amount
        if amount:
            mine = book.used(held.package_id, held.employee_id)
            lines[book.lot(held.package_id, Kind.AVAILABLE)] = -amount
            lines[mine] = lines.get(mine, 0) + amount
    return lines, wanted - rest


async def _calls_of(connection: AsyncConnection, linkedid: str) -> set[str]:
    """The calls in a set of linked channels, all of which are gone."""
    return set((await connection.execute(_CALLS_OF, {"linked": linkedid})).scalars())


async def _finish(work: _Work, call_id: str) -> None:
    """Makes a call final once it is over; called whenever a leg of it has ended.

    Not when a linked set has ended: a leg that joins later (a browser that comes back) brings a set of its own, which
    ends as the two are merged, in the middle of the call.
    """
    legs = await _legs_of(work.connection, call_id)
    if not _over(legs):
        return
    flag = ""
    row = (await work.connection.execute(_CALL, {"the_call": call_id})).first()
    if row is None and await _found_call(work, call_id, legs) is not None:
        flag = FLAG_CEL_ONLY
        row = (await work.connection.execute(_CALL, {"the_call": call_id})).first()
    if row is not None:
        await _finish_call(work, call_id, row, legs, flag)


def _over(legs: list[CelLeg]) -> bool:
    """Whether the legs that may cost anything have ended; without such a leg, whether all have."""
    outside = [leg for leg in legs if leg.role in (Role.CUSTOMER.value, Role.THIRD.value, "")]
    return all(leg.ended_at is not None for leg in outside or legs)


async def _found_call(work: _Work, call_id: str, legs: list[CelLeg]) -> int | None:
    """Writes the log row of an inbound call that came and went while nobody was listening; its company."""
    entry = next((leg for leg in legs if leg.role == Role.CUSTOMER.value and leg.call_id == call_id), None)
    if entry is None or entry.started_at is None:
        return None
    number = normalise_or_raw(entry.exten, work.region)
    query = (
        select(inbound_number.c.company_id, inbound_number.c.group_id)
        .where(inbound_number.c.number == number)
        .execution_options(**EVERYWHERE)
    )
    owner = (await work.connection.execute(query)).first()
    if owner is None:
        return None
    agent = next((leg for leg in legs if leg.role == Role.AGENT.value and leg.bridged_at is not None), None)
    await work.connection.execute(
        insert(call).values(
            id=call_id,
            company_id=owner.company_id,
            direction=Direction.INBOUND.value,
            mode=Mode.DIRECT.value,
            source=Source.INBOUND.value,
            employee_id=agent.employee_id if agent else None,
            group_id=owner.group_id,
            number=normalise_or_raw(entry.caller_number, work.region),
            company_number=number,
            state=CallState.ENDED.value,
            started_at=entry.started_at,
        )
    )
    return int(owner.company_id)


async def _finish_call(work: _Work, call_id: str, row: Any, legs: list[CelLeg], flag: str) -> None:
    connection = work.connection
    company_id = row.company_id
    for role in (Role.CUSTOMER, Role.THIRD):
        await release_rest(connection, company_id, holder_of(call_id, role), work.now)
    if row.billing == "settled":
        return
    legs = [leg for leg in legs if leg.call_id == call_id]
    customers = [leg for leg in legs if leg.role == Role.CUSTOMER.value]
    talk = sum(rules.billable_seconds(_talks_from(row.direction, leg), leg.ended_at) for leg in customers)
    bridged = any(leg.bridged_at is not None for leg in customers)
    minutes = await _charged(connection, company_id, call_id)
    names = {"company": company_id, "the_call": call_id}
    values = {
        "to_billing": "settled",
        "to_talk_seconds": talk,
        "to_minutes_charged": minutes,
        "to_flag": row.flag or flag,
        "to_recording_state": "pending" if bridged and row.recording else "none",
    }
    await connection.execute(_SETTLED, names | values)
    if row.ended_at is None:
        end = _end_from_records(row.direction, legs, row.answered_at, work.now)
        await connection.execute(
            update(call).where(call.c.company_id == company_id, call.c.id == call_id).values(**end)
        )
    work.settled.append(Settled(call_id, company_id, row.employee_id, talk, minutes, found=row.ended_at is None))


def _talks_from(direction: str, leg: CelLeg) -> datetime | None:
    """When a customer's talk begins: a caller may be answered by music or by a voicemail long before an agent."""
    return leg.bridged_at if direction == Direction.INBOUND.value else leg.answered_at


def _end_from_records(
    direction: str, legs: list[CelLeg], answered: datetime | None, now: datetime
) -> dict[str, object]:
    """The end of a call that the engine did not see, from the channels' own records."""
    customer = [leg for leg in legs if leg.role == Role.CUSTOMER.value]
    agents = [leg for leg in legs if leg.role == Role.AGENT.value]
    bridged = [leg.bridged_at for leg in customer if leg.bridged_at is not None]
    answered = answered or (min(bridged) if bridged else None)
    ended = max((leg.ended_at for leg in legs if leg.ended_at is not None), default=now)
    first = min(
        (leg for leg in [*customer, *agents] if leg.ended_at), key=lambda leg: leg.ended_at or now, default=None
    )
    if answered is None:
        reason = _why_unanswered(direction, customer, agents)
    else:
        agent_first = first is not None and first.role == Role.AGENT.value
        reason = EndReason.AGENT_HUNG_UP if agent_first else EndReason.CUSTOMER_HUNG_UP
    return {
        "state": CallState.ENDED.value,
        "answered_at": answered,
        "ended_at": ended,
        "end_reason": reason.value,
        "disposition": disposition_of(reason, answered is not None).value,
    }


def _why_unanswered(direction: str, customer: list[CelLeg], agents: list[CelLeg]) -> EndReason:
    if direction == Direction.INBOUND.value and customer and customer[0].last_context:
        return left_reason(customer[0].last_context)
    return EndReason.ABANDONED if customer and not agents else EndReason.LOST


async def _charged(connection: AsyncConnection, company_id: int, call_id: str) -> int:
    names = {"company": company_id, "holders": list(holders_of(call_id))}
    return int((await connection.execute(_CHARGED, names)).scalar_one())
