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
from playwright.async_api import Browser, ViewportSize

from callcenter.settings import PROJECT_ROOT
from tests.browser.test_workplaces import sign_in
from tests.live.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1800)]

LOOKS = PROJECT_ROOT / "callcenter" / "ui" / "dev" / "looks.py"
PARTS = 4
PEOPLE = ("agent2", "supervisor", "admin")
SIZE = ViewportSize(width=1000, height=700)
LONG = "a button with a long text"
LAYOUT_FAULTS = {
    "wide": ('<p style="width: 1200px">wide</p>', "the page is 1200 px wide"),
    "sideways": ('<div style="width: 200px; overflow-x: auto"><p style="width: 400px">a</p></div>', "scrolls sideways"),
    "cut": (f'<button style="width: 60px; overflow: hidden; white-space: nowrap">{LONG}</button>', "is cut"),
    "cut below": (f'<button style="width: 60px; height: 20px">{LONG}</button>', "is cut"),
    "out right": ('<button style="position: fixed; left: 950px; width: 100px">out</button>', "out of the window: 950"),
    "out left": ('<button style="position: fixed; left: -20px; width: 100px">out</button>', "out of the window: -20"),
    "field": ('<input aria-label="out" style="position: fixed; left: 950px; width: 100px">', "out of the window"),
    "on each other": (
        '<nav><a style="position: absolute; left: 9px">one</a><a style="position: absolute; left: 20px">two</a></nav>',
        "lies on",
    ),
}
AXE_FAULTS = {
    "label": "<input>",
    "button-name": "<button></button>",
    "color-contrast": '<p style="color: #aaa; background: #fff">pale</p>',
    "image-alt": '<img src="data:,">',
}
PUSHED = '<div style="width: 200px; overflow-x: auto; scrollbar-width: none"><p style="width: 400px">pushed</p></div>'
SOUND = f'<label>name <input></label><button>go</button>{PUSHED}<nav><a href="#">one</a> <a href="#">two</a></nav>'


async def _seen(chromium: Browser, body: str) -> tuple[list[str], list[str]]:
    """What the rules of layout and those of accessibility say of a page."""
    looks: dict[str, Any] = runpy.run_path(str(LOOKS))
    page = await chromium.new_page(viewport=SIZE)
    style = "<style>body, p { margin: 0 } button { padding: 0 }</style>"
    await page.set_content(f'<html lang="en"><title>a page</title>{style}<main><h1>a page</h1>{body}</main></html>')
    await page.evaluate(looks["AXE"])
    found = await page.evaluate(looks["LAYOUT"]), await page.evaluate(looks["RULES"])
    await page.close()
    return found


@pytest.mark.parametrize("fault", LAYOUT_FAULTS)
async def test_each_rule_of_layout_sees_what_it_is_for(chromium: Browser, fault: str) -> None:
    body, words = LAYOUT_FAULTS[fault]
    layout, _ = await _seen(chromium, body)
    assert len(layout) == 1 and words in layout[0], layout


@pytest.mark.parametrize("rule", AXE_FAULTS)
async def test_serious_faults_of_accessibility_are_seen(chromium: Browser, rule: str) -> None:
    _, rules = await _seen(chromium, AXE_FAULTS[rule])
    assert [one.split(":")[0] for one in rules] == [rule], rules


async def test_a_sound_page_is_left_alone(chromium: Browser) -> None:
    assert await _seen(chromium, SOUND) == ([], [])


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
