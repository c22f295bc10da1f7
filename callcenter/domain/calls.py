"""One call and its legs: everything that decides what a call *is* lives in this file.

`apply(call, event, now)` moves a call by one event of Asterisk and answers with the facts that came out of it. It never
raises for an event that does not fit: such an event becomes the fact `Unexpected`, and the engine resyncs.
Times are aware datetimes in UTC, handed in by the caller; this module reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

from callcenter.domain import events as ev
from callcenter.domain.terms import CallState, Direction, Disposition, EndReason, LegState, Mode, Role, Source


class Move(Enum):
    """What can happen to a leg."""

    QUEUE = "queue"
    RING = "ring"
    ANSWER = "answer"
    HOLD = "hold"
    RESUME = "resume"
    END = "end"
    FAIL = "fail"


S = LegState
TRANSITIONS: dict[tuple[LegState, Move], LegState] = {
    (S.INITIATED, Move.QUEUE): S.QUEUED,
    (S.INITIATED, Move.RING): S.ALERTING,
    (S.INITIATED, Move.ANSWER): S.CONNECTED,
    (S.INITIATED, Move.FAIL): S.FAILED,
    (S.QUEUED, Move.QUEUE): S.QUEUED,
    (S.QUEUED, Move.RING): S.QUEUED,
    (S.QUEUED, Move.ANSWER): S.CONNECTED,
    (S.QUEUED, Move.FAIL): S.FAILED,
    (S.ALERTING, Move.QUEUE): S.QUEUED,
    (S.ALERTING, Move.RING): S.ALERTING,
    (S.ALERTING, Move.ANSWER): S.CONNECTED,
    (S.ALERTING, Move.FAIL): S.FAILED,
    (S.CONNECTED, Move.QUEUE): S.CONNECTED,
    (S.CONNECTED, Move.ANSWER): S.CONNECTED,
    (S.CONNECTED, Move.HOLD): S.HELD,
    (S.CONNECTED, Move.RESUME): S.CONNECTED,
    (S.CONNECTED, Move.END): S.NULL,
    (S.HELD, Move.ANSWER): S.HELD,
    (S.HELD, Move.HOLD): S.HELD,
    (S.HELD, Move.RESUME): S.CONNECTED,
    (S.HELD, Move.END): S.NULL,
}
"""The whole life of a leg. A pair that is missing here does not fit and changes nothing."""

OVER = frozenset({S.NULL, S.FAILED})
TALKING = frozenset({S.CONNECTED, S.HELD})


@dataclass(slots=True)
class Leg:
    """One channel's part in a call; `id` is Asterisk's uniqueid."""

    id: str
    role: Role
    number: str = ""
    channel: str = ""
    employee_id: int | None = None
    state: LegState = S.INITIATED
    started_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    cause: int | None = None
    dial_status: str = ""
    place: str = ""
    """Where the dialplan says the leg is: empty as first dialled, else `talking`, `held`, `waiting`, `consulting`."""

    @property
    def over(self) -> bool:
        return self.state in OVER


@dataclass(slots=True)
class Call:
    """One conversation from first ring to last hang-up; mutated by `apply` and nobody else."""

    id: str
    company_id: int
    direction: Direction
    number: str
    """The customer's side, E.164 where it can be known."""
    started_at: datetime
    mode: Mode = Mode.DIRECT
    source: Source = Source.MANUAL
    employee_id: int | None = None
    customer_id: int | None = None
    customer_name: str = ""
    group_id: int | None = None
    company_number: str = ""
    """The number of ours that the customer sees or called."""
    state: CallState = CallState.DIALING_AGENT
    state_since: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    disposition: Disposition | None = None
    hung_up_by: Role | None = None
    paid_until: datetime | None = None
    warned: bool = False
    recorded: bool = False
    package_id: int | None = None
    legs: dict[str, Leg] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state is CallState.ENDED

    def alive(self, role: Role) -> list[Leg]:
        """Legs of that role that are not over."""
        return [leg for leg in self.legs.values() if leg.role is role and not leg.over]

    def leg_of(self, role: Role) -> Leg | None:
        """The latest leg of that role, preferring one that is still alive."""
        found: Leg | None = None
        for leg in self.legs.values():
            if leg.role is role and (found is None or found.over or not leg.over):
                found = leg
        return found


@dataclass(frozen=True, slots=True)
class Fact:
    call_id: str


@dataclass(frozen=True, slots=True)
class LegAdded(Fact):
    leg_id: str
    role: Role


@dataclass(frozen=True, slots=True)
class LegMoved(Fact):
    leg_id: str
    role: Role
    before: LegState
    after: LegState


@dataclass(frozen=True, slots=True)
class LegWent(Fact):
    """A leg was moved to another place of the call."""

    leg_id: str
    place: str


@dataclass(frozen=True, slots=True)
class AgentAlerted(Fact):
    """An agent's phone started to ring for a call of somebody else's making: the moment of the screen pop."""

    employee_id: int


