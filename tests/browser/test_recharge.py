"""Money comes in by the pages: in the middle of a purchase, which then goes on, and by bank transfer."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route, expect

from tests.browser.test_minutes import Office, office, picture, put_on_sale
from tests.browser.test_workplaces import PATIENCE, sign_in
from tests.web.support import PNG

__all__ = ["office"]

pytestmark = pytest.mark.browser


async def test_a_recharge_in_a_purchase_comes_back_to_what_was_chosen(chromium: Browser, office: Office) -> None:
    url = office.floor.url
    operator = await sign_in(chromium, url, "admin")
    offering_id = await put_on_sale(operator, office, f"季度畅聊包{office.mark}", minutes=100, price="10.00")
    boss = await sign_in(chromium, url, f"boss-{office.mark}")
    await boss.goto(f"{url}/billing/shop")
    await boss.get_by_test_id(f"buy-{offering_id}").click()
    amount = boss.get_by_test_id("buy-quantity").locator("input")
    await amount.fill("3")
    await amount.press("Tab")
    chosen = boss.get_by_test_id(f"person-{office.agents[1]}")
    await chosen.click()
    await boss.get_by_test_id("buy-agree").click()
    await expect(boss.get_by_test_id("quote-paid")).to_contain_text("30.00", timeout=PATIENCE)
    await expect(boss.get_by_test_id("buy-pay")).to_be_disabled()

    await boss.get_by_test_id("recharge-here").click()
    await expect(boss.get_by_test_id("recharge-amount")).to_have_value("30", timeout=PATIENCE)
    await picture(boss, "recharge-in-purchase")
    await boss.get_by_test_id("recharge-save").click()
    await boss.get_by_test_id("pay-simulate").click()
    await boss.get_by_test_id("pay-back").click()

    await expect(amount).to_have_value("3")
    await expect(chosen).to_have_attribute("aria-selected", "true")
    await boss.get_by_test_id("buy-pay").click()
    done = boss.get_by_test_id("buy-done")
    await expect(done).to_contain_text(f"季度畅聊包{office.mark} × 3", timeout=PATIENCE)
    for page in (operator, boss):
        await page.context.close()


@pytest.mark.feature("V-22")
async def test_a_bank_transfer_shows_the_account_and_needs_remark_and_receipt(
    chromium: Browser, office: Office, tmp_path: Path
) -> None:
    url = office.floor.url
    operator = await sign_in(chromium, url, "admin")
    await operator.goto(f"{url}/platform/recharges")
    arrived, keep = asyncio.Event(), operator.get_by_test_id("account-save")

    async def late(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    # Before the account is there, saving would take it away.
    await operator.route("**/api/bank-account", late)
    await operator.get_by_test_id("bank-account-edit").click()
    await expect(keep).to_be_disabled(timeout=PATIENCE)
    arrived.set()
    await expect(keep).to_be_enabled(timeout=PATIENCE)
    for field, words in (("payee", "海棠科技有限公司"), ("bank", "某银行杭州分行"), ("number", "6222 0000 1111 2222")):
        await operator.get_by_test_id(f"account-{field}").fill(words)
    await picture(operator, "bank-account")
    await keep.click()
    await expect(keep).to_be_hidden(timeout=PATIENCE)

    boss = await sign_in(chromium, url, f"boss-{office.mark}")
    await boss.goto(f"{url}/billing/recharges?new=1")
    await boss.get_by_test_id("recharge-channel-bank").click()
    account = boss.get_by_test_id("bank-account")
    for words in ("海棠科技有限公司", "某银行杭州分行", "6222 0000 1111 2222"):
        await expect(account).to_contain_text(words)
    save, amount = boss.get_by_test_id("recharge-save"), boss.get_by_test_id("recharge-amount")
    remark, said = boss.get_by_test_id("recharge-remark"), f"海棠 {office.mark}"
    await amount.fill("123.45")
    await remark.fill(said)
    await expect(save).to_be_disabled()  # no receipt
    receipt = tmp_path / "receipt.png"
    receipt.write_bytes(PNG)
    await boss.get_by_test_id("recharge-proof").set_input_files(receipt)
    await expect(save).to_be_enabled()
    for box, nothing, something in ((remark, " ", said), (amount, "", "123.45")):
        await box.fill(nothing)
        await expect(save).to_be_disabled()
        await box.fill(something)
        await expect(save).to_be_enabled()
    await picture(boss, "bank-transfer")
    await save.click()
    row = boss.locator("[data-testid^=recharge-]", has_text="银行转账").first
    await expect(row).to_contain_text("待处理", timeout=PATIENCE)
    await boss.goto(f"{url}/billing/wallet")
    await expect(boss.get_by_test_id("wallet-balance")).to_contain_text("0.00", timeout=PATIENCE)

    await operator.reload()
    await operator.locator("[data-testid^=review-]", has_text=f"海棠商贸{office.mark}").first.click()
    sheet = operator.get_by_test_id("review-sheet")
    await expect(sheet).to_contain_text(f"海棠 {office.mark}", timeout=PATIENCE)
    await expect(sheet).to_contain_text("银行转账")
    await operator.get_by_test_id("review-approve").click()
    await expect(operator.get_by_text("已到账").first).to_be_visible(timeout=PATIENCE)
    await boss.reload()
    await expect(boss.get_by_test_id("wallet-balance")).to_contain_text("123.45", timeout=PATIENCE)
    for page in (operator, boss):
        await page.context.close()
