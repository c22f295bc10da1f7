"""Stopping: a loop that is woken in the very moment in which it is told to end must not miss it."""

from __future__ import annotations

import asyncio

import pytest

from tests.web.support import Site


@pytest.mark.parametrize("moments", range(5))
async def test_loops_end_though_they_are_woken_at_the_same_time(site: Site, moments: int) -> None:
    callbacks, metering = site.engine.inbound.callbacks, site.engine.metering
    for work, wake in ((callbacks.run, callbacks._wake), (metering.run_settlement, metering._nudge)):
        task = asyncio.create_task(work())
        await asyncio.sleep(0.05)
        wake.set()
        for _ in range(moments):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task}, timeout=5)
        assert task.cancelled(), f"{work.__qualname__} goes on"
