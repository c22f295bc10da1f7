"""Callback from the queue: who presses 1 keeps the place, is called once, and not before those who came earlier."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callcenter.pbx.tones import hears
from callcenter.store.base import utcnow
from tests.live.installation import Agent, Installation, until
from tests.live.lines import Line, line

pytestmark = pytest.mark.live

CALLER, CALLER_HZ = "13800000001", 600
SILENT = "13800000020"
"""Rings, never answers."""


@pytest.fixture
async def offered(site: Installation) -> AsyncIterator[tuple[Line, Agent]]:
    agent = await site.agent(0)
    async with line(site, agent, greeting="music", callback_offered=True) as group:
        yield group, agent


async def _asks(group: Line, caller: str) -> None:
    """The caller joins the line, presses 1 and is let go."""
    call = await group.call_in(caller, seconds=30)
    await group.waiting(caller)
    await group.site.carrier.send_dtmf(call.channel_id, "1")
    await group.row(caller, end_reason="callback_asked")


async def _open(group: Line) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await group.admin.get(f"/api/callbacks?group_id={group.id}"))["items"]
    return found


async def _called(group: Line, agent: Agent, caller: str) -> dict[str, Any]:
    """The live call back to that caller once both talk."""

    def look(live: Any) -> dict[str, Any] | None:
        calls = live.entities["call"].values()
        mine = (one for one in calls if one["number"] == f"+86{caller}" and one["direction"] == "outbound")
        return next((one for one in mine if one["state"] == "talking"), None)

    found: dict[str, Any] = await agent.live.wait(look, 20, f"{caller} to be called back")
    return found


async def _calls_to(group: Line, caller: str) -> list[dict[str, Any]]:
    page = await group.admin.get(f"/api/calls?q={caller}&direction=outbound&page_size=50")
    return [one for one in page["items"] if one["source"] == "queue_callback"]


@pytest.mark.feature("P-13")
async def test_who_presses_one_is_called_back_once_and_both_talk(
    site: Installation, offered: tuple[Line, Agent]
) -> None:
    group, agent = offered
    await _asks(group, CALLER)
    await group.until_entity(callbacks=1, waiting=0)
    (request,) = await _open(group)
    assert (request["number"], request["state"], request["attempts"]) == (f"+86{CALLER}", "waiting", 0)
    # Asking again does not double the wish, and the place stays.
    await _asks(group, CALLER)
    assert [one["queued_at"] for one in await _open(group)] == [request["queued_at"]]

    before = len(await _calls_to(group, CALLER))
    await agent.ready()
    call = await _called(group, agent, CALLER)
    assert call["id"] in {one["id"] for one in agent.live.entities["call"].values()}
    await agent.wait_self("busy")
    await asyncio.sleep(2)
    await agent.client.post(f"/api/calls/{call['id']}/hangup")
    await agent.wait_ended(call["id"])
    await group.until_entity(callbacks=0)
    await site.carrier.quiet()
    assert hears(site.carrier.heard(CALLER)[-1], agent.tone) and hears(site.carrier.heard(agent.phone)[-1], CALLER_HZ)
    found = await site.settled(group.admin, call["id"])
    assert found["call"]["minutes_charged"] == 1 and found["call"]["source"] == "queue_callback"
    done = (await group.admin.get(f"/api/callbacks?state=done&group_id={group.id}"))["items"]
    assert [(one["id"], one["last_call_id"]) for one in done] == [(request["id"], call["id"])]
    await agent.wait_self("ready")
    assert len(await _calls_to(group, CALLER)) == before + 1 and not await _open(group)


@pytest.mark.feature("P-13")
async def test_live_callers_who_came_earlier_are_served_first(site: Installation, offered: tuple[Line, Agent]) -> None:
    group, agent = offered
    early = await group.call_in("13900000401", seconds=12)
    await group.waiting("13900000401")
    await _asks(group, CALLER)
    late = await group.call_in("13900000402", seconds=25)
    await group.waiting("13900000402")
    await agent.ready()
    order = []
    for _ in range(3):
        await agent.wait_self("busy")
        (call,) = [one for one in agent.live.entities["call"].values() if one["employee"]]
        order.append(call["number"])
        if call["direction"] == "outbound":
            await agent.wait_state(call["id"], "talking")
            await agent.client.post(f"/api/calls/{call['id']}/hangup")
        await agent.wait_ended(call["id"])
    assert order == ["+8613900000401", f"+86{CALLER}", "+8613900000402"]
    await site.carrier.quiet()
    assert hears(early.heard, agent.tone) and hears(late.heard, agent.tone)


@pytest.mark.feature("P-13")
async def test_an_absent_agent_costs_no_place_and_an_absent_caller_is_tried_three_times(
    site: Installation, offered: tuple[Line, Agent]
) -> None:
    group, agent = offered
    await site.carrier.set_phone(agent.phone, answer_after=None)
    await _asks(group, SILENT)
    (request,) = await _open(group)
    await agent.ready()
    await agent.wait_self("busy")
    await agent.wait_self("ready")

    async def waits() -> bool:
        (one,) = await _open(group)
        return bool(one["state"] == "waiting" and one["attempts"] == 0 and one["queued_at"] == request["queued_at"])

    await until(waits, "the request to keep its place")
    # Another agent joins the group and answers; the caller never does.
    other = await site.agent(1)
    await agent.away()
    await group.change(member_ids=[agent.employee_id, other.employee_id])
    await site.reconnect(other)
    await other.ready()

    async def given_up() -> list[dict[str, Any]] | None:
        page = await group.admin.get(f"/api/callbacks?state=failed&group_id={group.id}")
        found: list[dict[str, Any]] = page["items"]
        return found or None

    (failed,) = await until(given_up, "the request to be given up", 60)
    await other.away()
    assert failed["attempts"] == 3 and failed["id"] == request["id"]
    attempts = await _calls_to(group, SILENT)
    assert [one["employee"]["id"] for one in attempts].count(other.employee_id) == 3


@pytest.mark.feature("P-13")
async def test_a_wish_outlives_the_engine_and_calling_in_again_fulfils_it(
    site: Installation, offered: tuple[Line, Agent]
) -> None:
    group, agent = offered
    call = await group.call_in("13900000403", seconds=30)
    await group.waiting("13900000403")
    await site.stop_engine(signal.SIGKILL)
    await site.carrier.send_dtmf(call.channel_id, "1")
    await site.carrier.quiet()
    await site.start_engine()
    group.board = await group.admin.live()
    agent = await site.agent(0)
    await group.until_entity(callbacks=1)
    row = await group.row("13900000403", end_reason="callback_asked")
    (request,) = await _open(group)
    assert request["queued_at"] < row["ended_at"]
    # The caller does not wait for us. Their own call is older in the line than nobody, and ends the wish.
    await group.call_in("13900000403", seconds=4)
    await group.waiting("13900000403")
    await agent.ready()
    await group.row("13900000403", disposition="ANSWERED")
    await group.until_entity(callbacks=0)
    assert not await _calls_to(group, "13900000403"), "nobody was called"


@pytest.mark.feature("P-13")
async def test_a_request_can_be_cancelled_and_the_blacklist_is_respected(
    site: Installation, offered: tuple[Line, Agent]
) -> None:
    group, agent = offered
    await _asks(group, CALLER)
    listed = await group.admin.post("/api/blacklist", {"number": CALLER, "reason": "请勿来电"})
    before = len(await _calls_to(group, CALLER))
    await agent.ready()
    # The agent is free, the request is due, and nothing happens: a live caller proves that the agent was not taken.
    await group.call_in("13900000404", seconds=4)
    await group.row("13900000404", disposition="ANSWERED")
    assert len(await _calls_to(group, CALLER)) == before
    (request,) = await _open(group)
    await agent.away()
    await group.admin.request("DELETE", f"/api/blacklist/{listed['id']}")
    await agent.client.request("DELETE", f"/api/callbacks/{request['id']}")
    await group.until_entity(callbacks=0)
    cancelled = (await group.admin.get(f"/api/callbacks?state=cancelled&group_id={group.id}"))["items"]
    assert [one["id"] for one in cancelled] == [request["id"]]


@pytest.mark.parametrize("closed", ["hours", "window"])
@pytest.mark.feature("P-13")
async def test_nobody_is_called_back_outside_the_hours_of_the_number_or_the_dial_window(
    site: Installation, offered: tuple[Line, Agent], closed: str
) -> None:
    """The request waits meanwhile, keeps its place and is called as soon as it may be."""
    group, agent = offered
    await _asks(group, CALLER)
    other = await group.admin.post("/api/numbers", {"number": "02160019902", "group_id": group.id})
    try:
        async with _closed(site, group, closed):
            before = len(await _calls_to(group, CALLER))
            await agent.ready()
            # Whoever came after the request is served: the agent was free, and was not given the request.
            await site.carrier.call_in("02160019902", "13900000405", seconds=2)
            await group.row("13900000405", disposition="ANSWERED")
            assert len(await _calls_to(group, CALLER)) == before
            (request,) = await _open(group)
            assert (request["state"], request["attempts"]) == ("waiting", 0)
        await _called(group, agent, CALLER)
        await site.carrier.hangup(CALLER)
        await group.until_entity(callbacks=0)
    finally:
        await group.admin.request("DELETE", f"/api/numbers/{other['id']}")


@contextlib.asynccontextmanager
async def _closed(site: Installation, group: Line, what: str) -> AsyncIterator[None]:
    """The group's own number is outside its business hours, or everybody outside the company's dial window."""
    if what == "hours":
        hours = await group.admin.post("/api/hours", {"name": "休息", "weekly": {}})
        assert not hours["open_now"]
        path = f"/api/numbers/{group.number_id}"
        await group.admin.request("PATCH", path, {"hours_id": hours["id"]})
        yield
        await group.admin.request("PATCH", path, {"hours_id": None})
        await group.admin.request("DELETE", f"/api/hours/{hours['id']}")
        return
    before = await group.admin.get("/api/settings/company")
    local = utcnow().astimezone(ZoneInfo(before["time_zone"]))
    later = {"start": f"{local.hour + 1:02d}:{local.minute:02d}", "end": "21:30"}
    await group.admin.put("/api/settings/company", before | {"dial_window": later})
    yield
    await group.admin.put("/api/settings/company", before)
