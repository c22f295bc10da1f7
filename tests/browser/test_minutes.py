"""Minutes and money by hand, in the pages: sold, bought, assigned, talked away by two at once, topped up, and the
same in every book.

A minute of the package lasts 12 seconds, or the test would take minutes; nothing else about it is special.
"""

from __future__ import annotations

import asyncio
import io
import os
import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect
from python_calamine import CalamineWorkbook
from sqlalchemy import select, update

from callcenter.demo.company import daytime_zone
from callcenter.features.numbers.seats import make_seat
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.pbx.tones import hears
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import offering
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import PASSWORD, Installation, until

pytestmark = pytest.mark.browser

MINUTE = 12
WARNING_HZ = 880
FIRST, SECOND, THIRD = "13800000001", "13800000002", "13800000004"
"""Customers who take every call; what they play is far from the warning's pitch."""
PICTURES = os.environ.get("TEST_PICTURES", "")
"""A folder that gets a picture of every page on the way, in both widths; empty: none are taken."""

LISTEN = """
window.__beeped = window.__shown = false
new MutationObserver(() => {
  if (document.querySelector('[data-testid=paid-warning]')) window.__shown = true
}).observe(document, { childList: true, subtree: true })
const Plain = window.RTCPeerConnection
window.RTCPeerConnection = class extends Plain {
  constructor(...given) {
    super(...given)
    this.addEventListener('track', (event) => {
      const context = new AudioContext(), analyser = context.createAnalyser()
      analyser.fftSize = 4096
      analyser.smoothingTimeConstant = 0
      context.createMediaStreamSource(new MediaStream([event.track])).connect(analyser)
      const found = new Float32Array(analyser.frequencyBinCount)
      const at = (hz) => found[Math.round(hz * analyser.fftSize / context.sampleRate)]
      setInterval(() => {
        analyser.getFloatFrequencyData(found)
        if (at(880) > -70 && at(880) - Math.max(at(820), at(940)) > 15) window.__beeped = true
      }, 40)
    })
  }
}
"""
"""Notes whether the page ever showed the warning, and whether its speaker ever played the warning's pitch."""


@dataclass(frozen=True, slots=True)
class Office:
    """A company that the operator serves, and its two agents."""

    floor: Installation
    company_id: int
    mark: str
    """Stands in every name, so that the test may be run again on the same floor."""
    agents: tuple[int, int]


@pytest.fixture
async def office(floor: Installation) -> AsyncIterator[Office]:
    zone, mark = daytime_zone(utcnow()), secrets.token_hex(2)
    company_id = await make_company(floor.database, f"海棠商贸{mark}", time_zone=zone, operates=False)
    people = []
    for login, name, role in (("boss", "赵敏", "admin"), ("lin", "林书遥", "agent"), ("gu", "顾怀安", "agent")):
        made = await make_employee(
            floor.database, company_id, login=f"{login}-{mark}", name=name, role_code=role, password=PASSWORD
        )
        people.append(made.employee_id)
    for index, agent in enumerate(people[1:]):
        await make_seat(floor.database, company_id, agent, direct=f"02163{secrets.randbelow(10**5):05d}{index}")
    operator = await floor.client("admin")
    # The engine learns of the new people when the operator touches their company.
    await operator.request("PATCH", f"/api/platform/companies/{company_id}", {"licences": 10})
    yield Office(floor, company_id, mark, (people[1], people[2]))


@pytest.mark.feature("P-52", "V-06", "V-10", "V-11")
async def test_minutes_are_sold_shared_talked_away_and_topped_up(chromium: Browser, office: Office) -> None:
    url = office.floor.url
    operator = await sign_in(chromium, url, "admin")
    boss = await sign_in(chromium, url, f"boss-{office.mark}")
    offering_id = await put_on_sale(operator, office, f"双人畅聊包{office.mark}", minutes=2, price="10.00")
    await recharge(boss, url, "100.00")
    await expect(boss.get_by_test_id("notices-count")).to_have_text("1", timeout=10_000)
    await buy_shared(boss, url, offering_id)
    package_id = await assign(boss, office)
    lin, gu = [await at_the_desk(chromium, url, f"{login}-{office.mark}") for login in ("lin", "gu")]
    for page in (lin, gu):
        await expect(left(page)).to_have_text("4", timeout=PATIENCE)

    # Both talk at once; what one has used is gone for the other while that one talks.
    await asyncio.gather(dial(lin, FIRST), dial(gu, SECOND))
    await hang_up(lin)
    await expect(left(gu)).to_have_text("3", timeout=PATIENCE)
    await expect(gu.get_by_test_id("call-state")).to_contain_text("通话中")
    await dial(lin, THIRD)
    await asyncio.gather(*(warned(page) for page in (lin, gu)))
    await picture(gu, "agent-warned")
    await asyncio.gather(*(cut(page) for page in (lin, gu)))
    for page in (lin, gu):
        assert await page.evaluate("window.__beeped"), "the tone is in the agent's ear"
        await expect(left(page)).to_have_text("0", timeout=PATIENCE)
    await picture(gu, "agent-cut")
    await office.floor.carrier.quiet(15)
    for customer in (SECOND, THIRD):
        recording = office.floor.carrier.heard(customer)[-1]
        assert not hears(recording, WARNING_HZ, min_seconds=0.125, window=0.125), "and in nobody else's"
    for page in (lin, gu):
        await put_aside(page)
    await refused(gu)

    await top_up(boss, url, package_id, office.agents[0])
    await expect(left(lin)).to_have_text("2", timeout=PATIENCE)
    await dial(lin, FIRST)
    await hang_up(lin)
    await expect(left(lin)).to_have_text("1", timeout=PATIENCE)
    await expect(left(gu)).to_have_text("0")
    await picture(lin, "agent-topped-up")

    await books_agree(boss, operator, office, package_id)
    for page in (operator, boss, lin, gu):
        await page.context.close()


