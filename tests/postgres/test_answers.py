"""The web answers on PostgreSQL as it does on SQLite."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import insert

from callcenter.store.tables.numbers import outside_number
from tests.web.support import Site

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


async def test_a_number_that_no_column_holds_is_the_askers_mistake(site: Site) -> None:
    async with site.browser("admin") as browser:
        told = await browser.get("/api/calls?employee_id=99999999999")
        assert (told.status, told.code) == (422, "invalid")


async def test_a_search_does_not_mind_capitals(site: Site) -> None:
    async with site.browser("admin") as browser:
        small, big = await browser.get("/api/employees?q=own-agent"), await browser.get("/api/employees?q=OWN-AGENT")
        assert small.json["items"] and small.json["items"] == big.json["items"]


async def test_numbers_to_activate_come_first(site: Site) -> None:
    """They have no date yet; where those stand in an order differs between databases."""
    own = site.world.own
    rows = [
        {
            "company_id": own.id,
            "employee_id": own.people["agent"],
            "kind": "direct",
            "number": f"+86138111{index:05d}",
            "dispatched_at": NOW,
            "activated_at": at,
            "created_at": NOW,
        }
        for index, at in enumerate((NOW, None, NOW, None))
    ]
    async with site.database.write() as connection:
        await connection.execute(insert(outside_number), rows)
    async with site.browser("agent") as browser:
        found = (await browser.get("/api/my/direct-numbers")).json
    given = [one["activated_at"] is None for one in found]
    assert given.count(True) >= 2 and given == sorted(given, reverse=True)
