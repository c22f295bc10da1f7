"""The call log as the API shows it: one row type, one query, used by lists, exports and timelines."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, not_, or_, select

from callcenter.domain import quality
from callcenter.domain.dial_tasks import seen
from callcenter.domain.numbers import display
from callcenter.domain.results import Mark, Result
from callcenter.domain.terms import Direction, Disposition, EndReason, LegOrder, Mode, Source
from callcenter.store import outcomes
from callcenter.store.call_conditions import is_missed, is_valid
from callcenter.store.searching import number_is_like
from callcenter.store.tables.calls import call, call_quality
from callcenter.store.tables.inbound import voicemail
from callcenter.store.tables.people import company, employee
from callcenter.store.tables.tasks import dial_task, dial_task_number
from callcenter.web.identity import Identity
from callcenter.web.kit import Id, Paging, ShortText
from callcenter.web.lists import Named, aware
from callcenter.web.ports import CustomerBrief
from callcenter.web.seen_numbers import number_hidden, searchable

SORTS = {
    "started_at": call.c.started_at,
    "talk_seconds": call.c.talk_seconds,
    "minutes_charged": call.c.minutes_charged,
}
Sort = Literal["started_at", "-started_at", "talk_seconds", "-talk_seconds", "minutes_charged", "-minutes_charged"]


class CallQuery(Paging, kw_only=True):
    """Filters of the call log; times are RFC 3339, `q` finds numbers, customer names and notes."""

    date_from: datetime | None = msgspec.field(default=None, name="from")
    date_to: datetime | None = msgspec.field(default=None, name="to")
    direction: Literal["inbound", "outbound"] | None = None
    mode: Mode | None = None
    disposition: Literal["ANSWERED", "NO ANSWER", "BUSY", "FAILED", "CONGESTION"] | None = None
    employee_id: Id | None = None
    customer_id: Id | None = None
    has_recording: bool | None = None
    result: Result | None = None
    mark: Literal["connected", "not_connected", "unmarked"] | None = None
    bad_quality: bool | None = None
    missed: bool | None = None
    """Callers whom nobody answered, whatever ended the waiting."""
    valid: bool | None = None
    """Calls that talked for at least as long as the company's threshold (SPEC §B4.2)."""
    q: ShortText = ""
    sort: Sort = "-started_at"


class RecordingView(msgspec.Struct):
    state: Literal["none", "pending", "ready", "failed"]
    duration: float | None


class MessageView(msgspec.Struct):
    """The message that the caller left; `duration` in seconds."""

    id: int
    duration: float | None
    heard: bool


class CallRow(msgspec.Struct):
    """One call with the columns of SPEC §B7.1 and its outcome."""

    id: str
    direction: Direction
    mode: Mode
    leg_order: LegOrder
    source: Source
    caller_number: str
    called_number: str
    company_number: str
    """The number of ours that the customer saw or called."""
    company_number_display: str
    caller_id_reason: str
    """Why it was shown: `bound`, `same_region`, `rotation`, `company`; empty for inbound calls."""
    number: str
    number_display: str
    number_masked: bool
    """The number is hidden from who asks until it was rung (SPEC §B9): it cannot be dialled by its digits."""
    employee: Named | None
    customer: CustomerBrief | None
    task: Named | None
    """The dial task whose number it dialled; also one that was deleted since."""
    company_name: str
    """The customer's company; of a number of a dial task that is nobody's customer yet, what its file says."""
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime | None
    ring_seconds: int
    talk_seconds: int
    disposition: Disposition | None
    end_reason: EndReason | None
    valid: bool
    """It talked for at least as long as the company's threshold for a valid call (SPEC §B4.2)."""
    minutes_charged: int
    recording: RecordingView
    voicemail: MessageView | None
    result: Result | None
    note: str | None
    flag: str
    mark: Mark | None
    mos: float | None
    """The worst line of the call (E-model, 1 to 4.4); None where nothing was measured."""


def base_query(company_id: int) -> Select[Any]:
    """Calls of a company with the names a row shows."""
    worst = (
        select(func.min(call_quality.c.mos))
        .where(call_quality.c.company_id == company_id, call_quality.c.call_id == call.c.id)
        .correlate(call)
        .scalar_subquery()
    )
    return (
        select(
            call,
            employee.c.name.label("employee_name"),
            dial_task_number.c.company.label("number_company"),
            is_valid(company.c.valid_call_seconds).label("valid"),
            outcomes.mark().label("said_mark"),
            outcomes.result().label("said_result"),
            worst.label("mos"),
            voicemail.c.id.label("voicemail_id"),
            voicemail.c.duration.label("voicemail_duration"),
            voicemail.c.heard_at.label("voicemail_heard_at"),
            dial_task.c.id.label("task_id"),
            dial_task.c.name.label("task_name"),
            number_hidden(company_id),
        )
        .join(company, company.c.id == call.c.company_id)
        .outerjoin(employee, employee.c.id == call.c.employee_id)
        .outerjoin(voicemail, voicemail.c.call_id == call.c.id)
        .outerjoin(dial_task_number, dial_task_number.c.id == call.c.task_number_id)
        .outerjoin(dial_task, dial_task.c.id == dial_task_number.c.task_id)
        .where(call.c.company_id == company_id)
    )


