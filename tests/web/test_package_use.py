"""What bought packages were used for, what time does to them, and what people are told of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
from sqlalchemy import select, update

from callcenter import app
from callcenter.domain.gates import GateClosed
from callcenter.domain.terms import Gate, Mode
from callcenter.features.notices.tables import notice
from callcenter.features.packages import reminders
from callcenter.ledger import book
from callcenter.ledger.packages import Packages
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import voice_package
from tests.ledger.test_settlement import C16_2
from tests.web.shop import SHOWN, Calls, Shop, bare, cells
from tests.web.support import Site, until


@pytest_asyncio.fixture
async def shop(site: Site) -> AsyncIterator[Shop]:
    async with bare(site) as made:
        yield made


@pytest.fixture
def calls(site: Site, tmp_path: Path) -> Calls:
    return Calls(site, tmp_path)


# -- what it was used for ----------------------------------------------------------------------------------------------


@pytest.mark.feature("V-18")
async def test_every_call_is_in_the_consumption_and_in_its_file(shop: Shop, calls: Calls) -> None:
    """The ten calls of SPEC §C1.4: 07:39 of talk, twelve minutes; those that cost nothing are listed as well."""
    (package,) = await shop.bought(await shop.buy(await shop.offering(), 1, "agent"))
    ids = [await calls.talk("agent", seconds) for seconds, _ in C16_2]
    found = await shop.good("GET", "/api/consumption", params={"package_id": package["id"], "sort": "at"})
    cost = {one["call_id"]: (one["duration_seconds"], one["minutes"]) for one in found["items"]}
    assert [cost[one] for one in ids] == C16_2 and found["total"] == 10
    assert (found["total_seconds"], found["total_minutes"]) == (459, 12)
    assert {one["number"] for one in found["items"]} == {f"+861380000{turn:04d}" for turn in range(1, 11)}
    part = await shop.good("GET", "/api/consumption", params={"package_id": package["id"], "page_size": 3})
    assert len(part["items"]) == 3 and part["total_minutes"] == 12, "sums are of all that match, not of the page"
    answer = await shop.browser.get("/api/consumption/export", params={"package_id": package["id"], "sort": "at"})
    head, *rows = cells(answer.raw)
    assert head == ["拨打时间", "员工", "主叫号码", "被叫号码", "语音包", "通话时长", "消耗分钟"]
    assert {one["caller_number"] for one in found["items"]} == {SHOWN}, "what the customer saw"
    dialled = {row["id"]: row["started_at"] for row in (await shop.good("GET", "/api/calls"))["items"]}
    assert all(dialled[one["call_id"]] == one["started_at"] for one in found["items"]), "dialled, not charged"
    zone = ZoneInfo("Asia/Shanghai")
    assert [row[0] for row in rows] == [
        datetime.fromisoformat(one["started_at"]).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
        for one in found["items"]
    ]
    shown = [(row[1], row[2], row[3], row[4], row[5], int(row[6])) for row in rows]
    assert shown == [
        (
            one["employee"]["name"],
            one["caller_number"],
            one["number"],
            one["package"]["name"],
            f"{one['duration_seconds'] // 60:02d}:{one['duration_seconds'] % 60:02d}",
            one["minutes"],
        )
        for one in found["items"]
    ]


async def test_consumption_by_employee_and_time(shop: Shop, calls: Calls) -> None:
    await shop.buy(await shop.offering(kind="shared"), 2, "agent", "other")
    await calls.talk("agent", 5)
    await calls.talk("other", 65)
    mine = await shop.good("GET", "/api/consumption", params={"employee_id": shop.people["other"]})
    assert [one["minutes"] for one in mine["items"]] == [2]
    later = {"from": (utcnow() + timedelta(hours=1)).isoformat()}
    assert (await shop.good("GET", "/api/consumption", params=later))["total"] == 0
    # A supervisor sees only what the own people used.
    async with shop.site.browser("supervisor") as boss:
        seen = (await boss.get("/api/consumption")).json
        assert {one["employee"]["id"] for one in seen["items"]} == {shop.people["agent"]}


@pytest.mark.feature("V-17")
async def test_an_order_says_what_each_employee_used(shop: Shop, calls: Calls) -> None:
    order = await shop.buy(await shop.offering(kind="fixed"), 2, "agent", "other")
    await calls.talk("agent", 125)
    users = (await shop.good("GET", f"/api/orders/{order['id']}"))["users"]
    shown = {one["employee"]["id"]: (one["minutes_used"], one["minutes_left"]) for one in users}
    assert shown == {shop.people["agent"]: (3, 997), shop.people["other"]: (0, 1000)}


@pytest.mark.feature("V-19")
async def test_the_counters_move_when_minutes_fall(shop: Shop, calls: Calls) -> None:
    """Low is 50 minutes or a tenth, whichever is more; of a package of 3 it is 2."""
    before = await shop.good("GET", "/api/packages/counts")
    await shop.buy(await shop.offering(minutes=3), 1, "agent")
    moved = await shop.good("GET", "/api/packages/counts")
    assert (moved["sufficient"], moved["low"]) == (before["sufficient"] + 1, before["low"])
    await calls.talk("agent", 5)
    moved = await shop.good("GET", "/api/packages/counts")
    assert (moved["sufficient"], moved["low"]) == (before["sufficient"], before["low"] + 1)
    await calls.talk("agent", 65)
    moved = await shop.good("GET", "/api/packages/counts")
    assert (moved["low"], moved["used_up"]) == (before["low"], before["used_up"] + 1)


async def test_packages_come_page_by_page_those_in_need_first(shop: Shop, calls: Calls) -> None:
    """What runs low stands first; a top-up is of its package's kind; a name finds the packages that its owner uses."""
    shared = await shop.buy(await shop.offering(name="共享包", kind="shared"), 2, "agent", "other")
    (pool,) = await shop.bought(shared)
    extra = await shop.offering(name="加油包", minutes=3)
    await shop.buy(extra, 1, "agent", action="top_up", package_id=pool["id"])
    await shop.buy(await shop.offering(name="单人包"), 3)
    first = await shop.good("GET", "/api/packages", params={"page_size": 2})
    second = await shop.good("GET", "/api/packages", params={"page_size": 2, "page": 2})
    assert len(first["items"]) == len(second["items"]) == 2 and first["total"] == second["total"] >= 5
    assert not {one["id"] for one in first["items"]} & {one["id"] for one in second["items"]}
    of_kind = await shop.good("GET", "/api/packages", params={"kind": "shared"})
    assert {one["name"] for one in of_kind["items"]} == {"共享包", "加油包"}
    topped = next(one for one in of_kind["items"] if one["name"] == "加油包")
    assert topped["parent"] == {"id": pool["id"], "name": "共享包"}
    counted = await shop.good("GET", "/api/packages/counts", params={"kind": "shared"})
    assert (counted["sufficient"], counted["unassigned"]) == (2, 0)
    room = await shop.good("GET", "/api/packages", params={"unassigned": "true", "q": "单人"})
    assert [one["employee"] for one in room["items"]] == [None] * 3
    named = await shop.good("GET", "/api/packages", params={"q": "other"})
    assert [one["name"] for one in named["items"] if one["state"] != "expired"] == ["共享包"]
    assert (await shop.good("GET", f"/api/packages/{pool['id']}"))["name"] == "共享包"
    assert (await shop.browser.get("/api/packages/999999")).status == 404
    await shop.buy(await shop.offering(name="急用包", minutes=3, days=1), 1, "agent")
    await calls.talk("agent", 5)
    (lowest, *_) = (await shop.good("GET", "/api/packages"))["items"]
    assert (lowest["name"], lowest["state"]) == ("急用包", "low")


