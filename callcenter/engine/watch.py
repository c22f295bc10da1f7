"""Looks at the wall clock once a second and finds what happened to it while no engine ran."""

from __future__ import annotations

import asyncio
import logging

from callcenter.engine.clock import LOOK_SECONDS, SEEN_EVERY, SteppingClock
from callcenter.engine.core import Core
from callcenter.engine.restoring import restore
from callcenter.ledger import clock_steps

log = logging.getLogger(__name__)


class ClockWatch:
    """Does nothing when the engine was given a clock that cannot step (a test's)."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._clock = core.now if isinstance(core.now, SteppingClock) else None

    async def load(self) -> None:
        """Loads what the last engine left, and moves it along if the clock was set since."""
        core, clock = self._core, self._clock
        if clock is None:
            await restore(core)
            return
        async with core.database.read() as connection:
            before = await clock_steps.last_seen(connection, clock.node)
        step = clock.recall(before)
        began = clock()
        clock.on_step = core.stepped
        await restore(core)
        if step is not None:
            log.warning("the wall clock was set by %+.3f s while no engine ran", step.seconds)
            core.stepped(step, clock.seen(), began)
            await core.flush()
        await self._see()

    async def run(self) -> None:
        looks = 0
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self._core.now()
            looks += 1
            try:
                await self._core.flush()  # a step is in the database before anything is charged
                if looks % int(SEEN_EVERY / LOOK_SECONDS) == 0:
                    await self._see()
            except Exception:
                log.exception("the look at the clock could not be kept; the next one follows")

    async def _see(self) -> None:
        if self._clock is not None:
            async with self._core.database.write() as connection:
                await clock_steps.see(connection, self._clock.seen())
