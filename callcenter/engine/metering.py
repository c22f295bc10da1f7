"""Watches the minutes of talking calls: reserves ahead, moves Asterisk's limit, warns the agent, and settles."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from datetime import timedelta

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain import agents as agent_rules
from callcenter.domain.calls import TALKING, Call, Leg
from callcenter.domain.events import LinkState
from callcenter.domain.terms import Direction, Role
from callcenter.engine.core import Core
from callcenter.engine.view import iso
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import Reservation, holder_of, holders_of
from callcenter.pbx.actions import warn_tone_action

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
EXTEND_AHEAD = timedelta(seconds=90)
"""Minutes are reserved this long before the reserved ones end, so that a short outage of the engine cuts nobody."""


def _paid_legs(call: Call) -> list[Leg]:
    """Outside legs that we dialled and that talk now."""
    return [
        leg
        for leg in call.legs.values()
        if leg.state in TALKING
        and leg.answered_at is not None
        and leg.employee_id is None
        and (leg.role is Role.THIRD or (leg.role is Role.CUSTOMER and call.direction is Direction.OUTBOUND))
    ]


class Metering:
    def __init__(self, core: Core, cel: CelFile, *, reserve_minutes: int) -> None:
        self._core = core
        self._cel = cel
        self._reserve_minutes = reserve_minutes
        self._exhausted: set[str] = set()
        self._known: dict[str, Reservation] = {}
        self._limit_set: dict[str, timedelta] = {}
        """Leg id -> the limit Asterisk has."""
        self._nudge = asyncio.Event()
        self._advancing = asyncio.Lock()

    # -- while talking -------------------------------------------------------------------------------------------

    async def run_ticks(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            try:
                await self.tick()
            except Exception:
                log.exception("a metering round failed; the next one follows")

    async def tick(self) -> None:
        """One round: wrap-up timers and the minutes of every talking outbound call."""
        core = self._core
        now = core.now()
        for agent in core.registry.agents.values():
            if agent_rules.wrap_up_due(agent, now) and agent_rules.finish_wrap_up(agent, now):
                core.agent_changed(agent, True)
        for call in list(core.registry.calls.values()):
            if call.over:
                continue
            for leg in _paid_legs(call):
                await self._meter(call, leg)
        await core.flush()

    async def _meter(self, call: Call, leg: Leg) -> None:
        core = self._core
        holder = holder_of(call.id, leg.role)
        held = await self._held(call.company_id, holder)
        if held is None or leg.answered_at is None:
            return
        now = core.now()
        if leg.answered_at + held.limit - now < EXTEND_AHEAD and holder not in self._exhausted:
            more = await core.packages.extend(
                company_id=call.company_id, call_id=holder, minutes=self._reserve_minutes, now=now
            )
            if more is None:
                self._exhausted.add(holder)
            else:
                held = self._known[holder] = more
                await self.refresh_minutes(call.company_id)
        paid_until = leg.answered_at + held.limit
        if leg.role is Role.CUSTOMER and call.paid_until != paid_until:
            call.paid_until = paid_until
            core.take(call, [])
        await self._set_limit(leg, held)
        lead = timedelta(seconds=held.increment_seconds)
        if holder in self._exhausted and not call.warned and paid_until - now <= lead:
            await self._warn(call)

    async def _held(self, company_id: int, holder: str) -> Reservation | None:
        """The reservation, asked of the ledger once: nobody but this engine changes it while the leg talks."""
        found = self._known.get(holder)
        if found is None:
            found = await self._core.packages.held(company_id, holder)
            if found is not None:
                self._known[holder] = found
        return found

    def dialled(self, holder: str) -> None:
        """A leg was dialled on these minutes: what was known of them is old."""
        self._known.pop(holder, None)
        self._exhausted.discard(holder)

    async def _set_limit(self, leg: Leg, held: Reservation) -> None:
        """Moves the limit inside Asterisk when more minutes were reserved; tried again until it is set."""
        initial = self._limit_set.setdefault(leg.id, held.limit)
        if initial == held.limit or leg.answered_at is None:
            return
        seconds = (leg.answered_at + held.limit - self._core.now()).total_seconds()
        if seconds <= 0 or self._core.pbx is None or self._core.pbx.state is not LinkState.LIVE:
            return
        with contextlib.suppress(AmiError):
            await self._core.pbx.send(actions.absolute_timeout(leg.channel, seconds))
            self._limit_set[leg.id] = held.limit

    async def _warn(self, call: Call) -> None:
        """Warns the agent alone, on the screen and with a tone the customer does not hear (P-52)."""
        call.warned = True
        if call.employee_id is not None:
            data = {"call_id": call.id, "kind": "one_minute_left", "ends_at": iso(call.paid_until)}
            self._core.push.event(call.company_id, "warning", data, call.employee_id)
        agent = call.leg_of(Role.AGENT)
        if agent is not None and agent.channel and self._core.pbx is not None:
            with contextlib.suppress(AmiError):
                await self._core.pbx.send(warn_tone_action(agent.channel))

    # -- settlement ----------------------------------------------------------------------------------------------

    def nudge(self, call: Call) -> None:
        """A call ended: its records are there in a moment."""
        for holder in holders_of(call.id):
            self.dialled(holder)
        for leg_id in call.legs:
            self._limit_set.pop(leg_id, None)
        self._nudge.set()

    async def run_settlement(self) -> None:
        """Reads Asterisk's records whenever a call ended, and every second in any case."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._nudge.wait(), 1.0)
            self._nudge.clear()
            try:
                await self.settle()
            except Exception:
                log.exception("a settlement round failed; nothing is lost, the next one follows")

    async def settle(self) -> int:
        """Takes in all records past the watermark; the number of rows read."""
        read = 0
        async with self._advancing:
            while True:
                last = await self._core.settlement.watermark(self._cel.node)
                rows = await self._cel.after(last)
                if not rows:
                    return read
                read += len(rows)
                for settled in await self._core.settlement.advance(self._cel.node, rows, self._core.now()):
                    await self.refresh_minutes(settled.company_id)
                    await self._core.call_settled(settled)

    async def refresh_minutes(self, company_id: int) -> None:
        """Reads again how many minutes each employee has and notes the agents whose number moved."""
        core = self._core
        fresh = await core.packages.minutes_left(company_id, core.now())
        for agent in core.registry.agents.values():
            if agent.company_id != company_id:
                continue
            left = fresh.get(agent.employee_id, 0)
            if core.minutes.get(agent.employee_id, 0) != left:
                core.minutes[agent.employee_id] = left
                core.agent_changed(agent, False)
