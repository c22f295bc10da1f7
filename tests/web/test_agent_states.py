"""Agent states over time, a supervisor's word on them, and more time after a call (P-06)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.domain.terms import AgentState
from callcenter.store.base import utcnow
from callcenter.store.tables.people import audit
from tests.web.support import Browser, Site


async def choose(browser: Browser, state: str, reason: str = "") -> None:
    answer = await browser.ask("PUT", "/api/me/state", {"state": state, "reason": reason})
    assert answer.status == 200, answer.raw


async def force(browser: Browser, agent_id: int, state: str, reason: str = "") -> Any:
    return await browser.ask("POST", f"/api/agents/{agent_id}/state", {"state": state, "reason": reason})


@pytest.mark.feature("P-06")
async def test_the_history_tells_each_state_and_how_long_it_lasted(site: Site) -> None:
    agent_id = site.world.own.people["agent"]
    async with site.browser("agent") as agent, site.browser("supervisor") as boss:
        await choose(agent, "not_ready", "signed_in")
        await choose(agent, "ready")
        await choose(agent, "not_ready", "meal")
        mine = (await agent.get("/api/me/states")).json
        assert [(one["state"], one["reason"]) for one in mine["items"][-3:]] == [
            ("not_ready", "signed_in"),
            ("ready", ""),
            ("not_ready", "meal"),
        ]
        assert mine["items"][-1]["until"] is None and mine["items"][-2]["until"] == mine["items"][-1]["at"]
        assert set(mine["totals"]) >= {"ready", "not_ready"}
        seen = (await boss.get(f"/api/employees/{agent_id}/states")).json
        assert [one["at"] for one in seen["items"]] == [one["at"] for one in mine["items"]]
        later = (utcnow() + timedelta(minutes=1)).isoformat()
        assert (await agent.get("/api/me/states", params={"from": later})).code == "invalid"
        long_ago = (utcnow() - timedelta(days=40)).isoformat()
        assert (await agent.get("/api/me/states", params={"from": long_ago})).code == "invalid"


async def test_a_state_that_began_before_the_period_counts_from_its_beginning(site: Site) -> None:
    async with site.browser("agent") as agent:
        await choose(agent, "not_ready", "signed_in")
        start = utcnow().isoformat()
        await choose(agent, "ready")
        found = (await agent.get("/api/me/states", params={"from": start})).json["items"]
        assert [one["state"] for one in found] == ["not_ready", "ready"]
        assert found[0]["seconds"] == 0


@pytest.mark.feature("P-06")
async def test_a_supervisor_forces_a_state_and_the_agent_is_told_by_whom(site: Site) -> None:
    own = site.world.own
    agent_id, boss_id = own.people["agent"], own.people["supervisor"]
    async with site.browser("agent") as agent, site.browser("supervisor") as boss:
        await choose(agent, "ready")
        async with agent.http.ws_connect(agent.url + "/live") as live:
            await live.send_json({"type": "hello", "resume": None})
            await live.receive_json()
            answer = await force(boss, agent_id, "not_ready", "meeting")
            assert (answer.status, answer.json["state"], answer.json["reason"]) == (200, "not_ready", "meeting")
            while (message := await live.receive_json()).get("name") != "state_forced":
                if message["type"] == "delta":
                    agents = [entity for kind, _, entity in message["set"] if kind == "agent"]
                    assert all(entity["set_by"]["id"] == boss_id for entity in agents)
        assert message["data"] == {
            "state": "not_ready",
            "reason": "meeting",
            "by": {"id": boss_id, "name": "本域supervisor"},
            "at_once": True,
        }
        history = (await agent.get("/api/me/states")).json["items"]
        assert history[-1]["by"]["id"] == boss_id
        await choose(agent, "ready")
        assert (await agent.get("/api/me/states")).json["items"][-1]["by"] is None
    query = select(audit).where(audit.c.company_id == own.id, audit.c.action == "agent.state_forced")
    async with site.database.read() as connection:
        row = (await connection.execute(query)).one()
    assert (row.actor_id, row.object, row.details["state"]) == (boss_id, str(agent_id), "not_ready")


@pytest.mark.feature("P-06")
async def test_a_forced_log_out_holds(site: Site) -> None:
    agent_id = site.world.own.people["agent"]
    async with site.browser("agent") as agent, site.browser("supervisor") as boss:
        await choose(agent, "ready")
        assert (await force(boss, agent_id, "logged_out")).json["state"] == "logged_out"
        assert site.engine.core.registry.agents[agent_id].state is AgentState.LOGGED_OUT
        assert (await force(boss, agent_id, "ready")).code == "not_logged_in", "nobody is brought to a desk from afar"
        answer = await agent.ask("POST", "/api/calls", {"number": "13800000001"}, headers={"Idempotency-Key": "k"})
        assert answer.code == "not_logged_in"


@pytest.mark.feature("P-06")
async def test_a_forced_state_waits_for_the_end_of_the_call(site: Site) -> None:
    agent_id = site.world.own.people["agent"]
    agent = site.engine.core.registry.agents[agent_id]
    agent.state, agent.call_id = AgentState.BUSY, "some-call"
    async with site.browser("supervisor") as boss:
        assert (await force(boss, agent_id, "not_ready", "training")).json["state"] == "busy"
    assert (agent.after_call, agent.after_reason) == (AgentState.NOT_READY, "training")


async def test_who_may_not_force_whom(site: Site) -> None:
    own, foreign = site.world.own, site.world.foreign
    async with site.browser("supervisor") as boss, site.browser("agent") as agent:
        assert (await force(boss, own.people["other"], "not_ready", "break")).code == "not_found", "out of scope"
        assert (await force(boss, foreign.people["agent"], "not_ready", "break")).code == "not_found"
        assert (await force(agent, own.people["agent"], "not_ready", "break")).code == "forbidden"
        assert (await force(boss, own.people["agent"], "not_ready", "holiday")).code == "reason_unknown"
        assert (await boss.get(f"/api/employees/{own.people['other']}/states")).code == "not_found"


@pytest.mark.feature("P-06")
async def test_wrap_up_is_extended_up_to_ten_minutes(site: Site) -> None:
    agent = site.engine.core.registry.agents[site.world.own.people["agent"]]
    async with site.browser("agent") as browser:
        assert (await browser.ask("POST", "/api/me/wrap-up", {"seconds": 60})).code == "no_wrap_up"
        now = utcnow()
        agent.state, agent.since, agent.wrap_up_ends_at = AgentState.WORKING_AFTER_CALL, now, now
        answer = await browser.ask("POST", "/api/me/wrap-up", {"seconds": 60})
        assert answer.status == 200 and agent.wrap_up_ends_at is not None
        assert timedelta(seconds=55) < agent.wrap_up_ends_at - now < timedelta(seconds=65)
        for _ in range(3):
            await browser.ask("POST", "/api/me/wrap-up", {"seconds": 600})
        assert agent.wrap_up_ends_at == now + timedelta(minutes=10)
        await choose(browser, "ready")
        assert agent.wrap_up_ends_at is None, "choosing a state finishes it"


@pytest.mark.parametrize("seconds", [0, 9, 601, -5])
async def test_a_silly_extension_is_refused(site: Site, seconds: int) -> None:
    async with site.browser("agent") as browser:
        assert (await browser.ask("POST", "/api/me/wrap-up", {"seconds": seconds})).code == "invalid"
