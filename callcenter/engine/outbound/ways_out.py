"""The one place that every way out asks before a call leaves: the company's destinations and its limits of the day."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from callcenter.domain.destinations import Used, WayOut, closed
from callcenter.domain.terms import Gate, Source
from callcenter.engine.core import Core
from callcenter.store.dials import dials_since

WAY_OF_SOURCE = {Source.TASK: WayOut.TASK, Source.QUEUE_CALLBACK: WayOut.CALLBACK}
"""How a dial leaves; every other source is a person's own."""


@dataclass(slots=True)
class _Day:
    """A company's dials of one day of its own time zone."""

    day: date
    dials: Counter[str] = field(default_factory=Counter)


class WaysOut:
    def __init__(self, core: Core, region: str) -> None:
        self._core = core
        self._region = region
        self._days: dict[int, _Day] = {}

    def closed(self, company_id: int, number: str, way: WayOut) -> Gate | None:
        """The gate that keeps `number` (E.164, or digits as dialled) from being called that way now, or None."""
        policy = self._core.directory.companies[company_id].policy
        dials = self._today(company_id).dials
        used = Used(dials.total(), dials[number])
        # An employee's own phone is rung again and again; its limit is how many calls it takes at once.
        return closed(policy, number, way, None if way is WayOut.OWN_PHONE else used, self._region)

    def left(self, company_id: int, number: str) -> None:
        """A call to `number` is on its way; counted before anything is awaited, so that two at once count as two."""
        self._today(company_id).dials[number] += 1

    def stayed(self, company_id: int, number: str) -> None:
        """It was refused after all, so it uses nothing of the limits."""
        dials = self._today(company_id).dials
        dials[number] = max(0, dials[number] - 1)

    async def load(self) -> None:
        """Today's dials of the last engine, so that a restart opens nothing."""
        for company_id in self._core.directory.companies:
            today = self._today(company_id)
            midnight = datetime.combine(today.day, time(), self._zone(company_id)).astimezone(UTC)
            async with self._core.database.read() as connection:
                today.dials.update(await dials_since(connection, company_id, midnight))

    def _today(self, company_id: int) -> _Day:
        now = self._core.now().astimezone(self._zone(company_id)).date()
        kept = self._days.get(company_id)
        if kept is None or kept.day != now:
            kept = self._days[company_id] = _Day(now)
        return kept

    def _zone(self, company_id: int) -> ZoneInfo:
        return ZoneInfo(self._core.directory.companies[company_id].time_zone)
