"""What a leg costs when the wall clock is set while it talks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.clock import Step, corrected_seconds, elapsed

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def step(before: float, seconds: float, looked: float = 1.0) -> Step:
    """The clock showed noon + `before`; at the next look, `looked` seconds later, it had been set by `seconds`."""
    return Step(at(before), at(before + looked + seconds), seconds)


FORWARD, BACK = step(5, 3600), step(5, -3600)


def test_without_a_step_it_is_the_difference_in_whole_seconds() -> None:
    assert corrected_seconds(at(0), at(10.9)) == 10
    assert corrected_seconds(at(0), at(0.2)) == 1
    assert corrected_seconds(None, at(3)) == 0
    assert corrected_seconds(at(3), None) == 0


def test_ten_seconds_are_ten_seconds_whichever_way_the_clock_was_set() -> None:
    assert corrected_seconds(at(0), at(3610), [FORWARD]) == 10
    assert corrected_seconds(at(0), at(-3590), [BACK]) == 10


def test_a_leg_before_or_after_the_step_is_left_alone() -> None:
    assert corrected_seconds(at(-50), at(-20), [FORWARD]) == 30
    assert corrected_seconds(at(3700), at(3730), [FORWARD]) == 30
    assert corrected_seconds(at(-50), at(-20), [BACK]) == 30


def test_forward_and_back_again() -> None:
    both = [FORWARD, step(3615, -3600)]
    assert corrected_seconds(at(0), at(30), both) == 30
    assert corrected_seconds(at(0), at(3610), both) == 10
    assert corrected_seconds(at(3608), at(20), both) == 12


def test_back_and_forward_again() -> None:
    both = [BACK, step(-3585, 3600)]
    assert corrected_seconds(at(0), at(30), both) == 30
    assert corrected_seconds(at(0), at(-3590), both) == 10
    assert corrected_seconds(at(-3590), at(20), both) == 10


def test_the_clock_was_set_some_time_while_nobody_looked() -> None:
    """The engine was dead for two minutes: the step is known, its moment is not."""
    while_dead = step(0, 3600, looked=120)
    assert corrected_seconds(at(-5), at(3655), [while_dead]) == 60
    assert corrected_seconds(at(30), at(90), [while_dead]) == 60
    assert corrected_seconds(at(3630), at(3690), [while_dead]) == 60


def test_a_moment_that_was_moved_along_lies_after_the_step() -> None:
    """Asterisk and the engine died, and the clock was set before the engine was back: the last thing seen of the call
    was moved with the clock, to a time that the clock has never shown."""
    unseen = step(10, 3600, looked=10)
    assert corrected_seconds(at(0), at(3606), [unseen]) == 6
    assert corrected_seconds(at(12), at(3610), [unseen]) == 1, "seen last a moment before the stamp of its answer"


def test_it_never_becomes_zero_or_less() -> None:
    assert corrected_seconds(at(0), at(-3600), []) == 1
    assert corrected_seconds(at(4), at(-3597), [BACK]) == 1


@given(
    st.lists(st.tuples(st.floats(5, 4000), st.floats(-7200, 7200).filter(lambda one: abs(one) > 2)), max_size=4),
    st.floats(0, 3000),
    st.floats(0, 3000),
)
def test_never_more_than_it_took(pauses: list[tuple[float, float]], start: float, took: float) -> None:
    """Steps at any time and of any size: the true duration is a possible reading, so no longer one is charged."""
    steps, real, offset = [], 0.0, 0.0
    offsets = [(0.0, 0.0)]
    for pause, seconds in pauses:
        real += pause
        steps.append(Step(at(real - 0.4 + offset), at(real + 0.6 + offset + seconds), seconds))
        offset += seconds
        offsets.append((real, offset))

    def stamp(moment: float) -> datetime:
        return at(moment + next(by for since, by in reversed(offsets) if moment >= since))

    found = elapsed(stamp(start), stamp(start + took), steps)
    assert timedelta(0) <= found <= timedelta(seconds=took + 0.001)
