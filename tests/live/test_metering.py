"""Minutes while a call talks: held ahead, extended, warned of, and cut by Asterisk itself."""

from __future__ import annotations

import asyncio
import signal
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import update

from callcenter.pbx.tones import hears
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import voice_package
from tests.live.installation import Agent, Installation, until

pytestmark = pytest.mark.live

WARNING_HZ = 880


async def _only_package(site: Installation, agent: Agent, minutes: int, increment_seconds: int) -> None:
    """Leaves the agent with one package; a short increment stands in for the minute, the rules are the same."""
    async with site.database.write() as connection:
        await connection.execute(
            update(voice_package)
            .where(voice_package.c.company_id == site.company_id, voice_package.c.employee_id == agent.employee_id)
            .values(expires_at=utcnow())
        )
    await site.grant(agent.employee_id, minutes, increment_seconds)


async def _restore(site: Installation, agent: Agent) -> None:
    await site.grant(agent.employee_id)


def _talk(found: dict[str, Any]) -> float:
    leg = next(one for one in found["legs"] if one["role"] == "customer")
    ended, answered = datetime.fromisoformat(leg["ended_at"]), datetime.fromisoformat(leg["answered_at"])
    return (ended - answered).total_seconds()


@pytest.mark.feature("P-52")
async def test_the_agent_alone_is_warned_and_the_call_is_cut_on_time(site: Installation) -> None:
    agent = await site.agent(7)
    await _only_package(site, agent, minutes=3, increment_seconds=4)
    call_id = await agent.client.dial("13800000003")
    await agent.wait_state(call_id, "talking")
    warning = await agent.live.wait(lambda live: live.events("warning"), 15, "the warning")
    assert warning[0].message["data"]["kind"] == "one_minute_left"
    ended = await agent.wait_ended(call_id, 20)
    assert ended["end_reason"] == "minutes_used_up"
    found = await site.settled(agent.client, call_id)
    assert 11.9 <= _talk(found) <= 12.5
    assert found["call"]["minutes_charged"] == 3
    assert (await agent.client.get("/api/me/minutes"))["minutes_left"] == 0
    await site.carrier.quiet(15)
    assert hears(site.carrier.heard(agent.phone)[-1], WARNING_HZ, min_seconds=0.25, window=0.125)
    assert not hears(site.carrier.heard("13800000003")[-1], WARNING_HZ, min_seconds=0.125, window=0.125)
    await _restore(site, agent)


@pytest.mark.feature("P-51")
async def test_minutes_are_extended_while_the_call_talks(site: Installation) -> None:
    """Five are held at the click; a call that needs more gets them, and what it does not use comes back."""
    agent = await site.agent(7)
    await _only_package(site, agent, minutes=20, increment_seconds=2)
    call_id = await agent.client.dial("13800000003")
    await agent.wait_state(call_id, "talking")
    await asyncio.sleep(13)
    held = await agent.client.get("/api/me/minutes")
    assert held["minutes_reserved"] > 5
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    ended = await agent.wait_ended(call_id)
    assert ended["end_reason"] == "agent_hung_up"
    found = await site.settled(agent.client, call_id)
    minutes = -(-found["call"]["talk_seconds"] // 2)
    assert found["call"]["minutes_charged"] == minutes
    after = await agent.client.get("/api/me/minutes")
    assert (after["minutes_left"], after["minutes_reserved"]) == (20 - minutes, 0)
    await _restore(site, agent)


async def test_a_dead_product_gives_no_free_minutes(site: Installation) -> None:
    """Asterisk holds the limit: nobody is there to cut the call, and it ends on the second it was paid for."""
    agent = await site.agent(7)
    await _only_package(site, agent, minutes=2, increment_seconds=4)
    call_id = await agent.client.dial("13800000003")
    await agent.wait_state(call_id, "talking")
    await site.stop_engine(signal.SIGKILL)

    async def over() -> bool:
        return "13800000003" not in await site.carrier.parties()

    await until(over, "Asterisk to cut the call", 20)
    await site.start_engine()
    await site.reconnect(agent)
    found = await site.settled(agent.client, call_id)
    assert 7.9 <= _talk(found) <= 8.5
    assert found["call"]["minutes_charged"] == 2
    await _restore(site, agent)
