"""Marks and lines of calls: what people say of a call, what was measured, and finding calls by both (T-16, P-27)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import insert, update

from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call, call_quality, leg
from tests.web.support import Browser, Site


async def listed(browser: Browser, **query: str) -> set[str]:
    answer = await browser.get("/api/calls", params=query)
    assert answer.status == 200, answer.raw
    return {one["id"] for one in answer.json["items"]}


async def test_a_mark_is_set_found_changed_and_taken_away(site: Site) -> None:
    call_id = site.world.own.ids["call_id"]
    async with site.browser("agent") as browser:
        assert call_id in await listed(browser, mark="unmarked")
        answer = await browser.ask("PUT", f"/api/calls/{call_id}/mark", {"mark": "not_connected"})
        assert (answer.status, answer.json["mark"]) == (200, "not_connected")
        assert await listed(browser, mark="not_connected") == {call_id}
        assert call_id not in await listed(browser, mark="connected") | await listed(browser, mark="unmarked")
        await browser.ask("PUT", f"/api/calls/{call_id}/mark", {"mark": "connected"})
        assert await listed(browser, mark="connected") == {call_id}
        answer = await browser.ask("PUT", f"/api/calls/{call_id}/mark", {"mark": None})
        assert answer.json["mark"] is None and call_id in await listed(browser, mark="unmarked")
        for bad in ({"mark": "maybe"}, {}):
            assert (await browser.ask("PUT", f"/api/calls/{call_id}/mark", bad)).code == "invalid"


async def test_of_a_call_that_nobody_answered_it_is_known_until_somebody_says_otherwise(site: Site) -> None:
    own = site.world.own
    call_id, row = own.ids["call_id"], (call.c.company_id == own.id, call.c.id == own.ids["call_id"])
    async with site.database.write() as connection:
        unsaid = {"disposition": "BUSY", "connected_mark": None, "result": None}
        await connection.execute(update(call).where(*row).values(**unsaid))
    async with site.browser("agent") as browser:
        for query in ({"mark": "not_connected"}, {"result": "not_connected"}):
            assert await listed(browser, **query) == {call_id}
        assert call_id not in await listed(browser, mark="unmarked")
        answer = await browser.ask("PUT", f"/api/calls/{call_id}/mark", {"mark": "connected"})
        assert (answer.json["mark"], answer.json["result"]) == ("connected", None)
        assert await listed(browser, mark="not_connected") == set()


async def test_the_export_follows_the_mark_and_has_it_in_a_column(site: Site) -> None:
    call_id = site.world.own.ids["call_id"]
    async with site.browser("supervisor") as browser:
        await browser.ask("PUT", f"/api/calls/{call_id}/mark", {"mark": "connected"})
        answer = await browser.get("/api/calls/export.xlsx", params={"mark": "connected"})
        rows = _rows(answer.raw)
        column = rows[0].index("接通标记")
        assert [row[column] for row in rows[1:]] == ["已接通"]
        empty = await browser.get("/api/calls/export.xlsx", params={"mark": "not_connected"})
        assert len(_rows(empty.raw)) == 1


def _rows(raw: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(raw)).get_sheet_by_index(0).to_python()


async def measure(browser: Browser, call_id: str, **values: Any) -> Any:
    return await browser.ask("POST", f"/api/calls/{call_id}/quality", {"loss": 0.0, "jitter_ms": 2.0, **values})


@pytest.mark.feature("P-27")
async def test_what_a_browser_measured_is_scored_stored_and_found(site: Site) -> None:
    call_id = site.world.own.ids["call_id"]
    async with site.browser("agent") as browser:
        good = await measure(browser, call_id, round_trip_ms=20)
        assert (good.status, good.json["word"]) == (201, "good") and good.json["mos"] > 4.2
        assert call_id not in await listed(browser, bad_quality="true")
        bad = await measure(browser, call_id, loss=0.2, jitter_ms=40, worst_mos=1.2)
        assert bad.json["word"] == "bad"
        assert await listed(browser, bad_quality="true") == {call_id}
        detail = (await browser.get(f"/api/calls/{call_id}")).json
        assert detail["call"]["mos"] == bad.json["mos"]
        (line,) = detail["quality"]
        assert (line["measured_by"], line["loss"], line["worst_mos"]) == ("browser", 0.2, 1.2), "the last word counts"
        for wrong in ({"loss": 1.5}, {"jitter_ms": -1}, {"worst_mos": 9}):
            assert (await measure(browser, call_id, **wrong)).code == "invalid"


async def test_only_who_was_in_the_call_measures_it(site: Site) -> None:
    own = site.world.own
    async with site.browser("supervisor") as boss:
        assert (await measure(boss, own.ids["call_id"])).code == "not_found", "in scope, but not a party"
        values = {"company_id": own.id, "call_id": own.ids["call_id"], "role": "third", "state": "null"}
        async with site.database.write() as connection:
            await connection.execute(insert(leg).values(id="x-1", employee_id=own.people["supervisor"], **values))
        assert (await measure(boss, own.ids["call_id"])).status == 201
        assert (await measure(boss, own.other["call_id"])).code == "not_found"
        assert (await measure(boss, site.world.foreign.ids["call_id"])).code == "not_found"


async def test_the_worst_line_of_a_call_is_the_calls(site: Site) -> None:
    own = site.world.own
    call_id = own.ids["call_id"]
    figures = {"loss": 0.1, "jitter_ms": 1.0, "mos": 2.5, "worst_mos": 2.5, "at": utcnow()}
    async with site.database.write() as connection:
        row = {"company_id": own.id, "call_id": call_id, "leg_id": "a", "measured_by": "pbx"}
        await connection.execute(insert(call_quality).values(**row, **figures))
    async with site.browser("agent") as browser:
        await measure(browser, call_id)
        found = (await browser.get("/api/calls")).json["items"]
        assert [one["mos"] for one in found if one["id"] == call_id] == [2.5]
        assert await listed(browser, bad_quality="true") == {call_id}
        assert call_id not in await listed(browser, bad_quality="false")


@pytest.mark.parametrize("shown", [False, True])
async def test_a_supervisors_leg_is_in_the_details_only_for_who_may_know(site: Site, shown: bool) -> None:
    own = site.world.own
    values = {"company_id": own.id, "call_id": own.ids["call_id"], "state": "null"}
    async with site.database.write() as connection:
        await connection.execute(
            insert(leg).values(id="s-1", role="supervisor", employee_id=own.people["supervisor"], **values)
        )
    async with site.browser("admin") as admin, site.browser("agent") as agent, site.browser("supervisor") as boss:
        current = (await admin.get("/api/settings/company")).json
        assert (await admin.ask("PUT", "/api/settings/company", current | {"supervision_shown": shown})).status == 200
        roles = {}
        for name, browser in (("agent", agent), ("boss", boss)):
            detail = (await browser.get(f"/api/calls/{own.ids['call_id']}")).json
            roles[name] = {one["role"] for one in detail["legs"]}
        assert "supervisor" in roles["boss"]
        assert ("supervisor" in roles["agent"]) is shown
