"""One installation for all live tests: starting it takes seconds, and nothing in it is per test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.live.installation import Installation, installed


@pytest.fixture(scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    async with installed(tmp_path_factory.mktemp("site"), agents=8, ring_seconds=6, agent_ring_seconds=5) as made:
        yield made
