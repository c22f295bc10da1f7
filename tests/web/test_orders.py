"""Buying voice packages through the public API: prices, conditions, and what is there afterwards."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest
import pytest_asyncio
from sqlalchemy import func, select, update

from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.store.base import utcnow
from callcenter.store.tables.books import account
from callcenter.store.tables.packages import purchase
from callcenter.store.tables.people import company
from tests.web.shop import Shop, cells, opened
from tests.web.support import Site

LIMITED = {
    "name": "畅聊包",
    "offer": "limited",
    "price": 16800,
    "list_price": 19900,
    "per_employee": 2,
    "offered_from": (utcnow() - timedelta(days=1)).isoformat(),
    "offered_until": (utcnow() + timedelta(days=1)).isoformat(),
}


@pytest_asyncio.fixture
async def shop(site: Site) -> AsyncIterator[Shop]:
    async with opened(site) as made:
        yield made


# -- prices ------------------------------------------------------------------------------------------------------------


@pytest.mark.feature("V-13")
async def test_each_employee_has_the_offer_price_twice(shop: Shop) -> None:
    """SPEC C16-3: A, A, A, B pay 168, 168, 199, 168."""
    offering = await shop.offering(**LIMITED)
    paid = [(await shop.buy(offering, 1, one))["paid"] for one in ("agent", "agent", "agent", "other")]
    assert paid == [16800, 16800, 19900, 16800]
    assert await shop.balance() == 1_000_000 - sum(paid)
    candidates = await shop.good("GET", f"/api/offerings/{offering}/employees")
    left = {one["id"]: one["offers_left"] for one in candidates}
    assert (left[shop.people["agent"]], left[shop.people["other"]]) == (0, 1)


async def test_an_offer_that_is_over_costs_the_list_price(shop: Shop) -> None:
    over = LIMITED | {"offered_until": (utcnow() - timedelta(hours=1)).isoformat()}
    assert (await shop.buy(await shop.offering(**over), 1, "agent"))["paid"] == 19900


async def test_an_offer_has_to_name_its_employees(shop: Shop) -> None:
    answer = await shop.quote(await shop.offering(**LIMITED), 2, "agent")
    assert answer.code == "employees_needed"


@pytest.mark.feature("V-14")
async def test_a_trial_package_is_bought_once(shop: Shop) -> None:
    """SPEC C16-4: not for anybody else of the company either."""
    offering = await shop.offering(name="体验包", offer="trial", price=100)
    await shop.buy(offering, 1, "agent")
    for one in ("agent", "other"):
        answer = await shop.order(offering, 1, one)
        assert (answer.status, answer.code) == (409, "trial_used")
    (shown,) = [one for one in await shop.good("GET", "/api/offerings") if one["id"] == offering]
    assert (shown["buyable"], shown["why_not"], shown["trial_used"]) == (False, "trial_used", True)


@pytest.mark.feature("V-16")
async def test_quantity_times_price_is_paid(shop: Shop) -> None:
    """SPEC C16-7: 60.00 x 2, discount 0, pay 120.00."""
    offering = await shop.offering(price=6000)
    named = (await shop.quote(offering, 2)).json
    assert (named["total"], named["discount"], named["paid"]) == (12000, 0, 12000)
    order = await shop.buy(offering, 2)
    assert (order["unit_price"], order["total"], order["paid"]) == (6000, 12000, 12000)
    assert await shop.balance() == 1_000_000 - 12000


@pytest.mark.feature("V-16", "V-07")
async def test_a_fixed_package_for_two_employees(shop: Shop) -> None:
    """SPEC C16-8: 198.00 for each of two, pay 396.00."""
    offering = await shop.offering(name="点拨套餐", kind="fixed", mode="point", price=19800)
    named = (await shop.quote(offering, 2, "agent", "other")).json
    assert [(line["quantity"], line["price"]) for line in named["lines"]] == [(1, 19800), (1, 19800)]
    order = await shop.buy(offering, 2, "agent", "other")
    assert order["paid"] == 39600


@pytest.mark.feature("V-07")
async def test_three_employees_get_a_fixed_package_each(shop: Shop) -> None:
    people = ("agent", "other", "supervisor")
    order = await shop.buy(await shop.offering(kind="fixed"), 3, *people)
    packages = await shop.bought(order)
    assert sorted(one["employee"]["id"] for one in packages) == sorted(shop.people[one] for one in people)
    assert [(one["minutes_total"], one["minutes_left"]) for one in packages] == [(1000, 1000)] * 3
    async with shop.site.database.read() as connection:
        balances = [await book.balances(connection, shop.site.world.own.id, one["id"]) for one in packages]
    assert balances == [book.Balances(1000, 0, 0)] * 3


@pytest.mark.feature("V-16")
async def test_a_coupon_lowers_what_is_paid_and_is_used_once(shop: Shop) -> None:
    offering = await shop.offering(price=6000)
    made = await shop.good("POST", "/api/platform/coupons", {"amount": 1000, "reason": "补偿"})
    order = await shop.buy(offering, 2, coupon=made["code"])
    assert (order["total"], order["discount"], order["paid"]) == (12000, 1000, 11000)
    assert order["coupon"] == {"code": made["code"], "amount": 1000}
    assert await shop.balance() == 1_000_000 - 11000
    again = await shop.order(offering, 1, coupon=made["code"])
    assert (again.status, again.code) == (409, "coupon_used")
    (listed,) = (await shop.good("GET", "/api/platform/coupons", params={"state": "used"}))["items"]
    assert listed["used"]["order_number"] == order["number"]


async def test_coupons_of_others_and_old_ones_do_not_count(shop: Shop) -> None:
    offering = await shop.offering(price=6000)
    foreign = {"amount": 1000, "company_id": shop.site.world.foreign.id}
    old = {"amount": 1000, "expires_at": (utcnow() - timedelta(days=1)).isoformat()}
    for given, code in ((foreign, "coupon_unknown"), (old, "coupon_expired")):
        made = await shop.good("POST", "/api/platform/coupons", given)
        assert (await shop.quote(offering, coupon=made["code"])).code == code
    assert (await shop.quote(offering, coupon="NOSUCHCODE")).code == "coupon_unknown"
    # More than there is to pay: nothing is paid out.
    big = await shop.good("POST", "/api/platform/coupons", {"amount": 99999})
    order = await shop.buy(offering, 1, coupon=big["code"])
    assert (order["discount"], order["paid"], await shop.balance()) == (6000, 0, 1_000_000)


# -- conditions --------------------------------------------------------------------------------------------------------


async def _set(site: Site, **values: str) -> None:
    async with site.database.write() as connection:
        await connection.execute(update(company).where(company.c.id == site.world.own.id).values(**values))


@pytest.mark.feature("V-15")
async def test_each_missing_condition_refuses_with_its_own_reason(shop: Shop) -> None:
    offering = await shop.offering(kind="fixed")
    for values, code in (
        ({"verification": "reviewing"}, "company_unverified"),
        ({"script_state": "reviewing"}, "script_not_approved"),
    ):
        await _set(shop.site, **values)
        answer = await shop.order(offering, 1, "agent")
        assert (answer.status, answer.code) == (403, code)
        (shown,) = [one for one in await shop.good("GET", "/api/offerings") if one["id"] == offering]
        assert (shown["buyable"], shown["why_not"]) == (False, code)
        await _set(shop.site, verification="verified", script_state="approved")
    await shop.verify("agent", state="unverified")
    answer = await shop.order(offering, 2, "agent", "other")
    assert answer.code == "employee_unverified" and answer.json["error"]["details"]["employees"] == ["本域agent"]
    shown = await shop.good("GET", f"/api/offerings/{offering}/employees")
    assert {one["id"]: one["verified"] for one in shown}[shop.people["agent"]] is False
    assert await shop.balance() == 1_000_000
    await shop.verify("agent")
    await shop.buy(offering, 2, "agent", "other")


async def test_without_enough_money_nothing_happens(site: Site) -> None:
    async with opened(site, money=11999) as shop:
        offering = await shop.offering(price=6000)
        named = (await shop.quote(offering, 2)).json
        assert (named["paid"], named["balance"], named["enough"]) == (12000, 11999, False)
        before = await shop.good("GET", "/api/packages")
        answer = await shop.order(offering, 2)
        assert (answer.status, answer.code) == (402, "balance_too_low")
        assert await shop.good("GET", "/api/packages") == before and await shop.balance() == 11999
        await shop.put_in(1)
        await shop.buy(offering, 2)
        assert await shop.balance() == 0


async def test_the_agreement_and_the_price_must_be_what_the_buyer_has_seen(shop: Shop) -> None:
    offering = await shop.offering(price=6000)
    assert (await shop.order(offering, agreed=False)).code == "not_agreed"
    answer = await shop.order(offering, expected_paid=5999)
    assert answer.code == "price_changed" and answer.json["error"]["details"]["paid"] == 6000
    await shop.good("PATCH", f"/api/platform/offerings/{offering}", {"on_sale": False})
    assert (await shop.order(offering)).code == "offering_not_on_sale"
    assert offering not in [one["id"] for one in await shop.good("GET", "/api/offerings")]
    assert await shop.balance() == 1_000_000


async def test_the_same_key_spends_once(shop: Shop) -> None:
    offering = await shop.offering(price=6000)
    first = await shop.buy(offering, 1, key="one-order")
    again = await shop.buy(offering, 1, key="one-order")
    assert again == first and await shop.balance() == 1_000_000 - 6000
    other = await shop.order(offering, 2, key="one-order")
    assert (other.status, other.code) == (422, "key_reused")
    missing = await shop.browser.ask(
        "POST",
        "/api/orders",
        {"offering_id": offering, "action": "new", "quantity": 1, "agreed": True, "expected_paid": 6000},
    )
    assert missing.code == "key_missing"


async def test_the_last_money_is_spent_once_by_many_orders_at_the_same_time(site: Site) -> None:
    async with opened(site, money=6000) as shop:
        offering = await shop.offering(price=6000)
        answers = await asyncio.gather(*(shop.order(offering, 1, key=f"run-{turn}") for turn in range(8)))
        assert sorted(one.status for one in answers) == [201, *[402] * 7]
        assert await shop.balance() == 0
        async with site.database.read() as connection:
            mine = purchase.c.company_id == site.world.own.id
            query = select(func.count()).select_from(purchase).where(mine, purchase.c.offering_id == offering)
            assert (await connection.execute(query)).scalar_one() == 1


async def test_only_the_enterprise_account_buys(site: Site) -> None:
    async with opened(site) as shop:
        offering = await shop.offering()
    async with site.browser("supervisor") as boss:
        answer = await Shop(site, boss).order(offering)
        assert (answer.status, answer.code) == (403, "forbidden")


# -- what is there afterwards ------------------------------------------------------------------------------------------


async def test_packages_that_nobody_has_yet(shop: Shop) -> None:
    """SPEC §C2.2: a non-shared purchase of three makes three packages; those named have theirs at once."""
    order = await shop.buy(await shop.offering(), 3, "agent")
    packages = await shop.bought(order)
    assert [one["employee"] and one["employee"]["id"] for one in packages].count(None) == 2
    assert sorted(one["assignable"] for one in packages) == [0, 1, 1]
    assert await shop.left_of("agent") == 1100  # 100 of the world's own


@pytest.mark.feature("V-08")
async def test_a_renewal_is_listed_before_the_period_ends(shop: Shop) -> None:
    offering = await shop.offering()
    (first,) = await shop.bought(await shop.buy(offering, 1, "agent"))
    order = await shop.buy(offering, 1, action="renew", package_id=first["id"])
    (second,) = await shop.bought(order)
    assert second["state"] == "future" and second["renews_id"] == first["id"]
    assert second["starts_at"] == first["expires_at"] and second["employee"] == first["employee"]
    assert order["valid_until"] == second["expires_at"]
    assert await shop.left_of("agent") == 1100, "what is to come cannot be used yet"
    assert (await shop.good("GET", "/api/packages/counts"))["future"] == 1
    # And the one after that begins where the renewal ends, whichever of the two is named.
    (third,) = await shop.bought(await shop.buy(offering, 1, action="renew", package_id=first["id"]))
    assert third["starts_at"] == second["expires_at"] and third["renews_id"] == second["id"]


@pytest.mark.feature("V-08")
async def test_a_shared_package_is_renewed_with_its_members(shop: Shop) -> None:
    offering = await shop.offering(kind="shared")
    (first,) = await shop.bought(await shop.buy(offering, 3, "agent", "other"))
    assert (await shop.quote(offering, 2, action="renew", package_id=first["id"])).code == "quantity_invalid"
    (second,) = await shop.bought(await shop.buy(offering, 3, action="renew", package_id=first["id"]))
    assert second["members"] == first["members"] and second["quantity"] == 3
    assert (second["minutes_total"], second["state"]) == (3000, "future")


@pytest.mark.feature("V-09")
async def test_buying_more_of_a_shared_package(shop: Shop) -> None:
    offering = await shop.offering(kind="shared", minutes=2000)
    (package,) = await shop.bought(await shop.buy(offering, 1, "agent"))
    assert (package["assignable"], package["minutes_left"]) == (0, 2000)
    order = await shop.buy(offering, 2, action="add", package_id=package["id"])
    (more,) = await shop.bought(order)
    assert more["id"] == package["id"]
    assert (more["assignable"], more["assigned"], more["quantity"]) == (2, 1, 3)
    assert (more["minutes_total"], more["minutes_left"]) == (6000, 6000)
    assert more["expires_at"] == package["expires_at"] == order["valid_until"]


@pytest.mark.feature("V-09")
async def test_buying_more_of_a_non_shared_package(shop: Shop) -> None:
    offering = await shop.offering()
    (first,) = await shop.bought(await shop.buy(offering, 1, "agent"))
    more = await shop.bought(await shop.buy(offering, 2, action="add", package_id=first["id"]))
    assert [one["assignable"] for one in more] == [1, 1] and first["id"] not in [one["id"] for one in more]


@pytest.mark.feature("V-10")
async def test_a_top_up_is_for_the_employee_it_names(shop: Shop) -> None:
    offering = await shop.offering(kind="shared")
    (package,) = await shop.bought(await shop.buy(offering, 3, "agent", "other"))
    extra = await shop.offering(name="加油包", minutes=120, days=7)
    before = {one: await shop.left_of(one) for one in ("agent", "other")}
    order = await shop.buy(extra, 1, "agent", action="top_up", package_id=package["id"])
    assert await shop.left_of("agent") == before["agent"] + 120
    assert await shop.left_of("other") == before["other"]
    (child,) = await shop.bought(order)
    assert (child["kind"], child["parent_id"]) == ("top_up", package["id"])
    assert child["expires_at"] == package["expires_at"], "it ends with the package, whatever its own days"


async def test_a_top_up_needs_the_right_package_mode_and_people(shop: Shop) -> None:
    (package,) = await shop.bought(await shop.buy(await shop.offering(), 1, "agent"))
    extra = await shop.offering(name="加油包")
    other_mode = await shop.offering(name="回拨加油包", mode="callback")
    top_up = {"action": "top_up", "package_id": package["id"]}
    assert (await shop.quote(extra, 1, "other", **top_up)).code == "employee_not_on_package"
    assert (await shop.quote(other_mode, 1, "agent", **top_up)).code == "mode_differs"
    assert (await shop.quote(extra, 1, **top_up)).code == "employees_needed"
    assert (await shop.quote(extra, 1, "agent", action="top_up")).code == "package_unknown"
    assert (await shop.quote(extra, 1, action="renew", package_id=package["id"])).code == "offering_differs"
    assert (await shop.quote(await shop.offering(kind="fixed"), 1, "agent", action="add")).code == "action_not_possible"


async def _end(shop: Shop, order_id: int) -> None:
    """The order's time is over."""
    mine = (purchase.c.company_id == shop.site.world.own.id, purchase.c.id == order_id)
    async with shop.site.database.write() as connection:
        await connection.execute(update(purchase).where(*mine).values(valid_until=utcnow() - timedelta(days=1)))


