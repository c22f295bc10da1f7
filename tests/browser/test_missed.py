"""A caller whom nobody took is called back from the list with one press (P-18)."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, expect

from tests.browser.test_floor import hears_something, id_of
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import INBOUND, Installation, until

pytestmark = pytest.mark.browser

CALLER = "13800000004"
"""Takes every call of ours."""


@pytest.mark.feature("P-18")
async def test_a_missed_caller_is_called_back_with_one_press(chromium: Browser, floor: Installation) -> None:
    admin = await floor.client("admin")
    board = await admin.live()
    caller = await floor.carrier.call_in(INBOUND, CALLER, 650, seconds=60)
    await board.wait(lambda live: _waits(live.entities["call"]), 60, "the caller to wait")
    page = await sign_in(chromium, floor.url, "agent1")
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await page.get_by_test_id("work-tab-missed").click()
    await floor.carrier.hangup(caller.channel_id)
    row = page.locator("[data-testid^=missed-row-]", has_text="138 0000 0004")
    await expect(row).to_have_count(1, timeout=PATIENCE)

    await row.get_by_test_id("row-dial").click()
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await hears_something(page)
    # It waits for nobody any more, on this page and for everybody else.
    await expect(row).to_have_count(0, timeout=PATIENCE)
    await page.get_by_test_id("hangup").first.click()
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    me = await id_of(floor, "agent1")

    async def returned() -> bool:
        found = (await admin.get(f"/api/missed-calls?state=returned&group_id={floor.group_id}"))["items"]
        return any(
            one["number"] == f"+86{CALLER}" and one["reached"] and one["returned_by"]["id"] == me for one in found
        )

    await until(returned, "the missed call to be returned", 60)
    await page.context.close()


def _waits(calls: dict[str, dict[str, object]]) -> bool:
    return any(one["number"] == f"+86{CALLER}" and one["queue"] for one in calls.values())
