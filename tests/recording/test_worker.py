"""From a pending row to a recording one can play, whatever happens on the way."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from sqlalchemy import select

from callcenter.features.calls.recordings_api import Waveform
from callcenter.recording import worker as module
from callcenter.recording.pipeline import Produced, StorageFull, produce
from callcenter.recording.worker import FULL_STORAGE_PAUSE, MAX_TRIES, RecordingWorker
from callcenter.store.database import Database
from callcenter.store.tables.calls import call, call_waveform
from tests.crm.support import LI, NOW, OURS, STRANGER, THEIRS, past_call
from tests.recording.sound import hear, loudness, tone, wav

STARTED = NOW - timedelta(hours=1)
DAY = STARTED.strftime("%Y/%m/%d")


class Bench:
    """A worker on a clock of our own, and what it told."""

    def __init__(self, database: Database, spool: Path, store: Path) -> None:
        self.database, self.spool, self.store = database, spool, store
        self.time = 1000.0
        self.told: list[tuple[int, str, int | None]] = []
        self.worker = self.make()

    def make(self, **values: Any) -> RecordingWorker:
        return RecordingWorker(
            self.database,
            self.spool,
            self.store,
            on_ready=lambda *what: self.told.append(what),
            clock=lambda: self.time,
            **values,
        )

    async def pending(self, *, company_id: int = OURS, seconds: float = 1.0, **values: Any) -> str:
        """A finished call that waits for its recording, with both files in the spool."""
        employee_id = LI if company_id == OURS else STRANGER
        call_id = await past_call(
            self.database,
            "+8613800000001",
            company_id=company_id,
            employee_id=employee_id,
            recording_state="pending",
            **values,
        )
        self.files(call_id, seconds)
        return call_id

    def files(self, call_id: str, seconds: float = 1.0) -> None:
        self.path(call_id, "customer").write_bytes(wav(tone(550, seconds)))
        self.path(call_id, "agent").write_bytes(wav(tone(1250, seconds)))

    def path(self, call_id: str, side: str) -> Path:
        return self.spool / f"{call_id}.{side}.wav"

    def spooled(self) -> list[str]:
        return sorted(path.name for path in self.spool.iterdir())

    async def row(self, call_id: str) -> Any:
        query = select(call).where(call.c.id == call_id).execution_options(all_companies=True)
        async with self.database.read() as connection:
            return (await connection.execute(query)).one()


@pytest_asyncio.fixture
async def bench(database: Database, spool: Path, tmp_path: Path) -> AsyncIterator[Bench]:
    made = Bench(database, spool, tmp_path / "recordings")
    yield made
    made.worker.close()


async def test_a_pending_call_gets_its_recording(bench: Bench) -> None:
    ours = await bench.pending(seconds=2.5)
    theirs = await bench.pending(company_id=THEIRS)
    assert await bench.worker.work() == 2
    row = await bench.row(ours)
    assert row.recording_state == "ready"
    assert row.recording_path == f"company-{OURS}/{DAY}/{ours}.opus"
    assert row.recording_duration == pytest.approx(2.5, abs=0.02)
    left, right = hear(bench.store / row.recording_path)
    assert len(left) / 8000 == pytest.approx(row.recording_duration, abs=0.02)
    assert loudness(left[4000:16000], 550) > 0.2 > loudness(left[4000:16000], 1250)
    assert loudness(right[4000:16000], 1250) > 0.2 > loudness(right[4000:16000], 550)
    assert (bench.store / f"company-{THEIRS}/{DAY}/{theirs}.opus").is_file()
    assert sorted(bench.told) == sorted([(OURS, ours, LI), (THEIRS, theirs, STRANGER)])
    assert bench.spooled() == []
    query = select(call_waveform.c.body).where(call_waveform.c.company_id == OURS, call_waveform.c.call_id == ours)
    async with bench.database.read() as connection:
        shown = msgspec.convert((await connection.execute(query)).scalar(), Waveform)
    assert shown.duration == row.recording_duration
    assert len(shown.peaks.customer) == len(shown.peaks.agent) == 400
    assert (shown.format, shown.silence_share) == ("opus", 0)
    assert await bench.worker.work() == 0


async def test_files_that_come_a_moment_later_are_waited_for(bench: Bench) -> None:
    call_id = await bench.pending()
    kept = {path: path.read_bytes() for path in bench.spool.iterdir()}
    for path in kept:
        path.unlink()
    assert await bench.worker.work() == 0
    for path, content in kept.items():
        path.write_bytes(content)
    assert await bench.worker.work() == 0, "too early for the next try"
    bench.time += 1.1
    assert await bench.worker.work() == 1
    assert (await bench.row(call_id)).recording_tries == 1


async def test_a_call_without_sound_fails_after_the_last_try_and_says_so(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = await bench.pending(), await bench.pending()
    for side in ("customer", "agent"):
        bench.path(bad, side).write_bytes(b"garbage")
    for tries in range(MAX_TRIES):
        assert (await bench.row(bad)).recording_tries == tries
        await bench.worker.work()
        bench.time += 1000
    row = await bench.row(bad)
    assert (row.recording_state, row.recording_tries) == ("failed", MAX_TRIES)
    assert (await bench.row(good)).recording_state == "ready", "one bad call must not hold up the others"
    assert f"call {bad} has no recording" in caplog.text
    assert bench.spooled() == [f"{bad}.agent.wav", f"{bad}.customer.wav"], "evidence is not deleted"


async def test_the_last_try_saves_what_can_be_read(bench: Bench) -> None:
    call_id = await bench.pending(recording_tries=MAX_TRIES - 1)
    bench.path(call_id, "agent").write_bytes(b"garbage")
    assert await bench.worker.work() == 1
    assert bench.spooled() == [f"{call_id}.agent.wav.unreadable"]


async def test_a_restart_goes_on_with_what_was_pending(bench: Bench) -> None:
    call_id = await bench.pending(recording_tries=3)
    second = bench.make()
    running = asyncio.create_task(second.run())
    try:
        await asyncio.wait_for(_until(lambda: bool(bench.told)), 20)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert bench.told == [(OURS, call_id, LI)]


async def test_a_nudge_is_faster_than_the_poll(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 1000)
    running = asyncio.create_task(bench.worker.run())
    try:
        await asyncio.sleep(0.3)
        await bench.pending()
        bench.worker.nudge()
        await asyncio.wait_for(_until(lambda: bool(bench.told)), 20)
    finally:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_a_full_storage_keeps_everything_for_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls = [await bench.pending(recording_tries=MAX_TRIES - 1) for _ in range(3)]
    tried: list[Path] = []

    async def full(customer: Path, agent: Path, target: Path, *, salvage: bool) -> Produced:
        tried.append(target)
        raise StorageFull("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(bench.worker, "_produce", full)
        assert await bench.worker.work() == 0
        assert await bench.worker.work() == 0
    assert len(tried) == 1, "one refusal is enough to know"
    assert "THE STORAGE IS FULL" in caplog.text
    for call_id in calls:
        row = await bench.row(call_id)
        assert (row.recording_state, row.recording_tries) == ("pending", MAX_TRIES - 1)
    assert len(bench.spooled()) == 6
    bench.time += FULL_STORAGE_PAUSE
    assert await bench.worker.work() == 3


async def test_a_killed_process_costs_one_try_and_no_more(bench: Bench) -> None:
    await bench.pending()
    assert await bench.worker.work() == 1
    pool = bench.worker._pool
    assert pool is not None
    for process in list(pool._processes.values()):
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
    second = await bench.pending()
    for _ in range(3):
        await bench.worker.work()
        bench.time += 10
    row = await bench.row(second)
    assert row.recording_state == "ready"
    assert row.recording_tries <= 1


async def test_the_event_loop_stays_free_while_a_long_call_is_mixed(bench: Bench) -> None:
    await bench.pending()
    await bench.worker.work()
    await bench.pending(seconds=120)
    gaps: list[float] = []

    async def watch() -> None:
        last = time.perf_counter()
        while True:
            await asyncio.sleep(0.005)
            gaps.append(time.perf_counter() - last)
            last = time.perf_counter()

    watching = asyncio.create_task(watch())
    assert await bench.worker.work() == 1
    watching.cancel()
    assert max(gaps) < 0.5


async def test_an_interrupted_clean_up_is_finished_and_strangers_are_left(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    done, waiting = await bench.pending(), None
    await bench.worker.work()
    bench.files(done)
    waiting = await bench.pending()
    for name in ("unknown-1.customer.wav", "unknown-2.agent.wav", "notes.txt"):
        (bench.spool / name).write_bytes(b"x")
    long_ago = time.time() - 25 * 3600
    for name in ("unknown-1.customer.wav", f"{waiting}.agent.wav"):
        os.utime(bench.spool / name, (long_ago, long_ago))
    assert [path.name for path in await bench.worker.tidy()] == ["unknown-1.customer.wav"]
    assert "unknown-1.customer.wav" in caplog.text
    assert bench.spooled() == sorted(
        [
            f"{waiting}.agent.wav",
            f"{waiting}.customer.wav",
            "notes.txt",
            "unknown-1.customer.wav",
            "unknown-2.agent.wav",
        ]
    )


async def test_an_id_that_could_leave_the_folder_is_never_a_file_name(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await past_call(bench.database, "+8613800000001", id="../../evil", recording_state="pending")
    await bench.worker.work()
    assert (await bench.row("../../evil")).recording_state == "failed"
    assert not bench.store.exists()


def test_an_unknown_format_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="flac"):
        RecordingWorker(None, tmp_path, tmp_path, on_ready=lambda *_: None, format="flac")  # type: ignore[arg-type]


async def _until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def test_want_of_descriptors_costs_no_recording_any_of_its_tries(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    call_id = await bench.pending(recording_tries=MAX_TRIES - 1)

    def no_descriptors(path: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files", str(path))

    async def in_this_process(customer: Path, agent: Path, target: Path, *, salvage: bool) -> Produced:
        return produce(customer, agent, target, "opus", salvage=salvage)

    async def no_process(customer: Path, agent: Path, target: Path, *, salvage: bool) -> Produced:
        raise OSError(errno.EMFILE, "Too many open files")

    for trouble in (in_this_process, no_process):
        with monkeypatch.context() as patch:
            patch.setattr(bench.worker, "_produce", trouble)
            patch.setattr(Path, "read_bytes", no_descriptors)
            assert await bench.worker.work() == 0
        row = await bench.row(call_id)
        assert (row.recording_state, row.recording_tries) == ("pending", MAX_TRIES - 1)
        bench.time += FULL_STORAGE_PAUSE
    assert await bench.worker.work() == 1
