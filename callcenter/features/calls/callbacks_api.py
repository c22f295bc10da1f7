"""Callers who wait for a call of ours: those who asked to be called back (P-13), and those whom nobody took (P-18)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Select, func, select

from callcenter.domain.commands import CancelCallback
from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.features.inbound.groups_api import groups_in_scope
from callcenter.store.base import utcnow
from callcenter.store.missed import is_open, missed_calls, returned_by
from callcenter.store.tables.calls import call
from callcenter.store.tables.inbound import agent_group, callback_request
from callcenter.store.tables.people import employee
from callcenter.web.kit import Context, Id, Listing, Paging, Routes
from callcenter.web.lists import Named
from callcenter.web.ports import CustomerBrief
from callcenter.web.services import Services

routes = Routes("callbacks")

OPEN = ("waiting", "dialling")


class CallbackQuery(Paging, kw_only=True):
    """`open` are those that wait or are being dialled."""

    state: Literal["open", "done", "failed", "cancelled"] = "open"
    group_id: Id | None = None


class CallbackView(msgspec.Struct):
    """`queued_at` is when the caller joined the line: the place that is kept. `employee` is who called last."""

    id: int
    group: Named | None
    number: str
    number_display: str
    customer: CustomerBrief | None
    queued_at: datetime
    state: str
    attempts: int
    next_try_at: datetime | None
    employee: Named | None
    last_call_id: str | None
    ended_at: datetime | None


class MissedQuery(Paging, kw_only=True):
    """`open`: nobody has called since; `returned`: somebody has."""

    state: Literal["open", "returned"] = "open"
    group_id: Id | None = None


class MissedView(msgspec.Struct):
    """The latest missed call of one caller; `times` counts those since anybody last talked or called."""

    call_id: str
    group: Named | None
    number: str
    number_display: str
    customer: CustomerBrief | None
    at: datetime
    times: int
    waited_seconds: int
    end_reason: str | None
    returned_by: Named | None
    returned_at: datetime | None
    reached: bool


@routes.add(
    "GET",
    "/api/callbacks",
    permission="calls.view",
    data="scoped",
    summary="Callers who asked to be called back, of the groups in my scope, in their order",
    query=CallbackQuery,
    answers=Listing[CallbackView],
)
async def callbacks(services: Services, context: Context) -> Listing[CallbackView]:
    wanted: CallbackQuery = context.query
    states = OPEN if wanted.state == "open" else (wanted.state,)
    query = _requests(context).where(callback_request.c.state.in_(states))
    if wanted.group_id is not None:
        query = query.where(callback_request.c.group_id == wanted.group_id)
    order = callback_request.c.queued_at.asc() if wanted.state == "open" else callback_request.c.ended_at.desc()
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        page = query.order_by(order, callback_request.c.id).limit(wanted.page_size).offset(wanted.offset)
        rows = (await connection.execute(page)).all()
    customers = await _customers(services, context, rows)
    return Listing([_request_view(services, row, customers) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "DELETE",
    "/api/callbacks/{id}",
    permission="calls.control",
    data="scoped",
    summary="The caller need not be called back any more",
    status=204,
    errors=("not_found", "callback_over", "callback_running"),
)
async def cancel(services: Services, context: Context) -> None:
    request_id = context.params["id"]
    async with services.database.read() as connection:
        row = (await connection.execute(_requests(context).where(callback_request.c.id == request_id))).first()
    if row is None:
        raise Refusal("not_found")
    await services.execute(CancelCallback(context.company_id, context.me.employee_id, request_id))
    await services.audit.add(
        context.company_id, context.me.employee_id, "callback.cancelled", str(request_id), context.ip
    )


@routes.add(
    "GET",
    "/api/missed-calls",
    permission="calls.view",
    data="scoped",
    summary="Callers whom nobody took, once each, of the groups in my scope and of the last 30 days",
    query=MissedQuery,
    answers=Listing[MissedView],
)
async def missed(services: Services, context: Context) -> Listing[MissedView]:
    wanted: MissedQuery = context.query
    me = context.me
    condition = is_open(me.company_id)
    query = missed_calls(me.company_id, utcnow()).where(condition if wanted.state == "open" else ~condition)
    scope = groups_in_scope(me)
    if scope is not None:
        query = query.where(call.c.group_id.in_(scope))
    if wanted.group_id is not None:
        query = query.where(call.c.group_id == wanted.group_id)
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        shown = query.add_columns(_times(me.company_id), _returning(me.company_id))
        page = shown.order_by(call.c.started_at.desc(), call.c.id).limit(wanted.page_size).offset(wanted.offset)
        rows = (await connection.execute(page)).all()
        named = await _names(connection, me.company_id, rows)
        returns = await _returns(connection, me.company_id, [row.return_id for row in rows if row.return_id])
    customers = await _customers(services, context, rows)
    views = [_missed_view(services, row, named, returns, customers) for row in rows]
    return Listing(views, total, wanted.page, wanted.page_size)


# -- inside --------------------------------------------------------------------------------------------------------


def _requests(context: Context) -> Select[Any]:
    me = context.me
    query = (
        select(callback_request, agent_group.c.name.label("group_name"), employee.c.name.label("employee_name"))
        .outerjoin(agent_group, agent_group.c.id == callback_request.c.group_id)
        .outerjoin(employee, employee.c.id == callback_request.c.employee_id)
        .where(callback_request.c.company_id == me.company_id)
    )
    scope = groups_in_scope(me)
    return query if scope is None else query.where(callback_request.c.group_id.in_(scope))


def _request_view(services: Services, row: Any, customers: Any) -> CallbackView:
    return CallbackView(
        id=row.id,
        group=Named(row.group_id, row.group_name) if row.group_name else None,
        number=row.number,
        number_display=display(row.number, services.settings.default_region),
        customer=customers.get(row.customer_id),
        queued_at=row.queued_at,
        state=row.state,
        attempts=row.attempts,
        next_try_at=row.next_try_at if row.state == "waiting" else None,
        employee=Named(row.employee_id, row.employee_name) if row.employee_name else None,
        last_call_id=row.last_call_id,
        ended_at=row.ended_at,
    )


def _times(company_id: int) -> Any:
    """How often the caller was missed since we last called or talked."""
    tries, between = call.alias("tries"), call.alias("between")
    answered_between = (
        select(between.c.id)
        .where(
            between.c.company_id == company_id,
            between.c.number == tries.c.number,
            between.c.started_at > tries.c.started_at,
            between.c.started_at < call.c.started_at,
            (between.c.direction == "outbound") | between.c.answered_at.is_not(None),
        )
        .exists()
    )
    return (
        select(func.count())
        .select_from(tries)
        .where(
            tries.c.company_id == company_id,
            tries.c.number == call.c.number,
            tries.c.group_id == call.c.group_id,
            tries.c.direction == "inbound",
            tries.c.answered_at.is_(None),
            tries.c.started_at <= call.c.started_at,
            ~answered_between,
        )
        .correlate(call)
        .scalar_subquery()
        .label("times")
    )


def _returning(company_id: int) -> Any:
    """The first call that returned the missed one."""
    later = call.alias("later")
    return (
        select(later.c.id)
        .where(returned_by(company_id, later))
        .order_by(later.c.started_at)
        .limit(1)
        .correlate(call)
        .scalar_subquery()
        .label("return_id")
    )


async def _names(connection: Any, company_id: int, rows: Any) -> dict[int, str]:
    query = select(agent_group.c.id, agent_group.c.name).where(
        agent_group.c.company_id == company_id, agent_group.c.id.in_({row.group_id for row in rows})
    )
    return {row.id: row.name for row in (await connection.execute(query)).all()}


async def _returns(connection: Any, company_id: int, ids: list[str]) -> dict[str, Any]:
    query = (
        select(call.c.id, call.c.started_at, call.c.answered_at, call.c.employee_id, employee.c.name)
        .outerjoin(employee, employee.c.id == call.c.employee_id)
        .where(call.c.company_id == company_id, call.c.id.in_(ids))
    )
    return {row.id: row for row in (await connection.execute(query)).all()} if ids else {}


def _missed_view(
    services: Services, row: Any, named: dict[int, str], returns: dict[str, Any], customers: Any
) -> MissedView:
    back = returns.get(row.return_id or "")
    return MissedView(
        call_id=row.id,
        group=Named(row.group_id, named[row.group_id]) if row.group_id in named else None,
        number=row.number,
        number_display=display(row.number, services.settings.default_region),
        customer=customers.get(row.customer_id),
        at=row.started_at,
        times=row.times,
        waited_seconds=max(0, int((row.ended_at - (row.queued_at or row.started_at)).total_seconds())),
        end_reason=row.end_reason,
        returned_by=Named(back.employee_id, back.name) if back is not None and back.name else None,
        returned_at=back.started_at if back is not None else None,
        reached=back is not None and back.answered_at is not None,
    )


async def _customers(services: Services, context: Context, rows: Any) -> Any:
    ids = [row.customer_id for row in rows if row.customer_id]
    return await services.customers.briefs(context.company_id, ids) if ids else {}
