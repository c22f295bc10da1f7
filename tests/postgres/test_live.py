"""The whole product on PostgreSQL: a call out, a call in, and a call while the database server is down."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from callcenter.demo.client import Failed
from tests.live.installation import INBOUND, Installation, installed, until
from tests.postgres.cluster import Cluster
from tests.stores import stores

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
async def floor(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    url = await stores.postgres.new()
    async with installed(tmp_path_factory.mktemp("floor"), agents=2, database_url=url) as made:
        assert not made.database.is_sqlite
        yield made


async def test_a_call_out_is_logged_charged_recorded_and_on_the_timeline(floor: Installation) -> None:
    agent = await floor.agent(0)
    found = await agent.client.get("/api/customers?q=王芳")
    customer_id = int(found["items"][0]["id"])
    before = (await agent.client.get("/api/me/minutes"))["minutes_left"]
    call_id = await agent.client.dial("13800000001", customer_id=customer_id, source="customer")
    await agent.wait_state(call_id, "talking")
    await asyncio.sleep(2)  # something to record
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    call = (await floor.recorded(agent.client, call_id))["call"]
    assert (call["disposition"], call["minutes_charged"], call["recording"]["state"]) == ("ANSWERED", 1, "ready")
    assert (await agent.client.get("/api/me/minutes"))["minutes_left"] == before - 1
    await agent.client.put(f"/api/calls/{call_id}/note", {"result": "connected_interested", "note": "周五签合同"})
    timeline = await agent.client.get(f"/api/customers/{customer_id}/timeline")
    entry = next(one for one in timeline["items"] if one["kind"] == "call" and one["call"]["id"] == call_id)
    assert entry["call"]["note"] == "周五签合同"
    assert call_id in [one["id"] for one in (await agent.client.get("/api/calls"))["items"]]


async def test_a_caller_pops_up_and_is_answered(floor: Installation) -> None:
    agent = await floor.agent(1)
    known = len(agent.live.events("pop"))
    await agent.ready()
    await floor.carrier.call_in(INBOUND, "13800000002")
    pop = await agent.next_pop(known)
    call_id = pop["call_id"]
    await agent.wait_state(call_id, "talking")
    await agent.away()
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    assert (await floor.settled(agent.client, call_id))["call"]["direction"] == "inbound"


@pytest.mark.feature("P-53")
async def test_a_call_talks_on_while_the_database_is_down_and_is_charged_once(
    floor: Installation, cluster: Cluster
) -> None:
    """Who asks meanwhile is told that the database is away; the end of the call is logged when it is back."""
    agent = await floor.agent(0)
    before = (await agent.client.get("/api/me/minutes"))["minutes_left"]
    call_id = await agent.client.dial("13800000001")
    await agent.wait_state(call_id, "talking")
    await asyncio.to_thread(cluster.stop, hard=True)
    try:
        with pytest.raises(Failed) as told:
            await agent.client.get("/api/me/minutes")
        assert (told.value.status, told.value.code) == (503, "database_unavailable")
        assert len(await floor.carrier.parties()) >= 2, "both still talk"
        await floor.carrier.hangup((await floor.carrier.parties())[0])
    finally:
        cluster.start()
    await agent.wait_ended(call_id)
    call = (await floor.settled(agent.client, call_id))["call"]
    assert (call["disposition"], call["minutes_charged"]) == ("ANSWERED", 1)

    async def given_back() -> bool:
        return int((await agent.client.get("/api/me/minutes"))["minutes_left"]) == int(before) - 1

    await until(given_back, "what was held and not used to be given back")
