"""What a careful accountant tries: everything at once, everything twice, too late, with people who have left."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData

from callcenter import due
from callcenter.features.money import recharges
from callcenter.features.packages import reminders
from callcenter.providers.payment import Paid
from callcenter.store.base import utcnow
from tests.web.shop import Calls, Shop, bare
from tests.web.shop import opened as opened_shop
from tests.web.support import PNG, Answer, Browser, Site
from tests.web.till import opened, sheet

# -- at once -----------------------------------------------------------------------------------------------------------


@pytest.mark.feature("V-13", "V-14", "V-16")
async def test_what_is_there_once_is_had_once_by_orders_at_the_same_moment(site: Site) -> None:
    async with opened_shop(site) as shop:
        trial = await shop.offering(name="体验包", offer="trial", price=100)
        tried = await asyncio.gather(*(shop.order(trial, 1, one) for one in ("agent", "other") * 3))
        assert Counter(one.status for one in tried) == {201: 1, 409: 5}
        assert {one.code for one in tried} == {"", "trial_used"}
        coupon = (await shop.good("POST", "/api/platform/coupons", {"amount": 1000, "reason": "补偿"}))["code"]
        plain = await shop.offering(price=6000)
        used = await asyncio.gather(*(shop.order(plain, 1, coupon=coupon) for _ in range(5)))
        assert Counter(one.status for one in used) == {201: 1, 409: 4}
        limited = await shop.offering(offer="limited", price=100, list_price=200, per_employee=1)
        body = {"action": "new", "offering_id": limited, "quantity": 1, "employee_ids": [shop.people["agent"]]}
        buys = [_post(shop, "/api/orders", body | {"agreed": True, "expected_paid": 100}, f"l{at}") for at in range(5)]
        paid = await asyncio.gather(*buys)
        assert Counter(one.status for one in paid) == {201: 1, 409: 4}, "the offer price is the agent's once"
        assert {one.code for one in paid} == {"", "price_changed"}
        assert await shop.balance() == 1_000_000 - 100 - 5000 - 100


@pytest.mark.feature("V-06")
async def test_the_last_place_of_a_shared_package_is_taken_once(site: Site) -> None:
    async with opened_shop(site) as shop:
        (pool,) = await shop.bought(await shop.buy(await shop.offering(kind="shared"), 1))
        path = f"/api/packages/{pool['id']}/assign"
        people = [{"employee_ids": [shop.people[one]]} for one in ("agent", "other", "supervisor")]
        answers = await asyncio.gather(*(shop.browser.ask("POST", path, one) for one in people))
        assert Counter(one.code for one in answers) == {"": 1, "package_full": 2}
        assert (await shop.package(pool["id"]))["assigned"] == 1


async def _post(shop: Shop, path: str, body: dict[str, Any], key: str) -> Answer:
    return await shop.browser.ask("POST", path, body, headers={"Idempotency-Key": key})


async def test_money_arrives_once_though_everybody_says_so_at_once(site: Site) -> None:
    async with opened(site) as till:
        offline = (await till.recharge(700)).json
        review = f"/api/platform/recharges/{offline['id']}/review"
        words = [{"approve": True}, {"approve": False, "reason": "与凭证不符"}] * 3
        said = await asyncio.gather(*(till.operator.ask("POST", review, one) for one in words))
        assert Counter(one.code for one in said) == {"": 1, "recharge_reviewed": 5}
        approved = next(one for one in said if one.status == 200).json["state"] == "approved"
        assert (await till.wallet())["balance"] == (700 if approved else 0)
        code = (await till.buy("/api/recharges/online", {"channel": "wechat", "amount": 5000})).json["pay_code"]
        told = await asyncio.gather(
            *(till.customer.ask("POST", f"/api/payments/simulator/{code}", {}) for _ in range(5))
        )
        assert {one.json["state"] for one in told} == {"approved"}
        assert (await till.wallet())["balance"] == 5000 + (700 if approved else 0)


async def test_an_application_is_answered_once(site: Site) -> None:
    """Dispatched and refused at the same moment: the frozen money is taken or comes back, never both."""
    async with opened(site) as till:
        await till.prices(number_month=800)
        await till.fill(800)
        asked = (await till.buy("/api/number-applications", {"quantity": 1, "region": ""})).json
        path = f"/api/platform/number-applications/{asked['id']}"
        answers = await asyncio.gather(
            till.operator.ask("POST", f"{path}/refuse", {"reason": "没有号码"}),
            till.operator.ask("POST", f"{path}/dispatch", {"numbers": [{"number": "02166660001"}]}),
            till.operator.ask("POST", f"{path}/dispatch", {"numbers": [{"number": "02166660002"}]}),
            till.operator.ask("POST", f"{path}/refuse", {"reason": "没有号码"}),
        )
        assert Counter(one.code for one in answers) == {"": 1, "application_closed": 3}
        wallet = await till.wallet()
        assert wallet["frozen"] == 0 and wallet["balance"] in (0, 800)


# -- twice -------------------------------------------------------------------------------------------------------------


async def test_what_is_asked_again_with_its_key_is_done_and_noted_once(site: Site) -> None:
    async with opened(site) as till:
        await till.fill(1_000_000)
        asked = {
            "/api/points/orders": {"pack": "p20000", "quantity": 1, "expected_paid": 30_000},
            "/api/ai-wallet/transfer": {"direction": "in", "amount": 40},
            "/api/number-applications": {"quantity": 1, "region": ""},
            "/api/licences": {"kind": "ai", "quantity": 1, "expected_paid": 300_000},
        }
        for path, body in asked.items():
            answers = await asyncio.gather(*(till.buy(path, body, "again") for _ in range(3)))
            assert len({(one.status, one.raw) for one in answers}) == 1 and answers[0].status in (200, 201)
        log = (await till.customer.get("/api/audit", params={"page_size": "100"})).json["items"]
        noted = Counter(one["action"] for one in log)
        for action in ("points.bought", "ai_wallet.moved", "numbers.asked", "licences.bought"):
            assert noted[action] == 1, action
        wallet = await till.wallet()
        fee = wallet["frozen"]
        assert wallet["balance"] == 1_000_000 - 30_000 - 40 - 300_000 - fee


async def test_a_transfer_that_is_said_twice_is_one_recharge(site: Site) -> None:
    async with opened(site) as till:
        waiting, folder = {"state": "pending"}, site.services.settings.data_dir / "documents"
        kept = len(list(folder.glob("*")))
        before = (await till.customer.get("/api/recharges", params=waiting)).json["total"]
        first, again, other = [await _offline(till.customer, amount, "one") for amount in (100, 100, 200)]
        assert (first.status, again.json) == (201, first.json)
        assert (other.status, other.code) == (422, "key_reused")
        assert (await till.customer.get("/api/recharges", params=waiting)).json["total"] == before + 1
        assert len(list(folder.iterdir())) == kept + 1, "no proof without a recharge"
        assert (await _offline(till.customer, 100, "键")).code == "key_missing"


async def _offline(browser: Browser, amount: int, key: str) -> Answer:
    data = FormData(default_to_multipart=True)
    data.add_field("amount", str(amount))
    data.add_field("proof", io.BytesIO(PNG), filename="proof.png", content_type="image/png")
    return await browser.ask("POST", "/api/recharges", data=data, headers={"Idempotency-Key": key})


async def test_points_stay_bought_whatever_becomes_of_the_price_list(site: Site) -> None:
    async with opened(site) as till:
        await till.fill(30_000)
        body = {"pack": "p20000", "quantity": 1, "expected_paid": 30_000}
        bought = await till.buy("/api/points/orders", body, "one")
        await till.prices(point_packs=[{"code": "new", "name": "新包", "price": 1, "points": 1, "gift": 0}])
        await till.change(verification="unverified")
        assert (await till.buy("/api/points/orders", body, "one")).json == bought.json
        assert (await till.buy("/api/points/orders", body | {"quantity": 2}, "one")).code == "key_reused"
        assert (await till.buy("/api/points/orders", body)).code == "company_unverified"


# -- too late ----------------------------------------------------------------------------------------------------------


@pytest.mark.feature("V-22")
async def test_paid_in_time_counts_though_it_is_told_late(site: Site) -> None:
    """The code was closed before the provider's word came: the moment of the payment decides (C16-15)."""
    async with opened(site) as till:
        body = {"channel": "alipay", "amount": 5000}
        good, late, wrong = [(await till.buy("/api/recharges/online", body)).json for _ in range(3)]
        now = utcnow()
        await due.run_due(site.database, now + timedelta(minutes=16))
        assert (await till.customer.get(f"/api/recharges/{good['id']}")).json["state"] == "void"
        told = [
            (good, Paid(good["pay_code"], 5000, now + timedelta(minutes=14)), "approved"),
            (late, Paid(late["pay_code"], 5000, now + timedelta(minutes=15, seconds=1)), "void"),
            (wrong, Paid(wrong["pay_code"], 4999, now + timedelta(minutes=14)), "void"),
            # What the operator has to decide is not decided by another notice.
            (wrong, Paid(wrong["pay_code"], 5000, now + timedelta(minutes=14)), "void"),
        ]
        for one, payment, state in [*told, *told]:
            async with site.database.write() as connection:
                assert (await recharges.paid(connection, payment)).state == state
            assert (await till.customer.get(f"/api/recharges/{one['id']}")).json["state"] == state
        assert (await till.wallet())["balance"] == 5000
        stray = (await till.operator.get("/api/platform/stray-payments", params={"state": "open"})).json["items"]
        mine = {one["number"]: one["amount"] for one in stray}
        assert (mine.get(late["number"]), mine.get(wrong["number"])) == (5000, 4999)
        assert good["number"] not in mine


