"""The company that the storm blows over: who does what, who pays for it, and the ground on which it stands."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from enum import Enum
from pathlib import Path
from typing import Any

from sqlalchemy import Select, insert, select

from callcenter.demo.client import Client
from callcenter.domain.terms import Mode, PackageKind
from callcenter.ledger.packages import NewLot, issue
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import package_member
from callcenter.store.tables.people import employee
from tests.live.installation import PASSWORD, Installation

ACCESS = "02160000009"
SHARED_MINUTES, OWN_MINUTES = 5000, 1000
ARMED_SECONDS = 10
STORAGE_BYTES = 512 * 1024 * 1024
"""Of the product's own file system: enough for all that it writes, and little enough to be filled in a moment."""
FAKETIME = "*/faketime/libfaketimeMT.so.1"
"""Below /usr/lib."""
OFFSET = "FAKETIME_TIMESTAMP_FILE"


class Part(Enum):
    """What an agent does all day."""

    MIXED = "dials in every mode"
    LINE = "dials on an open line"
    INBOUND = "waits for callers"


def part_of(index: int) -> Part:
    """Of twelve agents two keep a line open and two are called."""
    return {4: Part.LINE, 5: Part.INBOUND}.get(index % 6, Part.MIXED)


# -- the ground ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_storage(folder: Path) -> Iterator[str]:
    """Puts `folder`/data on a small file system of its own; what is told is why that could not be, or nothing.

    The simulated network's own folder stays outside: it is another machine.
    """
    data, outside = folder / "data", folder / "carrier"
    data.mkdir()
    outside.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={STORAGE_BYTES},mode=0700", "callcenter-chaos", str(data)],
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        (data / "carrier").symlink_to(outside)
        yield "" if done.returncode == 0 else "left out: a file system of its own could not be mounted (needs root)"
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", str(data)], check=True)


def own_clock(folder: Path) -> tuple[dict[str, str], str]:
    """The environment in which the product and its PBX have a clock that can be set; or none of it and the reason."""
    found = sorted(map(str, Path("/usr/lib").glob(FAKETIME)))
    if not found:
        return {}, "left out: libfaketime is not installed (Debian package faketime)"
    offset = folder / "clock"
    offset.write_text("+0\n", "ascii")
    return {
        "LD_PRELOAD": found[0],
        OFFSET: str(offset),
        # Looked at anew with every question; the clock that counts from the machine's start is left alone.
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(Path(__file__).parent / "faked"),
    }, ""


def set_clock(made: Installation, seconds: int) -> None:
    """Lets the product's machine be that far ahead of ours."""
    path = Path(made.environment[OFFSET])
    fresh = path.with_suffix(".new")
    fresh.write_text(f"{seconds:+d}\n", "ascii")
    fresh.replace(path)


async def end_leftovers(folder: Path) -> None:
    """Ends processes of this run that lost their parent when it was killed."""
    mine = os.fsencode(folder)
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            if mine in (entry / "environ").read_bytes() or mine in (entry / "cmdline").read_bytes():
                os.kill(int(entry.name), signal.SIGKILL)
    await asyncio.sleep(0.2)


# -- people and minutes --------------------------------------------------------------------------------------------


async def furnish(made: Installation, agents: int) -> None:
    """Phones for everybody, an access number, and minutes: half of the agents share theirs, the others own them."""
    await _stock(made)
    async with contextlib.AsyncExitStack() as stack:
        admin = await stack.enter_async_context(Client(made.url))
        await admin.sign_in("admin", PASSWORD)
        rules = await admin.get("/api/settings/company")
        rules |= {"access_number": ACCESS, "call_through_seconds": ARMED_SECONDS}
        await admin.put("/api/settings/company", rules)
    for index in range(agents):
        await made.agent(index, tone_index=index % 8)
    for agent in made.agents.values():
        await agent.client.__aexit__()
    made.agents.clear()
    made.clients.clear()


async def _stock(made: Installation) -> None:
    now = utcnow()
    since = now - timedelta(hours=2)  # the clock may be set back
    async with made.database.glance() as connection:
        people = [row for row in (await connection.execute(_people(made))).scalars()]
    pairs = ((Mode.DIRECT, Mode.CALLBACK), (Mode.POINT, Mode.CALL_THROUGH))
    half = people[::2]
    for mode, also in pairs:
        new = NewLot(
            "共享包",
            mode,
            SHARED_MINUTES,
            since,
            now + timedelta(days=30),
            also_mode=also,
            kind=PackageKind.SHARED,
            quantity=len(half),
        )
        async with made.database.write() as connection:
            package_id = await issue(connection, made.company_id, new, by=None, now=now)
            await connection.execute(
                insert(package_member),
                [
                    {"package_id": package_id, "employee_id": one, "company_id": made.company_id, "assigned_at": now}
                    for one in half
                ],
            )
    for one in half:
        await made.expire(one)
    for one in people[1::2]:
        for mode, also in pairs:
            await made.packages.grant(
                company_id=made.company_id,
                employee_id=one,
                name="自用包",
                mode=mode,
                also_mode=also,
                minutes=OWN_MINUTES,
                days=30,
                now=since,
            )


def _people(made: Installation) -> Select[Any]:
    return (
        select(employee.c.id)
        .where(employee.c.company_id == made.company_id, employee.c.login.startswith("agent"))
        .order_by(employee.c.id)
    )


@contextlib.contextmanager
def full(folder: Path) -> Iterator[Callable[[], None]]:
    """Not a byte is left on that file system until the block ends; what is called takes what has become free again."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:

        def fill() -> None:
            for size in (1 << 20, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(folder).free)
            file.seek(0, os.SEEK_END)
        fill()
        try:
            yield fill
        finally:
            filler.unlink()


def keep(folder: Path, where: Path) -> None:
    """Copies what tells afterwards how it came to it."""
    where.mkdir(parents=True, exist_ok=True)
    for path in (folder / "serve.log", *folder.glob("data/*.db*"), *folder.glob("data/pbx/log/*")):
        if path.is_file():
            shutil.copy(path, where / path.name)
