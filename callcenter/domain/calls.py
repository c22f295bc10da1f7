"""One call and its legs: everything that decides what a call *is* lives in this file.

`apply(call, event, now)` moves a call by one event of Asterisk and answers with the facts that came out of it. It never
raises for an event that does not fit: such an event becomes the fact `Unexpected`, and the engine resyncs.
Times are aware datetimes in UTC, handed in by the caller; this module reads no clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from callcenter.domain import events as ev
from callcenter.domain.endings import disposition_of, reason_of
from callcenter.domain.facts import (
    AgentAlerted as AgentAlerted,
)
from callcenter.domain.facts import (
    AgentMissed as AgentMissed,
)
from callcenter.domain.facts import (
    CallAnswered as CallAnswered,
)
from callcenter.domain.facts import (
    CallEnded as CallEnded,
)
from callcenter.domain.facts import (
    ConsultationFailed as ConsultationFailed,
)
from callcenter.domain.facts import (
    Fact as Fact,
)
from callcenter.domain.facts import (
    LegAdded as LegAdded,
)
from callcenter.domain.facts import (
    LegMoved as LegMoved,
)
from callcenter.domain.facts import (
    LegMuted as LegMuted,
)
from callcenter.domain.facts import (
    LegWent as LegWent,
)
from callcenter.domain.facts import (
    Unexpected as Unexpected,
)
from callcenter.domain.offering import is_offered, missed_at_end, missed_by
from callcenter.domain.terms import (
    CallState,
    Direction,
    Disposition,
    EndReason,
    LegOrder,
    LegState,
    Mode,
    Role,
    Source,
)


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
    left_from: str = ""
    """The dialplan context in which the leg ended."""
    place: str = ""
    """Where the dialplan says the leg is: empty as first dialled, else `talking`, `held`, `waiting`, `consulting`."""
    phone_hold: bool = False
    """Hold was pressed on the leg's own phone; only that phone can end it."""
    muted: bool = False
    """Asterisk passes on nothing of what this leg says."""
    bridge: str = ""
    """The bridge it is in now; memory only."""
    departed: bool = False
    """It left its last bridge and was moved nowhere; memory only."""

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
    leg_order: LegOrder = LegOrder.AGENT_FIRST
    source: Source = Source.MANUAL
    employee_id: int | None = None
    customer_id: int | None = None
    customer_name: str = ""
    group_id: int | None = None
    company_number: str = ""
    """The number of ours that the customer sees or called; E.164."""
    caller_id_reason: str = ""
    """Why that number is shown (domain/caller_id.py); empty for inbound calls."""
    armed_until: datetime | None = None
    """Call-through: until when the agent has to call the access number."""
    state: CallState = CallState.DIALING_AGENT
    state_since: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    disposition: Disposition | None = None
    hung_up_by: Role | None = None
    left: set[int] = field(default_factory=set)
    """Employees for whom the call is over although others go on with it."""
    ending: EndReason | None = None
    """Why the product itself is ending the call; outranks what the legs look like."""
    paid_until: datetime | None = None
    warned: bool = False
    recorded: bool = False
    package_id: int | None = None
    task_number_id: int | None = None
    """The number of a dial task that was dialled, if it was one."""
    number_hidden: bool = False
    """Whether that number was hidden when it was dialled."""
    queued_at: datetime | None = None
    """When the caller joined a line for the first time."""
    queue_position: int | None = None
    """Place in the line, from 1, while the caller waits."""
    expected_wait: int | None = None
    """Seconds until somebody answers, by the group's recent waits; None when nobody knows."""
    legs: dict[str, Leg] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return self.state is CallState.ENDED

    @property
    def asks_note(self) -> bool:
        """Whether its agent has something to add afterwards: of a call that nobody answered all is known."""
        return self.answered_at is not None

    @property
    def hides_number(self) -> bool:
        """The number is hidden from all but the main account as long as the customer's side was not rung (SPEC §B9)."""
        return self.number_hidden and self.leg_of(Role.CUSTOMER) is None

    @property
    def waits_for_agent(self) -> bool:
        """A call-through whose agent has not called yet: there is nothing of it in Asterisk."""
        return self.mode is Mode.CALL_THROUGH and not self.legs and not self.over

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
        missed = missed_by(call, leg, event.status)
        leg.dial_status = event.status
        return [AgentMissed(call.id, missed)] if missed is not None else []
    if isinstance(event, ev.LegPlaced):
        return _placed(call, leg, event.place, now)
    if isinstance(event, ev.ConsultFailed):
        return [ConsultationFailed(call.id, third_failure(event.status, event.cause))]
    if isinstance(event, ev.BridgeLeft):
        _left(call, leg, event.bridge)
        return []
    move: Move | None
    if isinstance(event, ev.BridgeEntered):
        # A leg that is bridged again (a transfer, a resync) did not end the call after all.
        call.hung_up_by, leg.departed, leg.bridge = None, False, event.bridge
        move = Move.ANSWER
    else:
        move = _move_of(event, leg)
    if move is None:
        return []
    if isinstance(event, ev.ChannelEnded):
        leg.cause = event.cause
        leg.left_from = event.channel.context
        _note_departure(call, leg)
    return move_leg(call, leg, move, now)


ON_HOLD = frozenset({"held", "waiting"})
"""Places in which a leg is in no bridge."""


def _left(call: Call, leg: Leg, bridge: str) -> None:
    """A leg left a bridge: moved away by us, or because somebody hung up."""
    if leg.bridge == bridge:
        leg.bridge = ""
    # The news that it was moved may be here already: who is on hold has not hung up.
    if leg.place not in ON_HOLD:
        _note_departure(call, leg)


