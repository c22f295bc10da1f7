"""Consultation, three-way and supervision pressed in a real browser, with real sound."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Page, expect

from callcenter.pbx.tones import hears
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import Installation, until

pytestmark = pytest.mark.browser

CUSTOMER, CUSTOMER_HZ = "13800000003", 800
THIRD, THIRD_HZ = "13800000002", 700


async def _talk(browser: Browser, floor: Installation) -> Page:
    page = await sign_in(browser, floor.url, "agent2")
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await page.get_by_test_id("dial-input").fill(CUSTOMER)
    await page.get_by_test_id("dial-button").click()
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    return page


@pytest.mark.feature("T-20")
async def test_consult_and_three_way_by_hand(chromium: Browser, floor: Installation) -> None:
    page = await _talk(chromium, floor)
    await page.get_by_test_id("transfer-open").click()
    await page.get_by_test_id("transfer-number").fill(THIRD)
    await page.get_by_test_id("transfer-consult").click()
    await expect(page.get_by_test_id("move-conference")).to_be_visible(timeout=PATIENCE)
    await page.get_by_test_id("move-conference").click()
    await expect(page.get_by_test_id("move-conference")).to_be_hidden(timeout=PATIENCE)
    await asyncio.sleep(3)
    await page.get_by_test_id("hangup").first.click()
    await asyncio.sleep(1)
    for party in (CUSTOMER, THIRD):
        await floor.carrier.hangup(party)
    await floor.carrier.quiet(15)
    assert hears(floor.carrier.heard(CUSTOMER)[-1], THIRD_HZ)
    assert hears(floor.carrier.heard(THIRD)[-1], CUSTOMER_HZ)
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    await page.context.close()


async def test_a_colleague_is_found_by_name_and_called_by_the_seat_code(chromium: Browser, floor: Installation) -> None:
    """The keyboard alone, as an agent who may not see the list of employees."""
    other = await sign_in(chromium, floor.url, "agent1")
    await expect(other.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    page = await _talk(chromium, floor)
    client = await floor.client("agent2")
    found = (await client.get("/api/transfer-targets"))["people"]
    colleague = next(one for one in found if one["name"] == "坐席1")
    assert colleague["reach"] == "free", "before everybody who cannot be rung"
    option = page.get_by_test_id(f"transfer-person-{colleague['id']}")
    await page.keyboard.press("Alt+t")
    await expect(page.get_by_test_id("transfer-number")).to_be_focused()
    await expect(option).to_be_visible(timeout=PATIENCE)
    await page.keyboard.type(colleague["name"])
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("transfer-number")).to_have_value(colleague["name"], timeout=PATIENCE)
    await expect(option).to_be_hidden()
    await page.keyboard.press("Enter")
    await expect(other.get_by_test_id("answer")).to_be_visible(timeout=PATIENCE)
    await page.keyboard.press("Alt+b")
    await expect(other.get_by_test_id("answer")).to_be_hidden(timeout=PATIENCE)
    await expect(page.get_by_test_id("transfer-open")).to_be_enabled(timeout=PATIENCE)

    async def free() -> bool:
        people = (await client.get(f"/api/transfer-targets?q={colleague['extension']}"))["people"]
        return [one["reach"] for one in people] == ["free"]

    await until(free, "the colleague to be free again")
    await page.keyboard.press("Alt+t")
    await expect(option).to_have_attribute("aria-disabled", "false", timeout=PATIENCE)
    await page.keyboard.type(colleague["extension"])
    await page.keyboard.press("Enter")
    await expect(other.get_by_test_id("answer")).to_be_visible(timeout=PATIENCE)
    await page.get_by_test_id("hangup").first.click()
    await floor.carrier.hangup(CUSTOMER)
    await floor.carrier.quiet(15)
    await page.context.close()
    await other.context.close()


async def test_a_supervisor_listens_from_the_dashboard(chromium: Browser, floor: Installation) -> None:
    page = await _talk(chromium, floor)
    board = await sign_in(chromium, floor.url, "supervisor")
    await board.goto(f"{floor.url}/dashboard")
    await board.locator("[data-testid^=live-supervise-]").first.click(timeout=PATIENCE)
    await board.locator("[data-testid^=live-listen-]:visible").first.click()
    menu = board.locator("[data-testid^=live-supervise-]").first
    await expect(menu).to_have_attribute("data-mode", "listen", timeout=PATIENCE)

    async def hears_the_call() -> bool:
        sample = await board.evaluate("window.__softphoneStats")
        return bool(sample and (sample["inboundAudioLevel"] or 0) > 0.01)

    await until(hears_the_call, "the supervisor to hear the call")
    await page.get_by_test_id("hangup").first.click()
    await expect(board.locator("[data-testid^=live-supervise-]")).to_have_count(0, timeout=PATIENCE)
    await page.context.close()
    await board.context.close()
