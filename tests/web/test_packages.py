"""Who uses a bought package, through the public API: assign, take back, hand over, leave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import select

from callcenter.domain.gates import GateClosed
from callcenter.domain.terms import Mode
from callcenter.store.tables.numbers import seat
from crm_bridge.customers.tables import customer
from tests.web.shop import Calls, Shop, bare
from tests.web.support import Site


@pytest_asyncio.fixture
async def shop(site: Site) -> AsyncIterator[Shop]:
    async with bare(site) as made:
        yield made


@pytest.fixture
def calls(site: Site, tmp_path: Path) -> Calls:
    return Calls(site, tmp_path)


async def assign(shop: Shop, package_id: int, *people: str) -> Any:
    ids = [shop.people[one] for one in people]
    return await shop.browser.ask("POST", f"/api/packages/{package_id}/assign", {"employee_ids": ids})


async def hand_over(shop: Shop, package_id: int, giver: str, taker: str) -> Any:
    body = {"from_employee_id": shop.people[giver], "to_employee_id": shop.people[taker]}
    return await shop.browser.ask("POST", f"/api/packages/{package_id}/hand-over", body)


async def hire(shop: Shop, login: str) -> None:
    """Another agent, verified."""
    given = {"login": login, "name": login, "password": "a-long-password", "role": "agent"}
    shop.people[login] = (await shop.good("POST", "/api/employees", given))["id"]
    await shop.verify(login)


# -- who uses a package ------------------------------------------------------------------------------------------------


@pytest.mark.feature("V-06")
async def test_ten_places_are_for_ten_employees(shop: Shop) -> None:
    """SPEC C16-6: the eleventh is refused."""
    people = ["agent", "other", "supervisor", *(f"agent{index}" for index in range(8))]
    for login in people[3:]:
        await hire(shop, login)
    (package,) = await shop.bought(await shop.buy(await shop.offering(kind="shared", price=100), 10))
    assert (await assign(shop, package["id"], *people[:10])).json["assignable"] == 0
    eleventh = await assign(shop, package["id"], people[10])
    assert (eleventh.status, eleventh.code) == (409, "package_full")
    assert (await shop.package(package["id"]))["assigned"] == 10


@pytest.mark.feature("V-06")
async def test_members_of_a_shared_package_use_one_pool(shop: Shop, calls: Calls) -> None:
    offering = await shop.offering(kind="shared", minutes=100)
    (package,) = await shop.bought(await shop.buy(offering, 2, "agent", "other"))
    await calls.talk("agent", 61)
    assert (await shop.package(package["id"]))["minutes_left"] == 198
    await calls.talk("other", 12)
    shown = await shop.package(package["id"])
    assert (shown["minutes_left"], shown["minutes_used"]) == (197, 3)


@pytest.mark.feature("V-05")
async def test_an_employee_uses_only_the_own_package(shop: Shop, calls: Calls) -> None:
    mine, theirs = await shop.bought(await shop.buy(await shop.offering(), 2, "agent", "other"))
    await calls.talk("agent", 61)
    left = {mine["employee"]["id"]: mine["id"], theirs["employee"]["id"]: theirs["id"]}
    assert (await shop.package(left[shop.people["agent"]]))["minutes_left"] == 998
    assert (await shop.package(left[shop.people["other"]]))["minutes_left"] == 1000


@pytest.mark.feature("V-12")
async def test_a_call_lowers_only_a_package_of_its_mode(shop: Shop, calls: Calls) -> None:
    direct = await shop.offering(mode="direct", also_mode="call_through")
    callback = await shop.offering(mode="callback")
    (first,) = await shop.bought(await shop.buy(direct, 1, "agent"))
    (second,) = await shop.bought(await shop.buy(callback, 1, "agent"))
    await calls.talk("agent", 61, Mode.CALLBACK)
    assert [(await shop.package(one["id"]))["minutes_left"] for one in (first, second)] == [1000, 998]
    await calls.talk("agent", 5, Mode.CALL_THROUGH)
    assert [(await shop.package(one["id"]))["minutes_left"] for one in (first, second)] == [999, 998]


@pytest.mark.feature("V-11")
async def test_assigning_moves_the_counts_by_one_and_is_listed(shop: Shop, calls: Calls) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(kind="shared"), 3))
    assert (package["assigned"], package["assignable"]) == (0, 3)
    with pytest.raises(GateClosed):
        await calls.hold("agent")
    shown = (await assign(shop, package["id"], "agent")).json
    assert (shown["assigned"], shown["assignable"]) == (1, 2)
    await calls.talk("agent", 5)
    (line,) = await shop.good("GET", f"/api/packages/{package['id']}/log")
    assert (line["what"], line["employee"]["name"], line["actor"]["name"]) == ("assigned", "本域agent", "本域admin")
    assert (await assign(shop, package["id"], "agent")).code == "already_on_package"
    await shop.verify("other", state="unverified")
    assert (await assign(shop, package["id"], "other")).code == "employee_unverified"


@pytest.mark.feature("V-11")
async def test_a_non_shared_package_goes_to_one_employee(shop: Shop) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(), 1))
    assert (await assign(shop, package["id"], "agent", "other")).code == "package_full"
    assert (await shop.good("GET", "/api/packages/counts"))["unassigned"] == 1
    assert (await assign(shop, package["id"], "agent")).json["employee"]["id"] == shop.people["agent"]
    assert (await assign(shop, package["id"], "other")).code == "package_full"
    assert (await shop.good("GET", "/api/packages/counts"))["unassigned"] == 0


async def test_nobody_is_taken_off_a_package_in_the_middle_of_a_call(shop: Shop, calls: Calls) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(kind="shared"), 2, "agent", "other"))
    path, body = f"/api/packages/{package['id']}/unassign", {"employee_id": shop.people["agent"]}
    call_id = await calls.hold("agent")
    assert (await shop.browser.ask("POST", path, body)).code == "package_in_use"
    assert (await hand_over(shop, package["id"], "agent", "supervisor")).code == "package_in_use"
    await calls.end(call_id, 61)
    shown = await shop.good("POST", path, body)
    assert [one["id"] for one in shown["members"]] == [shop.people["other"]] and shown["assignable"] == 1
    assert shown["minutes_used"] == 2, "what was used stays used"
    assert (await shop.browser.ask("POST", path, body)).code == "employee_not_on_package"
    (own,) = await shop.bought(await shop.buy(await shop.offering(), 1, "agent"))
    assert (await shop.browser.ask("POST", f"/api/packages/{own['id']}/unassign", body)).code == "package_not_shared"


# -- handing over ------------------------------------------------------------------------------------------------------


@pytest.mark.feature("V-20")
async def test_a_fixed_package_goes_only_to_the_same_line(shop: Shop) -> None:
    north, south = [await shop.offering(kind="fixed", name=name, line=name) for name in ("北线", "南线")]
    (package,) = await shop.bought(await shop.buy(north, 1, "agent"))
    await shop.buy(south, 1, "other")
    answer = await hand_over(shop, package["id"], "agent", "other")
    assert (answer.status, answer.code) == (409, "line_differs")
    # Only whoever has a package of that line may have it: no line is not the same line either.
    assert (await hand_over(shop, package["id"], "agent", "supervisor")).code == "line_differs"
    await shop.buy(north, 1, "supervisor")
    await shop.buy(north, 1, "other")
    assert (await hand_over(shop, package["id"], "agent", "other")).json["employee"]["id"] == shop.people["other"]
    assert (await hand_over(shop, package["id"], "other", "supervisor")).status == 200
    newest = (await shop.good("GET", f"/api/packages/{package['id']}/log"))[0]
    assert (newest["what"], newest["from_employee"]["name"]) == ("handed_over", "本域other")
    assert newest["employee"]["name"] == "本域supervisor"


@pytest.mark.feature("V-20")
async def test_a_shared_package_goes_only_to_somebody_who_is_not_on_it(shop: Shop) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(kind="shared"), 2, "agent", "other"))
    answer = await hand_over(shop, package["id"], "agent", "other")
    assert (answer.status, answer.code) == (409, "already_on_package")
    shown = (await hand_over(shop, package["id"], "agent", "supervisor")).json
    assert {one["id"] for one in shown["members"]} == {shop.people["other"], shop.people["supervisor"]}
    offering = await shop.offering()
    mine, _ = await shop.bought(await shop.buy(offering, 2, "agent", "other"))
    holder = "agent" if mine["employee"]["id"] == shop.people["agent"] else "other"
    other = "other" if holder == "agent" else "agent"
    assert (await hand_over(shop, mine["id"], holder, other)).code == "already_on_package"


async def test_renewals_and_top_ups_go_with_their_package(shop: Shop) -> None:
    offering = await shop.offering()
    (package,) = await shop.bought(await shop.buy(offering, 1, "agent"))
    await shop.buy(offering, 1, action="renew", package_id=package["id"])
    extra = await shop.offering(name="加油包", minutes=50)
    await shop.buy(extra, 1, "agent", action="top_up", package_id=package["id"])
    assert (await hand_over(shop, package["id"], "agent", "supervisor")).status == 200
    theirs = await shop.good("GET", "/api/packages", params={"employee_id": shop.people["supervisor"]})
    assert sorted((one["kind"], one["state"]) for one in theirs["items"]) == [
        ("non_shared", "future"),
        ("non_shared", "sufficient"),
        ("top_up", "sufficient"),
    ]


# -- leaving -----------------------------------------------------------------------------------------------------------


async def _owner(site: Site, customer_id: int) -> int | None:
    query = select(customer.c.owner_id).where(customer.c.company_id == site.world.own.id, customer.c.id == customer_id)
    async with site.database.read() as connection:
        return (await connection.execute(query)).scalar()


async def test_whoever_leaves_passes_on_customers_and_packages(shop: Shop) -> None:
    north, south = [await shop.offering(kind="fixed", name=name, line=name) for name in ("北线", "南线")]
    shared = await shop.offering(kind="shared", name="共享包", line="南线")
    kept = await shop.bought(await shop.buy(north, 1, "agent"))
    await shop.buy(south, 1, "other")
    (pool,) = await shop.bought(await shop.buy(shared, 2, "agent"))
    site, agent, other = shop.site, shop.people["agent"], shop.people["other"]
    body = {"to_employee_id": other, "hand_over_packages": True}
    left = await shop.good("POST", f"/api/employees/{agent}/depart", body)
    assert left["customers_moved"] == 1 and await _owner(site, site.world.own.ids["customer"]) == other
    assert [one["id"] for one in left["packages_moved"]] == [pool["id"]]
    assert [(one["id"], one["why"]) for one in left["not_moved"]] == [(kept[0]["id"], "line_differs")]
    assert [one["id"] for one in (await shop.package(pool["id"]))["members"]] == [other]
    # The account is over: no session, no seat, no second departure, and nothing can be bought for it.
    async with site.browser("agent") as gone:
        assert (await gone.get("/api/me")).status == 401
    async with site.database.read() as connection:
        seats = select(seat.c.id).where(seat.c.company_id == site.world.own.id, seat.c.employee_id == agent)
        assert (await connection.execute(seats)).first() is None
    again = await shop.browser.ask("POST", f"/api/employees/{agent}/depart", {})
    assert (again.status, again.code) == (409, "already_departed")
    assert (await shop.quote(shared, 1, "agent")).code == "employee_unknown"


async def test_whoever_leaves_without_a_successor_keeps_everything(shop: Shop) -> None:
    site, agent = shop.site, shop.people["agent"]
    left = await shop.good("POST", f"/api/employees/{agent}/depart", {})
    nothing = {"customers_moved": 0, "packages_moved": [], "not_moved": [], "numbers_moved": 0, "seat_moved": False}
    assert left == {**nothing, "customers_kept": 0, "task_numbers_moved": 1, "numbers_moved": 1}
    assert await _owner(site, site.world.own.ids["customer"]) == agent
    own = await shop.browser.ask("POST", f"/api/employees/{shop.people['admin']}/depart", {})
    assert own.code == "own_account"
    self_ = await shop.browser.ask(
        "POST", f"/api/employees/{shop.people['other']}/depart", {"to_employee_id": shop.people["other"]}
    )
    assert self_.code == "employee_unknown"