async def test_a_whole_order_is_renewed_at_once_or_not_at_all(shop: Shop) -> None:
    """SPEC §C7.2: three packages of one order get their next period each, from one press and one sum."""
    order = await shop.buy(await shop.offering(kind="fixed", price=2000), 3, "agent", "other", "supervisor")
    path = f"/api/orders/{order['id']}/renewal"
    asked = await shop.good("GET", path)
    assert (asked["paid"], len(asked["lines"]), asked["enough"]) == (6000, 3, True)
    before = await shop.balance()
    body = {"agreed": True, "expected_paid": 6000}

    async def press(key: str, **more: Any) -> Any:
        return await shop.browser.ask("POST", path, body | more, headers={"Idempotency-Key": key})

    assert (await press("one", expected_paid=5999)).code == "price_changed"
    assert (await press("one", agreed=False)).code == "not_agreed"
    done = await press("two")
    assert done.status == 201 and len(done.json["orders"]) == 3 and done.json["balance"] == before - 6000
    again = await press("two")
    assert again.json["orders"] == done.json["orders"] and await shop.balance() == before - 6000
    assert (await shop.good("GET", "/api/packages/counts"))["future"] == 3
    # No money for all three: nothing is renewed.
    await shop.buy(await shop.offering(name="大包", price=await shop.balance() - 5000), 1)
    assert (await press("three")).code == "balance_too_low"
    assert await shop.balance() == 5000
    assert (await shop.good("GET", "/api/packages/counts"))["future"] == 3


