"""How the pages open: in the browser's language, without errors, small, and after an update too."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import Installation, until

pytestmark = pytest.mark.browser

AGENT_ROUTE_BYTES = 400_000
"""What the agent's page may transfer until it stands, signing in included."""
Open = Callable[[str], Awaitable[Page]]


@pytest.fixture
async def opened(chromium: Browser, floor: Installation) -> AsyncIterator[Open]:
    """Opens the login page in a browser of the language given."""
    contexts: list[BrowserContext] = []

    async def open_in(locale: str) -> Page:
        contexts.append(await chromium.new_context(locale=locale))
        page = await contexts[-1].new_page()
        page.set_default_timeout(PATIENCE)
        return page

    yield open_in
    for context in contexts:
        await context.close()


@pytest.mark.parametrize(("locale", "word"), [("zh-TW", "登录"), ("en-GB", "Sign in"), ("de-DE", "Sign in")])
async def test_the_browsers_language_is_the_first(opened: Open, floor: Installation, locale: str, word: str) -> None:
    page = await opened(locale)
    await page.goto(floor.url)
    await expect(page.get_by_test_id("login-submit")).to_contain_text(word)


async def test_a_language_that_was_chosen_stays(opened: Open, floor: Installation) -> None:
    page = await opened("zh-CN")
    await page.goto(floor.url)
    await page.evaluate("localStorage.setItem('callcenter.language', 'en')")
    await page.reload()
    await expect(page.get_by_test_id("login-submit")).to_contain_text("Sign in")


async def test_the_login_page_opens_without_an_error(opened: Open, floor: Installation) -> None:
    page = await opened("zh-CN")
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on(
        "response",
        lambda response: told.append(f"{response.status} {response.url}") if response.status >= 400 else None,
    )
    await page.goto(f"{floor.url}/work")
    await expect(page.get_by_test_id("login-user")).to_be_visible()
    await page.wait_for_load_state("networkidle")
    assert told == []


async def test_the_agents_page_is_small_on_the_wire(chromium: Browser, floor: Installation) -> None:
    context = await chromium.new_context(locale="zh-CN", permissions=["microphone"])
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    wire = await context.new_cdp_session(page)
    await wire.send("Network.enable")
    sizes: list[float] = []
    wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    await sign_in_here(page, floor.url)
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪")
    await page.wait_for_load_state("networkidle")
    assert len(sizes) > 10, "the page's files were counted"
    assert 0 < sum(sizes) < AGENT_ROUTE_BYTES, f"{sum(sizes):.0f} bytes in {len(sizes)} answers"
    await context.close()


async def sign_in_here(page: Page, url: str) -> None:
    await page.goto(f"{url}/work")
    await page.get_by_test_id("login-user").fill("agent0")
    await page.get_by_test_id("login-password").fill("a-long-test-password")
    await page.get_by_test_id("login-submit").click()


async def test_a_page_whose_chunk_is_gone_reloads_once_and_keeps_what_was_typed(
    chromium: Browser, floor: Installation
) -> None:
    page = await sign_in(chromium, floor.url, "agent0")
    await page.get_by_test_id("work-search").fill("王芳")
    await page.locator("[data-testid^=customer-row-]", has_text="王芳").first.click()
    await page.get_by_test_id("customer-note").fill("想把交付提前到月底")
    customer = page.url

    gone = 0

    async def refuse(route: Route) -> None:
        nonlocal gone
        gone += 1
        await route.fulfill(status=404)

    await page.route(re.compile(r"/assets/CallsPage-.*\.js"), refuse)
    loads: list[str] = []
    page.on("load", lambda _: loads.append(page.url))
    calls = page.locator("a[href='/calls']").first
    await calls.click()
    await until(lambda: _true(len(loads) == 1 and gone == 2), "one reload, and the chunk was missed again", 60)
    # The chunk is really not there: the page does not reload for ever.
    await page.unroute_all()
    await page.goto(f"{floor.url}/calls")
    await expect(page.get_by_role("heading", name="通话记录")).to_be_visible()
    await page.goto(customer)
    await expect(page.get_by_test_id("customer-note")).to_have_value("想把交付提前到月底")
    await page.get_by_test_id("customer-note").fill("")
    await page.context.close()


async def _true(value: bool) -> bool:
    return value
