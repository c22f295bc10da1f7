"""What goes wrong. A fault is done to the processes of this run alone, by id, and is over when its function returns."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Collection

import msgspec

from callcenter.settings import PROJECT_ROOT, Settings
from tests.chaos.site import full, set_clock
from tests.live.installation import Installation, until

Fault = Callable[[Installation], Awaitable[None]]


START_SECONDS = 120.0
"""A machine on which everybody tries again at once starts nothing quickly."""


async def kill_the_engine(made: Installation) -> None:
    await made.stop_engine(signal.SIGKILL)
    await asyncio.sleep(1.0)
    await made.start_engine(START_SECONDS)


async def kill_asterisk(made: Installation) -> None:
    """The product starts it again by itself."""
    pid = made.stack.pbx.pid()
    if pid is None:
        return
    os.kill(pid, signal.SIGKILL)

    async def again() -> bool:
        found = made.stack.pbx.pid()
        return found is not None and found != pid

    await until(again, "Asterisk to be started again", 60)


async def cut_the_link(made: Installation) -> None:
    await made.switch.cut()
    await asyncio.sleep(4.0)
    await made.switch.join()


async def stall_the_link(made: Installation) -> None:
    """Half-open: connected, and nothing comes through."""
    made.switch.stalled = True
    await asyncio.sleep(8.0)
    made.switch.stalled = False


async def lock_the_database(made: Installation) -> None:
    """Another process writes for three seconds."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sqlite3, sys, time\n"
        "db = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)\n"
        "db.execute('BEGIN IMMEDIATE')\n"
        "time.sleep(3)\n"
        "db.execute('ROLLBACK')\n",
        str(made.database.url.database),
    )
    await process.wait()


async def run_two_engines(made: Installation) -> None:
    """A second one is started by mistake, with the same data; it must do no harm, whether it goes or stays."""
    values = {
        f"CALLCENTER_{name.upper()}": str(value)
        for name, value in msgspec.structs.asdict(made.settings).items()
        if value != getattr(Settings(), name)
    }
    second = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callcenter.cli", "serve"),
        cwd=PROJECT_ROOT,
        env={**os.environ, **made.environment, **values, "CALLCENTER_PORT": str(made.settings.port + 2000)},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(second.wait(), 8.0)
    if second.returncode is None:
        second.terminate()
        await second.wait()


async def fill_the_disk(made: Installation) -> None:
    """Neither the database, nor the recordings, nor Asterisk's own records find a byte of room for six seconds."""
    with full(made.settings.data_dir) as fill:
        for _ in range(60):
            await asyncio.sleep(0.1)
            fill()


async def step_the_clock(made: Installation) -> None:
    """An hour forward and back again, then an hour back and forward again, while calls run."""
    for seconds in (3600, 0, -3600, 0):
        set_clock(made, seconds)
        await asyncio.sleep(4.0)


async def step_the_clock_unseen(made: Installation) -> None:
    """The same while no engine runs; it is put right again under the eyes of the next one."""
    for seconds in (3600, -3600):
        await made.stop_engine(signal.SIGKILL)
        set_clock(made, seconds)
        await asyncio.sleep(1.0)
        await made.start_engine(START_SECONDS)
        await asyncio.sleep(2.0)
        set_clock(made, 0)
        await asyncio.sleep(2.0)


FAULTS: dict[str, Fault] = {
    "engine_killed": kill_the_engine,
    "asterisk_killed": kill_asterisk,
    "link_cut": cut_the_link,
    "link_half_open": stall_the_link,
    "database_locked": lock_the_database,
    "two_engines": run_two_engines,
    "disk_full": fill_the_disk,
    "clock_stepped": step_the_clock,
    "clock_stepped_unseen": step_the_clock_unseen,
}
PAUSE_SECONDS = 4.0


async def keep_breaking(made: Installation, done: dict[str, int], only: Collection[str] = FAULTS) -> None:
    """One fault after the other, in turn, until cancelled; a fault that has begun is always ended."""
    while only:
        for name in only:
            await asyncio.sleep(PAUSE_SECONDS)
            running = asyncio.ensure_future(FAULTS[name](made))
            try:
                await asyncio.shield(running)
            finally:
                await asyncio.gather(running, return_exceptions=True)
            done[name] += 1
