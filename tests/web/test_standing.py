"""What stands between a person and a call out for as long as it is so: a name not verified, a company whose time is
over; and how people come to know (SPEC §B3.3, §B10.5)."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update

from callcenter.features.notices.notices import queue
from callcenter.features.notices.push import NoticePush
from callcenter.features.packages import reminders
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company
from callcenter.web.live import Client
from tests.web.support import Answer, Browser, Site, token_of


async def _dial(browser: Browser) -> Answer:
    headers = {"Idempotency-Key": f"dial-{utcnow():%f}"}
    return await browser.ask("POST", "/api/calls", {"number": "13800000001"}, headers=headers)


async def test_who_is_not_verified_does_not_dial(site: Site) -> None:
    agent_id = site.world.own.people["agent"]
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        path = f"/api/employees/{agent_id}"
        assert (await _dial(agent)).code == "not_logged_in", "the gate of the name is open"
        assert (await agent.get("/api/me")).json["verification"] == "verified"
        await admin.ask("PATCH", path, {"verification": "unverified"})
        refused = await _dial(agent)
        assert (refused.status, refused.code) == (403, "not_verified")
        assert "实名" in refused.json["error"]["message"]["zh"]
        assert (await agent.get("/api/me")).json["verification"] == "unverified"
        assert (await admin.ask("POST", f"/api/platform/employees/{agent_id}/verify")).status == 204
        assert (await _dial(agent)).code == "not_logged_in"


async def test_another_phone_has_to_be_verified_anew(site: Site) -> None:
    path = f"/api/employees/{site.world.own.people['agent']}"
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        first = await admin.ask("PATCH", path, {"phone": "13900001111"})
        assert first.json["verification"] == "verified", "a first phone is no change"
        same = await admin.ask("PATCH", path, {"phone": "13900001111", "name": "新名"})
        assert same.json["verification"] == "verified"
        other = await admin.ask("PATCH", path, {"phone": "13900002222"})
        assert other.json["verification"] == "unverified"
        assert (await _dial(agent)).code == "not_verified"


async def test_nobody_dials_for_a_company_whose_time_is_over(site: Site) -> None:
    """The time is looked at with every click: nobody has to tell the engine that it has come."""
    async with site.browser("agent", "foreign") as agent, site.browser("admin") as operator:
        path = f"/api/platform/companies/{site.world.foreign.id}"
        soon = (utcnow() + timedelta(hours=1)).isoformat()
        assert (await operator.ask("PATCH", path, {"valid_until": soon})).status == 200
        assert (await _dial(agent)).code == "not_logged_in"
        shown = (await agent.get("/api/me")).json["company"]["valid_until"]
        assert datetime.fromisoformat(shown) == datetime.fromisoformat(soon).replace(
            microsecond=datetime.fromisoformat(shown).microsecond
        )
        past = (utcnow() - timedelta(seconds=1)).isoformat()
        await operator.ask("PATCH", path, {"valid_until": past})
        refused = await _dial(agent)
        assert (refused.status, refused.code) == (409, "company_expired")
        await operator.ask("PATCH", path, {"valid_until": None})
        assert (await _dial(agent)).code == "not_logged_in"


async def test_a_company_is_told_before_its_time_is_over(site: Site) -> None:
    ends = utcnow() + timedelta(days=20)
    async with site.database.write() as connection:
        own = update(company).where(company.c.id == site.world.own.id)
        await connection.execute(own.values(valid_until=ends))
    for left in (19, 6, 6, 2, 0.5, -1, -2):
        await reminders.run_due(site.database, ends - timedelta(days=left))
    async with site.browser("admin") as admin, site.browser("agent") as agent:
        told = [one for one in (await admin.get("/api/notices")).json if one["kind"].startswith("company_")]
        assert sorted((one["kind"], one["data"]["days"]) for one in told) == [
            ("company_ended", 0),
            ("company_ending", 1),
            ("company_ending", 3),
            ("company_ending", 7),
        ]
        assert not any(one["kind"].startswith("company_") for one in (await agent.get("/api/notices")).json)


async def test_a_notice_is_on_the_screen_at_once_and_told_once(site: Site) -> None:
    """The event says that there is something, to the one whom it is for; the page asks what it is."""
    own, people = site.world.own.id, site.world.own.people
    screens = {name: await _screen(site, name) for name in ("agent", "other", "admin")}
    push = NoticePush(site.database, site.hub)
    await push.begin()
    assert await push.step() == 0, "what was there before is no news"
    async with site.database.write() as connection:
        await queue(connection, own, "package_low", "low:1", {"minutes": 5}, at=utcnow(), to=(people["agent"], None))
    assert await push.step() == 2
    assert await push.step() == 0
    assert {name: _heard(screen) for name, screen in screens.items()} == {"agent": 1, "other": 0, "admin": 1}


async def _screen(site: Site, name: str) -> Client:
    me = await site.services.auth.identify(token_of("own", name))
    assert me is not None
    client = Client(me)
    site.hub.join(client, None)
    client.queue.clear()
    return client


def _heard(screen: Client) -> int:
    return sum(b'"notice"' in message for message in screen.queue)
