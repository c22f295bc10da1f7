"""Finds what nobody will come back for: ended calls without a charge, and minutes held for calls that do not exist.

Both are rare. Asterisk loses records when the disk is full; an engine may be killed between holding minutes and writing
the call down. What is left over stays for a while first, in case that it was only slow.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from sqlalchemy import bindparam, select

from callcenter.engine.core import Core
from callcenter.engine.metering import Metering
from callcenter.engine.patience import patiently
from callcenter.engine.snapshot import Reconciler
from callcenter.store.tables.books import reservation
from callcenter.store.tables.calls import call

log = logging.getLogger(__name__)

LOOK_SECONDS = 5.0
UNCHARGED_SECONDS = 12.0
"""Asterisk itself waits up to ten seconds for its records' file before it gives a record up."""
UNKNOWN_SECONDS = 30.0
"""From holding minutes to writing the call down it takes some milliseconds, and longer while the database is locked."""
BATCH = 200

_UNCHARGED = (
    select(call.c.id, call.c.company_id)
    .where(call.c.billing == "open", call.c.ended_at.is_not(None))
    .limit(BATCH)
    .execution_options(all_companies=True)
)
_HELD = (
    select(reservation.c.call_id, reservation.c.company_id)
    .where(reservation.c.open)
    .execution_options(all_companies=True)
)
_KNOWN = select(call.c.id).where(
    call.c.company_id == bindparam("company"), call.c.id == bindparam("the_call"), call.c.billing == "open"
)


class Leftovers:
    def __init__(
        self,
        core: Core,
        metering: Metering,
        reconciler: Reconciler,
        clock: Callable[[], float] = lambda: asyncio.get_running_loop().time(),
    ) -> None:
        self._core, self._metering, self._reconciler, self._clock = core, metering, reconciler, clock
        self._uncharged: dict[str, float] = {}
        self._held: dict[str, float] = {}

    async def run(self) -> None:
        try:
            await patiently(self._reconciler.file_found)
        except Exception:
            log.exception("calls that nobody saw could not be put to their customers; the next start does it")
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except Exception:
                log.exception("leftovers could not be looked for; the next round does it")

    async def look(self) -> None:
        """One round."""
        async with self._core.database.read() as connection:
            uncharged = {row.id: row.company_id for row in (await connection.execute(_UNCHARGED)).all()}
            held = {row.call_id: row.company_id for row in (await connection.execute(_HELD)).all()}
        for call_id in self._due(self._uncharged, uncharged, UNCHARGED_SECONDS):
            await self._charge(uncharged[call_id], call_id)
        unknown = {one: company for one, company in held.items() if not await self._runs(company, one)}
        for holder in self._due(self._held, unknown, UNKNOWN_SECONDS):
            log.warning("minutes were held for %s, which is not running; they are given back", holder)
            await self._core.packages.release(company_id=unknown[holder], call_id=holder, now=self._core.now())
            await self._metering.refresh_minutes(unknown[holder])

    def _due(self, since: dict[str, float], found: Mapping[str, int], patience: float) -> list[str]:
        """Which of those found have been there long enough; what is gone is forgotten."""
        now = self._clock()
        for gone in since.keys() - found.keys():
            del since[gone]
        return [one for one in found if now - since.setdefault(one, now) >= patience]

    async def _charge(self, company_id: int, call_id: str) -> None:
        """A call that is over and of whose end Asterisk has written nothing."""
        await self._metering.settle()
        ended = await self._core.writer.ended_call(company_id, call_id)
        if ended is None or ended.ended_at is None or call_id in self._core.registry.calls:
            return
        log.warning("call %s: Asterisk has no record of its end; charged by what was seen of it", call_id)
        await self._reconciler.settle_without_records(ended, ended.ended_at)

    async def _runs(self, company_id: int, holder: str) -> bool:
        """Whether the call that holds these minutes is alive here, or written down and not charged yet."""
        call_id = holder.removesuffix(".third")
        if call_id in self._core.registry.calls:
            return True
        async with self._core.database.glance() as connection:
            known = await connection.execute(_KNOWN, {"company": company_id, "the_call": call_id})
            return known.first() is not None