@pytest.mark.feature("V-17")
async def test_orders_and_who_uses_them(shop: Shop) -> None:
    fixed = await shop.offering(kind="fixed", name="固定包", price=19800)
    first = await shop.buy(fixed, 2, "agent", "other")
    await shop.buy(await shop.offering(name="共享包", kind="shared", price=5000), 3)
    listed = await shop.good("GET", "/api/orders", params={"kind": "fixed"})
    assert [one["number"] for one in listed["items"]] == [first["number"]] and listed["total_paid"] == 39600
    everything = await shop.good("GET", "/api/orders")
    assert everything["total_paid"] == sum(one["paid"] for one in everything["items"]) == 39600 + 15000
    assert (await shop.good("GET", "/api/orders", params={"q": first["number"]}))["total"] == 1
    assert (await shop.good("GET", "/api/orders", params={"to": "2020-01-01T00:00:00Z"}))["total_paid"] == 0
    brief = await shop.buy(await shop.offering(name="体验包", price=700, days=1), 1, "agent")
    await _end(shop, brief["id"])
    over = await shop.good("GET", "/api/orders", params={"state": "expired"})
    assert ([one["id"] for one in over["items"]], over["total_paid"]) == ([brief["id"]], 700)
    valid = await shop.good("GET", "/api/orders", params={"state": "active"})
    assert brief["id"] not in {one["id"] for one in valid["items"]} and valid["total_paid"] == 39600 + 15000
    assert {one["state"] for one in valid["items"]} == {"active"}
    found = await shop.good("GET", f"/api/orders/{first['id']}")
    users = [(one["employee"]["id"], one["minutes_used"], one["minutes_left"]) for one in found["users"]]
    assert sorted(users) == sorted((shop.people[one], 0, 1000) for one in ("agent", "other"))
    # Renew one of them from the record, and buy the whole order again.
    package = found["packages"][0]
    renewed = await shop.buy(fixed, 1, action="renew", package_id=package["id"])
    assert (renewed["action"], renewed["paid"]) == ("renew", 19800)
    again = await shop.buy(found["offering_id"], 2, "agent", "other")
    assert again["paid"] == first["paid"] and again["id"] != first["id"]


