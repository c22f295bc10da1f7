"""Agent states that are not the agent's own free choice: a supervisor's word, and more time after a call."""

from __future__ import annotations

from datetime import timedelta

from callcenter.domain import agents as agent_rules
from callcenter.domain.agents import NOT_READY_REASONS, Agent
from callcenter.domain.commands import ExtendWrapUp, ForceState
from callcenter.domain.entities import STATE_FORCED, StateForced
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AgentState
from callcenter.engine.core import Core

MAY_BE_FORCED = (AgentState.READY, AgentState.NOT_READY, AgentState.LOGGED_OUT)


class States:
    def __init__(self, core: Core) -> None:
        self._core = core
        core.bus.serve(ForceState, self.force)
        core.bus.serve(ExtendWrapUp, self.extend)

    async def force(self, command: ForceState) -> Agent:
        """Puts an agent into a state and tells the agent who did it; during a call it holds afterwards."""
        core = self._core
        agent = core.registry.agents.get(command.agent_id)
        if agent is None or agent.company_id != command.company_id:
            raise Refusal("not_found")
        if command.state not in MAY_BE_FORCED:
            raise Refusal("state_not_choosable")
        reason = command.reason if command.state is AgentState.NOT_READY else ""
        if command.state is AgentState.NOT_READY and reason not in NOT_READY_REASONS:
            raise Refusal("reason_unknown")
        if command.state is AgentState.READY and agent.state is AgentState.LOGGED_OUT:
            # Nobody is brought to the desk from afar: calls would ring at an empty chair.
            raise Refusal("not_logged_in")
        changed = agent_rules.force(agent, command.state, reason, core.now(), command.employee_id)
        core.agent_changed(agent, changed)
        person = core.directory.people.get(command.employee_id)
        data: StateForced = {
            "state": command.state,
            "reason": reason,
            "by": {"id": command.employee_id, "name": person.name if person else ""},
            "at_once": changed,
        }
        core.say(agent.company_id, STATE_FORCED, data, agent.employee_id)
        await core.flush()
        return agent

    async def extend(self, command: ExtendWrapUp) -> Agent:
        agent = self._core.registry.agents.get(command.employee_id)
        if agent is None or agent.company_id != command.company_id:
            raise Refusal("not_an_agent")
        if not agent_rules.extend_wrap_up(agent, self._core.now(), timedelta(seconds=command.seconds)):
            raise Refusal("no_wrap_up")
        self._core.agent_changed(agent, False)
        await self._core.flush()
        return agent
