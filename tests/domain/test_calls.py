"""A call from first ring to last hang-up, and every way it can go wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain import call_rules
from callcenter.domain import events as ev
from callcenter.domain.calls import Call, Leg
from callcenter.domain.facts import AgentAlerted, AgentMissed, CallAnswered, CallEnded, Fact, Unexpected
from callcenter.domain.terms import CallState, Direction, Disposition, EndReason, LegState, Role, Source

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
AGENT = ev.Channel("a", name="PJSIP/agent-7-web-00000001", account="c.agent")
CUSTOMER = ev.Channel("b", name="PJSIP/trunk-1-00000002", account="c.customer")
RINGING = {"a": ev.Channel("a", ringing=True), "b": ev.Channel("b", ringing=True)}
UP = {"a": ev.Channel("a", up=True), "b": ev.Channel("b", up=True)}


def outbound() -> Call:
    call = Call("c", 1, Direction.OUTBOUND, "+8613800000001", NOW, employee_id=7)
    call_rules.add_leg(call, Leg("a", Role.AGENT, channel=AGENT.name, employee_id=7), NOW)
    return call


def inbound() -> Call:
    call = Call("c", 1, Direction.INBOUND, "+8613900000001", NOW, state=CallState.QUEUED)
    call_rules.add_leg(call, Leg("b", Role.CUSTOMER, channel=CUSTOMER.name), NOW)
    return call


class Play:
    """Feeds events one second apart and keeps the facts."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.now = NOW
        self.facts: list[Fact] = []

    def __call__(self, leg_id: str, event: ev.AmiEvent) -> Play:
        self.now += timedelta(seconds=1)
        self.facts += call_rules.apply(self.call, leg_id, event, self.now)
        return self

    def state(self) -> CallState:
        return self.call.state

    def customer_leg(self) -> Play:
        self.now += timedelta(seconds=1)
        self.facts += call_rules.add_leg(self.call, Leg("b", Role.CUSTOMER, channel=CUSTOMER.name), self.now)
        return self

    def agent_leg(self) -> Play:
        self.now += timedelta(seconds=1)
        leg = Leg("a", Role.AGENT, channel=AGENT.name, employee_id=7)
        self.facts += call_rules.add_leg(self.call, leg, self.now)
        return self

    def ring(self, leg_id: str) -> Play:
        return self(leg_id, ev.ChannelStateChanged(RINGING[leg_id]))

    def up(self, leg_id: str) -> Play:
        return self(leg_id, ev.ChannelStateChanged(UP[leg_id]))

    def end(self, leg_id: str, cause: int = 16) -> Play:
        return self(leg_id, ev.ChannelEnded(UP[leg_id], cause))

    def dial_end(self, status: str) -> Play:
        return self("b", ev.DialEnded(AGENT, CUSTOMER, status))

    def bridge(self) -> Play:
        self("a", ev.BridgeEntered(AGENT, "x", 1))
        return self("b", ev.BridgeEntered(CUSTOMER, "x", 2))

    def leave(self, leg_id: str) -> Play:
        return self(leg_id, ev.BridgeLeft(UP[leg_id], "x", 1))


def talking() -> Play:
    return Play(outbound()).ring("a").up("a").customer_leg().ring("b").up("b").bridge()


def test_an_outbound_call_goes_through_its_states() -> None:
    play = Play(outbound())
    assert play.ring("a").call.state is CallState.DIALING_AGENT
    assert play.up("a").call.state is CallState.DIALING_CUSTOMER
    assert play.customer_leg().ring("b").call.state is CallState.DIALING_CUSTOMER
    assert play.up("b").call.state is CallState.TALKING
    assert CallAnswered("c", 7) in play.facts


@pytest.mark.parametrize(("first", "reason"), [("b", EndReason.CUSTOMER_HUNG_UP), ("a", EndReason.AGENT_HUNG_UP)])
def test_who_leaves_the_bridge_first_hung_up(first: str, reason: EndReason) -> None:
    # Asterisk ends the customer's channel first in both cases; only the bridge tells who went.
    play = talking().leave(first).end("b").end("a")
    assert play.call.end_reason is reason
    assert play.call.disposition is Disposition.ANSWERED


def test_a_hang_up_at_the_paid_end_is_the_cut() -> None:
    play = talking()
    play.call.paid_until = play.now + timedelta(seconds=2)
    play.leave("b").end("b").end("a")
    assert play.call.end_reason is EndReason.MINUTES_USED_UP


@pytest.mark.parametrize(
    ("status", "cause", "reason", "disposition"),
    [
        ("BUSY", 17, EndReason.CUSTOMER_BUSY, Disposition.BUSY),
        ("NOANSWER", 0, EndReason.CUSTOMER_NO_ANSWER, Disposition.NO_ANSWER),
        ("BUSY", 21, EndReason.CUSTOMER_REJECTED, Disposition.NO_ANSWER),
        ("CONGESTION", 1, EndReason.NUMBER_INVALID, Disposition.FAILED),
        ("CHANUNAVAIL", 19, EndReason.CUSTOMER_NO_ANSWER, Disposition.NO_ANSWER),
        ("CONGESTION", 34, EndReason.NETWORK_FAILED, Disposition.CONGESTION),
        ("CANCEL", 0, EndReason.AGENT_HUNG_UP, Disposition.NO_ANSWER),
    ],
)
def test_why_a_customer_was_not_reached(status: str, cause: int, reason: EndReason, disposition: Disposition) -> None:
    play = Play(outbound()).ring("a").up("a").customer_leg().ring("b").dial_end(status).end("b", cause).end("a")
    assert (play.call.end_reason, play.call.disposition) == (reason, disposition)
    assert play.call.answered_at is None


