"""From the bytes of an AMI connection to typed events. Pure: no I/O, no clock, and no input raises.

Speed matters here: a bridged call makes about 77 events and the product wants about 20 of them, so a
block is looked at by its first line only, and of a wanted one only the headers that count are cut out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from callcenter.domain import events as ev

DELIMITER: Final = b"\r\n\r\n"
MAX_BLOCK: Final = 1 << 20
"""Bytes; a longer block is dropped whole. Real events are about 330 bytes."""

Headers = dict[str, str]

_UP: Final = "6"
_RINGING: Final = "5"
_UNKNOWN: Final = "<unknown>"
"""How Asterisk writes a number that it does not have."""
_GONE: Final = frozenset({"", "Removed", "Unreachable"})
"""Contact states in which a call cannot reach the phone; an unqualified contact counts as reachable."""

ORIGINATE_ID: Final = "originate/"
"""Prefix of the ActionID of our Originates: names the call even where `Uniqueid` reads `<unknown>`."""


_CAPTURED: Final = (
    "Channel",
    "ChannelState",
    "CallerIDNum",
    "ConnectedLineNum",
    "AccountCode",
    "Context",
    "Exten",
    "Uniqueid",
    "Linkedid",
)


def _snapshot_pattern(dest: str) -> re.Pattern[str]:
    """Asterisk writes these headers side by side in this order in every event about a channel."""
    order = (
        "Channel ChannelState ChannelStateDesc CallerIDNum CallerIDName ConnectedLineNum ConnectedLineName "
        "Language AccountCode Context Exten Priority Uniqueid Linkedid"
    )
    text = "([^\r]*)"
    skip = "[^\r]*"
    return re.compile("".join(f"\r\n{dest}{name}: {text if name in _CAPTURED else skip}" for name in order.split()))


_OWN: Final = _snapshot_pattern("")
_DIALLED: Final = _snapshot_pattern("Dest")


class Framer:
    """Cuts a byte stream into blocks of text; the cut does not depend on how TCP split the stream.

    Bytes are decoded only between delimiters, which are ASCII: a character split across two segments is
    whole again by then. Bytes that are not UTF-8 become U+FFFD.
    """

    __slots__ = ("_limit", "_skipping", "_tail", "oversized")

    def __init__(self, limit: int = MAX_BLOCK) -> None:
        self._tail = b""
        self._limit = limit
        self._skipping = False
        self.oversized = 0
        """Blocks dropped because they were longer than `limit` bytes."""

    def feed(self, data: bytes) -> list[str]:
        """Returns the blocks completed by `data`, without the empty lines around them; may hold ''."""
        if self._tail:
            data = self._tail + data
        if self._skipping:
            found = data.find(DELIMITER)
            if found < 0:
                self._tail = data[-3:]  # a delimiter may itself be split
                return []
            self._skipping = False
            data = data[found + 4 :]
        end = data.rfind(DELIMITER)
        self._tail = data if end < 0 else data[end + 4 :]
        if len(data) > self._limit:
            return self._feed_large(data, end)
        if end < 0:
            return []
        return [block.strip("\r\n") for block in data[:end].decode("utf-8", "replace").split("\r\n\r\n")]

    def _feed_large(self, data: bytes, end: int) -> list[str]:
        blocks = []
        for raw in data[:end].split(DELIMITER) if end >= 0 else ():
            block = raw.strip(b"\r\n")
            if len(block) > self._limit:
                self.oversized += 1
            else:
                blocks.append(block.decode("utf-8", "replace"))
        if len(self._tail) > self._limit + 3:  # a delimiter may have begun
            self.oversized += 1
            self._skipping = True
            self._tail = self._tail[-3:]
        return blocks


def headers(block: str) -> Headers:
    """Splits a block into its headers, names verbatim. Of a repeated header the last one counts;
    lines without a colon are left out."""
    try:
        return dict([line.split(": ", 1) for line in block.split("\r\n")])
    except ValueError:  # some line has no ": ", e.g. a header whose trailing blank was cut
        pairs = (line.partition(":") for line in block.split("\r\n"))
        return {name: value[1:] if value[:1] == " " else value for name, colon, value in pairs if colon}


def value(block: str, name: str) -> str:
    """One header of an event; '' if it is missing."""
    start = block.find(f"\r\n{name}: ")
    if start < 0:
        return ""
    start += len(name) + 4
    end = block.find("\r\n", start)
    return block[start:end] if end >= 0 else block[start:]


def number(text: str, default: int = 0) -> int:
    """An integer header; `default` where it is missing or malformed."""
    try:
        return int(text)
    except ValueError:
        return default


def channel(block: str, dest: str = "") -> ev.Channel | None:
    """The channel an event is about, or with `Dest` the one it dials; None if the event names none."""
    start = block.find(f"\r\n{dest}Channel: ")
    found = (_DIALLED if dest else _OWN).match(block, start) if start >= 0 else None
    if found is not None:
        name, state, caller, connected, account, context, exten, uniqueid, linkedid = found.groups()
    else:  # another order, or headers missing: as good, but slower
        name, state, caller, connected, account, context, exten, uniqueid, linkedid = (
            value(block, dest + field) for field in _CAPTURED
        )
    told_at = decimal(value(block, "Timestamp"), below=1e11)
    return make_channel(uniqueid, linkedid, name, account, context, exten, caller, connected, state, told_at=told_at)


def make_channel(
    uniqueid: str,
    linkedid: str,
    name: str,
    account: str,
    context: str,
    exten: str,
    caller: str,
    connected: str,
    state: str,
    bridge: str = "",
    told_at: float = 0.0,
) -> ev.Channel | None:
    """Header texts as a `Channel`; None without a uniqueid, since nothing could be known about it."""
    if not uniqueid:
        return None
    return ev.Channel(
        uniqueid,
        linkedid,
        name,
        account,
        context,
        exten,
        "" if caller == _UNKNOWN else caller,
        "" if connected == _UNKNOWN else connected,
        state == _UP,
        state == _RINGING,
        bridge,
        told_at,
    )


def _plain(kind: Callable[[ev.Channel], ev.AmiEvent]) -> Callable[[str], ev.AmiEvent | None]:
    def parse(block: str) -> ev.AmiEvent | None:
        here = channel(block)
        return None if here is None else kind(here)

    return parse


def _dial_begin(block: str) -> ev.AmiEvent | None:
    target = channel(block, "Dest")
    return None if target is None else ev.DialBegan(channel(block), target)


def _dial_end(block: str) -> ev.AmiEvent | None:
    target = channel(block, "Dest")
    return None if target is None else ev.DialEnded(channel(block), target, value(block, "DialStatus"))


def _bridge(kind: Callable[[ev.Channel, str, int], ev.AmiEvent]) -> Callable[[str], ev.AmiEvent | None]:
    def parse(block: str) -> ev.AmiEvent | None:
        here = channel(block)
        if here is None:
            return None
        return kind(here, value(block, "BridgeUniqueid"), number(value(block, "BridgeNumChannels")))

    return parse


def _user_event(block: str) -> ev.AmiEvent | None:
    here = channel(block)
    if here is None:
        return None
    match value(block, "UserEvent"):
        case "Leg":
            return ev.LegPlaced(here, value(block, "Place"))
        case "AskAgent":
            return ev.OwnAgentAsked(here, value(block, "Queue"))
        case "CallbackAsked":
            return ev.CallbackAsked(here)
        case "ConsultFailed":
            return ev.ConsultFailed(here, value(block, "DialStatus"), number(value(block, "Cause")))
        case "Quality":
            return _quality(here, block)
        case _:
            return None


def _quality(here: ev.Channel, block: str) -> ev.AmiEvent | None:
    """Counts of packets and seconds of jitter, for both directions; None for a leg on which nothing was ever heard."""
    received, lost, sent, sent_lost = (decimal(value(block, one)) for one in ("Rx", "RxLost", "Tx", "TxLost"))
    if received <= 0:
        return None
    loss = max(lost / (received + lost), sent_lost / sent if sent > 0 else 0.0)
    jitter = max(decimal(value(block, "RxJitter")), decimal(value(block, "TxJitter")))
    trip = decimal(value(block, "Rtt"))
    return ev.QualityMeasured(here, min(1.0, loss), 1000 * jitter, 1000 * trip if trip > 0 else None)


def decimal(text: str, below: float = 1e9) -> float:
    """A header that holds a number, never negative; 0 where it is missing, malformed or not `below` what it can be."""
    try:
        found = float(text)
    except ValueError:
        return 0.0
    return found if 0 <= found < below else 0.0


def _hangup(block: str) -> ev.AmiEvent | None:
    here = channel(block)
    return None if here is None else ev.ChannelEnded(here, number(value(block, "Cause")))


def _queue_join(block: str) -> ev.AmiEvent | None:
    here = channel(block)
    if here is None:
        return None
    return ev.QueueCallerJoined(here, value(block, "Queue"), number(value(block, "Position")))


def _queue_leave(block: str) -> ev.AmiEvent | None:
    here = channel(block)
    return None if here is None else ev.QueueCallerLeft(here, value(block, "Queue"))


def _queue_abandon(block: str) -> ev.AmiEvent | None:
    here = channel(block)
    if here is None:
        return None
    return ev.QueueCallerAbandoned(here, value(block, "Queue"), number(value(block, "HoldTime")))


def _agent(
    kind: Callable[[ev.Channel, ev.Channel, str, str], ev.AmiEvent],
) -> Callable[[str], ev.AmiEvent | None]:
    def parse(block: str) -> ev.AmiEvent | None:
        here, there = channel(block), channel(block, "Dest")
        if here is None or there is None:
            return None
        return kind(here, there, value(block, "Queue"), value(block, "Interface"))

    return parse


def _agent_connect(block: str) -> ev.AmiEvent | None:
    here, there = channel(block), channel(block, "Dest")
    if here is None or there is None:
        return None
    hold, ring = number(value(block, "HoldTime")), number(value(block, "RingTime"))
    return ev.AgentConnected(here, there, value(block, "Queue"), value(block, "Interface"), hold, ring)


def make_contact(endpoint: str, uri: str, status: str) -> ev.ContactChanged | None:
    """A registered phone; None without an endpoint."""
    return ev.ContactChanged(endpoint, uri, status not in _GONE) if endpoint else None


def _contact(block: str) -> ev.AmiEvent | None:
    endpoint = value(block, "EndpointName") or value(block, "AOR")
    return make_contact(endpoint, value(block, "URI"), value(block, "ContactStatus"))


def _originate(block: str) -> ev.AmiEvent | None:
    call_id = value(block, "Uniqueid")
    if not call_id or call_id[0] == "<":  # `<unknown>`: the channel never came to be
        call_id = value(block, "ActionID")
        if not call_id.startswith(ORIGINATE_ID):
            return None
        call_id = call_id.removeprefix(ORIGINATE_ID)
    return ev.OriginateAnswered(call_id, value(block, "Response") == "Success", number(value(block, "Reason")))


def _refused(block: str) -> ev.AmiEvent | None:
    account = value(block, "AccountID")
    # `IPV4/UDP/203.0.113.7/5060`; a refused unknown account is told of once under its name, and again without.
    address = value(block, "RemoteAddress").split("/")
    if account in ("", _UNKNOWN) or len(address) != 4:
        return None
    return ev.RegistrationRefused(account, address[2])


def _shutdown(block: str) -> ev.AmiEvent | None:
    return ev.SystemShutdown(value(block, "Restart").lower() == "true")


PARSERS: Final[dict[str, Callable[[str], ev.AmiEvent | None]]] = {
    "Newchannel": _plain(ev.ChannelCreated),
    "Newstate": _plain(ev.ChannelStateChanged),
    "NewAccountCode": _plain(ev.AccountChanged),
    "DialBegin": _dial_begin,
    "DialEnd": _dial_end,
    "BridgeEnter": _bridge(ev.BridgeEntered),
    "BridgeLeave": _bridge(ev.BridgeLeft),
    "Hold": _plain(ev.ChannelHeld),
    "Unhold": _plain(ev.ChannelResumed),
    "Hangup": _hangup,
    "UserEvent": _user_event,
    "QueueCallerJoin": _queue_join,
    "QueueCallerLeave": _queue_leave,
    "QueueCallerAbandon": _queue_abandon,
    "AgentCalled": _agent(ev.AgentCalled),
    "AgentConnect": _agent_connect,
    "AgentRingNoAnswer": _agent(ev.AgentRangNoAnswer),
    "ContactStatus": _contact,
    "OriginateResponse": _originate,
    "ChallengeResponseFailed": _refused,
    "InvalidPassword": _refused,
    "InvalidAccountID": _refused,
    "Shutdown": _shutdown,
}
"""AMI event name to what reads it. A reader answers None where the event lacks what makes it usable."""


def event_name(block: str) -> str:
    """The AMI name of a block that begins with `Event: `."""
    end = block.find("\r\n")
    return block[7:end] if end > 0 else block[7:]


def parse_event(block: str) -> ev.AmiEvent | None:
    """One block as a typed event; None if the product has no use for it. Never raises."""
    if not block.startswith("Event: "):
        return None
    parser = PARSERS.get(event_name(block))
    return None if parser is None else parser(block)
