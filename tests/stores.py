"""Where tests keep their databases: files of SQLite, or databases of one private PostgreSQL with `--postgres`.

A database is named by the path its SQLite file would have.
"""

from __future__ import annotations

import atexit
import contextlib
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from callcenter.store import migrate
from callcenter.store.database import Database
from tests.postgres.cluster import Cluster

EMPTY = Path("migrated.db")


class SqliteFiles:
    """Each database is a file."""

    def __init__(self) -> None:
        self._folder: Path | None = None

    async def empty(self, path: Path) -> str:
        """The address of a new database without any table."""
        return f"sqlite+aiosqlite:///{path}"

    async def migrated(self, path: Path) -> str:
        """The address of a new database at the newest schema; the migrations run once for all of them."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="callcenter-sqlite-"))
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
            await _migrate(await self.empty(self._folder / EMPTY))
        return await self.copy(self._folder / EMPTY, path)

    async def copy(self, template: Path, path: Path) -> str:
        """The address of a new database with all that is in another one, which nobody uses at this moment."""
        shutil.copy(template, path)
        return f"sqlite+aiosqlite:///{path}"

    async def drop(self, path: Path) -> None:
        """The database is not needed any more."""


class PostgresDatabases:
    """The same in a cluster that is made when the first database is asked for, and removed at the end."""

    def __init__(self, cluster: Cluster | None = None) -> None:
        self._cluster = cluster
        self._names: dict[Path, str] = {}
        self._numbers = itertools.count(1)

    @property
    def cluster(self) -> Cluster:
        if self._cluster is None:
            self._cluster = Cluster()
            atexit.register(self._cluster.remove)
            self._cluster.create()
        return self._cluster

    async def new(self) -> str:
        """A database without any table, under no name."""
        return await self.empty(Path(f"new-{next(self._numbers)}"))

    async def empty(self, path: Path) -> str:
        return await self._make(path, "template0")

    async def migrated(self, path: Path) -> str:
        if EMPTY not in self._names:
            await _migrate(await self.empty(EMPTY))
        return await self.copy(EMPTY, path)

    async def copy(self, template: Path, path: Path) -> str:
        return await self._make(path, self._names[template])

    async def drop(self, path: Path) -> None:
        name = self._names.pop(path, None)
        if name is not None:
            await self._command(f"DROP DATABASE {name} WITH (FORCE)")

    async def _make(self, path: Path, template: str) -> str:
        await self.drop(path)
        name = f"test_{next(self._numbers)}"
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


async def _migrate(url: str) -> None:
    database = Database(url)
    await migrate.upgrade(database)
    await database.close()


class Stores:
    """What the tests of this process use."""

    def __init__(self) -> None:
        self.kind: SqliteFiles | PostgresDatabases = SqliteFiles()
        self._postgres: PostgresDatabases | None = None

    @property
    def postgres(self) -> PostgresDatabases:
        """PostgreSQL for a test that asks for it by name."""
        if self._postgres is None:
            self._postgres = PostgresDatabases()
        return self._postgres

    def use_postgres(self) -> None:
        self.kind = self.postgres


stores = Stores()


@contextlib.asynccontextmanager
async def database(path: Path, template: Path | None = None) -> AsyncIterator[Database]:
    """An open database at the newest schema (or a copy of `template`) for the time of the block."""
    kind = stores.kind
    opened = Database(await (kind.migrated(path) if template is None else kind.copy(template, path)))
    try:
        yield opened
    finally:
        await opened.close()
        await kind.drop(path)
