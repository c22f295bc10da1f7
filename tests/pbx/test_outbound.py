"""Calls that the engine starts: who hears whom, how long, what is recorded, what Asterisk writes down."""

from __future__ import annotations

import asyncio

import pytest

from callcenter.pbx import tones
from callcenter.pbx.actions import dial_out_action, warn_tone_action
from callcenter.pbx.carrier import MACHINE_BEEP_HZ, NUMBERS
from callcenter.pbx.provision import EndpointSpec, write_endpoints
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.sip_client import DeskPhone, header
from tests.pbx.support import Ami, cel_rows, until

pytestmark = pytest.mark.live

AGENT = "PJSIP/agent-12"
AGENT_HZ = 550
RINGBACK_HZ = 450
WARN_HZ = 880


async def test_agent_and_customer_hear_each_other_and_the_limit_cuts_at_the_second(
    stack: TelephonyStack, ami: Ami
) -> None:
    await ami.originate(
        dial_out_action(
            call_id="both-hear",
            agent_channel=AGENT,
            number="13800000001",
            display_number="01088886666",
            limit_seconds=4,
        )
    )
    customer = await ami.channel_of("both-hear.customer")
    assert customer["Channel"].startswith("PJSIP/trunk-1-")
    codes = {one["AccountCode"] for one in ami.seen("NewAccountCode", Channel=customer["Channel"])}
    assert codes == {"both-hear.customer"}, "it never carries another part's code"
    await ami.gone("both-hear", customer["Uniqueid"])
    await stack.carrier.quiet()

    to_agent = stack.carrier.heard("agent-12")[-1]
    to_customer = stack.carrier.heard("13800000001")[-1]
    assert tones.hears(to_agent, RINGBACK_HZ, 0.5), "the agent hears ringback while the customer's phone rings"
    assert tones.hears(to_agent, 600, 3.5)
    assert tones.hears(to_customer, AGENT_HZ, 3.5)

    rows = dict(cel_rows(stack.pbx, "both-hear.customer"))
    assert rows["HANGUP"] - rows["ANSWER"] == pytest.approx(4.0, abs=0.1)
    assert "HANGUP" in dict(cel_rows(stack.pbx, "both-hear.agent"))

    said_by = {role: stack.pbx.spool / "recordings" / f"both-hear.{role}.wav" for role in ("customer", "agent")}
    talk = rows["BRIDGE_EXIT"] - rows["BRIDGE_ENTER"]
    for path in said_by.values():
        assert tones.seconds(path) == pytest.approx(talk, abs=0.3)
    assert tones.seconds(said_by["customer"]) == pytest.approx(tones.seconds(said_by["agent"]), abs=0.05)
    assert tones.hears(said_by["customer"], 600, 3.5) and not tones.hears(said_by["customer"], AGENT_HZ, 0.25)
    assert tones.hears(said_by["agent"], AGENT_HZ, 3.5) and not tones.hears(said_by["agent"], 600, 0.25)
    assert sorted(path.name for path in said_by["agent"].parent.glob("both-hear*")) == [
        "both-hear.agent.wav",
        "both-hear.customer.wav",
    ], "no mixed file is left beside the two"


async def test_an_unrecorded_call_leaves_no_file(stack: TelephonyStack, ami: Ami) -> None:
    await ami.originate(dial_out_action(call_id="private", agent_channel=AGENT, number="13800000002", record=False))
    customer = await ami.channel_of("private.customer")
    await ami.wait("BridgeEnter", Uniqueid=customer["Uniqueid"])
    await stack.carrier.hangup("13800000002")
    await ami.gone("private")
    assert not list((stack.pbx.spool / "recordings").glob("private*"))


async def test_the_warning_tone_reaches_the_agent_alone(stack: TelephonyStack, ami: Ami) -> None:
    await ami.originate(dial_out_action(call_id="warned", agent_channel=AGENT, number="13800000004", limit_seconds=5))
    agent = await ami.wait("BridgeEnter", Uniqueid="warned")
    await ami.send(warn_tone_action(agent["Channel"]))
    await ami.wait("ChanSpyStart")
    await ami.gone("warned")
    await stack.carrier.quiet()
    to_agent, to_customer = stack.carrier.heard("agent-12")[-1], stack.carrier.heard("13800000004")[-1]
    assert tones.hears(to_agent, WARN_HZ, 0.3, window=0.1)
    assert not tones.hears(to_customer, WARN_HZ, 0.1, window=0.1)
    assert tones.hears(to_customer, AGENT_HZ, 3.0), "the conversation goes on"
    for role in ("customer", "agent"):
        path = stack.pbx.spool / "recordings" / f"warned.{role}.wav"
        assert not tones.hears(path, WARN_HZ, 0.1, window=0.1)


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("13800000020", "NOANSWER"),
        ("13800000021", "BUSY"),
        ("13800000022", "NOANSWER"),
        ("13800000023", "NOANSWER"),
        ("13800000024", "NOANSWER"),
        ("13800000025", "CONGESTION"),
        ("13800000026", "NOANSWER"),
        ("19912", "NOANSWER"),
    ],
)
async def test_an_unanswered_number_ends_with_its_own_cause(
    stack: TelephonyStack, ami: Ami, number: str, status: str
) -> None:
    call_id = f"fails-{number}"
    await ami.originate(
        dial_out_action(call_id=call_id, agent_channel=AGENT, number=number, ring_seconds=4, limit_seconds=60)
    )
    await ami.gone(call_id)
    ended = ami.seen("DialEnd", DestAccountCode=f"{call_id}.customer")
    causes = {one["AccountCode"]: one["Cause"] for one in ami.seen("Hangup")}
    known = {one.number: one.cause for one in NUMBERS}
    assert (ended[0]["DialStatus"], causes[f"{call_id}.agent"]) == (status, str(known.get(number, 1)))
    assert not list((stack.pbx.spool / "recordings").glob(f"{call_id}*"))
    assert "ANSWER" not in dict(cel_rows(stack.pbx, f"{call_id}.customer"))
    if number == "13800000026":
        await stack.carrier.quiet()
        assert tones.hears(stack.carrier.heard("agent-12")[-1], 1300, 2.0), "announcements before answer are heard"


