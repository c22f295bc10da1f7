"""Every calling mode on the real thing: who is rung, who hears whom, what it costs and what it leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select

from callcenter.demo.client import Failed
from callcenter.domain.terms import Mode
from callcenter.pbx.tones import hears
from callcenter.store.tables.calls import call
from tests.live.calls import leg_of, move
from tests.live.installation import Agent, Installation, direct_number, outside_phone, telecom_number, until

pytestmark = pytest.mark.live

ACCESS = "02160000009"
"""The company's number for call-through."""
PHONE_HZ = 500
"""The tone of an outside phone of the simulated network that has no script."""


def e164(number: str) -> str:
    return f"+86{number.lstrip('0')}" if number.startswith("0") else f"+86{number}"


def leg(found: dict[str, Any], role: str) -> dict[str, Any]:
    wanted: dict[str, Any] = next(one for one in found["legs"] if one["role"] == role)
    return wanted


async def refusal(agent: Agent, number: str = "13800000001", **more: Any) -> str:
    with pytest.raises(Failed) as failed:
        await agent.client.dial(number, **more)
    return str(failed.value.code)


async def settings(site: Installation, **changes: Any) -> None:
    admin = await site.client("admin")
    await admin.put("/api/settings/company", {**await admin.get("/api/settings/company"), **changes})


async def rows_of(site: Installation) -> int:
    query = select(func.count()).select_from(call).where(call.c.company_id == site.company_id)
    async with site.database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def left(agent: Agent) -> int:
    return int((await agent.client.get("/api/me/minutes"))["minutes_left"])


async def talk(agent: Agent, call_id: str, seconds: float = 1.5) -> None:
    """The call talks for a while, then the agent hangs up on the screen."""
    await agent.wait_state(call_id, "talking")
    await asyncio.sleep(seconds)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)


async def line_is(agent: Agent, state: str) -> None:
    key = str(agent.employee_id)
    await agent.live.wait(lambda live: live.entities["agent"][key]["line"] == state, why=f"the line to be {state}")


@pytest.fixture(scope="module", autouse=True)
async def every_mode_is_paid(site: Installation) -> AsyncIterator[None]:
    """Agents 1 to 6 have minutes for every mode; agent 0 has a package for direct calls only."""
    for index in range(1, 7):
        agent = await site.agent(index)
        await site.grant(agent.employee_id, 100, mode=Mode.CALLBACK, also_mode=Mode.CALL_THROUGH)
        await site.grant(agent.employee_id, 100, mode=Mode.POINT)
    yield


async def one_call(site: Installation, agent: Agent, call_id: str, before: tuple[int, int]) -> dict[str, Any]:
    """What every call leaves: one row, one recording as long as the talk, the customer's minute and nothing else."""
    found = await site.recorded(agent.client, call_id)
    assert await rows_of(site) == before[0] + 1
    assert await left(agent) == before[1] - 1
    charged = {
        one["leg"]: one["minutes"] for one in ({"leg": x["role"], "minutes": x["minutes"]} for x in found["legs"])
    }
    assert charged == {"agent": 0, "customer": 1}
    recording = found["call"]["recording"]
    assert recording["state"] == "ready"
    both = max(leg(found, "agent")["answered_at"], leg(found, "customer")["answered_at"])
    talked = _seconds(both, leg(found, "customer")["ended_at"])
    assert abs(recording["duration"] - talked) <= 0.3
    return found


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()


# -- direct --------------------------------------------------------------------------------------------------------


