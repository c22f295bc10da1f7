"""In the call: one truth for hold, keys that are understood, who hears whom at every step, and what is kept of it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import select

from callcenter.pbx.tones import hears
from callcenter.store.tables.people import employee
from tests.live.calls import CUSTOMER, CUSTOMER_HZ, THIRD, THIRD_HZ, consulting, leg_of, minutes, move, over, refused
from tests.live.calls import talking as talk
from tests.live.desk_phone import TalkingPhone
from tests.live.installation import TONES, Agent, Installation
from tests.pbx.control_support import MUSIC, RINGBACK_HZ, Heard, contains, heard, only

pytestmark = pytest.mark.live

AGENT_HZ = TONES[0]
TONES_HERE = (RINGBACK_HZ, AGENT_HZ, CUSTOMER_HZ, THIRD_HZ)
DESK = 6
"""The agent whose phone is the desk phone of this file."""


def what(path: Path) -> list[Heard]:
    return heard(path, candidates=(*TONES_HERE, TONES[DESK]))


@contextlib.asynccontextmanager
async def desk(site: Installation) -> AsyncIterator[tuple[Agent, TalkingPhone]]:
    """An agent whose phone is a SIP client with a hold key, registered and signed in."""
    login = f"agent{DESK}"
    client = await site.client(login)
    query = select(employee.c.id, employee.c.sip_secret).where(
        employee.c.company_id == site.company_id, employee.c.login == login
    )
    async with site.database.read() as connection:
        row = (await connection.execute(query)).one()
    await client.put("/api/me/device", {"device": "sip"})
    phone = TalkingPhone(f"agent-{row.id}", row.sip_secret, site.settings.sip_port, TONES[DESK])
    await phone.open()
    agent = Agent(login, row.id, TONES[DESK], client, await client.live())
    try:
        await agent.away()
        await site.registered(agent)
        yield agent, phone
    finally:
        phone.close()


@pytest.mark.feature("P-01")
async def test_a_hold_pressed_on_the_desk_phone_is_the_calls_hold(site: Installation, tmp_path: Path) -> None:
    """In the bridge of two and in the call's room: the screen follows, the customer hears music, both talk again."""
    async with desk(site) as (agent, phone):
        call_id = await agent.client.dial(CUSTOMER)
        await agent.wait_state(call_id, "talking")
        await asyncio.sleep(1.5)
        await phone.hold()
        await agent.wait_state(call_id, "held")
        assert (await leg_of(agent, call_id, "agent"))["phone_hold"] is True
        assert await refused(agent.client, f"/api/calls/{call_id}/move", {"move": "resume"}) == "held_on_phone"
        await asyncio.sleep(2)
        await phone.resume()
        await agent.wait_state(call_id, "talking")
        await asyncio.sleep(1.5)
        # Once held and resumed on the screen both are in the call's room, which plays no music by itself.
        await move(agent, call_id, "hold")
        await leg_of(agent, call_id, "customer", place="held")
        await move(agent, call_id, "resume")
        await leg_of(agent, call_id, "customer", place="talking")
        await asyncio.sleep(1.5)
        await phone.hold()
        await leg_of(agent, call_id, "customer", place="held")
        await agent.wait_state(call_id, "held")
        await asyncio.sleep(2)
        await phone.resume()
        await leg_of(agent, call_id, "customer", place="talking")
        await agent.wait_state(call_id, "talking")
        await asyncio.sleep(1.5)
        await phone.hang_up()
        assert (await agent.wait_ended(call_id))["end_reason"] == "agent_hung_up"
        found = await over(site, agent, call_id)
        told = phone.keep(tmp_path / "desk.wav")
    agent_hz, customer_hz = only(TONES[DESK]), only(CUSTOMER_HZ)
    customer = what(site.carrier.heard(CUSTOMER)[-1])
    assert contains(customer, agent_hz, MUSIC, agent_hz), customer
    assert [one for one in customer if one == MUSIC] == [MUSIC] * customer.count(MUSIC)
    assert customer.count(MUSIC) >= 2, "in the bridge of two and in the room"
    assert customer[-1] == agent_hz, customer
    assert hears(told, CUSTOMER_HZ, 4.0) and customer_hz in what(told)
    assert minutes(found) == {"agent": 0, "customer": 1}


@pytest.mark.feature("P-01")
async def test_a_hold_on_the_screen_is_resumed_on_the_phone(site: Installation) -> None:
    """Both hold: the phone's resume is what the agent wants, and the screen shows it."""
    async with desk(site) as (agent, phone):
        call_id = await agent.client.dial(CUSTOMER)
        await agent.wait_state(call_id, "talking")
        await phone.hold()
        await agent.wait_state(call_id, "held")
        await move(agent, call_id, "hold")
        await leg_of(agent, call_id, "customer", place="held")
        await phone.resume()
        await leg_of(agent, call_id, "customer", place="talking")
        await agent.wait_state(call_id, "talking")
        await asyncio.sleep(1.5)
        await agent.client.post(f"/api/calls/{call_id}/hangup")
        await agent.wait_ended(call_id)
        await over(site, agent, call_id)
    assert what(site.carrier.heard(CUSTOMER)[-1])[-1] == only(TONES[DESK])


@pytest.mark.feature("P-01")
async def test_keys_sent_from_the_screen_are_understood_at_the_far_end(site: Installation) -> None:
    agent = await site.agent(0)
    call_id = await agent.client.dial("13800000070")
    await agent.wait_state(call_id, "talking")
    await asyncio.sleep(1.5)
    await agent.client.post(f"/api/calls/{call_id}/dtmf", {"digits": "5"})
    await asyncio.sleep(2)
    assert await refused(agent.client, f"/api/calls/{call_id}/dtmf", {"digits": "x"}) == "digits_invalid"
    await agent.client.post(f"/api/calls/{call_id}/dtmf", {"digits": "*"})
    await asyncio.sleep(2)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    await over(site, agent, call_id)
    sequence = heard(site.carrier.heard(agent.phone)[-1], candidates=(400, 1600, 1800, RINGBACK_HZ))
    assert contains(sequence, only(400), only(1600), only(1800)), sequence


