"""Business hours of an inbound number: weekly intervals, and dated holidays that replace them (P-15).

Times are those of the company's time zone; intervals are inclusive-exclusive, as the dial window's edges are.
The dialplan evaluates the same rules from what `written` puts into AstDB, so they hold while no engine runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

DAY = 24 * 60
LOOK_AHEAD_DAYS = 400
"""How far `next_opening` looks; a company that is closed for longer is closed for good."""

Interval = tuple[int, int]
"""Minutes since midnight, from the first that is open to the first that is not."""


class BadHours(ValueError):
    """Intervals that overlap, are empty or no times; the message says which."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Open intervals per ISO weekday (1 is Monday), and of dates that differ (no interval: closed all day)."""

    weekly: Mapping[int, tuple[Interval, ...]] = field(default_factory=dict)
    holidays: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)

    def of(self, day: date) -> tuple[Interval, ...]:
        found = self.holidays.get(day)
        return found if found is not None else self.weekly.get(day.isoweekday(), ())

    def open_at(self, local: datetime) -> bool:
        """Whether the number is open at that local time."""
        minute = local.hour * 60 + local.minute
        return any(start <= minute < end for start, end in self.of(local.date()))

    def next_opening(self, local: datetime) -> datetime | None:
        """The local time itself when open, else the next minute that is; None if there is none for more than a year."""
        if self.open_at(local):
            return local
        minute = local.hour * 60 + local.minute
        for ahead in range(LOOK_AHEAD_DAYS):
            day = local.date() + timedelta(days=ahead)
            starts = [start for start, _ in self.of(day) if ahead > 0 or start > minute]
            if starts:
                return datetime.combine(day, time(min(starts) // 60, min(starts) % 60), local.tzinfo)
        return None


def parse(weekly: Mapping[str, Sequence[Mapping[str, str]]], holidays: Sequence[Mapping[str, Any]]) -> Hours:
    """Hours as they are stored: `{"1": [{"start": "09:00", "end": "18:00"}]}`, and holidays such as
    `{"date": "2026-10-01", "intervals": []}`.

    `24:00` is the end of a day. Raises `BadHours`.
    """
    week: dict[int, tuple[Interval, ...]] = {}
    for day, given in weekly.items():
        if day not in {"1", "2", "3", "4", "5", "6", "7"}:
            raise BadHours(f"{day} is no weekday: 1 (Monday) to 7")
        week[int(day)] = _intervals(given, f"weekday {day}")
    dated: dict[date, tuple[Interval, ...]] = {}
    for one in holidays:
        try:
            when = date.fromisoformat(str(one["date"]))
        except (KeyError, ValueError):
            raise BadHours("a holiday needs a date such as 2026-10-01") from None
        if when in dated:
            raise BadHours(f"{when} is there twice")
        dated[when] = _intervals(one.get("intervals", ()), str(when))
    return Hours(week, dated)


def written(hours: Hours) -> dict[str, str]:
    """What the dialplan reads: `1` to `7` and `YYYYMMDD` to `0900-1200,1330-1800`; `closed` for a day without."""
    found = {str(day): _written(hours.weekly.get(day, ())) for day in range(1, 8)}
    found |= {day.strftime("%Y%m%d"): _written(intervals) for day, intervals in hours.holidays.items()}
    return found


def _written(intervals: Sequence[Interval]) -> str:
    text = ",".join(f"{_clock(start)}-{_clock(end)}" for start, end in intervals)
    return text or "closed"


def _clock(minute: int) -> str:
    return f"{minute // 60:02d}{minute % 60:02d}"


def _intervals(given: Sequence[Mapping[str, str]], where: str) -> tuple[Interval, ...]:
    found = sorted((_minute(one["start"], where), _minute(one["end"], where)) for one in given)
    before = 0
    for start, end in found:
        if start >= end:
            raise BadHours(f"{where}: an interval ends before it begins")
        if start < before:
            raise BadHours(f"{where}: intervals overlap")
        before = end
    return tuple(found)


def _minute(text: str, where: str) -> int:
    hours, colon, minutes = text.partition(":")
    if not (colon and hours.isdigit() and minutes.isdigit() and len(hours) == len(minutes) == 2):
        raise BadHours(f"{where}: {text} is no time such as 09:00")
    value = int(hours) * 60 + int(minutes)
    if int(minutes) > 59 or value > DAY:
        raise BadHours(f"{where}: {text} is no time of a day")
    return value
