"""What Asterisk keeps by itself while a call is moved about: the paid end, and that nobody is left alone."""

from __future__ import annotations

import asyncio

import pytest

from callcenter.pbx import control
from callcenter.pbx.provision import EndpointSpec, write_endpoints
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.control_support import CUSTOMER, MUSIC, THIRD, outbound, talk
from tests.pbx.sip_client import DeskPhone
from tests.pbx.support import Ami, cel_rows

pytestmark = pytest.mark.live


async def test_the_customers_paid_end_survives_every_move(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "paid-end", limit_seconds=6)
    await call.do(control.hold(call.customer, call.agent))
    await call.placed("customer", "held")
    await call.do(control.resume(call.customer, call.agent))
    await talk(1)
    await call.do(control.consult(call.agent, call.customer, THIRD))
    await call.third_talks()
    await call.do(control.three_way(call.customer, call.agent, call.third))
    await call.over("customer")
    await talk(0.5)
    await call.end()
    rows = dict(cel_rows(stack.pbx, f"{call.id}.customer"))
    assert rows["HANGUP"] - rows["ANSWER"] == pytest.approx(6.0, abs=0.15)


async def test_a_customer_whose_minutes_end_on_hold_is_cut(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "cut-on-hold", limit_seconds=3)
    await call.do(control.hold(call.customer, call.agent))
    await call.over("customer", "agent", timeout=6)
    await call.finish()
    rows = dict(cel_rows(stack.pbx, f"{call.id}.customer"))
    assert rows["HANGUP"] - rows["ANSWER"] == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("delay", [0.0, 0.002, 0.01, 0.1])
async def test_two_who_leave_while_the_room_is_made_leave_nobody_in_it(
    stack: TelephonyStack, ami: Ami, delay: float
) -> None:
    call = await outbound(stack, ami, f"leave-{delay}")
    await call.do(control.consult(call.agent, call.customer, THIRD))
    await call.third_talks()
    await call.do(control.three_way(call.customer, call.agent, call.third))
    await asyncio.sleep(delay)
    await asyncio.gather(*(call.do(control.drop(one)) for one in (call.agent, call.third)))
    await call.over("agent", "third", "customer", timeout=3)
    await call.finish()


async def test_a_desk_phones_hold_is_answered_with_music_in_the_room_too(stack: TelephonyStack, ami: Ami) -> None:
    specs = [EndpointSpec(number, f"desk-secret-{number}", f"坐席{number}") for number in (12, 13, 14)]
    await write_endpoints(stack.pbx, specs)
    phone = DeskPhone("agent-14", "desk-secret-14", stack.settings.sip_port)
    await phone.open()
    try:
        call = await outbound(stack, ami, "desk-hold", agent="agent-14")
        await call.do(control.hold(call.customer, call.agent))
        await call.placed("customer", "held")
        await call.do(control.resume(call.customer, call.agent))
        await talk(1)
        await phone.set_direction("sendonly", 101)
        await ami.wait("Hold", Uniqueid=call.id)
        # A conference plays no music for one member's hold: whoever sees the event holds the call as the screen does.
        await call.do(control.hold(call.customer, call.agent))
        await talk(2)
        await phone.set_direction("sendrecv", 102)
        await ami.wait("Unhold", Uniqueid=call.id)
        await call.do(control.resume(call.customer, call.agent))
        await talk(1)
        await call.end()
    finally:
        phone.close()
        await write_endpoints(stack.pbx, specs[:2])
    assert call.heard(CUSTOMER) == ["silence", MUSIC, "silence"], "this phone itself sends no sound"


async def test_swapping_again_and_again_never_parts_the_two_who_talk(stack: TelephonyStack, ami: Ami) -> None:
    """In the room's own words: agent and partner are in one and the same bridge after each of forty moves."""
    call = await outbound(stack, ami, "swap-swap")
    await call.do(control.consult(call.agent, call.customer, "agent-13"))
    await call.third_talks()

    def bridge(role: str) -> str:
        return ami.seen("BridgeEnter", Uniqueid=call.ids[role])[-1]["BridgeUniqueid"]

    apart = []
    for turn in range(40):
        talks, waits = ("customer", "third") if turn % 2 == 0 else ("third", "customer")
        before = len(ami.seen("BridgeEnter", Uniqueid=call.ids["agent"]))
        if turn % 5 == 4:  # the same two as before: both leave the room and come back
            talks, waits = waits, talks
        await call.do(control.swap(call.agent, call.channels[talks], call.channels[waits]))
        while len(ami.seen("BridgeEnter", Uniqueid=call.ids["agent"])) == before:
            await talk(0.05)
        await talk(0.3)
        if bridge("agent") != bridge(talks):
            apart.append(turn)
    await call.end()
    assert not apart