@pytest.mark.parametrize(("cause", "reason"), [(17, EndReason.AGENT_BUSY), (0, EndReason.AGENT_NO_ANSWER)])
def test_an_agents_phone_that_is_not_answered(cause: int, reason: EndReason) -> None:
    assert Play(outbound()).ring("a").end("a", cause).call.end_reason is reason


def test_an_inbound_call_rings_pops_and_belongs_to_who_it_rang() -> None:
    play = Play(inbound())("b", ev.QueueCallerJoined(CUSTOMER, "q-1", 1))
    assert play.state() is CallState.QUEUED
    play.agent_leg().ring("a")
    assert AgentAlerted("c", 7) in play.facts
    assert play.state() is CallState.RINGING_AGENT
    play.end("b").end("a")
    assert play.call.end_reason is EndReason.ABANDONED
    assert play.call.employee_id == 7


def test_an_agent_who_does_not_answer_leaves_the_caller_waiting() -> None:
    play = Play(inbound())("b", ev.QueueCallerJoined(CUSTOMER, "q-1", 1)).agent_leg().ring("a").end("a", 19)
    assert play.call.state is CallState.QUEUED
    assert not play.call.over


def test_hold_and_resume_change_the_calls_state() -> None:
    play = talking()
    assert play("a", ev.ChannelHeld(AGENT)).call.state is CallState.HELD
    assert play("a", ev.ChannelResumed(AGENT)).call.state is CallState.TALKING


def test_an_event_that_does_not_fit_is_a_fact_and_changes_nothing() -> None:
    play = talking().end("b").end("a")
    before = play.call.ended_at
    assert isinstance(play.end("b").facts[-1], Unexpected)
    assert play.call.ended_at == before


def test_an_unknown_leg_is_a_fact_and_not_an_error() -> None:
    facts = call_rules.apply(outbound(), "nobody", ev.ChannelEnded(UP["a"], 16), NOW)
    assert facts == [Unexpected("c", "nobody", "ChannelEnded")]


def test_an_agent_misses_what_rings_in_vain_and_nothing_else() -> None:
    def missed(status: str, *, rings: bool = True, channel: str = AGENT.name) -> list[int]:
        play = Play(inbound())
        play.facts += call_rules.add_leg(play.call, Leg("a", Role.AGENT, channel=channel, employee_id=7), play.now)
        if rings:
            play("a", ev.ChannelStateChanged(RINGING["a"]))
        # As a queue tells it: the end of the dial, and once more as it takes the channel down.
        for told in (status, "CANCEL"):
            play("a", ev.DialEnded(CUSTOMER, AGENT, told))
        play("a", ev.ChannelEnded(AGENT, 26))
        return [fact.employee_id for fact in play.facts if isinstance(fact, AgentMissed)]

    assert missed("NOANSWER") == [7] and missed("BUSY") == [7], "rejected is not answered either"
    assert missed("CANCEL") == [], "the caller gave up, or somebody else answered"
    assert missed("NOANSWER", rings=False) == [], "a phone that was not reached rang nobody"
    assert missed("NOANSWER", channel="PJSIP/trunk-1-00000009") == [], "an outside phone is nobody's workplace"


@pytest.mark.parametrize(("source", "missed"), [(Source.QUEUE_CALLBACK, [7]), (Source.MANUAL, [])])
def test_a_callback_that_its_agent_does_not_take_is_missed_and_a_call_of_ones_own_is_not(
    source: Source, missed: list[int]
) -> None:
    play = Play(outbound())
    play.call.source = source
    play("a", ev.ChannelStateChanged(RINGING["a"]))("a", ev.ChannelEnded(AGENT, 19))
    assert play.call.end_reason is EndReason.AGENT_NO_ANSWER
    assert [fact.employee_id for fact in play.facts if isinstance(fact, AgentMissed)] == missed


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "zz"]),
        st.sampled_from(
            [
                ev.ChannelStateChanged(RINGING["a"]),
                ev.ChannelStateChanged(UP["a"]),
                ev.QueueCallerJoined(CUSTOMER, "q-1", 1),
                ev.BridgeEntered(AGENT, "x", 1),
                ev.BridgeLeft(AGENT, "x", 1),
                ev.ChannelHeld(AGENT),
                ev.ChannelResumed(AGENT),
                ev.DialEnded(AGENT, CUSTOMER, "BUSY"),
                ev.ChannelEnded(AGENT, 16),
            ]
        ),
    ),
    max_size=40,
)


@given(EVENTS, st.booleans())
def test_no_order_of_events_breaks_a_call(sequence: list[tuple[str, ev.AmiEvent]], starts_outbound: bool) -> None:
    play = Play(outbound() if starts_outbound else inbound())
    play.customer_leg().agent_leg()
    for leg_id, event in sequence:
        play(leg_id, event)
    ended = [fact for fact in play.facts if isinstance(fact, CallEnded)]
    assert len(ended) == (1 if play.call.over else 0)
    assert play.call.over == all(leg.over for leg in play.call.legs.values())
    for leg in play.call.legs.values():
        assert (leg.ended_at is not None) == (leg.state in (LegState.NULL, LegState.FAILED))
    play.facts += call_rules.close(play.call, play.now, EndReason.LOST)
    assert play.call.over
    assert len([fact for fact in play.facts if isinstance(fact, CallEnded)]) == 1
