"""`callcenter stop`: nobody is cut off, nothing new begins, and nothing stays behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator

import msgspec
import pytest
from sqlalchemy import func, select

from callcenter.demo.client import Failed
from callcenter.domain.terms import Direction
from callcenter.pbx.errors import StateUnknown
from callcenter.pbx.instance import AsteriskInstance
from callcenter.settings import PROJECT_ROOT, Settings
from callcenter.store.tables.calls import call
from tests.live.calls import CUSTOMER, talking
from tests.live.installation import INBOUND, Installation, installed, until

pytestmark = pytest.mark.live


@pytest.fixture
async def own(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """An installation of its own, because it is ended."""
    async with installed(tmp_path_factory.mktemp("own"), agents=2, ring_seconds=6, agent_ring_seconds=5) as made:
        yield made


async def stopping(made: Installation, minutes: float) -> asyncio.subprocess.Process:
    """`callcenter stop`, started."""
    values = {
        f"CALLCENTER_{name.upper()}": str(value)
        for name, value in msgspec.structs.asdict(made.settings).items()
        if value != getattr(Settings(), name)
    }
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callcenter.cli", "stop", "--minutes", str(minutes)),
        cwd=PROJECT_ROOT,
        env={**os.environ, **values},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def line(process: asyncio.subprocess.Process, word: str) -> str:
    """The next line of what it says that holds `word`."""
    assert process.stdout is not None
    async with asyncio.timeout(60):
        async for raw in process.stdout:
            if word in (text := raw.decode()):
                return text
    raise AssertionError(f"it never said {word!r}")


async def ended(made: Installation, process: asyncio.subprocess.Process) -> int:
    """Its exit code, once the program and both Asterisks are gone."""
    async with asyncio.timeout(60):
        code = await process.wait()
        assert made.process is not None
        assert await made.process.wait() == 0
    assert await pid_of(made.stack.pbx) is None
    assert await pid_of(made.carrier.instance) is None
    return code


async def pid_of(asterisk: AsteriskInstance) -> int | None:
    """A process of anybody's that is just becoming another program could be it: one looks again."""
    while True:
        with contextlib.suppress(StateUnknown):
            return asterisk.pid()
        await asyncio.sleep(0.05)


async def test_it_waits_for_the_last_call_and_takes_no_new_one(own: Installation) -> None:
    agent, call_id = await talking(own)
    other = await own.agent(1)
    await other.ready()
    process = await stopping(own, minutes=5)
    assert "Waiting for 1 running" in await line(process, "Waiting")

    with pytest.raises(Failed) as refused:
        await other.client.dial("13800000002")
    assert refused.value.code == "shutting_down"
    caller = "13911112222"
    await own.carrier.call_in(INBOUND, caller, 650, seconds=120)

    async def gone() -> bool:
        return not any(caller in party for party in await own.carrier.parties())

    await until(gone, "the caller to be turned away", 30)
    assert own.process is not None and own.process.returncode is None, "the call talks on"
    assert any(CUSTOMER in party for party in await own.carrier.parties())

    await agent.client.post(f"/api/calls/{call_id}/hangup")
    assert "no call was cut" in await line(process, "Stopped")
    assert await ended(own, process) == 0
    came_in = select(func.count()).where(call.c.direction == Direction.INBOUND, call.c.company_id == own.company_id)
    async with own.database.read() as connection:
        assert (await connection.execute(came_in)).scalar_one() == 0


async def test_whoever_changes_their_mind_goes_on_and_a_limit_is_kept(own: Installation) -> None:
    await talking(own)
    process = await stopping(own, minutes=5)
    await line(process, "Waiting")
    process.terminate()
    await process.wait()
    other = await own.agent(1)

    async def dials() -> str | None:
        try:
            return await other.client.dial("13800000002")
        except Failed as refused:
            assert refused.code == "shutting_down"
            return None

    call_id = await until(dials, "new calls to be taken again")
    await other.wait_state(call_id, "talking")
    process = await stopping(own, minutes=0)
    assert "2 running calls were cut" in await line(process, "Stopped")
    assert await ended(own, process) == 1


async def test_an_asterisk_that_was_left_behind_is_ended_too(own: Installation) -> None:
    await own.stop_engine()
    assert own.stack.pbx.pid() is not None, "restarts leave it talking"
    process = await stopping(own, minutes=1)
    await line(process, "Stopped")
    assert await ended(own, process) == 0
