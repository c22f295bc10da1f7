"""A dial task in the pages: the administrator makes it, the agent calls its numbers one after the other."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import Browser, Locator, Page, expect

from tests.browser.test_minutes import picture
from tests.browser.test_workplaces import PATIENCE, _employee_id, _levels, sign_in
from tests.live.installation import Installation, until

pytestmark = pytest.mark.browser

FIRST, FIRST_MASKED, FIRST_SHOWN = "13800000003", "138******03", "138 0000 0003"
SECOND, SECOND_MASKED = "13800000002", "138******02"


async def test_an_agent_calls_through_a_task(chromium: Browser, floor: Installation) -> None:
    name = f"老客户回访{secrets.token_hex(2)}"
    me = await _employee_id(floor, "agent1")
    admin = await sign_in(chromium, floor.url, "admin")
    await _make_task(admin, floor.url, name, me)

    agent = await sign_in(chromium, floor.url, "agent1")
    await expect(agent.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await agent.get_by_test_id("nav-dial").click()
    ahead = agent.get_by_test_id("dial-numbers").get_by_test_id("task-number")
    await expect(ahead).to_have_count(2, timeout=PATIENCE)
    first, second = [await ahead.nth(index).get_attribute("data-number") for index in (0, 1)]
    await expect(ahead.first).to_contain_text(FIRST_MASKED)
    await expect(ahead.first.get_by_test_id("masked")).to_be_visible()
    assert FIRST not in await agent.content()
    await picture(agent, "dial-centre")

    # One press on the number; while it is called it is shown in full.
    await ahead.first.click()
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await expect(agent.get_by_test_id("call-about")).to_contain_text("李建国")
    await _levels(agent)
    await picture(agent, "dial-centre-talking")
    await agent.get_by_test_id("hangup").first.click()
    await expect(agent.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)

    # The result by its key, and the page goes on with the next number.
    await agent.keyboard.press("1")
    await agent.keyboard.press("Enter")
    await expect(agent.get_by_test_id("after-call")).to_be_hidden(timeout=PATIENCE)
    done = agent.get_by_test_id("dial-trail").locator(f"[data-number='{first}']")
    await expect(done).to_contain_text(FIRST_SHOWN, timeout=PATIENCE)
    await expect(done).to_contain_text("有意向")
    await expect(done).to_contain_text("已拨打 1 次")
    await expect(ahead).to_have_count(1)
    await expect(_number(agent, second)).to_be_focused(timeout=PATIENCE)
    await expect(ahead.first).to_contain_text(SECOND_MASKED)
    await expect(agent.get_by_test_id("dial-left")).to_have_text("1", timeout=PATIENCE)
    await picture(agent, "dial-centre-next")

    # Enter calls it: nothing needs the mouse.
    await agent.keyboard.press("Enter")
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await agent.keyboard.press("Alt+x")
    await expect(agent.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    await agent.get_by_test_id("note-result-connected_refused").click()
    await agent.get_by_test_id("note-save").click()
    await expect(ahead).to_have_count(0, timeout=PATIENCE)
    await expect(agent.get_by_test_id("dial-trail").get_by_test_id("task-number")).to_have_count(2)
    # Only now is the result with the server, and the page may be left.
    await expect(_number(agent, second)).to_contain_text("已拒绝", timeout=PATIENCE)
    await picture(agent, "dial-centre-done")

    # The calls name the task, and its numbers say what came of them.
    await agent.goto(f"{floor.url}/calls")
    await expect(agent.locator("tbody tr", has_text=name)).to_have_count(2, timeout=PATIENCE)
    await admin.reload()
    await expect(admin.get_by_test_id("task-drawer")).to_contain_text("已完成", timeout=PATIENCE)
    await admin.get_by_role("tab", name="号码", exact=True).click()
    await expect(admin.get_by_test_id(f"task-number-{first}")).to_contain_text("有意向", timeout=PATIENCE)
    await expect(admin.get_by_test_id(f"task-number-{second}")).to_contain_text("已拒绝")
    await picture(admin, "task-numbers")
    for page in (agent, admin):
        await page.context.close()
    await floor.carrier.quiet(15)


async def test_an_agent_claims_numbers_when_none_are_left(chromium: Browser, floor: Installation) -> None:
    name = f"网上留资{secrets.token_hex(2)}"
    supervisor = await floor.client("supervisor")
    task = await supervisor.post("/api/dial-tasks", {"name": name, "claim": "self"})
    await supervisor.post(
        f"/api/dial-tasks/{task['id']}/imports", {"text": "\n".join(f"13712342{index:03d}" for index in range(13))}
    )
    customer = {"number": "13712342000", "label": "mobile", "primary": True}
    await (await floor.client("agent2")).post(
        "/api/customers", {"kind": "personal", "name": "苏晚晴", "numbers": [customer]}
    )
    agent = await sign_in(chromium, floor.url, "agent2")

    async def offered() -> bool:
        await agent.goto(f"{floor.url}/dial?task={task['id']}")
        claim = agent.get_by_test_id(f"claim-{task['id']}")
        await expect(agent.get_by_test_id("dial-left")).to_be_visible(timeout=PATIENCE)
        return await claim.is_visible() and "13" in await claim.inner_text()

    await until(offered, "the task to have its numbers")
    await agent.get_by_test_id("claim-more").click()
    ahead = agent.get_by_test_id("dial-numbers").get_by_test_id("task-number")
    await expect(ahead).to_have_count(10, timeout=PATIENCE)
    await expect(ahead.first).to_be_focused()
    await agent.keyboard.press("ArrowDown")
    await expect(ahead.nth(1)).to_be_focused()
    await agent.get_by_test_id(f"claim-{task['id']}").click()
    await expect(ahead).to_have_count(13, timeout=PATIENCE)
    await expect(agent.get_by_test_id("dial-left")).to_have_text("13", timeout=PATIENCE)
    await expect(agent.get_by_test_id(f"claim-{task['id']}")).to_be_hidden()
    # Who is known is named, and the way there says how many are left, from every page.
    await expect(ahead.first).to_contain_text("苏晚晴")
    await expect(agent.get_by_test_id("task-customer")).to_have_count(1)
    for path in ("/dial", "/calls"):
        await agent.goto(f"{floor.url}{path}")
        await expect(agent.get_by_test_id("waiting-dial")).to_have_attribute("data-count", "13", timeout=PATIENCE)
    await agent.context.close()


def _number(page: Page, number_id: str | None) -> Locator:
    return page.locator(f"[data-testid=task-number][data-number='{number_id}']")


async def _make_task(page: Page, url: str, name: str, employee_id: int) -> None:
    """Two encrypted numbers and a line that is none, all for one agent."""
    await page.goto(f"{url}/dial/tasks")
    await page.get_by_test_id("task-create").click()
    await page.get_by_test_id("task-name").fill(name)
    await page.get_by_test_id("task-encrypted").click()
    await page.get_by_test_id("task-claim-assigned").click()
    await page.get_by_test_id("task-rule-custom").click()
    await page.get_by_test_id(f"person-{employee_id}").click()
    await expect(page.get_by_test_id("percent-sum")).to_contain_text("100%")
    share = page.get_by_test_id(f"percent-{employee_id}").locator("input")
    await share.fill("90")
    await share.press("Tab")
    await expect(page.get_by_test_id("percent-sum")).to_contain_text("还差 10%")
    await expect(page.get_by_test_id("task-save")).to_be_disabled()
    await page.get_by_test_id("percent-even").click()
    await page.get_by_test_id("task-numbers-text").fill(f"{FIRST},李建国,松石贸易\n{SECOND},何苗\n12")
    await picture(page, "task-dialog")
    await page.get_by_test_id("task-save").click()
    drawer = page.get_by_test_id("task-drawer")
    await expect(drawer.get_by_test_id("task-total")).to_have_text("2", timeout=PATIENCE)
    row = drawer.locator("[data-testid^=import-]").filter(has_text="已完成")
    await expect(row).to_be_visible(timeout=PATIENCE)
    await expect(row.locator("[data-testid^=failed-format_error-]")).to_have_text("1")
    await picture(page, "task-imports")