def in_scope(query: Select[Any], me: Identity) -> Select[Any]:
    """Only calls of employees whom the person may see."""
    seen_by_me = scope(me)
    return query if seen_by_me is None else query.where(seen_by_me)


def scope(me: Identity) -> ColumnElement[bool] | None:
    """The condition that keeps calls of employees whom the person may see; None: all of the company."""
    return None if me.visible is None else call.c.employee_id.in_(me.visible)


def filtered(
    query: Select[Any], me: Identity, wanted: CallQuery, customers: list[int], region: str = "CN"
) -> Select[Any]:
    """Applies the filters; `customers` are the ids whose names match `q`."""
    company_id = me.company_id
    conditions: list[Any] = []
    if wanted.date_from is not None:
        conditions.append(call.c.started_at >= aware(wanted.date_from))
    if wanted.date_to is not None:
        conditions.append(call.c.started_at < aware(wanted.date_to))
    for column, value in (
        (call.c.direction, wanted.direction),
        (call.c.mode, wanted.mode),
        (call.c.disposition, wanted.disposition),
        (call.c.employee_id, wanted.employee_id),
        (call.c.customer_id, wanted.customer_id),
        (outcomes.result(), wanted.result),
    ):
        if value is not None:
            conditions.append(column == value)
    if wanted.has_recording is not None:
        ready = call.c.recording_state == "ready"
        conditions.append(ready if wanted.has_recording else ~ready)
    if wanted.mark is not None:
        marked = outcomes.mark()
        conditions.append(marked.is_(None) if wanted.mark == "unmarked" else marked == wanted.mark)
    if wanted.bad_quality is not None:
        bad = call.c.id.in_(
            select(call_quality.c.call_id).where(
                call_quality.c.company_id == company_id, call_quality.c.mos < quality.BAD_MOS
            )
        )
        conditions.append(bad if wanted.bad_quality else ~bad)
    if wanted.missed is not None:
        conditions.append(is_missed() if wanted.missed else not_(is_missed()))
    if wanted.valid is not None:
        valid = is_valid(company.c.valid_call_seconds)
        conditions.append(valid if wanted.valid else not_(valid))
    text = wanted.q.strip()
    if text:
        noted = call.c.note.icontains(text, autoescape=True)
        dialled = and_(number_is_like(call.c.number, text, region), searchable(company_id, me))
        conditions.append(or_(dialled, call.c.customer_id.in_(customers), noted))
    return query.where(*conditions)


def ordered(query: Select[Any], sort: str) -> Select[Any]:
    column = SORTS[sort.removeprefix("-")]
    return query.order_by(column.desc() if sort.startswith("-") else column.asc(), call.c.id.desc())


def row_of(row: Any, customers: Mapping[int, CustomerBrief], *, main_account: bool) -> CallRow:
    """A row of `base_query` as somebody may see it; nothing is masked for the main account."""
    one = seen(row.number, hidden=bool(row.number_hidden), main_account=main_account)
    customer = customers.get(row.customer_id) if row.customer_id else None
    outbound = row.direction == Direction.OUTBOUND.value
    until = row.answered_at or row.ended_at
    ring = int((until - row.started_at).total_seconds()) if until else 0
    return CallRow(
        id=row.id,
        direction=row.direction,
        mode=row.mode,
        leg_order=row.leg_order,
        source=row.source,
        caller_number=row.company_number if outbound else one.number,
        called_number=one.number if outbound else row.company_number,
        company_number=row.company_number,
        company_number_display=display(row.company_number),
        caller_id_reason=row.caller_id_reason,
        number=one.number,
        number_display=one.display,
        number_masked=one.masked,
        employee=Named(row.employee_id, row.employee_name) if row.employee_id and row.employee_name else None,
        customer=customer,
        task=Named(row.task_id, row.task_name) if row.task_id else None,
        company_name=(customer.company_name if customer is not None else "") or row.number_company or "",
        started_at=row.started_at,
        answered_at=row.answered_at,
        ended_at=row.ended_at,
        ring_seconds=max(0, ring),
        talk_seconds=row.talk_seconds,
        disposition=row.disposition,
        end_reason=row.end_reason,
        valid=bool(row.valid),
        minutes_charged=row.minutes_charged,
        recording=RecordingView(row.recording_state, row.recording_duration),
        voicemail=MessageView(row.voicemail_id, row.voicemail_duration, row.voicemail_heard_at is not None)
        if row.voicemail_id
        else None,
        result=row.said_result,
        note=row.note,
        flag=row.flag,
        mark=row.said_mark,
        mos=row.mos,
    )
