"""Asterisk's records beside the books, day by day (P-54): its own file, read anew, not what was taken from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.reconciling import Charged, Compared, Recorded, compare
from callcenter.domain.terms import Role
from callcenter.ledger import clock_steps
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.cel import CelFile, CelRow
from callcenter.ledger.legs import CelLeg, absorb
from callcenter.store.database import Database
from callcenter.store.tables.books import account, posting, reservation
from callcenter.store.tables.calls import call
from callcenter.store.tables.packages import voice_package
from callcenter.store.tables.people import company

LONGEST = timedelta(hours=12)
"""A leg that was answered on a day may have ended this long after it."""


@dataclass(frozen=True, slots=True)
class Day:
    """One company's day, by the moment of answer in the company's time zone."""

    day: date
    legs: int
    recorded_minutes: int
    charged_minutes: int
    flagged: int

    @property
    def drift(self) -> int:
        return self.charged_minutes - self.recorded_minutes


def bounds(day: date, zone: str) -> tuple[datetime, datetime]:
    """The first moment of a day in that time zone, and of the next."""
    start = datetime.combine(day, time(), ZoneInfo(zone))
    return start, datetime.combine(day + timedelta(days=1), time(), ZoneInfo(zone))


class Reconciliation:
    def __init__(self, database: Database, records: CelFile) -> None:
        self._db = database
        self._records = records

    async def legs(self, company_id: int, zone: str, day: date) -> list[Compared]:
        """Every leg of a day, both ways, in the order of their answers."""
        start, end = bounds(day, zone)
        rows = await self._records.between(start - LONGEST, end + LONGEST)
        recorded = [one for one in outside_legs(rows, self._records.node) if start <= one.answered_at < end]
        async with self._db.read() as connection:
            mine = await _calls_of(connection, company_id, start - LONGEST, end + LONGEST)
            charged = await _charged(connection, company_id, {leg.leg_id for leg in recorded}, start, end)
            increments = await _increments(connection, company_id, sorted(mine))
            first = min((leg.answered_at for leg in recorded), default=None)
            steps = await clock_steps.load(connection, self._records.node, first)
        found = compare([leg for leg in recorded if leg.call_id in mine], charged, increments, steps)
        return sorted(found, key=lambda one: (one.at is None, one.at or start, one.leg_id))

    async def days(self, company_id: int, zone: str, first: date, last: date) -> list[Day]:
        """Days from `first` to `last`, both included, the latest first; days without a leg are left out."""
        found: list[Day] = []
        day = last
        while day >= first:
            legs = await self.legs(company_id, zone, day)
            if legs:
                found.append(
                    Day(
                        day,
                        len(legs),
                        sum(one.recorded_minutes for one in legs),
                        sum(one.charged_minutes for one in legs),
                        sum(1 for one in legs if one.why),
                    )
                )
            day -= timedelta(days=1)
        return found


def outside_legs(rows: Sequence[CelRow], node: str) -> list[Recorded]:
    """Answered legs that we dialled over a trunk: a caller's leg has the number that was called as its extension."""
    legs: dict[str, CelLeg] = {}
    for row in rows:
        absorb(legs, row, node)
    return [
        Recorded(leg.id, leg.call_id, leg.answered_at, leg.ended_at)
        for leg in legs.values()
        if leg.role in (Role.CUSTOMER.value, Role.THIRD.value)
        and leg.answered_at is not None
        and leg.exten == "s"
        and leg.employee_id is None
    ]


async def _calls_of(connection: AsyncConnection, company_id: int, start: datetime, end: datetime) -> set[str]:
    query = select(call.c.id).where(
        call.c.company_id == company_id, call.c.started_at >= start, call.c.started_at < end
    )
    return set((await connection.execute(query)).scalars())


async def _charged(
    connection: AsyncConnection, company_id: int, recorded: set[str], start: datetime, end: datetime
) -> dict[str, Charged]:
    """Charges of those legs, and of legs whose whole charge lies inside the day but that nobody recorded."""
    query = (
        select(
            posting.c.leg_id,
            func.min(posting.c.call_id).label("holder"),
            func.sum(posting.c.amount).label("minutes"),
            func.max(posting.c.seconds).label("seconds"),
            func.min(posting.c.at).label("at"),
            func.min(voice_package.c.increment_seconds).label("increment"),
        )
        .join(account, account.c.id == posting.c.account_id)
        .join(voice_package, voice_package.c.id == account.c.package_id)
        .where(
            posting.c.company_id == company_id,
            posting.c.kind == Entry.SETTLE.value,
            account.c.kind == Kind.USED.value,
            posting.c.at >= start,
            posting.c.at < end + LONGEST,
        )
        .group_by(posting.c.leg_id)
    )
    rows = (await connection.execute(query)).all()
    calls = {row.holder.removesuffix(".third") for row in rows}
    flags = await _flags(connection, company_id, calls)
    found: dict[str, Charged] = {}
    for row in rows:
        answered = row.at - timedelta(seconds=row.seconds)
        if row.leg_id in recorded or start + timedelta(seconds=1) <= answered < end:
            call_id = row.holder.removesuffix(".third")
            found[row.leg_id] = Charged(row.leg_id, call_id, int(row.minutes), row.increment, flags.get(call_id, ""))
    return found


async def _flags(connection: AsyncConnection, company_id: int, calls: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    wanted = sorted(calls)
    for at in range(0, len(wanted), 500):
        query = select(call.c.id, call.c.flag).where(
            call.c.company_id == company_id, call.c.id.in_(wanted[at : at + 500])
        )
        found |= {row.id: row.flag for row in (await connection.execute(query)).all()}
    return found


async def _increments(connection: AsyncConnection, company_id: int, calls: Sequence[str]) -> dict[str, int]:
    """Call -> seconds of a minute of the package that was to pay it."""
    found: dict[str, int] = {}
    for at in range(0, len(calls), 500):
        query = (
            select(reservation.c.call_id, voice_package.c.increment_seconds)
            .join(voice_package, voice_package.c.id == reservation.c.package_id)
            .where(reservation.c.company_id == company_id, reservation.c.call_id.in_(calls[at : at + 500]))
        )
        found |= {row.call_id: row.increment_seconds for row in (await connection.execute(query)).all()}
    return found


# -- on the command line -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Line:
    """One day of one company."""

    company: str
    day: date
    legs: int
    recorded_minutes: int
    charged_minutes: int
    drift: int
    flagged: int


async def report(database: Database, records: CelFile, days: int, now: datetime) -> list[Line]:
    """Every company's last days, each in its own time zone, today included."""
    both = Reconciliation(database, records)
    async with database.read() as connection:
        companies = (await connection.execute(select(company.c.id, company.c.name, company.c.time_zone))).all()
    found: list[Line] = []
    for one in companies:
        today = now.astimezone(ZoneInfo(one.time_zone)).date()
        for day in await both.days(one.id, one.time_zone, today - timedelta(days=days - 1), today):
            found.append(
                Line(
                    one.name,
                    day.day,
                    day.legs,
                    day.recorded_minutes,
                    day.charged_minutes,
                    day.drift,
                    day.flagged,
                )
            )
    return found


def as_table(lines: Sequence[Line]) -> str:
    """Lines for people to read."""
    rows: list[tuple[str, ...]] = [("company", "day", "legs", "recorded", "charged", "drift", "flagged")]
    for one in lines:
        figures = (one.legs, one.recorded_minutes, one.charged_minutes, one.drift, one.flagged)
        rows.append((one.company, one.day.isoformat(), *map(str, figures)))
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in rows)
