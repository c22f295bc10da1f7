"""A call that was answered a moment ago is moved once its parties are in their bridge, and not before."""

from __future__ import annotations

import asyncio

import pytest

from callcenter.domain.calls import Call, Leg
from callcenter.domain.terms import CallState, Direction, LegState, Role
from callcenter.engine.moves import bridging
from callcenter.store.base import utcnow


def answered() -> Call:
    call = Call("c", 1, Direction.OUTBOUND, "+8613800000001", utcnow(), state=CallState.TALKING)
    for role in (Role.AGENT, Role.CUSTOMER):
        call.legs[role.value] = Leg(role.value, role, state=LegState.CONNECTED)
    return call


async def test_a_move_waits_for_the_bridge() -> None:
    call = answered()
    moving = asyncio.create_task(bridging.bridged(call))
    await asyncio.sleep(5 * bridging.LOOK_SECONDS)
    assert not moving.done()
    call.legs["customer"].bridge = "b"
    async with asyncio.timeout(30):
        await moving


async def test_whoever_was_moved_before_or_is_over_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waited(_: float) -> None:
        raise AssertionError("nothing is waited for")

    monkeypatch.setattr(asyncio, "sleep", waited)
    held, over = answered(), answered()
    for leg in held.legs.values():
        leg.place = "held"
    over.state = CallState.ENDED
    await bridging.bridged(held)
    await bridging.bridged(over)