@pytest.mark.feature("P-08")
async def test_direct_with_the_customer_first(site: Installation) -> None:
    """The customer is dialled, answers and hears ringing; then the agent's phone rings; the limit runs from the
    customer's answer."""
    agent = await site.agent(1, answer_after=1.5)
    before = await rows_of(site), await left(agent)
    heard = len(site.carrier.heard(agent.phone))
    call_id = await agent.client.dial("13800000001", leg_order="customer_first")
    dialling = await agent.wait_state(call_id, "dialing_customer", "dialing_agent")
    assert dialling["leg_order"] == "customer_first"
    waiting = await agent.wait_state(call_id, "dialing_agent")
    assert [one["role"] for one in waiting["legs"] if one["state"] == "connected"] == ["customer"]
    assert len(site.carrier.heard(agent.phone)) == heard
    talking = await agent.wait_state(call_id, "talking")
    assert talking["paid_until"] is None or talking["answered_at"]
    await talk(agent, call_id)
    await site.carrier.quiet(15)
    customer = site.carrier.heard("13800000001")[-1]
    assert hears(customer, agent.tone)
    assert hears(customer, 450), "the customer hears ringing while the agent's phone rings"
    assert hears(site.carrier.heard(agent.phone)[-1], 600)
    assert await site.carrier.shown("13800000001") == direct_number(1)
    assert await site.carrier.shown(agent.phone) == "13800000001"
    found = await one_call(site, agent, call_id, before)
    assert (found["call"]["leg_order"], found["call"]["mode"]) == ("customer_first", "direct")
    assert leg(found, "customer")["answered_at"] < leg(found, "agent")["answered_at"]


@pytest.mark.feature("P-08")
async def test_customer_first_and_the_agent_does_not_answer(site: Installation) -> None:
    """The call ends with that reason; the customer's leg was answered, so it costs a minute. Busy: nothing."""
    agent = await site.agent(1, answer_after=None)
    before = await left(agent)
    call_id = await agent.client.dial("13800000001", leg_order="customer_first")
    ended = await agent.wait_ended(call_id, 30)
    assert (ended["end_reason"], ended["disposition"]) == ("agent_no_answer", "NO ANSWER")
    found = await site.settled(agent.client, call_id)
    assert (found["call"]["answered_at"], found["call"]["minutes_charged"]) == (None, 1)
    assert await left(agent) == before - 1
    call_id = await agent.client.dial("13800000001", leg_order="customer_first")
    await agent.wait_state(call_id, "dialing_agent")
    await site.carrier.hangup("13800000001")
    ended = await agent.wait_ended(call_id)
    assert (ended["end_reason"], ended["disposition"]) == ("customer_hung_up", "NO ANSWER")
    call_id = await agent.client.dial("13800000021", leg_order="customer_first")
    ended = await agent.wait_ended(call_id)
    assert (ended["end_reason"], ended["disposition"]) == ("customer_busy", "BUSY")
    assert (await site.settled(agent.client, call_id))["call"]["minutes_charged"] == 0


async def test_customer_first_is_taken_back_while_the_agents_phone_rings(site: Installation) -> None:
    agent = await site.agent(1, answer_after=None)
    call_id = await agent.client.dial("13800000001", leg_order="customer_first")
    await agent.wait_state(call_id, "dialing_agent")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    assert (await agent.wait_ended(call_id))["end_reason"] == "agent_hung_up"
    await site.carrier.quiet(15)


# -- callback ------------------------------------------------------------------------------------------------------


@pytest.mark.feature("T-04", "P-08")
@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
async def test_callback_rings_the_bound_phone_over_the_trunk(site: Installation, order: str) -> None:
    """The SIP phone is not rung and need not be there; both outside phones see the bound number; one leg is charged."""
    agent = await site.agent(2)
    before = await rows_of(site), await left(agent)
    heard = len(site.carrier.heard(agent.phone))
    call_id = await agent.client.dial("13800000001", mode="callback", leg_order=order)
    first = "dialing_agent" if order == "agent_first" else "dialing_customer"
    await agent.wait_state(call_id, first)
    await talk(agent, call_id)
    await site.carrier.quiet(15)
    assert hears(site.carrier.heard("13800000001")[-1], PHONE_HZ)
    assert hears(site.carrier.heard(outside_phone(2))[-1], 600)
    assert len(site.carrier.heard(agent.phone)) == heard
    assert await site.carrier.shown("13800000001") == telecom_number(2)
    assert await site.carrier.shown(outside_phone(2)) == telecom_number(2)
    found = await one_call(site, agent, call_id, before)
    assert (found["call"]["mode"], found["call"]["leg_order"]) == ("callback", order)
    assert found["call"]["caller_number"] == e164(telecom_number(2))
    answers = leg(found, "agent")["answered_at"], leg(found, "customer")["answered_at"]
    assert (answers[0] < answers[1]) is (order == "agent_first")


