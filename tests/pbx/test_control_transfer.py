"""Blind transfer with its way back, supervision, and control of calls that came in through a queue."""

from __future__ import annotations

import pytest

from callcenter.pbx import control, tones
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.control_support import (
    AGENT_HZ,
    CALLER_HZ,
    CUSTOMER,
    CUSTOMER_HZ,
    MUSIC,
    OTHER_AGENT_HZ,
    THIRD,
    THIRD_HZ,
    Controlled,
    contains,
    heard,
    inbound,
    only,
    outbound,
    talk,
)
from tests.pbx.support import Ami, cel_rows

pytestmark = pytest.mark.live

DID = "02155550002"
SUPERVISOR = "PJSIP/agent-13"


async def queue_with(ami: Ami, phone: str) -> None:
    await ami.action({"Action": "DBPut", "Family": "did", "Key": DID, "Val": "q-2"})
    await ami.action({"Action": "QueueAdd", "Queue": "q-2", "Interface": f"PJSIP/{phone}", "MemberName": phone})


async def empty_queue(ami: Ami) -> None:
    for phone in ("agent-12", "agent-13"):
        await ami.action({"Action": "QueueRemove", "Queue": "q-2", "Interface": f"PJSIP/{phone}"})


@pytest.mark.parametrize(
    ("target", "hz", "party"), [(THIRD, THIRD_HZ, THIRD), ("agent-13", OTHER_AGENT_HZ, "agent-13")]
)
async def test_a_blind_transfer_connects_customer_and_target(
    stack: TelephonyStack, ami: Ami, target: str, hz: int, party: str
) -> None:
    call = await outbound(stack, ami, f"blind-{target}")
    await talk(1)
    await call.do(control.blind_transfer(call.customer, call.agent, target, "agent-12", shown_to_agent="138****01"))
    await call.over("agent")
    await call.third_talks()
    await talk(2)
    await stack.carrier.hangup(party)
    await call.over("third", "customer", timeout=2)
    await call.finish()
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ), only(hz)), call.heard(CUSTOMER)
    assert call.heard(party)[-1] == only(CUSTOMER_HZ)
    call.accounted("agent", "customer", "third")


async def test_a_blind_transfer_out_of_the_calls_room_takes_the_customer_along(stack: TelephonyStack, ami: Ami) -> None:
    """The agent's leg ends while the customer is on the way out; the customer is not taken for the last one left."""
    call = await outbound(stack, ami, "blind-from-room")
    await call.do(control.hold(call.customer, call.agent))
    await talk(0.5)
    await call.do(control.resume(call.customer, call.agent))
    await talk(1)
    await call.do(control.blind_transfer(call.customer, call.agent, THIRD, "agent-12", shown_to_agent="138****01"))
    await call.over("agent")
    await call.third_talks()
    await talk(1)
    await stack.carrier.hangup(THIRD)
    await call.over("third", "customer", timeout=2)
    await call.finish()
    assert call.heard(CUSTOMER)[-1] == only(THIRD_HZ), call.heard(CUSTOMER)
    call.accounted("agent", "customer", "third")


async def test_a_blind_transfer_to_a_queue_reaches_its_agent(stack: TelephonyStack, ami: Ami) -> None:
    await queue_with(ami, "agent-13")
    try:
        call = await outbound(stack, ami, "blind-queue")
        await call.do(control.blind_transfer(call.customer, call.agent, "q-2", "agent-12"))
        connected = await ami.wait("AgentConnect")
        assert connected["DestAccountCode"] == "blind-queue.agent"
        await talk(2)
        await stack.carrier.hangup("agent-13")
        await call.over("customer", timeout=2)
        await call.finish()
    finally:
        await empty_queue(ami)
    assert call.heard(CUSTOMER)[-1] == only(OTHER_AGENT_HZ), call.heard(CUSTOMER)


async def test_an_unanswered_blind_transfer_comes_back_to_the_agents_phone(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "comes-back")
    await talk(1)
    await call.do(control.blind_transfer(call.customer, call.agent, "13800000020", "agent-12", ring_seconds=2))
    await call.placed("customer", "return")
    await talk(2.5)
    await stack.carrier.hangup("agent-12")
    await call.over("customer")
    await call.finish()
    assert call.heard("agent-12") == [only(CUSTOMER_HZ)], "a new leg of the same phone"
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ)) and call.heard(CUSTOMER)[-1] == only(AGENT_HZ)
    agents = [kind for kind, _ in cel_rows(stack.pbx, f"{call.id}.agent")]
    assert (agents.count("ANSWER"), agents.count("HANGUP")) == (2, 2), agents
    call.accounted("customer")


async def test_a_blind_transfer_that_nobody_answers_ends_with_its_own_cause(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "nobody")
    await stack.carrier.set_phone("agent-13", answer_after=None)
    move = control.blind_transfer(call.customer, call.agent, "13800000021", "agent-13", return_seconds=2)
    await call.do(move)
    await call.over("agent", "customer")
    await call.finish()
    ended = ami.seen("Hangup", Uniqueid=call.ids["customer"])[0]
    assert ended["Cause"] == "19", ended
    rung = [one["DestAccountCode"] for one in ami.seen("DialBegin")]
    assert rung[-2:] == ["nobody.third", "nobody.agent"]
    call.accounted("customer")


