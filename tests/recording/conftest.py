from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callcenter.store.database import Database
from tests.crm.support import empty_database, populate


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("template") / "empty.db"


@pytest_asyncio.fixture
async def database(template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    opened = await empty_database(template, tmp_path / "callcenter.db")
    await populate(opened)
    yield opened
    await opened.close()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "spool"
    folder.mkdir()
    return folder
