"""Turns what Asterisk recorded into recordings people can play, one pending call after the other.

The state lives in the call's row: settlement sets `pending`, this worker sets `ready` or `failed`. So a restart simply
goes on. Originals leave the spool only after the row is committed; nothing that could still be wanted is deleted.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from sqlalchemy import delete, insert, select, update

from callcenter.recording.pipeline import (
    ENCODERS,
    STARVED,
    Postponed,
    Produced,
    RecordingError,
    StorageFull,
    produce,
)
from callcenter.store.database import Database
from callcenter.store.tables.calls import call, call_waveform, consult_recording

log = logging.getLogger(__name__)

MAX_TRIES = 8
"""With the doubling pause between tries a recording is given up about two minutes after the call."""
FIRST_PAUSE = 1.0
POLL_SECONDS = 2.0
FULL_STORAGE_PAUSE = 60.0
DATABASE_PAUSE = 10.0
UNCLAIMED_HOURS = 24
UNCLAIMED_CHECK_SECONDS = 3600.0
BATCH = 1000

_CALL_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
_SPOOLED = re.compile(r"(?P<call>.+?)(?:\.consult\.[A-Za-z0-9.-]+)?\.(?:customer|agent|third)\.wav")
_EVERYWHERE = {"all_companies": True}

OnReady = Callable[[int, str, int | None], None]


@dataclass(frozen=True, slots=True)
class Consulted:
    """A finished recording of agent and third party, and what it was made from."""

    leg_id: str
    path: str
    duration: float
    sources: tuple[Path, Path]


class RecordingWorker:
    """Works through the pending calls of all companies.

    `spool` is where Asterisk writes `<call id>.customer.wav` and `<call id>.agent.wav`; results go below
    `recordings_dir` as `company-<id>/YYYY/MM/DD/<call id>.<format>` (the day of the call's start in UTC).
    `on_ready(company_id, call_id, employee_id)` is called after the row is committed.
    """

    def __init__(
        self,
        database: Database,
        spool: Path,
        recordings_dir: Path,
        *,
        on_ready: OnReady,
        format: str = "opus",
        workers: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if format not in ENCODERS:
            raise ValueError(f"unknown recording format {format!r}; known: {', '.join(ENCODERS)}")
        self._db = database
        self._spool = spool
        self._recordings = recordings_dir
        self._format = format
        self._workers = max(1, workers)
        self._on_ready = on_ready
        self._clock = clock
        self._wake = asyncio.Event()
        self._not_before: dict[str, float] = {}
        self._storage_full_until = 0.0
        self._pool: ProcessPoolExecutor | None = None

    def nudge(self) -> None:
        """A call was settled: look at once instead of at the next poll."""
        self._wake.set()

    async def run(self) -> None:
        """Works until cancelled. Database trouble is logged and waited out."""
        next_check = 0.0
        try:
            while True:
                self._wake.clear()
                try:
                    if self._clock() >= next_check:
                        next_check = self._clock() + UNCLAIMED_CHECK_SECONDS
                        await self.tidy()
                    await self.work()
                except Exception:
                    log.exception("the recording worker met trouble and goes on")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(POLL_SECONDS):
                        await self._wake.wait()
        finally:
            self.close()

    async def work(self) -> int:
        """Tries every pending call that is due, once; answers how many became ready."""
        if self._clock() < self._storage_full_until:
            return 0
        query = (
            select(call.c.id, call.c.company_id, call.c.employee_id, call.c.started_at, call.c.recording_tries)
            .where(call.c.recording_state == "pending")
            .order_by(call.c.started_at)
            .limit(BATCH)
            .execution_options(**_EVERYWHERE)
        )
        async with self._db.read() as connection:
            rows = (await connection.execute(query)).all()
        self._not_before = {row.id: at for row in rows if (at := self._not_before.get(row.id)) is not None}
        due = [row for row in rows if self._not_before.get(row.id, 0.0) <= self._clock()]
        lanes = [iter(due)] * min(self._workers, len(due))
        # All lanes draw from one iterator, so a long call holds up its own lane only.
        return sum(await asyncio.gather(*(self._lane(lane) for lane in lanes)))

    async def tidy(self) -> list[Path]:
        """Removes originals whose recording is ready (a crash kept them) and reports those that nobody waits for.

        The second kind stays: it may be all there is of a call. Answers with those files.
        """
        files = await asyncio.to_thread(_spooled, self._spool)
        states = await self._states(sorted(files))
        unclaimed: list[Path] = []
        oldest = time.time() - UNCLAIMED_HOURS * 3600
        for call_id, paths in files.items():
            state, relative = states.get(call_id, (None, ""))
            if state == "ready" and relative and (self._recordings / relative).is_file():
                log.info("removing the originals of call %s: its recording is ready", call_id)
                await asyncio.to_thread(_remove, paths)
            elif state != "pending":
                unclaimed += [path for path in paths if _older(path, oldest)]
        if unclaimed:
            log.warning(
                "%d recorded files older than %d h in %s belong to no pending call and are left there, for example %s",
                len(unclaimed),
                UNCLAIMED_HOURS,
                self._spool,
                unclaimed[0].name,
            )
        return unclaimed

    def close(self) -> None:
        """Lets go of the processes; what they were at is done again after the next start."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None

    # -- one call ----------------------------------------------------------------------------------------------------

    async def _lane(self, rows: Any) -> int:
        ready = 0
        for row in rows:
            if self._clock() < self._storage_full_until:
                break
            try:
                ready += await self._try(row)
            except Exception:
                # The database, most likely. The originals are still there, so nothing is lost by trying again.
                log.exception("call %s: its recording could not be noted down; tried again later", row.id)
                self._not_before[row.id] = self._clock() + DATABASE_PAUSE
        return ready

    async def _try(self, row: Any) -> bool:
        if not _CALL_ID.fullmatch(row.id):
            # The id becomes a file name: one that could lead elsewhere is never used as one.
            await self._failed(row, "its id cannot be a file name")
            return False
        sources = (self._spool / f"{row.id}.customer.wav", self._spool / f"{row.id}.agent.wav")
        day = row.started_at.strftime("%Y/%m/%d")
        relative = f"company-{row.company_id}/{day}/{row.id}.{self._format}"
        last = row.recording_tries + 1 >= MAX_TRIES
        try:
            made = await self._produce(sources[0], sources[1], self._recordings / relative, salvage=last)
        except Postponed as error:
            self._storage_full_until = self._clock() + FULL_STORAGE_PAUSE
            log.error(
                "%s: call %s keeps its originals in %s; next try in %.0f s (%s)",
                "THE STORAGE IS FULL" if isinstance(error, StorageFull) else "RECORDINGS WAIT",
                row.id,
                self._spool,
                FULL_STORAGE_PAUSE,
                error,
            )
            return False
        except (RecordingError, BrokenProcessPool) as error:
            await self._again_or_failed(row, last, f"{type(error).__name__}: {error}")
            return False
        except OSError as error:
            if error.errno not in STARVED:
                log.exception("call %s: an unforeseen error in the pipeline", row.id)
                await self._again_or_failed(row, last, f"{type(error).__name__}: {error}")
                return False
            # No process could be started: that tells nothing of this call, so it costs none of its tries.
            log.error("RECORDINGS WAIT: no process can be started (%s)", error)
            self._not_before[row.id] = self._clock() + DATABASE_PAUSE
            return False
        except Exception as error:
            log.exception("call %s: an unforeseen error in the pipeline", row.id)
            await self._again_or_failed(row, last, f"{type(error).__name__}: {error}")
            return False
        consulted = await self._consultations(row, day)
        if await self._ready(row, relative, made, consulted):
            self._not_before.pop(row.id, None)
            await asyncio.to_thread(_clear_spool, sources, made.unreadable)
            for one in consulted:
                await asyncio.to_thread(_remove, one.sources)
            self._tell(row)
            return True
        return False

    async def _consultations(self, row: Any, day: str) -> list[Consulted]:
        """The talks of agent and third party, each a recording of its own; one that fails keeps its originals."""
        found: list[Consulted] = []
        for leg_id, sources in (await asyncio.to_thread(_consulted, self._spool, row.id)).items():
            relative = f"company-{row.company_id}/{day}/{row.id}.consult-{leg_id}.{self._format}"
            try:
                made = await self._produce(sources[0], sources[1], self._recordings / relative, salvage=True)
            except Postponed:
                raise  # the whole call is tried again
            except (RecordingError, BrokenProcessPool) as error:
                log.warning("call %s: no recording of the consultation with %s: %s", row.id, leg_id, error)
                continue
            found.append(Consulted(leg_id, relative, made.duration, sources))
        return found

    async def _produce(self, customer: Path, agent: Path, target: Path, *, salvage: bool) -> Produced:
        if self._pool is None:
            # Spawned, not forked: a fork would copy the event loop's threads in the middle of whatever they do.
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=get_context("spawn"), initializer=_start_process, initargs=(os.getpid(),)
            )
        job = partial(produce, customer, agent, target, self._format, salvage=salvage)
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, job)
        except BrokenProcessPool:
            # A process was killed (memory, most likely); the next call gets a fresh pool.
            if self._pool is pool:
                self.close()
            raise

    async def _ready(self, row: Any, relative: str, made: Produced, consulted: Sequence[Consulted]) -> bool:
        async with self._db.write() as connection:
            changed = await connection.execute(
                update(call)
                .where(call.c.company_id == row.company_id, call.c.id == row.id, call.c.recording_state == "pending")
                .values(recording_state="ready", recording_path=relative, recording_duration=made.duration)
            )
            if not changed.rowcount:
                return False
            mine = (call_waveform.c.company_id == row.company_id, call_waveform.c.call_id == row.id)
            await connection.execute(delete(call_waveform).where(*mine))
            await connection.execute(
                insert(call_waveform).values(call_id=row.id, company_id=row.company_id, body=waveform_body(made))
            )
            for one in consulted:
                values = {"call_id": row.id, "leg_id": one.leg_id, "path": one.path, "duration": one.duration}
                await connection.execute(insert(consult_recording).values(company_id=row.company_id, **values))
        return True

    async def _again_or_failed(self, row: Any, last: bool, why: str) -> None:
        if last:
            await self._failed(row, why)
            return
        pause = FIRST_PAUSE * 2.0**row.recording_tries
        self._not_before[row.id] = self._clock() + pause
        log.info("call %s: no recording yet, next try in %.0f s (%s)", row.id, pause, why)
        await self._set(row, recording_tries=row.recording_tries + 1)

    async def _failed(self, row: Any, why: str) -> None:
        log.warning("call %s has no recording: %s; originals stay in %s", row.id, why, self._spool)
        self._not_before.pop(row.id, None)
        await self._set(row, recording_state="failed", recording_tries=row.recording_tries + 1)

    async def _set(self, row: Any, **values: object) -> None:
        async with self._db.write() as connection:
            await connection.execute(
                update(call)
                .where(call.c.company_id == row.company_id, call.c.id == row.id, call.c.recording_state == "pending")
                .values(**values)
            )

    def _tell(self, row: Any) -> None:
        try:
            self._on_ready(row.company_id, row.id, row.employee_id)
        except Exception:
            log.exception("nobody could be told that the recording of call %s is ready", row.id)

    async def _states(self, call_ids: Sequence[str]) -> dict[str, tuple[str, str]]:
        found: dict[str, tuple[str, str]] = {}
        async with self._db.read() as connection:
            for start in range(0, len(call_ids), BATCH):
                query = (
                    select(call.c.id, call.c.recording_state, call.c.recording_path)
                    .where(call.c.id.in_(call_ids[start : start + BATCH]))
                    .execution_options(**_EVERYWHERE)
                )
                for row in (await connection.execute(query)).all():
                    found[row.id] = (row.recording_state, row.recording_path)
        return found


