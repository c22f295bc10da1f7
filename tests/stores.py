"""Where tests keep their databases: files of SQLite, or databases of one private PostgreSQL with `--postgres`.

A database is named by the path its SQLite file would have.
"""

from __future__ import annotations

import atexit
import shutil
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from callcenter.store import migrate
from callcenter.store.database import Database
from tests.postgres.cluster import Cluster

EMPTY = "empty_but_migrated"


class SqliteFiles:
    async def url(self, path: Path, *, migrated: bool = True) -> str:
        """The address of a new database; `migrated` ones may have the newest schema already."""
        return f"sqlite+aiosqlite:///{path}"

    async def copy(self, template: Path, path: Path) -> str:
        """The address of a new database with what is in another one, which nobody uses at this moment."""
        shutil.copy(template, path)
        return f"sqlite+aiosqlite:///{path}"

    async def drop(self, path: Path) -> None:
        """A database is not needed any more."""


class PostgresDatabases:
    """The same on PostgreSQL; a cluster is made when the first database is asked for."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._cluster = cluster
        self._names: dict[Path, str] = {}
        self._migrated = False

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster()
            atexit.register(self._cluster.remove)
            self._cluster.create()
        return self._cluster

    async def url(self, path: Path, *, migrated: bool = True) -> str:
        if not migrated:
            return await self._make(path, "template0")
        if not self._migrated:
            await self._command(f"CREATE DATABASE {EMPTY}")
            first = Database(self.cluster.url(EMPTY))
            await migrate.upgrade(first)
            await first.close()
            self._migrated = True
        return await self._make(path, EMPTY)

    async def copy(self, template: Path, path: Path) -> str:
        return await self._make(path, self._names[template])

    async def drop(self, path: Path) -> None:
        name = self._names.pop(path, None)
        if name is not None:
            await self._command(f"DROP DATABASE {name} WITH (FORCE)")

    async def _make(self, path: Path, template: str) -> str:
        await self.drop(path)
        name = f"test_{id(self):x}_{next(_numbers)}"
        # Copied file by file; a checkpoint costs nothing here, as nothing waits for the disk.
        await self._command(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        self._names[path] = name
        return self.cluster.url(name)

    async def _command(self, command: str) -> None:
        where = make_url(self.cluster.url("postgres")).set(drivername="postgresql")
        connection = await asyncpg.connect(where.render_as_string(hide_password=False))
        try:
            await connection.execute(command)
        finally:
            await connection.close()


_numbers = iter(range(1, 1_000_000_000))
stores: SqliteFiles | PostgresDatabases = SqliteFiles()


def use_postgres() -> None:
    """From now on databases are PostgreSQL's."""
    global stores
    if isinstance(stores, SqliteFiles):
        stores = PostgresDatabases()


async def url(path: Path, *, migrated: bool = True) -> str:
    return await stores.url(path, migrated=migrated)


async def copy(template: Path, path: Path) -> str:
    return await stores.copy(template, path)


async def drop(path: Path) -> None:
    await stores.drop(path)
