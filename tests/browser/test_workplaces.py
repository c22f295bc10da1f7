"""What people do all day, in a real browser: sign in, click a customer, talk, note; take a call; watch it live."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from playwright.async_api import Browser, Page, Route, expect
from playwright.async_api import Error as PlaywrightError
from sqlalchemy import select

from callcenter.pbx.tones import samples
from callcenter.store.tables.people import employee
from tests.live.installation import INBOUND, PASSWORD, Installation, until

pytestmark = pytest.mark.browser

PATIENCE = 60_000


async def sign_in(browser: Browser, url: str, login: str, permissions: Sequence[str] = ("microphone",)) -> Page:
    context = await browser.new_context(
        locale="zh-CN", permissions=permissions, viewport={"width": 1440, "height": 900}
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    await page.goto(url)
    await page.get_by_test_id("login-user").fill(login)
    await page.get_by_test_id("login-password").fill(PASSWORD)
    await page.get_by_test_id("login-submit").click()
    await page.wait_for_selector("[data-testid=login-user]", state="detached")
    return page


@pytest.fixture
async def agent(chromium: Browser, floor: Installation) -> AsyncIterator[Page]:
    page = await sign_in(chromium, floor.url, "agent0")
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    yield page
    await page.context.close()


@pytest.fixture
async def supervisor(chromium: Browser, floor: Installation) -> AsyncIterator[Page]:
    page = await sign_in(chromium, floor.url, "supervisor")
    await page.goto(f"{floor.url}/dashboard")
    yield page
    await page.context.close()


async def _levels(page: Page) -> dict[str, Any]:
    """Statistics of the browser's call once sound flows both ways."""

    async def look() -> dict[str, Any] | None:
        found = await page.evaluate("window.__softphoneStats")
        loud = found and (found["inboundAudioLevel"] or 0) > 0.01 and (found["outboundAudioLevel"] or 0) > 0.01
        return dict(found) if loud else None

    return await until(look, "sound both ways in the browser", 20)


async def _employee_id(floor: Installation, login: str) -> int:
    query = select(employee.c.id).where(employee.c.company_id == floor.company_id, employee.c.login == login)
    async with floor.database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


