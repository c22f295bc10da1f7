"""Signing in and out, and everything about oneself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import select, update

from callcenter.domain import packages as rules
from callcenter.domain.agents import endpoint_of
from callcenter.domain.commands import ChooseDevice, ChooseState
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AgentState, Device
from callcenter.features.numbers.seats_api import SeatBrief, seats_of
from callcenter.features.packages.packages_api import PackageView, view_of
from callcenter.features.people.employees_api import RoleBrief
from callcenter.ledger.packages import Packages
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company, department, employee
from callcenter.web.access import Cause
from callcenter.web.auth import COOKIE, FOREIGN_ORIGIN, SESSION_LIFE, check_strength, session_token
from callcenter.web.kit import PUBLIC, SIGNED_IN, Body, Context, Routes, dump
from callcenter.web.lists import Named
from callcenter.web.peer import PEER
from callcenter.web.services import Services

routes = Routes("session")


class Credentials(Body):
    login: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    password: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    client: Literal["web", "phone"] = "web"
    """A browser gets a cookie; a phone client a token for `Authorization: Bearer`, and no cookie."""


class NewPassword(Body):
    old_password: Annotated[str, msgspec.Meta(max_length=200)]
    new_password: Annotated[str, msgspec.Meta(max_length=200)]


class NewDevice(Body):
    device: Literal["browser", "sip"]


class NewState(Body):
    state: Literal["ready", "not_ready", "logged_out"]
    reason: Annotated[str, msgspec.Meta(max_length=32)] = ""


class CompanyBrief(msgspec.Struct):
    """`valid_until`: from then on nobody of the company dials out; null: no end."""

    id: int
    name: str
    time_zone: str
    valid_until: datetime | None


class Me(msgspec.Struct):
    id: int
    login: str
    name: str
    role: RoleBrief
    permissions: list[str]
    scope: str
    company: CompanyBrief
    department: Named | None
    device: Device
    can_dial: bool
    extension: str
    seat: SeatBrief | None
    verification: str
    """Who is not `verified` takes calls and makes none (SPEC §B3.3)."""


class SessionView(msgspec.Struct):
    """Who asks; null: nobody is signed in."""

    me: Me | None


class SignedInView(Me, kw_only=True):
    """Me; a phone client's answer also holds its token (12 hours) and when that ends."""

    token: str | msgspec.UnsetType = msgspec.UNSET
    expires_at: datetime | msgspec.UnsetType = msgspec.UNSET


class StateView(msgspec.Struct):
    state: AgentState
    reason: str
    since: datetime | None


class Minutes(msgspec.Struct):
    minutes_left: int
    minutes_reserved: int
    days_left: int | None
    packages: list[PackageView]


@routes.add(
    "POST",
    "/api/session",
    permission=PUBLIC,
    data="none",
    summary="Sign in; sets the session cookie, or answers a bearer token to a phone client",
    body=Credentials,
    answers=SignedInView,
    errors=("bad_credentials", "too_many_attempts", "account_inactive", "bad_origin"),
    raw=True,
)
async def sign_in(services: Services, context: Context) -> web.Response:
    given: Credentials = context.body
    agent = context.request.headers.get("User-Agent", "")
    if given.client == "web" and context.request.get(FOREIGN_ORIGIN):
        raise Refusal("bad_origin")  # a token is of no use to a page that cannot read it; a cookie would be
    signed = await services.auth.sign_in(given.login, given.password, context.ip, agent, given.client)
    context.identity = await services.auth.identify(signed.token)
    await services.audit.add(
        signed.company_id, signed.employee_id, "session.sign_in", ip=context.ip, client=given.client
    )
    if context.me.may("calls.dial"):
        await _present(services, context)
    view = await _me(services, context)
    if given.client == "phone":
        known = {name: getattr(view, name) for name in view.__struct_fields__}
        answer = SignedInView(**known, token=signed.token, expires_at=signed.expires_at)
        return web.Response(body=dump(answer), content_type="application/json")
    response = web.Response(body=dump(view), content_type="application/json")
    response.set_cookie(
        COOKIE,
        signed.token,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="Strict",
        secure=context.request[PEER].secure or services.settings.public_origin.startswith("https://"),
        path="/",
    )
    return response


@routes.add(
    "GET",
    "/api/session",
    permission=PUBLIC,
    data="none",
    summary="Who is signed in here, if anybody: what a page asks first",
    answers=SessionView,
)
async def current(services: Services, context: Context) -> SessionView:
    """Nobody is an answer here, so that a browser does not write an error for a page that was only opened."""
    token = session_token(context.request)
    context.identity = await services.auth.identify(token) if token else None
    return SessionView(await _me(services, context) if context.identity is not None else None)


