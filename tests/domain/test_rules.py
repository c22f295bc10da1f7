"""Minutes, gates, numbers and agent states: the rules that need no telephone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain import agents, gates, numbers, packages
from callcenter.domain.agents import Agent
from callcenter.domain.gates import DialFacts
from callcenter.domain.packages import Package
from callcenter.domain.terms import AgentState, Device, Gate, Mode

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(("seconds", "minutes"), [(0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (120, 2), (121, 3)])
def test_a_started_minute_counts(seconds: int, minutes: int) -> None:
    assert packages.minutes_for(seconds) == minutes


def test_a_leg_is_billed_in_whole_seconds_and_an_answered_one_at_least_one() -> None:
    assert packages.billable_seconds(NOW, NOW + timedelta(milliseconds=60_003)) == 60
    assert packages.billable_seconds(NOW, NOW + timedelta(milliseconds=300)) == 1
    assert packages.billable_seconds(None, NOW) == 0


def _package(identity: int, expires: int, created: int = 0, left: int = 10) -> Package:
    return Package(identity, Mode.DIRECT, 100, left, NOW, NOW + timedelta(days=expires), NOW + timedelta(hours=created))


def test_the_package_that_expires_first_pays_first_then_the_oldest() -> None:
    found = packages.in_paying_order([_package(1, 30), _package(2, 7, 2), _package(3, 7, 1)])
    assert [one.id for one in found] == [3, 2, 1]


@pytest.mark.parametrize(
    ("left", "now", "state"),
    [
        (100, NOW, "sufficient"),
        (51, NOW, "sufficient"),
        (50, NOW, "low"),
        (0, NOW, "used_up"),
        (50, NOW + timedelta(days=8), "expired"),
    ],
)
def test_the_state_of_a_package(left: int, now: datetime, state: str) -> None:
    assert packages.state_of(_package(1, 7, left=left), now) == state


GOOD = DialFacts(True, True, True, True, True, False, True, False, time(10), (time(8, 30), time(21, 30)))


def _with(**changes: object) -> DialFacts:
    values = {name: getattr(GOOD, name) for name in DialFacts.__slots__}
    return DialFacts(**{**values, **changes})


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"may_dial": False}, Gate.NOT_AN_AGENT),
        ({"account_active": False}, Gate.ACCOUNT_INACTIVE),
        ({"standing": Gate.COMPANY_EXPIRED}, Gate.COMPANY_EXPIRED),
        ({"logged_in": False}, Gate.NOT_LOGGED_IN),
        ({"phones_live": False}, Gate.PHONES_UNAVAILABLE),
        ({"number_valid": False}, Gate.NUMBER_INVALID),
        ({"blacklisted": True}, Gate.BLACKLISTED),
        ({"local_time": time(8, 29, 59)}, Gate.OUTSIDE_DIAL_WINDOW),
        ({"local_time": time(21, 30)}, Gate.OUTSIDE_DIAL_WINDOW),
        ({"has_seat": False}, Gate.NO_SEAT),
        ({"has_caller_id": False}, Gate.NO_BOUND_NUMBER),
        ({"mode": Mode.CALLBACK}, Gate.NO_BOUND_PHONE),
        ({"mode": Mode.CALL_THROUGH, "access_number": True}, Gate.NO_BOUND_PHONE),
        ({"mode": Mode.CALL_THROUGH, "has_bound_phone": True}, Gate.CALL_THROUGH_OFF),
        ({"mode": Mode.POINT}, Gate.LINE_NOT_OPEN),
        ({"phone_registered": False}, Gate.PHONE_NOT_REGISTERED),
        ({"busy": True}, Gate.ALREADY_DIALLING),
    ],
)
def test_each_gate_refuses_with_its_own_reason(change: dict[str, object], gate: Gate) -> None:
    assert gates.first_closed_gate(_with(**change)) is gate


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"company_expired": True}, Gate.COMPANY_EXPIRED),
        ({"company_verified": False}, Gate.COMPANY_UNVERIFIED),
        ({"script_approved": False}, Gate.SCRIPT_NOT_APPROVED),
        ({"suspended": True}, Gate.DIALLING_SUSPENDED),
        ({"verified": False}, Gate.NOT_VERIFIED),
        ({"balance_negative": True}, Gate.BALANCE_NEGATIVE),
    ],
)
def test_a_company_and_its_employee_need_a_good_standing(change: dict[str, bool], gate: Gate) -> None:
    assert gates.Standing(**change).closed() is gate
    assert gates.Standing().closed() is None


@pytest.mark.parametrize("mode", [Mode.CALLBACK, Mode.CALL_THROUGH])
def test_an_outside_phone_needs_no_registered_one(mode: Mode) -> None:
    assert (
        gates.first_closed_gate(_with(mode=mode, phone_registered=False, has_bound_phone=True, access_number=True))
        is None
    )


def test_an_open_line_is_a_phone_already() -> None:
    assert gates.first_closed_gate(_with(mode=Mode.POINT, line_open=True, phone_registered=False)) is None


def test_all_gates_open_may_dial_at_both_edges() -> None:
    assert gates.first_closed_gate(GOOD) is None
    assert gates.first_closed_gate(_with(local_time=time(8, 30))) is None
    assert gates.first_closed_gate(_with(local_time=time(21, 29, 59))) is None


@pytest.mark.parametrize(
    ("start", "end", "allowed"),
    [
        (time(8, 30), time(21, 30), True),
        (time(8), time(21), False),
        (time(9), time(21, 31), False),
        (time(12), time(12), False),
    ],
)
def test_a_companys_window_lies_inside_the_platforms(start: time, end: time, allowed: bool) -> None:
    assert gates.window_allowed(start, end) is allowed


@pytest.mark.parametrize(
    ("typed", "e164", "dialled"),
    [
        ("138 0000 0001", "+8613800000001", "13800000001"),
        ("+86 138-0000-0001", "+8613800000001", "13800000001"),
        ("１３８００００００01", "+8613800000001", "13800000001"),
        ("\u202a13800000001\u202c", "+8613800000001", "13800000001"),
        ("(010) 6552 9988", "+861065529988", "01065529988"),
        ("10086", "10086", "10086"),
        ("+1 415 555 2671", "+14155552671", "0014155552671"),
    ],
)
def test_numbers_as_people_type_them(typed: str, e164: str, dialled: str) -> None:
    assert numbers.normalise(typed) == e164
    assert numbers.dialable(e164) == dialled


@given(st.text(max_size=40))
def test_no_text_breaks_the_number_parser(text: str) -> None:
    try:
        found = numbers.normalise(text)
    except numbers.BadNumber:
        return
    assert found.lstrip("+").isdigit()
    assert numbers.normalise(found) == found


@pytest.mark.parametrize(
    ("number", "masked"), [("13812345612", "138******12"), ("12345678", "******78"), ("01065529988", "010******88")]
)
def test_six_middle_digits_are_masked(number: str, masked: str) -> None:
    assert numbers.mask(number) == masked


def _agent() -> Agent:
    return Agent(7, 1, "林小雨", state=AgentState.READY, since=NOW)


def test_after_a_call_and_its_wrap_up_an_agent_is_ready_again() -> None:
    agent = _agent()
    assert agents.begin_call(agent, "c", NOW)
    assert agents.end_call(agent, "c", NOW, timedelta(seconds=30))
    assert agent.state is AgentState.WORKING_AFTER_CALL
    assert not agents.wrap_up_due(agent, NOW + timedelta(seconds=29))
    assert agents.wrap_up_due(agent, NOW + timedelta(seconds=30))
    assert not agents.finish_wrap_up(agent, NOW + timedelta(seconds=30), "another call")
    assert agents.finish_wrap_up(agent, NOW + timedelta(seconds=30), "c")
    assert agent.state.value == "ready"


def test_a_state_chosen_during_a_call_holds_after_it() -> None:
    agent = _agent()
    agents.begin_call(agent, "c", NOW)
    assert not agents.choose(agent, AgentState.NOT_READY, "meal", NOW)
    assert agent.state is AgentState.BUSY
    agents.end_call(agent, "c", NOW, timedelta(0))
    assert (agent.state, agent.reason) == (AgentState.NOT_READY, "meal")


def test_the_end_of_another_call_does_not_touch_an_agent() -> None:
    agent = _agent()
    agents.begin_call(agent, "c", NOW)
    assert not agents.end_call(agent, "other", NOW, timedelta(0))
    assert agent.state is AgentState.BUSY


def test_calls_that_ring_in_vain_in_a_row_end_with_not_ready() -> None:
    agent = _agent()
    assert not agents.missed(agent, 2, NOW)
    agents.answered(agent)
    assert not agents.missed(agent, 2, NOW), "an answered one in between"
    assert agents.missed(agent, 2, NOW)
    assert (agent.state, agent.reason, agent.unanswered) == (AgentState.NOT_READY, "no_answer", 2)
    assert not agents.missed(agent, 2, NOW) and agent.unanswered == 2, "who is not ready is not counted"
    assert agents.choose(agent, AgentState.READY, "", NOW) and agent.unanswered == 0
    assert not any(agents.missed(agent, 0, NOW) for _ in range(9)), "0 is never"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("PJSIP/agent-12-web-0000001f", (12, Device.BROWSER)),
        ("PJSIP/agent-12-0000001f", (12, Device.SIP)),
        ("agent-12-web", (12, Device.BROWSER)),
        ("PJSIP/trunk-1-00000002", None),
        ("PJSIP/agent-x-1", None),
    ],
)
def test_an_employee_is_known_by_the_channels_name(name: str, found: tuple[int, Device] | None) -> None:
    assert agents.employee_of(name) == found
