"""Moves of a talking call: hold, consultation, transfer, three-way, supervision.

Each move is checked against what the call is now, sent to Asterisk, and shown when the events come back. Two moves of
one call wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, get_args
from weakref import WeakValueDictionary

from callcenter.ami.actions import play_dtmf
from callcenter.ami.errors import AmiError
from callcenter.domain import call_rules
from callcenter.domain.agents import Agent, employee_of
from callcenter.domain.calls import TALKING, Call, Leg
from callcenter.domain.commands import Consult, DropLeg, EndCall, Mute, Rejoin, SendDtmf, Steer, Supervise, Transfer
from callcenter.domain.destinations import WayOut
from callcenter.domain.gates import OUTSIDE_PHONE_MODES, GateClosed, inside
from callcenter.domain.numbers import BadNumber, normalise
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import CallMove, CallState, EndReason, Gate, Role
from callcenter.domain.trunks import Trunk
from callcenter.engine.core import Core
from callcenter.engine.metering import Metering
from callcenter.engine.moves.bridging import bridged
from callcenter.engine.moves.supervision import supervise
from callcenter.engine.outbound.ways_out import WaysOut
from callcenter.ledger.holds import holder_of
from callcenter.pbx import control as recipe
from callcenter.pbx.control import Actions

Move = Steer | Consult | Transfer | DropLeg | Supervise | SendDtmf | Mute | EndCall
MOVES: tuple[type[Move], ...] = get_args(Move)
DTMF = frozenset("0123456789*#ABCD")


class Parties:
    """The legs of a call by what they are doing; raises `move_not_possible` for one that is not there."""

    def __init__(self, call: Call) -> None:
        self.call = call

    @property
    def customer(self) -> Leg:
        return self._talking(Role.CUSTOMER)

    @property
    def agent(self) -> Leg:
        return self._talking(Role.AGENT)

    @property
    def third(self) -> Leg:
        return self._talking(Role.THIRD)

    @property
    def ringing_third(self) -> Leg | None:
        return next((leg for leg in self.call.alive(Role.THIRD) if leg.state not in TALKING), None)

    def _talking(self, role: Role) -> Leg:
        found = next((leg for leg in self.call.alive(role) if leg.state in TALKING), None)
        if found is None:
            raise Refusal("move_not_possible", missing=role.value)
        return found


class Control:
    def __init__(
        self,
        core: Core,
        metering: Metering,
        ways_out: WaysOut,
        *,
        trunk: Trunk,
        reserve_minutes: int,
        ring_seconds: int,
        agent_ring_seconds: int,
    ) -> None:
        self._core = core
        self._metering = metering
        self._ways_out = ways_out
        self._trunk = trunk
        self._region = trunk.region
        self._reserve_minutes = reserve_minutes
        self._ring_seconds = ring_seconds
        self._agent_ring_seconds = agent_ring_seconds
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        for kind in MOVES:
            core.bus.serve(kind, self.execute)

    def call_of(self, command: Move | Rejoin) -> Call:
        """The running call that a command names; raises `call_not_found`."""
        call = self._core.registry.calls.get(command.call_id)
        if call is None or call.company_id != command.company_id:
            raise Refusal("call_not_found")
        return call

    @contextlib.asynccontextmanager
    async def locked(self, call_id: str) -> AsyncIterator[None]:
        """Moves of one call happen one after the other."""
        lock = self._locks.get(call_id)
        if lock is None:
            lock = self._locks[call_id] = asyncio.Lock()
        async with lock:
            yield

    async def execute(self, command: Move) -> str | None:
        """Carries out one move; a supervisor's answers with the id of the supervisor's leg."""
        call = self.call_of(command)
        if isinstance(command, Steer | Consult | Transfer):
            _require_agent(call, command.employee_id)
            await bridged(call)
        async with self.locked(call.id):
            match command:
                case Steer():
                    await self.send(_moves(Parties(call), command.move))
                case Consult():
                    await self._consult(call, command)
                case Transfer():
                    await self._transfer(call, command)
                case DropLeg():
                    leg = call.legs.get(command.leg_id)
                    foreign = leg is not None and leg.role is Role.SUPERVISOR and leg.employee_id != command.employee_id
                    if leg is None or leg.over or not leg.channel or foreign:
                        raise Refusal("move_not_possible", missing="leg")
                    if leg.employee_id != command.employee_id:
                        _require_agent(call, command.employee_id)
                    await self.send(recipe.drop(leg.channel))
                case SendDtmf():
                    await self._digits(call, command.digits)
                case Mute():
                    await self._mute(call, command)
                case EndCall():
                    await self._end(call)
                case Supervise():
                    agent = Parties(call).agent
                    customer = next((leg for leg in call.alive(Role.CUSTOMER) if leg.state in TALKING), None)
                    return await supervise(self._core.registry, call, command, agent, customer, self.send)
        return None

    async def _digits(self, call: Call, digits: str) -> None:
        """Key presses for whoever the agent talks with: the third party while the customer waits."""
        if not digits or len(digits) > 32 or not set(digits.upper()) <= DTMF:
            raise Refusal("digits_invalid")
        customer = call.leg_of(Role.CUSTOMER)
        third = next((leg for leg in call.alive(Role.THIRD) if leg.state in TALKING), None)
        held = customer is not None and customer.place == "held"
        target = third if held and third is not None and third.place != "held" else customer
        if target is None or target.state not in TALKING or call.state not in (CallState.TALKING, CallState.HELD):
            raise Refusal("call_not_talking")
        if target.place == "held":
            raise Refusal("call_not_talking")
        for digit in digits.upper():
            await self.send([dict(play_dtmf(target.channel, digit))])

    async def _mute(self, call: Call, command: Mute) -> None:
        mine = [leg for leg in call.alive(Role.AGENT) if leg.employee_id == command.employee_id]
        leg = next((one for one in mine if one.state in TALKING), None)
        if leg is None:
            raise Refusal("move_not_possible", missing="agent")
        await self.send(recipe.mute(leg.channel, command.on))
        self._core.take(call, call_rules.mute(call, leg, command.on))
        await self._core.flush()

    async def _end(self, call: Call) -> None:
        """Everybody out, whoever is in the call; those who wait on hold too."""
        call.ending = EndReason.SUPERVISOR_HUNG_UP
        for leg in list(call.legs.values()):
            if not leg.over and leg.channel:
                with contextlib.suppress(Refusal):
                    await self.send(recipe.drop(leg.channel))

    # -- third parties -------------------------------------------------------------------------------------------------

    async def _consult(self, call: Call, command: Consult) -> None:
        parties = Parties(call)
        agent, customer = parties.agent, parties.customer
        if call.alive(Role.THIRD):
            raise Refusal("move_not_possible", missing="free_third")
        target, outside = self._target(command, command.number, command.colleague_id, call)
        await self._paid(
            call,
            outside,
            command.employee_id,
            lambda limit: self.send(
                recipe.consult(
                    agent.channel,
                    customer.channel,
                    target,
                    display_number=self._shown(call),
                    ring_seconds=self._patience(target),
                    limit_seconds=limit,
                    record=call.recorded,
                )
            ),
        )

    async def _transfer(self, call: Call, command: Transfer) -> None:
        parties = Parties(call)
        agent, customer = parties.agent, parties.customer
        if command.group_id is not None:
            group = self._core.directory.groups.get(command.group_id)
            if group is None or group.company_id != call.company_id:
                raise Refusal("group_unknown")
            target, outside = group.queue, ""
        else:
            target, outside = self._target(command, command.number, command.colleague_id, call)
        back = self._way_back(call, agent)
        await self._paid(
            call,
            outside,
            command.employee_id,
            lambda limit: self.send(
                recipe.blind_transfer(
                    customer.channel,
                    agent.channel,
                    target,
                    back,
                    display_number=self._shown(call),
                    shown_to_agent=call.number.lstrip("+") if call.number.lstrip("+").isdigit() else "",
                    ring_seconds=self._patience(target),
                    return_seconds=self._agent_ring_seconds,
                    limit_seconds=limit,
                )
            ),
        )

    def _patience(self, target: str) -> int:
        """Seconds a target may ring: a customer-like number longer than a colleague's phone."""
        return self._ring_seconds if target.lstrip("+").isdigit() else self._agent_ring_seconds

    def _target(
        self, command: Consult | Transfer, number: str, colleague_id: int | None, call: Call
    ) -> tuple[str, str]:
        """What to ring, behind the gates that hold for any dial: a colleague's endpoint and "", or a number as the
        trunk wants it and in E.164. The seat code of a colleague means the colleague, as on any telephone system."""
        if colleague_id is None:
            colleague_id = self._core.directory.at_extension(call.company_id, number, self._region)
        if colleague_id is not None:
            colleague = self._core.registry.agents.get(colleague_id)
            if colleague is None or colleague.company_id != call.company_id:
                raise Refusal("employee_unknown")
            self._require_free(colleague)
            return colleague.endpoint, ""
        try:
            wanted = normalise(number, self._region)
        except BadNumber as refusal:
            raise Refusal(Gate.NUMBER_INVALID.value, number=number, reason=refusal.fault.value) from None
        if (call.company_id, wanted) in self._core.directory.blacklist:
            raise Refusal(Gate.BLACKLISTED.value, number=number)
        closed = self._ways_out.closed(call.company_id, wanted, WayOut.BY_HAND)
        if closed is not None:
            raise Refusal(closed.value, number=number)
        rules = self._core.directory.companies[call.company_id]
        if not inside(rules.local_time(self._core.now()), rules.window):
            raise Refusal(Gate.OUTSIDE_DIAL_WINDOW.value)
        barred = self._core.directory.standing_gate(call.company_id, command.employee_id, self._core.now())
        barred = barred or self._core.directory.unbound_gate(call.company_id, command.employee_id)
        if barred is not None:
            raise Refusal(barred.value)
        return self._trunk.dialled(wanted), wanted

    def _require_free(self, colleague: Agent) -> None:
        if not colleague.phone_ready:
            raise Refusal("colleague_unreachable")
        if colleague.call_id is not None:
            raise Refusal("colleague_busy")

    async def _paid(
        self, call: Call, outside: str, employee_id: int, dial: Callable[[int | None], Awaitable[None]]
    ) -> None:
        """Dials: to `outside` (E.164) with minutes held and as one of the day's dials; colleagues and queues ("") are
        free. What is refused or never starts is no dial."""
        if not outside:
            await dial(None)
            return
        self._ways_out.left(call.company_id, outside)
        try:
            await self._held(call, employee_id, dial)
        except BaseException:
            self._ways_out.stayed(call.company_id, outside)
            raise

    async def _held(self, call: Call, employee_id: int, dial: Callable[[int | None], Awaitable[None]]) -> None:
        core, holder = self._core, holder_of(call.id, Role.THIRD)
        wanted = {"company_id": call.company_id, "call_id": holder}
        try:
            held = await core.packages.reserve(
                company_id=call.company_id,
                employee_id=employee_id,
                mode=call.mode,
                call_id=holder,
                minutes=self._reserve_minutes,
                now=core.now(),
            )
            if held.minutes < 1:
                more = await core.packages.extend(
                    company_id=call.company_id, call_id=holder, minutes=self._reserve_minutes, now=core.now()
                )
                if more is None:
                    raise GateClosed(Gate.MINUTES_USED_UP)
                held = more
        except GateClosed as refusal:
            raise Refusal(refusal.gate.value, **wanted) from None
        self._metering.dialled(holder)
        await dial(int(held.limit.total_seconds()))

    def _shown(self, call: Call) -> str:
        """The number of ours that the call shows or was called on, so that one call shows one number."""
        return self._trunk.shown(call.company_number)

    def _way_back(self, call: Call, agent: Leg) -> str:
        """Where a customer who is passed on in vain comes back to: the phone on which the agent had the call."""
        sender = self._core.registry.agents.get(agent.employee_id or 0)
        if sender is None:
            return ""
        if agent.channel.startswith("Local/"):
            return f"line-{sender.employee_id}"
        seat = self._core.directory.seats.get(sender.employee_id)
        if call.mode in OUTSIDE_PHONE_MODES and employee_of(agent.channel) is None and seat is not None:
            return self._trunk.dialled(seat.bound_phone)
        return sender.endpoint

    async def send(self, actions: Sequence[Mapping[str, Any]]) -> None:
        """In order, and no further than the first one that Asterisk refuses."""
        if self._core.pbx is None:
            raise Refusal("phones_unavailable")
        try:
            for action in actions:
                await self._send_one(action)
        except AmiError as error:
            code = "move_not_possible" if error.code == "refused" else "phones_unavailable"
            raise Refusal(code) from error

    async def _send_one(self, action: Mapping[str, Any]) -> None:
        """A refused `Redirect` moved nobody, so it may be sent again."""
        assert self._core.pbx is not None
        for pause in (0.05, 0.1, 0.2, None):
            try:
                await self._core.pbx.send(action)
                return
            except AmiError as error:
                if pause is None or action["Action"] != "Redirect" or not _still_moving(error):
                    raise
                await asyncio.sleep(pause)