@routes.add("DELETE", "/api/session", permission=SIGNED_IN, data="own", summary="Sign out", status=204, raw=True)
async def sign_out(services: Services, context: Context) -> web.Response:
    if context.me.may("calls.dial"):
        command = ChooseState(context.company_id, context.me.employee_id, AgentState.LOGGED_OUT)
        await services.execute(command)
    await services.access.end(context.company_id, context.me.employee_id, Cause.SIGNED_OUT, context.me.session)
    response = web.Response(status=204)
    response.del_cookie(COOKIE, path="/")
    return response


@routes.add("GET", "/api/me", permission=SIGNED_IN, data="own", summary="Who I am and what I may do", answers=Me)
async def me(services: Services, context: Context) -> Me:
    return await _me(services, context)


@routes.add(
    "PUT",
    "/api/me/password",
    permission=SIGNED_IN,
    data="own",
    summary="Change my password; my other sessions end",
    body=NewPassword,
    status=204,
    errors=("bad_credentials", "password_weak", "too_many_attempts"),
)
async def change_password(services: Services, context: Context) -> None:
    given: NewPassword = context.body
    who = context.me
    where = (employee.c.company_id == who.company_id, employee.c.id == who.employee_id)
    await services.auth.confirm(who, given.old_password, context.ip)
    check_strength(given.new_password, who.login)
    hashed = await services.auth.hash(given.new_password)
    async with services.database.write() as connection:
        await connection.execute(update(employee).where(*where).values(password_hash=hashed))
    await services.access.end(who.company_id, who.employee_id, Cause.PASSWORD_CHANGED, who.session)
    await services.audit.add(who.company_id, who.employee_id, "password.changed", ip=context.ip)


@routes.add(
    "PUT",
    "/api/me/device",
    permission="calls.dial",
    data="own",
    summary="Choose the phone my calls ring on",
    body=NewDevice,
    answers=Me,
    errors=("call_running",),
)
async def change_device(services: Services, context: Context) -> Me:
    given: NewDevice = context.body
    who = context.me
    await services.execute(ChooseDevice(who.company_id, who.employee_id, Device(given.device)))
    return await _me(services, context)


@routes.add(
    "PUT",
    "/api/me/state",
    permission="calls.dial",
    data="own",
    summary="Choose my agent state",
    body=NewState,
    answers=StateView,
    errors=("reason_unknown", "state_not_choosable"),
)
async def change_state(services: Services, context: Context) -> StateView:
    given: NewState = context.body
    who = context.me
    command = ChooseState(who.company_id, who.employee_id, AgentState(given.state), given.reason)
    agent = await services.execute(command)
    return StateView(agent.state.value, agent.reason, agent.since)


@routes.add(
    "GET",
    "/api/me/minutes",
    permission="calls.dial",
    data="own",
    summary="My voice packages and the minutes left",
    answers=Minutes,
)
async def minutes(services: Services, context: Context) -> Minutes:
    who = context.me
    now = utcnow()
    lots = await services.port(Packages).lots(who.company_id, who.employee_id)
    valid = [lot for lot in lots if lot.starts_at <= now < lot.expires_at]
    left = sum(lot.minutes_left + lot.minutes_reserved for lot in valid)
    return Minutes(
        minutes_left=left,
        minutes_reserved=sum(lot.minutes_reserved for lot in valid),
        days_left=rules.days_left_at_pace(valid, now),
        packages=[view_of(lot, {who.employee_id: who.name}, now) for lot in lots],
    )


async def _present(services: Services, context: Context) -> None:
    """An agent who signs in is at the desk, but not yet ready for calls. A running state is left alone."""
    entity = services.live.agent_of(context.company_id, context.me.employee_id)
    if entity is not None and entity["state"] == AgentState.LOGGED_OUT.value:
        command = ChooseState(context.company_id, context.me.employee_id, AgentState.NOT_READY, "signed_in")
        try:
            await services.execute(command)
        except Refusal:
            return


async def _me(services: Services, context: Context) -> Me:
    who = context.me
    query = (
        select(
            employee.c.device,
            company.c.name,
            company.c.time_zone,
            company.c.valid_until,
            employee.c.verification,
            department.c.name.label("department"),
        )
        .join(company, company.c.id == employee.c.company_id)
        .outerjoin(department, department.c.id == employee.c.department_id)
        .where(employee.c.company_id == who.company_id, employee.c.id == who.employee_id)
    )
    async with services.database.read() as connection:
        row = (await connection.execute(query)).one()
        seats = await seats_of(connection, who.company_id, [who.employee_id])
    values: dict[str, Any] = {
        "id": who.employee_id,
        "login": who.login,
        "name": who.name,
        "role": RoleBrief(who.role, who.role_name_zh, who.role_name_en),
        "permissions": sorted(who.permissions),
        "scope": who.scope.value,
        "company": CompanyBrief(who.company_id, row.name, row.time_zone, row.valid_until),
        "department": Named(who.department_id, row.department) if who.department_id and row.department else None,
        "device": row.device,
        "can_dial": who.may("calls.dial"),
        "extension": endpoint_of(who.employee_id, Device(row.device)),
        "seat": seats.get(who.employee_id),
        "verification": row.verification,
    }
    return Me(**values)
