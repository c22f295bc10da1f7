"""Two agents and a supervisor at their screens: every move pressed by hand, with real sound."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Browser, Page, expect
from sqlalchemy import select

from callcenter.pbx.tones import hears
from callcenter.store.tables.people import employee
from tests.browser.test_reload import CUSTOMER, CUSTOMER_HZ, THIRD, THIRD_HZ, last_call, settled, talk
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import Installation, until
from tests.pbx.control_support import MUSIC, heard

pytestmark = pytest.mark.browser


async def hears_something(page: Page) -> None:
    async def look() -> bool:
        found = await page.evaluate("window.__softphoneStats")
        return bool(found and (found["inboundAudioLevel"] or 0) > 0.01)

    await until(look, "sound in the browser", 25)


async def colleague(browser: Browser, floor: Installation, login: str = "agent1") -> Page:
    page = await sign_in(browser, floor.url, login)
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    return page


async def board(browser: Browser, floor: Installation) -> Page:
    page = await sign_in(browser, floor.url, "supervisor")
    await page.goto(f"{floor.url}/dashboard")
    return page


async def id_of(floor: Installation, login: str) -> int:
    query = select(employee.c.id).where(employee.c.company_id == floor.company_id, employee.c.login == login)
    async with floor.database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def ask(page: Page, number: str) -> None:
    await page.get_by_test_id("transfer-open").click()
    await page.get_by_test_id("transfer-number").fill(number)
    await page.get_by_test_id("transfer-consult").click()


async def place(page: Page, role: str, where: str) -> None:
    await expect(page.get_by_test_id(f"party-{role}")).to_have_attribute("data-place", where, timeout=PATIENCE)


@pytest.mark.feature("P-02", "P-04")
async def test_consult_swap_three_way_and_drop_by_hand(chromium: Browser, floor: Installation) -> None:
    page = await talk(chromium, floor)
    await asyncio.sleep(1.5)
    await ask(page, THIRD)
    await expect(page.get_by_test_id("move-swap")).to_be_visible(timeout=PATIENCE)
    await place(page, "customer", "held")
    await asyncio.sleep(1.5)
    await page.keyboard.press("Alt+s")
    await place(page, "third", "held")
    await hears_something(page)
    await asyncio.sleep(1.5)
    await page.get_by_test_id("move-swap").click()
    await place(page, "customer", "held")
    await page.get_by_test_id("move-conference").click()
    await expect(page.get_by_test_id("party-customer")).to_have_attribute("data-place", "talking", timeout=PATIENCE)
    for role in ("agent", "third"):
        await expect(page.get_by_test_id(f"party-{role}")).to_have_attribute("data-joined", "true", timeout=PATIENCE)
    await asyncio.sleep(2)
    await page.get_by_test_id("party-third").locator("[data-testid^=leg-drop-]").click()
    await expect(page.get_by_test_id("party-third")).to_be_hidden(timeout=PATIENCE)
    await hears_something(page)
    await page.get_by_test_id("hangup").first.click()
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    row = await settled(floor)
    assert (row.end_reason, row.minutes_charged) == ("agent_hung_up", 2)
    await floor.carrier.quiet(15)
    customer = floor.carrier.heard(CUSTOMER)[-1]
    assert hears(customer, THIRD_HZ, 1.5) and hears(floor.carrier.heard(THIRD)[-1], CUSTOMER_HZ, 1.5)
    assert heard(customer, candidates=(450, CUSTOMER_HZ, THIRD_HZ)).count(MUSIC) >= 1
    await page.context.close()


@pytest.mark.feature("T-19", "P-02")
async def test_a_call_goes_from_screen_to_screen(chromium: Browser, floor: Installation) -> None:
    """Consultation between two browsers, completed; then passed on blindly to a number."""
    other = await colleague(chromium, floor)
    boss = await board(chromium, floor)
    page = await talk(chromium, floor)
    client = await floor.client("supervisor")
    call_id = (await last_call(floor)).id
    # An agent has no list of colleagues to choose from; the request is the one that the list would make.
    ask_colleague = """([id, who]) => fetch(`/api/calls/${id}/consult`, {
        method: 'POST', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({employee_id: who})})"""
    await page.evaluate(ask_colleague, [call_id, await id_of(floor, "agent1")])
    await other.get_by_test_id("answer").click()
    await hears_something(other)
    await expect(page.get_by_test_id("move-complete")).to_be_visible(timeout=PATIENCE)
    await page.keyboard.press("Alt+c")
    await expect(page.get_by_test_id("call-state")).to_be_hidden(timeout=PATIENCE)
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    await expect(page.get_by_test_id("dial-input")).to_be_visible()
    await hears_something(other)
    await expect(other.get_by_test_id("transfer-open")).to_be_enabled(timeout=PATIENCE)
    await other.get_by_test_id("transfer-open").click()
    await other.get_by_test_id("transfer-number").fill(THIRD)
    await other.get_by_test_id("transfer-blind").click()
    await expect(other.get_by_test_id("call-state")).to_be_hidden(timeout=PATIENCE)
    row = boss.get_by_test_id(f"live-call-{call_id}")
    await expect(row).to_be_visible()
    await asyncio.sleep(3)
    await floor.carrier.hangup(CUSTOMER)
    await expect(row).to_be_hidden(timeout=PATIENCE)
    assert (await settled(floor)).end_reason == "customer_hung_up"
    await floor.carrier.quiet(15)
    assert hears(floor.carrier.heard(CUSTOMER)[-1], THIRD_HZ)
    found = await client.get(f"/api/calls/{call_id}")
    assert {leg["role"] for leg in found["legs"]} == {"agent", "customer", "third"}
    for one in (page, other, boss):
        await one.context.close()


async def test_a_failed_consultation_is_said_in_words(chromium: Browser, floor: Installation) -> None:
    page = await talk(chromium, floor)
    await ask(page, "13800000021")
    await expect(page.get_by_test_id("consult-failed")).to_contain_text("忙线", timeout=PATIENCE)
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await page.get_by_test_id("hangup").first.click()
    await page.context.close()


async def supervise(boss: Page, call_id: str, what: str) -> None:
    await boss.get_by_test_id(f"live-supervise-{call_id}").click()
    await boss.locator(f"[data-testid=live-{what}-{call_id}]:visible").click()


async def _shown(floor: Installation, on: bool) -> None:
    admin = await floor.client("admin")
    current = await admin.get("/api/settings/company")
    await admin.put("/api/settings/company", current | {"supervision_shown": on})


@pytest.mark.feature("P-05")
async def test_a_supervisor_listens_whispers_barges_and_takes_over_by_hand(
    chromium: Browser, floor: Installation
) -> None:
    await _shown(floor, True)
    boss = await board(chromium, floor)
    page = await talk(chromium, floor)
    call_id = (await last_call(floor)).id
    menu = boss.get_by_test_id(f"live-supervise-{call_id}")
    for what, said in (("listen", "监听"), ("whisper", "耳语"), ("barge", "加入")):
        await supervise(boss, call_id, what)
        await expect(menu).to_have_attribute("data-mode", what, timeout=PATIENCE)
        await expect(page.get_by_test_id("watched")).to_contain_text(said, timeout=PATIENCE)
        await hears_something(boss)
    await _shown(floor, False)
    await supervise(boss, call_id, "whisper")
    await expect(page.get_by_test_id("watched")).to_be_hidden(timeout=PATIENCE)
    await supervise(boss, call_id, "takeover")
    await boss.locator(".el-message-box .el-button--primary").click()
    await expect(page.get_by_test_id("call-state")).to_be_hidden(timeout=PATIENCE)
    await expect(menu).to_have_attribute("data-mode", "talking", timeout=PATIENCE)
    await asyncio.sleep(2)
    await floor.carrier.hangup(CUSTOMER)
    await expect(boss.get_by_test_id(f"live-call-{call_id}")).to_be_hidden(timeout=PATIENCE)
    for one in (page, boss):
        await one.context.close()


@pytest.mark.feature("P-05", "P-06", "T-21")
async def test_a_supervisor_sees_the_floor_ends_a_call_and_logs_an_agent_out(
    chromium: Browser, floor: Installation
) -> None:
    """One sign-in opens the live view and the records; idle, busy and talking show by themselves."""
    boss = await sign_in(chromium, floor.url, "supervisor")
    await boss.locator("a[href='/dashboard']").click()
    agent_id = await id_of(floor, "agent2")
    tile = boss.get_by_test_id(f"live-agent-{agent_id}")
    page = await sign_in(chromium, floor.url, "agent2")
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await page.get_by_test_id("state-switch").click()
    await page.get_by_test_id("state-ready").click()
    await expect(tile).to_have_attribute("data-state", "ready", timeout=PATIENCE)
    await page.get_by_test_id("dial-input").fill(CUSTOMER)
    await page.get_by_test_id("dial-button").click()
    await expect(tile).to_have_attribute("data-state", "busy", timeout=PATIENCE)
    await expect(tile).to_contain_text("通话中", timeout=PATIENCE)
    call_id = (await last_call(floor)).id
    await boss.get_by_test_id(f"live-hangup-{call_id}").click()
    await boss.locator(".el-message-box .el-button--primary").click()
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    assert (await settled(floor)).end_reason == "supervisor_hung_up"
    await boss.get_by_test_id(f"agent-menu-{agent_id}").click()
    await boss.locator(f"[data-testid=agent-force-meeting-{agent_id}]:visible").click()
    await expect(tile).to_have_attribute("data-state", "not_ready", timeout=PATIENCE)
    await expect(page.locator(".state-forced")).to_contain_text("supervisor", timeout=PATIENCE)
    await boss.get_by_test_id(f"agent-menu-{agent_id}").click()
    await boss.locator(f"[data-testid=agent-force-out-{agent_id}]:visible").click()
    await boss.locator(".el-message-box .el-button--primary").click()
    await expect(tile).to_have_attribute("data-state", "logged_out", timeout=PATIENCE)
    await boss.get_by_test_id(f"agent-menu-{agent_id}").click()
    await boss.locator(f"[data-testid=agent-history-{agent_id}]:visible").click()
    await expect(boss.get_by_test_id("state-history")).to_contain_text("由 supervisor 设置", timeout=PATIENCE)
    # The records are in the same session, one click away: no second sign-in.
    await boss.keyboard.press("Escape")
    await boss.locator("a[href='/calls']").click()
    await expect(boss.locator("tbody tr", has_text="坐席2").first).to_be_visible(timeout=PATIENCE)
    assert await boss.get_by_test_id("login-user").count() == 0
    for one in (page, boss):
        await one.context.close()


async def test_a_call_is_marked_and_found_by_its_mark(chromium: Browser, floor: Installation) -> None:
    """Not connected needs no form, and of a call nobody answered it is known; connected opens the form."""
    page = await talk(chromium, floor)
    await asyncio.sleep(1)
    await page.get_by_test_id("hangup").first.click()
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    await page.get_by_test_id("mark-not-connected").click()
    await expect(page.get_by_test_id("after-call")).to_be_hidden(timeout=PATIENCE)
    first = (await settled(floor)).id
    await page.get_by_test_id("dial-input").fill("13800000021")
    await page.get_by_test_id("dial-button").click()
    await expect(page.get_by_test_id("unanswered")).to_be_visible(timeout=PATIENCE)
    second = (await last_call(floor)).id
    client = await floor.client("agent2")
    (row,) = [one for one in (await client.get("/api/calls?mark=not_connected"))["items"] if one["id"] == second]
    assert (row["mark"], row["result"]) == ("not_connected", "not_connected"), "without anybody saying so"
    await page.get_by_test_id("unanswered-write").click()
    await expect(page.get_by_test_id("mark-not-connected")).to_have_attribute("aria-pressed", "true")
    await page.get_by_test_id("mark-connected").click()
    await page.get_by_test_id("note-text").fill("他马上打回来了")
    await page.get_by_test_id("note-save").click()
    await expect(page.get_by_test_id("after-call")).to_be_hidden(timeout=PATIENCE)
    marks = {one["id"]: one["mark"] for one in (await client.get("/api/calls?page_size=50"))["items"]}
    assert (marks[first], marks[second]) == ("not_connected", "connected")
    await page.goto(f"{floor.url}/calls")
    for choice in ("not_connected", "connected"):
        count = (await client.get(f"/api/calls?mark={choice}"))["total"]
        await page.get_by_test_id("calls-mark").click()
        await page.locator(f"[data-testid=calls-mark-{choice}]:visible").click()
        await expect(page.locator(".el-table__body tbody tr.el-table__row")).to_have_count(count, timeout=PATIENCE)
    await page.goto(f"{floor.url}/calls?call={first}")
    await expect(page.get_by_test_id("detail-mark-not_connected")).to_have_attribute("aria-pressed", "true")
    await page.get_by_test_id("detail-mark-connected").click()
    await expect(page.get_by_test_id("event-form")).to_be_visible(timeout=PATIENCE)
    await page.context.close()
