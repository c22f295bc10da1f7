"""What Asterisk told us, typed: the only shapes in which AMI reaches the engine.

Each class is one kind of AMI event (its name verbatim in the docstring) reduced to the fields the product
uses. They are facts about channels; what they mean for a call is decided in `calls.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


@dataclass(frozen=True, slots=True)
class Channel:
    """One Asterisk channel as an event describes it; empty strings where the event is silent."""

    uniqueid: str
    linkedid: str = ""
    name: str = ""
    account: str = ""
    """`<call id>.<role>` on every channel of a call of ours."""
    context: str = ""
    exten: str = ""
    caller_number: str = ""
    connected_number: str = ""
    up: bool = False
    ringing: bool = False
    bridge: str = ""
    """Bridge id; filled by snapshots only."""
    told_at: float = 0.0
    """Asterisk's wall clock, in Unix seconds, when it wrote the event; 0 in snapshots, which have no such stamp."""


@dataclass(frozen=True, slots=True)
class AmiEvent:
    """Base of all events that come from Asterisk."""


@dataclass(frozen=True, slots=True)
class ChannelCreated(AmiEvent):
    """`Newchannel`."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelStateChanged(AmiEvent):
    """`Newstate` (Ringing, Up)."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class AccountChanged(AmiEvent):
    """`NewAccountCode`: a channel learned which call and role it belongs to."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class DialBegan(AmiEvent):
    """`DialBegin`; `source` is None when the dial has no calling channel (an Originate)."""

    source: Channel | None
    target: Channel


@dataclass(frozen=True, slots=True)
class DialEnded(AmiEvent):
    """`DialEnd`; `status` verbatim: ANSWER, BUSY, NOANSWER, CANCEL, CONGESTION, CHANUNAVAIL ..."""

    source: Channel | None
    target: Channel
    status: str


@dataclass(frozen=True, slots=True)
class BridgeEntered(AmiEvent):
    """`BridgeEnter`."""

    channel: Channel
    bridge: str
    members: int


@dataclass(frozen=True, slots=True)
class BridgeLeft(AmiEvent):
    """`BridgeLeave`."""

    channel: Channel
    bridge: str
    members: int


@dataclass(frozen=True, slots=True)
class ChannelHeld(AmiEvent):
    """`Hold`: this channel's user pressed hold."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class ChannelResumed(AmiEvent):
    """`Unhold`."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class LegPlaced(AmiEvent):
    """`UserEvent: Leg` of our dialplan: a leg arrived at a place of the call (`talking`, `held`, `consulting` ...)."""

    channel: Channel
    place: str


@dataclass(frozen=True, slots=True)
class ConsultFailed(AmiEvent):
    """`UserEvent: ConsultFailed` of our dialplan: the third party did not answer; `status` is Dial's, `cause` Q.850."""

    channel: Channel
    status: str
    cause: int


@dataclass(frozen=True, slots=True)
class QualityMeasured(AmiEvent):
    """`UserEvent: Quality` of our dialplan: what Asterisk's own RTCP says of a phone's leg at its end.

    The worse of both directions: `loss` from 0 to 1, times in milliseconds. `round_trip_ms` is None where the phone
    sent no reports.
    """

    channel: Channel
    loss: float
    jitter_ms: float
    round_trip_ms: float | None


@dataclass(frozen=True, slots=True)
class ChannelEnded(AmiEvent):
    """`Hangup`; `cause` is the Q.850 cause code."""

    channel: Channel
    cause: int


@dataclass(frozen=True, slots=True)
class QueueCallerJoined(AmiEvent):
    """`QueueCallerJoin`."""

    channel: Channel
    queue: str
    position: int


@dataclass(frozen=True, slots=True)
class QueueCallerLeft(AmiEvent):
    """`QueueCallerLeave`."""

    channel: Channel
    queue: str


@dataclass(frozen=True, slots=True)
class OwnAgentAsked(AmiEvent):
    """`UserEvent: AskAgent` of our dialplan: a caller waits half a second to hear of an agent of their own."""

    channel: Channel
    queue: str


@dataclass(frozen=True, slots=True)
class CallbackAsked(AmiEvent):
    """`UserEvent: CallbackAsked` of our dialplan: a waiting caller wants to be called back; AstDB holds the wish."""

    channel: Channel


@dataclass(frozen=True, slots=True)
class QueueCallerAbandoned(AmiEvent):
    """`QueueCallerAbandon`; `hold_time` in seconds."""

    channel: Channel
    queue: str
    hold_time: int


@dataclass(frozen=True, slots=True)
class AgentCalled(AmiEvent):
    """`AgentCalled`: the queue rings a member. `target` is the member's channel."""

    channel: Channel
    target: Channel
    queue: str
    interface: str


@dataclass(frozen=True, slots=True)
class AgentConnected(AmiEvent):
    """`AgentConnect`: a member answered; `hold_time`, `ring_time` in seconds."""

    channel: Channel
    target: Channel
    queue: str
    interface: str
    hold_time: int
    ring_time: int


@dataclass(frozen=True, slots=True)
class AgentRangNoAnswer(AmiEvent):
    """`AgentRingNoAnswer`."""

    channel: Channel
    target: Channel
    queue: str
    interface: str


@dataclass(frozen=True, slots=True)
class ContactChanged(AmiEvent):
    """`ContactStatus`: a phone registered, was found unreachable or went away."""

    endpoint: str
    uri: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class OriginateAnswered(AmiEvent):
    """`OriginateResponse`; `uniqueid` is the ChannelId we asked for (our call id)."""

    call_id: str
    ok: bool
    reason: int
    """0 no such extension, 1 no answer, 4 answered, 5 busy, 8 congested; Asterisk's control frame."""


class LinkState(Enum):
    """The life of the AMI link."""

    CONNECTING = "connecting"
    """No TCP connection yet, or waiting before the next try."""
    AUTHENTICATING = "authenticating"
    """TCP is up, the login has not been answered."""
    SYNCING = "syncing"
    """Logged in; the snapshot is being read and events are held back behind it."""
    LIVE = "live"
    """Snapshot delivered; events flow in order."""
    LOST = "lost"
    """The connection broke or the ping went unanswered; every pending action has failed."""
    CLOSED = "closed"
    """Closed by us; never reconnects."""


@dataclass(frozen=True, slots=True)
class LinkChanged(AmiEvent):
    """Not from Asterisk: the link itself changed state, in order with the events."""

    state: LinkState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class QueueMember:
    """A member of a queue as the snapshot saw it."""

    queue: str
    interface: str
    paused: bool
    penalty: int = 0


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """A caller in line as the snapshot saw one; `position` counts from 1, `waited` in seconds."""

    queue: str
    uniqueid: str
    position: int
    waited: int


@dataclass(frozen=True, slots=True)
class Snapshot(AmiEvent):
    """Everything alive in Asterisk at a login: what is not in here is over."""

    channels: tuple[Channel, ...] = ()
    contacts: tuple[ContactChanged, ...] = ()
    queue_members: tuple[QueueMember, ...] = field(default=())
    queues: tuple[str, ...] = ()
    queue_entries: tuple[QueueEntry, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistrationRefused(AmiEvent):
    """`ChallengeResponseFailed`, `InvalidPassword` or `InvalidAccountID`: somebody at `address` did not prove to be
    `account`."""

    account: str
    address: str


@dataclass(frozen=True, slots=True)
class SystemShutdown(AmiEvent):
    """`Shutdown`: Asterisk is going down on purpose."""

    restart: bool
