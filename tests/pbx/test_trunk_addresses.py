"""A carrier with several addresses: calls go to one that answers."""

from __future__ import annotations

import asyncio
import dataclasses
import time

import pytest

from callcenter.pbx.actions import dial_out_action
from callcenter.pbx.provision import write_trunk
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.support import Ami

DEAD = ("127.0.0.1:9", "127.0.0.3:9", "127.0.0.4:9")


@pytest.mark.live
async def test_calls_go_to_an_address_that_answers(stack: TelephonyStack, ami: Ami) -> None:
    usual = stack.trunk()
    await write_trunk(stack.pbx, dataclasses.replace(usual, others=DEAD))
    try:
        deadline = time.monotonic() + 90
        while (shown := await stack.pbx.cli("pjsip show contacts")).count(":9 ") != shown.count("Unavail"):
            assert time.monotonic() < deadline, shown
            await asyncio.sleep(0.2)
        assert shown.count("Unavail") == len(DEAD)
        await stack.carrier.set_phone("agent-12", answer_after=0.2)
        for number in range(3):
            call = f"address-{number}"
            await ami.originate(dial_out_action(call_id=call, agent_channel="PJSIP/agent-12", number="13800000003"))
            customer = await ami.channel_of(f"{call}.customer")
            await ami.wait("BridgeEnter", Uniqueid=customer["Uniqueid"])
            await stack.carrier.hangup("13800000003")
            await ami.gone(call)
    finally:
        await write_trunk(stack.pbx, usual)