@dataclass(frozen=True, slots=True)
class CallAnswered(Fact):
    """Customer and agent talk from now on."""

    employee_id: int | None


@dataclass(frozen=True, slots=True)
class CallEnded(Fact):
    reason: EndReason
    disposition: Disposition


@dataclass(frozen=True, slots=True)
class Unexpected(Fact):
    """An event that does not fit the transition table; counted, and followed by a resync."""

    leg_id: str
    what: str


def add_leg(call: Call, leg: Leg, now: datetime) -> list[Fact]:
    """Adds a leg once; a leg that is already there only learns its channel's name."""
    known = call.legs.get(leg.id)
    if known is not None:
        known.channel = leg.channel or known.channel
        return []
    leg.started_at = leg.started_at or now
    call.legs[leg.id] = leg
    return [LegAdded(call.id, leg.id, leg.role), *_derive(call, now)]


def apply(call: Call, leg_id: str, event: ev.AmiEvent, now: datetime) -> list[Fact]:
    """The facts that follow from `event` on the leg `leg_id` of `call`; the call is moved in place."""
    leg = call.legs.get(leg_id)
    if leg is None:
        return [Unexpected(call.id, leg_id, type(event).__name__)]
    if isinstance(event, ev.DialEnded):
        leg.dial_status = event.status
        return []
    if isinstance(event, ev.LegPlaced):
        return _placed(call, leg, event.place, now)
    if isinstance(event, ev.BridgeLeft):
        if call.answered_at is not None and call.hung_up_by is None and not leg.over:
            call.hung_up_by = leg.role
        return []
    if isinstance(event, ev.BridgeEntered):
        # A leg that is bridged again (a transfer, a resync) did not end the call after all.
        call.hung_up_by = None
        move: Move | None = Move.ANSWER
    else:
        move = _move_of(event, leg)
    if move is None:
        return []
    if isinstance(event, ev.ChannelEnded):
        leg.cause = event.cause
    return move_leg(call, leg, move, now)


def _placed(call: Call, leg: Leg, place: str, now: datetime) -> list[Fact]:
    """A leg arrived somewhere: the customer on hold, the agent consulting, everybody talking."""
    leg.place = place
    facts: list[Fact] = [LegWent(call.id, leg.id, place)]
    if place == "held" and leg.state is S.CONNECTED:
        return facts + move_leg(call, leg, Move.HOLD, now)
    if leg.state is S.HELD:
        return facts + move_leg(call, leg, Move.RESUME, now)
    return facts + _derive(call, now)


def move_leg(call: Call, leg: Leg, move: Move, now: datetime) -> list[Fact]:
    """Moves one leg by the table and derives what that means for the call."""
    after = TRANSITIONS.get((leg.state, move))
    if after is None:
        return [Unexpected(call.id, leg.id, f"{leg.state}+{move.value}")]
    before, leg.state = leg.state, after
    if after is before:
        return []
    if after is S.CONNECTED and leg.answered_at is None:
        leg.answered_at = now
    if after in OVER:
        leg.ended_at = now
    facts: list[Fact] = [LegMoved(call.id, leg.id, leg.role, before, after)]
    if after is S.ALERTING and leg.employee_id and _is_offered(call, leg):
        # Until somebody answers, the call belongs to the agent it rang last: a missed call is somebody's.
        if call.answered_at is None and leg.role is Role.AGENT:
            call.employee_id = leg.employee_id
        facts.append(AgentAlerted(call.id, leg.employee_id))
    facts += _derive(call, now)
    return facts


def _is_offered(call: Call, leg: Leg) -> bool:
    """Whether the call is brought to this agent: from a queue, or by a colleague who consults or transfers."""
    if leg.role is Role.THIRD:
        return True
    first = call.direction is Direction.OUTBOUND and call.answered_at is None
    return leg.role is Role.AGENT and not first


def close(call: Call, now: datetime, reason: EndReason) -> list[Fact]:
    """Ends a call by other evidence than its own events: a failed Originate, a resync, Asterisk's records."""
    if call.over:
        return []
    return _end(call, now, reason)


def disposition_of(reason: EndReason, answered: bool) -> Disposition:
    """The CDR word for an end reason."""
    if answered:
        return Disposition.ANSWERED
    return {
        EndReason.CUSTOMER_BUSY: Disposition.BUSY,
        EndReason.AGENT_BUSY: Disposition.BUSY,
        EndReason.NUMBER_INVALID: Disposition.FAILED,
        EndReason.AGENT_UNREACHABLE: Disposition.FAILED,
        EndReason.LOST: Disposition.FAILED,
        EndReason.NETWORK_FAILED: Disposition.CONGESTION,
    }.get(reason, Disposition.NO_ANSWER)


