"""Hold, consultation, attended transfer, three-way: who hears whom, what is recorded, what is written down."""

from __future__ import annotations

import pytest

from callcenter.pbx import control, tones
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.control_support import (
    AGENT_HZ,
    CUSTOMER,
    CUSTOMER_HZ,
    MUSIC,
    THIRD,
    THIRD_HZ,
    contains,
    only,
    outbound,
    talk,
)
from tests.pbx.support import Ami, cel_rows

pytestmark = pytest.mark.live


async def test_hold_from_the_screen_plays_music_to_the_customer_and_silence_to_the_agent(
    stack: TelephonyStack, ami: Ami
) -> None:
    call = await outbound(stack, ami, "hold-resume")
    await talk()
    await call.do(control.hold(call.customer, call.agent))
    await call.placed("customer", "held")
    await talk(2)
    await call.do(control.resume(call.customer, call.agent))
    await call.placed("customer", "talking")
    await talk()
    await call.do(control.drop(call.customer))
    await call.over("agent", "customer")
    await call.finish()
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ), MUSIC, only(AGENT_HZ)), call.heard(CUSTOMER)
    assert call.heard("agent-12")[-3:] == [only(CUSTOMER_HZ), "silence", only(CUSTOMER_HZ)], call.heard("agent-12")
    call.accounted("agent", "customer")


async def test_an_attended_transfer_leaves_customer_and_third_party_talking(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "attended")
    await talk()
    await call.do(control.consult(call.agent, call.customer, THIRD, display_number="01088886666"))
    await call.third_talks()
    await talk(2)
    await call.do(control.complete(call.customer, call.third, call.agent))
    await call.placed("customer", "talking")
    await call.over("agent")
    await talk(2)
    await stack.carrier.hangup(THIRD)
    await call.over("third", "customer", timeout=2)
    await call.finish()
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ), MUSIC, only(THIRD_HZ)), call.heard(CUSTOMER)
    assert contains(call.heard(THIRD), only(AGENT_HZ), only(CUSTOMER_HZ)), call.heard(THIRD)
    assert contains(call.heard("agent-12"), only(CUSTOMER_HZ), only(THIRD_HZ)), call.heard("agent-12")
    call.accounted("agent", "customer", "third")
    said, other = call.recorded()
    rows = cel_rows(stack.pbx, f"{call.id}.customer")
    enters = [at for kind, at in rows if kind == "BRIDGE_ENTER"]
    exits = [at for kind, at in rows if kind == "BRIDGE_EXIT"]
    talked = sum(exits) - sum(enters)
    assert tones.seconds(said) == pytest.approx(talked, abs=0.2), "as long as the customer talked, without the hold"
    assert tones.seconds(other) == pytest.approx(tones.seconds(said), abs=0.05)
    assert tones.hears(said, CUSTOMER_HZ, 3.0) and tones.hears(other, AGENT_HZ, 1.0)
    assert tones.hears(other, THIRD_HZ, 1.5), "one recording holds both conversations of the customer"


async def test_swapping_lets_the_agent_talk_with_one_while_the_other_hears_music(
    stack: TelephonyStack, ami: Ami
) -> None:
    call = await outbound(stack, ami, "swapped")
    await talk(1)
    await call.do(control.consult(call.agent, call.customer, THIRD))
    await call.third_talks()
    await talk()
    await call.do(control.swap(call.agent, call.customer, call.third))
    await call.placed("customer", "talking")
    await talk()
    await call.do(control.swap(call.agent, call.third, call.customer))
    await call.placed("third", "talking")
    await talk()
    await call.do(control.cancel(call.agent, call.customer, call.third))
    await call.over("third")
    await call.placed("customer", "talking", 2)
    await talk()
    await call.end()
    agent, customer, third = (only(hz) for hz in (AGENT_HZ, CUSTOMER_HZ, THIRD_HZ))
    assert contains(call.heard("agent-12"), customer, third, customer, third, customer), call.heard("agent-12")
    assert contains(call.heard(CUSTOMER), MUSIC, agent, MUSIC, agent), call.heard(CUSTOMER)
    assert contains(call.heard(THIRD), agent, MUSIC, agent), call.heard(THIRD)
    call.accounted("agent", "customer", "third")


async def test_three_talk_until_the_agent_leaves_and_the_last_one_is_ended(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "three-way")
    await call.do(control.consult(call.agent, call.customer, THIRD))
    await call.third_talks()
    await talk(1)
    await call.do(control.three_way(call.customer, call.agent, call.third))
    await call.placed("customer", "talking")
    await talk(2)
    await call.do(control.drop(call.agent))
    await call.over("agent")
    await talk(2)
    await stack.carrier.hangup(CUSTOMER)
    await call.over("customer", "third", timeout=2)
    await call.finish()
    assert contains(call.heard("agent-12"), only(CUSTOMER_HZ, THIRD_HZ)), call.heard("agent-12")
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ, THIRD_HZ), only(THIRD_HZ)), call.heard(CUSTOMER)
    assert contains(call.heard(THIRD), only(AGENT_HZ, CUSTOMER_HZ), only(CUSTOMER_HZ)), call.heard(THIRD)
    call.accounted("agent", "customer", "third")
