"""Moves of a running call: hold, consult, transfer, three-way, supervision."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from callcenter.domain.commands import Consult, DropLeg, Mute, Rejoin, Steer, Supervise, Transfer
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import CallMove, SupervisorMode
from callcenter.features.calls.calls_api import Dialled, running_call
from callcenter.web.kit import Body, Context, Id, Routes
from callcenter.web.services import Services

routes = Routes("calls")

MOVE_ERRORS = ("call_not_found", "move_not_possible", "phones_unavailable")
TARGET_ERRORS = (
    *MOVE_ERRORS,
    "number_invalid",
    "blacklisted",
    "destination_closed",
    "emergency_by_hand",
    "day_limit_reached",
    "number_limit_reached",
    "outside_dial_window",
    "company_expired",
    "company_unverified",
    "script_not_approved",
    "dialling_suspended",
    "not_verified",
    "balance_negative",
    "no_package",
    "minutes_used_up",
    "employee_unknown",
    "colleague_unreachable",
    "colleague_busy",
    "target_invalid",
)
Number = Annotated[str, msgspec.Meta(max_length=64)]


class Move(Body):
    move: Literal["hold", "resume", "cancel", "complete", "swap", "conference"]


class Third(Body, kw_only=True):
    """Exactly one of the two."""

    number: Number = ""
    """A telephone number, or the seat code of a colleague."""
    employee_id: Id | None = None


class Target(Body, kw_only=True):
    """Exactly one of the three."""

    number: Number = ""
    """A telephone number, or the seat code of a colleague."""
    employee_id: Id | None = None
    group_id: Id | None = None


class MuteBody(Body):
    on: bool


class SuperviseMode(Body):
    mode: Literal["listen", "whisper", "barge", "take_over"]


@routes.add(
    "POST",
    "/api/calls/{call_id}/move",
    permission="calls.control",
    data="own",
    summary="Hold, resume, cancel or complete a consultation, swap, three-way",
    body=Move,
    status=202,
    answers=Dialled,
    errors=(*MOVE_ERRORS, "held_on_phone"),
)
async def move(services: Services, context: Context) -> Dialled:
    given: Move = context.body
    call_id = await running_call(services, context, own=True)
    await services.execute(Steer(context.company_id, context.me.employee_id, call_id, CallMove(given.move)))
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/mute",
    permission="calls.control",
    data="own",
    summary="Mute or unmute my own leg, on any phone",
    body=MuteBody,
    status=202,
    answers=Dialled,
    errors=MOVE_ERRORS,
)
async def mute(services: Services, context: Context) -> Dialled:
    given: MuteBody = context.body
    call_id = await running_call(services, context, own=True)
    await services.execute(Mute(context.company_id, context.me.employee_id, call_id, given.on))
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/rejoin",
    permission="calls.dial",
    data="own",
    summary="Give me my running call back on this browser, whose page was loaded anew",
    status=202,
    answers=Dialled,
    errors=(*MOVE_ERRORS, "phone_not_registered"),
)
async def rejoin(services: Services, context: Context) -> Dialled:
    call_id = await running_call(services, context, own=True)
    await services.execute(Rejoin(context.company_id, context.me.employee_id, call_id))
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/consult",
    permission="calls.control",
    data="own",
    summary="Ask a third party while the customer hears music",
    body=Third,
    status=202,
    answers=Dialled,
    errors=TARGET_ERRORS,
)
async def consult(services: Services, context: Context) -> Dialled:
    given: Third = context.body
    call_id = await running_call(services, context, own=True)
    _exactly_one(given.number, given.employee_id)
    who = context.me.employee_id
    await services.execute(Consult(context.company_id, who, call_id, given.number, given.employee_id))
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/transfer",
    permission="calls.control",
    data="own",
    summary="Pass the customer on at once; unanswered, the call comes back",
    body=Target,
    status=202,
    answers=Dialled,
    errors=(*TARGET_ERRORS, "group_unknown"),
)
async def transfer(services: Services, context: Context) -> Dialled:
    given: Target = context.body
    call_id = await running_call(services, context, own=True)
    _exactly_one(given.number, given.employee_id, given.group_id)
    who = context.me.employee_id
    await services.execute(Transfer(context.company_id, who, call_id, given.number, given.employee_id, given.group_id))
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/legs/{leg}/drop",
    permission="calls.control",
    data="own",
    summary="End one leg; the others go on",
    status=202,
    answers=Dialled,
    errors=MOVE_ERRORS,
)
async def drop(services: Services, context: Context) -> Dialled:
    call_id = await running_call(services, context, own=True)
    leg_id = str(context.params["leg"])
    await services.execute(DropLeg(context.company_id, context.me.employee_id, call_id, leg_id))
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/supervise",
    permission="calls.supervise",
    data="scoped",
    summary="Listen, whisper, barge in or take over, on my own phone; every use is audited",
    body=SuperviseMode,
    status=202,
    answers=Dialled,
    errors=(*MOVE_ERRORS, "phone_not_registered", "already_dialling"),
)
async def supervise(services: Services, context: Context) -> Dialled:
    given: SuperviseMode = context.body
    call_id = await running_call(services, context)
    me = context.me
    await services.audit.add(me.company_id, me.employee_id, f"call.{given.mode}", call_id, context.ip)
    await services.execute(Supervise(me.company_id, me.employee_id, call_id, SupervisorMode(given.mode)))
    return Dialled(call_id)


def _exactly_one(*given: object) -> None:
    if sum(1 for one in given if one) != 1:
        raise Refusal("target_invalid")