def waveform_body(made: Produced) -> dict[str, Any]:
    """The waveform as the API shows it."""
    return {
        "duration": made.duration,
        "peaks": {"customer": made.customer_peaks, "agent": made.agent_peaks},
        "silence_share": made.silence_share,
        "level_db": {"customer": made.customer_level, "agent": made.agent_level},
        "format": made.format,
    }


def _start_process(parent: int) -> None:
    """Prepares a worker process: polite to calls, deaf to Ctrl-C (the parent decides), gone when the parent is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        os.nice(10)
    threading.Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    # A killed parent closes nothing that an idle worker of a pool would notice: it would wait for ever.
    while os.getppid() == parent:
        time.sleep(2)
    os._exit(1)


def _spooled(spool: Path) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    if spool.is_dir():
        for path in sorted(spool.iterdir()):
            if match := _SPOOLED.fullmatch(path.name):
                found.setdefault(match["call"], []).append(path)
    return found


def _consulted(spool: Path, call_id: str) -> dict[str, tuple[Path, Path]]:
    """(what the third party said, what the agent said) of each consultation of a call, by the third party's leg."""
    head, tail = f"{call_id}.consult.", ".third.wav"
    names = [path.name for path in spool.glob(f"{call_id}.consult.*{tail}")] if spool.is_dir() else []
    legs = sorted(name[len(head) : -len(tail)] for name in names)
    return {leg: (spool / f"{head}{leg}{tail}", spool / f"{head}{leg}.agent.wav") for leg in legs}


def _clear_spool(sources: Sequence[Path], unreadable: Sequence[Path]) -> None:
    """Removes what is in the recording now; what could not be read is put aside for whoever wants to look."""
    for path in unreadable:
        with contextlib.suppress(OSError):
            path.rename(path.with_name(path.name + ".unreadable"))
    _remove([path for path in sources if path not in unreadable])


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            log.warning("cannot remove %s: %s", path, error)


def _older(path: Path, than: float) -> bool:
    try:
        return path.stat().st_mtime < than
    except OSError:
        return False
