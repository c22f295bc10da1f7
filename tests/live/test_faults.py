"""The product dies, or its link does, in the middle of calls: nobody is cut off, nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from callcenter.pbx.tones import hears
from callcenter.store.base import utcnow
from callcenter.store.tables.books import posting
from callcenter.store.tables.calls import call, command_key
from tests.live.installation import INBOUND, Installation, until

pytestmark = pytest.mark.live

CUT_SECONDS = 20.0


async def _settlements(site: Installation, call_id: str) -> int:
    """How many times a leg of the call was charged."""
    query = select(func.count(func.distinct(posting.c.txn))).where(
        posting.c.company_id == site.company_id, posting.c.call_id == call_id, posting.c.kind == "settle"
    )
    async with site.database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def _rows(site: Installation, number: str) -> list[Any]:
    query = select(call).where(call.c.company_id == site.company_id, call.c.number == number)
    async with site.database.read() as connection:
        return list((await connection.execute(query)).all())


@pytest.mark.feature("P-53")
async def test_a_call_outlives_the_killed_product_and_is_settled_once(site: Installation) -> None:
    agent = await site.agent(0)
    before = (await agent.client.get("/api/me/minutes"))["minutes_left"]
    call_id = await agent.client.dial("13800000003")
    await agent.wait_state(call_id, "talking")
    await site.stop_engine(signal.SIGKILL)
    await asyncio.sleep(2)
    assert "13800000003" in await site.carrier.parties()

    await site.start_engine()
    await site.reconnect(agent)
    again = await agent.wait_state(call_id, "talking")
    assert again["employee"]["id"] == agent.employee_id
    assert await agent.state() == "busy"
    supervisor = await (await site.client("supervisor")).live()
    assert call_id in supervisor.entities["call"]

    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await site.settled(agent.client, call_id)
    assert (found["call"]["disposition"], found["call"]["minutes_charged"]) == ("ANSWERED", 1)
    assert await _settlements(site, call_id) == 1
    assert (await agent.client.get("/api/me/minutes"))["minutes_left"] == before - 1
    await site.carrier.quiet(15)
    assert hears(site.carrier.heard("13800000003")[-1], agent.tone, min_seconds=3)


@pytest.mark.feature("P-53")
async def test_a_call_that_ends_while_the_product_is_dead_is_settled_at_the_next_start(site: Installation) -> None:
    agent = await site.agent(0)
    before = (await agent.client.get("/api/me/minutes"))["minutes_left"]
    call_id = await agent.client.dial("13800000003")
    await agent.wait_state(call_id, "talking")
    await site.stop_engine(signal.SIGKILL)
    await site.carrier.hangup("13800000003")
    await site.carrier.quiet(15)
    await site.start_engine()
    await site.reconnect(agent)
    found = await site.settled(agent.client, call_id)
    row = found["call"]
    assert (row["disposition"], row["minutes_charged"]) == ("ANSWERED", 1)
    assert row["ended_at"] is not None
    assert await _settlements(site, call_id) == 1
    await agent.live.wait(lambda live: call_id not in live.entities["call"], why="the call to leave the screen")
    assert (await agent.client.get("/api/me/minutes"))["minutes_left"] == before - 1
    await agent.live.wait(
        lambda live: live.entities["agent"][str(agent.employee_id)]["call_id"] is None, why="the agent to be free"
    )


@pytest.mark.feature("P-53")
async def test_a_cut_ami_link_loses_and_doubles_nothing(site: Installation) -> None:
    """20 s without the link: one call ends, one begins and ends, one begins and stays. All of them are there after."""
    caller, taker, stayer = await site.agent(0), await site.agent(1), await site.agent(2)
    minutes = (await caller.client.get("/api/me/minutes"))["minutes_left"]
    outgoing = await caller.client.dial("13800000003")
    await caller.wait_state(outgoing, "talking")
    await taker.ready()
    await taker.wait_self("ready")
    # The queue change must have reached Asterisk before the link goes.
    await until(lambda: _in_queue(site, taker.phone), "the taker to be in the queue")

    await site.switch.cut()
    cut_at = time.monotonic()
    await caller.live.wait(
        lambda live: live.entities["system"]["phones"]["phones"] != "live", why="the page to say that phones are away"
    )
    refused = await _dial_error(caller, "13800000001")
    assert refused == "phones_unavailable"
    await site.carrier.hangup("13800000003")
    await site.carrier.call_in(INBOUND, "13922220001", 650, seconds=4)
    await until(lambda: _heard(site, "13922220001"), "the short inbound call", 15)
    await site.carrier.call_in(INBOUND, "13922220002", 650, seconds=60)
    await until(lambda: _heard(site, "13922220002"), "the long inbound call", 15)
    await asyncio.sleep(max(0.0, CUT_SECONDS - (time.monotonic() - cut_at)))
    await site.switch.join()
    await caller.live.wait(
        lambda live: live.entities["system"]["phones"]["phones"] == "live", 30, "the link to be live again"
    )

    found = await site.settled(caller.client, outgoing)
    assert (found["call"]["disposition"], found["call"]["minutes_charged"]) == ("ANSWERED", 1)
    assert await _settlements(site, outgoing) == 1
    assert (await caller.client.get("/api/me/minutes"))["minutes_left"] == minutes - 1

    short = await until(lambda: _settled_row(site, "+8613922220001"), "the call nobody saw to be in the log", 20)
    assert (short.direction, short.disposition, short.employee_id) == ("inbound", "ANSWERED", taker.employee_id)
    assert 3 <= short.talk_seconds <= 5
    assert len(await _rows(site, "+8613922220001")) == 1

    running = await until(lambda: _live(taker, "+8613922220002"), "the running call to be on the screen", 20)
    await taker.client.post(f"/api/calls/{running}/hangup")
    await taker.wait_ended(running)
    await site.settled(taker.client, running)
    assert len(await _rows(site, "+8613922220002")) == 1
    await taker.away()
    await stayer.away()


async def _in_queue(site: Installation, phone: str) -> bool:
    return phone in await site.stack.pbx.cli("queue show")


async def _heard(site: Installation, caller: str) -> bool:
    return bool(site.carrier.heard(caller))


async def _settled_row(site: Installation, number: str) -> Any:
    rows = await _rows(site, number)
    return rows[0] if rows and rows[0].billing == "settled" else None


async def _live(agent: Any, number: str) -> str | None:
    calls = agent.live.entities["call"].values()
    return next((one["id"] for one in calls if one["number"] == number and one["state"] == "talking"), None)


async def _dial_error(agent: Any, number: str) -> str:
    try:
        await agent.client.dial(number)
    except Exception as error:
        return str(getattr(error, "code", error))
    return ""


@pytest.mark.feature("P-53")
async def test_a_killed_asterisk_comes_back_and_its_calls_are_settled(site: Installation) -> None:
    """No channel survives; the call is closed by the last evidence, charged once, and the next call works."""
    agent = await site.agent(3)
    before = (await agent.client.get("/api/me/minutes"))["minutes_left"]
    call_id = await agent.client.dial("13800000003")
    await agent.wait_state(call_id, "talking")
    pid = site.stack.pbx.pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    ended = await agent.wait_ended(call_id, 40)
    assert ended["disposition"] == "ANSWERED"
    found = await site.settled(agent.client, call_id, 40)
    assert found["call"]["minutes_charged"] == 1
    assert await _settlements(site, call_id) == 1
    after = await agent.client.get("/api/me/minutes")
    assert (after["minutes_left"], after["minutes_reserved"]) == (before - 1, 0)
    await agent.live.wait(
        lambda live: live.entities["system"]["phones"]["phones"] == "live", 40, "the link to be live again"
    )
    # The far ends never heard of it: on a real network their own timers end such calls.
    for party in (agent.phone, "13800000003"):
        await site.carrier.hangup(party)
    site.agents.clear()
    again = await site.agent(3)
    call_id = await again.client.dial("13800000021")
    assert (await again.wait_ended(call_id))["disposition"] == "BUSY"


async def test_a_key_whose_call_was_never_written_down_dials_once_more(site: Installation) -> None:
    """The product died between taking a request and writing its call: the same request again is not answered with a
    call that does not exist."""
    agent = await site.agent(0)
    key, body = "written-too-late", {"number": "13800000021"}
    before = len(await _rows(site, "+8613800000021"))
    async with site.database.write() as connection:
        await connection.execute(
            insert(command_key).values(
                company_id=site.company_id,
                key=f"{agent.employee_id}:{key}",
                employee_id=agent.employee_id,
                request="13800000021|||",
                call_id="never-written",
                at=utcnow(),
            )
        )
    call_id = (await agent.client.post("/api/calls", body, **{"Idempotency-Key": key}))["call_id"]
    assert call_id != "never-written"
    await agent.wait_ended(call_id)
    again = await agent.client.post("/api/calls", body, **{"Idempotency-Key": key})
    assert again["call_id"] == call_id and len(await _rows(site, "+8613800000021")) == before + 1
