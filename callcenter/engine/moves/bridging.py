"""The moment between an answer and the bridge, in which a call must not be moved."""

from __future__ import annotations

import asyncio

from callcenter.domain.calls import TALKING, Call

PATIENCE_SECONDS = 1.0
LOOK_SECONDS = 0.02


async def bridged(call: Call) -> None:
    """Waits until those who were connected a moment ago are in their bridge.

    Asterisk tells of an answer some milliseconds before. Whoever is moved in between is lost to the other, who is hung
    up. A call whose bridge we missed is moved after a second all the same.
    """
    for _ in range(int(PATIENCE_SECONDS / LOOK_SECONDS)):
        fresh = any(leg.state in TALKING and not leg.place for leg in call.legs.values())
        if call.over or not fresh or any(leg.bridge for leg in call.legs.values()):
            return
        await asyncio.sleep(LOOK_SECONDS)
