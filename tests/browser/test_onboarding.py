"""From an empty company to a call of a new person, by hand: account, real name, seat, number, minutes (SPEC §A4)."""

from __future__ import annotations

import secrets

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect
from sqlalchemy import select

from callcenter.demo.company import daytime_zone
from callcenter.domain.terms import NumberKind
from callcenter.features.numbers.seats import make_outside_number
from callcenter.features.people.accounts import make_company, make_department, make_employee
from callcenter.providers.real_names import MISMATCHED_NAME
from callcenter.store.base import utcnow
from callcenter.store.tables.people import employee
from tests.browser.test_floor import hears_something
from tests.browser.test_minutes import Office, buy_shared, picture, put_on_sale, recharge
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.live.installation import PASSWORD, Installation

pytestmark = pytest.mark.browser

CUSTOMER = "13800000001"
IDENTITY = "11010519491231002X"
PHONE = ViewportSize(width=390, height=844)


async def fill(page: Page, login: str, name: str) -> None:
    await page.get_by_test_id("employee-create").click()
    await page.get_by_test_id("onboard-name").fill(name)
    await page.get_by_test_id("onboard-login").fill(login)
    await page.get_by_test_id("onboard-password").fill(PASSWORD)


async def choose(page: Page, testid: str, label: str) -> None:
    options = page.locator(".el-select-dropdown__item:visible")
    await page.get_by_test_id(testid).click()
    await options.filter(has_text=label).click()
    await page.keyboard.press("Escape") if await options.count() else None


async def id_of(floor: Installation, company_id: int, login: str) -> int:
    query = select(employee.c.id).where(employee.c.company_id == company_id, employee.c.login == login)
    async with floor.database.read() as connection:
        return int((await connection.execute(query)).scalar_one())


async def scan(page: Page, context: BrowserContext) -> Page:
    """What the QR code on a page leads to, as wide as a phone."""
    link = await page.get_by_test_id("verification-code").get_by_role("img").get_attribute("aria-label")
    phone = await context.new_page()
    await phone.set_viewport_size(PHONE)
    phone.set_default_timeout(PATIENCE)
    await phone.goto(str(link))
    return phone


async def give(phone: Page, name: str) -> None:
    """Fills in the page that was scanned, up to its result."""
    await phone.get_by_test_id("verify-name").fill(name)
    if not await phone.get_by_test_id("verify-agree").is_checked():
        await phone.get_by_test_id("verify-number").fill(IDENTITY)
        await phone.get_by_test_id("verify-agree").check()
    await phone.get_by_test_id("verify-next").click()
    await expect(phone.get_by_test_id("verify")).to_contain_text(IDENTITY, timeout=PATIENCE)
    await phone.get_by_test_id("verify-submit").click()