async def test_an_inbound_call_is_held_consulted_and_transferred(stack: TelephonyStack, ami: Ami) -> None:
    await queue_with(ami, "agent-12")
    try:
        call, to_caller = await inbound(stack, ami, DID)
        await talk(1)
        await call.do(control.hold(call.customer, call.agent))
        await talk(1.25)
        await call.do(control.resume(call.customer, call.agent))
        await talk(1.25)
        await call.do(control.consult(call.agent, call.customer, THIRD))
        await call.third_talks()
        await talk(1.25)
        await call.do(control.three_way(call.customer, call.agent, call.third))
        await talk()
        await call.do(control.drop(call.agent))
        await talk()
        await call.end()
    finally:
        await empty_queue(ami)
    agent, third, caller = (only(hz) for hz in (AGENT_HZ, THIRD_HZ, CALLER_HZ))
    assert contains(heard(to_caller), agent, MUSIC, agent, MUSIC, only(AGENT_HZ, THIRD_HZ), third), heard(to_caller)
    assert contains(call.heard(THIRD), agent, only(AGENT_HZ, CALLER_HZ), caller), call.heard(THIRD)
    call.accounted("agent", "customer", "third")
    assert tones.hears(call.recorded()[0], CALLER_HZ, 4)


async def supervised(stack: TelephonyStack, ami: Ami, call_id: str, mode: str) -> Controlled:
    call = await outbound(stack, ami, call_id)
    await talk(1)
    await call.do(
        control.supervise(
            mode,
            call_id=call_id,
            channel_id=f"{call_id}.s1",
            supervisor_phone=SUPERVISOR,
            agent_channel=call.agent,
        )
    )
    await call.learn("supervisor")
    await ami.wait("ChanSpyStart")
    return call


async def test_a_supervisor_listens_whispers_and_barges_without_being_rung_again(
    stack: TelephonyStack, ami: Ami
) -> None:
    call = await supervised(stack, ami, "supervised", "listen")
    supervisor = call.channels["supervisor"]
    await talk(2)
    await call.do(control.change_mode(supervisor, "whisper"))
    await talk(2)
    await call.do(control.change_mode(supervisor, "barge"))
    await talk(2)
    await call.do(control.change_mode(supervisor, "listen"))
    await talk(2)
    await call.do(control.drop(call.customer))
    await call.over("supervisor", "agent", timeout=2)
    await call.finish()
    agent, customer, coach = AGENT_HZ, CUSTOMER_HZ, OTHER_AGENT_HZ
    assert contains(call.heard("agent-13"), only(agent, customer)), call.heard("agent-13")
    assert contains(call.heard("agent-12"), only(customer), only(customer, coach), only(customer))
    assert contains(call.heard(CUSTOMER), only(agent), only(agent, coach), only(agent)), call.heard(CUSTOMER)
    both = tones.heard_tones(stack.carrier.heard("agent-12")[-1], [coach], 0.25)
    outside = tones.heard_tones(stack.carrier.heard(CUSTOMER)[-1], [coach], 0.25)
    spoken = [sum(map(len, one)) * 0.25 for one in (both, outside)]
    assert spoken[0] == pytest.approx(4, abs=0.75) and spoken[1] == pytest.approx(2, abs=0.75), spoken
    call.accounted("agent", "customer", "supervisor")


async def test_a_supervisor_takes_the_call_over(stack: TelephonyStack, ami: Ami) -> None:
    call = await supervised(stack, ami, "taken-over", "listen")
    await talk(1)
    await call.do(control.take_over(call.channels["supervisor"], call.customer, call.agent))
    await call.over("agent")
    await talk(2)
    await stack.carrier.hangup(CUSTOMER)
    await call.over("customer", "supervisor", timeout=2)
    await call.finish()
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ), only(OTHER_AGENT_HZ)), call.heard(CUSTOMER)
    assert call.heard("agent-13")[-1] == only(CUSTOMER_HZ), call.heard("agent-13")
    call.accounted("agent", "customer", "supervisor")


async def test_a_supervisor_is_heard_by_all_three_in_a_three_way_call(stack: TelephonyStack, ami: Ami) -> None:
    call = await supervised(stack, ami, "barge-room", "listen")
    await call.do(control.consult(call.agent, call.customer, THIRD))
    await call.third_talks()
    await call.do(control.three_way(call.customer, call.agent, call.third))
    await talk(1.5)
    await call.do(control.change_mode(call.channels["supervisor"], "barge"))
    await talk(2)
    await call.do(control.drop(call.agent))
    await talk(1.5)
    await stack.carrier.hangup(THIRD)
    await call.over("third", "customer", "supervisor", timeout=2)
    await call.finish()
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ, THIRD_HZ), only(AGENT_HZ, THIRD_HZ, OTHER_AGENT_HZ))
    call.accounted("agent", "customer", "third", "supervisor")
