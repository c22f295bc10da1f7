"""Today's key numbers of each company, counted from the call log and pushed when calls changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Label, case, func, select

from callcenter.domain.calls import Call
from callcenter.domain.terms import Direction, Disposition
from callcenter.domain.today import COUNTED, summed
from callcenter.engine.core import Core
from callcenter.store.call_conditions import is_missed, is_valid
from callcenter.store.database import Database
from callcenter.store.tables import call, company

log = logging.getLogger(__name__)

REST_SECONDS = 0.5
"""At most this often the numbers are counted again: a person cannot read them faster."""


class Stats:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._stale: set[int] = set()
        self._wake = asyncio.Event()

    def changed(self, calls: Iterable[Call]) -> None:
        self._mark({one.company_id for one in calls})

    def settled(self, company_id: int) -> None:
        self._mark({company_id})

    def _mark(self, companies: set[int]) -> None:
        if companies:
            self._stale |= companies
            self._wake.set()

    async def run(self) -> None:
        self._mark(set(self._core.directory.companies))
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

    async def count(self, company_id: int) -> dict[str, Any]:
        rules = self._core.directory.companies.get(company_id)
        zone = ZoneInfo(rules.time_zone if rules else "Asia/Shanghai")
        return await count_today(self._core.database, company_id, zone, self._core.now())


async def count_today(database: Database, company_id: int, zone: ZoneInfo, now: datetime) -> dict[str, Any]:
    """Numbers since local midnight: `all` together, and `parts` by employee id as text, "" for calls of nobody."""
    today = now.astimezone(zone).date()
    midnight = datetime.combine(today, time(), zone).astimezone(UTC)
    mine = select(company.c.valid_call_seconds).where(company.c.id == company_id)
    query = (
        select(call.c.employee_id, *_counts(mine.scalar_subquery()))
        .where(call.c.company_id == company_id, call.c.started_at >= midnight)
        .group_by(call.c.employee_id)
    )
    async with database.read() as connection:
        rows = (await connection.execute(query)).all()
    parts = {str(row.employee_id or ""): {name: int(getattr(row, name) or 0) for name in COUNTED} for row in rows}
    return {"date": today.isoformat(), "all": summed(parts.values()), "parts": parts}


def _counts(threshold: ColumnElement[int]) -> list[Label[Any]]:
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
