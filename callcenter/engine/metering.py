"""Watches the minutes of talking calls: reserves ahead, moves Asterisk's limit, warns the agent, and settles."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain import agents as agent_rules
from callcenter.domain.calls import TALKING, Call, Leg
from callcenter.domain.entities import WARNING, CallWarning
from callcenter.domain.events import LinkState
from callcenter.domain.packages import minutes_for
from callcenter.domain.terms import Direction, Role
from callcenter.engine.bus import CallOver, ClockSet
from callcenter.engine.core import Core
from callcenter.engine.view import iso
from callcenter.ledger import witness
from callcenter.ledger.cel import CelFile
from callcenter.ledger.holds import Reservation, holder_of, holders_of
from callcenter.pbx.actions import warn_tone_action

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
EXTEND_AHEAD = timedelta(seconds=90)
"""Minutes are reserved this long before the reserved ones end, so that a short outage of the engine cuts nobody."""
URGENT = timedelta(seconds=8)
"""Where minutes are scarce they are reserved this late, and taken from calls that hold more than they use."""
AGAIN = timedelta(seconds=5)
"""From one look for more minutes to the next; somebody may give some back, or buy some."""
TRY_NOW = timedelta(seconds=0.5)
"""The same when a call is about to be cut."""

READ_EVERY = timedelta(seconds=1)
EVER = datetime.min.replace(tzinfo=UTC)
UNKNOWN = timedelta(-1)
"""Of Asterisk's limit for a leg: the clock by which Asterisk keeps it was set."""


