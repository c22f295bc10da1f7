"""What the last engine left: read before this one begins."""

from __future__ import annotations

from callcenter.domain import agents as agent_rules
from callcenter.domain.calls import Call
from callcenter.domain.terms import AgentState, Direction
from callcenter.engine.core import Core
from callcenter.engine.writer import restore_agent


async def restore(core: Core) -> None:
    """Directory, agents in their stored states and calls that were open when the last engine stopped."""
    states = await core.writer.agent_states()
    await core.refresh()
    for employee_id, row in states.items():
        agent = core.registry.agents.get(employee_id)
        if agent is not None:
            restore_agent(agent, row)
    for call in await core.writer.open_calls():
        core.registry.calls[call.id] = call
        rules = core.directory.companies.get(call.company_id)
        call.recorded = rules is not None and rules.recording
        for leg_id in call.legs:
            core.registry.call_of_leg[leg_id] = call.id
        if call.customer_id is not None:
            known = await core.crm.name_of(call.company_id, call.customer_id)
            call.customer_name = known.name if known else ""
        _bind_agent(core, call)
    for agent in core.registry.agents.values():
        if agent.state is AgentState.BUSY and agent.call_id is None:
            agent_rules.choose(agent, agent.after_call, agent.after_reason, core.now())
        core.outbox.noted.agents[agent.employee_id] = agent


def _bind_agent(core: Core, call: Call) -> None:
    """The agent of a call that was open before is still in it."""
    agent = core.registry.agents.get(call.employee_id) if call.employee_id is not None else None
    if agent is not None and (call.answered_at is not None or call.direction is Direction.OUTBOUND):
        agent.call_id = call.id
