from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from callcenter.store.database import Database
from tests import stores
from tests.crm.support import populate


@pytest_asyncio.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database with two companies and their people."""
    async with stores.database(tmp_path / "callcenter.db") as opened:
        await populate(opened)
        yield opened
