"""The product whose descriptors run out: calls talk on, Asterisk is left alone, and it recovers by itself."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.live.calls import over, talking
from tests.live.installation import Installation, until

pytestmark = pytest.mark.live

HALF = b"GET /api/me HTTP/1.1\r\nHost: 127.0.0.1\r\n"
ATTACKERS = 1100


@contextlib.asynccontextmanager
async def half_open(site: Installation, count: int) -> AsyncIterator[int]:
    """So many connections that send half a request; answers with how many could be made."""
    made = []
    try:
        for _ in range(count):
            try:
                async with asyncio.timeout(1):
                    pair = await asyncio.open_connection("127.0.0.1", site.settings.port)
            except (OSError, TimeoutError):
                break
            pair[1].write(HALF)
            made.append(pair)
        yield len(made)
    finally:
        for _, writer in made:
            writer.transport.abort()


async def open_files(site: Installation) -> int:
    assert site.process is not None
    return len(list(Path(f"/proc/{site.process.pid}/fd").iterdir()))


async def test_half_open_connections_end_no_call_and_keep_nobody_out(site: Installation) -> None:
    """Within the limits: the gate bounds them, and a sign-in works in the middle of it."""
    agent, call_id = await talking(site, 0)
    async with half_open(site, ATTACKERS) as made:
        assert made == ATTACKERS
        await (await site.client("supervisor")).get("/api/me")
        assert await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await over(site, agent, call_id)


async def test_used_up_descriptors_leave_asterisk_and_its_calls_alone(site: Installation) -> None:
    """Beyond all limits: the process gets hardly more descriptors than it uses, and then connections take those."""
    assert site.process is not None
    written = len(site.log_lines())
    agent, call_id = await talking(site, 0)
    before = site.stack.pbx.pid()
    soft, hard = resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE, (await open_files(site) + 20, hard))
    try:
        async with half_open(site, 300):
            starved = await until(lambda: _starved(site), "the descriptors to be used up", 20)
            assert starved
            for _ in range(16):  # as long as three questions on the console and many looks at the process take
                await asyncio.sleep(0.5)
                assert site.stack.pbx.pid() == before
                assert agent.phone in await site.carrier.parties(), "the call talks on"
    finally:
        resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert site.stack.pbx.pidfile.read_text("ascii") == str(before)

    async def serves() -> bool:
        with contextlib.suppress(Exception):
            return bool(await (await site.client("supervisor")).get("/api/me"))
        return False

    await until(serves, "the product to recover by itself", 30)
    assert not [line for line in site.log_lines()[written:] if "starting it again" in line]
    await site.reconnect(agent)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await over(site, agent, call_id)


async def _starved(site: Installation) -> bool:
    assert site.process is not None
    limit = resource.prlimit(site.process.pid, resource.RLIMIT_NOFILE)[0]
    return await open_files(site) >= limit - 1
