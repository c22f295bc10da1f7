"""The telephony engine: events in, facts out, commands carried out."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from datetime import datetime
from typing import Any

from callcenter.domain.calls import Call
from callcenter.domain.commands import Command, Consult, DropLeg, Steer, Supervise, Transfer
from callcenter.engine.commands import Commands
from callcenter.engine.control import Control
from callcenter.engine.core import Core
from callcenter.engine.metering import Metering
from callcenter.engine.ports import Pbx
from callcenter.engine.reconcile import Reconciler
from callcenter.engine.routing import Routing
from callcenter.engine.stats import Stats
from callcenter.engine.view import agent_entity, call_entity
from callcenter.ledger.cel import CelFile
from callcenter.ledger.settle import Settled


class Engine:
    """Wires the engine's rooms together. `deliver` takes Asterisk's events, `execute` takes people's commands."""

    def __init__(
        self,
        core: Core,
        cel: CelFile,
        *,
        region: str = "CN",
        reserve_minutes: int = 5,
        ring_seconds: int = 45,
        agent_ring_seconds: int = 20,
    ) -> None:
        self.core = core
        self.routing = Routing(core)
        self.metering = Metering(core, cel, reserve_minutes=reserve_minutes)
        self.reconciler = Reconciler(core, self.metering, self.routing)
        self.stats = Stats(core)
        self.commands = Commands(
            core,
            region=region,
            reserve_minutes=reserve_minutes,
            ring_seconds=ring_seconds,
            agent_ring_seconds=agent_ring_seconds,
        )
        self.deliver = core.deliver
        self.control = Control(
            core,
            self.metering,
            region=region,
            reserve_minutes=reserve_minutes,
            ring_seconds=ring_seconds,
            agent_ring_seconds=agent_ring_seconds,
        )
        core.on_snapshot = self.reconciler.on_snapshot
        core.on_agent_changed = self.routing.follow
        core.on_call_ended = self._call_ended
        core.on_settled = self._settled
        core.on_committed = self.stats.changed
        self.on_settled: Callable[[], None] = lambda: None
        """Told after every settlement; the recording worker waits for it."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, pbx: Pbx) -> None:
        """Loads what the last engine left, catches up with Asterisk's records and starts to work."""
        self.core.pbx = pbx
        await self.core.load()
        await self.metering.settle()
        work = (
            self.core.run(),
            self.routing.run(),
            self.metering.run_ticks(),
            self.metering.run_settlement(),
            self.stats.run(),
        )
        self._tasks = [asyncio.create_task(one) for one in work]
        _spare_the_collector()

    async def stop(self) -> None:
        """Stops working; calls go on without us."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.core.flush()

    async def execute(self, command: Command) -> Any:
        """Carries out a command; raises `CommandRefused`."""
        if isinstance(command, Steer | Consult | Transfer | DropLeg | Supervise):
            return await self.control.execute(command)
        return await self.commands.execute(command)

    async def refresh(self) -> None:
        """Somebody changed employees, groups, numbers or settings."""
        await self.core.refresh()
        for agent in self.core.registry.agents.values():
            self.routing.follow(agent)

    def snapshot_of(self, company_id: int) -> dict[str, dict[str, dict[str, Any]]]:
        """All live entities of a company, for a client that has just connected."""
        core = self.core
        return {
            "agent": {
                str(agent.employee_id): agent_entity(agent, core.directory, core.minutes.get(agent.employee_id, 0))
                for agent in core.registry.agents.values()
                if agent.company_id == company_id
            },
            "call": {
                call.id: call_entity(call, core.directory)
                for call in core.registry.calls.values()
                if call.company_id == company_id and not call.over
            },
            "system": {"phones": {"phones": core.link_state.value}},
        }

    def now(self) -> datetime:
        return self.core.now()

    def _call_ended(self, call: Call) -> None:
        self.metering.nudge(call)
        self.reconciler.never_dialled(call)

    def _settled(self, settled: Settled) -> None:
        self.reconciler.settled(settled)
        self.stats.settled(settled.company_id)
        self.on_settled()


def _spare_the_collector() -> None:
    """What is loaded by now stays until the process ends; searching it for garbage would stop all calls for 50 ms."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


__all__ = ["Core", "Engine"]
