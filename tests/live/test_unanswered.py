"""Who does not answer several calls in a row is not ready any more, and who watches is told; who answers stays."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from callcenter.demo.client import Live
from tests.live.calls import leg_of, over
from tests.live.calls import talking as talk
from tests.live.installation import Agent, Installation
from tests.live.lines import Line, line, ringing

pytestmark = pytest.mark.live

CALLER, SECOND, THIRD = "13900000501", "13900000502", "13900000503"


@contextlib.asynccontextmanager
async def _limit(site: Installation, calls: int) -> AsyncIterator[None]:
    admin = await site.client("admin")
    before = await admin.get("/api/settings/company")
    await admin.put("/api/settings/company", before | {"unanswered_limit": calls})
    try:
        yield
    finally:
        await admin.put("/api/settings/company", before)


def _told(live: Live, agent: Agent) -> list[dict[str, Any]]:
    """What a screen was told of this agent's unanswered calls."""
    data: list[dict[str, Any]] = [seen.message["data"] for seen in live.events("agent_unanswered")]
    return [one for one in data if one["employee"]["id"] == agent.employee_id]


async def _rings_in_vain(site: Installation, group: Line, agent: Agent, caller: str) -> None:
    """The agent's phone is rung once for that caller, until the queue's patience ends; then the caller gives up."""
    call = await group.call_in(caller, seconds=60)
    waiting = (await group.waiting(caller))["id"]
    await group.board.wait(lambda live: agent.employee_id in ringing(live, waiting), 15, "the phone to ring")
    await group.board.wait(lambda live: agent.employee_id not in ringing(live, waiting), 15, "the ringing to end")
    await site.carrier.hangup(call.channel_id)
    await group.row(caller, end_reason="abandoned")
    await site.carrier.quiet()


async def test_who_lets_calls_ring_in_vain_is_not_ready_any_more_and_who_watches_is_told(site: Installation) -> None:
    absent, bystander = await site.agent(0, answer_after=None), await site.agent(1)
    boss = await (await site.client("supervisor")).live()
    async with _limit(site, 2), line(site, absent, ring_seconds=3) as group:
        await absent.ready()
        call = await group.call_in(CALLER, seconds=60)
        told = await absent.live.wait(lambda live: _told(live, absent), 40, "the agent to be told")
        assert [(one["employee"]["name"], one["calls"]) for one in told] == [("坐席0", 2)]
        entity = absent.live.entities["agent"][str(absent.employee_id)]
        assert (entity["state"], entity["reason"], entity["set_by"]) == ("not_ready", "no_answer", None)
        await boss.wait(lambda live: _told(live, absent), why="the supervisor to be told")
        key = str(absent.employee_id)
        assert boss.entities["agent"][key]["reason"] == "no_answer", "and sees why"
        assert not _told(bystander.live, absent), "colleagues are not"
        await group.members()
        waiting = await group.waiting(CALLER)
        assert waiting["state"] == "queued", "the caller goes on waiting for others"
        await site.carrier.hangup(call.channel_id)
        states = (await group.admin.get(f"/api/employees/{absent.employee_id}/states"))["items"]
        assert (states[-1]["state"], states[-1]["reason"], states[-1]["by"]) == ("not_ready", "no_answer", None)
        await absent.ready()
        await absent.wait_self("ready")


async def test_an_answered_call_a_caller_who_gives_up_and_a_limit_of_none_leave_an_agent_ready(
    site: Installation,
) -> None:
    agent = await site.agent(0, answer_after=None)
    known = len(_told(agent.live, agent))
    async with line(site, agent, ring_seconds=3) as group:
        async with _limit(site, 2):
            await agent.ready()
            await agent.wait_self("ready")
            await _rings_in_vain(site, group, agent, CALLER)
            # A caller who hangs up at the first ring was not left unanswered.
            call = await group.call_in(SECOND, seconds=60)
            waiting = (await group.waiting(SECOND))["id"]
            await group.board.wait(lambda live: agent.employee_id in ringing(live, waiting), 15, "the phone to ring")
            await site.carrier.hangup(call.channel_id)
            await group.row(SECOND, end_reason="abandoned")
            # An answered call: what rang in vain before counts no more.
            await site.carrier.set_phone(agent.phone, answer_after=0.2)
            await group.call_in(THIRD, seconds=1)
            await group.row(THIRD, disposition="ANSWERED")
            await agent.wait_self("ready")
            await site.carrier.set_phone(agent.phone, answer_after=None)
            await _rings_in_vain(site, group, agent, CALLER)
            assert await agent.state() == "ready" and len(_told(agent.live, agent)) == known
            # A colleague's transfer is a call like any other: the second one in a row.
            colleague, call_id = await talk(site, 1)
            await colleague.client.post(f"/api/calls/{call_id}/transfer", {"employee_id": agent.employee_id})
            await agent.live.wait(lambda live: len(_told(live, agent)) > known, 40, "the agent to be told")
            await colleague.wait_state(call_id, "talking", timeout=40)
            await leg_of(colleague, call_id, "agent", state="connected")
            await colleague.client.post(f"/api/calls/{call_id}/hangup")
            await over(site, colleague, call_id)
        async with _limit(site, 0):
            await agent.ready()
            await agent.wait_self("ready")
            for caller in (CALLER, SECOND, THIRD):
                await _rings_in_vain(site, group, agent, caller)
            assert await agent.state() == "ready"
            assert len(_told(agent.live, agent)) == known + 1
