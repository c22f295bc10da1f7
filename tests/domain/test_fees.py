"""Fees beside minutes, and the life of a direct number: the rules that need no database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain import fees
from callcenter.domain.direct_numbers import STEPS, NumberState, Step, refusal, state_of
from callcenter.domain.fees import Tier

NOW = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
TIERS = [Tier(1, 4, 36_000), Tier(5, 29, 28_000), Tier(30, None, 22_000)]


def test_the_printed_fees() -> None:
    """C16-9 and C16-10."""
    assert fees.pro_rata(298_000, 365) == 298_000
    tier = fees.tier_for(TIERS, 19)
    assert tier is not None and fees.pro_rata(tier.price, 320, 19) == 466_411


@pytest.mark.parametrize(("quantity", "price"), [(1, 36_000), (4, 36_000), (5, 28_000), (29, 28_000), (30, 22_000)])
def test_the_tier_is_that_of_this_quantity(quantity: int, price: int) -> None:
    tier = fees.tier_for(TIERS, quantity)
    assert tier is not None and tier.price == price


def test_a_quantity_outside_all_tiers_has_no_price() -> None:
    assert fees.tier_for(TIERS[:1], 5) is None


@given(st.integers(0, 10**9), st.integers(0, 3660), st.integers(1, 1000))
def test_a_pro_rata_fee_is_off_by_half_a_fen_at_most(price: int, days: int, quantity: int) -> None:
    exact = price * days * quantity
    assert abs(fees.pro_rata(price, days, quantity) * 365 - exact) * 2 <= 365


@pytest.mark.parametrize(
    ("until", "days"),
    [
        (None, 365),
        (NOW + timedelta(days=320), 320),
        (NOW + timedelta(days=319, seconds=1), 320),
        (NOW, 0),
        (NOW - timedelta(days=3), 0),
    ],
)
def test_a_started_day_counts(until: datetime | None, days: int) -> None:
    assert fees.days_left(until, NOW) == days


def test_a_year_later() -> None:
    assert fees.a_year_later(NOW) == NOW.replace(year=2027)
    assert fees.a_year_later(datetime(2028, 2, 29, tzinfo=UTC)) == datetime(2029, 2, 28, tzinfo=UTC)


@pytest.mark.parametrize(
    ("paid", "today", "leaves", "due"),
    [
        (date(2026, 1, 1), date(2026, 1, 31), None, []),
        (date(2026, 1, 1), date(2026, 2, 1), None, [date(2026, 2, 1)]),
        (date(2025, 11, 1), date(2026, 1, 15), None, [date(2025, 12, 1), date(2026, 1, 1)]),
        (date(2026, 1, 1), date(2026, 2, 1), date(2026, 2, 1), []),
        (date(2025, 12, 1), date(2026, 2, 1), date(2026, 2, 1), [date(2026, 1, 1)]),
    ],
)
def test_months_are_due_on_their_first_day(paid: date, today: date, leaves: date | None, due: list[date]) -> None:
    assert fees.months_due(paid, today, leaves) == due


@pytest.mark.parametrize(
    ("stored", "bound", "leave", "state"),
    [
        ("dispatched", False, "", NumberState.DISPATCHED),
        ("assigned", False, "", NumberState.ASSIGNED),
        ("active", False, "", NumberState.ACTIVATED),
        ("active", True, "", NumberState.BOUND),
        ("active", True, "requested", NumberState.LEAVING),
        ("retired", False, "approved", NumberState.RETIRED),
    ],
)
def test_the_state_of_a_number(stored: str, bound: bool, leave: str, state: NumberState) -> None:
    assert state_of(stored, bound=bound, leave=leave) is state


@pytest.mark.parametrize(
    ("state", "step", "code"),
    [
        (NumberState.DISPATCHED, Step.BIND, "number_not_activated"),
        (NumberState.ASSIGNED, Step.BIND, "number_not_activated"),
        (NumberState.BOUND, Step.BIND, "number_bound"),
        (NumberState.LEAVING, Step.BIND, "number_leaving"),
        (NumberState.RETIRED, Step.BIND, "number_retired"),
        (NumberState.DISPATCHED, Step.ACTIVATE, "number_not_assigned"),
        (NumberState.ACTIVATED, Step.ACTIVATE, "number_activated"),
        (NumberState.ACTIVATED, Step.ASSIGN, "number_activated"),
        (NumberState.ACTIVATED, Step.UNBIND, "number_not_bound"),
        (NumberState.LEAVING, Step.LEAVE, "number_leaving"),
        (NumberState.BOUND, Step.RETIRE, "number_not_leaving"),
    ],
)
def test_why_a_step_is_refused(state: NumberState, step: Step, code: str) -> None:
    assert refusal(state, step) == code


def test_every_step_is_answered_in_every_state() -> None:
    for step in Step:
        for state in NumberState:
            assert bool(refusal(state, step)) == (state not in STEPS[step])
