"""The storm over a product that keeps its data in PostgreSQL: a server of our own, and how it is mistreated."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator

from callcenter.store.database import Database
from tests.live.installation import Installation
from tests.postgres.cluster import Cluster, cluster
from tests.stores import PostgresDatabases

Fault = Callable[[Installation], Awaitable[None]]
KINDS = ("sqlite", "postgresql")
RESTARTED = "database_restarted"
DOWN_SECONDS = 2.0
LOCKED_SECONDS = 3.0


@contextlib.contextmanager
def database_of(kind: str, faults: dict[str, Fault]) -> Iterator[str]:
    """The address of the database for the settings, empty for SQLite; `faults` become those that fit the kind."""
    if kind == "sqlite":
        yield ""
        return
    with cluster() as server:
        faults["database_locked"] = hold_the_lock
        faults[RESTARTED] = restarting(server)
        yield asyncio.run(PostgresDatabases(server).new())


def restarting(server: Cluster) -> Fault:
    """The server crashes and comes back two seconds later; every connection is dead."""

    async def restart(_made: Installation) -> None:
        await asyncio.to_thread(server.stop, hard=True)
        await asyncio.sleep(DOWN_SECONDS)
        server.start()  # in this thread: the server ends with the thread that started it

    return restart


async def hold_the_lock(made: Installation) -> None:
    """Another process writes for three seconds."""
    other = Database(made.database.url.render_as_string(hide_password=False))
    try:
        async with other.write():
            await asyncio.sleep(LOCKED_SECONDS)
    finally:
        await other.close()