async def test_moves_of_a_callback(site: Installation) -> None:
    """Hold, resume, a third party and the end of a consultation; nothing of it costs the agent's leg a minute."""
    agent = await site.agent(2)
    call_id = await agent.client.dial("13800000001", mode="callback")
    await agent.wait_state(call_id, "talking")
    await move(agent, call_id, "hold")
    await agent.wait_state(call_id, "held")
    await move(agent, call_id, "resume")
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": "13800000003"})
    await leg_of(agent, call_id, "third", state="connected")
    assert await site.carrier.shown("13800000003") == telecom_number(2), "the same number as the call shows"
    await move(agent, call_id, "cancel")
    await agent.wait_state(call_id, "talking")
    await talk(agent, call_id)
    found = await site.settled(agent.client, call_id)
    assert {one["role"]: one["minutes"] for one in found["legs"]} == {"agent": 0, "customer": 1, "third": 1}


@pytest.mark.feature("T-04")
async def test_a_callback_package_pays_no_direct_call(site: Installation) -> None:
    """The mode of the package decides; one that covers two modes pays both; the mode is on the call."""
    agent = await site.agent(0)
    assert await refusal(agent, mode="callback") == "no_package"
    admin = await site.client("admin")
    given = {"employee_id": agent.employee_id, "name": "呼转包", "minutes": 5, "days": 7}
    made = await admin.post("/api/packages", {**given, "mode": "callback", "also_mode": "call_through"})
    assert (made["mode"], made["also_mode"]) == ("callback", "call_through")
    call_id = await agent.client.dial("13800000021", mode="callback")
    await agent.wait_ended(call_id)
    assert (await site.settled(agent.client, call_id))["call"]["mode"] == "callback"
    assert await refusal(agent, mode="point") == "line_not_open"
    only = await site.agent(7)
    await site.expire(only.employee_id)
    await admin.post("/api/packages", {**given, "employee_id": only.employee_id, "mode": "callback"})
    assert await refusal(only) == "no_package"
    await site.grant(only.employee_id)


# -- point-dial ----------------------------------------------------------------------------------------------------


@pytest.mark.feature("P-07", "T-04")
async def test_two_calls_on_one_line(site: Installation) -> None:
    """The agent's phone is rung once, for the line; every click rings the customer at once; the line outlives calls.

    Each call has a row, a recording and charges of its own.
    """
    agent = await site.agent(3, answer_after=0.3)
    heard = len(site.carrier.heard(agent.phone))
    assert await refusal(agent, mode="point") == "line_not_open"
    assert (await agent.client.put("/api/me/line"))["line"] in ("opening", "open")
    await line_is(agent, "open")
    assert await agent.state() == "not_ready", "an open line is no call"
    # From here on the phone would not answer: nothing may ring it.
    await site.carrier.set_phone(agent.phone, answer_after=None)
    calls = []
    for number, hz in (("13800000001", 600), ("13800000002", 700)):
        before = await rows_of(site), await left(agent)
        call_id = await agent.client.dial(number, mode="point")
        await talk(agent, call_id, 2)
        assert agent.live.entities["agent"][str(agent.employee_id)]["line"] == "open"
        found = await one_call(site, agent, call_id, before)
        assert found["call"]["mode"] == "point"
        calls.append((number, hz, call_id, found))
    assert calls[0][2] != calls[1][2]
    assert (await agent.client.delete("/api/me/line"))["line"] in ("open", "closed")
    await line_is(agent, "closed")
    await site.carrier.quiet(15)
    files = site.carrier.heard(agent.phone)
    assert len(files) == heard + 1, "one call reached the agent's phone"
    for number, hz, _, _ in calls:
        assert hears(files[-1], hz)
        assert hears(site.carrier.heard(number)[-1], agent.tone)


