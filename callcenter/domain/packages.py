"""Minutes: how a leg becomes minutes and which package pays (SPEC §C1-C3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeVar

from callcenter.domain.terms import Mode

INCREMENT_SECONDS = 60
PackageState = Literal["future", "sufficient", "low", "used_up", "expired"]

LOW_SHARE = 10
"""Percent of the bought minutes at or under which a package runs low ..."""
LOW_MINUTES = 50
"""... or this many minutes, whichever is more."""
REMINDED_DAYS = (7, 3, 1)
"""Whole days before its end on which a package's users are reminded (SPEC §C15; the days are the product's choice)."""


@dataclass(frozen=True, slots=True)
class Package:
    """One voice package lot as the rules see it; minutes are whole."""

    id: int
    mode: Mode
    minutes_total: int
    minutes_left: int
    starts_at: datetime
    expires_at: datetime
    created_at: datetime
    increment_seconds: int = INCREMENT_SECONDS
    also_mode: Mode | None = None
    """A second mode that the package covers (回拨/直拨, SPEC §B2.1)."""

    def covers(self, mode: Mode) -> bool:
        return mode in (self.mode, self.also_mode)


P = TypeVar("P", bound=Package)


def billable_seconds(answered: datetime | None, ended: datetime | None) -> int:
    """Whole seconds of talk as the call log shows them: 0 unanswered, else at least 1.

    Fractions are dropped, as in Asterisk's own billsec, so that a call cut at its limit (a few milliseconds late)
    costs the minutes it was sold and not one more.
    """
    if answered is None or ended is None:
        return 0
    return max(1, int((ended - answered).total_seconds()))


def minutes_for(seconds: int, increment_seconds: int = INCREMENT_SECONDS) -> int:
    """Each leg is rounded up by itself; a started minute counts (SPEC §C1.1); 0 s costs nothing (§C1.2)."""
    if seconds <= 0:
        return 0
    return -(-seconds // increment_seconds)


def in_paying_order(packages: Iterable[P]) -> list[P]:
    """Earliest expiry first, then oldest purchase."""
    return sorted(packages, key=lambda p: (p.expires_at, p.created_at, p.id))


def state_of(package: Package, now: datetime) -> PackageState:
    """`future`, `expired`, `used_up`, `low` or `sufficient` (SPEC §C3.5; the threshold is the product's choice)."""
    if now >= package.expires_at:
        return "expired"
    if now < package.starts_at:
        return "future"
    if package.minutes_left <= 0:
        return "used_up"
    low = max(package.minutes_total * LOW_SHARE // 100, min(LOW_MINUTES, package.minutes_total - 1))
    return "low" if package.minutes_left <= low else "sufficient"


def reminder_due(package: Package, now: datetime) -> int | None:
    """The nearest of the reminder days that has come: 7, 3 or 1 days before the end; None when it is farther off.

    A package is not announced to end on a day on which it had not even begun: one of 7 days first says 3.
    """
    length = package.expires_at - package.starts_at
    left = package.expires_at - now
    due = [days for days in REMINDED_DAYS if left <= timedelta(days=days) < length]
    return min(due) if due and now < package.expires_at else None


def ending_in(ends_at: datetime | None, now: datetime) -> int | None:
    """The nearest of the reminder days before an end: 7, 3 or 1, and 0 once it has come; None while it is far off."""
    if ends_at is None:
        return None
    if ends_at <= now:
        return 0
    return min((days for days in REMINDED_DAYS if ends_at - now <= timedelta(days=days)), default=None)


def slice_of(available: int, sharers: int, wanted: int) -> int:
    """How many of the minutes that are left one call may hold ahead: fewer when many calls share little.

    With little left each holds one minute at a time, so that nobody is refused or cut while another holds minutes that
    it does not use. `sharers` are the calls that may hold minutes of the package at once.
    """
    if available <= 0:
        return 0
    if sharers <= 1:
        return min(wanted, available)
    return max(1, min(wanted, available // (2 * sharers)))


def limit_of(minutes: int, increment_seconds: int) -> timedelta:
    """How long a leg may talk on that many reserved minutes."""
    return timedelta(seconds=minutes * increment_seconds)


def days_left_at_pace(packages: Iterable[Package], now: datetime) -> int | None:
    """Whole days until the minutes end at the pace so far; None when nothing was used yet (P-55).

    Minutes that their package's end takes are not counted: what ends first is used first, and until then only.
    """
    lots = list(packages)
    used = sum(lot.minutes_total - lot.minutes_left for lot in lots)
    if not lots or used <= 0:
        return None
    days = max(1.0, (now - min(lot.starts_at for lot in lots)).total_seconds() / 86_400)
    reached = 0.0
    for lot in sorted(lots, key=lambda one: one.expires_at):
        lasts = (lot.expires_at - now).total_seconds() / 86_400
        reached = max(reached, min(reached + lot.minutes_left / (used / days), lasts))
    return int(reached)
