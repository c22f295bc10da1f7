"""Moves of a talking call: hold, consultation, transfer, three-way, supervision.

Each move is checked against what the call is now, sent to Asterisk, and shown when the events come back. Two moves of
one call wait for each other.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from callcenter.ami.errors import AmiError
from callcenter.domain.agents import Agent
from callcenter.domain.calls import TALKING, Call, Leg
from callcenter.domain.commands import CommandRefused, Consult, DropLeg, Steer, Supervise, Transfer
from callcenter.domain.gates import inside
from callcenter.domain.numbers import BadNumber, dialable, normalise
from callcenter.domain.terms import CallMove, Gate, Role, SupervisorMode
from callcenter.engine.core import Core
from callcenter.engine.metering import Metering
from callcenter.ledger.packages import Refused, holder_of
from callcenter.pbx import control as recipe
from callcenter.pbx.control import Actions


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
            raise CommandRefused("move_not_possible", missing=role.value)
        return found


class Control:
    def __init__(
        self,
        core: Core,
        metering: Metering,
        *,
        region: str,
        reserve_minutes: int,
        ring_seconds: int,
        agent_ring_seconds: int,
    ) -> None:
        self._core = core
        self._metering = metering
        self._region = region
        self._reserve_minutes = reserve_minutes
        self._ring_seconds = ring_seconds
        self._agent_ring_seconds = agent_ring_seconds
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def execute(self, command: Steer | Consult | Transfer | DropLeg | Supervise) -> str | None:
        """Carries out one move; a supervisor's answers with the id of the supervisor's leg."""
        call = self._core.registry.calls.get(command.call_id)
        if call is None or call.company_id != command.company_id:
            raise CommandRefused("call_not_found")
        lock = self._locks.get(call.id)
        if lock is None:
            lock = self._locks[call.id] = asyncio.Lock()
        async with lock:
            match command:
                case Steer():
                    await self._send(_moves(Parties(call), command.move))
                case Consult():
                    await self._consult(call, command)
                case Transfer():
                    await self._transfer(call, command)
                case DropLeg():
                    leg = call.legs.get(command.leg_id)
                    if leg is None or leg.over or not leg.channel:
                        raise CommandRefused("move_not_possible", missing="leg")
                    await self._send(recipe.drop(leg.channel))
                case Supervise():
                    return await self._supervise(call, command)
        return None

    # -- third parties -------------------------------------------------------------------------------------------------

    async def _consult(self, call: Call, command: Consult) -> None:
        parties = Parties(call)
        agent, customer = parties.agent, parties.customer
        if call.alive(Role.THIRD):
            raise CommandRefused("move_not_possible", missing="free_third")
        target = self._target(command, command.number, command.colleague_id, call)
        await self._paid(
            call,
            target,
            command.employee_id,
            lambda limit: self._send(
                recipe.consult(
                    agent.channel,
                    customer.channel,
                    target,
                    display_number=self._shown(call),
                    ring_seconds=self._patience(target),
                    limit_seconds=limit,
                )
            ),
        )

    async def _transfer(self, call: Call, command: Transfer) -> None:
        parties = Parties(call)
        agent, customer = parties.agent, parties.customer
        if command.group_id is not None:
            group = self._core.directory.groups.get(command.group_id)
            if group is None or group.company_id != call.company_id:
                raise CommandRefused("group_unknown")
            target = group.queue
        else:
            target = self._target(command, command.number, command.colleague_id, call)
        sender = self._core.registry.agents.get(agent.employee_id or 0)
        await self._paid(
            call,
            target,
            command.employee_id,
            lambda limit: self._send(
                recipe.blind_transfer(
                    customer.channel,
                    agent.channel,
                    target,
                    sender.endpoint if sender is not None else "",
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

    def _target(self, command: Consult | Transfer, number: str, colleague_id: int | None, call: Call) -> str:
        """A colleague's endpoint or a number to dial, behind the gates that hold for any dial."""
        if colleague_id is not None:
            colleague = self._core.registry.agents.get(colleague_id)
            if colleague is None or colleague.company_id != call.company_id:
                raise CommandRefused("employee_unknown")
            self._require_free(colleague)
            return colleague.endpoint
        try:
            wanted = normalise(number, self._region)
        except BadNumber:
            raise CommandRefused(Gate.NUMBER_INVALID.value, number=number) from None
        if (call.company_id, wanted) in self._core.directory.blacklist:
            raise CommandRefused(Gate.BLACKLISTED.value, number=number)
        rules = self._core.directory.companies[call.company_id]
        if not inside(rules.local_time(self._core.now()), rules.window):
            raise CommandRefused(Gate.OUTSIDE_DIAL_WINDOW.value)
        return dialable(wanted, self._region)

    def _require_free(self, colleague: Agent) -> None:
        if not colleague.phone_ready:
            raise CommandRefused("colleague_unreachable")
        if colleague.call_id is not None:
            raise CommandRefused("colleague_busy")

    async def _paid(
        self, call: Call, target: str, employee_id: int, dial: Callable[[int | None], Awaitable[None]]
    ) -> None:
        """Holds minutes before an outside leg is dialled; colleagues and queues cost nothing."""
        if not target.lstrip("+").isdigit():
            await dial(None)
            return
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
                    raise Refused(Gate.MINUTES_USED_UP)
                held = more
        except Refused as refusal:
            raise CommandRefused(refusal.gate.value, **wanted) from None
        self._metering.dialled(holder)
        await dial(int(held.limit.total_seconds()))

    def _shown(self, call: Call) -> str:
        return self._core.directory.companies[call.company_id].display_number

    # -- supervision -----------------------------------------------------------------------------------------------

    async def _supervise(self, call: Call, command: Supervise) -> str:
        boss = self._core.registry.agents.get(command.employee_id)
        if boss is None or not boss.phone_ready:
            raise CommandRefused(Gate.PHONE_NOT_REGISTERED.value)
        parties = Parties(call)
        mine = next((leg for leg in call.alive(Role.SUPERVISOR) if leg.employee_id == boss.employee_id), None)
        if command.mode is SupervisorMode.TAKE_OVER:
            if mine is None or mine.state not in TALKING:
                raise CommandRefused("move_not_possible", missing="supervisor")
            await self._send(recipe.take_over(mine.channel, parties.customer.channel, parties.agent.channel))
            return mine.id
        if mine is not None:
            await self._send(recipe.change_mode(mine.channel, command.mode.value))
            return mine.id
        if boss.call_id is not None or any(True for _ in self._core.registry.calls_of(boss.employee_id)):
            raise CommandRefused(Gate.ALREADY_DIALLING.value)
        leg_id = f"{call.id[:40]}-s{secrets.token_hex(4)}"
        await self._send(
            recipe.supervise(
                command.mode.value,
                call_id=call.id,
                channel_id=leg_id,
                supervisor_phone=f"PJSIP/{boss.endpoint}",
                agent_channel=parties.agent.channel,
            )
        )
        return leg_id

    async def _send(self, actions: Actions) -> None:
        """In order, and no further than the first one that Asterisk refuses."""
        if self._core.pbx is None:
            raise CommandRefused("phones_unavailable")
        try:
            for action in actions:
                await self._core.pbx.send(action)
        except AmiError as error:
            code = "move_not_possible" if error.code == "refused" else "phones_unavailable"
            raise CommandRefused(code) from error


def _moves(parties: Parties, move: CallMove) -> Actions:
    customer, agent = parties.customer, parties.agent
    match move:
        case CallMove.HOLD:
            talking_third = any(leg.state in TALKING for leg in parties.call.alive(Role.THIRD))
            return recipe.hold(customer.channel, None if talking_third else agent.channel)
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