# -- the operator and the administrator ------------------------------------------------------------------------------


async def put_on_sale(page: Page, office: Office, name: str, *, minutes: int, price: str) -> int:
    await page.goto(f"{office.floor.url}/platform/offerings")
    await page.get_by_test_id("offering-create").click()
    await page.get_by_test_id("offering-name").fill(name)
    await page.get_by_test_id("offering-kind").click()
    await page.get_by_role("option", name="共享", exact=True).click()
    await page.get_by_test_id("offering-minutes").locator("input").fill(str(minutes))
    await page.get_by_test_id("offering-price").fill(price)
    await picture(page, "operator-offering-dialog")
    await page.get_by_test_id("offering-save").click()
    await expect(page.get_by_text(name)).to_be_visible(timeout=PATIENCE)
    await picture(page, "operator-offerings")
    async with office.floor.database.write() as connection:
        short = update(offering).where(offering.c.name == name).values(increment_seconds=MINUTE)
        await connection.execute(short)
        return int((await connection.execute(select(offering.c.id).where(offering.c.name == name))).scalar_one())


async def recharge(page: Page, url: str, yuan: str) -> None:
    await page.goto(f"{url}/billing/recharges?new=1")
    await page.get_by_test_id("recharge-amount").fill(yuan)
    await picture(page, "recharge-dialog")
    await page.get_by_test_id("recharge-save").click()
    await expect(page.get_by_test_id("pay-simulate")).to_be_visible(timeout=PATIENCE)
    await picture(page, "recharge-code")
    await page.get_by_test_id("pay-simulate").click()
    await expect(page.get_by_test_id("pay-done")).to_contain_text(yuan, timeout=PATIENCE)
    await picture(page, "recharge-done")


async def buy_shared(page: Page, url: str, offering_id: int) -> None:
    """Two of a shared package: four minutes for two people."""
    await page.goto(f"{url}/billing/shop")
    await picture(page, "shop")
    await page.get_by_test_id(f"buy-{offering_id}").click()
    amount = page.get_by_test_id("buy-quantity").locator("input")
    await amount.fill("2")
    await amount.press("Tab")
    await expect(page.get_by_test_id("quote-paid")).to_contain_text("20.00", timeout=PATIENCE)
    await page.get_by_test_id("buy-agree").click()
    await picture(page, "buy-dialog")
    await page.get_by_test_id("buy-pay").click()
    await expect(page.get_by_test_id("buy-done")).to_contain_text("80.00", timeout=PATIENCE)
    await picture(page, "buy-done")
    await page.get_by_test_id("done-packages").click()


async def assign(page: Page, office: Office) -> int:
    """Gives the package that was bought to both agents; its id."""
    move = page.locator("[data-testid^=move-assign-]")
    await expect(move).to_have_count(1, timeout=PATIENCE)
    package_id = int((await move.get_attribute("data-testid") or "").rpartition("-")[2])
    await picture(page, "packages-unassigned")
    await move.click()
    for agent in office.agents:
        await page.get_by_test_id(f"person-{agent}").click()
    await picture(page, "assign-dialog")
    await page.get_by_test_id("assign-save").click()
    row = page.get_by_test_id(f"package-{package_id}")
    await expect(row).to_contain_text("2 / 2", timeout=PATIENCE)
    await picture(page, "packages-assigned")
    return package_id


async def top_up(page: Page, url: str, package_id: int, employee_id: int) -> None:
    await page.goto(f"{url}/billing/packages")
    await page.get_by_test_id(f"package-{package_id}").click()
    await page.get_by_test_id("drawer-top_up").click()
    await page.get_by_test_id(f"person-{employee_id}").click()
    await expect(page.get_by_test_id("quote-paid")).to_contain_text("10.00", timeout=PATIENCE)
    await page.get_by_test_id("buy-agree").click()
    await picture(page, "top-up-dialog")
    await page.get_by_test_id("buy-pay").click()
    await expect(page.get_by_test_id("buy-done")).to_contain_text("70.00", timeout=PATIENCE)


# -- the agents ------------------------------------------------------------------------------------------------------


