"""Seats, outside numbers and what called parties see: bound, same region, rotation (T-05, T-10, P-09)."""

from __future__ import annotations

from typing import Any

import pytest

from callcenter.demo.client import Client, Failed, Live
from tests.live.installation import Agent, Installation, direct_number, telecom_number
from tests.live.lines import line
from tests.live.test_modes import e164, refusal, settings

pytestmark = pytest.mark.live

BUSY = "13800000021"
"""Never answers: enough to see what the call shows, and it costs nothing."""


async def shown(site: Installation, agent: Agent, number: str = BUSY) -> tuple[str, str]:
    """The number a call shows, and why, as its details tell."""
    call_id = await agent.client.dial(number)
    if number != BUSY:
        await agent.wait_state(call_id, "dialing_customer", "talking")
        await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id, 30)
    call = (await agent.client.get(f"/api/calls/{call_id}"))["call"]
    assert call["caller_number"] == call["company_number"]
    return call["company_number"], call["caller_id_reason"]


async def number_of(admin: Client, number: str) -> dict[str, Any]:
    found = await admin.get(f"/api/outside-numbers?q={number}")
    assert found["total"] == 1
    one: dict[str, Any] = found["items"][0]
    return one


async def failed(client: Client, method: str, path: str, body: Any = None) -> str:
    with pytest.raises(Failed) as caught:
        await client.request(method, path, body)
    return str(caught.value.code)


@pytest.mark.feature("T-05")
async def test_a_number_is_bound_to_one_seat_and_an_unbound_seat_cannot_dial(site: Installation) -> None:
    agent, other, admin = await site.agent(1), await site.agent(2), await site.client("admin")
    mine = await number_of(admin, direct_number(1))
    theirs = (await other.client.get("/api/me"))["seat"]
    path = f"/api/outside-numbers/{mine['id']}"
    assert await failed(admin, "PATCH", path, {"seat_id": theirs["id"]}) == "number_bound"
    assert await shown(site, agent) == (e164(direct_number(1)), "bound")
    await admin.request("PATCH", path, {"seat_id": None})
    assert await refusal(agent) == "no_bound_number"
    # A seat has one number of each kind.
    assert await failed(admin, "PATCH", path, {"seat_id": theirs["id"]}) == "seat_has_number"
    await admin.request("PATCH", path, {"seat_id": mine["seat"]["id"]})
    assert await shown(site, agent) == (e164(direct_number(1)), "bound")
    await admin.request("PATCH", path, {"state": "inactive"})
    assert await refusal(agent) == "no_bound_number"
    await admin.request("PATCH", path, {"state": "active"})


@pytest.mark.feature("T-05")
@pytest.mark.feature("P-09")
async def test_an_unbound_seat_never_dials_whatever_the_policy(site: Installation) -> None:
    """Neither by a click, though the company has numbers that the policy could show, nor to a third party."""
    agent, admin = await site.agent(1), await site.client("admin")
    mine = await number_of(admin, direct_number(1))
    path = f"/api/outside-numbers/{mine['id']}"
    try:
        for policy in ("same_region", "rotation"):
            await settings(site, caller_id_policy=policy)
            await admin.request("PATCH", path, {"seat_id": mine["seat"]["id"]})
            assert (await shown(site, agent))[0], "the seat is bound, and a number is shown"
            await admin.request("PATCH", path, {"seat_id": None})
            assert await refusal(agent) == "no_bound_number"
        # A caller whom it took in is put through to nobody outside; colleagues need no number.
        other = await number_of(admin, telecom_number(1))
        await admin.request("PATCH", f"/api/outside-numbers/{other['id']}", {"seat_id": None})
        async with line(site, agent) as group:
            await agent.ready()
            call = await group.call_in("13900000511", seconds=60)
            live = await agent.live.wait(_talks, 20, "the caller to talk")
            consult = f"/api/calls/{live['id']}/consult"
            assert await failed(agent.client, "POST", consult, {"number": BUSY}) == "no_bound_number"
            await site.carrier.hangup(call.channel_id)
            await group.row("13900000511", disposition="ANSWERED")
        await admin.request("PATCH", f"/api/outside-numbers/{other['id']}", {"seat_id": mine["seat"]["id"]})
    finally:
        await settings(site, caller_id_policy="bound")
        await admin.request("PATCH", path, {"seat_id": mine["seat"]["id"]})
    assert await shown(site, agent) == (e164(direct_number(1)), "bound")


