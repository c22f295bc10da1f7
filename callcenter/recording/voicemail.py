"""Turns messages that callers left into voicemails people can play (P-16).

Asterisk writes `<call id>.wav` into the spool, also while nothing else runs; the file is the only sign of the message.
It is removed once the voicemail is in the database, so a restart simply goes on.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update

from callcenter.domain.terms import EndReason
from callcenter.recording.pipeline import NothingRecorded, Postponed, Produced, RecordingError, produce
from callcenter.recording.worker import waveform_body
from callcenter.store.database import Database
from callcenter.store.tables.calls import call, call_waveform
from callcenter.store.tables.inbound import voicemail

log = logging.getLogger(__name__)

POLL_SECONDS = 1.0
SHORTEST_SECONDS = 1.0
"""What is shorter is somebody who hung up at the beep."""
MAX_TRIES = 60
FULL_STORAGE_PAUSE = 60.0
_CALL_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_EVERYWHERE = {"all_companies": True}


@dataclass(frozen=True, slots=True)
class Left:
    """A message that has just become ready; `duration` in seconds."""

    id: int
    company_id: int
    call_id: str
    group_id: int | None
    number: str
    customer_id: int | None
    duration: float


class VoicemailWorker:
    """Looks into the spool; `on_ready` is called after a voicemail is committed."""

    def __init__(
        self, database: Database, spool: Path, recordings_dir: Path, *, on_ready: Callable[[Left], None], format: str
    ) -> None:
        self._db = database
        self._spool = spool
        self._recordings = recordings_dir
        self._format = format
        self._on_ready = on_ready
        self._tries: dict[str, int] = {}
        self._wake = asyncio.Event()

    def nudge(self) -> None:
        """A call ended: look at once."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled; trouble is logged and waited out."""
        while True:
            pause = POLL_SECONDS
            self._wake.clear()
            try:
                await self.work()
            except Postponed as error:
                log.error("VOICEMAILS WAIT and stay in %s (%s)", self._spool, error)
                pause = FULL_STORAGE_PAUSE
            except Exception:
                log.exception("voicemails met trouble and go on")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._wake.wait()

    async def work(self) -> int:
        """Takes in every finished message; answers how many there were."""
        made = 0
        for path in sorted(self._spool.glob("*.wav")) if self._spool.is_dir() else ():
            if _CALL_ID.fullmatch(path.stem):
                made += await self._take_in(path)
        return made

    async def _take_in(self, path: Path) -> bool:
        row = await self._call(path.stem)
        if row is None or row.ended_at is None:
            return False  # the caller still speaks, or the call's records have not been read yet
        relative = f"company-{row.company_id}/{row.started_at:%Y/%m/%d}/{row.id}.voicemail.{self._format}"
        tries = self._tries[row.id] = self._tries.get(row.id, 0) + 1
        try:
            made = await asyncio.to_thread(
                produce,
                path,
                path.with_name(path.name + ".nobody"),
                self._recordings / relative,
                self._format,
                salvage=tries >= MAX_TRIES,
            )
        except Postponed:
            self._tries[row.id] -= 1  # it was no fault of the message
            raise
        except NothingRecorded:
            made = None
        except RecordingError as error:
            if tries > MAX_TRIES:
                log.warning("the message of call %s cannot be read and is put aside: %s", row.id, error)
                await asyncio.to_thread(path.rename, path.with_name(path.name + ".unreadable"))
            return False
        left = None
        if made is None or made.duration < SHORTEST_SECONDS:
            await asyncio.to_thread((self._recordings / relative).unlink, missing_ok=True)
        else:
            left = await self._keep(row, relative, made)
        await asyncio.to_thread(path.unlink, missing_ok=True)
        self._tries.pop(row.id, None)
        if left is not None:
            self._on_ready(left)
        return left is not None

    async def _call(self, call_id: str) -> Any:
        query = select(call).where(call.c.id == call_id).execution_options(**_EVERYWHERE)
        async with self._db.read() as connection:
            return (await connection.execute(query)).first()

    async def _keep(self, row: Any, relative: str, made: Produced) -> Left | None:
        """The voicemail's row; None when this message was kept before."""
        known = select(voicemail.c.id).where(voicemail.c.company_id == row.company_id, voicemail.c.call_id == row.id)
        waveform = (call_waveform.c.company_id == row.company_id, call_waveform.c.call_id == row.id)
        async with self._db.write() as connection:
            if (await connection.execute(known)).first() is not None:
                return None
            added = await connection.execute(
                insert(voicemail)
                .values(
                    company_id=row.company_id,
                    call_id=row.id,
                    group_id=row.group_id,
                    number=row.number,
                    customer_id=row.customer_id,
                    state="ready",
                    path=relative,
                    duration=made.duration,
                    at=row.ended_at,
                )
                .returning(voicemail.c.id)
            )
            voicemail_id = int(added.scalar_one())
            await connection.execute(delete(call_waveform).where(*waveform))
            await connection.execute(
                insert(call_waveform).values(call_id=row.id, company_id=row.company_id, body=waveform_body(made))
            )
            # Only the file says that there is a message, so only now the call is known to have left one.
            await connection.execute(
                update(call)
                .where(call.c.company_id == row.company_id, call.c.id == row.id, call.c.answered_at.is_(None))
                .values(end_reason=EndReason.VOICEMAIL.value)
            )
        return Left(voicemail_id, row.company_id, row.id, row.group_id, row.number, row.customer_id, made.duration)
