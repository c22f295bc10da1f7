"""Every page, with drawers and dialogs: what a reader of screens hears, what a weak eye sees, and that nothing is cut.

The pages are looked at twice: filled, with the pictures of `callcenter/ui/dev` that need no server, and as an
installation of the first day shows them.
"""

from __future__ import annotations

import asyncio
import runpy
import sys
from typing import Any

import pytest
from playwright.async_api import Browser

from callcenter.settings import PROJECT_ROOT
from tests.browser.test_workplaces import sign_in
from tests.live.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

LOOKS = PROJECT_ROOT / "callcenter" / "ui" / "dev" / "looks.py"
PARTS = 4
PEOPLE = ("agent2", "supervisor", "admin")


@pytest.mark.parametrize("part", range(1, PARTS + 1))
async def test_filled_pages(part: int) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(LOOKS), "--part", f"{part}/{PARTS}"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()


@pytest.mark.parametrize("login", PEOPLE)
async def test_pages_of_the_first_day(chromium: Browser, floor: Installation, login: str) -> None:
    looks: dict[str, Any] = runpy.run_path(str(LOOKS))
    page = await sign_in(chromium, floor.url, login)
    faults: list[str] = []
    seen = 0
    for path in sorted(looks["pages"]().values()):
        await page.goto(f"{floor.url}{path}")
        await page.wait_for_load_state("networkidle")
        if not page.url.startswith(f"{floor.url}{path}"):
            continue  # not for this person, who was sent home
        seen += 1
        await page.evaluate(looks["AXE"])
        for width, height in looks["SIZES"]:
            await page.set_viewport_size({"width": width, "height": height})
            await page.evaluate(looks["RESTED"])
            faults += [f"{path} {width}x{height}: {one}" for one in await page.evaluate(looks["LAYOUT"])]
        faults += [f"{path}: {one}" for one in await page.evaluate(looks["RULES"])]
        await page.set_viewport_size({"width": 1440, "height": 900})
    await page.context.close()
    assert seen >= 4, f"{login} saw {seen} pages"
    assert not faults, "\n".join(faults)