def _talks(live: Live) -> dict[str, Any] | None:
    calls = live.entities["call"].values()
    return next((one for one in calls if one["direction"] == "inbound" and one["state"] == "talking"), None)


@pytest.mark.feature("T-10")
async def test_an_employee_dials_with_a_seat_and_not_without(site: Installation) -> None:
    """The seat is chosen on the employee's form; taken back, the next dial is refused."""
    agent, admin = await site.agent(2), await site.client("admin")
    seat = (await agent.client.get("/api/me"))["seat"]
    path = f"/api/employees/{agent.employee_id}"
    changed = await admin.request("PATCH", path, {"seat_id": None})
    assert changed["seat"] is None
    assert await refusal(agent) == "no_seat"
    free = await admin.get("/api/seats?filter=unassigned")
    assert seat["code"] in [one["code"] for one in free["items"]]
    changed = await admin.request("PATCH", path, {"seat_id": seat["id"]})
    assert changed["seat"]["code"] == seat["code"]
    await site.reconnect(agent)  # who was changed sees it on a new connection
    assert await shown(site, agent) == (e164(direct_number(2)), "bound")
    taken = (await (await site.agent(3)).client.get("/api/me"))["seat"]
    assert await failed(admin, "PATCH", path, {"seat_id": taken["id"]}) == "seat_assigned"
    made = {"login": "fresh.seat", "name": "新人", "password": "a-long-test-password", "role": "agent"}
    assert await failed(admin, "POST", "/api/employees", {**made, "seat_id": taken["id"]}) == "seat_assigned"
    [spare] = await admin.post("/api/seats", {"code": "9001"})
    person = await admin.post("/api/employees", {**made, "seat_id": spare["id"]})
    assert person["seat"]["code"] == "9001"
    assert await failed(admin, "DELETE", f"/api/seats/{spare['id']}") == "seat_assigned"


@pytest.mark.feature("P-09")
async def test_the_policy_chooses_the_number_and_says_why(site: Installation) -> None:
    """Same region: a Beijing mobile sees a Beijing number; without one the bound number. Rotation: longest ago first.

    The number really travels to the called party.
    """
    agent, admin = await site.agent(4), await site.client("admin")
    await admin.post("/api/outside-numbers", {"numbers": ["010-65520001", "010-65520002"], "kind": "direct"})
    beijing = await number_of(admin, "01065520001")
    assert (beijing["number"], beijing["region"]) == ("+861065520001", "北京市")
    assert await shown(site, agent) == (e164(direct_number(4)), "bound"), "the policy asks for bound numbers"
    try:
        await settings(site, caller_id_policy="same_region")
        # 1380000... is at home in Beijing, 0571 in Hangzhou.
        assert await shown(site, agent) == ("+861065520001", "same_region")
        assert await shown(site, agent) == ("+861065520002", "same_region"), "two of one region take turns"
        assert await shown(site, agent, "057188880000") == (e164(direct_number(4)), "bound")
        call_id = await agent.client.dial("13800000030")
        await agent.wait_ended(call_id, 30)
        assert await site.carrier.shown("13800000030") == "01065520001"
        await settings(site, caller_id_policy="rotation")
        seen = [await shown(site, agent) for _ in range(3)]
        assert {why for _, why in seen} == {"rotation"}
        assert len({number for number, _ in seen}) == 3
        log = await number_of(admin, seen[-1][0].removeprefix("+86"))
        assert log["last_shown_at"] is not None
    finally:
        await settings(site, caller_id_policy="bound")
        for number in ("01065520001", "01065520002"):
            await admin.request("DELETE", f"/api/outside-numbers/{(await number_of(admin, number))['id']}")