@pytest.mark.feature("P-07")
async def test_the_agent_on_a_line_hears_what_the_network_says(site: Installation) -> None:
    """Ringing and announcements before the answer; a customer who hangs up leaves the line open."""
    agent = await site.agent(3, answer_after=0.3)
    await agent.client.put("/api/me/line")
    await line_is(agent, "open")
    call_id = await agent.client.dial("13800000026", mode="point")
    ended = await agent.wait_ended(call_id)
    assert ended["end_reason"] == "customer_no_answer"
    call_id = await agent.client.dial("13800000030")  # over the open line, although the seat's mode is direct
    await agent.wait_ended(call_id, 30)
    assert (await site.settled(agent.client, call_id))["call"]["end_reason"] == "customer_hung_up"
    assert agent.live.entities["agent"][str(agent.employee_id)]["line"] == "open"
    # The agent hangs up the phone itself: that closes the line.
    await site.carrier.hangup(agent.phone)
    await line_is(agent, "closed")
    await site.carrier.quiet(15)
    heard = site.carrier.heard(agent.phone)[-1]
    assert hears(heard, 1300)
    assert hears(heard, 450), "ringing"
    assert hears(heard, 900)


@pytest.mark.feature("P-07")
async def test_every_move_gives_the_line_back(site: Installation) -> None:
    """Hold, consultation, three-way, attended transfer: after each the line waits for the next call."""
    agent = await site.agent(3, answer_after=0.3)
    await agent.client.put("/api/me/line")
    await line_is(agent, "open")
    call_id = await agent.client.dial("13800000001", mode="point")
    await agent.wait_state(call_id, "talking")
    await move(agent, call_id, "hold")
    await agent.wait_state(call_id, "held")
    await move(agent, call_id, "resume")
    await talk(agent, call_id)
    for finish in ("complete", "conference"):
        call_id = await agent.client.dial("13800000001", mode="point")
        await agent.wait_state(call_id, "talking")
        await agent.client.post(f"/api/calls/{call_id}/consult", {"number": "13800000003"})
        await leg_of(agent, call_id, "third", state="connected")
        await move(agent, call_id, finish)
        await asyncio.sleep(1.5)
        if finish == "complete":
            await agent.wait_self("not_ready")
            assert agent.live.entities["agent"][str(agent.employee_id)]["line"] == "open"
            await site.carrier.hangup("13800000001")
        else:
            await agent.client.post(f"/api/calls/{call_id}/hangup")
            await site.carrier.hangup("13800000003")
        await agent.wait_ended(call_id)
        found = await site.settled(agent.client, call_id)
        assert {one["role"]: one["minutes"] for one in found["legs"]} == {"agent": 0, "customer": 1, "third": 1}
        assert agent.live.entities["agent"][str(agent.employee_id)]["line"] == "open"
    await agent.client.delete("/api/me/line")
    await line_is(agent, "closed")
    await site.carrier.quiet(15)


@pytest.mark.parametrize("mode", ["point", "callback"])
async def test_a_transfer_in_vain_comes_back_to_the_phone_it_left(site: Installation, mode: str) -> None:
    """The open line, or the outside phone: the agent's SIP phone is not rung."""
    agent = await site.agent(6, answer_after=0.3)
    if mode == "point":
        await agent.client.put("/api/me/line")
        await line_is(agent, "open")
    await site.carrier.set_phone(agent.phone, answer_after=None)
    call_id = await agent.client.dial("13800000001", mode=mode)
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/transfer", {"number": "13800000020"})
    await leg_of(agent, call_id, "third", state="alerting")
    await leg_of(agent, call_id, "customer", place="return")
    again = await leg_of(agent, call_id, "agent", state="connected")
    assert again["employee_id"] == agent.employee_id
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await site.settled(agent.client, call_id)
    assert sum(one["minutes"] for one in found["legs"]) == 1
    if mode == "point":
        assert agent.live.entities["agent"][str(agent.employee_id)]["line"] == "open"
        await agent.client.delete("/api/me/line")
        await line_is(agent, "closed")


@pytest.mark.feature("P-07")
async def test_a_line_is_found_again_by_the_next_engine(site: Installation) -> None:
    agent = await site.agent(3, answer_after=0.3)
    await agent.client.put("/api/me/line")
    await line_is(agent, "open")
    await site.stop_engine(9)
    await site.start_engine()
    agent = await site.agent(3, answer_after=None)
    await line_is(agent, "open")
    call_id = await agent.client.dial("13800000002", mode="point")
    await talk(agent, call_id)
    await agent.client.delete("/api/me/line")
    await line_is(agent, "closed")