def _note_departure(call: Call, leg: Leg) -> None:
    """The first to leave and go nowhere, so that nobody is left to talk with, is who hung up.

    A leg is counted once: its `Hangup` may come late.
    """
    if call.answered_at is None or leg.departed or leg.over or leg.role is Role.SUPERVISOR:
        return
    leg.departed = True
    staying = [
        one
        for one in call.legs.values()
        if one.role is not Role.SUPERVISOR and one.state in TALKING and not one.departed
    ]
    if call.hung_up_by is None and len(staying) < 2:
        call.hung_up_by = leg.role


def _placed(call: Call, leg: Leg, place: str, now: datetime) -> list[Fact]:
    """A leg arrived somewhere: the customer on hold, the agent consulting, everybody talking."""
    leg.place = place
    if leg.role is not Role.SUPERVISOR:
        call.hung_up_by, leg.departed = None, False
    facts: list[Fact] = [LegWent(call.id, leg.id, place)]
    held = place == "held" or leg.phone_hold
    if held and leg.state is S.CONNECTED:
        return facts + move_leg(call, leg, Move.HOLD, now)
    if not held and leg.state is S.HELD:
        return facts + move_leg(call, leg, Move.RESUME, now)
    return facts + _derive(call, now)


def mute(call: Call, leg: Leg, on: bool) -> list[Fact]:
    """Asterisk has muted or unmuted what the leg says."""
    if leg.muted is on:
        return []
    leg.muted = on
    return [LegMuted(call.id, leg.id, on)]


def third_failure(status: str, cause: int) -> str:
    """Why a consulted party could not be had: `busy`, `rejected`, `no_answer`, `number_invalid`, `unreachable`."""
    if cause == 21:
        return "rejected"
    if status == "BUSY" or cause == 17:
        return "busy"
    if status == "NOANSWER" or cause in (18, 19):
        return "no_answer"
    return "number_invalid" if cause in (1, 3, 22, 28) else "unreachable"


def goes_on(call: Call) -> bool:
    """Whether others talk with each other now that an agent has left, or the customer is being passed on."""
    if call.ending is not None:
        return False
    staying = [
        leg
        for leg in call.legs.values()
        if leg.state in TALKING and (leg.role is not Role.SUPERVISOR or leg.place == "talking")
    ]
    return len(staying) > 1 or any(leg.place in ("transfer", "return") for leg in staying)


def parted(call: Call) -> list[Leg]:
    """The legs that should all talk in the call's room but are in more than one bridge; empty when all is well."""
    talking = [leg for leg in call.legs.values() if leg.place == "talking" and leg.state in TALKING and leg.bridge]
    return talking if len({leg.bridge for leg in talking}) > 1 else []


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
    facts: list[Fact] = [LegMoved(call.id, leg.id, leg.role, before, after)]
    if after in OVER:
        leg.ended_at = now
        _succeed(call)
    if after is S.ALERTING and leg.employee_id and is_offered(call, leg):
        # Until somebody answers, the call belongs to the agent it rang last: a missed call is somebody's.
        if call.answered_at is None and leg.role is Role.AGENT:
            call.employee_id = leg.employee_id
        facts.append(AgentAlerted(call.id, leg.employee_id))
    facts += _derive(call, now)
    return facts


def _succeed(call: Call) -> None:
    """A colleague to whom the call was passed on is its agent once no other is left."""
    if call.answered_at is None or call.alive(Role.AGENT):
        return
    heir = next((leg for leg in call.alive(Role.THIRD) if leg.employee_id and leg.state in TALKING), None)
    if heir is not None:
        heir.role = Role.AGENT


def close(call: Call, now: datetime, reason: EndReason) -> list[Fact]:
    """Ends a call by other evidence than its own events: a failed Originate, a resync, Asterisk's records."""
    if call.over:
        return []
    return _end(call, now, reason)


def _move_of(event: ev.AmiEvent, leg: Leg) -> Move | None:
    match event:
        case ev.ChannelStateChanged(channel=channel) if channel.up:
            return Move.ANSWER
        case ev.ChannelStateChanged(channel=channel) if channel.ringing:
            return Move.RING if leg.state is not S.CONNECTED else None
        case ev.QueueCallerJoined():
            return Move.QUEUE
        case ev.ChannelHeld():
            leg.phone_hold = True
            return Move.HOLD
        case ev.ChannelResumed():
            leg.phone_hold = False
            return Move.RESUME if leg.place != "held" else None
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
        return facts + _end(call, now, reason_of(call, now))
    _enter(call, _state_of(call, agent, customer, talking), now)
    return facts


def _state_of(call: Call, agent: Leg | None, customer: Leg | None, talking: bool) -> CallState:
    if talking:
        held = any(leg is not None and leg.state is S.HELD for leg in (agent, customer))
        return CallState.HELD if held else CallState.TALKING
    if call.direction is Direction.OUTBOUND:
        if call.leg_order is LegOrder.CUSTOMER_FIRST:
            customer_up = customer is not None and customer.state in TALKING
            return CallState.DIALING_AGENT if customer_up else CallState.DIALING_CUSTOMER
        # In call-through the agent's own leg is answered together with the customer's.
        agent_up = agent is not None and agent.state in TALKING
        return CallState.DIALING_CUSTOMER if agent_up or customer is not None else CallState.DIALING_AGENT
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
    facts.append(CallEnded(call.id, reason, call.disposition))
    missed = missed_at_end(call)
    return [*facts, AgentMissed(call.id, missed)] if missed is not None else facts


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
