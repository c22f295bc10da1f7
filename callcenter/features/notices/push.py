"""Tells the screens of whoever has a new notice, within a second, whichever process and transaction wrote it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from sqlalchemy import func, select

from callcenter.domain.entities import NOTICE, OfNotice
from callcenter.features.notices.tables import notice
from callcenter.store.database import Database
from callcenter.web.live import LiveHub

log = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
AGAIN = 50
"""A transaction that began earlier may commit later, so the newest ids are looked at more than once."""


class NoticePush:
    """The event says only that there is something: what it is, each page asks for within its own rights."""

    def __init__(self, database: Database, hub: LiveHub) -> None:
        self._database = database
        self._hub = hub
        self._last = 0
        self._told: deque[int] = deque(maxlen=4 * AGAIN)

    async def begin(self) -> None:
        """What was there before is no news: pages ask for it when they open."""
        newest = select(func.coalesce(func.max(notice.c.id), 0)).execution_options(all_companies=True)
        async with self._database.glance() as connection:
            self._last = int((await connection.execute(newest)).scalar_one())
        self._told.extend(range(max(0, self._last - AGAIN) + 1, self._last + 1))

    async def step(self) -> int:
        """Tells of every notice that was not told of yet; how many."""
        fresh = (
            select(notice.c.id, notice.c.company_id, notice.c.employee_id)
            .where(notice.c.id > self._last - AGAIN)
            .order_by(notice.c.id)
            .execution_options(all_companies=True)
        )
        async with self._database.glance() as connection:
            rows = [row for row in (await connection.execute(fresh)).all() if row.id not in self._told]
        for row in rows:
            # The company's own are for those who watch it; who may not see the wallet finds nothing new.
            self._hub.tell(row.company_id, NOTICE, OfNotice(id=row.id), row.employee_id)
            self._told.append(row.id)
            self._last = max(self._last, row.id)
        return len(rows)

    async def run(self) -> None:
        await self.begin()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.step()
            except Exception:
                log.exception("new notices could not be told; pages find them when they look")
