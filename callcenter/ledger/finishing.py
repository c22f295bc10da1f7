"""Makes calls final once Asterisk has recorded their end: what they still held goes back, the log row gets its charge.

For many calls with a handful of statements; a call that nobody but Asterisk saw gets its log row here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.clock import corrected_seconds
from callcenter.domain.endings import disposition_of
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.queues import left_reason
from callcenter.domain.terms import CallState, Direction, EndReason, Mode, Role, Source
from callcenter.ledger.book import Kind
from callcenter.ledger.charging import EVERYWHERE, OUTSIDE, Payers, give_back_rest
from callcenter.ledger.holds import holders_of
from callcenter.ledger.legs import CelLeg
from callcenter.store.among import among
from callcenter.store.many import Many, Row
from callcenter.store.tables.books import account, cel_leg, posting
from callcenter.store.tables.calls import call
from callcenter.store.tables.inbound import inbound_number
from callcenter.store.tables.people import company

FLAG_CEL_ONLY = "cel_only"

# Built once: building a statement costs ten times as much as running it.
# A caller who has not been answered yet is known by the id alone: no record since the first one named the part.
_LEGS_OF = select(cel_leg).where(
    or_(
        among(cel_leg.c.call_id, "the_calls"),
        among(cel_leg.c.id, "the_calls"),
    ),
    ~among(cel_leg.c.id, "known"),
)
_CALLS = (
    select(
        call.c.id,
        call.c.company_id,
        call.c.employee_id,
        call.c.direction,
        call.c.billing,
        call.c.flag,
        call.c.answered_at,
        call.c.ended_at,
        call.c.recording_state,
        company.c.recording,
    )
    .join(company, company.c.id == call.c.company_id)
    .where(among(call.c.id, "the_calls"))
    .execution_options(**EVERYWHERE)
)
_CHANGED = ("billing", "talk_seconds", "minutes_charged", "flag", "recording_state")
_SETTLED = Many(
    update(call)
    .where(call.c.company_id == bindparam("company"), call.c.id == bindparam("the_call"))
    .values({one: bindparam(f"to_{one}") for one in _CHANGED}),
    ["company", "the_call", *(f"to_{one}" for one in _CHANGED)],
)
_CHARGED = (
    select(posting.c.call_id, func.sum(posting.c.amount).label("minutes"))
    .join(account, account.c.id == posting.c.account_id)
    .where(among(posting.c.call_id, "holders"), account.c.kind == Kind.USED.value)
    .group_by(posting.c.call_id)
    .execution_options(**EVERYWHERE)
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
    """True when nobody but Asterisk had seen this call's end."""


async def legs_of(
    connection: AsyncConnection, call_ids: Collection[str], at_hand: Mapping[str, CelLeg]
) -> dict[str, list[CelLeg]]:
    """All recorded legs of those calls, those `at_hand` (by id) as they are and the others from the database."""
    found: dict[str, list[CelLeg]] = {one: [] for one in call_ids}
    stored = await connection.execute(_LEGS_OF, {"the_calls": call_ids, "known": at_hand})
    for leg in (*at_hand.values(), *(CelLeg.from_row(row) for row in stored.all())):
        # A caller who has not been answered yet is known by the id alone.
        for name in {leg.call_id, leg.id} & found.keys():
            found[name].append(leg)
    for legs in found.values():
        legs.sort(key=lambda leg: (leg.started_at is None, leg.started_at, leg.id))
    return found


async def finish(
    payers: Payers, call_ids: Collection[str], at_hand: Mapping[str, CelLeg], region: str, now: datetime
) -> list[Settled]:
    """Makes those of the calls final that are over; called whenever a leg of them has ended.

    Not when a linked set has ended: a leg that joins later (a browser that comes back) brings a set of its own, which
    ends as the two are merged, in the middle of the call.
    """
    connection = payers.connection
    legs = {one: found for one, found in (await legs_of(connection, call_ids, at_hand)).items() if over(found)}
    if not legs:
        return []
    rows = await _calls(connection, legs)
    missing = [one for one in legs if one not in rows]
    found = [one for one in missing if await _found_call(connection, one, legs[one], region)]
    if found:
        rows |= await _calls(connection, found)
    return await close(payers, rows, legs, now, {one: FLAG_CEL_ONLY for one in found})


def over(legs: Sequence[CelLeg]) -> bool:
    """Whether the legs that may cost anything have ended; without such a leg, whether all have."""
    outside = [leg for leg in legs if leg.role in OUTSIDE or not leg.role]
    return all(leg.ended_at is not None for leg in outside or legs)


