"""What is paid for beside minutes: pro-rata fees, tiers, and the months of a number (SPEC §C10, §C11). Money in fen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

YEAR = 365
"""Days by which a yearly fee is divided, in every year (SPEC §C10.2)."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Tier:
    """Yearly price of one account when `first` to `last` of them are added at once; `last` None: any number."""

    first: int
    last: int | None
    price: int


def pro_rata(price_year: int, days: int, quantity: int = 1) -> int:
    """`price_year` / 365 x days x quantity, rounded half up to the fen at the very end (SPEC §C10.2, §C10.3).

    2980.00 for 365 days is 2980.00; 280.00 for 320 days and 19 accounts is 4664.11.
    """
    return (2 * price_year * days * quantity + YEAR) // (2 * YEAR)


def tier_for(tiers: Iterable[Tier], quantity: int) -> Tier | None:
    """The tier that contains what is added this time, whatever was bought before (SPEC §C10.4)."""
    return next((one for one in tiers if one.first <= quantity and (one.last is None or quantity <= one.last)), None)


def days_left(valid_until: datetime | None, now: datetime) -> int:
    """Days for which a pro-rata fee is due; a started day counts. A company without an end pays a whole year."""
    if valid_until is None:
        return YEAR
    return max(0, -((now - valid_until) // DAY))


def a_year_later(moment: datetime) -> datetime:
    """The same day a year on; of 29 February, the last day of that month."""
    try:
        return moment.replace(year=moment.year + 1)
    except ValueError:
        return moment.replace(year=moment.year + 1, day=28)


def month_of(day: date) -> date:
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first of the month after that day."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_due(paid: date, today: date, leaves: date | None) -> list[date]:
    """Months of a number that are due and not paid: from the one after `paid` to the one of `today`.

    Each is due on its 1st (SPEC §C11.2). A number that leaves on `leaves`, always a 1st, owes nothing from then on.
    """
    due: list[date] = []
    month = next_month(paid)
    while month <= today and (leaves is None or month < leaves):
        due.append(month)
        month = next_month(month)
    return due
