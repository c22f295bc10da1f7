"""One world made once; every test gets the real application over its own copy of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.web.support import Site, World, make_world, served


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("web") / "template.db"


@pytest_asyncio.fixture(scope="session")
async def world(template: Path) -> World:
    return await make_world(template)


@pytest_asyncio.fixture
async def site(template: Path, world: World, tmp_path: Path) -> AsyncIterator[Site]:
    async with served(template, world, tmp_path) as running:
        yield running
