"""One rule of searching for customers, calls and tasks: names in any width, parts of numbers as shown or typed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from callcenter.store.tables.calls import call
from tests.web.support import Browser, Site
from tests.web.tasks import good, load, make, mine

NAME, E164, LANDLINE = "田野（深圳）", "+8613766668888", "021-6677 8811"


async def found(browser: Browser, path: str, q: str) -> int:
    return int((await good(browser, "GET", path, params={"q": q}))["total"])


@pytest.mark.parametrize(
    "q",
    [
        "13766668888",
        "137 6666 8888",
        "１３７６６６６８８８８",
        "+86 137-6666-8888",
        "6666-8888",
        "６６６６ 8888",
        "021-6677",
        "（021）6677 8811",
        "田野(深圳)",
        "田野 （深圳）",
        "田野",
        "大客户(华南)",
    ],
)
async def test_a_customer_is_found_however_it_is_typed(site: Site, q: str) -> None:
    async with site.browser("agent") as agent:
        numbers = [{"number": E164, "label": "mobile", "primary": True}, {"number": LANDLINE, "label": "work"}]
        body = {"kind": "personal", "name": NAME, "numbers": numbers, "tags": ["大客户(华南)"]}
        await good(agent, "POST", "/api/customers", body)
        assert await found(agent, "/api/customers", q) == 1, q
        assert await found(agent, "/api/customers", f"{q}9") == 0


@pytest.mark.parametrize("q", ["137 6666", "８８８８", "13766668888", "田野(深圳)", "催一下合同"])
async def test_a_call_is_found_by_number_customer_and_note(site: Site, q: str) -> None:
    own = site.world.own
    async with site.browser("agent") as agent:
        numbers = [{"number": E164, "label": "mobile", "primary": True}]
        made = await good(agent, "POST", "/api/customers", {"kind": "personal", "name": NAME, "numbers": numbers})
        values: dict[str, Any] = {"number": E164, "customer_id": made["id"], "note": "下周催一下合同"}
        mine_ = (call.c.company_id == own.id, call.c.id == own.ids["call_id"])
        async with site.database.write() as connection:
            await connection.execute(update(call).where(*mine_).values(**values))
        assert await found(agent, "/api/calls", q) == 1, q


@pytest.mark.parametrize("q", ["137 6666", "８８８８", "13766668888", "田野(深圳)", "华南(贸易)"])
async def test_a_tasks_number_is_found_by_number_name_and_company(site: Site, q: str) -> None:
    async with site.browser("agent") as agent:
        task_id = await make(agent, secret=False, claim="self")
        await load(site, agent, task_id, f"号码,姓名,公司\n{E164},{NAME},华南（贸易）")
        await good(agent, "POST", f"/api/dial-centre/tasks/{task_id}/claim", {"count": 1})
        assert len(await mine(agent, q=q)) == 1, q
