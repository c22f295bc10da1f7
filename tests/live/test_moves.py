"""Moves of a call through the API: one call, one log row, every outside leg charged, nobody left hanging."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callcenter.pbx.tones import hears
from tests.live.calls import (
    CUSTOMER,
    CUSTOMER_HZ,
    THIRD,
    THIRD_HZ,
    consulting,
    leg_of,
    minutes,
    move,
    over,
    refused,
    talking,
)
from tests.live.installation import INBOUND, Installation

pytestmark = pytest.mark.live


async def test_hold_and_resume_from_the_screen(site: Installation) -> None:
    agent, call_id = await talking(site)
    await move(agent, call_id, "hold")
    await agent.wait_state(call_id, "held")
    await asyncio.sleep(2)
    await move(agent, call_id, "resume")
    await agent.wait_state(call_id, "talking")
    await asyncio.sleep(1.5)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await over(site, agent, call_id)
    assert minutes(found)["customer"] == 1
    recorded = await site.recorded(agent.client, call_id)
    assert recorded["call"]["recording"]["state"] == "ready"


async def test_a_consultation_is_cancelled(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await move(agent, call_id, "cancel")
    await agent.wait_state(call_id, "talking")
    await leg_of(agent, call_id, "third", state="null")
    await asyncio.sleep(1)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await over(site, agent, call_id)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


async def test_an_attended_transfer_leaves_customer_and_third_talking(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await move(agent, call_id, "complete")
    await agent.wait_self("not_ready")
    await leg_of(agent, call_id, "third", place="talking")
    await asyncio.sleep(3)
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(CUSTOMER)[-1], THIRD_HZ)
    assert hears(site.carrier.heard(THIRD)[-1], CUSTOMER_HZ)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


@pytest.mark.feature("T-20", "P-04")
async def test_three_talk_and_two_go_on(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await move(agent, call_id, "conference")
    await leg_of(agent, call_id, "customer", place="talking")
    await asyncio.sleep(3)
    third = await leg_of(agent, call_id, "third", state="connected")
    await agent.client.post(f"/api/calls/{call_id}/legs/{third['id']}/drop")
    await leg_of(agent, call_id, "third", state="null")
    assert (await agent.wait_state(call_id, "talking"))["id"] == call_id
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await over(site, agent, call_id)
    for party, tones in (
        (CUSTOMER, (agent.tone, THIRD_HZ)),
        (THIRD, (agent.tone, CUSTOMER_HZ)),
        (agent.phone, (CUSTOMER_HZ, THIRD_HZ)),
    ):
        for tone in tones:
            assert hears(site.carrier.heard(party)[-1], tone), (party, tone)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


async def test_a_blind_transfer_to_a_colleague_by_the_seat_code(site: Installation) -> None:
    """The panel of any agent names the colleague; the code typed as a number rings the colleague, and nothing else."""
    colleague = await site.agent(1)
    agent, call_id = await talking(site)
    named = (await agent.client.get("/api/transfer-targets"))["people"]
    found = next(one for one in named if one["id"] == colleague.employee_id)
    assert found["reach"] == "free"
    await agent.client.post(f"/api/calls/{call_id}/transfer", {"number": found["extension"]})
    await agent.wait_self("not_ready")
    await colleague.wait_self("busy")
    await asyncio.sleep(2)
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(CUSTOMER)[-1], colleague.tone)
    assert minutes(found)["customer"] == 1
    assert sum(minutes(found).values()) == 1
    await colleague.wait_self("not_ready")


async def test_an_inbound_call_is_consulted_and_passed_on(site: Installation) -> None:
    agent = await site.agent(2)
    await agent.ready()
    pops = len(agent.live.events("pop"))
    caller = await site.carrier.call_in(INBOUND, "13911112222", 650, seconds=60)
    call_id = (await agent.next_pop(pops))["call_id"]
    await agent.wait_state(call_id, "talking")
    await agent.away()
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": THIRD})
    await leg_of(agent, call_id, "third", state="connected")
    await move(agent, call_id, "complete")
    await leg_of(agent, call_id, "third", place="talking")
    await asyncio.sleep(2.5)
    await site.carrier.hangup(caller.channel_id)
    found = await over(site, agent, call_id)
    assert hears(caller.heard, THIRD_HZ)
    # The caller pays nothing of ours; the leg we dialled is charged.
    assert minutes(found) == {"customer": 0, "agent": 0, "third": 1}


async def test_a_move_that_is_not_possible_says_so_and_breaks_nothing(site: Installation) -> None:
    agent, call_id = await talking(site)
    path = f"/api/calls/{call_id}"
    for one in ("complete", "cancel", "swap", "conference"):
        assert await refused(agent.client, f"{path}/move", {"move": one}) == "move_not_possible"
    assert await refused(agent.client, f"{path}/consult", {"number": "12"}) == "number_invalid"
    assert await refused(agent.client, f"{path}/consult", {}) == "target_invalid"
    assert await refused(agent.client, f"{path}/consult", {"employee_id": 9999}) == "employee_unknown"
    stranger = await site.agent(1)
    assert await refused(stranger.client, f"{path}/move", {"move": "hold"}) == "call_not_found"
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"{path}/hangup")
    await agent.wait_ended(call_id)
    await over(site, agent, call_id)


async def test_a_busy_third_party_gives_the_customer_back(site: Installation) -> None:
    agent, call_id = await talking(site)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": "13800000021"})
    await leg_of(agent, call_id, "third", state="failed")
    await leg_of(agent, call_id, "customer", place="talking", state="connected")
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await over(site, agent, call_id)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 0}


@pytest.mark.feature("T-19")
async def test_a_call_is_passed_on_to_a_typed_number(site: Installation) -> None:
    agent, call_id = await talking(site)
    await agent.client.post(f"/api/calls/{call_id}/transfer", {"number": THIRD})
    await leg_of(agent, call_id, "third", state="connected")
    await agent.wait_self("not_ready")
    await asyncio.sleep(2)
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(CUSTOMER)[-1], THIRD_HZ)
    assert hears(site.carrier.heard(THIRD)[-1], CUSTOMER_HZ)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


@pytest.mark.feature("P-03")
async def test_a_blind_transfer_that_nobody_answers_comes_back(site: Installation) -> None:
    colleague = await site.agent(1, answer_after=None)
    agent, call_id = await talking(site)
    first = await leg_of(agent, call_id, "agent", state="connected")
    await agent.client.post(f"/api/calls/{call_id}/transfer", {"employee_id": colleague.employee_id})
    await leg_of(agent, call_id, "third", state="failed")

    def back(live: Any) -> bool:
        legs = (live.entities["call"].get(call_id) or {"legs": []})["legs"]
        mine = [leg for leg in legs if leg["employee_id"] == agent.employee_id and leg["id"] != first["id"]]
        return any(leg["state"] == "connected" for leg in mine)

    await agent.live.wait(back, 40, "the call to come back")
    await agent.wait_state(call_id, "talking")
    assert await agent.state() == "busy"
    await asyncio.sleep(1.5)
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(agent.phone)[-1], CUSTOMER_HZ)
    assert found["call"]["minutes_charged"] == 1
    assert found["call"]["employee"]["id"] == agent.employee_id


@pytest.mark.feature("P-04")
async def test_the_agent_leaves_a_three_way_call_and_the_others_go_on(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await move(agent, call_id, "conference")
    await leg_of(agent, call_id, "customer", place="talking")
    await asyncio.sleep(1.5)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_self("not_ready")
    await asyncio.sleep(3)
    board = await (await site.client("supervisor")).live()
    assert board.entities["call"][call_id]["state"] == "talking"
    await site.carrier.hangup(THIRD)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(CUSTOMER)[-1], THIRD_HZ, min_seconds=3)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


@pytest.mark.feature("P-04")
async def test_the_customer_is_dropped_and_agent_and_third_go_on(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await move(agent, call_id, "conference")
    customer = await leg_of(agent, call_id, "customer", place="talking")
    await asyncio.sleep(1)
    await agent.client.post(f"/api/calls/{call_id}/legs/{customer['id']}/drop")
    await leg_of(agent, call_id, "customer", state="null")
    await asyncio.sleep(3)
    assert THIRD in await site.carrier.parties()
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(agent.phone)[-1], THIRD_HZ, min_seconds=3)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


async def test_the_agent_swaps_between_customer_and_third(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await move(agent, call_id, "swap")
    await leg_of(agent, call_id, "customer", place="talking")
    await leg_of(agent, call_id, "third", place="held")
    await asyncio.sleep(2)
    await move(agent, call_id, "swap")
    await leg_of(agent, call_id, "customer", place="held")
    await leg_of(agent, call_id, "third", place="talking")
    await asyncio.sleep(2)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_self("not_ready")
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


async def test_a_supervisor_listens_whispers_and_takes_over(site: Installation) -> None:
    """Whisper is heard by the agent only; every use is in the audit log; other agents may not."""
    boss = await site.agent(3, login="supervisor", tone_index=7)
    agent, call_id = await talking(site)
    path = f"/api/calls/{call_id}/supervise"
    assert await refused(agent.client, path, {"mode": "listen"}) == "forbidden"
    await boss.client.post(path, {"mode": "listen"})
    await leg_of(boss, call_id, "supervisor", place="listen")
    await asyncio.sleep(2)
    await boss.client.post(path, {"mode": "whisper"})
    await leg_of(boss, call_id, "supervisor", place="whisper")
    await asyncio.sleep(3)
    # Listening or whispering, the supervisor is no party: the dashboard's call has the same two who talk.
    assert (await boss.wait_state(call_id, "talking"))["state"] == "talking"
    await boss.client.post(path, {"mode": "take_over"})
    await leg_of(boss, call_id, "supervisor", place="talking")
    await agent.wait_self("not_ready")
    await asyncio.sleep(3)
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(boss.phone)[-1], CUSTOMER_HZ, min_seconds=4)
    assert hears(site.carrier.heard(agent.phone)[-1], boss.tone)
    customer_heard = site.carrier.heard(CUSTOMER)[-1]
    assert hears(customer_heard, agent.tone, min_seconds=4)
    assert hears(customer_heard, boss.tone, min_seconds=2)
    assert not hears(customer_heard, boss.tone, min_seconds=5)
    assert found["call"]["minutes_charged"] == 1
    admin = await site.client("admin")
    actions = [one["action"] for one in (await admin.get("/api/audit?action=call."))["items"]]
    assert {"call.listen", "call.whisper", "call.take_over"} <= set(actions)
