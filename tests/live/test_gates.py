"""Each gate before a dial refuses with its own reason, through the API, on the real thing."""

from __future__ import annotations

import asyncio
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from callcenter.demo.client import Client, Failed
from callcenter.features.money import wallet
from callcenter.ledger.book import Entry, Kind
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import voice_package
from tests.live.calls import refused, talking
from tests.live.installation import Agent, Installation

pytestmark = pytest.mark.live

ALLOWED = {"verification": "verified", "script_state": "approved", "dialling_suspended": False, "valid_until": None}


async def _refusal(client: Client, number: str = "13800000001", **more: Any) -> str:
    with pytest.raises(Failed) as failed:
        await client.dial(number, **more)
    body = failed.value.body["error"]
    assert body["message"]["zh"]
    assert body["message"]["en"]
    return str(failed.value.code)


async def _settings(site: Installation, **changes: Any) -> dict[str, Any]:
    admin = await site.client("admin")
    before: dict[str, Any] = await admin.get("/api/settings/company")
    await admin.put("/api/settings/company", {**before, **changes})
    return before


async def test_gates_of_the_person_and_the_phone(site: Installation) -> None:
    admin = await site.client("admin")
    assert await _refusal(admin) == "forbidden"
    agent = await site.agent(5)
    await agent.client.put("/api/me/state", {"state": "logged_out"})
    assert await _refusal(agent.client) == "not_logged_in"
    await agent.away()
    await site.carrier.remove_phone(agent.phone)
    key = str(agent.employee_id)
    await agent.live.wait(lambda live: not live.entities["agent"][key]["registered"], why="the phone to be gone")
    assert await _refusal(agent.client) == "phone_not_registered"
    del site.agents[agent.login]
    found = await admin.get("/api/employees?q=agent5")
    await admin.request("PATCH", f"/api/employees/{found['items'][0]['id']}", {"account_state": "disabled"})
    assert await _refusal(agent.client) == "not_signed_in"
    with pytest.raises(Failed, match="account_inactive"):
        await site.client("agent5")
    await admin.request("PATCH", f"/api/employees/{found['items'][0]['id']}", {"account_state": "active"})


@pytest.mark.parametrize(
    ("change", "gate"),
    [
        ({"verification": "unverified"}, "company_unverified"),
        ({"verification": "reviewing"}, "company_unverified"),
        ({"script_state": "missing"}, "script_not_approved"),
        ({"script_state": "rejected"}, "script_not_approved"),
        ({"dialling_suspended": True}, "dialling_suspended"),
        ({"valid_until": "2020-01-01T00:00:00Z"}, "company_expired"),
    ],
)
async def test_gates_of_the_company(site: Installation, change: dict[str, Any], gate: str) -> None:
    """Nothing is dialled any more, by whatever way; what runs goes on."""
    admin, (agent, call_id) = await site.client("admin"), await talking(site)
    path = f"/api/platform/companies/{site.company_id}"
    await admin.request("PATCH", path, change)
    try:
        other = await site.agent(1)
        assert await _refusal(other.client) == gate
        assert await refused(agent.client, f"/api/calls/{call_id}/consult", {"number": "13800000021"}) == gate
        assert await refused(agent.client, f"/api/calls/{call_id}/transfer", {"number": "13800000021"}) == gate
        await agent.wait_state(call_id, "talking")
    finally:
        await admin.request("PATCH", path, ALLOWED)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": "13800000021"})
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)


async def test_gates_of_the_employee_and_the_wallet(site: Installation) -> None:
    agent, admin = await site.agent(0), await site.client("admin")
    path = f"/api/employees/{agent.employee_id}"
    await admin.request("PATCH", path, {"verification": "unverified"})
    assert await _refusal(agent.client) == "not_verified"
    await admin.post(f"/api/platform/employees/{agent.employee_id}/verify")
    await _owe(site, Kind.WALLET, Kind.SPENT)
    assert await _refusal(agent.client) == "balance_negative"
    await _owe(site, Kind.SPENT, Kind.WALLET)
    await site.reconnect(agent)
    call_id = await agent.client.dial("13800000021")
    await agent.wait_ended(call_id)


async def _owe(site: Installation, source: Kind, target: Kind) -> None:
    """A fee that is taken whatever the wallet holds, or its return; the engine reads of it."""
    now = utcnow()
    async with site.database.write() as connection:
        txn = f"test:{source}:{now.timestamp()}"
        terms: dict[str, Any] = {"txn": txn, "entry": Entry.NUMBER_FEE, "now": now, "overdraw": True}
        await wallet.move(connection, site.company_id, source, target, 100, **terms)
    await _settings(site)