@pytest.mark.feature("O-05")
async def test_a_new_person_is_set_up_in_one_path_and_calls(chromium: Browser, floor: Installation) -> None:
    mark = secrets.token_hex(2)
    zone = daytime_zone(utcnow())
    company_id = await make_company(floor.database, f"青竹贸易{mark}", time_zone=zone, operates=False)
    await make_employee(
        floor.database, company_id, login=f"owner-{mark}", name="周敏", role_code="admin", password=PASSWORD
    )
    for room in ("华东组", "华北组"):
        await make_department(floor.database, company_id, room)
    number = f"02165{secrets.randbelow(10**6):06d}"
    operator = await floor.client("admin")
    # One licence: the second person waits for another.
    await operator.request("PATCH", f"/api/platform/companies/{company_id}", {"licences": 1})

    page = await sign_in(chromium, floor.url, f"owner-{mark}")
    await page.goto(f"{floor.url}/admin/employees")
    await choose(page, "employees-department", "华东组")
    await fill(page, f"lan-{mark}", "兰若")
    await choose(page, "onboard-superior", "周敏")
    await picture(page, "onboard")
    await page.get_by_test_id("onboard-login").press("Enter")
    # Account and seat are there; the real name, number and minutes are not, and say so in the list.
    for step in ("account", "seat"):
        await expect(page.get_by_test_id(f"onboard-{step}")).to_have_class("done", timeout=PATIENCE)
    await page.get_by_role("button", name="关闭", exact=True).last.click()
    row = page.locator("tr", has_text="兰若")
    for words in ("华东组", "周敏", "未实名", "无号码", "无分钟"):
        await expect(row).to_contain_text(words, timeout=PATIENCE)

    # The employee scans the code; the list and the own page learn of it by themselves.
    new = await id_of(floor, company_id, f"lan-{mark}")
    lan = await sign_in(chromium, floor.url, f"lan-{mark}")
    await expect(lan.get_by_test_id("standing-notice")).to_contain_text("实名认证", timeout=PATIENCE)
    await page.get_by_test_id(f"need-verified-{new}").click()
    phone = await scan(page, await chromium.new_context(locale="zh-CN"))
    await expect(page.get_by_test_id("verification-state")).to_contain_text("正在填写", timeout=PATIENCE)
    await give(phone, "兰若溪")
    await expect(phone.get_by_test_id("verify-passed")).to_contain_text("兰若溪", timeout=PATIENCE)
    await expect(page.get_by_test_id("onboard-verified")).to_have_class("done", timeout=PATIENCE)
    await expect(lan.get_by_test_id("standing-notice")).to_have_count(0, timeout=PATIENCE)
    await page.get_by_role("button", name="关闭", exact=True).last.click()
    await expect(row).to_contain_text("兰若溪", timeout=PATIENCE)
    await expect(page.get_by_test_id(f"need-verified-{new}")).to_have_count(0, timeout=PATIENCE)
    await phone.reload()
    await expect(phone.get_by_test_id("verify-closed")).to_contain_text("只能使用一次", timeout=PATIENCE)

    # Whoever comes too late keeps what was entered, and is told why.
    await fill(page, f"late-{mark}", "迟来")
    await choose(page, "onboard-department", "华北组")
    await page.get_by_test_id("onboard-go").click()
    await expect(page.get_by_test_id("onboard-problem-account")).to_be_visible(timeout=PATIENCE)
    await expect(page.get_by_test_id("onboard-name")).to_have_value("迟来")
    await operator.request("PATCH", f"/api/platform/companies/{company_id}", {"licences": 2})
    await page.get_by_test_id("onboard-go").click()
    await expect(page.get_by_test_id("onboard-account")).to_have_class("done", timeout=PATIENCE)
    await page.get_by_role("button", name="关闭", exact=True).last.click()
    # Nobody is verified by themselves; a wrong name is told on both sides and may be corrected.
    late = await id_of(floor, company_id, f"late-{mark}")
    await choose(page, "employees-department", "华北组")
    await expect(page.get_by_test_id(f"need-verified-{late}")).to_be_visible(timeout=PATIENCE)
    await page.locator("tr", has_text="迟来").get_by_role("button", name="更多").click()
    await page.get_by_test_id(f"verify-{late}").click()
    # Whoever is signed in where the link is opened is not sent home.
    other = await scan(page, page.context)
    await give(other, MISMATCHED_NAME)
    await expect(other.get_by_test_id("verify-refused")).to_contain_text("不一致", timeout=PATIENCE)
    await expect(page.get_by_test_id("verification-state")).to_contain_text("不一致", timeout=PATIENCE)
    await other.get_by_test_id("verify-again").click()
    await give(other, "迟来")
    await expect(page.get_by_test_id("verification-done")).to_contain_text("迟来", timeout=PATIENCE)
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id(f"need-verified-{late}")).to_have_count(0, timeout=PATIENCE)

    # What was missing is got; the links of the list go on where the path stopped.
    await make_outside_number(floor.database, company_id, number, NumberKind.DIRECT)
    await page.reload()
    await page.get_by_test_id(f"need-number-{new}").click()
    await page.get_by_test_id("onboard-go").click()
    await expect(page.get_by_test_id("onboard-number")).to_have_class("done", timeout=PATIENCE)
    await expect(page.get_by_test_id("onboard-minutes").get_by_role("link")).to_have_attribute("href", "/billing/shop")
    seller = await sign_in(chromium, floor.url, "admin")
    office = Office(floor, company_id, mark, (new, new))
    offering_id = await put_on_sale(seller, office, f"入门包{mark}", minutes=2, price="10.00")
    await recharge(page, floor.url, "100.00")
    await buy_shared(page, floor.url, offering_id)
    await page.goto(f"{floor.url}/admin/employees")
    await page.get_by_test_id(f"need-minutes-{new}").click()
    await page.get_by_test_id("onboard-go").click()
    await expect(page.get_by_test_id("onboard-ready")).to_contain_text("兰若", timeout=PATIENCE)
    await picture(page, "onboard-ready")
    await page.get_by_role("button", name="关闭", exact=True).last.click()
    await expect(page.get_by_test_id(f"ready-{new}")).to_be_visible(timeout=PATIENCE)
    await picture(page, "onboard-list")

    await expect(lan.get_by_test_id("phone-status")).to_contain_text("话机已就绪", timeout=PATIENCE)
    await lan.get_by_test_id("dial-input").fill(CUSTOMER)
    await lan.get_by_test_id("dial-button").click()
    await expect(lan.get_by_test_id("call-state")).to_contain_text("通话中", timeout=PATIENCE)
    await hears_something(lan)
    await lan.get_by_test_id("hangup").first.click()
    await expect(lan.get_by_test_id("after-call")).to_be_visible(timeout=PATIENCE)
    for one in (page, lan, seller, phone):
        await one.context.close()
