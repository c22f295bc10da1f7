"""Carries out what people ask for beside moves of a call: dial, hang up, open lines, agent states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain import agents as agent_rules
from callcenter.domain.agents import NOT_READY_REASONS, Agent
from callcenter.domain.calls import Call
from callcenter.domain.commands import (
    ChooseDevice,
    ChooseState,
    CloseLine,
    Command,
    Dial,
    FinishWrapUp,
    HangUp,
    OpenLine,
)
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AgentState, Direction, EndReason, LineState, Role
from callcenter.engine.bus import AgentChanged
from callcenter.engine.core import Core
from callcenter.engine.outbound.call_through import CallThrough
from callcenter.engine.outbound.dialling import Dialling
from callcenter.engine.outbound.open_lines import OpenLines
from callcenter.store.tables.people import employee


class Commands:
    def __init__(self, core: Core, dialling: Dialling, through: CallThrough, lines: OpenLines) -> None:
        self._core = core
        self._dialling = dialling
        self._through = through
        self._lines = lines
        core.bus.serve(Dial, self.dial)
        core.bus.serve(HangUp, self.hang_up)
        core.bus.serve(ChooseState, self.choose_state)
        core.bus.serve(ChooseDevice, self.choose_device)
        core.bus.serve(OpenLine, self.open_line)
        core.bus.serve(CloseLine, lines.close)
        core.bus.serve(FinishWrapUp, self.finish_wrap_up)

    async def dial(self, command: Dial) -> str:
        """Calls a number; answers with the id of the call."""
        self._require_open()
        return await self._dialling.dial(command)

    async def open_line(self, command: OpenLine) -> LineState:
        self._require_open()
        return await self._lines.open(command)

    def _require_open(self) -> None:
        if self._core.closing:
            raise Refusal("shutting_down")

    # -- in the call -----------------------------------------------------------------------------------------------

    async def hang_up(self, command: HangUp) -> None:
        """Ends the agent's side, and with it the call; a call that is over already is no error.

        A call that nobody talks in yet ends on every side: the customer who is rung, or waits, is let go too.
        """
        call = self._call(command.company_id, command.call_id)
        if call.waits_for_agent and await self._through.disarm(call, EndReason.AGENT_HUNG_UP):
            return
        legs = [leg for leg in call.legs.values() if not leg.over]
        if call.direction is Direction.OUTBOUND and call.answered_at is None:
            call.ending = EndReason.AGENT_HUNG_UP
        elif any(leg.role is Role.AGENT for leg in legs):
            legs = [leg for leg in legs if leg.role is Role.AGENT]
        for leg in legs:
            if leg.channel:
                await self._send(actions.hangup(leg.channel), gone_is_fine=True)

    def _call(self, company_id: int, call_id: str) -> Call:
        call = self._core.registry.calls.get(call_id)
        if call is None or call.company_id != company_id:
            raise Refusal("call_not_found")
        return call

    async def _send(self, action: Mapping[str, Any], *, gone_is_fine: bool = False) -> None:
        assert self._core.pbx is not None
        try:
            await self._core.pbx.send(action)
        except AmiError as error:
            if error.code == "refused" and gone_is_fine:
                return
            raise Refusal("phones_unavailable") from error

    # -- agent -----------------------------------------------------------------------------------------------------

    async def choose_state(self, command: ChooseState) -> Agent:
        agent = self._agent(command)
        if command.state not in (AgentState.READY, AgentState.NOT_READY, AgentState.LOGGED_OUT):
            raise Refusal("state_not_choosable")
        reason = command.reason if command.state is AgentState.NOT_READY else ""
        if command.state is AgentState.NOT_READY and reason not in (*NOT_READY_REASONS, "signed_in"):
            raise Refusal("reason_unknown")
        changed = agent_rules.choose(agent, command.state, reason, self._core.now())
        self._core.agent_changed(agent, changed)
        await self._core.flush()
        return agent

    async def choose_device(self, command: ChooseDevice) -> None:
        """Stores the device; the agent's queues follow."""
        agent = self._agent(command)
        async with self._core.reading:  # a directory read meanwhile would bring the old device back
            if agent.call_id is not None:
                raise Refusal("call_running")
            await self._store_device(command)
            agent.device = command.device
        self._core.agent_changed(agent, False)
        self._core.bus.tell(AgentChanged(agent))
        await self._core.flush()

    async def _store_device(self, command: ChooseDevice) -> None:
        mine = (employee.c.company_id == command.company_id, employee.c.id == command.employee_id)
        async with self._core.database.write() as connection:
            await connection.execute(update(employee).where(*mine).values(device=command.device))

    async def finish_wrap_up(self, command: FinishWrapUp) -> None:
        agent = self._agent(command)
        if agent_rules.finish_wrap_up(agent, self._core.now(), command.call_id):
            self._core.agent_changed(agent, True)
            await self._core.flush()

    def _agent(self, command: Command) -> Agent:
        agent = self._core.registry.agents.get(command.employee_id)
        if agent is None or agent.company_id != command.company_id:
            raise Refusal("not_an_agent")
        return agent
