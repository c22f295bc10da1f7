"""Licences, points and the AI wallet, bought by the enterprise account through the public API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from callcenter.store.base import utcnow
from tests.web.support import Answer, Site
from tests.web.till import Till, opened


async def add(till: Till, login: str) -> Answer:
    body = {"login": login, "name": "新人", "password": "a-long-password", "role": "agent"}
    return await till.customer.ask("POST", "/api/employees", body)


@pytest.mark.feature("O-06")
async def test_employees_need_licences_and_departed_ones_free_theirs(site: Site) -> None:
    async with opened(site) as till:
        # Three people who are no administrators are there already.
        await till.change(licences=5)
        assert (await till.wallet())["licences"] == {"total": 5, "used": 3}
        first, second = await add(till, "first"), await add(till, "second")
        assert (first.status, second.status) == (201, 201)
        third = await add(till, "third")
        assert (third.status, third.code) == (409, "licences_used_up")
        assert (await till.wallet())["licences"]["used"] == 5
        path = f"/api/employees/{first.json['id']}"
        assert (await till.customer.ask("POST", f"{path}/depart", {})).status == 200
        assert (await add(till, "third")).status == 201
        back = await till.customer.ask("PATCH", path, {"account_state": "active"})
        assert back.code == "already_departed", "nobody comes back without a licence, or at all"
        assert (await till.customer.get("/api/employees", params={"q": "first"})).json["items"][0][
            "account_state"
        ] == "departed"


async def test_an_administrator_needs_no_licence_until_they_are_none(site: Site) -> None:
    async with opened(site) as till:
        await till.change(licences=3)
        body = {"login": "boss2", "name": "新管理员", "password": "a-long-password", "role": "admin"}
        made = await till.customer.ask("POST", "/api/employees", body)
        assert made.status == 201
        answer = await till.customer.ask("PATCH", f"/api/employees/{made.json['id']}", {"role": "agent"})
        assert answer.code == "licences_used_up"
        renamed = await till.customer.ask("PATCH", f"/api/employees/{made.json['id']}", {"name": "管理员"})
        assert renamed.status == 200


@pytest.mark.feature("V-23")
async def test_seats_are_bought_and_every_record_adds_up(site: Site) -> None:
    async with opened(site) as till:
        unlimited = await till.customer.ask("POST", "/api/licences/quote", {"kind": "employee", "quantity": 1})
        assert unlimited.code == "licences_unlimited"
        await till.change(licences=3)
        await till.prices(employee_seat=20_000)
        await till.fill(100_000)
        body = {"kind": "employee", "quantity": 2}
        quote = (await till.customer.ask("POST", "/api/licences/quote", body)).json
        assert (quote["paid"], quote["before"], quote["after"], quote["enough"]) == (40_000, 0, 2, True)
        wrong = await till.buy("/api/licences", body | {"expected_paid": 1})
        assert (wrong.code, wrong.json["error"]["details"]["paid"]) == ("price_changed", 40_000)
        bought = await till.buy("/api/licences", body | {"expected_paid": 40_000}, "k")
        again = await till.buy("/api/licences", body | {"expected_paid": 40_000}, "k")
        assert bought.status == 201 and again.json["id"] == bought.json["id"]
        assert (await till.buy("/api/licences", {"kind": "ai", "quantity": 2, "expected_paid": 40_000}, "k")).code == (
            "key_reused"
        )
        assert (await add(till, "first")).status == 201
        await till.buy("/api/licences", {"kind": "employee", "quantity": 1, "expected_paid": 20_000})
        rows = (await till.customer.get("/api/licences", params={"kind": "employee"})).json["items"]
        assert [(one["before"], one["quantity"], one["after"]) for one in rows] == [(1, 1, 2), (0, 2, 2)]
        assert all(one["before"] + one["quantity"] == one["after"] for one in rows)
        wallet = await till.wallet()
        assert wallet["licences"] == {"total": 6, "used": 4} and wallet["balance"] == 40_000
        poor = await till.buy("/api/licences", {"kind": "employee", "quantity": 3, "expected_paid": 60_000})
        assert (poor.status, poor.code) == (402, "balance_too_low")
        assert (await till.wallet())["licences"]["total"] == 6


@pytest.mark.feature("V-26")
@pytest.mark.feature("V-27")
async def test_search_accounts_cost_what_the_manual_prints(site: Site) -> None:
    """C16-9 and C16-10."""
    async with opened(site) as till:
        await till.fill(1_000_000)
        await till.change(verification="unverified")
        body: dict[str, Any] = {"kind": "search", "quantity": 5, "standard": 5}
        assert (await till.customer.ask("POST", "/api/licences/quote", body)).code == "company_unverified"
        await till.change(verification="verified", valid_until=(utcnow() + timedelta(days=365)).isoformat())
        nameless = {"kind": "search", "quantity": 5}
        assert (await till.customer.ask("POST", "/api/licences/quote", nameless)).code == "standard_unknown"
        quote = (await till.customer.ask("POST", "/api/licences/quote", body)).json
        assert (quote["paid"], quote["days"]) == (298_000, 365)
        assert quote["explanation"] == "2980.00 ÷ 365 × 365"
        assert (await till.buy("/api/licences", body | {"expected_paid": 298_000})).status == 201
        await till.change(valid_until=(utcnow() + timedelta(days=320)).isoformat())
        more = {"kind": "search", "quantity": 19}
        quote = (await till.customer.ask("POST", "/api/licences/quote", more)).json
        assert (quote["unit_price"], quote["days"], quote["paid"]) == (28_000, 320, 466_411)
        assert quote["explanation"] == "280.00 ÷ 365 × 320 × 19"
        bought = (await till.buy("/api/licences", more | {"expected_paid": 466_411})).json
        assert (bought["before"], bought["after"]) == (5, 24)
        assert (await till.wallet())["balance"] == 1_000_000 - 298_000 - 466_411


@pytest.mark.feature("V-28")
async def test_points_are_added_and_gifts_are_not(site: Site) -> None:
    async with opened(site) as till:
        await till.fill(319_800)
        pack = next(one for one in (await till.customer.get("/api/points")).json["packs"] if one["price"] == 30_000)
        assert pack["points"] == 20_000 and pack["gift"] > 0
        body = {"pack": pack["code"], "quantity": 10, "expected_paid": 300_000}
        order = await till.buy("/api/points/orders", body, "k")
        assert order.status == 201
        assert (order.json["before"], order.json["after"], order.json["paid"]) == (0, 200_000, 300_000)
        assert (await till.buy("/api/points/orders", body, "k")).json["number"] == order.json["number"]
        assert (await till.buy("/api/points/orders", body | {"quantity": 9}, "k")).code == "key_reused"
        small = await till.buy("/api/points/orders", {"pack": "p2800", "quantity": 1, "expected_paid": 19_800})
        assert (small.json["before"], small.json["after"]) == (200_000, 202_800)
        view = (await till.customer.get("/api/points")).json
        assert (view["points"], view["total_paid"], view["orders"]["total"]) == (202_800, 319_800, 2)
        assert (await till.wallet())["points"] == 202_800
        assert (await till.buy("/api/points/orders", body)).code == "balance_too_low"
        assert (await till.buy("/api/points/orders", body | {"pack": "none"})).code == "pack_unknown"
        assert (await till.customer.get("/api/points")).json["points"] == 202_800


@pytest.mark.feature("V-29")
async def test_the_ai_wallet_is_filled_emptied_and_charged(site: Site) -> None:
    async with opened(site) as till:
        await till.prices(ai_seat_year=1000)
        await till.fill(10_000)
        moved = await till.buy("/api/ai-wallet/transfer", {"direction": "in", "amount": 4000}, "in")
        assert moved.json == {"balance": 6000, "ai_balance": 4000}
        twice = await till.buy("/api/ai-wallet/transfer", {"direction": "in", "amount": 4000}, "in")
        assert twice.json == {"balance": 6000, "ai_balance": 4000}
        back = await till.buy("/api/ai-wallet/transfer", {"direction": "out", "amount": 4000})
        assert back.json == {"balance": 10_000, "ai_balance": 0}
        assert (await till.buy("/api/ai-wallet/transfer", {"direction": "out", "amount": 1})).code == "balance_too_low"
        await till.buy("/api/ai-wallet/transfer", {"direction": "in", "amount": 100})
        charge = {"company_id": site.world.foreign.id, "reference": "ai-1", "seconds": 61, "unit_price": 20}
        without = await till.operator.ask("POST", "/api/platform/ai-charges", charge)
        assert without.code == "no_ai_seat"
        assert (await till.buy("/api/licences", {"kind": "ai", "quantity": 1, "expected_paid": 1000})).status == 201
        assert (await till.wallet())["ai_seats"] == {"valid": 1, "used": 0}
        for _ in range(2):
            charged = await till.operator.ask("POST", "/api/platform/ai-charges", charge)
            assert charged.json == {"amount": 40}
        calls = (await till.customer.get("/api/ai-wallet/entries", params={"kind": "call"})).json
        (row,) = calls["items"]
        assert (row["amount"], row["unit_price"], row["duration_seconds"], row["call_id"]) == (-40, 20, 61, "ai-1")
        assert calls["total_charged"] == 40
        assert (await till.wallet())["ai_balance"] == 60