async def test_the_entries_of_a_package_add_up(shop: Shop, calls: Calls) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(minutes=10), 1, "agent"))
    await calls.talk("agent", 65)
    await calls.talk("agent", 0)
    running = await calls.hold("agent")
    listed = (await shop.good("GET", f"/api/packages/{package['id']}/entries"))["items"]
    assert [one["minutes"] for one in listed] == [-2, 10], "what a call holds for a while is no entry"
    held = await shop.package(package["id"])
    assert held["minutes_left"] + held["minutes_reserved"] == 8
    await calls.end(running, 1)
    listed = (await shop.good("GET", f"/api/packages/{package['id']}/entries"))["items"]
    assert sum(one["minutes"] for one in listed) == (await shop.package(package["id"]))["minutes_left"] == 7


@pytest.mark.feature("P-55")
async def test_a_package_tells_how_long_it_lasts_at_this_pace(shop: Shop, calls: Calls) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(minutes=100), 1, "agent"))
    assert package["days_left_at_pace"] is None
    await calls.talk("agent", 5 * 60)
    assert (await shop.package(package["id"]))["days_left_at_pace"] == 19, "5 of 100 on the first day: 95 / 5"

    async def lasts(days: float) -> int | None:
        """What a package that began two days ago says when it ends after so many more."""
        one = (voice_package.c.company_id == shop.site.world.own.id, voice_package.c.id == package["id"])
        times = {"starts_at": utcnow() - timedelta(days=2), "expires_at": utcnow() + timedelta(days=days)}
        async with shop.site.database.write() as connection:
            await connection.execute(update(voice_package).where(*one).values(**times))
        found: int | None = (await shop.package(package["id"]))["days_left_at_pace"]
        return found

    assert await lasts(60) == 38, "5 in two days"
    assert await lasts(5.5) == 5, "no more days than it has"
    assert await lasts(-1) == 0


# -- time --------------------------------------------------------------------------------------------------------------


async def _notices(site: Site) -> list[tuple[str, int | None, dict[str, Any]]]:
    query = select(notice).where(notice.c.company_id == site.world.own.id).order_by(notice.c.id)
    async with site.database.read() as connection:
        return [(row.kind, row.employee_id, row.data) for row in (await connection.execute(query)).all()]


@pytest.mark.feature("V-03")
async def test_the_end_takes_what_is_left(shop: Shop, calls: Calls) -> None:
    """SPEC C16-5: 500 minutes left at the end are gone, and the package pays nothing any more."""
    (package,) = await shop.bought(await shop.buy(await shop.offering(minutes=501, days=30), 1, "agent"))
    assert datetime.fromisoformat(package["starts_at"]) <= utcnow(), "valid from the purchase on"
    await calls.talk("agent", 5)
    site, end = shop.site, datetime.fromisoformat(package["expires_at"])
    await reminders.run_due(site.database, end - timedelta(seconds=1))
    assert (await shop.package(package["id"]))["minutes_left"] == 500
    assert await reminders.run_due(site.database, end)
    shown = await shop.package(package["id"])
    assert (shown["minutes_left"], shown["minutes_used"]) == (0, 1)
    async with site.database.read() as connection:
        expired = book.lot(package["id"], book.Kind.EXPIRED)
        assert await book.balance(connection, site.world.own.id, expired) == 500
    with pytest.raises(GateClosed) as refused:
        await site.services.port(Packages).reserve(
            company_id=site.world.own.id,
            employee_id=shop.people["agent"],
            mode=Mode.DIRECT,
            call_id="late",
            minutes=5,
            now=end,
        )
    assert refused.value.gate is Gate.NO_PACKAGE
    assert not await reminders.run_due(site.database, end), "once"


