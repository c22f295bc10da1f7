"""Which number a called party sees, as pure rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from callcenter.domain.caller_id import OwnNumber, choose_caller_id
from callcenter.domain.terms import CallerIdPolicy, Mode, NumberKind

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
D, T = NumberKind.DIRECT, NumberKind.TELECOM
BOUND, REGION, ROTATION = CallerIdPolicy.BOUND, CallerIdPolicy.SAME_REGION, CallerIdPolicy.ROTATION
SEAT = 7

MINE = OwnNumber(1, "+8621601", D, "上海市", seat_id=SEAT, last_shown_at=NOW)
CALLBACK = OwnNumber(2, "+8621602", T, "上海市", seat_id=SEAT)
PEKING = OwnNumber(3, "+8610601", D, "北京市", last_shown_at=NOW - timedelta(hours=1))
PEKING_2 = OwnNumber(4, "+8610602", D, "北京市", last_shown_at=NOW - timedelta(hours=2))
NEVER = OwnNumber(5, "+8675501", D, "广东省深圳市")
EVERY = (MINE, CALLBACK, PEKING, PEKING_2, NEVER)


def chosen(
    policy: CallerIdPolicy, mode: Mode = Mode.DIRECT, region: str = "", numbers: tuple[OwnNumber, ...] = EVERY
) -> tuple[int | None, str] | None:
    found = choose_caller_id(policy, mode, SEAT, numbers, region)
    return (found.id, found.reason.value) if found else None


@pytest.mark.parametrize(
    ("mode", "expected"),
    [(Mode.DIRECT, 1), (Mode.CALLBACK, 2), (Mode.CALL_THROUGH, 2), (Mode.POINT, 1)],
)
def test_bound_shows_the_seats_number_of_the_right_kind(mode: Mode, expected: int) -> None:
    assert chosen(BOUND, mode) == (expected, "bound")


def test_bound_without_a_bound_number_shows_none() -> None:
    assert chosen(BOUND, numbers=(PEKING, CALLBACK)) is None
    assert chosen(BOUND, Mode.CALLBACK, numbers=(MINE,)) is None
    assert chosen(BOUND, Mode.POINT, numbers=(CALLBACK,)) == (2, "bound"), "point-dial takes either kind"


def test_same_region_prefers_the_bound_one_then_takes_turns() -> None:
    assert chosen(REGION, region="上海市") == (1, "same_region")
    assert chosen(REGION, region="北京市") == (4, "same_region")


def test_same_region_falls_back_to_the_bound_number() -> None:
    assert chosen(REGION, region="浙江省杭州市") == (1, "bound")
    assert chosen(REGION, region="") == (1, "bound")


def test_rotation_shows_the_number_that_was_shown_longest_ago() -> None:
    assert chosen(ROTATION) == (5, "rotation"), "never shown before all others"
    assert chosen(ROTATION, numbers=(MINE, PEKING, PEKING_2)) == (4, "rotation")
    assert chosen(ROTATION, Mode.CALLBACK) == (2, "rotation")


@pytest.mark.parametrize("policy", list(CallerIdPolicy))
def test_a_seat_without_a_bound_number_shows_none_whatever_the_policy(policy: CallerIdPolicy) -> None:
    assert chosen(policy, region="北京市", numbers=(PEKING, PEKING_2, NEVER)) is None
    assert chosen(policy, region="上海市", numbers=(CALLBACK, PEKING)) is None, "bound, but of the other kind"
    assert chosen(policy, region="北京市", numbers=()) is None
