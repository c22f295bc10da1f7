"""A supervisor presses a figure of the live page and sees the calls that it counts."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.async_api import Browser, Locator, expect
from sqlalchemy import delete, insert

from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call
from tests.browser.test_floor import board, id_of
from tests.browser.test_workplaces import PATIENCE
from tests.live.installation import Installation, until
from tests.web.support import call_values

pytestmark = pytest.mark.browser
MISSED: dict[str, Any] = {"direction": "inbound", "answered_at": None, "talk_seconds": 0}
CALLS: tuple[dict[str, Any], ...] = (
    MISSED | {"disposition": "NO ANSWER"},
    MISSED | {"disposition": "CONGESTION"},
    {"talk_seconds": 29},
    {"talk_seconds": 30},
    {"talk_seconds": 31},
)


async def test_every_figure_opens_the_calls_that_it_counts(chromium: Browser, floor: Installation) -> None:
    admin = await floor.client("admin")
    settings = await admin.get("/api/settings/company")
    zone = ZoneInfo(settings["time_zone"])
    midnight = datetime.combine(utcnow().astimezone(zone).date(), time(), zone).astimezone(UTC)
    agent = await id_of(floor, "agent0")
    ids = [f"figure-{index}" for index in range(len(CALLS))]
    async with floor.database.write() as connection:
        for one, values in zip(ids, CALLS, strict=True):
            row = call_values(floor.company_id, agent, one, "+8613877770000", midnight)
            row |= {"started_at": midnight, "ended_at": midnight + timedelta(minutes=2), **values}
            await connection.execute(insert(call).values(**row))
    try:
        # Another threshold: the figures are counted anew.
        await admin.put("/api/settings/company", {**settings, "valid_call_seconds": 31})
        page = await board(chromium, floor)
        for name, least in (("calls", 5), ("missed", 2), ("valid", 1)):
            await page.goto(f"{floor.url}/dashboard")
            value = page.get_by_test_id(f"stat-{name}").locator(".value")

            async def counted(value: Locator = value, least: int = least) -> int | None:
                shown = (await value.inner_text()).replace(",", "")
                return int(shown) if shown.isdigit() and int(shown) >= least else None

            figure = await until(counted, f"{least} {name} to be counted", PATIENCE / 1000)
            await value.click()
            await expect(page.get_by_text(f"共 {figure} 条记录")).to_be_visible(timeout=PATIENCE)
        await page.context.close()
    finally:
        async with floor.database.write() as connection:
            await connection.execute(delete(call).where(call.c.company_id == floor.company_id, call.c.id.in_(ids)))
        await admin.put("/api/settings/company", settings)