# -- people who have left ----------------------------------------------------------------------------------------------


async def test_whoever_has_left_does_not_stop_a_renewal(site: Site) -> None:
    async with bare(site) as shop:
        shared, own = await shop.offering(kind="shared"), await shop.offering(name="独享包")
        pools = await shop.buy(shared, 3, "agent", "other")
        lots = await shop.buy(own, 2, "agent", "other")
        await shop.good("POST", f"/api/employees/{shop.people['agent']}/depart", {})
        for order, users in ((pools, [shop.people["other"]]), (lots, [shop.people["other"]])):
            asked = await shop.good("GET", f"/api/orders/{order['id']}/renewal")
            assert [line["users"] for line in asked["lines"]] == [["本域other"]]
            body, path = {"agreed": True, "expected_paid": asked["paid"]}, f"/api/orders/{order['id']}/renewal"
            made, again = [await _post(shop, path, body, f"renew-{order['id']}") for _ in range(2)]
            assert made.status == 201 and again.json == made.json
            (renewed,) = [one for number in made.json["orders"] for one in await shop.bought({"id": number})]
            assert [one["id"] for one in (*renewed["members"], renewed["employee"]) if one] == users
        other = await _post(shop, f"/api/orders/{lots['id']}/renewal", {"agreed": True, "expected_paid": 1}, "another")
        assert other.code == "price_changed"
        reused = await _post(shop, f"/api/orders/{lots['id']}/renewal", body, f"renew-{pools['id']}")
        assert reused.code == "key_reused"