# -- call-through --------------------------------------------------------------------------------------------------


@pytest.mark.feature("T-04")
async def test_call_through(site: Installation) -> None:
    """The agent calls the access number from the bound phone and is connected; a second call is refused."""
    agent = await site.agent(4)
    await settings(site, access_number="", call_through_seconds=60)
    assert await refusal(agent, mode="call_through") == "call_through_off"
    await settings(site, access_number=ACCESS)
    before = await rows_of(site), await left(agent)
    call_id = await agent.client.dial("13800000001", mode="call_through")
    armed = await agent.live.wait(
        lambda live: (live.entities["call"].get(call_id) or {}).get("armed"), 15, "the target"
    )
    assert armed["access_number"] == ACCESS
    assert armed["phone"] == e164(outside_phone(4))
    assert await refusal(agent) == "already_dialling"
    stranger = await site.carrier.call_in(ACCESS, outside_phone(5), 650, seconds=5)
    mine = await site.carrier.call_in(ACCESS, outside_phone(4), 750, seconds=30)
    await talk(agent, call_id)
    again = await site.carrier.call_in(ACCESS, outside_phone(4), 750, seconds=5)
    await site.carrier.quiet(15)
    assert hears(site.carrier.heard("13800000001")[-1], 750)
    assert hears(mine.heard, 600)
    assert not stranger.heard.exists(), "nobody else is answered"
    assert not again.heard.exists(), "what was armed is used once"
    assert await site.carrier.shown("13800000001") == telecom_number(4)
    found = await one_call(site, agent, call_id, before)
    assert found["call"]["mode"] == "call_through"


@pytest.mark.feature("T-04")
async def test_a_call_through_that_nobody_comes_for(site: Installation) -> None:
    """It ends by itself, gives the minutes back, and a call that comes too late is refused."""
    agent = await site.agent(4)
    await settings(site, access_number=ACCESS, call_through_seconds=10)
    before = await agent.client.get("/api/me/minutes")
    call_id = await agent.client.dial("13800000001", mode="call_through")
    assert (await agent.client.get("/api/me/minutes"))["minutes_reserved"] == 5
    ended = await agent.wait_ended(call_id, 25)
    assert (ended["end_reason"], ended["disposition"]) == ("not_called_through", "NO ANSWER")
    assert (await site.settled(agent.client, call_id))["call"]["minutes_charged"] == 0
    after = await agent.client.get("/api/me/minutes")
    assert (after["minutes_left"], after["minutes_reserved"]) == (before["minutes_left"], 0)
    late = await site.carrier.call_in(ACCESS, outside_phone(4), 750, seconds=5)
    await site.carrier.quiet(15)
    assert not late.heard.exists()
    call_id = await agent.client.dial("13800000001", mode="call_through")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    assert (await agent.wait_ended(call_id))["end_reason"] == "agent_hung_up"


async def test_a_call_through_works_while_no_engine_runs(site: Installation) -> None:
    """Armed, then the engine is killed: the agent is connected, the limit holds, the charge is exact afterwards."""
    agent = await site.agent(5)
    await settings(site, access_number=ACCESS, call_through_seconds=60)
    before = await left(agent)
    call_id = await agent.client.dial("13800000030", mode="call_through")
    await site.stop_engine(9)
    mine = await site.carrier.call_in(ACCESS, outside_phone(5), 750, seconds=30)
    await site.carrier.quiet(25)
    assert hears(mine.heard, 900)
    await site.start_engine()
    agent = await site.agent(5)
    found = await site.settled(agent.client, call_id)
    assert found["call"]["minutes_charged"] == 1
    assert found["call"]["disposition"] == "ANSWERED"
    assert await left(agent) == before - 1
    await until(lambda: _idle(agent), "the agent to be free again")


async def _idle(agent: Agent) -> bool:
    return agent.live.entities["agent"][str(agent.employee_id)]["call_id"] is None
