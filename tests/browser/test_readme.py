"""README's "The first call", followed word by word: what stands in bold is what is pressed, in a fresh installation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from callcenter.demo.free_ports import sandbox
from callcenter.settings import PROJECT_ROOT
from tests.browser.test_workplaces import PATIENCE, _levels
from tests.live.installation import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

CHAPTER = "## The first call"
PORTS = ("port", "sip_port", "pbx_http_port", "ami_port", "carrier_sip_port", "carrier_ami_port")
MEDIA = ("rtp_start", "rtp_count", "carrier_rtp_start")


def steps() -> dict[int, str]:
    """The chapter's numbered steps."""
    chapter = (PROJECT_ROOT / "README.md").read_text("utf-8").split(CHAPTER, 1)[1].split("\n## ", 1)[0]
    found = re.findall(r"^(\d)\. (.+?)(?=^\d\. |^\S|\Z)", chapter, re.DOTALL | re.MULTILINE)
    return {int(number): " ".join(text.split()) for number, text in found}


def bold(step: int) -> list[str]:
    """What a step names in bold, in order."""
    return re.findall(r"\*\*(.+?)\*\*", steps()[step])


def code(step: int) -> list[str]:
    return re.findall(r"`(.+?)`", steps()[step])


class Demo:
    """A running `./dev demo` and what it printed."""

    def __init__(self, said: str) -> None:
        self.said = said
        self.url = re.search(r"http://\S+", said)[0]  # type: ignore[index]

    def password(self, login: str) -> str:
        found = re.search(rf"^\s*\S+\s+{login}\s+(\S+)\s", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]


@pytest.fixture
async def demo(tmp_path: Path) -> AsyncIterator[Demo]:
    """The demo as `./dev demo` starts it, on ports and in a folder of its own."""
    settings = sandbox(tmp_path)
    changed = {name: str(getattr(settings, name)) for name in (*PORTS, *MEDIA, "data_dir", "recordings_dir")}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CALLCENTER_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callcenter.cli", "demo"),
        cwd=PROJECT_ROOT,
        env={**kept, **{f"CALLCENTER_{name.upper()}": value for name, value in changed.items()}, "COLUMNS": "120"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said: list[str] = []
    try:
        async with asyncio.timeout(120):
            while not said or "Ctrl+C" not in said[-1]:
                line = await process.stdout.readline()
                assert line, "".join(said)
                said.append(line.decode())
        yield Demo("".join(said))
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        await process.communicate()
    assert process.returncode == 0


async def press(page: Page, words: str) -> None:
    """Presses what says exactly these words and may be pressed, as a newcomer would who looks for it."""
    usable = page.get_by_text(words, exact=True).and_(page.locator(":not(:disabled)"))
    await usable.filter(visible=True).first.click()


async def sign_in(browser: Browser, demo: Demo, login: str) -> Page:
    context = await browser.new_context(
        locale="zh-CN", permissions=["microphone"], viewport={"width": 1366, "height": 657}
    )
    page = await context.new_page()
    page.set_default_timeout(PATIENCE)
    await page.goto(demo.url)
    await page.get_by_test_id("login-user").fill(login)
    await page.get_by_test_id("login-password").fill(demo.password(login))
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[data-testid=login-user]", state="detached")
    return page


async def test_a_newcomer_follows_the_chapter(chromium: Browser, demo: Demo) -> None:
    assert list(steps()) == [1, 2, 3, 4, 5, 6, 7]
    assert len(demo.said.splitlines()) <= 16, "one short screen"
    agent = await _first_call(chromium, demo)
    supervisor = await _watches(chromium, demo)
    await _task(chromium, demo, agent)
    await _somebody_calls(agent, supervisor)
    await agent.context.close()
    await supervisor.context.close()


async def _first_call(chromium: Browser, demo: Demo) -> Page:
    login, ready = bold(2)
    agent = await sign_in(chromium, demo, login)
    await expect(agent.get_by_text(ready, exact=True)).to_be_visible(timeout=PATIENCE)
    minutes = agent.get_by_test_id("minutes-left")
    await expect(minutes).to_contain_text("1000")
    who, dial = bold(3)
    await press(agent, who)
    await press(agent, dial)
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await _levels(agent)
    (hang_up,) = bold(4)
    await press(agent, hang_up)
    form = agent.get_by_test_id("after-call")
    await expect(form).to_be_visible(timeout=PATIENCE)
    await form.locator("[data-testid^=note-result-]").first.click()
    (keys,) = code(4)
    await agent.keyboard.press(keys.replace("Ctrl", "Control"))
    await expect(form).to_be_hidden(timeout=PATIENCE)
    await expect(agent.get_by_test_id("timeline-play").first).to_be_visible(timeout=PATIENCE)
    await expect(minutes).to_contain_text("999", timeout=PATIENCE)
    return agent


async def _watches(chromium: Browser, demo: Demo) -> Page:
    login, live = bold(5)
    supervisor = await sign_in(chromium, demo, login)
    await press(supervisor, live)
    tile = supervisor.locator("[data-testid^=live-agent-]").filter(has_text="林小雨")
    await expect(tile).to_be_visible(timeout=PATIENCE)
    return supervisor


async def _task(chromium: Browser, demo: Demo, agent: Page) -> None:
    login, place, new, create, centre = bold(6)
    admin = await sign_in(chromium, demo, login)
    await press(admin, place)
    await press(admin, new)
    await admin.get_by_test_id("task-name").fill("回访")
    numbers = [one for one in code(6) if one.isdigit()]
    await admin.get_by_test_id("task-numbers-text").fill("\n".join(numbers))
    await press(admin, create)
    await expect(admin.get_by_test_id("task-total")).to_have_text("2", timeout=PATIENCE)
    await admin.context.close()

    await press(agent, centre)
    await expect(agent.get_by_test_id("claim-more")).to_be_visible(timeout=PATIENCE)
    await expect(agent.get_by_text("手上的号码都拨完了")).to_be_hidden()
    await agent.keyboard.press(code(6)[-1])
    ahead = agent.get_by_test_id("dial-numbers").get_by_test_id("task-number")
    await expect(ahead).to_have_count(2, timeout=PATIENCE)
    await expect(ahead.first).to_be_focused(timeout=PATIENCE)
    await agent.keyboard.press(code(6)[-1])
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await press(agent, bold(4)[0])
    form = agent.get_by_test_id("after-call")
    await form.locator("[data-testid^=note-result-]").first.click()
    await agent.keyboard.press("Control+Enter")
    await expect(form).to_be_hidden(timeout=PATIENCE)


async def _somebody_calls(agent: Page, supervisor: Page) -> None:
    ready, call_in, answer = bold(7)
    await agent.get_by_test_id("state-switch").click()
    await press(agent, ready)
    await expect(agent.get_by_test_id("state-switch")).to_contain_text(ready, timeout=PATIENCE)
    await press(agent, call_in)
    await expect(agent.get_by_test_id("pop-customer-name")).to_contain_text("李建国", timeout=PATIENCE)
    await press(agent, answer)
    await expect(agent.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await expect(supervisor.locator("[data-testid^=live-call-]")).to_contain_text("通话中", timeout=PATIENCE)
    await press(agent, bold(4)[0])

    async def over() -> bool:
        return await supervisor.locator("[data-testid^=live-call-]").count() == 0

    await until(over, "the call to be over", PATIENCE / 1000)
