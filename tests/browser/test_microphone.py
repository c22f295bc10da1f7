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
from tests.browser.test_floor import hears_something
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import Installation, until

pytestmark = pytest.mark.browser

USED = """
const used = (window.__used = { microphones: [], speakers: [], rings: [] })
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await open(wanted)
  used.microphones.push(stream.getAudioTracks()[0].getSettings().deviceId)
  return stream
}
const { play } = HTMLMediaElement.prototype
HTMLMediaElement.prototype.play = function () {
  used.speakers.push(this.sinkId)
  return play.call(this)
}
const { start } = OscillatorNode.prototype
OscillatorNode.prototype.start = function (...when) {
  used.rings.push(this.context.sinkId)
  return start.apply(this, when)
}
"""
"""Notes by which devices the page really hears and sounds, whatever it shows."""

NAMED = """
async () => {
  const all = await navigator.mediaDevices.enumerateDevices()
  return ['Input 2', 'Output 2', 'Output 1'].map((name) => all.find((one) => one.label.includes(name)).deviceId)
}
"""


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
async def test_devices_are_chosen_tested_and_used_by_the_next_call(chromium: Browser, floor: Installation) -> None:
    """Microphone, speaker and ringing device by hand; after a reload the echo test and the ring use those chosen."""
    page = await sign_in(chromium, floor.url, "agent1")
    await page.add_init_script(USED)
    await page.reload()
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await _open_devices(page)
    dialog = page.get_by_role("dialog")
    await _moves(page)
    await choose(page, "device-microphone", "Fake Audio Input 2")
    await choose(page, "device-speaker", "Fake Audio Output 2")
    await choose(page, "device-ringer", "Fake Audio Output 1")
    microphone, speaker, ringer = await page.evaluate(NAMED)
    await until(lambda: _last(page, "microphones", microphone), "the meter to listen to the chosen microphone", 60)
    await _moves(page)
    await dialog.get_by_test_id("test-ring").click()
    await until(lambda: _last(page, "rings", ringer), "the ring on the chosen device", 60)

    await page.reload()
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await _open_devices(page)
    for device, name in (("microphone", "Input 2"), ("speaker", "Output 2"), ("ringer", "Output 1")):
        await expect(dialog.get_by_test_id(f"device-{device}")).to_contain_text(name, timeout=PATIENCE)
    await dialog.get_by_test_id("test-ring").click()
    await until(lambda: _last(page, "rings", ringer), "the ring on the device chosen before the reload", 60)
    await dialog.get_by_test_id("echo-test").click()
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await expect(page.get_by_text("麦克风测试")).to_be_visible()
    # The microphone's own beeps come back.
    await hears_something(page)
    await until(lambda: _last(page, "microphones", microphone), "the call to speak through the chosen microphone", 60)
    await until(lambda: _last(page, "speakers", speaker), "the call to sound from the chosen speaker", 60)
    await page.keyboard.press("Escape")
    await page.get_by_test_id("hangup").first.click()
    await expect(page.get_by_test_id("call-state")).to_have_count(0, timeout=PATIENCE)
    await page.context.close()


async def choose(page: Page, device: str, label: str) -> None:
    await page.get_by_role("dialog").get_by_test_id(device).click()
    options = page.locator(".el-select-dropdown__item:visible")
    await options.filter(has_text=label).click()
    await expect(options).to_have_count(0, timeout=PATIENCE)


async def _moves(page: Page) -> None:
    """The meter shows a level: the microphone it listens to beeps."""
    meter = page.get_by_role("dialog").locator(".meter i")

    async def level() -> bool:
        return bool(await meter.evaluate("one => one.getBoundingClientRect().width > 0"))

    await until(level, "the level meter to move", 60)


async def _last(page: Page, what: str, device: str) -> bool:
    """Whether the last microphone opened, element played or ring sounded was on that device."""
    return bool(await page.evaluate("([what, device]) => window.__used[what].at(-1) === device", [what, device]))


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
        warning = page.get_by_test_id("microphone-warning")
        await expect(warning).to_contain_text("麦克风", timeout=PATIENCE)
        # Silence that is wanted is none of the microphone's.
        await page.get_by_test_id("mute").click()
        await expect(warning).to_be_hidden(timeout=PATIENCE)
        await page.get_by_test_id("mute").click()
        await expect(warning).to_be_visible(timeout=PATIENCE)
        await page.get_by_test_id("hangup").first.click()
        await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)


@pytest.mark.feature("P-25")
async def test_a_refused_microphone_is_said_with_what_to_do(floor: Installation) -> None:
    async with _browser(without="--use-fake-ui-for-media-stream") as browser:
        page = await sign_in(browser, floor.url, "agent1", permissions=[])
        await _open_devices(page)
        await expect(page.get_by_role("dialog").get_by_role("alert")).to_contain_text("麦克风", timeout=PATIENCE)