def _still_moving(error: AmiError) -> bool:
    """Asterisk refuses to move a channel that has not yet left where it was sent from a moment ago."""
    return error.code == "refused" and "not up" in str(error)


def _require_agent(call: Call, employee_id: int) -> None:
    """Who is in the call as something else (consulted, listening) has no say over it."""
    roles = {leg.role for leg in call.legs.values() if leg.employee_id == employee_id and not leg.over}
    if roles and Role.AGENT not in roles:
        raise Refusal("move_not_possible", missing=Role.AGENT.value)


def _moves(parties: Parties, move: CallMove) -> Actions:
    customer, agent = parties.customer, parties.agent
    match move:
        case CallMove.HOLD:
            talking_third = any(leg.state in TALKING for leg in parties.call.alive(Role.THIRD))
            return recipe.hold(customer.channel, None if talking_third else agent.channel)
        case CallMove.RESUME if agent.phone_hold:
            raise Refusal("held_on_phone")
        case CallMove.RESUME:
            return recipe.resume(customer.channel, agent.channel)
        case CallMove.CANCEL:
            third = None if parties.ringing_third is not None else parties.third.channel
            return recipe.cancel(agent.channel, customer.channel, third)
        case CallMove.COMPLETE:
            return recipe.complete(customer.channel, parties.third.channel, agent.channel)
        case CallMove.SWAP:
            other = parties.third
            if customer.place == "held":
                return recipe.swap(agent.channel, customer.channel, other.channel)
            return recipe.swap(agent.channel, other.channel, customer.channel)
        case CallMove.CONFERENCE:
            return recipe.three_way(customer.channel, agent.channel, parties.third.channel)
