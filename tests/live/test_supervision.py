"""Listening, whispering, barging in, taking over and ending calls: who hears it, who is told, who may (P-05)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import update

from callcenter.pbx.tones import hears
from callcenter.store.tables.people import employee
from tests.live.calls import CUSTOMER, CUSTOMER_HZ, consulting, leg_of, over, refused
from tests.live.calls import talking as talk
from tests.live.installation import Agent, Installation

pytestmark = pytest.mark.live


async def _boss(site: Installation) -> Agent:
    return await site.agent(3, login="supervisor", tone_index=7)


async def _shown(site: Installation, on: bool) -> None:
    admin = await site.client("admin")
    current = await admin.get("/api/settings/company")
    await admin.put("/api/settings/company", current | {"supervision_shown": on})


async def _audited(site: Installation, call_id: str) -> list[str]:
    admin = await site.client("admin")
    found = (await admin.get("/api/audit?action=call.&page_size=200"))["items"]
    return [one["action"] for one in found if one["object"] == call_id]


def _told(agent: Agent, call_id: str) -> list[str]:
    """Everything the agent's screen was ever sent of supervisors in that call."""
    found = []
    for seen in agent.live.seen:
        for _, key, value in seen.message.get("set", ()):
            if key != call_id:
                continue
            found += [leg["role"] for leg in value.get("legs", ()) if leg["role"] == "supervisor"]
    return found


@pytest.mark.feature("P-05")
async def test_a_supervisor_whispers_to_the_agent_alone_and_barges_in(site: Installation) -> None:
    boss = await _boss(site)
    agent, call_id = await talk(site)
    path = f"/api/calls/{call_id}/supervise"
    await boss.client.post(path, {"mode": "whisper"})
    await leg_of(boss, call_id, "supervisor", place="whisper")
    await asyncio.sleep(3)
    await boss.client.post(path, {"mode": "barge"})
    await leg_of(boss, call_id, "supervisor", place="barge")
    await asyncio.sleep(3)
    assert await refused(boss.client, f"/api/calls/{call_id}/move", {"move": "hold"}) == "move_not_possible"
    await boss.client.post(f"/api/calls/{call_id}/hangup")
    await leg_of(boss, call_id, "supervisor", state="null")
    await agent.wait_state(call_id, "talking")
    await site.carrier.hangup(CUSTOMER)
    assert (await agent.wait_ended(call_id))["end_reason"] == "customer_hung_up"
    await over(site, agent, call_id)
    customer, heard = site.carrier.heard(CUSTOMER)[-1], site.carrier.heard(agent.phone)[-1]
    assert hears(heard, boss.tone, 5.0), "the agent hears whisper and barge"
    assert hears(customer, boss.tone, 2.0) and not hears(customer, boss.tone, 4.5), "the customer the barge only"
    assert hears(site.carrier.heard(boss.phone)[-1], CUSTOMER_HZ, 4.0)
    assert sorted(await _audited(site, call_id)) == ["call.barge", "call.hang_up", "call.whisper"]
    assert _told(agent, call_id) == [], "nothing of it reaches the agent's screen"


@pytest.mark.feature("P-05")
async def test_a_company_may_show_its_agents_who_listens(site: Installation) -> None:
    await _shown(site, True)
    try:
        boss = await _boss(site)
        agent, call_id = await talk(site)
        await boss.client.post(f"/api/calls/{call_id}/supervise", {"mode": "listen"})
        seen = await leg_of(agent, call_id, "supervisor", place="listen")
        assert (seen["employee_id"], seen["name"]) == (boss.employee_id, "supervisor")
        await boss.client.post(f"/api/calls/{call_id}/supervise", {"mode": "whisper"})
        await leg_of(agent, call_id, "supervisor", place="whisper")
        await agent.client.post(f"/api/calls/{call_id}/hangup")
        await agent.wait_ended(call_id)
        await over(site, agent, call_id)
    finally:
        await _shown(site, False)


@pytest.mark.feature("P-05")
async def test_a_supervisor_ends_a_call_for_everybody(site: Installation) -> None:
    """Also one whose customer waits on hold; the reason is in the log, and the use in the audit log."""
    boss = await _boss(site)
    agent, call_id = await consulting(site)
    await boss.client.post(f"/api/calls/{call_id}/hangup")
    assert (await agent.wait_ended(call_id))["end_reason"] == "supervisor_hung_up"
    found = await over(site, agent, call_id)
    assert found["call"]["end_reason"] == "supervisor_hung_up"
    assert await _audited(site, call_id) == ["call.end"]
    assert await site.carrier.parties() == []


@pytest.mark.feature("P-05")
async def test_a_supervisor_of_another_department_can_do_nothing(site: Installation) -> None:
    boss = await _boss(site)
    agent, call_id = await talk(site)
    await _move_to(site, boss, None)
    try:
        for path, body in (("supervise", {"mode": "listen"}), ("supervise", {"mode": "take_over"}), ("hangup", {})):
            assert await refused(boss.client, f"/api/calls/{call_id}/{path}", body) == "call_not_found"
        stranger = await site.agent(1)
        assert await refused(stranger.client, f"/api/calls/{call_id}/hangup", {}) == "call_not_found"
        await agent.wait_state(call_id, "talking")
    finally:
        await _move_to(site, boss, await _department(site))
    assert await _audited(site, call_id) == []
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    await over(site, agent, call_id)


async def _department(site: Installation) -> int:
    admin = await site.client("admin")
    found: list[dict[str, Any]] = await admin.get("/api/departments")
    return int(found[0]["id"])


async def _move_to(site: Installation, boss: Agent, department_id: int | None) -> None:
    mine = (employee.c.company_id == site.company_id, employee.c.id == boss.employee_id)
    async with site.database.write() as connection:
        await connection.execute(update(employee).where(*mine).values(department_id=department_id))