async def test_nobody_who_has_left_is_given_minutes(site: Site) -> None:
    async with bare(site) as shop:
        await shop.good("POST", f"/api/employees/{shop.people['agent']}/depart", {})
        given = {"employee_id": shop.people["agent"], "name": "赠送", "minutes": 5, "days": 1}
        assert (await shop.browser.ask("POST", "/api/packages", given)).code == "employee_unknown"


async def test_renewing_everything_uses_an_offer_no_more_often_than_there_is(site: Site) -> None:
    """Two packages of one offer came into one hand; of three offer prices two are used: one renewal has the third."""
    async with bare(site) as shop:
        terms = {
            "kind": "fixed",
            "offer": "limited",
            "price": 168,
            "list_price": 199,
            "per_employee": 2,
            "line": "北线",
        }
        order = await shop.buy(await shop.offering(**terms), 2, "agent", "other")
        agents = next(one for one in await shop.bought(order) if one["employee"]["id"] == shop.people["agent"])
        body = {"from_employee_id": shop.people["agent"], "to_employee_id": shop.people["other"]}
        await shop.good("POST", f"/api/packages/{agents['id']}/hand-over", body)
        path, before = f"/api/orders/{order['id']}/renewal", await shop.balance()
        seen = await _post(shop, path, {"agreed": True, "expected_paid": 168 * 2}, "one")
        assert (seen.code, seen.json["error"]["details"]["paid"]) == ("price_changed", 168 + 199)
        assert await shop.balance() == before, "none of them, or all"
        shown = await shop.good("GET", path)
        assert (shown["paid"], sorted(line["paid"] for line in shown["lines"])) == (168 + 199, [168, 199])
        done = await _post(shop, path, {"agreed": True, "expected_paid": shown["paid"]}, "two")
        assert done.status == 201 and await shop.balance() == before - 168 - 199


