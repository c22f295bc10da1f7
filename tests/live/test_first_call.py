"""A call out and a call in on the real thing, and everything each must leave behind."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import pytest

from callcenter.demo.client import Failed, Live
from callcenter.domain.numbers import normalise
from callcenter.pbx.tones import hears
from tests.live.installation import INBOUND, Agent, Installation, direct_number

pytestmark = pytest.mark.live


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


def _leg(found: dict[str, Any], role: str) -> dict[str, Any]:
    leg: dict[str, Any] = next(one for one in found["legs"] if one["role"] == role)
    return leg


async def _shown(board: Live, agent: Agent, state: str) -> None:
    """Waits until the supervisor's dashboard shows the agent in that state."""
    key = str(agent.employee_id)
    await board.wait(lambda live: live.entities["agent"][key]["state"] == state, why=f"the dashboard to show {state}")


async def _customer_id(agent: Agent, name: str) -> int:
    found = await agent.client.get(f"/api/customers?q={name}")
    return int(found["items"][0]["id"])


@pytest.mark.feature("T-23", "V-01")
async def test_click_to_dial_a_customer(site: Installation) -> None:
    """Both hear each other; the call is logged with its customer, recorded in full length and charged exactly."""
    agent = await site.agent(0)
    customer_id = await _customer_id(agent, "王芳")
    before = (await agent.client.get("/api/me/minutes"))["minutes_left"]
    call_id = await agent.client.dial("13800000001", customer_id=customer_id, source="customer")
    talking = await agent.wait_state(call_id, "talking")
    assert talking["customer"] == {"id": customer_id, "name": "王芳"}
    assert await agent.state() == "busy"
    await asyncio.sleep(3)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    ended = await agent.wait_ended(call_id)
    assert (ended["end_reason"], ended["needs_note"]) == ("agent_hung_up", True)
    await site.carrier.quiet(15)
    assert hears(site.carrier.heard("13800000001")[-1], agent.tone)
    assert hears(site.carrier.heard(agent.phone)[-1], 600)

    found = await site.recorded(agent.client, call_id)
    call, leg = found["call"], _leg(found, "customer")
    assert (call["disposition"], call["source"], call["mode"]) == ("ANSWERED", "customer", "direct")
    assert call["customer"]["id"] == customer_id
    assert call["minutes_charged"] == 1
    assert call["talk_seconds"] == int(_seconds(leg["answered_at"], leg["ended_at"]))
    assert call["recording"]["state"] == "ready"
    talked = _seconds(leg["answered_at"], leg["ended_at"])
    assert abs(call["recording"]["duration"] - talked) <= 0.3
    audio = await agent.client.get(f"/api/calls/{call_id}/recording")
    assert audio[:4] == b"OggS"
    wave = await agent.client.get(f"/api/calls/{call_id}/recording/waveform")
    assert max(wave["peaks"]["customer"]) > 0.05
    assert max(wave["peaks"]["agent"]) > 0.05
    assert (await agent.client.get("/api/me/minutes"))["minutes_left"] == before - 1

    # The agent of the call notes the result: it stands on the call and on the customer's timeline.
    saved = await agent.client.put(
        f"/api/calls/{call_id}/note", {"result": "connected_interested", "note": "周五签合同"}
    )
    assert (saved["result"], saved["note"]) == ("connected_interested", "周五签合同")
    timeline = await agent.client.get(f"/api/customers/{customer_id}/timeline")
    entry = next(one for one in timeline["items"] if one["kind"] == "call" and one["call"]["id"] == call_id)
    assert entry["call"]["note"] == "周五签合同"


@pytest.mark.feature("T-02")
async def test_a_typed_number_is_logged_as_manual_without_customer(site: Installation) -> None:
    agent = await site.agent(0)
    call_id = await agent.client.dial("138 0000 0004")
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    call = (await site.settled(agent.client, call_id))["call"]
    assert (call["source"], call["customer"], call["called_number"]) == ("manual", None, "+8613800000004")