async def test_gates_of_the_number(site: Installation) -> None:
    agent, admin = await site.agent(0), await site.client("admin")
    for wrong in ("12", "abc", "1380000000", "13800000001/2", "+1 555"):
        assert await _refusal(agent.client, wrong) == "number_invalid"
    entry = await admin.post("/api/blacklist", {"number": "138 0000 0004", "reason": "投诉"})
    assert await _refusal(agent.client, "13800000004") == "blacklisted"
    await admin.request("DELETE", f"/api/blacklist/{entry['id']}")
    assert await _refusal(agent.client, customer_id=999_999) == "customer_unknown"


@pytest.mark.feature("T-11")
async def test_the_dial_window(site: Installation) -> None:
    """08:00 cannot be set; before the window's first minute nobody dials, from it on everybody does."""
    agent, admin = await site.agent(0), await site.client("admin")
    before = await admin.get("/api/settings/company")
    for start, end in (("08:00", "20:00"), ("09:00", "22:00"), ("12:00", "12:00")):
        with pytest.raises(Failed, match="dial_window_invalid"):
            await admin.put("/api/settings/company", {**before, "dial_window": {"start": start, "end": end}})
    local = utcnow().astimezone(ZoneInfo(before["time_zone"]))
    later = f"{local.hour + 1:02d}:{local.minute:02d}"
    await admin.put("/api/settings/company", {**before, "dial_window": {"start": later, "end": "21:30"}})
    assert await _refusal(agent.client) == "outside_dial_window"
    await admin.put("/api/settings/company", before)
    call_id = await agent.client.dial("13800000021")
    await agent.wait_ended(call_id)


@pytest.mark.feature("V-04")
async def test_gates_of_the_minutes(site: Installation) -> None:
    """A new agent has no package; one minute lasts for one call; then the minutes are used up."""
    agent = await site.agent(6)
    async with site.database.write() as connection:
        lots = voice_package.c.employee_id == agent.employee_id
        company = voice_package.c.company_id == site.company_id
        await connection.execute(update(voice_package).where(company, lots).values(expires_at=utcnow()))
    assert await _refusal(agent.client) == "no_package"
    admin = await site.client("admin")
    granted = {"employee_id": agent.employee_id, "name": "一分钟", "minutes": 1, "days": 7}
    await admin.post("/api/packages", granted)
    call_id = await agent.client.dial("13800000030")
    await agent.wait_ended(call_id, 30)
    assert (await site.settled(agent.client, call_id))["call"]["minutes_charged"] == 1
    assert await _refusal(agent.client) == "minutes_used_up"
    packages = await agent.client.get("/api/me/minutes")
    assert packages["minutes_left"] == 0
    assert {one["state"] for one in packages["packages"]} == {"expired", "used_up"}
    await admin.post("/api/packages", {**granted, "minutes": 1000, "name": "续"})


async def test_nobody_dials_twice(site: Installation) -> None:
    """Two clicks at once: one call. The same key again: the same call. The key for another number: refused."""
    agent: Agent = await site.agent(0)
    results = await asyncio.gather(
        agent.client.dial("13800000001"), agent.client.dial("13800000001"), return_exceptions=True
    )
    calls = [one for one in results if isinstance(one, str)]
    errors = [one.code for one in results if isinstance(one, Failed)]
    assert (len(calls), errors) == (1, ["already_dialling"])
    await agent.wait_state(calls[0], "talking")
    await agent.client.post(f"/api/calls/{calls[0]}/hangup")
    await agent.wait_ended(calls[0])

    body, key = {"number": "13800000021"}, {"Idempotency-Key": "the-same-key"}
    answers = await asyncio.gather(
        *(agent.client.post("/api/calls", body, **key) for _ in range(3)), return_exceptions=True
    )
    ids = {one["call_id"] for one in answers if isinstance(one, dict)}
    assert len(ids) == 1, answers
    await agent.wait_ended(ids.pop())
    again = await agent.client.post("/api/calls", body, **key)
    listed = await agent.client.get("/api/calls?q=13800000021")
    assert [one["id"] for one in listed["items"]].count(again["call_id"]) == 1
    with pytest.raises(Failed, match="key_reused"):
        await agent.client.post("/api/calls", {"number": "13800000001"}, **key)
    with pytest.raises(Failed, match="key_missing"):
        await agent.client.post("/api/calls", body)


async def test_a_refused_dial_is_kept_in_the_audit_log(site: Installation) -> None:
    agent, admin = await site.agent(0), await site.client("admin")
    await _refusal(agent.client, "12")
    entries = (await admin.get("/api/audit?action=dial.refused"))["items"]
    assert entries[0]["details"] == {"gate": "number_invalid"}
    assert entries[0]["actor"]["id"] == agent.employee_id
