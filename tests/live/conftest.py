"""One installation for all live tests: starting it takes seconds, and nothing in it is per test.

`--record-streams` keeps what Asterisk told during each test that passes in `tests/ami/streams/live`, where the
interleaving tests find it.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from callcenter.ami.parse import PARSERS
from callcenter.pbx.errors import PbxError
from tests.ami.record import tap
from tests.conftest import FAILED
from tests.live.installation import Installation, installed

STREAMS = Path(__file__).parent.parent / "ami" / "streams" / "live"
LONGEST = 150_000
"""Bytes of a stream worth keeping."""


@pytest.fixture(scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    quick: dict[str, Any] = {"ring_seconds": 6, "agent_ring_seconds": 5, "callback_retry_seconds": 1}
    async with installed(tmp_path_factory.mktemp("site"), agents=8, **quick) as made:
        yield made


@pytest.fixture(autouse=True)
async def _calls_of_a_failed_test_end(request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """Otherwise its agent is busy, and the tests after it fail as well."""
    yield
    if request.node.stash.get(FAILED, False) and "site" in request.fixturenames:
        made: Installation = request.getfixturevalue("site")
        for asterisk in (made.stack.pbx, made.carrier.instance):
            with contextlib.suppress(PbxError):
                await asterisk.cli("channel request hangup all")
        with contextlib.suppress(TimeoutError):
            await made.carrier.quiet(20)


@pytest.fixture(autouse=True)
async def _recorded(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[None]:
    if not request.config.getoption("record_streams") or "site" not in request.fixturenames:
        yield
        return
    made: Installation = request.getfixturevalue("site")
    whole = tmp_path / "stream.ami"
    recording = await tap(made.stack, whole)
    failed_before = request.session.testsfailed
    yield
    recording.cancel()
    await asyncio.gather(recording, return_exceptions=True)
    wanted = _wanted(whole.read_bytes())
    if request.session.testsfailed == failed_before and wanted and len(wanted) <= LONGEST:
        STREAMS.mkdir(exist_ok=True)
        name = re.sub("[^a-z0-9_]+", "-", request.node.name.removeprefix("test_").lower()).strip("-")
        (STREAMS / f"{name}.ami").write_bytes(wanted)


def _wanted(stream: bytes) -> bytes:
    """The events that the product reads, from the first channel on."""
    blocks = [block for block in stream.split(b"\r\n\r\n") if _name(block) in PARSERS]
    first = next((at for at, block in enumerate(blocks) if _name(block) == "Newchannel"), len(blocks))
    return b"".join(block + b"\r\n\r\n" for block in blocks[first:])


def _name(block: bytes) -> str:
    start = block.split(b"\r\n", 1)[0].decode("utf-8", "replace")
    return start.removeprefix("Event: ") if start.startswith("Event: ") else ""
