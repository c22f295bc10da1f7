"""Agent states over time, and a supervisor's word on them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import select

from callcenter.domain.commands import ExtendWrapUp, ForceState
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AgentState
from callcenter.features.people.session_api import StateView
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import agent_state_log
from callcenter.store.tables.people import employee
from callcenter.web.kit import Body, Context, Query, Routes
from callcenter.web.lists import Named, aware
from callcenter.web.services import Services

routes = Routes("agents")

LONGEST = timedelta(days=31)
ROWS = 5000


class Period(Query):
    """RFC 3339; without a beginning the last 24 hours, at most 31 days."""

    date_from: datetime | None = msgspec.field(default=None, name="from")
    date_to: datetime | None = msgspec.field(default=None, name="to")


class Stretch(msgspec.Struct):
    """One state from `at` to `until` (None: it lasts); `seconds` only as far as it lies inside the period."""

    state: AgentState
    reason: str
    at: datetime
    until: datetime | None
    seconds: int
    by: Named | None
    """Who put the agent into it, when it was neither the agent nor the course of calls."""


class States(msgspec.Struct):
    items: list[Stretch]
    totals: dict[str, int]
    """Seconds in each state within the period."""


class Forced(Body, kw_only=True):
    state: Literal["ready", "not_ready", "logged_out"]
    reason: Annotated[str, msgspec.Meta(max_length=32)] = ""


class MoreTime(Body):
    seconds: Annotated[int, msgspec.Meta(ge=10, le=600)]


class WrapUp(msgspec.Struct):
    wrap_up_ends_at: datetime | None


@routes.add(
    "GET",
    "/api/me/states",
    permission="calls.dial",
    data="own",
    summary="My own states over time",
    query=Period,
    answers=States,
)
async def own_states(services: Services, context: Context) -> States:
    return await _states(services, context, context.me.employee_id)


@routes.add(
    "GET",
    "/api/employees/{id}/states",
    permission="employees.view",
    data="scoped",
    summary="An agent's states over time",
    query=Period,
    answers=States,
    errors=("not_found",),
)
async def states(services: Services, context: Context) -> States:
    return await _states(services, context, await _in_scope(services, context))


@routes.add(
    "POST",
    "/api/agents/{id}/state",
    permission="calls.supervise",
    data="scoped",
    summary="Put an agent into a state or log the agent out; the agent is told who did it",
    body=Forced,
    answers=StateView,
    errors=("not_found", "reason_unknown", "state_not_choosable", "not_logged_in"),
)
async def force(services: Services, context: Context) -> StateView:
    given: Forced = context.body
    agent_id = await _in_scope(services, context)
    me = context.me
    agent = await services.execute(
        ForceState(me.company_id, me.employee_id, agent_id, AgentState(given.state), given.reason)
    )
    await services.audit.add(
        me.company_id,
        me.employee_id,
        "agent.state_forced",
        str(agent_id),
        context.ip,
        state=given.state,
        reason=given.reason,
    )
    return StateView(agent.state.value, agent.reason, agent.since)


@routes.add(
    "POST",
    "/api/me/wrap-up",
    permission="calls.dial",
    data="own",
    summary="More time for after-call work, up to ten minutes in all",
    body=MoreTime,
    answers=WrapUp,
    errors=("no_wrap_up", "not_an_agent"),
)
async def extend(services: Services, context: Context) -> WrapUp:
    given: MoreTime = context.body
    agent = await services.execute(ExtendWrapUp(context.company_id, context.me.employee_id, given.seconds))
    return WrapUp(agent.wrap_up_ends_at)


async def _in_scope(services: Services, context: Context) -> int:
    """The employee a path names, of my company and in my scope; `not_found` otherwise."""
    wanted = int(context.params["id"])
    query = select(employee.c.id).where(employee.c.company_id == context.company_id, employee.c.id == wanted)
    async with services.database.read() as connection:
        known = (await connection.execute(query)).scalar()
    if known is None or not context.me.sees(wanted):
        raise Refusal("not_found")
    return wanted


async def _states(services: Services, context: Context, employee_id: int) -> States:
    wanted: Period = context.query
    end = min(aware(wanted.date_to), utcnow()) if wanted.date_to is not None else utcnow()
    start = aware(wanted.date_from) if wanted.date_from is not None else end - timedelta(days=1)
    if start > end or end - start > LONGEST:
        raise Refusal("invalid", reason="the period must end after it begins and last 31 days at most")
    log = agent_state_log
    mine = (log.c.company_id == context.company_id, log.c.employee_id == employee_id)
    columns = select(log, employee.c.name.label("by_name")).outerjoin(employee, employee.c.id == log.c.by_id)
    before = columns.where(*mine, log.c.at < start).order_by(log.c.at.desc(), log.c.id.desc()).limit(1)
    within = columns.where(*mine, log.c.at >= start, log.c.at < end).order_by(log.c.at, log.c.id).limit(ROWS)
    async with services.database.read() as connection:
        rows = [*(await connection.execute(before)).all(), *(await connection.execute(within)).all()]
    return _stretches(rows, start, end)


def _stretches(rows: list[Any], start: datetime, end: datetime) -> States:
    items: list[Stretch] = []
    totals: dict[str, int] = {}
    for index, row in enumerate(rows):
        until = rows[index + 1].at if index + 1 < len(rows) else None
        seconds = int(((until or end) - max(row.at, start)).total_seconds())
        by = Named(row.by_id, row.by_name or "") if row.by_id is not None else None
        items.append(Stretch(row.state, row.reason, row.at, until, seconds, by))
        totals[row.state] = totals.get(row.state, 0) + seconds
    return States(items, totals)
