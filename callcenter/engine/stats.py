"""Today's key numbers of each company, counted from the call log and pushed when calls changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select

from callcenter.domain.calls import Call
from callcenter.domain.terms import Direction, Disposition
from callcenter.engine.core import Core
from callcenter.store.database import Database
from callcenter.store.tables import call

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
        return await count_today(
            self._core.database, company_id, rules.time_zone if rules else "Asia/Shanghai", self._core.now()
        )


async def count_today(database: Database, company_id: int, time_zone: str, now: datetime) -> dict[str, Any]:
    """Numbers since local midnight. Answer rate counts ended calls only; None before the first one."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    midnight = datetime.combine(today, time(), zone).astimezone(UTC)
    answered = call.c.disposition == Disposition.ANSWERED.value
    query = select(
        func.count(),
        func.sum(case((call.c.direction == Direction.INBOUND.value, 1), else_=0)),
        func.sum(case((answered, 1), else_=0)),
        func.sum(case((call.c.ended_at.is_not(None), 1), else_=0)),
        func.sum(
            case(
                (
                    and_(
                        call.c.direction == Direction.INBOUND.value,
                        call.c.ended_at.is_not(None),
                        call.c.answered_at.is_(None),
                    ),
                    1,
                ),
                else_=0,
            )
        ),
        func.sum(call.c.talk_seconds),
        func.sum(call.c.minutes_charged),
    ).where(call.c.company_id == company_id, call.c.started_at >= midnight)
    async with database.read() as connection:
        row = (await connection.execute(query)).one()
    calls, inbound, hits, ended, missed, talk, minutes = (int(value or 0) for value in row)
    return {
        "date": today.isoformat(),
        "calls": calls,
        "inbound": inbound,
        "outbound": calls - inbound,
        "answered": hits,
        "missed": missed,
        "talk_seconds": talk,
        "average_talk_seconds": round(talk / hits) if hits else 0,
        "answer_rate": round(hits / ended, 4) if ended else None,
        "minutes_charged": minutes,
    }
