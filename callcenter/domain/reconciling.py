"""Asterisk's own record of a leg beside what was charged for it (P-54)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from callcenter.domain.clock import Step, corrected_seconds
from callcenter.domain.packages import minutes_for


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answered outside leg that we dialled, from Asterisk's records alone; `ended_at` None: it was lost."""

    leg_id: str
    call_id: str
    answered_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Charged:
    """What the books hold for a leg: whole minutes, from a package with that increment."""

    leg_id: str
    call_id: str
    minutes: int
    increment_seconds: int
    flag: str = ""
    """Of the call: why its charge was not taken from the leg's own records alone."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One leg, both ways. `why` is empty when both agree."""

    leg_id: str
    call_id: str
    at: datetime | None
    recorded_minutes: int
    charged_minutes: int
    why: str = ""

    @property
    def drift(self) -> int:
        return self.charged_minutes - self.recorded_minutes


def compare(
    recorded: Iterable[Recorded],
    charged: Mapping[str, Charged],
    increments: Mapping[str, int],
    steps: Sequence[Step] = (),
) -> list[Compared]:
    """Every leg that either side knows. `increments` gives the seconds of a minute by call, for legs never charged;
    `steps` are those of the clock that stamped the records.

    `not_charged` and `not_recorded` are legs of one side only, `differs` those whose minutes do not agree,
    `end_unknown` those whose end Asterisk never wrote: they were settled by the last evidence and cannot be compared.
    """
    found: list[Compared] = []
    seen: set[str] = set()
    for leg in recorded:
        seen.add(leg.leg_id)
        paid = charged.get(leg.leg_id)
        minutes = paid.minutes if paid is not None else 0
        increment = paid.increment_seconds if paid is not None else increments.get(leg.call_id)
        if increment is None:
            continue  # no package pays for such a call
        if leg.ended_at is None:
            found.append(Compared(leg.leg_id, leg.call_id, leg.answered_at, minutes, minutes, "end_unknown"))
            continue
        own = minutes_for(corrected_seconds(leg.answered_at, leg.ended_at, steps), increment)
        why = "" if own == minutes else "not_charged" if paid is None else paid.flag or "differs"
        found.append(Compared(leg.leg_id, leg.call_id, leg.answered_at, own, minutes, why))
    found += [
        Compared(one.leg_id, one.call_id, None, 0, one.minutes, "not_recorded")
        for one in charged.values()
        if one.leg_id not in seen
    ]
    return found
