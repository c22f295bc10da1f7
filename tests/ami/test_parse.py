"""Each AMI event, as Asterisk 22 writes it, becomes its typed event."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.ami.parse import _OWN, PARSERS, channel, headers, parse_event
from callcenter.domain import events as ev

CHANNEL = """Channel: PJSIP/trunk-00000004
ChannelState: 6
ChannelStateDesc: Up
CallerIDNum: 13800138000
CallerIDName: 张三（北京）
ConnectedLineNum: 1001
ConnectedLineName: 李四
Language: en
AccountCode: c-77.customer
Context: from-trunk
Exten: 4001
Priority: 3
Uniqueid: c-77
Linkedid: c-77
"""
DEST = "".join(
    f"Dest{line}\n"
    for line in CHANNEL.replace("ChannelState: 6", "ChannelState: 5")
    .replace("trunk-00000004", "alice-00000005")
    .replace("c-77.customer", "c-77.agent")
    .replace("Uniqueid: c-77", "Uniqueid: c-77-a")
    .splitlines()
)
BRIDGE = """BridgeUniqueid: 0b2c-1
BridgeType: basic
BridgeTechnology: simple_bridge
BridgeCreator: <unknown>
BridgeName: <unknown>
BridgeNumChannels: 2
BridgeVideoSourceMode: none
"""
HERE = ev.Channel(
    told_at=1732173601.123456,
    uniqueid="c-77",
    linkedid="c-77",
    name="PJSIP/trunk-00000004",
    account="c-77.customer",
    context="from-trunk",
    exten="4001",
    caller_number="13800138000",
    connected_number="1001",
    up=True,
)
THERE = ev.Channel(
    told_at=1732173601.123456,
    uniqueid="c-77-a",
    linkedid="c-77",
    name="PJSIP/alice-00000005",
    account="c-77.agent",
    context="from-trunk",
    exten="4001",
    caller_number="13800138000",
    connected_number="1001",
    ringing=True,
)
QUEUE = "Queue: 售后\n"
MEMBER = "MemberName: 王五\nInterface: PJSIP/alice\n"

CASES: list[tuple[str, str, ev.AmiEvent]] = [
    ("Newchannel", CHANNEL, ev.ChannelCreated(HERE)),
    ("Newstate", CHANNEL, ev.ChannelStateChanged(HERE)),
    ("NewAccountCode", CHANNEL + "OldAccountCode: \n", ev.AccountChanged(HERE)),
    ("DialBegin", CHANNEL + DEST + "DialString: alice\n", ev.DialBegan(HERE, THERE)),
    ("DialBegin", DEST + "DialString: alice\n", ev.DialBegan(None, THERE)),
    ("DialEnd", CHANNEL + DEST + "DialStatus: BUSY\n", ev.DialEnded(HERE, THERE, "BUSY")),
    ("DialEnd", DEST + "DialStatus: ANSWER\n", ev.DialEnded(None, THERE, "ANSWER")),
    ("BridgeEnter", BRIDGE + CHANNEL, ev.BridgeEntered(HERE, "0b2c-1", 2)),
    ("BridgeLeave", BRIDGE + CHANNEL, ev.BridgeLeft(HERE, "0b2c-1", 2)),
    ("Hold", CHANNEL + "MusicClass: \n", ev.ChannelHeld(HERE)),
    ("Unhold", CHANNEL, ev.ChannelResumed(HERE)),
    ("Hangup", CHANNEL + "Cause: 17\nCause-txt: User busy\n", ev.ChannelEnded(HERE, 17)),
    ("QueueCallerJoin", CHANNEL + QUEUE + "Position: 3\nCount: 3\n", ev.QueueCallerJoined(HERE, "售后", 3)),
    ("QueueCallerLeave", CHANNEL + QUEUE + "Count: 2\nPosition: 1\n", ev.QueueCallerLeft(HERE, "售后")),
    (
        "QueueCallerAbandon",
        CHANNEL + QUEUE + "Position: 1\nOriginalPosition: 2\nHoldTime: 41\n",
        ev.QueueCallerAbandoned(HERE, "售后", 41),
    ),
    ("AgentCalled", CHANNEL + DEST + QUEUE + MEMBER, ev.AgentCalled(HERE, THERE, "售后", "PJSIP/alice")),
    (
        "AgentConnect",
        CHANNEL + DEST + QUEUE + MEMBER + "RingTime: 4\nHoldTime: 19\n",
        ev.AgentConnected(HERE, THERE, "售后", "PJSIP/alice", 19, 4),
    ),
    (
        "AgentRingNoAnswer",
        CHANNEL + DEST + QUEUE + MEMBER + "RingTime: 20000\n",
        ev.AgentRangNoAnswer(HERE, THERE, "售后", "PJSIP/alice"),
    ),
    (
        "ContactStatus",
        "URI: sip:alice@127.0.0.1:6000\nContactStatus: Reachable\nAOR: alice\nEndpointName: alice\n",
        ev.ContactChanged("alice", "sip:alice@127.0.0.1:6000", reachable=True),
    ),
    (
        "ContactStatus",
        "URI: sip:alice@127.0.0.1:6000\nContactStatus: Removed\nAOR: alice\nEndpointName: alice\n",
        ev.ContactChanged("alice", "sip:alice@127.0.0.1:6000", reachable=False),
    ),
    (
        "OriginateResponse",
        "ActionID: originate/c-77\nResponse: Success\nChannel: PJSIP/alice-1\nReason: 4\nUniqueid: c-77\n",
        ev.OriginateAnswered("c-77", ok=True, reason=4),
    ),
    (
        "OriginateResponse",
        "ActionID: originate/c-77\nResponse: Failure\nChannel: PJSIP/x\nReason: 0\nUniqueid: <unknown>\n",
        ev.OriginateAnswered("c-77", ok=False, reason=0),
    ),
    ("UserEvent", "UserEvent: Leg\n" + CHANNEL + "CallId: c-77\nPlace: held\n", ev.LegPlaced(HERE, "held")),
    ("UserEvent", "UserEvent: AskAgent\n" + CHANNEL + "CallId: c-77\nQueue: q-3\n", ev.OwnAgentAsked(HERE, "q-3")),
    ("UserEvent", "UserEvent: CallbackAsked\n" + CHANNEL + "CallId: c-77\n", ev.CallbackAsked(HERE)),
    (
        "UserEvent",
        "UserEvent: ConsultFailed\n" + CHANNEL + "CallId: c-77\nDialStatus: BUSY\nCause: 17\n",
        ev.ConsultFailed(HERE, "BUSY", 17),
    ),
    (
        "UserEvent",
        "UserEvent: Quality\n" + CHANNEL + "CallId: c-77\nRx: 90\nRxLost: 10\nTx: 100\nTxLost: 5\n"
        "RxJitter: 0.002\nTxJitter: 0.004000\nRtt: 0.05\n",
        ev.QualityMeasured(HERE, 0.1, 4.0, 50.0),
    ),
    (
        "ChallengeResponseFailed",
        "AccountID: agent-12\nRemoteAddress: IPV4/UDP/203.0.113.7/5060\n",
        ev.RegistrationRefused("agent-12", "203.0.113.7"),
    ),
    (
        "InvalidPassword",
        "AccountID: agent-12\nRemoteAddress: IPV6/TCP/2001:db8::7/5060\n",
        ev.RegistrationRefused("agent-12", "2001:db8::7"),
    ),
    (
        "InvalidAccountID",
        "AccountID: 100\nRemoteAddress: IPV4/UDP/203.0.113.7/5060\n",
        ev.RegistrationRefused("100", "203.0.113.7"),
    ),
    ("Shutdown", "Shutdown: Cleanly\nRestart: True\n", ev.SystemShutdown(restart=True)),
    ("Shutdown", "Shutdown: Uncleanly\nRestart: False\n", ev.SystemShutdown(restart=False)),
]


def block(name: str, body: str) -> str:
    return f"Event: {name}\nPrivilege: call,all\nTimestamp: 1732173601.123456\n{body}".strip().replace("\n", "\r\n")


@pytest.mark.parametrize(("name", "body", "expected"), CASES, ids=lambda value: value if value in PARSERS else "")
def test_each_event_becomes_its_typed_event(name: str, body: str, expected: ev.AmiEvent) -> None:
    assert parse_event(block(name, body)) == expected


def test_every_event_the_product_reads_is_in_the_table_above() -> None:
    assert {name for name, _, _ in CASES} == set(PARSERS)


def test_a_refused_account_that_nobody_has_is_told_of_once() -> None:
    again = block("ChallengeResponseFailed", "AccountID: <unknown>\nRemoteAddress: IPV4/UDP/203.0.113.7/5060\n")
    assert parse_event(again) is None


@pytest.mark.parametrize("name", sorted(PARSERS))
def test_no_event_without_its_headers_raises(name: str) -> None:
    parsed = parse_event(f"Event: {name}")
    assert parsed is None or parsed == ev.SystemShutdown(restart=False)


@pytest.mark.parametrize("bad", ["", "x", "-", "1.5", "９９x", "9" * 5000])
def test_malformed_numbers_read_as_zero(bad: str) -> None:
    assert parse_event(block("Hangup", CHANNEL + f"Cause: {bad}\n")) == ev.ChannelEnded(HERE, 0)


@pytest.mark.parametrize(
    "text", ["Event: VarSet\r\nUniqueid: 1.1", "Event: Hangup Request", "Response: Success", "", "Event"]
)
def test_what_the_product_has_no_use_for_is_none(text: str) -> None:
    assert parse_event(text) is None


@pytest.mark.parametrize(("state", "up", "ringing"), [("0", 0, 0), ("4", 0, 0), ("5", 0, 1), ("6", 1, 0), ("x", 0, 0)])
def test_the_state_number_decides_up_and_ringing(state: str, up: int, ringing: int) -> None:
    parsed = parse_event(block("Newstate", f"Uniqueid: 1.1\nChannelState: {state}\n"))
    assert isinstance(parsed, ev.ChannelStateChanged)
    assert (parsed.channel.up, parsed.channel.ringing) == (bool(up), bool(ringing))


def test_an_unknown_number_is_none() -> None:
    parsed = parse_event(block("Newstate", "Uniqueid: 1.1\nCallerIDNum: <unknown>\nConnectedLineNum: <unknown>\n"))
    assert parsed == ev.ChannelStateChanged(ev.Channel("1.1", told_at=1732173601.123456))


def test_the_quick_way_and_the_careful_way_agree() -> None:
    """Every recorded event takes the quick way; with its channel headers in another order it reads the same."""
    blocks = (Path(__file__).parent / "streams" / "calls.ami").read_bytes().decode().split("\r\n\r\n")
    about_channels = [text for text in blocks if "\r\nChannel: " in text and "\r\nLinkedid: " in text]
    assert len(about_channels) > 50
    for text in about_channels:
        first, *rest = text.split("\r\n")
        assert channel(text) is not None
        assert _OWN.match(text, text.index("\r\nChannel: "))
        assert parse_event("\r\n".join([first, *reversed(rest)])) == parse_event(text)


def test_a_header_without_a_blank_or_without_a_colon_spoils_nothing() -> None:
    found = headers("Event: X\r\nEmpty:\r\nnoise\r\nURI: sip:a@b: c\r\nBare:1")
    assert found == {"Event": "X", "Empty": "", "URI": "sip:a@b: c", "Bare": "1"}