@pytest.mark.feature("V-23")
async def test_licences_that_are_bought_fill_up_what_is_missing_first(site: Site) -> None:
    async with opened(site) as till:
        await till.prices(employee_seat=20_000)
        await till.fill(60_000)
        await till.change(licences=1)  # of the three people who need one
        body = {"kind": "employee", "quantity": 3}
        bought = await till.buy("/api/licences", body | {"expected_paid": 60_000})
        assert (bought.json["before"], bought.json["after"]) == (-2, 1)
        made = [await _add(till.customer, login) for login in ("first", "second")]
        assert [one.code for one in made] == ["", "licences_used_up"], "one was free, as the record says"


async def _add(browser: Browser, login: str) -> Answer:
    body = {"login": login, "name": "新人", "password": "a-long-password", "role": "agent"}
    return await browser.ask("POST", "/api/employees", body)


# -- line by line ------------------------------------------------------------------------------------------------------


@pytest.mark.feature("V-01", "V-02")
async def test_a_full_minute_is_one_minute_and_the_next_second_another(site: Site, tmp_path: Path) -> None:
    calls = Calls(site, tmp_path)
    async with bare(site) as shop:
        (package,) = await shop.bought(await shop.buy(await shop.offering(), 1, "agent"))
        used = 0
        for seconds, minutes in ((0, 0), (1, 1), (59, 1), (60, 1), (61, 2), (120, 2), (3600, 60), (3601, 61)):
            await calls.talk("agent", seconds)
            used += minutes
            assert (await shop.package(package["id"]))["minutes_used"] == used, seconds


@pytest.mark.feature("V-03")
async def test_every_minute_of_a_package_is_explained(site: Site, tmp_path: Path) -> None:
    """Bought, added to, used by two people, held over the end by a third call: the lines add up at every one."""
    calls = Calls(site, tmp_path)
    async with bare(site) as shop:
        offering = await shop.offering(kind="shared", minutes=10)
        (pool,) = await shop.bought(await shop.buy(offering, 2, "agent", "other"))
        await shop.buy(offering, 1, action="add", package_id=pool["id"])
        await calls.talk("agent", 61)
        await calls.talk("other", 12)
        running = await calls.hold("agent")
        shown = await shop.package(pool["id"])
        path = f"/api/packages/{pool['id']}/entries"
        lines = (await shop.good("GET", path))["items"]
        assert lines[0]["minutes_after"] == shown["minutes_left"] + shown["minutes_reserved"] == 27
        end = datetime.fromisoformat(pool["expires_at"])
        await reminders.run_due(site.database, end)
        await calls.end(running, 61)
        lines = (await shop.good("GET", path))["items"]
        assert [(one["kind"], one["minutes"], one["minutes_after"]) for one in reversed(lines)] == [
            ("grant", 20, 20),
            ("add", 10, 30),
            ("settle", -2, 28),
            ("settle", -1, 27),
            ("expire", -23, 4),
            ("settle", -2, 2),
            ("expire", -2, 0),
        ]
        assert (await shop.package(pool["id"]))["minutes_left"] == 0
        page = await shop.good("GET", path, params={"page_size": 2, "page": 2})
        assert page["items"] == lines[2:4], "what was left is the same on every page"
        rows = sheet(await shop.browser.get(f"{path}/export"))[1:]
        assert [(row[5], row[6]) for row in rows] == [(one["minutes"], one["minutes_after"]) for one in lines]
        async with site.browser("supervisor") as boss:
            theirs = (await boss.get(path)).json["items"]
        spent = [one for one in reversed(theirs) if one["kind"] == "settle"]
        assert [one["employee"] and one["employee"]["name"] for one in spent] == ["本域agent", None, "本域agent"]
        assert [bool(one["number"]) for one in spent] == [True, False, True], "other departments' calls are theirs"
        assert [one["minutes_after"] for one in theirs] == [one["minutes_after"] for one in lines]


