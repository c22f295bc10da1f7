"""Waiting lines, seats and calling modes at the screen: what an administrator sets up and people then see."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.test_floor import board, hears_something, id_of
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import INBOUND, Installation, until

pytestmark = pytest.mark.browser

CALLER, CUSTOMER = "13911117777", "13800000001"


async def admin_at(browser: Browser, floor: Installation, path: str) -> Page:
    page = await sign_in(browser, floor.url, "admin")
    await page.goto(f"{floor.url}{path}")
    return page


@pytest.mark.feature("P-12")
async def test_a_caller_who_waits_is_on_the_supervisors_screen_and_then_among_the_missed(
    chromium: Browser, floor: Installation
) -> None:
    page = await board(chromium, floor)
    line = page.get_by_test_id(f"queue-{floor.group_id}")
    await expect(line.get_by_test_id("queue-waiting")).to_have_text("0", timeout=PATIENCE)
    caller = await floor.carrier.call_in(INBOUND, CALLER, 650, seconds=60)
    await expect(line.get_by_test_id("queue-waiting")).to_have_text("1", timeout=PATIENCE)
    await expect(line).to_contain_text("最长")
    agent = await sign_in(chromium, floor.url, "agent2")
    await floor.carrier.hangup(caller.channel_id)
    await expect(line.get_by_test_id("queue-waiting")).to_have_text("0", timeout=PATIENCE)
    await agent.get_by_test_id("work-tab-missed").click()
    missed = agent.locator("[data-testid^=missed-row-]", has_text="139 1111 7777")
    await expect(missed).to_be_visible(timeout=PATIENCE)
    await expect(agent.get_by_test_id("waiting-work")).to_be_visible(timeout=PATIENCE)
    await page.context.close()
    await agent.context.close()


@pytest.mark.feature("P-11", "P-15")
async def test_an_administrator_sets_the_line_up_and_gives_a_number_hours(
    chromium: Browser, floor: Installation
) -> None:
    page = await admin_at(chromium, floor, "/admin/hours")
    await page.get_by_test_id("hours-new").click()
    await page.get_by_test_id("hours-name").fill("工作时间")
    # Five working days with their hours, and the sheet has come to rest.
    await expect(page.locator(".week .span")).to_have_count(5, timeout=PATIENCE)
    await page.get_by_test_id("hours-save").click()
    await expect(page.get_by_test_id("hours-save")).to_be_hidden(timeout=PATIENCE)
    await expect(page.get_by_text("工作时间")).to_be_visible(timeout=PATIENCE)
    await page.goto(f"{floor.url}/admin/groups")
    await page.get_by_test_id(f"group-edit-{floor.group_id}").click()
    await page.get_by_test_id("group-strategy").click()
    await page.get_by_role("option", name="轮询").click()
    await page.get_by_test_id("group-save").click()
    await expect(page.get_by_text("轮询 · 最长等待")).to_be_visible(timeout=PATIENCE)
    client = await floor.client("admin")
    group = next(one for one in await client.get("/api/groups") if one["id"] == floor.group_id)
    assert group["strategy"] == "round_robin"
    hours = await client.get("/api/hours")
    assert hours[0]["weekly"]["1"] == [{"start": "09:00", "end": "18:00"}]
    assert hours[0]["weekly"]["7"] == []
    await client.request("PATCH", f"/api/groups/{floor.group_id}", {"strategy": "longest_idle"})
    await client.request("DELETE", f"/api/hours/{hours[0]['id']}")
    await page.context.close()


@pytest.mark.feature("T-05", "T-10")
async def test_a_seat_is_taken_and_given_and_its_number_unbound(chromium: Browser, floor: Installation) -> None:
    """Without a seat the phone says so; with one, but without its number, a click is refused in words."""
    client = await floor.client("admin")
    employee = await id_of(floor, "agent2")
    seat = next(
        one for one in (await client.get("/api/seats"))["items"] if (one["employee"] or {}).get("id") == employee
    )
    number = next(one for one in seat["numbers"] if one["kind"] == "direct")
    await client.request("PATCH", f"/api/seats/{seat['id']}", {"employee_id": None})
    agent = await sign_in(chromium, floor.url, "agent2")
    await expect(agent.get_by_test_id("no-seat")).to_be_visible(timeout=PATIENCE)
    await client.request("PATCH", f"/api/seats/{seat['id']}", {"employee_id": employee})
    await agent.reload()
    await expect(agent.get_by_test_id("mode-chooser")).to_have_attribute("data-mode", "direct", timeout=PATIENCE)
    page = await admin_at(chromium, floor, "/admin/seats")
    await page.get_by_role("tab", name="号码").click()
    row = page.locator("li", has_text=number["display"])
    await row.get_by_role("button", name="解绑").click()
    await page.get_by_role("button", name="解绑").last.click()
    await expect(row.get_by_test_id(f"bind-{number['id']}")).to_be_visible(timeout=PATIENCE)
    await expect(agent.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await agent.get_by_test_id("dial-input").fill(CUSTOMER)
    await agent.keyboard.press("Enter")
    await expect(agent.get_by_text("坐席未绑定外显号码")).to_be_visible(timeout=PATIENCE)
    await client.request("PATCH", f"/api/outside-numbers/{number['id']}", {"seat_id": seat["id"]})
    await page.context.close()
    await agent.context.close()


@pytest.mark.feature("P-07")
async def test_two_calls_on_a_line_that_was_opened_once(chromium: Browser, floor: Installation) -> None:
    client = await floor.client("admin")
    employee = await id_of(floor, "agent2")
    await client.post(
        "/api/packages", {"employee_id": employee, "name": "点拨包", "minutes": 100, "days": 30, "mode": "point"}
    )
    agent = await sign_in(chromium, floor.url, "agent2")
    await expect(agent.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    line = agent.get_by_test_id("line")
    for _ in range(2):
        await agent.get_by_test_id("mode-chooser").click()
        await agent.get_by_test_id("mode-point").click()
        if await line.get_attribute("data-line") == "closed":
            await agent.get_by_test_id("line-toggle").click()
        await expect(line).to_have_attribute("data-line", "open", timeout=PATIENCE)
        await agent.get_by_test_id("dial-input").fill(CUSTOMER)
        await agent.keyboard.press("Enter")
        await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
        await hears_something(agent)
        await agent.get_by_test_id("hangup").first.click()
        await expect(agent.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
        await agent.keyboard.press("Control+Enter")
        await until(lambda: nobody(floor, CUSTOMER), "the customer to be gone")
    await expect(line).to_have_attribute("data-line", "open")
    await agent.get_by_test_id("line-toggle").click()
    await expect(line).to_have_count(0, timeout=PATIENCE)
    await agent.context.close()


@pytest.mark.feature("P-07")
async def test_a_line_comes_back_after_a_reload(chromium: Browser, floor: Installation) -> None:
    """The page that was loaded anew has no sound of the old line: it opens a new one, and the next call is heard."""
    client = await floor.client("admin")
    employee = await id_of(floor, "agent2")
    await client.post(
        "/api/packages", {"employee_id": employee, "name": "点拨包", "minutes": 100, "days": 30, "mode": "point"}
    )
    agent = await sign_in(chromium, floor.url, "agent2")
    await expect(agent.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await agent.get_by_test_id("mode-chooser").click()
    await agent.get_by_test_id("mode-point").click()
    line = agent.get_by_test_id("line")
    await expect(line).to_have_attribute("data-line", "closed", timeout=PATIENCE)
    await agent.get_by_test_id("line-toggle").click()
    await expect(line).to_have_attribute("data-line", "open", timeout=PATIENCE)
    await agent.reload()
    await expect(agent.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await agent.get_by_test_id("mode-chooser").click()
    await agent.get_by_test_id("mode-point").click()
    await expect(line).to_have_attribute("data-here", "true", timeout=PATIENCE)
    await expect(line).to_have_attribute("data-line", "open", timeout=PATIENCE)
    await agent.get_by_test_id("dial-input").fill(CUSTOMER)
    await agent.keyboard.press("Enter")
    await hears_something(agent)
    await agent.get_by_test_id("hangup").first.click()
    await until(lambda: nobody(floor, CUSTOMER), "the customer to be gone")
    await agent.get_by_test_id("line-toggle").click()
    await expect(line).to_have_count(0, timeout=PATIENCE)
    await agent.context.close()


async def nobody(floor: Installation, party: str) -> bool:
    return party not in await floor.carrier.parties()
