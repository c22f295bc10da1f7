"""Today's key numbers of each company, counted from the call log and pushed when calls changed."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime, time
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from sqlalchemy import BindParameter, ColumnElement, Label, bindparam, case, func, select

from callcenter.domain.entities import CountedToday
from callcenter.domain.terms import Direction, Disposition
from callcenter.domain.today import COUNTED, summed
from callcenter.engine.bus import Committed
from callcenter.engine.core import Core
from callcenter.engine.directory import CompanyRules
from callcenter.ledger.settle import Settled
from callcenter.store.call_conditions import is_missed, is_valid
from callcenter.store.database import Database
from callcenter.store.tables.calls import call

log = logging.getLogger(__name__)

REST_SECONDS = 0.5
"""At most this often the numbers are counted again: a person cannot read them faster."""


class Terms(NamedTuple):
    """By what a company's numbers are counted."""

    zone: ZoneInfo
    valid_call_seconds: int


class Stats:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._stale: set[int] = set()
        self._terms: dict[int, Terms] = {}
        """Company id -> by what its numbers were counted."""
        self._wake = asyncio.Event()
        core.bus.on(Committed, lambda done: self._mark({one.company_id for one in done.calls}))
        core.bus.on(Settled, lambda settled: self._mark({settled.company_id}))

    def recount(self, company_id: int) -> None:
        """Its calls changed in the database without the engine."""
        self._mark({company_id})

    def _mark(self, companies: set[int]) -> None:
        if companies:
            self._stale |= companies
            self._wake.set()

    def directory_read(self) -> None:
        """A company's zone or its threshold may be another one now."""
        before, self._terms = self._terms, {one: _terms(rules) for one, rules in self._core.directory.companies.items()}
        self._mark({one for one, terms in self._terms.items() if before.get(one) != terms})

    async def run(self) -> None:
        self.directory_read()
        while True:
            await self._wake.wait()
            self._wake.clear()
            companies, self._stale = self._stale, set()
            for company_id in companies:
                try:
                    entity = await self.count(company_id)
                    self._core.push.publish(company_id, [("stats", "today", entity)])
                except Exception:
                    log.exception("today's numbers could not be counted")
            await asyncio.sleep(REST_SECONDS)

    async def count(self, company_id: int) -> CountedToday:
        return await count_today(self._core.database, company_id, self._terms[company_id], self._core.now())


def _terms(rules: CompanyRules) -> Terms:
    return Terms(ZoneInfo(rules.time_zone), rules.valid_call_seconds)


async def count_today(database: Database, company_id: int, terms: Terms, now: datetime) -> CountedToday:
    """Numbers since local midnight: `all` together, and `parts` by employee id as text, "" for calls of nobody."""
    today = now.astimezone(terms.zone).date()
    midnight = datetime.combine(today, time(), terms.zone).astimezone(UTC)
    given = {"company": company_id, "midnight": midnight, "threshold": terms.valid_call_seconds}
    async with database.read() as connection:
        rows = (await connection.execute(_TODAY, given)).all()
    parts = {str(row.employee_id or ""): {name: int(getattr(row, name) or 0) for name in COUNTED} for row in rows}
    return {"date": today.isoformat(), "all": summed(parts.values()), "parts": parts}


def _counts(threshold: BindParameter[Any]) -> list[Label[Any]]:
    answered = call.c.disposition == Disposition.ANSWERED.value
    ended = call.c.ended_at.is_not(None)
    inbound = call.c.direction == Direction.INBOUND.value
    counted = {
        "calls": func.count(),
        "inbound": _number(inbound),
        "answered": _number(answered),
        "ended": _number(ended),
        "missed": _number(is_missed()),
        "valid": _number(is_valid(threshold)),
        "talk_seconds": func.sum(call.c.talk_seconds),
        "minutes_charged": func.sum(call.c.minutes_charged),
    }
    return [counted[name].label(name) for name in COUNTED]


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


_TODAY = (
    select(call.c.employee_id, *_counts(bindparam("threshold")))
    .where(call.c.company_id == bindparam("company"), call.c.started_at >= bindparam("midnight"))
    .group_by(call.c.employee_id)
)
"""Put together once: while calls run it is asked twice a second, and putting it together costs more than the answer."""
