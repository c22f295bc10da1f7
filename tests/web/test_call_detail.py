"""A recording that is shorter than the talk says so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from callcenter.features.calls.call_detail_api import LegView, missing

BEGAN = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def _customer(*, answered: float | None, ended: float | None) -> LegView:
    def at(seconds: float | None) -> datetime | None:
        return None if seconds is None else BEGAN + timedelta(seconds=seconds)

    return LegView("1.1", "customer", "+8613800000001", "ended", BEGAN, at(answered), at(ended), 16, 60, 1)


@pytest.mark.parametrize(
    ("duration", "answered", "connected", "ended", "told"),
    [
        (61.0, 2.0, 2.0, 63.0, None),
        (60.8, 2.0, 2.0, 63.0, None),  # nobody hears that
        (59.6, 2.0, 2.0, 63.0, 1.4),
        (10.0, 30.0, 2.0, 40.0, None),  # music before the talk is no talk
        (9.0, 30.0, 2.0, 40.0, 1.0),
        (None, 2.0, 2.0, 63.0, None),
        (0.0, 2.0, None, 63.0, None),
        (0.0, 2.0, 2.0, None, None),
    ],
)
def test_what_is_missing_is_told(
    duration: float | None, answered: float, connected: float | None, ended: float | None, told: float | None
) -> None:
    legs = [_customer(answered=connected, ended=ended)]
    assert missing(duration, BEGAN + timedelta(seconds=answered), legs) == told


def test_without_a_customer_or_an_answer_nothing_is_missing() -> None:
    assert missing(5.0, BEGAN, []) is None
    assert missing(5.0, None, [_customer(answered=1.0, ended=9.0)]) is None
