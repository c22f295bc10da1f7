"""Consultations that go wrong: nobody is left in silence, on hold or alone, with no engine at work."""

from __future__ import annotations

import asyncio

import pytest

from callcenter.pbx import control
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.control_support import (
    AGENT_HZ,
    CUSTOMER,
    CUSTOMER_HZ,
    MUSIC,
    OTHER_AGENT_HZ,
    RINGBACK_HZ,
    THIRD,
    THIRD_HZ,
    Controlled,
    contains,
    heard,
    only,
    outbound,
    talk,
)
from tests.pbx.support import Ami, cel_rows

pytestmark = pytest.mark.live


async def consulting(stack: TelephonyStack, ami: Ami, call_id: str, target: str = THIRD) -> Controlled:
    """The agent talks with the third party, the customer is on hold."""
    call = await outbound(stack, ami, call_id)
    await talk(1)
    await call.do(control.consult(call.agent, call.customer, target))
    await call.third_talks()
    await talk(1.5)
    return call


@pytest.mark.parametrize(
    ("number", "status", "cause"),
    [("13800000021", "BUSY", "17"), ("13800000020", "NOANSWER", "19"), ("19912", "CHANUNAVAIL", "1")],
    ids=["busy", "no answer", "wrong number"],
)
async def test_a_third_party_that_does_not_answer_gives_the_customer_back(
    stack: TelephonyStack, ami: Ami, number: str, status: str, cause: str
) -> None:
    call = await outbound(stack, ami, f"fails-{status}-{cause}")
    await talk(1)
    await call.do(control.consult(call.agent, call.customer, number, ring_seconds=2))
    failed = await ami.wait("UserEvent", UserEvent="ConsultFailed", Uniqueid=call.ids["agent"])
    assert (failed["DialStatus"], failed["Cause"]) == (status, cause)
    await call.placed("agent", "talking")
    await call.placed("customer", "talking")
    await talk()
    await call.end()
    agent = heard(stack.carrier.heard("agent-12")[-1], shortest=0.25)
    tone = agent[agent.index(only(CUSTOMER_HZ)) :]
    assert only(RINGBACK_HZ) in tone and tone[-1] == only(CUSTOMER_HZ), agent
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ), MUSIC, only(AGENT_HZ)), call.heard(CUSTOMER)
    assert "ANSWER" not in dict(cel_rows(stack.pbx, f"{call.id}.third"))
    call.accounted("agent", "customer")


async def test_a_third_party_that_hangs_up_gives_the_customer_back(stack: TelephonyStack, ami: Ami) -> None:
    call = await consulting(stack, ami, "third-hangs-up")
    await stack.carrier.hangup(THIRD)
    await call.over("third")
    await call.placed("agent", "talking")
    await call.placed("customer", "talking")
    await talk()
    await call.end()
    assert contains(call.heard("agent-12"), only(CUSTOMER_HZ), only(THIRD_HZ), only(CUSTOMER_HZ))
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ), MUSIC, only(AGENT_HZ))
    call.accounted("agent", "customer", "third")


async def test_a_customer_who_hangs_up_leaves_the_agent_with_the_third_party(stack: TelephonyStack, ami: Ami) -> None:
    call = await consulting(stack, ami, "customer-hangs-up")
    await stack.carrier.hangup(CUSTOMER)
    await call.over("customer")
    await talk(2)
    assert not ami.seen("Hangup", Uniqueid=call.ids["agent"])
    await stack.carrier.hangup(THIRD)
    await call.over("third", "agent", timeout=2)
    await call.finish()
    assert call.heard("agent-12")[-1] == only(THIRD_HZ)
    call.accounted("agent", "customer", "third")


async def test_an_agent_who_hangs_up_connects_the_customer_with_the_third_party(
    stack: TelephonyStack, ami: Ami
) -> None:
    call = await consulting(stack, ami, "agent-hangs-up")
    await stack.carrier.hangup("agent-12")
    await call.over("agent")
    await call.placed("customer", "talking")
    await talk(2)
    await stack.carrier.hangup(CUSTOMER)
    await call.over("customer", "third", timeout=2)
    await call.finish()
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ), MUSIC, only(THIRD_HZ)), call.heard(CUSTOMER)
    assert contains(call.heard(THIRD), only(AGENT_HZ), only(CUSTOMER_HZ)), call.heard(THIRD)
    call.accounted("agent", "customer", "third")


