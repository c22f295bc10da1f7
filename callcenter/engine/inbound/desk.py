"""Everything about callers who wait: lines, the agents' place in them, callers' own agents, calling back."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

from callcenter.domain import events as ev
from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.domain.commands import CancelCallback
from callcenter.domain.entities import LiveQueue
from callcenter.engine.bus import AgentChanged, CallOver, Committed, LineHappened
from callcenter.engine.core import Core
from callcenter.engine.inbound.callbacks import Callbacks
from callcenter.engine.inbound.own_agent import OwnAgent
from callcenter.engine.inbound.routing import Routing
from callcenter.engine.inbound.waiting import Lines


class Inbound:
    """Wires the four parts."""

    def __init__(
        self,
        core: Core,
        *,
        region: str,
        tries: int,
        pause: timedelta,
    ) -> None:
        self._core = core
        self.lines = Lines(core)
        self.routing = Routing(core, self.lines)
        self.callbacks = Callbacks(
            core, self.lines, self.routing, core.bus.execute, region=region, tries=tries, pause=pause
        )
        self.own_agent = OwnAgent(core, self.routing)
        self._collecting: asyncio.Task[None] | None = None
        core.bus.on(LineHappened, lambda what: self.happened(what.event))
        core.bus.on(AgentChanged, lambda changed: self.agent_changed(changed.agent))
        core.bus.on(CallOver, lambda ended: self.call_ended(ended.call))
        core.bus.on(Committed, lambda done: self.lines.committed(done.calls))
        core.bus.serve(CancelCallback, self.callbacks.cancel)

    async def load(self) -> None:
        """What the last engine left, after the calls themselves."""
        await self.lines.load()
        await self.routing.load()
        await self.callbacks.load()

    def work(self) -> tuple[Coroutine[Any, Any, None], ...]:
        return self.routing.run(), self.lines.run(), self.callbacks.run()

    def happened(self, event: ev.AmiEvent) -> None:
        """Something in a line; the call itself was moved before."""
        match event:
            case ev.QueueCallerJoined():
                self.lines.joined(event)
            case ev.QueueCallerLeft():
                self.lines.left(event)
                self.routing.line_left(event.queue)
            case ev.AgentCalled():
                self.routing.rang(event)
            case ev.AgentConnected():
                self.lines.answered(event)
                self.routing.answered(event)
            case ev.OwnAgentAsked():
                self.own_agent.asked(event)
            case ev.CallbackAsked():
                self.callbacks.asked()
            case _:
                pass

    def agent_changed(self, agent: Agent) -> None:
        """A free agent goes to whoever joined first: a caller to be called back, or the queues."""
        if not self.callbacks.take(agent):
            self.routing.follow(agent)

    def call_ended(self, call: Call) -> None:
        self.lines.call_ended(call)
        self.callbacks.call_ended(call)
        self.own_agent.let_go(call)

    def reconcile(self, snapshot: ev.Snapshot) -> None:
        """After a login: Asterisk's lines and members, and what callers asked for meanwhile."""
        self.lines.reconcile(snapshot)
        self.routing.reconcile(snapshot)
        self._collecting = asyncio.create_task(self.callbacks.collect())

    def entities(self, company_id: int) -> dict[str, LiveQueue]:
        """The live entity of every group of a company."""
        groups = self._core.directory.groups.values()
        return {str(group.id): self.lines.entity(group) for group in groups if group.company_id == company_id}