async def at_the_desk(browser: Browser, url: str, login: str) -> Page:
    page = await sign_in(browser, url, login)
    await page.add_init_script(LISTEN)
    await page.reload()
    await expect(page.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    return page


def left(page: Page) -> Any:
    return page.get_by_test_id("minutes-left")


async def dial(page: Page, number: str) -> None:
    await page.get_by_test_id("dial-input").fill(number)
    await page.get_by_test_id("dial-button").click()
    await expect(page.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)


async def hang_up(page: Page) -> None:
    await page.get_by_test_id("hangup").first.click()
    await put_aside(page)


async def put_aside(page: Page) -> None:
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    await page.get_by_test_id("note-text").fill("已沟通")
    await page.get_by_test_id("note-save").click()
    await expect(page.get_by_test_id("after-call")).to_be_hidden(timeout=PATIENCE)


async def warned(page: Page) -> None:
    """Sooner or later: who is warned how long before the end depends on who took the last minutes."""
    await until(lambda: page.evaluate("window.__shown"), "the warning", 40)


async def cut(page: Page) -> None:
    await expect(page.get_by_test_id("after-call")).to_be_visible(timeout=40_000)


async def refused(page: Page) -> None:
    await page.get_by_test_id("dial-input").fill(FIRST)
    await page.get_by_test_id("dial-button").click()
    notice = page.get_by_test_id("dial-refusal")
    await expect(notice).to_have_attribute("data-code", "minutes_used_up", timeout=PATIENCE)
    await picture(page, "agent-refused")


# -- the books -------------------------------------------------------------------------------------------------------


async def books_agree(boss: Page, operator: Page, office: Office, package_id: int) -> None:
    """Four minutes and one of the top-up were talked, one is left; of 100.00 were spent 30.00."""
    url = office.floor.url
    await boss.goto(f"{url}/billing/packages")
    row = boss.get_by_test_id(f"package-{package_id}")
    await expect(row).to_contain_text("用完", timeout=PATIENCE)
    await picture(boss, "packages-used-up")
    await row.click()
    drawer = boss.get_by_test_id("package-drawer")
    await expect(drawer.locator("tbody tr").first).to_be_visible(timeout=PATIENCE)
    lines = [line.split() for line in await drawer.get_by_test_id("package-entry").all_inner_texts()]
    spent = [line for line in lines if "通话扣除" in line]
    assert sum(int(line[-2].replace("−", "-")) for line in spent) == -4, spent
    assert [int(line[-1]) for line in (lines[0], lines[-1])] == [0, 4], "what was left after each, the newest first"
    assert any("林书遥" in line for line in spent) and any("顾怀安" in line for line in spent), "who talked"
    rows = await workbook(boss, "package-entries-export")
    assert [int(row[-1]) for row in rows[1:]] == [int(line[-1]) for line in lines]
    await picture(boss, "package-drawer")

    await boss.goto(f"{url}/billing/consumption")
    await expect(boss.get_by_test_id("consumption-minutes")).to_have_text("5 分钟", timeout=PATIENCE)
    await picture(boss, "consumption")
    rows = await workbook(boss, "consumption-export")
    minutes = [row[-1] for row in rows[1:] if isinstance(row[-1], float)]
    assert sum(minutes) in (5, 10), rows  # a line of totals may close the sheet
    shown = await boss.locator("[data-testid^=consumed-]").all_inner_texts()
    assert len(shown) == 4
    seconds = sorted(int(a) * 60 + int(b) for a, b in (re.findall(r"(\d+):(\d\d)(?!:)", one)[-1] for one in shown))
    assert seconds[-1] == 2 * MINUTE and MINUTE in seconds, "cut at the second that was paid last"

    await boss.goto(f"{url}/billing/orders")
    await expect(boss.get_by_test_id("orders-total")).to_contain_text("30.00", timeout=PATIENCE)
    await picture(boss, "orders")
    await boss.goto(f"{url}/billing/wallet")
    await expect(boss.get_by_test_id("wallet-balance")).to_contain_text("70.00", timeout=PATIENCE)
    await picture(boss, "wallet")
    await boss.goto(f"{url}/billing/reconciliation")
    await expect(boss.get_by_test_id("reconciliation-verdict")).to_have_class(re.compile("good"), timeout=PATIENCE)
    today = (await boss.locator("[data-testid^=day-]").last.inner_text()).split()
    assert today.count("5") == 2, today
    await picture(boss, "reconciliation")

    await operator.goto(f"{url}/platform/companies")
    served = operator.get_by_test_id(f"company-{office.company_id}")
    await expect(served).to_contain_text("70.00", timeout=PATIENCE)
    assert "1" in (await served.inner_text()).split()
    await picture(operator, "operator-companies")


async def workbook(page: Page, link: str) -> list[list[Any]]:
    async with page.expect_download() as download:
        await page.get_by_test_id(link).click()
    content = Path(await (await download.value).path()).read_bytes()
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


async def picture(page: Page, name: str) -> None:
    """Both widths, when pictures are wanted."""
    if not PICTURES:
        return
    for width, height in ((390, 844), (1440, 900)):
        await page.set_viewport_size({"width": width, "height": height})
        await asyncio.sleep(0.5)
        await page.screenshot(path=str(Path(PICTURES) / f"{name}-{width}.png"))
