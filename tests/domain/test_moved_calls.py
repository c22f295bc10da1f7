"""A call that is moved about: who hung up in the end, who owns it, what holds it, and when it has come apart."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from callcenter.domain import call_rules
from callcenter.domain import events as ev
from callcenter.domain.calls import Call, Leg
from callcenter.domain.facts import AgentAlerted, ConsultationFailed, Fact
from callcenter.domain.terms import CallState, Direction, EndReason, LegState, Role

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
CHANNELS = {name: ev.Channel(name, name=f"PJSIP/{name}-1", up=True) for name in ("agent", "customer", "third")}


class Moved:
    """A talking call of agent and customer, with a third party if asked for."""

    def __init__(self, *, third: bool = False, colleague: int | None = None) -> None:
        self.call = Call("c", 1, Direction.OUTBOUND, "+8613800000001", NOW, employee_id=7)
        self.facts: list[Fact] = []
        legs = [Leg("agent", Role.AGENT, employee_id=7), Leg("customer", Role.CUSTOMER)]
        if third:
            legs.append(Leg("third", Role.THIRD, employee_id=colleague))
        for leg in legs:
            call_rules.add_leg(self.call, leg, NOW)
            self.see(leg.id, ev.ChannelStateChanged(CHANNELS[leg.id]))
            self.see(leg.id, ev.BridgeEntered(CHANNELS[leg.id], "room", 2))

    def see(self, leg: str, *events: ev.AmiEvent) -> None:
        for event in events:
            self.facts += call_rules.apply(self.call, leg, event, NOW)

    def placed(self, place: str, *legs: str) -> None:
        for leg in legs:
            self.see(leg, ev.LegPlaced(CHANNELS[leg], place))

    def leave(self, *legs: str) -> None:
        for leg in legs:
            self.see(leg, ev.BridgeLeft(CHANNELS[leg], "room", 1))

    def enter(self, *legs: str, bridge: str = "room") -> None:
        for leg in legs:
            self.see(leg, ev.BridgeEntered(CHANNELS[leg], bridge, 2))

    def end(self, *legs: str, cause: int = 16) -> None:
        for leg in legs:
            self.see(leg, ev.ChannelEnded(CHANNELS[leg], cause))


@pytest.mark.parametrize("told_late", [False, True])
def test_a_customer_who_leaves_while_on_hold_hung_up(told_late: bool) -> None:
    """Whichever comes first, that the legs left their bridge or that they arrived on hold."""
    moved = Moved()
    if not told_late:
        moved.leave("agent", "customer")
    moved.placed("waiting", "agent")
    moved.placed("held", "customer")
    if told_late:
        moved.leave("agent", "customer")
    assert moved.call.state is CallState.HELD
    moved.end("customer", "agent")
    assert moved.call.end_reason is EndReason.CUSTOMER_HUNG_UP


def test_a_third_party_that_left_before_did_not_end_the_call() -> None:
    moved = Moved(third=True)
    moved.placed("talking", "agent", "customer", "third")
    moved.leave("third")
    moved.end("third")
    moved.leave("agent", "customer")
    moved.end("agent", "customer")
    assert moved.call.end_reason is EndReason.AGENT_HUNG_UP


def test_after_a_transfer_the_late_end_of_the_agents_leg_counts_for_nothing() -> None:
    moved = Moved(third=True)
    moved.leave("third", "agent")
    moved.placed("talking", "third")
    moved.enter("customer", "third")
    moved.end("agent")
    moved.leave("third", "customer")
    moved.end("third", "customer")
    assert moved.call.end_reason is EndReason.THIRD_HUNG_UP


def test_a_transfer_that_nobody_takes_ends_as_not_answered() -> None:
    moved = Moved()
    moved.leave("agent")
    moved.end("agent")
    moved.placed("transfer", "customer")
    moved.placed("return", "customer")
    moved.end("customer", cause=19)
    assert moved.call.end_reason is EndReason.AGENT_NO_ANSWER


def test_what_the_product_ends_itself_has_its_own_reason() -> None:
    moved = Moved()
    moved.call.ending = EndReason.SUPERVISOR_HUNG_UP
    moved.leave("customer")
    moved.end("customer", "agent")
    assert moved.call.end_reason is EndReason.SUPERVISOR_HUNG_UP


def test_a_phones_hold_outlasts_the_moves_and_its_resume_ends_it() -> None:
    moved = Moved()
    agent = moved.call.legs["agent"]
    moved.placed("talking", "agent", "customer")
    moved.see("agent", ev.ChannelHeld(CHANNELS["agent"]))
    assert (agent.state, agent.phone_hold, moved.call.state) == (LegState.HELD, True, CallState.HELD)
    moved.placed("waiting", "agent")
    moved.placed("held", "customer")
    assert agent.state is LegState.HELD, "the phone has not let go"
    moved.see("agent", ev.ChannelResumed(CHANNELS["agent"]))
    moved.placed("talking", "agent", "customer")
    assert (agent.state, moved.call.state) == (LegState.CONNECTED, CallState.TALKING)


def test_a_colleague_who_is_left_with_the_customer_is_the_calls_agent() -> None:
    moved = Moved(third=True, colleague=8)
    moved.leave("third", "agent")
    moved.placed("talking", "third", "customer")
    moved.end("agent")
    assert moved.call.legs["third"].role is Role.AGENT
    outside = Moved(third=True)
    outside.end("agent")
    assert outside.call.legs["third"].role is Role.THIRD, "an outside number is nobody's agent"


def test_legs_of_one_conversation_in_two_bridges_are_apart() -> None:
    moved = Moved(third=True)
    moved.placed("talking", "agent", "customer", "third")
    assert call_rules.parted(moved.call) == []
    moved.enter("third", bridge="other")
    assert {leg.id for leg in call_rules.parted(moved.call)} == {"agent", "customer", "third"}
    moved.placed("held", "third")
    assert call_rules.parted(moved.call) == [], "who is on hold is meant to be elsewhere"


@pytest.mark.parametrize(
    ("status", "cause", "word"),
    [
        ("BUSY", 17, "busy"),
        ("CHANUNAVAIL", 21, "rejected"),
        ("NOANSWER", 0, "no_answer"),
        ("CHANUNAVAIL", 1, "number_invalid"),
        ("CONGESTION", 34, "unreachable"),
    ],
)
def test_a_failed_consultation_has_a_word(status: str, cause: int, word: str) -> None:
    moved = Moved()
    moved.see("agent", ev.ConsultFailed(CHANNELS["agent"], status, cause))
    assert moved.facts[-1] == ConsultationFailed("c", word)


def test_a_page_that_comes_back_is_no_new_offer_of_the_call() -> None:
    moved = Moved()
    call_rules.add_leg(moved.call, Leg("new", Role.AGENT, employee_id=7), NOW)
    rang = call_rules.apply(moved.call, "new", ev.ChannelStateChanged(ev.Channel("new", ringing=True)), NOW)
    assert not any(isinstance(fact, AgentAlerted) for fact in rang)