async def test_points_and_the_ai_wallet_are_explained_in_files_as_well(site: Site) -> None:
    async with opened(site) as till:
        await till.fill(100_000)
        for quantity in (1, 2):
            body = {"pack": "p20000", "quantity": quantity, "expected_paid": 30_000 * quantity}
            assert (await till.buy("/api/points/orders", body)).status == 201
        rows = sheet(await till.customer.get("/api/points/export"))
        assert rows[0][-3:] == ["购买前点数", "购买后点数", "购买人"]
        assert [(row[5], row[6], row[7]) for row in rows[1:]] == [(600.0, 20_000, 60_000), (300.0, 0, 20_000)]
        for direction, amount in (("in", 5000), ("out", 1250)):
            await till.buy("/api/ai-wallet/transfer", {"direction": direction, "amount": amount})
        answer = await till.customer.get("/api/wallet/entries/export", params={"account": "ai_wallet"})
        with zipfile.ZipFile(io.BytesIO(answer.raw)) as workbook:
            assert "¥#,##0.00" in workbook.read("xl/styles.xml").decode(), "as money, which Excel can add up"
        kept = sheet(answer)
        assert [(row[1], row[2], row[3], row[4]) for row in kept[1:]] == [
            ("AI 钱包转回", "AI 钱包", -12.5, 37.5),
            ("转入 AI 钱包", "AI 钱包", 50.0, 50.0),
        ]
        async with site.browser("agent", "foreign") as agent:
            assert (await agent.get("/api/points/export")).code == "forbidden"


@pytest.mark.parametrize(
    "path",
    [
        "/api/orders",
        "/api/orders/export",
        "/api/consumption",
        "/api/recharges",
        "/api/wallet/entries",
        "/api/licences",
        "/api/points",
        "/api/points/export",
        "/api/invoices",
        "/api/ai-wallet/entries",
        "/api/number-fees",
        "/api/number-applications",
    ],
)
async def test_a_period_is_understood_or_refused(site: Site, path: str) -> None:
    async with site.browser("admin") as boss:
        for period, status in (
            ({"from": "0001-01-01T00:00:00+14:00"}, 422),
            ({"to": "9999-12-31T23:59:59-12:00"}, 422),
            ({"from": "2026-01-01T00:00:00", "to": "9999-01-01T00:00:00Z"}, 200),
        ):
            assert (await boss.get(path, params=period)).status == status, period


async def test_a_company_ends_at_a_time_that_there_is(site: Site) -> None:
    async with opened(site) as till:
        path = f"/api/platform/companies/{site.world.foreign.id}"
        for when in ("9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"):
            assert (await till.operator.ask("PATCH", path, {"valid_until": when})).code == "invalid"
        ends: list[tuple[str | None, str | None]] = [
            ("2030-01-01T08:00:00+08:00", "2030-01-01T00:00:00Z"),
            (None, None),
        ]
        for end, shown in ends:
            await till.change(valid_until=end)
            assert (await till.wallet())["valid_until"] == shown
