"""A page that is loaded anew in the middle of a call, and one that never comes back (P-26, P-27)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from callcenter.pbx.tones import hears
from callcenter.store.tables.calls import call
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import Installation, until
from tests.pbx.control_support import MUSIC, heard

pytestmark = pytest.mark.browser

CUSTOMER, CUSTOMER_HZ = "13800000003", 800
THIRD, THIRD_HZ = "13800000002", 700


async def talk(browser: Browser, floor: Installation, login: str = "agent2") -> Page:
    page = await sign_in(browser, floor.url, login)
    page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await page.get_by_test_id("dial-input").fill(CUSTOMER)
    await page.get_by_test_id("dial-button").click()
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    return page


async def hears_the_line(page: Page) -> None:
    async def look() -> bool:
        found = await page.evaluate("window.__softphoneStats")
        return bool(found and (found["inboundAudioLevel"] or 0) > 0.01 and (found["outboundAudioLevel"] or 0) > 0.01)

    await until(look, "sound both ways in the browser", 25)


async def last_call(floor: Installation) -> Any:
    query = select(call).where(call.c.company_id == floor.company_id).order_by(call.c.started_at.desc()).limit(1)
    async with floor.database.read() as connection:
        return (await connection.execute(query)).one()


async def settled(floor: Installation) -> Any:
    async def look() -> Any:
        row = await last_call(floor)
        return row if row.billing == "settled" else None

    return await until(look, "the call to be settled", 30)


@pytest.mark.feature("P-26")
async def test_a_reloaded_page_has_its_call_back(chromium: Browser, floor: Installation) -> None:
    page = await talk(chromium, floor)
    await hears_the_line(page)
    before = await last_call(floor)
    await page.reload()
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await hears_the_line(page)
    # And once more: the call is as good as before.
    await page.reload()
    await hears_the_line(page)
    await page.get_by_test_id("hold").click()
    await asyncio.sleep(1.5)
    await page.get_by_test_id("hold").click()
    await asyncio.sleep(1.5)
    assert CUSTOMER in await floor.carrier.parties()
    await page.get_by_test_id("hangup").first.click()
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    row = await settled(floor)
    assert (row.id, row.end_reason, row.minutes_charged) == (before.id, "agent_hung_up", 1)
    await floor.carrier.quiet(15)
    assert len(floor.carrier.heard(CUSTOMER)) >= 1
    await page.context.close()


@pytest.mark.feature("P-26")
async def test_a_call_on_hold_is_on_hold_after_the_reload(chromium: Browser, floor: Installation) -> None:
    """With a third party: the agent talks with it again, and the customer waits on."""
    page = await talk(chromium, floor)
    await page.get_by_test_id("transfer-open").click()
    await page.get_by_test_id("transfer-number").fill(THIRD)
    await page.get_by_test_id("transfer-consult").click()
    await expect(page.get_by_test_id("move-complete")).to_be_visible(timeout=PATIENCE)
    await page.reload()
    await hears_the_line(page)
    await expect(page.get_by_test_id("party-customer")).to_have_attribute("data-place", "held", timeout=PATIENCE)
    await expect(page.get_by_test_id("move-complete")).to_be_visible(timeout=PATIENCE)
    await page.get_by_test_id("move-complete").click()
    await expect(page.get_by_test_id("call-state")).to_be_hidden(timeout=PATIENCE)
    await asyncio.sleep(2.5)
    await floor.carrier.hangup(CUSTOMER)
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    await floor.carrier.quiet(15)
    assert hears(floor.carrier.heard(CUSTOMER)[-1], THIRD_HZ) and hears(floor.carrier.heard(THIRD)[-1], CUSTOMER_HZ)
    await page.context.close()


@pytest.mark.feature("P-26")
async def test_a_browser_that_never_comes_back_lets_the_customer_go(chromium: Browser, floor: Installation) -> None:
    page = await talk(chromium, floor)
    await hears_the_line(page)
    await page.context.close()
    row = await settled(floor)
    assert row.end_reason == "agent_lost"
    await floor.carrier.quiet(15)
    assert MUSIC in heard(floor.carrier.heard(CUSTOMER)[-1], candidates=(450, CUSTOMER_HZ))


@pytest.mark.feature("P-26")
async def test_a_browser_that_dies_in_a_consultation_leaves_the_others_talking(
    chromium: Browser, floor: Installation
) -> None:
    page = await talk(chromium, floor)
    await page.get_by_test_id("transfer-open").click()
    await page.get_by_test_id("transfer-number").fill(THIRD)
    await page.get_by_test_id("transfer-consult").click()
    await expect(page.get_by_test_id("move-complete")).to_be_visible(timeout=PATIENCE)
    call_id = (await last_call(floor)).id
    board = await (await floor.client("supervisor")).live()
    await page.context.close()

    def together(live: Any) -> bool:
        legs = (live.entities["call"].get(call_id) or {"legs": []})["legs"]
        places = {leg["role"]: (leg["state"], leg["place"]) for leg in legs if leg["state"] != "null"}
        return places == {"customer": ("connected", "talking"), "third": ("connected", "talking")}

    await board.wait(together, 30, "customer and third party to talk with each other")
    await asyncio.sleep(2)
    await floor.carrier.hangup(THIRD)
    row = await settled(floor)
    assert (row.id, row.end_reason) == (call_id, "third_hung_up")
    await floor.carrier.quiet(15)
    assert hears(floor.carrier.heard(CUSTOMER)[-1], THIRD_HZ)


@pytest.mark.feature("P-27")
async def test_the_browser_measures_the_line_and_the_call_keeps_it(chromium: Browser, floor: Installation) -> None:
    page = await talk(chromium, floor)
    await expect(page.get_by_test_id("quality-good")).to_be_visible(timeout=PATIENCE)
    await asyncio.sleep(3)
    await page.get_by_test_id("hangup").first.click()
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    call_id = (await settled(floor)).id
    client = await floor.client("supervisor")

    async def measured() -> dict[str, Any] | None:
        lines = {one["measured_by"]: one for one in (await client.get(f"/api/calls/{call_id}"))["quality"]}
        return lines if {"browser", "pbx"} <= lines.keys() else None

    lines = await until(measured, "both measurements")
    assert all(one["mos"] > 3.6 for one in lines.values()), lines
    assert lines["browser"]["round_trip_ms"] is not None
    await page.goto(f"{floor.url}/calls?call={call_id}")
    await expect(page.get_by_test_id("call-quality")).to_contain_text("坐席浏览器", timeout=PATIENCE)
    await expect(page.get_by_test_id("call-quality")).to_contain_text("良好")
    await page.context.close()