@pytest.mark.parametrize(
    ("number", "hz", "hears_agent"),
    [("13800000060", 800, True), ("13800000030", 900, True), ("13800000040", MACHINE_BEEP_HZ, True)],
)
async def test_answering_numbers_play_what_they_promise(
    stack: TelephonyStack, ami: Ami, number: str, hz: int, hears_agent: bool
) -> None:
    call_id = f"plays-{number}"
    await ami.originate(
        dial_out_action(call_id=call_id, agent_channel=AGENT, number=number, limit_seconds=6, record=False)
    )
    await ami.gone(call_id, timeout=12)
    await stack.carrier.quiet()
    assert tones.hears(stack.carrier.heard("agent-12")[-1], hz, 0.3, window=0.1)
    assert tones.hears(stack.carrier.heard(number)[-1], AGENT_HZ, 3.0) is hears_agent
    if number == "13800000030":
        rows = dict(cel_rows(stack.pbx, f"{call_id}.customer"))
        assert rows["HANGUP"] - rows["ANSWER"] == pytest.approx(5.0, abs=0.7), "it hangs up after 5 s"


async def test_an_agent_who_does_not_pick_up_dials_nobody(stack: TelephonyStack, ami: Ami) -> None:
    await stack.carrier.set_phone("agent-13", answer_after=None)
    await ami.originate(
        dial_out_action(call_id="no-agent", agent_channel="PJSIP/agent-13", number="13800000001", agent_ring_seconds=1)
    )
    await ami.gone("no-agent")
    answer = await ami.wait("OriginateResponse", Uniqueid="no-agent")
    assert (answer["Response"], answer["Reason"]) == ("Failure", "3")
    assert not ami.seen("NewAccountCode", AccountCode="no-agent.customer")


async def test_a_phone_cannot_dial_out_by_itself_but_may_test_its_sound(stack: TelephonyStack, ami: Ami) -> None:
    refused = await stack.carrier.phone_dials("agent-12", "13800000001")
    ended = await ami.wait("Hangup", Exten="13800000001", Context="from-agent")
    assert ended["Cause"] == "21"
    assert not refused.heard.exists()

    echo = await stack.carrier.phone_dials("agent-12", "*43", seconds=3)
    await until(echo.heard.exists, "the echo test is answered")
    await stack.carrier.quiet()
    assert tones.hears(echo.heard, AGENT_HZ, 1.5)


async def test_lists_answer_through_the_event_filter(stack: TelephonyStack, ami: Ami) -> None:
    await ami.originate(dial_out_action(call_id="listed", agent_channel=AGENT, number="13800000002"))
    await ami.wait("BridgeEnter", Uniqueid="listed")
    for action, item, complete in (
        ("CoreShowChannels", "CoreShowChannel", "CoreShowChannelsComplete"),
        ("QueueStatus", "QueueParams", "QueueStatusComplete"),
        ("PJSIPShowContacts", "ContactList", "ContactListComplete"),
        ("Status", "Status", "StatusComplete"),
        ("BridgeList", "BridgeListItem", "BridgeListComplete"),
    ):
        await ami.send({"Action": action})
        await ami.wait(complete)
        assert ami.seen(item), f"{action} lists {item}"
    # What nobody asked for stays inside Asterisk.
    await asyncio.sleep(0)
    assert not [one["Event"] for one in ami.events if one["Event"] in ("VarSet", "Newexten", "RTCPSent", "Newcallerid")]


async def test_a_phone_that_holds_plays_music_to_the_customer(stack: TelephonyStack, ami: Ami) -> None:
    specs = [EndpointSpec(number, f"desk-secret-{number}", f"坐席{number}") for number in (12, 13, 14)]
    await write_endpoints(stack.pbx, specs)
    phone = DeskPhone("agent-14", "desk-secret-14", stack.settings.sip_port)
    await phone.open()
    try:
        await ami.originate(dial_out_action(call_id="held", agent_channel="PJSIP/agent-14", number="13800000003"))
        customer = await ami.channel_of("held.customer")
        await ami.wait("BridgeEnter", Uniqueid=customer["Uniqueid"])
        await phone.set_direction("sendonly", 101)
        await ami.wait("Hold", Uniqueid="held")
        await asyncio.sleep(2)  # the music itself is what is measured
        await phone.set_direction("sendrecv", 102)
        await ami.wait("Unhold", Uniqueid="held")
        await stack.carrier.hangup("13800000003")
        await ami.gone("held")
        await stack.carrier.quiet()
    finally:
        phone.close()
        await write_endpoints(stack.pbx, specs[:2])
    assert header(phone.invite, "X-Call-Id") == "held", "the phone is told which call it is about to take part in"
    rate, heard = tones.samples(stack.carrier.heard("13800000003")[-1])
    step = rate // 10
    loud = sum(1 for at in range(0, len(heard), step) if max(map(abs, heard[at : at + step])) > 300)
    assert loud >= 12, "the customer, to whom the phone sends nothing, hears music while held"
