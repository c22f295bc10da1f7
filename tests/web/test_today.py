"""The day's figures follow the data scope, count by the rules that they print, and open the rows they count."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, update

from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import company
from tests.web.support import Browser, Site, call_values
from tests.web.test_live import Tab

ZONE = ZoneInfo("Asia/Shanghai")
THRESHOLD = 30
NUMBER = "+8613877770000"
HEAD, REST, ANSWERED = "agent", "other", {"disposition": "ANSWERED", "direction": "outbound"}
MISSED = {"disposition": "NO ANSWER", "direction": "inbound", "answered_at": None, "talk_seconds": 0}
CALLS: tuple[tuple[str | None, dict[str, Any]], ...] = (
    (HEAD, ANSWERED | {"talk_seconds": 29, "minutes_charged": 1}),
    (HEAD, ANSWERED | {"talk_seconds": 30, "minutes_charged": 1}),
    (HEAD, MISSED),
    # A caller who was turned away is missed as well, whatever the word of its disposition.
    (HEAD, MISSED | {"disposition": "CONGESTION"}),
    (REST, ANSWERED | {"talk_seconds": 300, "minutes_charged": 5}),
    (None, MISSED),
)
"""Whose calls there are today; the supervisor heads the department of the one and not of the other."""


async def _made(site: Site) -> None:
    own = site.world.own
    midnight = datetime.combine(utcnow().astimezone(ZONE).date(), time(), ZONE).astimezone(UTC)
    start = max(midnight, utcnow() - timedelta(minutes=10))
    async with site.database.write() as connection:
        long_ago = {"started_at": midnight - timedelta(days=2)}
        await connection.execute(update(call).where(call.c.company_id == own.id).values(**long_ago))
        mine = company.c.id == own.id
        await connection.execute(update(company).where(mine).values(valid_call_seconds=THRESHOLD))
        for index, (who, values) in enumerate(CALLS):
            person = own.people[who] if who else None
            row = call_values(own.id, person, f"today-{index}", NUMBER, start)
            row |= {"started_at": start, "answered_at": start, "ended_at": start + timedelta(minutes=5), **values}
            await connection.execute(insert(call).values(**row))
    site.engine.stats.recount(own.id)


async def _figures(site: Site, browser: Browser, calls: int) -> dict[str, Any]:
    tab = Tab(site, browser)
    await tab.connect()
    while tab.live.entities["stats"].get("today", {}).get("calls") != calls:
        await tab.read_one()
    assert tab.socket is not None
    await tab.socket.close()
    found: dict[str, Any] = tab.live.entities["stats"]["today"]
    return found


async def _rows(browser: Browser, **filters: str) -> int:
    since = (utcnow() - timedelta(days=1)).isoformat()
    answer = await browser.get("/api/calls", params={"page_size": "1", "from": since, **filters})
    assert answer.status == 200, answer.json
    return int(answer.json["total"])


@pytest.mark.parametrize(
    ("who", "calls", "missed", "valid", "minutes"), [("admin", 6, 3, 2, 7), ("supervisor", 4, 2, 1, 2)]
)
@pytest.mark.feature("T-12", "T-21")
async def test_figures_are_of_those_whom_one_sees(
    site: Site, who: str, calls: int, missed: int, valid: int, minutes: int
) -> None:
    async with site.browser(who) as browser:
        await _made(site)
        found = await _figures(site, browser, calls)
        assert (found["missed"], found["valid"], found["minutes_charged"]) == (missed, valid, minutes)
        assert "parts" not in found, "nobody is told of others' figures"
        assert found["calls"] == found["inbound"] + found["outbound"]
        assert await _rows(browser) == calls
        assert await _rows(browser, missed="true") == missed
        assert await _rows(browser, valid="true") == valid
        assert await _rows(browser, valid="false") == calls - valid


@pytest.mark.feature("T-12")
async def test_a_call_as_long_as_the_threshold_is_valid(site: Site) -> None:
    """SPEC §B4.2 does not say; the page does: 29 s are too short, 30 s count."""
    async with site.browser("admin") as browser:
        await _made(site)
        rows = (await browser.get("/api/calls", params={"page_size": "100", "q": NUMBER})).json["items"]
        shown = {one["talk_seconds"]: one["valid"] for one in rows if one["disposition"] == "ANSWERED"}
        assert shown == {29: False, 30: True, 300: True}
        tab = Tab(site, browser)
        await tab.connect()
        before = (await browser.get("/api/settings/company")).json
        changed = await browser.ask("PUT", "/api/settings/company", {**before, "valid_call_seconds": 31})
        assert changed.status == 200
        assert await _rows(browser, valid="true") == 1
        while tab.live.entities["stats"].get("today", {}).get("valid") != 1:
            await tab.read_one()  # the figure follows the setting, without another call
        assert tab.socket is not None
        await tab.socket.close()
