"""Here every database is PostgreSQL's, whatever the other tests use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callcenter.store.database import Database
from tests.postgres.cluster import Cluster
from tests.stores import stores
from tests.web.support import Site, make_world, served


@pytest.fixture
def cluster() -> Cluster:
    """The server of this test process; a test may restart it, and leaves it running."""
    return stores.postgres.cluster


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """The address of an empty database at the newest schema."""
    yield await stores.postgres.migrated(tmp_path / "test.db")
    await stores.postgres.drop(tmp_path / "test.db")


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def another(url: str) -> AsyncIterator[Database]:
    """The same database, as a second process opens it: it knows nothing of the first one's queue of writers."""
    opened = Database(url)
    yield opened
    await opened.close()


@pytest.fixture
async def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Site]:
    """The web application, its world in PostgreSQL."""
    kind = stores.postgres
    monkeypatch.setattr(stores, "kind", kind)
    template = tmp_path / "template.db"
    world = await make_world(template)
    async with served(template, world, tmp_path / "site") as running:
        yield running
    await kind.drop(template)
