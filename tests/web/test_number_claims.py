"""A company shows, answers and dials in on nothing but numbers that the operator dispatched or confirmed for it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert

from callcenter.store.tables.inbound import inbound_number
from tests.web.support import Browser, Site
from tests.web.tasks import good

HERS, E164 = "021-6677 8899", "+862166778899"


async def entered(browser: Browser, group: int) -> dict[str, str]:
    """The code with which each place that takes a number of ours answers to this one."""
    settings = await good(browser, "GET", "/api/settings/company")
    asked = {
        "access": ("PUT", "/api/settings/company", settings | {"access_number": HERS}),
        "outside": ("POST", "/api/outside-numbers", {"numbers": [HERS], "kind": "telecom"}),
        "inbound": ("POST", "/api/numbers", {"number": HERS, "group_id": group}),
    }
    return {name: (await browser.ask(*one)).code for name, one in asked.items()}


async def claims(browser: Browser, path: str, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await good(browser, "GET", path, params=query))["items"]
    return found


async def test_a_number_works_nowhere_before_the_operator_confirms_it(site: Site) -> None:
    theirs = site.world.foreign
    async with site.browser("admin", "foreign") as tenant, site.browser("admin") as operator:
        assert set((await entered(tenant, theirs.ids["group"])).values()) == {"number_unconfirmed"}
        [waiting] = [one for one in await claims(tenant, "/api/number-claims") if one["number"] == E164]
        assert waiting["state"] == "waiting"
        assert (await tenant.ask("GET", "/api/platform/number-claims")).code == "forbidden"

        path = f"/api/platform/number-claims/{waiting['id']}"
        assert (await tenant.ask("POST", f"{path}/confirm")).code == "forbidden"
        assert waiting in await claims(operator, "/api/platform/number-claims", state="waiting", page_size=200)
        refused = await good(operator, "POST", f"{path}/refuse", {"reason": "不是贵公司的号码"})
        assert (refused["state"], refused["reason"]) == ("refused", "不是贵公司的号码")
        assert set((await entered(tenant, theirs.ids["group"])).values()) == {"number_unconfirmed"}, "asked anew"

        await good(operator, "POST", f"{path}/confirm")
        assert (await entered(tenant, theirs.ids["group"]))["outside"] == ""
        assert E164 in {one.number for one in site.engine.core.directory.outside[theirs.id]}


async def test_a_confirmed_number_is_nobody_elses(site: Site) -> None:
    own, theirs = site.world.own, site.world.foreign
    async with site.browser("admin", "foreign") as tenant, site.browser("admin") as operator:
        # Whoever runs the installation confirms by entering.
        assert (await entered(operator, own.ids["group"]))["access"] == ""
        await entered(tenant, theirs.ids["group"])
        [claim] = [one for one in await claims(tenant, "/api/number-claims") if one["number"] == E164]
        assert (await operator.ask("POST", f"/api/platform/number-claims/{claim['id']}/confirm")).code == "number_taken"


async def test_what_is_taken_back_leads_nowhere_any_more(site: Site) -> None:
    theirs = site.world.foreign
    async with site.browser("admin", "foreign") as tenant, site.browser("admin") as operator:
        await entered(tenant, theirs.ids["group"])
        [claim] = [one for one in await claims(tenant, "/api/number-claims") if one["number"] == E164]
        path = f"/api/platform/number-claims/{claim['id']}"
        await good(operator, "POST", f"{path}/confirm")
        await good(tenant, "POST", "/api/numbers", {"number": HERS, "group_id": theirs.ids["group"]})
        await good(tenant, "POST", "/api/outside-numbers", {"numbers": [HERS], "kind": "telecom"})
        assert _uses(site, theirs.id) == (True, True)
        await good(operator, "POST", f"{path}/refuse", {"reason": "已到期"})
        assert _uses(site, theirs.id) == (False, False)


async def test_an_access_number_that_is_taken_back_is_none_any_more(site: Site) -> None:
    theirs = site.world.foreign
    async with site.browser("admin", "foreign") as tenant, site.browser("admin") as operator:
        settings = await good(tenant, "GET", "/api/settings/company") | {"access_number": HERS}
        assert (await tenant.ask("PUT", "/api/settings/company", settings)).code == "number_unconfirmed"
        [claim] = [one for one in await claims(tenant, "/api/number-claims") if one["number"] == E164]
        path = f"/api/platform/number-claims/{claim['id']}"
        await good(operator, "POST", f"{path}/confirm")
        await good(tenant, "PUT", "/api/settings/company", settings)
        assert site.engine.core.directory.companies[theirs.id].access_number == "02166778899"
        await good(operator, "POST", f"{path}/refuse", {"reason": "已到期"})
        assert site.engine.core.directory.companies[theirs.id].access_number == ""


def _uses(site: Site, company_id: int) -> tuple[bool, bool]:
    """Whether the company answers on the number, and whether it may show it."""
    directory = site.engine.core.directory
    shown = {one.number for one in directory.outside.get(company_id, [])}
    return E164 in directory.inbound, E164 in shown


async def test_a_row_that_goes_round_the_question_is_not_answered(site: Site) -> None:
    """Whatever wrote it: the engine itself leaves out what is not the company's own."""
    own = site.world.own
    async with site.database.write() as connection:
        row = insert(inbound_number).values(company_id=own.id, number="+862100001111", group_id=own.ids["group"])
        await connection.execute(row)
    await site.engine.refresh()
    assert "+862100001111" not in site.engine.core.directory.inbound
