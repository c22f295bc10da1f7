"""SQLite without a thread: short statements run where they are asked for, in the event loop's own thread.

A statement on a local file takes some 20 microseconds; handing it to a thread and back takes ten times as long, and far
longer while the loop is busy, because both want the interpreter. So the engine's small transactions run here. Whatever
may take longer (searches, lists, exports) belongs on `Database.read`, which uses threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, CursorResult, Engine, Executable
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.errors import DatabaseUnavailable

T = TypeVar("T")
LOCKED_SECONDS = 10.0
"""How long another process may hold the write lock before a writer here gives up."""
ASK_AGAIN_SECONDS = 0.004


class InlineConnection:
    """The part of `AsyncConnection` that the product uses, over a plain connection; nothing in it ever waits."""

    def __init__(self, connection: Connection) -> None:
        self.sync_connection = connection

    @property
    def dialect(self) -> Any:
        return self.sync_connection.dialect

    async def execute(self, statement: Executable, parameters: Any = None, **options: Any) -> CursorResult[Any]:
        return self.sync_connection.execute(statement, parameters, **options)

    async def exec_driver_sql(self, statement: str, parameters: Any = None) -> CursorResult[Any]:
        return self.sync_connection.exec_driver_sql(statement, parameters)

    async def run_sync(self, work: Callable[..., T], *args: Any, **more: Any) -> T:
        return work(self.sync_connection, *args, **more)


@contextlib.asynccontextmanager
async def transaction(engine: Engine, **options: Any) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed at the end of the block, rolled back when it raises or is cancelled."""
    with engine.connect() as connection:
        connection.execution_options(**options)
        running = await _begin(connection)
        with running:
            yield cast(AsyncConnection, InlineConnection(connection))


async def _begin(connection: Connection) -> Any:
    """Begins; while another process writes, the loop goes on with other work."""
    deadline = time.monotonic() + LOCKED_SECONDS
    while True:
        try:
            return connection.begin()
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
            if time.monotonic() > deadline:
                raise DatabaseUnavailable("another process holds the database") from error
            await asyncio.sleep(ASK_AGAIN_SECONDS)
