"""The operator's own pages: companies and prices."""

from __future__ import annotations

import pytest

from tests.web.support import OWN, Site
from tests.web.till import opened


async def test_a_company_is_opened_and_its_administrator_signs_in(site: Site) -> None:
    async with opened(site) as till:
        body = {"name": "新开公司", "admin_login": "new-boss", "admin_name": "新老板", "licences": 2}
        made = await till.operator.ask("POST", "/api/platform/companies", body)
        assert made.status == 201
        company = made.json["company"]
        assert (company["verification"], company["script_state"], company["licences"]) == ("unverified", "missing", 2)
        again = await till.operator.ask("POST", "/api/platform/companies", body | {"name": "另一家"})
        assert again.code == "login_taken"
        same = await till.operator.ask("POST", "/api/platform/companies", body | {"admin_login": "new-boss-2"})
        assert same.code == "name_taken"
        zone = await till.operator.ask(
            "POST", "/api/platform/companies", body | {"admin_login": "x1", "name": "x1", "time_zone": "Mars"}
        )
        assert zone.code == "invalid"
        async with site.browser() as boss:
            signed_in = await boss.sign_in("new-boss", made.json["password"])
            assert signed_in.status == 200
            rights = set((await boss.get("/api/me")).json["permissions"])
            assert {"wallet.view", "wallet.spend", "employees.edit"} <= rights
            assert not rights & {"platform.manage", "packages.grant", "calls.dial"}
            assert (await boss.get("/api/platform/companies")).code == "forbidden"
            assert OWN not in (await boss.get("/api/employees")).raw.decode()
        query = {"q": "新开"}
        listed = (await till.operator.get("/api/platform/companies", params=query)).json
        assert [one["id"] for one in listed["items"]] == [company["id"]]
        audit = (await till.operator.get("/api/audit", params={"action": "company."})).json
        assert made.json["password"] not in str(audit)


async def test_the_operator_sees_what_every_company_has(site: Site) -> None:
    async with opened(site) as till:
        await till.fill(30_000)
        await till.buy("/api/points/orders", {"pack": "p2800", "quantity": 1, "expected_paid": 19_800})
        rows = {one["id"]: one for one in (await till.operator.get("/api/platform/companies")).json["items"]}
        theirs, ours = rows[site.world.foreign.id], rows[site.world.own.id]
        assert (theirs["balance"], theirs["points"], theirs["employees"]) == (10_200, 2800, 4)
        assert theirs["minutes_left"] >= 200
        assert (ours["balance"], ours["points"]) == (0, 0)
        await till.change(name="改名公司", licences=None)
        taken = await till.operator.ask("PATCH", f"/api/platform/companies/{site.world.own.id}", {"name": "改名公司"})
        assert taken.code == "name_taken"


@pytest.mark.parametrize(
    "wrong",
    [
        {"search_tiers": [{"from": 2, "to": None, "price_year": 1}]},
        {"search_tiers": [{"from": 1, "to": 4, "price_year": 1}]},
        {"search_tiers": [{"from": 1, "to": 4, "price_year": 1}, {"from": 6, "to": None, "price_year": 1}]},
        {"search_first": [{"accounts": 5, "price_year": 1}, {"accounts": 5, "price_year": 2}]},
        {"point_packs": [{"code": "a", "name": "a", "price": 1, "points": 1}] * 2},
        {"employee_seat": -1},
    ],
)
async def test_a_price_list_makes_sense_or_is_refused(site: Site, wrong: dict[str, object]) -> None:
    async with site.browser("admin") as operator:
        listed = (await operator.get("/api/platform/prices")).json
        answer = await operator.ask("PUT", "/api/platform/prices", listed | wrong)
        assert answer.code == "invalid"
        assert (await operator.get("/api/platform/prices")).json == listed
        kept = await operator.ask("PUT", "/api/platform/prices", listed | {"number_month": 900})
        assert kept.json == listed | {"number_month": 900}
        assert (await operator.get("/api/platform/prices")).json == kept.json
