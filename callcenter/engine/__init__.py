"""The telephony engine: events in, facts out, commands carried out."""

from __future__ import annotations

import asyncio
import gc
from datetime import datetime, timedelta

from callcenter.domain.calls import TALKING, Leg
from callcenter.domain.entities import LiveAgent, LiveCall, LiveEntities
from callcenter.domain.events import Snapshot
from callcenter.domain.trunks import Trunk
from callcenter.engine.agents.registrations import Registrations
from callcenter.engine.agents.states import States
from callcenter.engine.agents.turned_away import Doors
from callcenter.engine.commands import Commands
from callcenter.engine.core import Core
from callcenter.engine.inbound.desk import Inbound
from callcenter.engine.leftovers import Leftovers
from callcenter.engine.metering import Metering
from callcenter.engine.moves.holds import Follow
from callcenter.engine.moves.rejoin import BrowserCalls
from callcenter.engine.moves.transfers import Control
from callcenter.engine.outbound.call_through import CallThrough
from callcenter.engine.outbound.dialling import Dialling
from callcenter.engine.outbound.open_lines import OpenLines
from callcenter.engine.outbound.ways_out import WaysOut
from callcenter.engine.ports import Pbx
from callcenter.engine.snapshot import Reconciler
from callcenter.engine.stats import Stats
from callcenter.engine.view import agent_entity, call_entity
from callcenter.engine.watch import ClockWatch
from callcenter.ledger.cel import CelFile


class Engine:
    """Wires the engine's rooms together. `deliver` takes Asterisk's events, `execute` takes people's commands."""

    def __init__(
        self,
        core: Core,
        cel: CelFile,
        *,
        trunk: Trunk | None = None,
        reserve_minutes: int = 5,
        ring_seconds: int = 45,
        agent_ring_seconds: int = 20,
        agent_lost_seconds: float = 30,
        callback_tries: int = 3,
        callback_retry_seconds: int = 600,
    ) -> None:
        trunk = trunk or Trunk()
        region = trunk.region
        self.core = core
        self.execute = core.bus.execute
        pause = timedelta(seconds=callback_retry_seconds)
        self.inbound = Inbound(core, region=region, tries=callback_tries, pause=pause)
        self.metering = Metering(core, cel, reserve_minutes=reserve_minutes)
        self.reconciler = Reconciler(core, self.metering, self.inbound)
        self.leftovers = Leftovers(core, self.metering, self.reconciler)
        self.stats = Stats(core)
        self.lines = OpenLines(core, ring_seconds=agent_ring_seconds)
        self.through = CallThrough(core, region)
        self.ways_out = WaysOut(core, region)
        dialling = Dialling(
            core,
            self.through,
            self.ways_out,
            trunk=trunk,
            reserve_minutes=reserve_minutes,
            ring_seconds=ring_seconds,
            agent_ring_seconds=agent_ring_seconds,
        )
        Commands(core, dialling, self.through, self.lines)
        self.deliver = core.deliver
        self.control = Control(
            core,
            self.metering,
            self.ways_out,
            trunk=trunk,
            reserve_minutes=reserve_minutes,
            ring_seconds=ring_seconds,
            agent_ring_seconds=agent_ring_seconds,
        )
        self.follow = Follow(core, self.control)
        self.browsers = BrowserCalls(core, self.control, lost_seconds=agent_lost_seconds)
        States(core)
        self.clock = ClockWatch(core)
        self.registrations = Registrations(core)
        self.doors = Doors(core)
        core.bus.serve(Snapshot, self._logged_in)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self, pbx: Pbx) -> None:
        """Loads what the last engine left, catches up with Asterisk's records and starts to work."""
        self.core.pbx = pbx
        await self.clock.load()
        await self.metering.settle()
        await self.inbound.load()
        await self.ways_out.load()
        work = (
            self.core.run(),
            self.clock.run(),
            *self.inbound.work(),
            self.metering.run_ticks(),
            self.metering.run_settlement(),
            self.leftovers.run(),
            self.registrations.run(),
            self.doors.run(),
            self.follow.run(),
            self.through.run(),
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

    async def refresh(self) -> None:
        """Somebody changed employees, groups, numbers or settings."""
        await self.core.refresh()
        self.stats.directory_read()
        self.inbound.routing.follow_all()

    def snapshot_of(self, company_id: int) -> LiveEntities:
        """All live entities of a company, for a client that has just connected; who pushes figures keeps them."""
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
            "queue": self.inbound.entities(company_id),
            "stats": {},
            "system": {"phones": {"phones": core.link_state}},
        }

    def call_of(self, company_id: int, call_id: str) -> LiveCall | None:
        """One running call as `snapshot_of` shows it."""
        call = self.core.registry.calls.get(call_id)
        if call is None or call.company_id != company_id or call.over:
            return None
        return call_entity(call, self.core.directory)

    def agent_of(self, company_id: int, employee_id: int) -> LiveAgent | None:
        """One agent as `snapshot_of` shows it."""
        agent = self.core.registry.agents.get(employee_id)
        if agent is None or agent.company_id != company_id:
            return None
        return agent_entity(agent, self.core.directory, self.core.minutes.get(employee_id, 0))

    def shows_leaving_number(self, company_id: int, call_id: str) -> bool:
        """Whether a running call shows a number that is being given back (SPEC §B8.8)."""
        call = self.core.registry.calls.get(call_id)
        own = self.core.directory.outside.get(company_id, ())
        return call is not None and any(one.leaving and one.number == call.company_number for one in own)

    def talks(self, employee_id: int) -> bool:
        """Whether an employee has a leg that was answered and is not over, in whatever part."""
        return any(leg.state in TALKING for leg in self._legs_of(employee_id))

    def channels_of(self, employee_id: int, *, talking: bool) -> list[str]:
        """The channels of an employee's legs; without `talking` only of those that were not answered yet."""
        return [leg.channel for leg in self._legs_of(employee_id) if leg.channel and (talking or not leg.answered_at)]

    def _legs_of(self, employee_id: int) -> list[Leg]:
        calls = (call for call in self.core.registry.calls.values() if not call.over)
        return [leg for call in calls for leg in call.legs.values() if leg.employee_id == employee_id and not leg.over]

    def touch_group(self, group_id: int) -> None:
        """Counts a group's missed calls and unheard messages again."""
        self.inbound.lines.touch(group_id, counted=True)

    def now(self) -> datetime:
        return self.core.now()

    async def _logged_in(self, snapshot: Snapshot) -> None:
        self.registrations.logged_in()
        self.doors.logged_in()
        self.lines.reconcile(snapshot)
        await self.reconciler.on_snapshot(snapshot)


def _spare_the_collector() -> None:
    """What is loaded by now stays until the process ends; searching it for garbage would stop all calls for 50 ms."""
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()


__all__ = ["Core", "Engine"]
