"""Choosing devices, testing the microphone, and plain words when it gives nothing (P-25)."""

from __future__ import annotations

import os
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.browser.conftest import FLAGS
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import Installation, until

pytestmark = pytest.mark.browser


@asynccontextmanager
async def _browser(*flags: str, without: str = "") -> AsyncIterator[Browser]:
    path = os.environ.get("CALLCENTER_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
    args = [flag for flag in FLAGS if flag != without] + list(flags)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=args)
        yield browser
        await browser.close()


async def _open_devices(page: Page) -> None:
    await page.get_by_test_id("user-menu").click()
    await page.get_by_test_id("menu-devices").click()


@pytest.mark.feature("P-25")
async def test_devices_are_chosen_and_the_microphone_is_tested(chromium: Browser, floor: Installation) -> None:
    page = await sign_in(chromium, floor.url, "agent1")
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await _open_devices(page)
    dialog = page.get_by_role("dialog")
    meter = dialog.locator(".meter i")

    async def level() -> bool:
        return bool(await meter.evaluate("one => one.getBoundingClientRect().width > 0"))

    await until(level, "the level meter to move")
    await dialog.locator(".el-select").first.click()
    await page.locator(".el-select-dropdown__item:visible", has_text="Fake Audio Input 1").click()
    await until(level, "the level meter to move with the chosen microphone")
    chosen = await page.evaluate("JSON.stringify(localStorage)")
    await page.reload()
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    assert await page.evaluate("JSON.stringify(localStorage)") == chosen
    await page.context.close()


@pytest.mark.feature("P-25")
async def test_a_silent_microphone_is_said_during_the_call(floor: Installation, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    with wave.open(str(silence), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(48_000)
        out.writeframes(bytes(2 * 48_000))
    async with _browser(f"--use-file-for-fake-audio-capture={silence}") as browser:
        page = await sign_in(browser, floor.url, "agent1")
        await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
        await page.get_by_test_id("dial-input").fill("13800000002")
        await page.get_by_test_id("dial-button").click()
        await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
        await expect(page.get_by_test_id("microphone-warning")).to_contain_text("麦克风", timeout=PATIENCE)
        await page.get_by_test_id("hangup").first.click()
        await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)


@pytest.mark.feature("P-25")
async def test_a_refused_microphone_is_said_with_what_to_do(floor: Installation) -> None:
    async with _browser(without="--use-fake-ui-for-media-stream") as browser:
        page = await sign_in(browser, floor.url, "agent1", permissions=[])
        await _open_devices(page)
        await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("麦克风", timeout=PATIENCE)
