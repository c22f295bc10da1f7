"""What a talking call needs without anybody asking: a hold pressed on a phone, and legs that ended up apart.

A two-party bridge plays the music of a phone's hold by itself; the call's room does not. So when the phone of a leg in
the room holds, the engine puts the call on hold the way the screen does, and when the phone takes it back, both talk
again, whoever had held last. The phone is always right: a call is never shown as talking while its phone holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from callcenter.domain import events as ev
from callcenter.domain.call_rules import parted
from callcenter.domain.calls import TALKING, Call, Leg
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Role
from callcenter.engine.bus import ClockSet, LegHappened
from callcenter.engine.core import Core
from callcenter.engine.moves.transfers import Control
from callcenter.pbx import control as recipe

log = logging.getLogger(__name__)

TICK_SECONDS = 0.25
APART_FOR = timedelta(seconds=1)
"""How long legs of one conversation may be in different bridges: a move takes some milliseconds."""
SETTLE_SECONDS = 2.0
"""How long a leg may take to arrive where it was sent."""


class Follow:
    def __init__(self, core: Core, control: Control) -> None:
        self._core = core
        self._control = control
        self._partner: dict[str, str] = {}
        """Leg whose phone holds -> the leg that waits for it."""
        self._apart: dict[str, datetime] = {}
        self._work: dict[str, asyncio.Task[None]] = {}
        core.bus.on(LegHappened, self._watch)
        core.bus.on(ClockSet, lambda _: self._apart.clear())

    async def run(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for call in list(self._core.registry.calls.values()):
                with contextlib.suppress(Refusal):
                    await self._mend(call)

    def _watch(self, happened: LegHappened) -> None:
        call, leg_id, event = happened.call, happened.leg_id, happened.event
        if isinstance(event, ev.ChannelHeld | ev.ChannelResumed):
            leg = call.legs.get(leg_id)
            running = self._work.get(leg_id)
            if leg is not None and leg.role is Role.AGENT and (running is None or running.done()):
                self._work[leg_id] = asyncio.create_task(self._quietly(self._in_step(call, leg)))
        elif isinstance(event, ev.ChannelEnded):
            self._partner.pop(leg_id, None)
            self._work.pop(leg_id, None)

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Refusal as refusal:
            log.info("a hold of a phone could not be followed: %s", refusal.code)
        except Exception:
            log.exception("a hold of a phone could not be followed")

    async def _in_step(self, call: Call, leg: Leg) -> None:
        """Moves the call until it is where the leg's phone says; a phone may press twice while we move."""
        for _ in range(10):
            async with self._control.locked(call.id):
                wanted = self._wanted(call, leg)
                if wanted is None:
                    return
                partner, place = wanted
                if place == "waiting":
                    self._partner[leg.id] = partner.id
                    await self._control.send(recipe.hold(partner.channel, leg.channel))
                else:
                    self._partner.pop(leg.id, None)
                    await self._control.send(recipe.together(partner.channel, leg.channel))
                await _until_at(leg, place)

    def _wanted(self, call: Call, leg: Leg) -> tuple[Leg, str] | None:
        """Whom the leg's phone concerns and where the leg belongs; None when all is as it should be."""
        if call.over or leg.state not in TALKING:
            return None
        if leg.phone_hold and leg.place == "talking":
            others = [one for one in _in_room(call) if one is not leg]
            # In a talk of three the other two go on; music would be in their way.
            return (others[0], "waiting") if len(others) == 1 else None
        if not leg.phone_hold and leg.place == "waiting":
            known = call.legs.get(self._partner.get(leg.id, ""))
            customer = call.leg_of(Role.CUSTOMER)
            for one in (known, customer):
                if one is not None and one.state in TALKING and one.place == "held":
                    return one, "talking"
        return None

    async def _mend(self, call: Call) -> None:
        """Legs that should talk with each other but sit in different bridges are brought together again."""
        legs = parted(call) if not call.over else []
        if not legs:
            self._apart.pop(call.id, None)
            return
        now = self._core.now()
        if now - self._apart.setdefault(call.id, now) < APART_FOR:
            return
        self._apart[call.id] = now
        log.warning("call %s: its legs are in different bridges; they are brought together", call.id)
        async with self._control.locked(call.id):
            await self._control.send(recipe.together(*(leg.channel for leg in legs)))


def _in_room(call: Call) -> list[Leg]:
    return [leg for leg in call.legs.values() if leg.place == "talking" and leg.state in TALKING]


async def _until_at(leg: Leg, place: str) -> None:
    for _ in range(int(SETTLE_SECONDS / 0.02)):
        if leg.place == place or leg.over:
            return
        await asyncio.sleep(0.02)