def _move_of(event: ev.AmiEvent, leg: Leg) -> Move | None:
    match event:
        case ev.ChannelStateChanged(channel=channel) if channel.up:
            return Move.ANSWER
        case ev.ChannelStateChanged(channel=channel) if channel.ringing:
            return Move.RING if leg.state is not S.CONNECTED else None
        case ev.QueueCallerJoined():
            return Move.QUEUE
        case ev.ChannelHeld():
            return Move.HOLD
        case ev.ChannelResumed():
            return Move.RESUME
        case ev.ChannelEnded():
            return Move.END if leg.state in TALKING else Move.FAIL
        case _:
            return None


def _derive(call: Call, now: datetime) -> list[Fact]:
    """The call's own state from its legs."""
    if call.over:
        return []
    facts: list[Fact] = []
    agent, customer = call.leg_of(Role.AGENT), call.leg_of(Role.CUSTOMER)
    others = [*call.alive(Role.AGENT), *call.alive(Role.THIRD)]
    talking = customer is not None and customer.state in TALKING and any(one.state in TALKING for one in others)
    if talking and agent is not None and agent.state in TALKING and call.answered_at is None:
        call.answered_at = now
        call.employee_id = agent.employee_id or call.employee_id
        facts.append(CallAnswered(call.id, call.employee_id))
    parties = [leg for leg in call.legs.values() if leg.role is not Role.SUPERVISOR]
    if parties and all(leg.over for leg in parties):
        return facts + _end(call, now, _reason(call, now))
    _enter(call, _state_of(call, agent, customer, talking), now)
    return facts


def _state_of(call: Call, agent: Leg | None, customer: Leg | None, talking: bool) -> CallState:
    if talking:
        held = any(leg is not None and leg.state is S.HELD for leg in (agent, customer))
        return CallState.HELD if held else CallState.TALKING
    if call.direction is Direction.OUTBOUND:
        agent_up = agent is not None and agent.state in TALKING
        return CallState.DIALING_CUSTOMER if agent_up else CallState.DIALING_AGENT
    if agent is not None and agent.state is S.ALERTING:
        return CallState.RINGING_AGENT
    return CallState.QUEUED


def _enter(call: Call, state: CallState, now: datetime) -> None:
    if call.state is not state or call.state_since is None:
        call.state, call.state_since = state, now


def _end(call: Call, now: datetime, reason: EndReason) -> list[Fact]:
    facts = _end_legs(call, now)
    call.ended_at = now
    call.end_reason = reason
    call.disposition = disposition_of(reason, call.answered_at is not None)
    _enter(call, CallState.ENDED, now)
    return [*facts, CallEnded(call.id, reason, call.disposition)]


def _end_legs(call: Call, now: datetime) -> list[Fact]:
    """Nobody stays in a call that is over: not a supervisor, whose phone is hung up a moment later."""
    facts: list[Fact] = []
    for leg in call.legs.values():
        if not leg.over:
            before = leg.state
            leg.state = S.NULL if before in TALKING else S.FAILED
            leg.ended_at = now
            facts.append(LegMoved(call.id, leg.id, leg.role, before, leg.state))
    return facts


LIMIT_TOLERANCE = timedelta(milliseconds=700)
"""How far before the paid end a hang-up still counts as the cut; Asterisk cut 3 ms after the second it was set to."""


def _reason(call: Call, now: datetime) -> EndReason:
    if call.answered_at is not None:
        if call.paid_until is not None and now >= call.paid_until - LIMIT_TOLERANCE:
            return EndReason.MINUTES_USED_UP
        return EndReason.AGENT_HUNG_UP if call.hung_up_by is Role.AGENT else EndReason.CUSTOMER_HUNG_UP
    if call.direction is Direction.INBOUND:
        return EndReason.ABANDONED
    customer, agent = call.leg_of(Role.CUSTOMER), call.leg_of(Role.AGENT)
    if customer is not None:
        return _failure_of_customer(customer)
    if agent is None:
        return EndReason.AGENT_UNREACHABLE
    if agent.answered_at is not None:
        return EndReason.AGENT_HUNG_UP
    if agent.cause in (17, 21):
        return EndReason.AGENT_BUSY
    return EndReason.AGENT_NO_ANSWER


def _failure_of_customer(leg: Leg) -> EndReason:
    """Why a customer we dialled did not answer: the dial's status first, the Q.850 cause where that is vague."""
    if leg.dial_status == "CANCEL":
        return EndReason.AGENT_HUNG_UP
    if leg.cause == 21:
        return EndReason.CUSTOMER_REJECTED
    if leg.dial_status == "BUSY" or leg.cause == 17:
        return EndReason.CUSTOMER_BUSY
    if leg.cause in (1, 3, 22, 28):
        return EndReason.NUMBER_INVALID
    if leg.cause in (34, 38, 41, 42, 44, 47):
        return EndReason.NETWORK_FAILED
    if leg.dial_status == "NOANSWER" or leg.cause in (16, 18, 19):
        return EndReason.CUSTOMER_NO_ANSWER
    return EndReason.NETWORK_FAILED
