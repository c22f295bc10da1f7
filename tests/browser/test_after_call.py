"""What stands on the desk during a call and after it: one form, in sight, and nothing asked that is known."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.test_ringing import choose, ready
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import INBOUND, Installation, until

pytestmark = pytest.mark.browser

NOBODY = "13800000021"
"""A number that is busy."""
KNOWN, STRANGER = "13900000001", "13955556666"
IN_SIGHT = """one => {
  const box = one.getBoundingClientRect()
  const at = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2)
  return box.top >= 0 && box.left >= 0 && box.bottom <= innerHeight && box.right <= innerWidth && one.contains(at)
}"""
"""Whole inside the window, with nothing above it."""


async def in_sight(page: Page, *names: str) -> None:
    for name in names:
        one = page.get_by_test_id(name).first
        await expect(one).to_be_visible(timeout=PATIENCE)

        async def seen(one: object = one) -> bool:
            return bool(await one.evaluate(IN_SIGHT))  # type: ignore[attr-defined]

        await until(seen, f"{name} to be in sight at {page.viewport_size}")


@pytest.mark.parametrize(
    ("width", "height", "caller"),
    [(390, 844, KNOWN), (390, 844, STRANGER), (1366, 657, KNOWN), (1366, 657, STRANGER)],
    ids=["phone-known", "phone-stranger", "laptop-known", "laptop-stranger"],
)
async def test_answer_note_result_and_save_need_no_scrolling(
    chromium: Browser, floor: Installation, width: int, height: int, caller: str
) -> None:
    page = await sign_in(chromium, floor.url, "agent2")
    await page.set_viewport_size({"width": width, "height": height})
    await page.reload()
    await ready(page)
    call = await floor.carrier.call_in(INBOUND, caller, 650, seconds=60)
    await expect(page.get_by_test_id("pop-card")).to_have_count(1, timeout=PATIENCE)
    await in_sight(page, "answer")
    await page.get_by_test_id("answer").click()
    await in_sight(page, "call-note", "hangup")
    if caller == STRANGER:
        await in_sight(page, "quick-create-name", "quick-create-save")
        await expect(page.get_by_test_id("pop-card")).to_have_count(0)
    await choose(page, "not_ready-break")
    await floor.carrier.hangup(call.channel_id)
    await in_sight(page, "note-result-connected_interested", "note-text", "note-save")
    if caller == KNOWN:
        await expect(page.get_by_test_id("pop-card")).to_have_count(1)
    else:
        # One form: the name is a line of it, and is saved with the rest.
        assert await page.locator(".dock form[data-testid=after-call]").count() == 1
        await expect(page.get_by_test_id("quick-create-name")).to_have_count(1)
        await expect(page.get_by_test_id("quick-create-save")).to_have_count(0)
    if (width, caller) == (1366, STRANGER):
        await page.get_by_test_id("quick-create-name").fill("周远")
    await page.get_by_test_id("note-save").click()
    await expect(page.get_by_test_id("after-call")).to_be_hidden(timeout=PATIENCE)
    await expect(page.get_by_test_id("pop-card")).to_have_count(0)
    if (width, caller) == (1366, STRANGER):
        client = await floor.client("agent2")
        found = await client.get(f"/api/customers/match?number={STRANGER}")
        assert found["customer"]["name"] == "周远"
    await page.context.close()


async def test_nothing_is_asked_after_a_call_that_nobody_answered(chromium: Browser, floor: Installation) -> None:
    """Nor does the refusal of an earlier dial stand above it."""
    page = await sign_in(chromium, floor.url, "agent2")
    await expect(page.get_by_test_id("phone-status")).to_have_attribute("data-line", "ready", timeout=PATIENCE)
    await page.get_by_test_id("dial-input").fill("12")
    await page.get_by_test_id("dial-button").click()
    await expect(page.get_by_test_id("dial-refusal")).to_be_visible(timeout=PATIENCE)
    call = await floor.carrier.call_in(INBOUND, KNOWN, 650, seconds=60)
    await ready(page)
    await expect(page.get_by_test_id("answer")).to_be_visible(timeout=PATIENCE)
    await expect(page.get_by_test_id("dial-refusal")).to_have_count(0)
    await choose(page, "not_ready-break")
    await floor.carrier.hangup(call.channel_id)
    strip = page.get_by_test_id("unanswered")
    await expect(strip).to_contain_text("李建国", timeout=PATIENCE)
    await page.get_by_test_id("dial-input").fill(NOBODY)
    await page.get_by_test_id("dial-button").click()
    await expect(strip).to_contain_text("忙线", timeout=PATIENCE)
    await expect(page.get_by_test_id("state-switch")).not_to_contain_text("整理", timeout=PATIENCE)
    for name in ("after-call", "pop-card", "mark-connected"):
        assert await page.get_by_test_id(name).count() == 0, name
    await page.context.close()
