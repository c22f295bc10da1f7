"""Lets the states of agents follow their calls: who answers is busy, who is done with a call wraps up or is free."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

from callcenter.domain import agents as agent_rules
from callcenter.domain import call_rules
from callcenter.domain.agents import Agent
from callcenter.domain.calls import OVER, Call
from callcenter.domain.entities import AGENT_UNANSWERED, CALL_ENDED, AgentUnanswered, Data, Event, Ref
from callcenter.domain.terms import LegState, Role
from callcenter.engine import view
from callcenter.engine.directory import Directory
from callcenter.engine.ports import Clock
from callcenter.engine.registry import Registry


class Say(Protocol):
    """`Core.say`."""

    def __call__(
        self, company_id: int, name: Event[Data], data: Data, employee_id: int | None, *, watched: bool = False
    ) -> None: ...


class Presence:
    def __init__(
        self,
        registry: Registry,
        *,
        directory: Callable[[], Directory],
        clock: Clock,
        changed: Callable[[Agent, bool], None],
        say: Say,
    ) -> None:
        """`changed` is told of every agent that moved, and whether its state did; `say` tells an agent's screens."""
        self._registry = registry
        self._directory = directory
        self._now = clock
        self._changed = changed
        self._say = say

    def takes(self, call: Call, employee_id: int | None) -> None:
        """An agent has answered a call."""
        agent = self._registry.agents.get(employee_id) if employee_id is not None else None
        if agent is not None:
            agent_rules.answered(agent)
            self._changed(agent, agent_rules.begin_call(agent, call.id, self._now()))

    def missed(self, call: Call, employee_id: int) -> None:
        """An agent did not take a call; one too many, and it is told to the agent and to whoever watches the agent."""
        agent, rules = self._registry.agents.get(employee_id), self._directory().companies.get(call.company_id)
        if agent is None or rules is None:
            return
        away = agent_rules.missed(agent, rules.unanswered_limit, self._now())
        self._changed(agent, away)
        if away:
            who: Ref = {"id": agent.employee_id, "name": agent.name}
            data: AgentUnanswered = {"employee": who, "calls": agent.unanswered}
            self._say(call.company_id, AGENT_UNANSWERED, data, agent.employee_id, watched=True)

    def leg_moved(self, call: Call, leg_id: str, after: LegState) -> None:
        """Who joins a talking call (a consultation, a transfer) is busy with it; who leaves it is done with it."""
        leg = call.legs[leg_id]
        agent = self._registry.agents.get(leg.employee_id) if leg.employee_id is not None else None
        if agent is None or leg.role is Role.SUPERVISOR:
            return
        if after is LegState.CONNECTED and agent.call_id is None:
            self.takes(call, agent.employee_id)
        elif after in OVER and agent.call_id == call.id and not call.over:
            others = [one for one in call.legs.values() if one.employee_id == agent.employee_id and not one.over]
            if not others and leg.answered_at is not None:
                self._leaves(agent, call)
                if leg.role is Role.AGENT and call_rules.goes_on(call):
                    call.left.add(agent.employee_id)
                    self._say(call.company_id, CALL_ENDED, view.ended_event(call, self._now()), agent.employee_id)

    def ended(self, call: Call) -> None:
        """A call is over: everybody in it is done with it."""
        for agent in self._registry.agents.values():
            if agent.call_id == call.id:
                self._leaves(agent, call)

    def _leaves(self, agent: Agent, call: Call) -> None:
        rules = self._directory().companies.get(call.company_id)
        wrap_up = timedelta(seconds=rules.wrap_up_seconds if rules and call.asks_note else 0)
        self._changed(agent, agent_rules.end_call(agent, call.id, self._now(), wrap_up))
