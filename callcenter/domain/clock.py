"""Steps of the wall clock: how long something really took when somebody set the clock in between.

Asterisk stamps its records with the wall clock. Whoever sets that clock in the middle of a call, by hand or through a
time server, changes what the two stamps of a leg seem to say, and must not change what the leg costs. The engine
notices steps against a clock that cannot be set (`engine/clock.py`) and keeps them (`ledger/clock_steps.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

LEAST_SECONDS = 2.0
"""Less than this is no step: charges count whole seconds, and steps too small to be noted add up until they are."""
SLACK = timedelta(milliseconds=50)
"""How far the two clocks may seem apart because they are read one after the other."""


@dataclass(frozen=True, slots=True)
class Step:
    """Between two looks the wall clock went `seconds` further than time did; negative: it was set back.

    `at_before` is what it showed at the last look before the step, `at_after` at the first one after it.
    """

    at_before: datetime
    at_after: datetime
    seconds: float

    @property
    def by(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    @property
    def latest_before(self) -> datetime:
        """Nothing that happened before the step has a later stamp: what the clock would show now without it."""
        return self.at_after - self.by

    @property
    def earliest_after(self) -> datetime:
        """Nothing that happened after the step has an earlier stamp."""
        return self.at_before + self.by


def corrected_seconds(start: datetime | None, end: datetime | None, steps: Sequence[Step] = ()) -> int:
    """Whole seconds from answer to end as they are billed: 0 unanswered, else at least 1 (SPEC §C1.2).

    Fractions are dropped, as in Asterisk's own billsec. `steps` are those of the machine that stamped both moments, in
    the order in which they happened; each one that lies between the two is taken off.
    """
    if start is None or end is None:
        return 0
    return max(1, int(elapsed(start, end, steps).total_seconds()))


def elapsed(start: datetime, end: datetime, steps: Sequence[Step] = ()) -> timedelta:
    """How long it took from a moment stamped `start` to a later one stamped `end`; never negative.

    Where the clock was set back the same hour is shown twice, so a stamp may belong before the step or after it. Of
    all readings in which `end` does not come before `start` the shortest is taken: nobody pays for what cannot be told.
    """
    if not steps:
        return max(end - start, timedelta(0))
    readings = [
        end - start - _sum(steps[first:last])
        for first in _possible(start, steps)
        for last in _possible(end, steps)
        if first <= last
    ]
    if not readings:
        return max(end - start, timedelta(0))
    # All of them negative: a moment that was moved along with the clock, a little before the other one.
    return min((one for one in readings if one >= timedelta(0)), default=timedelta(0))


def _possible(stamp: datetime, steps: Sequence[Step]) -> list[int]:
    """After how many of the steps a moment with that stamp may have been."""
    return [
        count
        for count in range(len(steps) + 1)
        if (count == 0 or stamp >= _first_after(steps[count - 1]) - SLACK)
        and (count == len(steps) or stamp <= steps[count].latest_before + SLACK)
    ]


def _first_after(step: Step) -> datetime:
    """From here on a stamp may belong after the step.

    What lies in the gap that a step forward leaves was never shown by the clock: it is a moment from before the step
    that was moved along with the clock.
    """
    return min(step.earliest_after, step.latest_before)


def _sum(steps: Sequence[Step]) -> timedelta:
    return sum((step.by for step in steps), timedelta(0))