async def test_a_file_of_orders_equals_the_list(shop: Shop) -> None:
    await shop.buy(await shop.offering(name="=1+1", price=6050), 2)
    listed = (await shop.good("GET", "/api/orders"))["items"]
    answer = await shop.browser.get("/api/orders/export")
    head, *rows = cells(answer.raw)
    assert head[0] == "订单编号" and [row[0] for row in rows] == [one["number"] for one in listed]
    assert rows[0][3] == "=1+1" and float(rows[0][9]) == 121.0


async def test_the_books_stay_balanced_whatever_is_bought(shop: Shop) -> None:
    shared = await shop.offering(kind="shared", price=100)
    (package,) = await shop.bought(await shop.buy(shared, 2, "agent"))
    await shop.buy(shared, 1, "other", action="add", package_id=package["id"])
    await shop.buy(shared, 3, action="renew", package_id=package["id"])
    await shop.buy(await shop.offering(price=70), 1, "agent", action="top_up", package_id=package["id"])
    spent = 200 + 100 + 300 + 70
    async with shop.site.database.read() as connection:
        own = shop.site.world.own.id
        sums = select(account.c.unit, func.sum(account.c.balance)).where(account.c.company_id == own)
        found = (await connection.execute(sums.group_by(account.c.unit))).all()
        assert {unit: total for unit, total in found} == {"fen": 0, "minute": 0}
        assert await book.balance(connection, own, book.money(Kind.SPENT)) == spent
    assert await shop.balance() == 1_000_000 - spent


