"""Legs of one conversation that ended up in different bridges are brought together, but never in haste."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

from callcenter.domain.calls import Call, Leg
from callcenter.domain.terms import Direction, LegState, Role
from callcenter.engine.bus import Bus
from callcenter.engine.core import Core
from callcenter.engine.moves.holds import APART_FOR, Follow
from callcenter.engine.moves.transfers import Control

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


class Hand:
    """STAND-IN for the control of calls: keeps what was sent."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    @contextlib.asynccontextmanager
    async def locked(self, call_id: str) -> AsyncIterator[None]:
        yield

    async def send(self, actions: Sequence[Any]) -> None:
        self.sent += actions


async def test_legs_that_stay_apart_are_sent_to_the_room_again() -> None:
    call = Call("c", 1, Direction.OUTBOUND, "+8613800000001", NOW)
    for name, role in (("1", Role.AGENT), ("2", Role.CUSTOMER), ("3", Role.THIRD)):
        call.legs[name] = Leg(name, role, channel=f"PJSIP/leg-{name}", state=LegState.CONNECTED, place="talking")
        call.legs[name].bridge = "room" if name != "3" else "elsewhere"
    clock = SimpleNamespace(now=NOW)
    core = SimpleNamespace(registry=SimpleNamespace(calls={"c": call}), bus=Bus(), now=lambda: clock.now)
    hand = Hand()
    follow = Follow(cast(Core, core), cast(Control, hand))
    await follow._mend(call)
    clock.now += APART_FOR / 2
    await follow._mend(call)
    assert hand.sent == [], "a move takes a moment"
    clock.now += APART_FOR
    await follow._mend(call)
    assert [(one["Action"], one["Channel"], one["Context"]) for one in hand.sent] == [
        ("Redirect", f"PJSIP/leg-{name}", "leg-talking") for name in "123"
    ]
    await follow._mend(call)
    assert len(hand.sent) == 3, "not again at once"
    for leg in call.legs.values():
        leg.bridge = "room"
    clock.now += timedelta(seconds=5)
    await follow._mend(call)
    assert len(hand.sent) == 3
