"""Carries out what people ask for: gates first, then minutes, then Asterisk."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import insert, select, update

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.ami.parse import ORIGINATE_ID
from callcenter.domain import agents as agent_rules
from callcenter.domain import calls as call_rules
from callcenter.domain.agents import NOT_READY_REASONS, Agent
from callcenter.domain.calls import Call
from callcenter.domain.commands import (
    ChooseDevice,
    ChooseState,
    Command,
    CommandRefused,
    Dial,
    FinishWrapUp,
    HangUp,
    SendDtmf,
)
from callcenter.domain.events import LinkState
from callcenter.domain.gates import DialFacts, first_closed_gate
from callcenter.domain.numbers import BadNumber, dialable, normalise
from callcenter.domain.terms import AgentState, CallState, Direction, EndReason, Gate, Role
from callcenter.engine.core import Core
from callcenter.engine.ports import Caller
from callcenter.ledger.packages import Refused
from callcenter.pbx.actions import dial_out_action
from callcenter.store.tables import audit, command_key

log = logging.getLogger(__name__)

DTMF = frozenset("0123456789*#ABCD")


class Commands:
    def __init__(self, core: Core, *, region: str, reserve_minutes: int, ring_seconds: int, agent_ring_seconds: int):
        self._core = core
        self._region = region
        self._reserve_minutes = reserve_minutes
        self._ring_seconds = ring_seconds
        self._agent_ring_seconds = agent_ring_seconds
        self._keys: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def execute(self, command: Command) -> Any:
        """Carries out one command; raises `CommandRefused` with a stable code. The result depends on the command."""
        match command:
            case Dial():
                return await self.dial(command)
            case HangUp():
                return await self.hang_up(command)
            case SendDtmf():
                return await self.send_dtmf(command)
            case ChooseState():
                return await self.choose_state(command)
            case ChooseDevice():
                return await self.choose_device(command)
            case FinishWrapUp():
                return await self.finish_wrap_up(command)
            case _:
                raise CommandRefused("unknown_command")

    # -- dial ----------------------------------------------------------------------------------------------------

    async def dial(self, command: Dial) -> str:
        """Starts a call in direct mode and returns its id; the same key answers with the same call again."""
        name = f"{command.company_id}:{self._key(command)}"
        # Two requests with one key wait for each other, so the second finds what the first one did.
        lock = self._keys.get(name)
        if lock is None:
            lock = self._keys[name] = asyncio.Lock()
        async with lock:
            return await self._dial_once(command)

    async def _dial_once(self, command: Dial) -> str:
        core = self._core
        earlier = await self._earlier(command)
        if earlier is not None:
            return earlier
        agent = core.registry.agents.get(command.employee_id)
        number = self._number(command.number)
        gate = self._closed_gate(command, agent, number)
        if gate is not None or agent is None:
            await self._refuse(command, gate or Gate.NOT_AN_AGENT)
            raise CommandRefused((gate or Gate.NOT_AN_AGENT).value, number=command.number)
        assert number is not None
        call = self._new_call(command, agent, number)
        # From here on a second click finds the agent busy: nothing is awaited between the gates and this line.
        core.registry.calls[call.id] = call
        try:
            await self._remember(command, call.id)
            held = await core.packages.reserve(
                company_id=call.company_id,
                employee_id=agent.employee_id,
                mode=call.mode,
                call_id=call.id,
                minutes=self._reserve_minutes,
                now=core.now(),
            )
        except Refused as refusal:
            self._undo(call)
            await self._refuse(command, refusal.gate)
            raise CommandRefused(refusal.gate.value, number=command.number) from None
        except BaseException:
            self._undo(call)
            raise
        call.package_id = held.package_id
        await self._recognise(call, command)
        core.agent_changed(agent, agent_rules.begin_call(agent, call.id, core.now()))
        core.take(call, [])
        await core.flush()
        await self._originate(call, agent, int(held.limit.total_seconds()))
        if not call.over:
            # The phone rings already while the screen is being filled.
            core.pop(call, agent.employee_id)
            await core.flush()
        return call.id

    def _undo(self, call: Call) -> None:
        """A call that may not be: a browser that connected in this very moment may have been shown it."""
        self._core.registry.forget(call)
        self._core.push.publish(call.company_id, gone=[("call", call.id)])

    def _number(self, typed: str) -> str | None:
        try:
            return normalise(typed, self._region)
        except BadNumber:
            return None

    def _closed_gate(self, command: Dial, agent: Agent | None, number: str | None) -> Gate | None:
        core = self._core
        rules = core.directory.companies[command.company_id]
        person = core.directory.people.get(command.employee_id)
        busy = agent is not None and (
            agent.call_id is not None or any(True for _ in core.registry.calls_of(agent.employee_id))
        )
        return first_closed_gate(
            DialFacts(
                may_dial=command.may_dial and agent is not None,
                logged_in=agent is not None and agent.state is not AgentState.LOGGED_OUT,
                account_active=person is not None and person.active,
                phone_registered=agent is not None and agent.phone_ready,
                phones_live=core.pbx is not None and core.pbx.state is LinkState.LIVE,
                busy=busy,
                number_valid=number is not None,
                blacklisted=(command.company_id, number or "") in core.directory.blacklist,
                local_time=rules.local_time(core.now()),
                window=rules.window,
            )
        )

    def _new_call(self, command: Dial, agent: Agent, number: str) -> Call:
        now = self._core.now()
        rules = self._core.directory.companies[command.company_id]
        return Call(
            id=f"{int(now.timestamp() * 1000):x}{secrets.token_hex(10)}",
            company_id=command.company_id,
            direction=Direction.OUTBOUND,
            number=number,
            started_at=now,
            mode=command.mode,
            source=command.source,
            employee_id=agent.employee_id,
            customer_id=command.customer_id,
            company_number=rules.display_number,
            state=CallState.DIALING_AGENT,
            state_since=now,
            recorded=rules.recording,
        )

    async def _recognise(self, call: Call, command: Dial) -> None:
        known: Caller | None
        if command.customer_id is not None:
            known = await self._core.crm.name_of(command.company_id, command.customer_id)
        else:
            known = await self._core.crm.who_is(command.company_id, call.number)
        if known is not None:
            call.customer_id, call.customer_name = known.customer_id, known.name

    async def _originate(self, call: Call, agent: Agent, limit_seconds: int) -> None:
        core = self._core
        assert core.pbx is not None
        action = dial_out_action(
            call_id=call.id,
            agent_channel=f"PJSIP/{agent.endpoint}",
            number=dialable(call.number, self._region),
            display_number=call.company_number,
            agent_ring_seconds=self._agent_ring_seconds,
            ring_seconds=self._ring_seconds,
            limit_seconds=limit_seconds,
            record=call.recorded,
        )
        try:
            await core.pbx.send({**action, "ActionID": ORIGINATE_ID + call.id})
        except AmiError as error:
            if error.code == "action_timeout":
                # It may have been taken: the phone rings or the next snapshot says that nothing is there.
                log.warning("call %s: no answer to the Originate; waiting for events", call.id)
                return
            core.take(call, call_rules.close(call, core.now(), EndReason.NETWORK_FAILED))
            await core.flush()

    # -- idempotency and refusals ----------------------------------------------------------------------------------

    async def _earlier(self, command: Dial) -> str | None:
        """The call of an earlier request with this key; raises what it raised, or when the key was for another."""
        query = select(command_key).where(
            command_key.c.company_id == command.company_id, command_key.c.key == self._key(command)
        )
        async with self._core.database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None:
            return None
        if row.request != self._request(command):
            raise CommandRefused("key_reused")
        if row.error:
            raise CommandRefused(row.error, number=command.number)
        return str(row.call_id)

    async def _remember(self, command: Dial, call_id: str) -> None:
        async with self._core.database.write() as connection:
            await connection.execute(
                insert(command_key).values(
                    company_id=command.company_id,
                    key=self._key(command),
                    employee_id=command.employee_id,
                    request=self._request(command),
                    call_id=call_id,
                    at=self._core.now(),
                )
            )

    async def _refuse(self, command: Dial, gate: Gate) -> None:
        """Denied dials are logged, and the key remembers the refusal."""
        now = self._core.now()
        async with self._core.database.write() as connection:
            values = {"employee_id": command.employee_id, "request": self._request(command), "error": gate.value}
            key = {"company_id": command.company_id, "key": self._key(command)}
            where = (command_key.c.company_id == key["company_id"], command_key.c.key == key["key"])
            done = await connection.execute(update(command_key).where(*where).values(error=gate.value, call_id=None))
            if done.rowcount == 0:
                await connection.execute(insert(command_key).values(**key, **values, at=now))
            await connection.execute(
                insert(audit).values(
                    company_id=command.company_id,
                    actor_id=command.employee_id,
                    action="dial.refused",
                    object=command.number[:32],
                    details={"gate": gate.value},
                    at=now,
                )
            )

    @staticmethod
    def _key(command: Dial) -> str:
        return f"{command.employee_id}:{command.key}"

    @staticmethod
    def _request(command: Dial) -> str:
        return f"{command.number}|{command.customer_id or ''}|{command.mode.value}"[:200]

    # -- in the call -----------------------------------------------------------------------------------------------

    async def hang_up(self, command: HangUp) -> None:
        """Ends the agent's side, and with it the call; a call that is over already is no error."""
        call = self._call(command.company_id, command.call_id)
        role = Role.AGENT if any(leg.role is Role.AGENT and not leg.over for leg in call.legs.values()) else None
        legs = [leg for leg in call.legs.values() if not leg.over and (role is None or leg.role is role)]
        for leg in legs:
            if leg.channel:
                await self._send(actions.hangup(leg.channel), gone_is_fine=True)

    async def send_dtmf(self, command: SendDtmf) -> None:
        if not command.digits or len(command.digits) > 32 or not set(command.digits.upper()) <= DTMF:
            raise CommandRefused("digits_invalid")
        call = self._call(command.company_id, command.call_id)
        customer = call.leg_of(Role.CUSTOMER)
        if customer is None or call.state is not CallState.TALKING:
            raise CommandRefused("call_not_talking")
        for digit in command.digits:
            await self._send(actions.play_dtmf(customer.channel, digit))

    def _call(self, company_id: int, call_id: str) -> Call:
        call = self._core.registry.calls.get(call_id)
        if call is None or call.company_id != company_id:
            raise CommandRefused("call_not_found")
        return call

    async def _send(self, action: Mapping[str, Any], *, gone_is_fine: bool = False) -> None:
        assert self._core.pbx is not None
        try:
            await self._core.pbx.send(action)
        except AmiError as error:
            if error.code == "refused" and gone_is_fine:
                return
            raise CommandRefused("phones_unavailable") from error

    # -- agent -----------------------------------------------------------------------------------------------------

    async def choose_state(self, command: ChooseState) -> Agent:
        agent = self._agent(command)
        if command.state not in (AgentState.READY, AgentState.NOT_READY, AgentState.LOGGED_OUT):
            raise CommandRefused("state_not_choosable")
        reason = command.reason if command.state is AgentState.NOT_READY else ""
        if command.state is AgentState.NOT_READY and reason not in (*NOT_READY_REASONS, "signed_in"):
            raise CommandRefused("reason_unknown")
        changed = agent_rules.choose(agent, command.state, reason, self._core.now())
        self._core.agent_changed(agent, changed)
        await self._core.flush()
        return agent

    async def choose_device(self, command: ChooseDevice) -> None:
        """The new device is stored already; the agent's queues must follow."""
        agent = self._agent(command)
        if agent.call_id is not None:
            raise CommandRefused("call_running")
        agent.device = command.device
        self._core.agent_changed(agent, False)
        if self._core.on_agent_changed is not None:
            self._core.on_agent_changed(agent)
        await self._core.flush()

    async def finish_wrap_up(self, command: FinishWrapUp) -> None:
        agent = self._agent(command)
        if agent_rules.finish_wrap_up(agent, self._core.now(), command.call_id):
            self._core.agent_changed(agent, True)
            await self._core.flush()

    def _agent(self, command: Command) -> Agent:
        agent = self._core.registry.agents.get(command.employee_id)
        if agent is None or agent.company_id != command.company_id:
            raise CommandRefused("not_an_agent")
        return agent
