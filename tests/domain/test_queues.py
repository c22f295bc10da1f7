"""Order of ringing, fairness of calling back, honest waiting times, hours: the rules by themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callcenter.domain import hours as hours_rules
from callcenter.domain.hours import BadHours, Hours, parse, written
from callcenter.domain.queues import (
    Member,
    Request,
    Tried,
    closes_a_loop,
    expected_wait,
    follow_up,
    left_reason,
    next_request,
    ring_order,
    tried,
)
from callcenter.domain.terms import CallbackState, EndReason, QueueStrategy

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


# -- order of ringing --------------------------------------------------------------------------------------------------


def test_each_strategy_orders_the_same_agents_by_its_own_measure() -> None:
    members = [
        Member(1, _at(0), answered_today=5, last_turn=_at(-10)),
        Member(2, _at(1), answered_today=1, last_turn=_at(-5)),
        Member(3, _at(2), answered_today=3, last_turn=None),
    ]
    assert ring_order(QueueStrategy.LONGEST_IDLE, members) == [1, 2, 3]
    assert ring_order(QueueStrategy.ROUND_ROBIN, members) == [3, 1, 2]
    assert ring_order(QueueStrategy.FEWEST_CALLS, members) == [2, 3, 1]


@given(
    st.sampled_from(QueueStrategy),
    st.lists(
        st.builds(
            Member,
            st.integers(1, 50),
            st.integers(0, 5).map(_at),
            st.integers(0, 3),
            st.none() | st.integers(-5, 0).map(_at),
        ),
        unique_by=lambda one: one.employee_id,
    ),
)
def test_nobody_is_lost_or_doubled_in_any_order(strategy: QueueStrategy, members: list[Member]) -> None:
    ordered = ring_order(strategy, members)
    assert sorted(ordered) == sorted(one.employee_id for one in members)
    assert ring_order(strategy, list(reversed(members))) == ordered, "the order does not depend on where they came from"


# -- calling back ------------------------------------------------------------------------------------------------------


def test_a_request_waits_for_a_live_caller_who_came_earlier() -> None:
    request = Request(1, 7, "+8613800000001", _at(10), _at(10))
    assert next_request([request], [7], {7: _at(5)}, _at(60)) is None
    assert next_request([request], [7], {7: _at(10)}, _at(60)) is None, "together: the live caller"
    assert next_request([request], [7], {7: _at(11)}, _at(60)) == request
    assert next_request([request], [7], {8: _at(5)}, _at(60)) == request, "another group's line is no hindrance"
    assert next_request([request], [8], {}, _at(60)) is None
    assert next_request([replace(request, next_try_at=_at(99))], [7], {}, _at(60)) is None
    assert next_request([request], [7], {}, _at(60), lambda one: False) is None


Arrival = st.tuples(st.integers(0, 300), st.booleans(), st.integers(1, 3))
"""Second of arrival, whether the caller asks to be called back, the group."""


@settings(max_examples=200)
@given(
    st.lists(Arrival, min_size=1, max_size=40),
    st.lists(st.sets(st.integers(1, 3), min_size=1), min_size=1, max_size=4),
    st.lists(st.sampled_from([Tried.REACHED, Tried.NOT_REACHED, Tried.AGENT_MISSED]), max_size=60),
)
def test_a_whole_day_is_fair(arrivals: list[tuple[int, bool, int]], agents: list[set[int]], luck: list[Tried]) -> None:
    """Agents become free again and again: nobody is called twice at once or after being reached, nobody passes a caller
    who came earlier, and in the end nobody whose group has an agent is left over."""
    agents = [*agents, {1, 2, 3}]
    live = {index: (_at(at), group) for index, (at, asks, group) in enumerate(arrivals) if not asks}
    requests = {
        index: Request(index, group, f"+86138{index:08d}", _at(at), _at(at))
        for index, (at, asks, group) in enumerate(arrivals)
        if asks
    }
    outcomes = list(luck)
    reached: set[int] = set()
    given_up: set[int] = set()
    moment = 300.0
    for turn in range(20 * len(arrivals) + 20):
        moment += 60
        groups = agents[turn % len(agents)]
        since: dict[int, datetime] = {}
        for joined, group in live.values():
            since[group] = min(since.get(group, joined), joined)
        chosen = next_request(requests.values(), groups, since, _at(moment))
        if chosen is None:
            mine = [(joined, index) for index, (joined, group) in live.items() if group in groups]
            if mine:
                del live[min(mine)[1]]  # what the queue does with a free agent
            continue
        assert chosen.id not in reached | given_up, "called again after it was over"
        assert all(joined > chosen.queued_at for joined, group in live.values() if group in groups), "passed a caller"
        waiting = [one for one in requests.values() if one.group_id in groups and one.next_try_at <= _at(moment)]
        assert chosen.queued_at == min(one.queued_at for one in waiting), "passed another request"
        outcome = outcomes.pop() if outcomes else Tried.REACHED
        then = follow_up(chosen, outcome, _at(moment))
        if then.state is CallbackState.WAITING:
            requests[chosen.id] = replace(chosen, attempts=then.attempts, next_try_at=then.next_try_at)
            assert requests[chosen.id].queued_at == chosen.queued_at, "the place is kept"
            continue
        del requests[chosen.id]
        (reached if then.state is CallbackState.DONE else given_up).add(chosen.id)
    assert not live and not requests, "somebody starved"


def test_only_the_callers_own_silence_uses_up_attempts() -> None:
    request = Request(1, 7, "+8613800000001", _at(0), _at(0))
    missed = follow_up(request, Tried.AGENT_MISSED, _at(5))
    assert (missed.state, missed.attempts, missed.next_try_at) == (CallbackState.WAITING, 0, _at(5))
    pause = timedelta(minutes=10)
    for attempt in (1, 2):
        then = follow_up(request, Tried.NOT_REACHED, _at(5))
        assert (then.state, then.attempts, then.next_try_at) == (CallbackState.WAITING, attempt, _at(5) + pause)
        request = replace(request, attempts=then.attempts)
    assert follow_up(request, Tried.NOT_REACHED, _at(5)).state is CallbackState.FAILED
    assert follow_up(request, Tried.IMPOSSIBLE, _at(5)).state is CallbackState.FAILED
    assert follow_up(request, Tried.REACHED, _at(5)).state is CallbackState.DONE


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (EndReason.AGENT_NO_ANSWER, Tried.AGENT_MISSED),
        (EndReason.CUSTOMER_NO_ANSWER, Tried.NOT_REACHED),
        (EndReason.CUSTOMER_BUSY, Tried.NOT_REACHED),
        (EndReason.NUMBER_INVALID, Tried.IMPOSSIBLE),
        (None, Tried.NOT_REACHED),
    ],
)
def test_the_end_of_a_call_says_what_became_of_the_attempt(reason: EndReason | None, expected: Tried) -> None:
    assert tried(False, reason) is expected
    assert tried(True, reason) is Tried.REACHED


# -- waiting -----------------------------------------------------------------------------------------------------------


def test_nothing_is_promised_before_three_callers_of_the_last_hour_were_answered() -> None:
    old = [(NOW - timedelta(hours=2), 500.0)] * 5
    assert expected_wait([*old, (NOW, 10.0), (NOW, 20.0)], NOW) is None
    assert expected_wait([*old, (NOW, 10.0), (NOW, 20.0), (NOW, 31.0)], NOW) == 20


def test_groups_that_overflow_in_a_circle_are_seen() -> None:
    assert closes_a_loop({}, 1, 1)
    assert closes_a_loop({2: 3, 3: 1}, 1, 2)
    assert not closes_a_loop({2: 3}, 1, 2)


def test_where_a_caller_hung_up_says_why() -> None:
    assert left_reason("in-line") is EndReason.ABANDONED
    assert left_reason("closed") is EndReason.CLOSED
    assert left_reason("queue-keys") is EndReason.CALLBACK_ASKED


# -- hours -------------------------------------------------------------------------------------------------------------

WEEK = {str(day): [{"start": "09:00", "end": "12:00"}, {"start": "13:30", "end": "18:00"}] for day in range(1, 6)}


@pytest.mark.parametrize(
    ("local", "is_open"),
    [
        ("2026-01-05 08:59", False),  # a Monday
        ("2026-01-05 09:00", True),
        ("2026-01-05 11:59", True),
        ("2026-01-05 12:00", False),
        ("2026-01-05 13:30", True),
        ("2026-01-05 18:00", False),
        ("2026-01-03 10:00", False),  # a Saturday
        ("2026-01-04 10:30", True),  # a Sunday that is worked
        ("2026-01-01 10:00", False),
    ],
)
def test_intervals_and_holidays(local: str, is_open: bool) -> None:
    worked = {"date": "2026-01-04", "intervals": [{"start": "10:00", "end": "11:00"}]}
    holidays: list[dict[str, Any]] = [{"date": "2026-01-01", "intervals": []}, worked]
    assert parse(WEEK, holidays).open_at(datetime.fromisoformat(local)) is is_open


def test_the_next_opening_skips_nights_and_holidays() -> None:
    hours = parse(WEEK, [{"date": "2026-01-05", "intervals": []}])
    assert hours.next_opening(datetime(2026, 1, 2, 18, 0)) == datetime(2026, 1, 6, 9, 0)
    assert hours.next_opening(datetime(2026, 1, 6, 12, 0)) == datetime(2026, 1, 6, 13, 30)
    assert Hours().next_opening(datetime(2026, 1, 6)) is None


@pytest.mark.parametrize(
    ("weekly", "holidays"),
    [
        ({"8": []}, []),
        ({"1": [{"start": "09:00", "end": "09:00"}]}, []),
        ({"1": [{"start": "09:00", "end": "12:00"}, {"start": "11:00", "end": "13:00"}]}, []),
        ({"1": [{"start": "9:00", "end": "12:00"}]}, []),
        ({"1": [{"start": "09:60", "end": "12:00"}]}, []),
        ({"1": [{"start": "09:00", "end": "24:01"}]}, []),
        ({}, [{"date": "2026-02-30"}]),
        ({}, [{"date": "2026-01-01"}, {"date": "2026-01-01"}]),
    ],
)
def test_hours_that_make_no_sense_are_refused(
    weekly: dict[str, list[dict[str, str]]], holidays: list[dict[str, str]]
) -> None:
    with pytest.raises(BadHours):
        parse(weekly, holidays)


def test_what_the_dialplan_is_given() -> None:
    text = written(parse(WEEK, [{"date": "2026-01-01", "intervals": []}]))
    assert text["1"] == "0900-1200,1330-1800" and text["7"] == "closed" and text["20260101"] == "closed"
    assert hours_rules.DAY == 24 * 60 and date(2026, 1, 5).isoweekday() == 1