@pytest.mark.feature("T-18")
async def test_an_agent_clicks_a_customer_and_talks(agent: Page, supervisor: Page, floor: Installation) -> None:
    me = await _employee_id(floor, "agent0")
    minutes = agent.get_by_test_id("minutes-left")
    await expect(minutes).to_contain_text("1000")
    await agent.get_by_test_id("work-search").fill("王芳")
    await agent.locator("[data-testid^=customer-row-]", has_text="王芳").first.click()
    await agent.locator("[data-testid^=customer-dial-]").first.click()
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    assert (await _levels(agent))["packetsReceived"] > 0

    # The supervisor's page shows it without a reload.
    tile = supervisor.get_by_test_id(f"live-agent-{me}")
    await expect(tile).to_contain_text("王芳", timeout=PATIENCE)
    row = supervisor.locator("[data-testid^=live-call-]")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text("通话中")

    await asyncio.sleep(3)
    await agent.get_by_test_id("hangup").first.click()
    await expect(agent.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    await expect(row).to_have_count(0, timeout=PATIENCE)
    await agent.get_by_test_id("note-result-connected_interested").click()
    await agent.get_by_test_id("note-text").fill("周五发合同")
    await agent.get_by_test_id("note-save").click()
    await expect(agent.get_by_test_id("after-call")).to_be_hidden(timeout=PATIENCE)

    # Timeline, charge and recording are there by themselves.
    entry = agent.get_by_test_id("timeline-item").first
    await expect(entry).to_contain_text("周五发合同", timeout=PATIENCE)
    await expect(minutes).to_contain_text("999", timeout=PATIENCE)
    await agent.get_by_test_id("timeline-play").first.click(timeout=40_000)
    await expect(agent.get_by_test_id("waveform").first).to_be_visible(timeout=PATIENCE)
    await floor.carrier.quiet(15)
    # Chromium's fake microphone beeps at no stated pitch; the customer's phone must not have heard silence.
    _, wave = samples(floor.carrier.heard("13800000001")[-1])
    assert max(map(abs, wave)) > 1000


@pytest.mark.feature("T-14")
async def test_a_call_in_pops_before_the_agent_answers(agent: Page, floor: Installation) -> None:
    await agent.get_by_test_id("state-switch").click()
    await agent.get_by_test_id("state-ready").click()
    await expect(agent.get_by_test_id("state-switch")).to_contain_text("就绪", timeout=PATIENCE)
    draft = agent.get_by_test_id("work-search")
    await draft.fill("正在输入")
    call = await floor.carrier.call_in(INBOUND, "13900000001", 650, seconds=30)
    await expect(agent.get_by_test_id("pop-customer-name")).to_contain_text("李建国", timeout=PATIENCE)
    await expect(agent.get_by_test_id("answer")).to_be_visible()
    # The pop opens beside what is being typed and takes neither the focus nor the text.
    assert await draft.input_value() == "正在输入"
    assert await draft.evaluate("one => document.activeElement === one || one.contains(document.activeElement)")
    await agent.get_by_test_id("answer").click()
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await _levels(agent)
    await agent.get_by_test_id("hold").click()
    await expect(agent.get_by_test_id("call-state")).to_contain_text("保持", timeout=PATIENCE)
    await agent.get_by_test_id("hold").click()
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await floor.carrier.hangup(call.channel_id)
    await expect(agent.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)


async def test_an_unknown_caller_is_created_on_the_spot(agent: Page, floor: Installation) -> None:
    await agent.get_by_test_id("state-switch").click()
    await agent.get_by_test_id("state-ready").click()
    await floor.carrier.call_in(INBOUND, "13933334444", 650, seconds=6)
    await agent.get_by_test_id("answer").click()
    await agent.get_by_test_id("quick-create-name").fill("新客户张三")
    await agent.get_by_test_id("quick-create-save").click()
    client = await floor.client("agent0")

    async def known() -> bool:
        found = await client.get("/api/customers/match?number=13933334444")
        return bool(found["customer"] and found["customer"]["name"] == "新客户张三")

    await until(known, "the customer to be there")
    await expect(agent.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)


async def test_a_refused_dial_says_why(agent: Page, floor: Installation) -> None:
    await agent.get_by_test_id("dial-input").fill("12")
    await agent.get_by_test_id("dial-button").click()
    await expect(agent.get_by_test_id("dial-refusal")).to_contain_text("号码无效", timeout=PATIENCE)


async def test_search_takes_what_is_typed_and_enter_opens_that_alone(agent: Page) -> None:
    """The keys follow Ctrl+K at once; the server's answers are held back, so that Enter is always too early."""
    held = asyncio.Event()
    held.set()

    async def late(route: Route) -> None:
        await held.wait()
        with contextlib.suppress(PlaywrightError):  # the page no longer wants it
            await route.continue_()

    await agent.route("**/api/customers?*", late)
    box = agent.get_by_test_id("search-input")
    hit = agent.locator("dialog .choice")
    await agent.keyboard.press("Control+k")
    await agent.keyboard.type("王芳")
    await expect(box).to_have_value("王芳")
    await expect(hit.first).to_contain_text("王芳", timeout=PATIENCE)
    held.clear()
    await agent.keyboard.press("Control+a")
    await agent.keyboard.type("李建国")
    await agent.keyboard.press("Enter")
    await expect(hit).to_have_count(0)
    held.set()
    await expect(box).to_be_hidden(timeout=PATIENCE)
    await expect(agent.get_by_test_id("customer-name")).to_contain_text("李建国", timeout=PATIENCE)
    # Closed before the answer came, nothing is opened any more.
    here = agent.url
    held.clear()
    await agent.keyboard.press("Control+k")
    await agent.keyboard.type("王芳")
    async with agent.expect_request("**/api/customers?*"):
        await agent.keyboard.press("Enter")
    await agent.keyboard.press("Escape")
    held.set()
    await expect(box).to_be_hidden()
    await agent.keyboard.press("Control+k")
    await agent.keyboard.type("王芳")
    await expect(hit.first).to_contain_text("王芳", timeout=PATIENCE)
    assert agent.url == here
    await agent.keyboard.press("Escape")
    # The list of the workplace holds to the same: a row of an earlier text is not opened.
    held.clear()
    await agent.get_by_test_id("work-search").fill("王芳")
    await agent.keyboard.press("Enter")
    held.set()
    row = agent.locator("[data-testid^=customer-row-]")
    await expect(row).to_have_count(1, timeout=PATIENCE)
    assert agent.url == here
    await agent.keyboard.press("Enter")
    await expect(agent.get_by_test_id("customer-name")).to_contain_text("王芳", timeout=PATIENCE)
    await agent.unroute("**/api/customers?*")


async def test_wrong_credentials_are_said_in_words(chromium: Browser, floor: Installation) -> None:
    page = await (await chromium.new_context(locale="zh-CN")).new_page()
    await page.goto(floor.url)
    await page.get_by_test_id("login-user").fill("agent0")
    await page.get_by_test_id("login-password").fill("wrong-password")
    await page.get_by_test_id("login-submit").click()
    await expect(page.get_by_test_id("login-error")).to_contain_text("不正确", timeout=PATIENCE)
    await page.context.close()


COLUMNS = (
    "主叫号码",
    "员工",
    "被叫号码",
    "客户",
    "任务",
    "公司",
    "进度",
    "级别",
    "来源",
    "时间",
    "时长",
    "播放",
    "操作",
)


@pytest.mark.feature("T-22")
async def test_the_call_page_shows_the_thirteen_columns(agent: Page, floor: Installation) -> None:
    await agent.get_by_test_id("dial-input").fill("13800000021")
    await agent.get_by_test_id("dial-button").click()
    await expect(agent.get_by_test_id("unanswered")).to_be_visible(timeout=PATIENCE)
    await agent.goto(f"{floor.url}/calls")
    head = agent.locator("thead th")
    await expect(head.first).to_be_visible(timeout=PATIENCE)
    # A laptop shows the usual ones; whoever wants the others chooses them.
    await agent.get_by_test_id("columns").click()
    for key in ("caller", "called", "company", "progress", "level", "source"):
        await agent.get_by_test_id(f"column-{key}").click()
    await agent.keyboard.press("Escape")
    await expect(head.filter(has_text="来源")).to_be_visible(timeout=PATIENCE)
    titles = [title.strip() for title in await head.all_inner_texts()]
    for column in COLUMNS:
        assert any(column in title for title in titles), (column, titles)
    assert await agent.locator("tbody tr").count() >= 1