@pytest.mark.feature("V-02")
@pytest.mark.parametrize(
    ("number", "disposition", "reason"),
    [
        ("13800000021", "BUSY", "customer_busy"),
        ("13800000020", "NO ANSWER", "customer_no_answer"),
        ("13800000022", "NO ANSWER", "customer_rejected"),
        ("13800000024", "FAILED", "number_invalid"),
        ("13800000025", "CONGESTION", "network_failed"),
    ],
)
async def test_a_customer_who_is_not_reached_costs_nothing(
    site: Installation, number: str, disposition: str, reason: str
) -> None:
    agent = await site.agent(0)
    before = await agent.client.get("/api/me/minutes")
    call_id = await agent.client.dial(number)
    ended = await agent.wait_ended(call_id)
    assert (ended["disposition"], ended["end_reason"]) == (disposition, reason)
    found = await site.settled(agent.client, call_id)
    assert (found["call"]["minutes_charged"], found["call"]["talk_seconds"]) == (0, 0)
    after = await agent.client.get("/api/me/minutes")
    assert (after["minutes_left"], after["minutes_reserved"]) == (before["minutes_left"], 0)


async def test_an_agent_who_does_not_pick_up_costs_nothing_and_dials_nobody(site: Installation) -> None:
    agent = await site.agent(0, answer_after=None)
    heard = len(site.carrier.heard("13800000001"))
    call_id = await agent.client.dial("13800000001")
    ended = await agent.wait_ended(call_id)
    assert ended["end_reason"] == "agent_no_answer"
    assert (await site.settled(agent.client, call_id))["call"]["minutes_charged"] == 0
    assert len(site.carrier.heard("13800000001")) == heard


@pytest.mark.feature("T-14", "T-18")
async def test_a_call_in_pops_before_it_is_answered(site: Installation) -> None:
    """Known caller: name, open notes; the note is saved on the record; a busy agent is not offered the call."""
    busy, agent = await site.agent(1), await site.agent(2, answer_after=1.5)
    board = await (await site.client("supervisor")).live()
    await agent.ready()
    await _shown(board, agent, "ready")
    pops, others = len(agent.live.events("pop")), len(busy.live.events("pop"))
    call = await site.carrier.call_in(INBOUND, "13900000001", 650, seconds=5)
    pop = await agent.next_pop(pops)
    ringing = await agent.wait_state(pop["call_id"], "ringing_agent", "talking")
    assert ringing["state"] == "ringing_agent"
    assert pop["customer"]["name"] == "李建国"
    assert [note["text"] for note in pop["open_notes"]] == ["要求周一回访"]
    await agent.wait_state(pop["call_id"], "talking")
    assert await agent.state() == "busy"
    await _shown(board, agent, "busy")
    await agent.client.put(f"/api/calls/{pop['call_id']}/note", {"result": "connected_follow_up", "note": "要报价"})
    ended = await agent.wait_ended(pop["call_id"])
    assert ended["end_reason"] == "customer_hung_up"
    await site.carrier.quiet(15)
    assert hears(call.heard, agent.tone)
    assert hears(site.carrier.heard(agent.phone)[-1], 650)
    found = await site.recorded(agent.client, pop["call_id"])
    row, leg = found["call"], _leg(found, "customer")
    assert (row["note"], row["minutes_charged"], row["employee"]["id"]) == ("要报价", 0, agent.employee_id)
    assert abs(row["recording"]["duration"] - _seconds(leg["answered_at"], leg["ended_at"])) <= 0.3
    assert len(busy.live.events("pop")) == others
    timeline = await agent.client.get(f"/api/customers/{pop['customer']['id']}/timeline")
    assert any(one["kind"] == "call" and one["call"]["id"] == pop["call_id"] for one in timeline["items"])
    await agent.away()


async def test_an_unknown_caller_pops_without_a_customer(site: Installation) -> None:
    agent = await site.agent(2, answer_after=0.5)
    await agent.ready()
    pops = len(agent.live.events("pop"))
    await site.carrier.call_in(INBOUND, "13911112222", 650, seconds=2)
    pop = await agent.next_pop(pops)
    assert (pop["customer"], pop["number"]) == (None, "+8613911112222")
    await agent.wait_ended(pop["call_id"])
    await agent.away()