@pytest.mark.feature("V-08")
async def test_a_renewal_takes_over_the_moment_the_period_ends(shop: Shop) -> None:
    offering = await shop.offering(minutes=100)
    (first,) = await shop.bought(await shop.buy(offering, 1, "agent"))
    await shop.buy(offering, 1, action="renew", package_id=first["id"])
    packages, end = shop.site.services.port(Packages), datetime.fromisoformat(first["expires_at"])
    await reminders.run_due(shop.site.database, end)
    held = await packages.reserve(
        company_id=shop.site.world.own.id,
        employee_id=shop.people["agent"],
        mode=Mode.DIRECT,
        call_id="next-period",
        minutes=5,
        now=end,
    )
    assert held.package_id != first["id"], "nothing carries over, and nobody has to wait"


@pytest.mark.feature("V-31")
async def test_people_are_told_before_a_package_ends(shop: Shop) -> None:
    """7, 3 and 1 days before, and when it is over: the user and the company, each once."""
    await shop.buy(await shop.offering(name="只此一包", days=30), 1, "agent")
    site, start = shop.site, utcnow()
    for hours in (0, 22 * 24, 23 * 24 + 1, 23 * 24 + 2, 27 * 24 + 1, 29 * 24 + 1, 30 * 24 + 1, 31 * 24):
        await reminders.run_due(site.database, start + timedelta(hours=hours))
    told = [(kind, who, data.get("days")) for kind, who, data in await _notices(site) if _about(data, "只此一包")]
    agent = shop.people["agent"]
    assert told == [
        (kind, who, days)
        for kind, days in (
            ("package_ending", 7),
            ("package_ending", 3),
            ("package_ending", 1),
            ("package_ended", None),
        )
        for who in (None, agent)
    ]


def _about(data: dict[str, Any], name: str) -> bool:
    return bool(data["package"]["name"] == name)


@pytest.mark.feature("V-31")
async def test_a_notice_is_on_the_page_until_it_is_read(shop: Shop, calls: Calls) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(name="小包", minutes=3), 1, "agent"))
    await calls.talk("agent", 5)
    for _ in range(2):
        await reminders.run_due(shop.site.database, utcnow())
    async with shop.site.browser("agent") as agent, shop.site.browser("other") as other:
        (mine,) = [one for one in (await agent.get("/api/notices")).json if _about(one["data"], "小包")]
        assert (mine["kind"], mine["data"]["minutes"], mine["read_at"]) == ("package_low", 2, None)
        assert mine["data"]["package"]["id"] == package["id"]
        assert not [one for one in (await other.get("/api/notices")).json if _about(one["data"], "小包")]
        assert (await other.ask("POST", "/api/notices/read", {"ids": [mine["id"]]})).json == {"read": 0}
        assert (await agent.ask("POST", "/api/notices/read", {"ids": [mine["id"]]})).json == {"read": 1}
        (mine,) = [one for one in (await agent.get("/api/notices")).json if one["id"] == mine["id"]]
        assert mine["read_at"] is not None
    (company,) = [one for one in await shop.good("GET", "/api/notices") if _about(one["data"], "小包")]
    assert company["read_at"] is None, "the company's own is another one"


async def test_the_running_product_looks_after_the_books(shop: Shop) -> None:
    """Nobody has to ask: what is over when the product starts is taken, and the engine is told."""
    (package,) = await shop.bought(await shop.buy(await shop.offering(), 1, "agent"))
    site = shop.site
    async with site.database.write() as connection:
        one = (voice_package.c.company_id == site.world.own.id, voice_package.c.id == package["id"])
        await connection.execute(update(voice_package).where(*one).values(expires_at=utcnow()))
    assert site.engine.core.minutes[shop.people["agent"]] == 1000
    calm = SimpleNamespace(calm=True)
    running = SimpleNamespace(
        database=site.database, packages=site.services.port(Packages), telephony=site.telephony, clock=calm
    )
    work = asyncio.create_task(app._keep_books(cast(app.App, running)))
    try:
        left = site.engine.core.minutes
        await until(lambda: left.get(shop.people["agent"]) != 1000, "the engine to know")
    finally:
        work.cancel()
    assert (await shop.package(package["id"]))["minutes_left"] == 0
