"""A call that comes in: where it rings, who is told, and that nobody is told twice (P-28, P-29)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from callcenter.store.tables.people import employee
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import INBOUND, Installation, until

pytestmark = pytest.mark.browser

SPY = """
window.notices = []; window.asked = 0; window.sinks = [];
class Notice { constructor(title, more) { window.notices.push({title, ...more}) } close() {} }
Notice.permission = localStorage.getItem('spy.permission') ?? 'granted';
Notice.requestPermission = () => {
  window.asked += 1; localStorage.setItem('spy.permission', 'denied'); Notice.permission = 'denied'
  return Promise.resolve('denied')
};
window.Notification = Notice;
Object.defineProperty(document, 'hidden', { get: () => window.away ?? false });
for (const kind of [AudioContext, HTMLMediaElement]) {
  const real = kind.prototype.setSinkId;
  kind.prototype.setSinkId = function (id) { window.sinks.push([kind.name, id]); return real.call(this, id) }
}
"""


async def watched(browser: Browser, floor: Installation, login: str = "agent2") -> Page:
    """A signed-in page whose notifications and sound outputs are written down."""
    page = await sign_in(browser, floor.url, login)
    await page.context.add_init_script(SPY)
    await page.reload()
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    return page


async def choose(page: Page, state: str) -> None:
    await page.get_by_test_id("state-switch").click()
    await page.get_by_test_id(f"state-{state}").click()


async def ready(page: Page) -> None:
    await choose(page, "ready")
    await expect(page.get_by_test_id("state-switch")).to_contain_text("就绪", timeout=PATIENCE)


@pytest.mark.feature("P-28")
async def test_a_hidden_page_notifies_and_rings_on_its_own_device(chromium: Browser, floor: Installation) -> None:
    page = await watched(chromium, floor)
    await page.get_by_test_id("user-menu").click()
    await page.get_by_test_id("menu-devices").click()
    for kind, name in (("ringer", "Fake Audio Output 2"), ("speaker", "Fake Audio Output 1")):
        await page.get_by_test_id(f"device-{kind}").click()
        await page.locator(".el-select-dropdown__item:visible", has_text=name).click()
        await expect(page.locator(".el-select-dropdown__item:visible")).to_have_count(0)
    await page.get_by_role("dialog").locator(".el-dialog__headerbtn").click()
    await expect(page.get_by_role("dialog")).to_be_hidden()
    devices = await page.evaluate("JSON.parse(localStorage.getItem('callcenter.devices'))")
    assert devices["ringer"] and devices["speaker"] and devices["ringer"] != devices["speaker"]
    await ready(page)
    await page.evaluate("window.sinks.length = 0; window.away = true")
    call = await floor.carrier.call_in(INBOUND, "13900000001", 650, seconds=30)
    await expect(page.get_by_test_id("pop-customer-name")).to_contain_text("李建国", timeout=PATIENCE)
    await expect(page.get_by_test_id("answer")).to_be_visible(timeout=PATIENCE)

    async def told() -> list[dict[str, Any]] | None:
        return await page.evaluate("window.notices") or None

    (notice,) = await until(told, "the notification")
    assert notice["title"] == "呼入" and "李建国" in notice["body"]
    assert ["AudioContext", devices["ringer"]] in await page.evaluate("window.sinks")
    await page.get_by_test_id("answer").click()
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)

    async def routed() -> bool:
        return ["HTMLMediaElement", devices["speaker"]] in await page.evaluate("window.sinks")

    await until(routed, "the voice to go to the other device")
    await choose(page, "not_ready-break")
    await floor.carrier.hangup(call.channel_id)
    # In sight, the page itself is enough.
    await page.evaluate("window.away = false; window.notices.length = 0")
    await ready(page)
    call = await floor.carrier.call_in(INBOUND, "13900000001", 650, seconds=30)
    await expect(page.get_by_test_id("answer")).to_be_visible(timeout=PATIENCE)
    assert await page.evaluate("window.notices") == []
    await choose(page, "not_ready-break")
    await floor.carrier.hangup(call.channel_id)
    await page.context.close()


@pytest.mark.feature("P-28")
async def test_permission_is_asked_once_on_a_click(chromium: Browser, floor: Installation) -> None:
    page = await sign_in(chromium, floor.url, "agent1")
    await page.evaluate("localStorage.setItem('spy.permission', 'default')")
    await page.context.add_init_script(SPY)
    await page.reload()
    await expect(page.get_by_test_id("state-switch")).to_be_visible(timeout=PATIENCE)
    assert await page.evaluate("window.asked") == 0, "never without a click"
    await ready(page)
    assert await page.evaluate("window.asked") == 1
    await choose(page, "not_ready-break")
    await page.evaluate("Notification.permission = 'default'")
    await ready(page)
    assert await page.evaluate("window.asked") == 1, "an answer is not asked for twice"
    await choose(page, "not_ready-break")
    await page.context.close()


@pytest.mark.feature("P-29")
async def test_desk_phone_two_tabs_and_a_queue_that_rings_again_make_one_pop(
    chromium: Browser, floor: Installation
) -> None:
    """Both phones of the agent are registered; the call rings on the chosen one, in one tab, and pops there once."""
    query = select(employee.c.id, employee.c.sip_secret).where(
        employee.c.company_id == floor.company_id, employee.c.login == "agent2"
    )
    async with floor.database.read() as connection:
        who = (await connection.execute(query)).one()
    desk = f"agent-{who.id}"
    await floor.carrier.add_phone(desk, who.sip_secret, 950, answer_after=0.2)
    try:
        first = await watched(chromium, floor)
        second = await first.context.new_page()
        await second.goto(f"{floor.url}/work")
        await expect(second.get_by_test_id("phone-status")).to_contain_text("在另一个页面中使用", timeout=PATIENCE)
        live = await (await floor.client("agent2")).live()
        await ready(first)
        for page in (first, second):
            await page.evaluate("window.away = true; window.notices.length = 0")
        call = await floor.carrier.call_in(INBOUND, "13900000001", 650, seconds=60)
        await expect(first.get_by_test_id("pop-card")).to_have_count(1, timeout=PATIENCE)
        await expect(first.get_by_test_id("answer")).to_be_visible(timeout=PATIENCE)
        # Nobody answers: the queue rings the same phone again.
        await live.wait(lambda one: len(one.events("pop")) >= 2, 30, "the second ringing")
        await asyncio.sleep(1)
        await expect(first.get_by_test_id("pop-card")).to_have_count(1)
        assert await second.get_by_test_id("pop-card").count() == 0
        assert len(await first.evaluate("window.notices")) >= 1 and await second.evaluate("window.notices") == []
        assert await second.get_by_test_id("answer").count() == 0, "one tab rings"
        assert desk not in await floor.carrier.parties() and floor.carrier.heard(desk) == [], "one phone rings"
        # The leading tab is closed: the other one takes the line, and with it the ringing and the pops.
        await choose(first, "not_ready-break")
        await floor.carrier.hangup(call.channel_id)
        await first.close()
        await expect(second.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
        await ready(second)
        call = await floor.carrier.call_in(INBOUND, "13900000002", 650, seconds=30)
        await expect(second.get_by_test_id("answer")).to_be_visible(timeout=PATIENCE)
        await expect(second.get_by_test_id("pop-card")).to_have_count(1)
        await choose(second, "not_ready-break")
        await floor.carrier.hangup(call.channel_id)
        await second.context.close()
    finally:
        await floor.carrier.remove_phone(desk)
