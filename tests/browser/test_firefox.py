"""One whole call in Debian's Firefox, which tells less than Chromium and makes fields wider."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcenter.pbx.tones import samples
from tests.browser.firefox import firefox
from tests.live.installation import PASSWORD, Installation

pytestmark = pytest.mark.browser

CUSTOMER = "13800000002"
OUTSIDE = """[...document.querySelectorAll('button, input, a, textarea')].filter(one => {
  const box = one.getBoundingClientRect()
  return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1)
}).map(one => one.dataset.testid || one.innerText || one.outerHTML)"""
"""What can be pressed or written in and sticks out of the window at a side."""
METER = "document.querySelector('.levels .bar i')?.getBoundingClientRect().width > 0"
LOUD = "['inbound', 'outbound'].every(way => (window.__softphoneStats?.[`${way}AudioLevel`] ?? 0) > 0.01)"


async def test_a_whole_call_in_firefox(floor: Installation, tmp_path: Path) -> None:
    async with firefox(tmp_path) as page:
        await page.size(1440, 900)
        await page.goto(floor.url)
        await page.fill("login-user", "agent1")
        await page.fill("login-password", PASSWORD)
        await page.click("login-submit")
        await page.reads("phone-status", "话机已就绪")
        assert await page.evaluate(OUTSIDE) == []
        await page.fill("dial-input", CUSTOMER)
        await page.click("dial-button")
        await page.reads("call-state", "通话中")
        await page.wait(LOUD, "sound both ways in Firefox")
        await page.wait(METER, "the level of the microphone to move")
        assert await page.text("microphone-warning") == ""
        assert await page.evaluate(OUTSIDE) == []
        await page.click("hangup")
        await page.wait("!!document.querySelector('[data-testid=\"after-call\"]')", "the form after the call")
        assert await page.evaluate(OUTSIDE) == []
        await page.click("note-save")
    await floor.carrier.quiet(15)
    # Firefox's fake microphone plays one tone; the customer's phone must not have heard silence.
    _, wave = samples(floor.carrier.heard(CUSTOMER)[-1])
    assert max(map(abs, wave)) > 1000
