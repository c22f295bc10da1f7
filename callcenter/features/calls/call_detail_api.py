"""One call in full: its legs, what it cost, how its lines were, and what was said beside the customer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import select

from callcenter.domain.packages import billable_seconds
from callcenter.domain.terms import Role
from callcenter.features.calls.call_rows import CallRow
from callcenter.features.calls.calls_api import readable_call, views_of
from callcenter.ledger import book
from callcenter.ledger.holds import holders_of
from callcenter.ledger.legs import CelLeg
from callcenter.store.tables.books import account, cel_leg, posting
from callcenter.store.tables.calls import call_quality, consult_recording, leg
from callcenter.store.tables.people import company
from callcenter.web.kit import Context, Routes
from callcenter.web.services import Services

routes = Routes("calls")

OVERLOOKED_SECONDS = 0.3
"""A recording begins and ends within a few frames of the talk."""


class LegView(msgspec.Struct):
    id: str
    role: str
    number: str
    state: str
    started_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    cause: int | None
    billable_seconds: int
    minutes: int


class ChargeView(msgspec.Struct):
    txn: str
    kind: str
    account: str
    minutes: int
    at: datetime


class LineQuality(msgspec.Struct):
    """How well a line was: `loss` from 0 to 1, milliseconds, opinion scores from 1 to 4.4."""

    measured_by: Literal["browser", "pbx"]
    leg_id: str
    loss: float
    jitter_ms: float
    round_trip_ms: float | None
    mos: float
    worst_mos: float


class ConsultView(msgspec.Struct):
    """A recording of agent and third party while the customer waited; `duration` in seconds."""

    id: int
    leg_id: str
    duration: float


class CallDetail(msgspec.Struct):
    call: CallRow
    legs: list[LegView]
    entries: list[ChargeView]
    quality: list[LineQuality]
    consultations: list[ConsultView]
    recording_missing: float | None
    """Seconds of the talk that the recording does not have, if they are more than anybody overlooks: Asterisk drops
    sound that the machine has no time to write."""


@routes.add(
    "GET",
    "/api/calls/{call_id}",
    permission="calls.view",
    data="scoped",
    summary="One call with its legs and what it cost",
    answers=CallDetail,
    errors=("not_found",),
)
async def detail(services: Services, context: Context) -> CallDetail:
    row = await readable_call(services, context)
    company_id, call_id = context.company_id, row.id
    async with services.database.read() as connection:
        legs = await connection.execute(
            select(leg)
            .where(leg.c.company_id == company_id, leg.c.call_id == call_id)
            .order_by(leg.c.started_at.nulls_first())
        )
        measured = await connection.execute(
            select(call_quality)
            .where(call_quality.c.company_id == company_id, call_quality.c.call_id == call_id)
            .order_by(call_quality.c.measured_by)
        )
        consultations = await connection.execute(
            select(consult_recording)
            .where(consult_recording.c.company_id == company_id, consult_recording.c.call_id == call_id)
            .order_by(consult_recording.c.id)
        )
        shown = select(company.c.supervision_shown).where(company.c.id == company_id)
        watched = bool((await connection.execute(shown)).scalar()) or context.me.may("live.view")
        records = await connection.execute(select(cel_leg).where(cel_leg.c.call_id == call_id))
        postings = await connection.execute(
            select(posting, account.c.kind.label("account"))
            .join(account, account.c.id == posting.c.account_id)
            .where(posting.c.company_id == company_id, posting.c.call_id.in_(holders_of(call_id)))
            .order_by(posting.c.id)
        )
        seen = {one.id: CelLeg.from_row(one) for one in records.all()}
        entries = [ChargeView(one.txn, one.kind, one.account, one.amount, one.at) for one in postings.all()]
        # Whoever is not told of being listened to is not told afterwards either.
        views = [
            _leg_view(one, seen.get(one.id), entries)
            for one in legs.all()
            if watched or one.role != Role.SUPERVISOR.value or one.employee_id == context.me.employee_id
        ]
        lines = [
            LineQuality(one.measured_by, one.leg_id, one.loss, one.jitter_ms, one.round_trip_ms, one.mos, one.worst_mos)
            for one in measured.all()
        ]
        heard = [ConsultView(one.id, one.leg_id, one.duration) for one in consultations.all()]
    call = (await views_of(services, context.me, [row]))[0]
    return CallDetail(call, views, entries, lines, heard, missing(call.recording.duration, call.answered_at, views))


def missing(duration: float | None, answered_at: datetime | None, legs: Sequence[LegView]) -> float | None:
    """Seconds by which a recording of `duration` is shorter than the talk; None when it is whole, or there is none."""
    customer = next((one for one in legs if one.role == Role.CUSTOMER.value), None)
    if duration is None or customer is None or answered_at is None:
        return None
    if customer.answered_at is None or customer.ended_at is None:
        return None
    # A caller whom music is played to is connected before anybody talks.
    talk = (customer.ended_at - max(customer.answered_at, answered_at)).total_seconds()
    short = round(talk - duration, 1)
    return short if short > OVERLOOKED_SECONDS else None


def _leg_view(row: Any, record: CelLeg | None, entries: list[ChargeView]) -> LegView:
    minutes = sum(
        entry.minutes for entry in entries if entry.txn == f"settle:{row.id}" and entry.account == book.Kind.USED.value
    )
    answered = record.answered_at if record else row.answered_at
    ended = record.ended_at if record else row.ended_at
    return LegView(
        id=row.id,
        role=row.role,
        number=row.number,
        state=row.state,
        started_at=row.started_at,
        answered_at=answered,
        ended_at=ended,
        cause=row.cause,
        billable_seconds=billable_seconds(answered, ended),
        minutes=minutes,
    )
