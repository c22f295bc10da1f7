"""How a call is moved: everything that decides what a call *is* lives in this file.

`apply(call, event, now)` moves a call by one event of Asterisk and answers with the facts that came out of it. It never
raises for an event that does not fit: such an event becomes the fact `Unexpected`, and the engine resyncs.
Times are aware datetimes in UTC, handed in by the caller; this module reads no clock.
"""

from __future__ import annotations

from datetime import datetime

from callcenter.domain import events as ev
from callcenter.domain.calls import OVER, TALKING, TRANSITIONS, Call, Leg, Move
from callcenter.domain.endings import disposition_of, reason_of
from callcenter.domain.facts import (
    AgentAlerted,
    AgentMissed,
    CallAnswered,
    CallEnded,
    ConsultationFailed,
    Fact,
    LegAdded,
    LegMoved,
    LegMuted,
    LegWent,
    Unexpected,
)
from callcenter.domain.offering import is_offered, missed_at_end, missed_by
from callcenter.domain.terms import CallState, Direction, EndReason, LegOrder, LegState, Role

S = LegState


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