@pytest.mark.parametrize("order", ["agent_first", "customer_first"])
async def test_an_extension_typed_behind_a_number_is_sent_after_the_answer(site: Installation, order: str) -> None:
    agent = await site.agent(0)
    call_id = await agent.client.dial("138-0000-0070 转55", leg_order=order)
    call = await agent.wait_state(call_id, "talking")
    assert call["number"] == "+8613800000070"
    # The menu plays what it understood until it is hung up on.
    await asyncio.sleep(3)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    await over(site, agent, call_id)
    sequence = heard(site.carrier.heard(agent.phone)[-1], candidates=(400, 1600, 1800, RINGBACK_HZ))
    assert contains(sequence, only(1600)), sequence


@pytest.mark.feature("P-01")
async def test_a_muted_agent_is_not_heard_and_stays_muted_when_the_product_dies(site: Installation) -> None:
    agent, call_id = await talk(site)
    await asyncio.sleep(1.5)
    await agent.client.post(f"/api/calls/{call_id}/mute", {"on": True})
    await leg_of(agent, call_id, "agent", muted=True)
    await site.stop_engine()
    await site.start_engine()
    await site.reconnect(agent)
    await leg_of(agent, call_id, "agent", muted=True)
    await agent.client.post(f"/api/calls/{call_id}/mute", {"on": False})
    await leg_of(agent, call_id, "agent", muted=False)
    await asyncio.sleep(1.5)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    await over(site, agent, call_id)
    sequence = heard(site.carrier.heard(CUSTOMER)[-1], candidates=TONES_HERE)
    talked = [one for one in sequence if one != only(RINGBACK_HZ)]
    assert talked == [only(AGENT_HZ), "silence", only(AGENT_HZ)], sequence
    assert hears(site.carrier.heard(agent.phone)[-1], CUSTOMER_HZ, 5.0), "the muted agent hears on"


@pytest.mark.feature("P-02")
async def test_consult_swap_and_complete_with_sound_at_every_step(site: Installation) -> None:
    agent, call_id = await talk(site)
    await asyncio.sleep(1.75)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": THIRD})
    await leg_of(agent, call_id, "third", state="connected")
    await asyncio.sleep(1.75)
    await move(agent, call_id, "swap")
    await leg_of(agent, call_id, "customer", place="talking")
    await asyncio.sleep(1.75)
    await move(agent, call_id, "swap")
    await leg_of(agent, call_id, "third", place="talking")
    await asyncio.sleep(1.75)
    await move(agent, call_id, "complete")
    await agent.wait_self("not_ready")
    await asyncio.sleep(2.5)
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    a, c, t = only(AGENT_HZ), only(CUSTOMER_HZ), only(THIRD_HZ)
    agent_heard = what(site.carrier.heard(agent.phone)[-1])
    customer_heard, third_heard = (what(site.carrier.heard(one)[-1]) for one in (CUSTOMER, THIRD))
    assert contains(agent_heard, c, t, c, t), agent_heard
    assert contains(customer_heard, a, MUSIC, a, MUSIC, t), customer_heard
    assert contains(third_heard, a, MUSIC, a, c), third_heard
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}
    assert found["call"]["end_reason"] == "customer_hung_up", "the agent had left long before"


@pytest.mark.feature("P-02")
async def test_a_cancelled_consultation_gives_each_what_they_had(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await asyncio.sleep(1.75)
    await move(agent, call_id, "cancel")
    await leg_of(agent, call_id, "third", state="null")
    await agent.wait_state(call_id, "talking")
    await asyncio.sleep(1.75)
    await site.carrier.hangup(CUSTOMER)
    assert (await agent.wait_ended(call_id))["end_reason"] == "customer_hung_up"
    await over(site, agent, call_id)
    a, c, t = only(AGENT_HZ), only(CUSTOMER_HZ), only(THIRD_HZ)
    assert contains(what(site.carrier.heard(agent.phone)[-1]), t, c)
    assert contains(what(site.carrier.heard(CUSTOMER)[-1]), MUSIC, a)
    assert a in what(site.carrier.heard(THIRD)[-1]) and c not in what(site.carrier.heard(THIRD)[-1])


@pytest.mark.feature("P-02")
async def test_who_takes_over_a_call_can_move_it_like_its_agent(site: Installation) -> None:
    """After an attended transfer to a colleague the colleague holds, resumes and ends the same call."""
    colleague = await site.agent(1)
    agent, call_id = await talk(site)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"employee_id": colleague.employee_id})
    await leg_of(agent, call_id, "third", state="connected")
    assert await refused(colleague.client, f"/api/calls/{call_id}/move", {"move": "hold"}) == "move_not_possible"
    await move(agent, call_id, "complete")
    await agent.wait_self("not_ready")
    await leg_of(colleague, call_id, "agent", employee_id=colleague.employee_id, place="talking")
    await move(colleague, call_id, "hold")
    await colleague.wait_state(call_id, "held")
    await move(colleague, call_id, "resume")
    await colleague.wait_state(call_id, "talking")
    await asyncio.sleep(1.5)
    await colleague.client.post(f"/api/calls/{call_id}/hangup")
    await colleague.wait_self("not_ready")
    found = await over(site, agent, call_id)
    assert found["call"]["end_reason"] == "agent_hung_up"
    assert hears(site.carrier.heard(CUSTOMER)[-1], colleague.tone)