@dataclass(frozen=True, slots=True)
class Spare:
    """A talking leg that holds minutes it has not begun to use."""

    leg: Leg
    held: Reservation
    spare: int


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
        self._moved: set[int] = set()
        """Companies whose employees' minutes are to be read again."""
        self._read_at: dict[int, datetime] = {}
        self._try_at: dict[str, datetime] = {}
        """Holder -> when its minutes may be extended again."""
        self._known: dict[str, Reservation] = {}
        self._limit_set: dict[str, timedelta] = {}
        """Leg id -> the limit Asterisk has."""
        self._nudge = asyncio.Event()
        self._advancing = asyncio.Lock()
        core.bus.on(ClockSet, self._clock_set)
        core.bus.on(CallOver, lambda ended: self.nudge(ended.call))

    @property
    def node(self) -> str:
        """Whose records are settled here."""
        return self._cel.node

    def _clock_set(self, _step: ClockSet) -> None:
        """The wall clock was set: every limit is given to Asterisk anew, and nothing is waited for by the old clock."""
        self._try_at.clear()
        self._read_at.clear()
        for call in self._core.registry.calls.values():
            self._limit_set |= dict.fromkeys(call.legs, UNKNOWN)

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
        await self._read_minutes()
        await core.flush()

    async def _meter(self, call: Call, leg: Leg) -> None:
        holder = holder_of(call.id, leg.role)
        held = await self._held(call.company_id, holder)
        if held is None or leg.answered_at is None:
            return
        # What the leg was dialled with: noted before more is held, or Asterisk would never hear of that.
        self._limit_set.setdefault(leg.id, held.limit)
        now = self._core.now()
        remaining = leg.answered_at + held.limit - now
        if remaining < EXTEND_AHEAD and self._try_at.get(holder, now) <= now:
            held = await self._extend(call, held, urgent=remaining < URGENT)
            remaining = leg.answered_at + held.limit - now
            if remaining < URGENT and await self._reclaim(held):
                held = await self._extend(call, held, urgent=True)
            paid_for = leg.answered_at + held.limit - now
            await self._warn_or_not(call, held, paid_for)
            if paid_for < EXTEND_AHEAD:
                self._try_at[holder] = now + max(TRY_NOW, min(AGAIN, paid_for - URGENT))
        paid_until = leg.answered_at + held.limit
        if leg.role is Role.CUSTOMER and call.paid_until != paid_until:
            call.paid_until = paid_until
            self._core.take(call, [])
        await self._set_limit(leg, held)

    async def _extend(self, call: Call, held: Reservation, *, urgent: bool) -> Reservation:
        more = await self._core.packages.extend(
            company_id=held.company_id,
            call_id=held.call_id,
            minutes=self._reserve_minutes,
            now=self._core.now(),
            urgent=urgent,
        )
        if more is None or more.minutes == held.minutes:
            return held
        self._known[held.call_id] = more
        call.warned = False
        await self.refresh_minutes(call.company_id)
        return more

    async def _reclaim(self, needy: Reservation) -> bool:
        """Takes minutes from another call that holds more of the same package than it has begun to use.

        Nobody is cut while minutes remain: who reserved ahead when there were plenty gives them back now. The limit
        inside Asterisk is moved first, so that they are never another's and still this call's.
        """
        richest = max(self._spare(needy), key=lambda one: one.spare, default=None)
        if richest is None or self._core.pbx is None or self._core.pbx.state is not LinkState.LIVE:
            return False
        kept = replace(richest.held, minutes=richest.held.minutes - richest.spare)
        assert richest.leg.answered_at is not None
        seconds = (richest.leg.answered_at + kept.limit - self._core.now()).total_seconds()
        try:
            await self._core.pbx.send(actions.absolute_timeout(richest.leg.channel, seconds))
        except AmiError:
            return False
        self._limit_set[richest.leg.id] = kept.limit
        fresh = await self._core.packages.give_back(
            company_id=kept.company_id, call_id=kept.call_id, keep=kept.minutes, now=self._core.now()
        )
        if fresh is not None:
            self._known[kept.call_id] = fresh
        return fresh is not None

    def _spare(self, needy: Reservation) -> Iterator[Spare]:
        """Talking legs that hold whole minutes of the needy one's package which they will not begin soon."""
        now = self._core.now()
        for call in self._core.registry.calls.values():
            for leg in [] if call.over else _paid_legs(call):
                held = self._known.get(holder_of(call.id, leg.role))
                if held is None or held.call_id == needy.call_id or held.package_id != needy.package_id:
                    continue
                assert leg.answered_at is not None
                talked = (now - leg.answered_at + URGENT).total_seconds()
                begun = minutes_for(math.ceil(talked), held.increment_seconds)
                if held.minutes > begun:
                    yield Spare(leg, held, held.minutes - begun)

    async def _warn_or_not(self, call: Call, held: Reservation, paid_for: timedelta) -> None:
        if call.warned or paid_for > timedelta(seconds=held.increment_seconds):
            return
        left = await self._core.packages.left_for(held.company_id, held.call_id, self._core.now())
        if left == 0 and next(self._spare(held), None) is None:
            await self._warn(call, self._core.now() + paid_for)

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
        self._try_at.pop(holder, None)

    async def _set_limit(self, leg: Leg, held: Reservation) -> None:
        """Moves the limit inside Asterisk when more minutes were reserved; tried again until it is set."""
        initial = self._limit_set.get(leg.id)
        if initial is None or initial == held.limit or leg.answered_at is None:
            return  # over meanwhile, or as it should be
        seconds = (leg.answered_at + held.limit - self._core.now()).total_seconds()
        if initial is UNKNOWN:
            seconds = max(1.0, seconds)  # over, and Asterisk may believe that there is an hour left
        if seconds <= 0 or self._core.pbx is None or self._core.pbx.state is not LinkState.LIVE:
            return
        with contextlib.suppress(AmiError):
            await self._core.pbx.send(actions.absolute_timeout(leg.channel, seconds))
            self._limit_set[leg.id] = held.limit

    async def _warn(self, call: Call, ends_at: datetime) -> None:
        """Warns the agent alone, on the screen and with a tone the customer does not hear (P-52)."""
        call.warned = True
        if call.employee_id is not None:
            data: CallWarning = {"call_id": call.id, "kind": "one_minute_left", "ends_at": iso(ends_at)}
            self._core.push.event(call.company_id, WARNING, data, call.employee_id)
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
                async with asyncio.timeout(1.0):
                    await self._nudge.wait()
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
                # A step of the clock that bends these rows' stamps is noticed by now, and in the database.
                now = self._core.now()
                await self._core.flush()
                whole = await witness.complete(self._core.database, rows)
                for settled in await self._core.settlement.advance(self._cel.node, whole, now):
                    await self.refresh_minutes(settled.company_id)
                    await self._core.call_settled(settled)

    async def refresh_minutes(self, company_id: int) -> None:
        """Minutes of a company's employees have moved: they are read again soon, for all moves until then at once."""
        self._moved.add(company_id)

    async def _read_minutes(self) -> None:
        """Notes the agents whose minutes have moved; each company at most once a second."""
        core = self._core
        now = core.now()
        for company_id in [one for one in self._moved if now - self._read_at.get(one, EVER) >= READ_EVERY]:
            self._moved.discard(company_id)
            self._read_at[company_id] = now
            fresh = await core.packages.minutes_left(company_id, now)
            for agent in core.registry.agents.values():
                left = fresh.get(agent.employee_id, 0)
                if agent.company_id == company_id and core.minutes.get(agent.employee_id, 0) != left:
                    core.minutes[agent.employee_id] = left
                    core.agent_changed(agent, False)
