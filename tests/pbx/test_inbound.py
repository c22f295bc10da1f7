"""Calls from the phone network: routed by number, queued, given to the agent who has been idle longest."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callcenter.pbx import tones
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.support import Ami, cel_rows

pytestmark = pytest.mark.live

DID = "02155550001"


@pytest_asyncio.fixture
async def queue(stack: TelephonyStack, ami: Ami) -> AsyncIterator[str]:
    await ami.send({"Action": "DBPut", "Family": "did", "Key": DID, "Val": "q-1"})
    yield "q-1"
    for number in (12, 13):
        await ami.action({"Action": "QueueRemove", "Queue": "q-1", "Interface": f"PJSIP/agent-{number}"})


async def join(ami: Ami, queue: str, *numbers: int) -> None:
    for number in numbers:
        interface = f"PJSIP/agent-{number}"
        await ami.send({"Action": "QueueAdd", "Queue": queue, "Interface": interface, "MemberName": f"agent-{number}"})


async def test_a_call_reaches_the_first_agent_of_its_queue(stack: TelephonyStack, ami: Ami, queue: str) -> None:
    await stack.carrier.set_phone("agent-12", answer_after=0.5)
    await stack.carrier.set_phone("agent-13", answer_after=0.5)
    await join(ami, queue, 13, 12)
    call = await stack.carrier.call_in(DID, "13900000077", tone_hz=650, seconds=3)
    joined = await ami.wait("QueueCallerJoin")
    call_id = joined["Uniqueid"]
    assert call_id.startswith("pbx-") and joined["CallerIDNum"] == "13900000077"
    assert joined["AccountCode"] == f"{call_id}.customer"
    connected = await ami.wait("AgentConnect")
    assert connected["Interface"] == "PJSIP/agent-13"
    assert connected["DestAccountCode"] == f"{call_id}.agent"
    await ami.gone(call_id)
    await stack.carrier.quiet()

    assert tones.hears(call.heard, 750, 2.0), "the caller hears agent 13"
    assert tones.hears(stack.carrier.heard("agent-13")[-1], 650, 2.0)
    rows = dict(cel_rows(stack.pbx, f"{call_id}.customer"))
    assert rows["ANSWER"] == pytest.approx(rows["BRIDGE_ENTER"], abs=0.1), "answered when the agent takes it"
    for role in ("customer", "agent"):
        path = stack.pbx.spool / "recordings" / f"{call_id}.{role}.wav"
        talk = rows["BRIDGE_EXIT"] - rows["BRIDGE_ENTER"]
        assert tones.seconds(path) == pytest.approx(talk, abs=0.3)
    assert tones.hears(stack.pbx.spool / "recordings" / f"{call_id}.customer.wav", 650, 2.0)


async def test_the_next_agent_is_rung_when_the_first_does_not_answer(
    stack: TelephonyStack, ami: Ami, queue: str
) -> None:
    # Two seconds per phone instead of twenty, for this test alone.
    generated = stack.pbx.etc / "queues_generated.conf"
    text = generated.read_text("utf-8")
    generated.write_text(text.replace("[q-1](queue_template)\n", "[q-1](queue_template)\ntimeout = 2\n"), "utf-8")
    await stack.pbx.cli("queue reload all")
    try:
        await stack.carrier.set_phone("agent-12", answer_after=None)
        await stack.carrier.set_phone("agent-13", answer_after=0.2)
        await join(ami, queue, 12, 13)
        await stack.carrier.call_in(DID, seconds=1)
        missed = await ami.wait("AgentRingNoAnswer")
        connected = await ami.wait("AgentConnect")
        assert (missed["Interface"], connected["Interface"]) == ("PJSIP/agent-12", "PJSIP/agent-13")
        await ami.gone(connected["Uniqueid"])
    finally:
        generated.write_text(text, "utf-8")
        await stack.pbx.cli("queue reload all")


async def test_a_caller_who_gives_up_counts_as_abandoned_and_was_never_answered(
    stack: TelephonyStack, ami: Ami, queue: str
) -> None:
    call = await stack.carrier.call_in(DID)
    joined = await ami.wait("QueueCallerJoin")
    await stack.carrier.hangup(call.channel_id)
    await ami.wait("QueueCallerAbandon")
    await ami.gone(joined["Uniqueid"])
    assert "ANSWER" not in dict(cel_rows(stack.pbx, f"{joined['Uniqueid']}.customer"))
    assert not call.heard.exists()


async def test_waiting_ends_after_the_queues_own_timeout(stack: TelephonyStack, ami: Ami, queue: str) -> None:
    await ami.send({"Action": "DBPut", "Family": "queue-timeout", "Key": queue, "Val": "1"})
    try:
        await stack.carrier.call_in(DID)
        ended = await ami.wait("Hangup", Exten=DID)
        assert ended["Cause"] == "19"
    finally:
        await ami.send({"Action": "DBDel", "Family": "queue-timeout", "Key": queue})


async def test_an_unknown_number_is_not_assigned(stack: TelephonyStack, ami: Ami) -> None:
    await stack.carrier.call_in("02100000000")
    ended = await ami.wait("Hangup", Exten="02100000000")
    assert ended["Cause"] == "1"


async def test_a_number_may_be_exempt_from_recording(stack: TelephonyStack, ami: Ami, queue: str) -> None:
    await ami.send({"Action": "DBPut", "Family": "did-record", "Key": DID, "Val": "no"})
    try:
        await stack.carrier.set_phone("agent-12", answer_after=0.2)
        await join(ami, queue, 12)
        await stack.carrier.call_in(DID, seconds=1)
        connected = await ami.wait("AgentConnect")
        await ami.gone(connected["Uniqueid"])
        assert not list((stack.pbx.spool / "recordings").glob(f"{connected['Uniqueid']}*"))
    finally:
        await ami.send({"Action": "DBDel", "Family": "did-record", "Key": DID})


async def test_who_does_not_know_the_trunks_secret_cannot_call_in(stack: TelephonyStack, ami: Ami) -> None:
    await stack.carrier.instance.cli("channel originate PJSIP/02155550001@pbx application Wait 1")
    await stack.carrier.quiet()
    assert not ami.seen("Newchannel")