async def test_what_was_sold_keeps_its_terms(shop: Shop) -> None:
    offering = await shop.offering(minutes=500)
    path = f"/api/platform/offerings/{offering}"
    assert (await shop.good("PATCH", path, {"minutes": 600}))["minutes"] == 600
    order = await shop.buy(offering, 1, "agent")
    for change in ({"minutes": 700}, {"days": 7}, {"kind": "shared"}):
        assert (await shop.browser.ask("PATCH", path, change)).code == "offering_sold"
    changed = await shop.good("PATCH", path, {"price": 7000, "list_price": 7000, "name": "新名"})
    assert (changed["minutes"], changed["price"]) == (600, 7000)
    (kept,) = [one for one in (await shop.good("GET", "/api/orders"))["items"] if one["id"] == order["id"]]
    assert (kept["name"], kept["paid"]) == (order["name"], 6000)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price": 200, "list_price": 100}, "list_price"),
        ({"price": 100, "list_price": 200}, "list_price"),
        (LIMITED | {"per_employee": 0}, "per_employee"),
        (LIMITED | {"offered_until": LIMITED["offered_from"]}, "offered_until"),
        ({"also_mode": "direct"}, "also_mode"),
    ],
)
async def test_terms_that_do_not_fit_together(shop: Shop, fields: dict[str, object], reason: str) -> None:
    given = {"name": "包", "kind": "fixed", "mode": "direct", "minutes": 1, "days": 1, "price": 1, "list_price": 1}
    answer = await shop.browser.ask("POST", "/api/platform/offerings", given | fields)
    assert answer.code == "offering_invalid" and answer.json["error"]["details"]["reason"] == reason


async def test_a_package_is_valid_from_the_moment_of_the_purchase(shop: Shop) -> None:
    before = utcnow()
    (package,) = await shop.bought(await shop.buy(await shop.offering(days=7), 1, "agent"))
    starts, ends = (datetime.fromisoformat(package[one]) for one in ("starts_at", "expires_at"))
    assert before <= starts <= utcnow() and ends - starts == timedelta(days=7)