async def close_one(
    payers: Payers, call_id: str, company_id: int, legs: Sequence[CelLeg], now: datetime, flag: str
) -> Settled | None:
    """Makes one call of that company final whose legs have been charged; None when it was final before."""
    rows = await _calls(payers.connection, [call_id])
    mine = {one: row for one, row in rows.items() if row.company_id == company_id}
    settled = await close(payers, mine, {call_id: legs}, now, {call_id: flag})
    return settled[0] if settled else None


async def close(
    payers: Payers,
    rows: Mapping[str, Any],
    legs: Mapping[str, Sequence[CelLeg]],
    now: datetime,
    flags: Mapping[str, str],
) -> list[Settled]:
    """Gives back what calls hold and writes their charge into the log; `rows` are their log rows by id."""
    await give_back_rest(payers, [holder for one in rows for holder in holders_of(one)], now)
    fresh = {one: rows[one] for one in sorted(rows) if rows[one].billing != "settled" or one in payers.charged}
    if not fresh:
        return []
    minutes = await _charged(payers.connection, fresh)
    settled: list[Settled] = []
    changes: list[Row] = []
    for call_id, row in fresh.items():
        mine = [leg for leg in legs[call_id] if leg.call_id == call_id]
        customers = [leg for leg in mine if leg.role == Role.CUSTOMER.value]
        talk = sum(corrected_seconds(_talks_from(row.direction, leg), leg.ended_at, payers.steps) for leg in customers)
        # Either witness is enough: what was recorded is looked for, and its loss told.
        talked = row.answered_at is not None or any(leg.bridged_at is not None for leg in customers)
        flag = row.flag or flags.get(call_id, "")
        result = ("settled", talk, minutes[call_id], flag, _recording_state(row, talked))
        changes.append((row.company_id, call_id, *result))
        if row.ended_at is None:
            await _end(payers.connection, row, mine, now)
        settled.append(
            Settled(call_id, row.company_id, row.employee_id, talk, minutes[call_id], found=row.ended_at is None)
        )
    await _SETTLED.run(payers.connection, changes)
    return settled


def _recording_state(row: Any, talked: bool) -> str:
    if row.billing == "settled" and row.recording_state != "none":
        return str(row.recording_state)  # what became of it since stays
    return "pending" if talked and row.recording else "none"


async def _calls(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, Any]:
    return {row.id: row for row in (await connection.execute(_CALLS, {"the_calls": call_ids})).all()}


async def _charged(connection: AsyncConnection, call_ids: Collection[str]) -> dict[str, int]:
    call_of = {holder: one for one in call_ids for holder in holders_of(one)}
    minutes: dict[str, int] = defaultdict(int)
    for row in (await connection.execute(_CHARGED, {"holders": call_of})).all():
        minutes[call_of[row.call_id]] += int(row.minutes)
    return minutes


async def _end(connection: AsyncConnection, row: Any, legs: Sequence[CelLeg], now: datetime) -> None:
    end = _end_from_records(row.direction, legs, row.answered_at, now)
    await connection.execute(update(call).where(call.c.company_id == row.company_id, call.c.id == row.id).values(**end))


async def _found_call(connection: AsyncConnection, call_id: str, legs: Sequence[CelLeg], region: str) -> bool:
    """Writes the log row of an inbound call that came and went while nobody was listening."""
    entry = next((leg for leg in legs if leg.role == Role.CUSTOMER.value and leg.call_id == call_id), None)
    if entry is None or entry.started_at is None:
        return False
    number = normalise_or_raw(entry.exten, region)
    query = (
        select(inbound_number.c.company_id, inbound_number.c.group_id)
        .where(inbound_number.c.number == number)
        .execution_options(**EVERYWHERE)
    )
    owner = (await connection.execute(query)).first()
    if owner is None:
        return False
    agent = next((leg for leg in legs if leg.role == Role.AGENT.value and leg.bridged_at is not None), None)
    await connection.execute(
        insert(call).values(
            id=call_id,
            company_id=owner.company_id,
            direction=Direction.INBOUND.value,
            mode=Mode.DIRECT.value,
            source=Source.INBOUND.value,
            employee_id=agent.employee_id if agent else None,
            group_id=owner.group_id,
            number=normalise_or_raw(entry.caller_number, region),
            company_number=number,
            state=CallState.ENDED.value,
            started_at=entry.started_at,
        )
    )
    return True


def _talks_from(direction: str, leg: CelLeg) -> datetime | None:
    """When a customer's talk begins: a caller may be answered by music or by a voicemail long before an agent."""
    return leg.bridged_at if direction == Direction.INBOUND.value else leg.answered_at


def _end_from_records(
    direction: str, legs: Sequence[CelLeg], answered: datetime | None, now: datetime
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