@pytest.mark.feature("T-18")
async def test_the_agent_who_has_been_idle_longest_is_rung_first(site: Installation) -> None:
    first, second = await site.agent(3), await site.agent(4)
    await first.ready()
    await second.ready()
    for expected, other in ((first, second), (second, first), (first, second)):
        pops = len(expected.live.events("pop")), len(other.live.events("pop"))
        await site.carrier.call_in(INBOUND, "13911112222", 650, seconds=2)
        pop = await expected.next_pop(pops[0])
        assert len(other.live.events("pop")) == pops[1]
        await expected.wait_ended(pop["call_id"])
        await expected.wait_self("ready")
    await first.away()
    await second.away()


async def test_a_call_that_nobody_takes_is_missed_by_whom_it_rang(site: Installation) -> None:
    agent = await site.agent(2, answer_after=None)
    await agent.ready()
    pops = len(agent.live.events("pop"))
    call = await site.carrier.call_in(INBOUND, "13911112222", 650, seconds=30)
    pop = await agent.next_pop(pops)
    await agent.wait_state(pop["call_id"], "ringing_agent")
    await site.carrier.hangup(call.channel_id)
    ended = await agent.wait_ended(pop["call_id"])
    assert (ended["disposition"], ended["end_reason"]) == ("NO ANSWER", "abandoned")
    missed = await agent.client.get("/api/calls?direction=inbound&disposition=NO%20ANSWER")
    assert pop["call_id"] in [row["id"] for row in missed["items"]]
    await agent.away()


async def test_keys_are_taken_in_a_talking_call_and_wrong_ones_refused(site: Installation) -> None:
    """Asterisk accepts the key; that the far end understands it is not shown here."""
    agent = await site.agent(0)
    call_id = await agent.client.dial("13800000050")
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/dtmf", {"digits": "5"})
    with pytest.raises(Failed, match="digits_invalid"):
        await agent.client.post(f"/api/calls/{call_id}/dtmf", {"digits": "5x"})
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)


@pytest.mark.feature("V-01")
async def test_six_calls_of_twelve_seconds_cost_six_minutes(site: Installation) -> None:
    """SPEC C16-1, with real calls."""
    agents = [await site.agent(index) for index in range(6)]
    before = [(await one.client.get("/api/me/minutes"))["minutes_left"] for one in agents]

    async def talk(agent: Agent) -> dict[str, Any]:
        call_id = await agent.client.dial("13800000002")
        await agent.wait_state(call_id, "talking")
        await asyncio.sleep(12)
        await agent.client.post(f"/api/calls/{call_id}/hangup")
        await agent.wait_ended(call_id)
        row: dict[str, Any] = (await site.settled(agent.client, call_id))["call"]
        return row

    rows = await asyncio.gather(*(talk(one) for one in agents))
    assert [row["talk_seconds"] for row in rows] == [12] * 6
    assert sum(row["minutes_charged"] for row in rows) == 6
    after = [(await one.client.get("/api/me/minutes"))["minutes_left"] for one in agents]
    assert [one - two for one, two in zip(before, after, strict=True)] == [1] * 6


@pytest.mark.feature("T-22")
async def test_the_call_log_has_its_thirteen_columns_and_its_scope(site: Installation) -> None:
    agent, other = await site.agent(0), await site.agent(1)
    call_id = await agent.client.dial("13800000030")
    await agent.wait_ended(call_id, 30)
    await site.settled(agent.client, call_id)
    row = next(one for one in (await agent.client.get("/api/calls"))["items"] if one["id"] == call_id)
    columns = {
        "caller_number",
        "employee",
        "called_number",
        "customer",
        "task",
        "company_name",
        "started_at",
        "talk_seconds",
        "recording",
    }
    assert columns <= row.keys()
    assert (row["caller_number"], row["called_number"]) == (normalise(direct_number(0)), "+8613800000030")
    assert row["talk_seconds"] == 5
    supervisor = await site.client("supervisor")
    known = (await supervisor.get("/api/customers?q=王芳"))["items"]
    assert {"progress", "level", "source"} <= known[0].keys()
    assert call_id not in [one["id"] for one in (await other.client.get("/api/calls"))["items"]]
    assert call_id in [one["id"] for one in (await supervisor.get("/api/calls"))["items"]]