async def test_an_agent_who_hangs_up_while_the_third_party_rings_ends_the_call(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "agent-gives-up")
    await talk(0.5)
    await call.do(control.consult(call.agent, call.customer, "13800000020"))
    await call.learn("third")
    await talk(1)
    await stack.carrier.hangup("agent-12")
    await call.over("agent", "third", "customer", timeout=2)
    await call.finish()
    call.accounted("agent", "customer")


@pytest.mark.parametrize("who", ["agent-12", CUSTOMER])
async def test_whoever_hangs_up_after_a_swap_the_one_on_hold_is_connected(
    stack: TelephonyStack, ami: Ami, who: str
) -> None:
    call = await consulting(stack, ami, f"swap-{who}")
    await call.do(control.swap(call.agent, call.customer, call.third))
    await call.placed("customer", "talking")
    await talk(1.25)
    await stack.carrier.hangup(who)
    await call.placed("third", "talking")
    await talk()
    await call.end()
    left = CUSTOMER_HZ if who == "agent-12" else AGENT_HZ
    assert contains(call.heard(THIRD), only(AGENT_HZ), MUSIC, only(left)), call.heard(THIRD)
    call.accounted("agent", "customer", "third")


async def test_a_ringing_third_party_can_be_cancelled(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "cancel-ringing")
    await talk(0.5)
    await call.do(control.consult(call.agent, call.customer, "13800000020"))
    await call.learn("third")
    await talk(1)
    await call.do(control.cancel(call.agent, call.customer, None))
    await call.over("third", timeout=2)
    await talk()
    await call.end()
    assert call.heard("agent-12")[-1] == only(CUSTOMER_HZ)
    assert call.heard(CUSTOMER)[-1] == only(AGENT_HZ)


async def test_another_agents_phone_can_be_consulted_and_takes_the_customer(stack: TelephonyStack, ami: Ami) -> None:
    call = await consulting(stack, ami, "colleague", "agent-13")
    await call.do(control.complete(call.customer, call.third, call.agent))
    await call.over("agent")
    await talk()
    await stack.carrier.hangup("agent-13")
    await call.over("third", "customer", timeout=2)
    await call.finish()
    assert contains(call.heard(CUSTOMER), MUSIC, only(OTHER_AGENT_HZ)), call.heard(CUSTOMER)
    assert contains(call.heard("agent-13"), only(AGENT_HZ), only(CUSTOMER_HZ)), call.heard("agent-13")
    call.accounted("agent", "customer", "third")


async def test_the_third_partys_own_limit_ends_its_leg_alone(stack: TelephonyStack, ami: Ami) -> None:
    call = await outbound(stack, ami, "third-limit")
    await call.do(control.consult(call.agent, call.customer, THIRD, limit_seconds=3))
    await call.third_talks()
    await call.do(control.three_way(call.customer, call.agent, call.third))
    await call.over("third")
    await talk()
    await call.end()
    rows = dict(cel_rows(stack.pbx, f"{call.id}.third"))
    assert rows["HANGUP"] - rows["ANSWER"] == pytest.approx(3.0, abs=0.15)
    assert contains(call.heard(CUSTOMER), only(AGENT_HZ, THIRD_HZ), only(AGENT_HZ)), call.heard(CUSTOMER)


@pytest.mark.parametrize("first", ["complete", "cancel"])
async def test_two_commands_at_once_leave_nobody_alone(stack: TelephonyStack, ami: Ami, first: str) -> None:
    call = await consulting(stack, ami, f"at-once-{first}")
    commands = [
        control.complete(call.customer, call.third, call.agent),
        control.cancel(call.agent, call.customer, call.third),
    ]
    if first == "cancel":
        commands.reverse()
    await asyncio.gather(*(ami.action(action) for command in commands for action in command))
    await talk(4)
    listed = await stack.pbx.cli("core show channels concise")
    alive = [line.split("!")[8] for line in listed.splitlines() if line.startswith("PJSIP/")]
    await call.end()
    # Whichever was carried out, it was carried out whole.
    if f"{call.id}.agent" in alive:
        assert sorted(alive) == [f"{call.id}.agent", f"{call.id}.customer"]
        assert (call.heard(CUSTOMER)[-1], call.heard("agent-12")[-1]) == (only(AGENT_HZ), only(CUSTOMER_HZ))
    else:
        assert sorted(alive) == [f"{call.id}.customer", f"{call.id}.third"]
        assert (call.heard(CUSTOMER)[-1], call.heard(THIRD)[-1]) == (only(THIRD_HZ), only(CUSTOMER_HZ))
    call.accounted("agent", "customer", "third")
