"""Turns Asterisk's records into charges, exactly once.

Each batch of CEL rows is one database transaction: legs are put together, ended legs are settled, finished calls give
back what they did not use, and the watermark moves. Either all of it happened or none of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.domain.endings import disposition_of
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.queues import left_reason
from callcenter.domain.terms import CallState, Direction, EndReason, Mode, Role, Source
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.cel import CelRow
from callcenter.ledger.legs import CelLeg, absorb, load_legs, save_legs
from callcenter.ledger.packages import holder_of, holders_of, release_rest, unspent
from callcenter.store.database import Database
from callcenter.store.tables import (
    account,
    call,
    cel_leg,
    cel_watermark,
    company,
    inbound_number,
    posting,
    reservation,
    voice_package,
)

EVERYWHERE = {"all_companies": True}
FLAG_OVERRUN = "overrun"
FLAG_CEL_ONLY = "cel_only"
FLAG_AMI_ONLY = "ami_only"


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
            finished: list[str] = []
            for row in fresh:
                absorb(legs, row, node)
                if row.event == "LINKEDID_END":
                    finished.append(row.linkedid)
            await save_legs(connection, legs.values())
            for leg in legs.values():
                if leg.ended_at is not None and not leg.settled:
                    await _settle_leg(work, leg)
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
            rows = await connection.execute(select(cel_leg).where(cel_leg.c.call_id == call_id))
            for row in rows.all():
                leg = CelLeg.from_row(row)
                if leg.ended_at is None:
                    leg.ended_at = max(until, leg.answered_at or until)
                    await save_legs(connection, [leg])
                if not leg.settled:
                    await _settle_leg(work, leg)
            await _finish_call(work, call_id, company_id, FLAG_AMI_ONLY)
            return work.settled[-1] if work.settled else None


async def _watermark(connection: AsyncConnection, node: str) -> int:
    query = select(cel_watermark.c.last_id).where(cel_watermark.c.node == node)
    return int((await connection.execute(query)).scalar() or 0)


async def _move_watermark(connection: AsyncConnection, node: str, last_id: int) -> None:
    done = await connection.execute(update(cel_watermark).where(cel_watermark.c.node == node).values(last_id=last_id))
    if done.rowcount == 0:
        await connection.execute(insert(cel_watermark).values(node=node, last_id=last_id))


async def _settle_leg(work: _Work, leg: CelLeg) -> None:
    """Charges an ended outside leg that we dialled; every other leg is only marked as dealt with."""
    connection = work.connection
    leg.settled = True
    await connection.execute(update(cel_leg).where(cel_leg.c.id == leg.id).values(settled=True))
    if leg.role not in (Role.CUSTOMER.value, Role.THIRD.value) or leg.answered_at is None:
        return
    if leg.employee_id is not None:
        return  # a colleague's phone is not an outside leg
    holder = holder_of(leg.call_id, Role(leg.role))
    query = (
        select(reservation.c.company_id, reservation.c.package_id, voice_package.c.increment_seconds)
        .join(voice_package, voice_package.c.id == reservation.c.package_id)
        .where(reservation.c.call_id == holder)
        .execution_options(**EVERYWHERE)
    )
    held = (await connection.execute(query)).first()
    if held is None:
        return  # inbound, or a mode that no package pays for
    seconds = rules.billable_seconds(leg.answered_at, leg.ended_at)
    wanted = rules.minutes_for(seconds, held.increment_seconds)
    reserved = await unspent(connection, held.company_id, holder)
    from_reserved = min(wanted, reserved)
    left = (await book.balances(connection, held.company_id, held.package_id)).available
    from_available = min(wanted - from_reserved, left)
    charged = from_reserved + from_available
    await book.post(
        connection,
        company_id=held.company_id,
        package_id=held.package_id,
        txn=f"settle:{leg.id}",
        entry=Entry.SETTLE,
        lines={Kind.RESERVED: -from_reserved, Kind.AVAILABLE: -from_available, Kind.USED: charged},
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


async def _calls_of(connection: AsyncConnection, linkedid: str) -> set[str]:
    """The calls in a set of linked channels, all of which are gone."""
    query = select(cel_leg.c.call_id).where(cel_leg.c.linkedid == linkedid, cel_leg.c.call_id != "")
    return set((await connection.execute(query)).scalars())


async def _finish(work: _Work, call_id: str) -> None:
    """Makes a call final once it is over; called whenever a leg of it has ended.

    Not when a linked set has ended: a leg that joins later (a browser that comes back) brings a set of its own, which
    ends as the two are merged, in the middle of the call.
    """
    # A caller who has not been answered yet is known by the id alone: no record since the first one named the part.
    query = select(cel_leg).where(or_(cel_leg.c.call_id == call_id, cel_leg.c.id == call_id))
    legs = [CelLeg.from_row(row) for row in (await work.connection.execute(query)).all()]
    if not _over(legs):
        return
    known = await work.connection.execute(
        select(call.c.company_id).where(call.c.id == call_id).execution_options(**EVERYWHERE)
    )
    company_id = known.scalar()
    flag = ""
    if company_id is None:
        company_id = await _found_call(work, call_id, legs)
        flag = FLAG_CEL_ONLY
    if company_id is not None:
        await _finish_call(work, call_id, company_id, flag)


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


async def _finish_call(work: _Work, call_id: str, company_id: int, flag: str) -> None:
    connection = work.connection
    for role in (Role.CUSTOMER, Role.THIRD):
        await release_rest(connection, company_id, holder_of(call_id, role), work.now)
    row = (await connection.execute(select(call).where(call.c.company_id == company_id, call.c.id == call_id))).one()
    if row.billing == "settled":
        return
    legs = [
        CelLeg.from_row(leg)
        for leg in (await connection.execute(select(cel_leg).where(cel_leg.c.call_id == call_id))).all()
    ]
    customers = [leg for leg in legs if leg.role == Role.CUSTOMER.value]
    talk = sum(rules.billable_seconds(_talks_from(row.direction, leg), leg.ended_at) for leg in customers)
    bridged = any(leg.bridged_at is not None for leg in customers)
    minutes = await _charged(connection, company_id, call_id)
    recorded = bridged and await _records(connection, company_id)
    values: dict[str, object] = {
        "billing": "settled",
        "talk_seconds": talk,
        "minutes_charged": minutes,
        "flag": row.flag or flag,
        "recording_state": "pending" if recorded else "none",
    }
    if row.ended_at is None:
        values |= _end_from_records(row.direction, legs, row.answered_at, work.now)
    await connection.execute(update(call).where(call.c.company_id == company_id, call.c.id == call_id).values(**values))
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
    query = (
        select(func.coalesce(func.sum(posting.c.minutes), 0))
        .join(account, account.c.id == posting.c.account_id)
        .where(
            posting.c.company_id == company_id,
            posting.c.call_id.in_(holders_of(call_id)),
            account.c.kind == Kind.USED.value,
        )
    )
    return int((await connection.execute(query)).scalar_one())


async def _records(connection: AsyncConnection, company_id: int) -> bool:
    query = select(company.c.recording).where(company.c.id == company_id)
    return bool((await connection.execute(query)).scalar())
