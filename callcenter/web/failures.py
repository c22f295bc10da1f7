"""Failed sign-ins and refused registrations in the audit log: told, counted, and never so many that they fill the disk.

One row for each login and address in a minute, with how often; beyond `ROWS_PER_MINUTE` one row for all others.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select, update

from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.people import audit, company

log = logging.getLogger(__name__)

SIGN_IN = "session.failed"
REGISTRATION = "registration.refused"
ROWS_PER_MINUTE = 60
FLUSH_SECONDS = 2.0

Key = tuple[str, int | None, str, str]
"""Action, company, login or account, address."""


@dataclass(slots=True)
class _Entry:
    count: int = 0
    written: int = 0
    row: int | None = None


class FailureLog:
    """Notes cost nothing but memory, which is bounded; rows are written every `FLUSH_SECONDS`."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._minute: datetime | None = None
        self._entries: dict[Key, _Entry] = {}
        self._last: dict[Key, _Entry] = {}
        """What the minute before left unwritten."""
        self._operator: int | None = None
        self.counts: Counter[str] = Counter()
        """By action, since the start."""

    def note(self, action: str, company_id: int | None, what: str, address: str) -> None:
        """One failure; `company_id` None where login or account are nobody's: the operator is told."""
        self.counts[action] += 1
        minute = utcnow().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._last |= {key: one for key, one in self._entries.items() if one.count != one.written}
            self._minute, self._entries = minute, {}
        key = (action, company_id, what[:128], address[:64])
        if key not in self._entries and len(self._entries) >= ROWS_PER_MINUTE:
            key = (action, company_id, "", "")
        self._entries.setdefault(key, _Entry()).count += 1

    async def note_sign_in(self, company_id: int | None, login: str, address: str) -> None:
        self.note(SIGN_IN, company_id, login, address)

    async def run(self) -> None:
        """Writes until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except Exception:
                log.exception("failed sign-ins could not be written to the audit log; they will be tried again")

    async def flush(self) -> None:
        """Brings the audit log up to date with what was noted."""
        due = [
            (key, one) for part in (self._last, self._entries) for key, one in part.items() if one.count != one.written
        ]
        if not due:
            return
        async with self._db.write() as connection:
            if self._operator is None:
                self._operator = (await connection.execute(select(func.min(company.c.id)))).scalar()
            told = []
            for (action, company_id, what, address), one in due:
                owner = company_id or self._operator
                if owner is None:
                    continue
                count = one.count
                if one.row is None:
                    values = {"company_id": owner, "actor_id": None, "action": action, "object": what, "ip": address}
                    made = insert(audit).values(**values, details={"count": count}, at=utcnow()).returning(audit.c.id)
                    one.row = int((await connection.execute(made)).scalar_one())
                else:
                    mine = update(audit).where(audit.c.company_id == owner, audit.c.id == one.row)
                    await connection.execute(mine.values(details={"count": count}))
                told.append((one, count))
        for one, count in told:
            one.written = count
        self._last = {}
