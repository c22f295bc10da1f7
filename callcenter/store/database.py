"""The database: one engine, short write transactions one after the other, many readers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from callcenter.store import inline, postgres
from callcenter.store.guard import install_guard

log = logging.getLogger(__name__)

CHECKPOINT_EVERY = 200
"""Write transactions after which SQLite's log is folded into the database, in a thread: that waits for the disk."""
CACHE_KIB = 8_192
"""Of every connection. With the default of 2 MiB index pages are read again and again once there are many calls; with
much more, memory grows for hours, because each connection fills its own as the database grows, and the system caches
the file besides."""
CHECKPOINT_PAGES = 20_000
"""Pages at which SQLite does it by itself, should the thread not come to it."""


class Database:
    """Opens SQLite (WAL) or PostgreSQL by URL.

    `write()` is one transaction, and the only one that writes, also beside other processes: what it has read stays so
    until it ends. `read()` is a snapshot without one, for anything; `glance()` is the same for reads that touch few
    rows by key, and much quicker on SQLite. All three raise `DatabaseUnavailable` when the database cannot be had.
    """

    def __init__(self, url: str, *, guard: bool = True) -> None:
        self.url = make_url(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite and self.url.database not in (None, "", ":memory:"):
            _make_private(Path(str(self.url.database)))
        self.engine: AsyncEngine = (
            create_async_engine(self.url, pool_size=8) if self.is_sqlite else postgres.open_engine(self.url)
        )
        self._inline: Engine | None = None
        if self.is_sqlite:
            # Without a limit: waiting for a connection would stop the loop in which it is given back.
            options: dict[str, Any] = {"max_overflow": -1, "connect_args": {"check_same_thread": False}}
            self._inline = create_engine(self.url.set(drivername="sqlite"), **options)
            event.listen(self._inline, "connect", _inline_pragmas)
            event.listen(self.engine.sync_engine, "connect", _sqlite_pragmas)
            for one in (self._inline, self.engine.sync_engine):
                event.listen(one, "begin", _sqlite_begin)
        if guard:
            install_guard(self.engine.sync_engine)
            if self._inline is not None:
                install_guard(self._inline)
        # There is one writer; waiting in our own queue is fair and never times out as `database is locked`.
        self._writer = asyncio.Lock()
        self._commits = 0
        self._checkpoint: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """One write transaction: committed at the end of the block, rolled back when it raises."""
        if self._inline is None:
            async with postgres.writing(self.engine, self._writer) as connection:
                yield connection
            return
        async with self._writer:
            async with inline.transaction(self._inline, sqlite_write=True) as connection:
                yield connection
            self._commits += 1
            if self._commits % CHECKPOINT_EVERY == 0 and (self._checkpoint is None or self._checkpoint.done()):
                self._checkpoint = asyncio.create_task(self._fold())

    @contextlib.asynccontextmanager
    async def glance(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot for small reads: a few rows by key, never a search."""
        if self._inline is None:
            async with postgres.reading(self.engine) as connection:
                yield connection
            return
        async with inline.transaction(self._inline) as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def migrate(self) -> AsyncIterator[AsyncConnection]:
        """One write transaction in which tables may be made anew; their keys are checked at its end, not before."""
        if not self.is_sqlite:
            async with self._writer, postgres.migrating(self.url) as connection:
                yield connection
            return
        async with self._writer, self.engine.connect() as connection:
            await connection.execution_options(sqlite_write=True, sqlite_unchecked=True)
            async with connection.begin():
                yield connection
                broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).fetchall()
                if broken:
                    raise RuntimeError(f"the migration left rows without their parents: {broken[:3]}")
            await connection.invalidate()  # the next one checks keys again

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A snapshot for reads of any kind and length."""
        source = self.engine.connect() if self.is_sqlite else postgres.reading(self.engine)
        async with source as connection:
            yield connection

    async def close(self) -> None:
        if self._checkpoint is not None:
            await asyncio.gather(self._checkpoint, return_exceptions=True)
        if self._inline is not None:
            self._inline.dispose()
        await self.engine.dispose()

    async def _fold(self) -> None:
        try:
            async with self.engine.connect() as connection:
                raw = await connection.get_raw_connection()
                assert raw.driver_connection is not None
                cursor = await raw.driver_connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
                await cursor.close()
        except Exception:
            log.exception("SQLite's log could not be folded in now; the next round tries again")


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    _pragmas(connection, busy_timeout=10_000)


def _inline_pragmas(connection: Any, _record: object) -> None:
    # A lock is waited for outside SQLite, so that the loop goes on.
    _pragmas(connection, busy_timeout=0)


def _pragmas(connection: Any, *, busy_timeout: int) -> None:
    # The driver's own transaction control is off: `begin` below starts them, IMMEDIATE for writers.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"cache_size=-{CACHE_KIB}",
        "foreign_keys=ON",
        f"wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"busy_timeout={busy_timeout}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _sqlite_begin(connection: Any) -> None:
    options = connection.get_execution_options()
    if options.get("sqlite_unchecked"):
        connection.exec_driver_sql("PRAGMA foreign_keys=OFF")  # SQLite ignores it inside a transaction
    write = options.get("sqlite_write")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _make_private(path: Path) -> None:
    """The database's file, readable by its owner alone; what SQLite puts beside it takes its mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            file.chmod(0o600)
