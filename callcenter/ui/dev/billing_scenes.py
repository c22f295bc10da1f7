"""Pictures of what is sold: the company's pages, then the operator's. A scene: name, role, path, live entities, step."""

from collections.abc import Callable

from playwright.sync_api import Page

Step = Callable[[Page, dict], None]


def click(*selectors: str) -> Step:
    def act(page: Page, _held: dict) -> None:
        for selector in selectors:
            page.locator(selector if selector.startswith(("[", ".")) else f"[data-testid={selector}]").first.click()
            page.wait_for_timeout(450)

    return act


def buy(offering: int, *people: int, pay: bool = False) -> Step:
    def act(page: Page, held: dict) -> None:
        click(f"buy-{offering}", *(f"person-{one}" for one in people))(page, held)
        page.wait_for_timeout(500)
        if pay:
            click(".buy .el-checkbox", "buy-pay")(page, held)

    return act


def online(page: Page, held: dict) -> None:
    click("recharge-add")(page, held)
    page.fill("[data-testid=recharge-amount]", "500")
    click("recharge-save")(page, held)
    page.wait_for_timeout(400)


def offline(page: Page, held: dict) -> None:
    click("recharge-add", ".el-radio-button:nth-child(2)")(page, held)
    page.fill("[data-testid=recharge-amount]", "1,234.567")
    page.keyboard.press("Tab")


def opened(page: Page, held: dict) -> None:
    click("company-open")(page, held)
    page.fill("[data-testid=company-name]", "青禾民宿")
    page.fill("[data-testid=company-login]", "qinghe")
    page.fill("[data-testid=company-admin]", "温以宁")
    click("company-save")(page, held)


SCENES: list[tuple[str, str, str, dict, Step | None]] = [
    ("packages", "admin", "/billing/packages", {}, None),
    ("package", "admin", "/billing/packages", {}, click("package-3")),
    ("assign", "admin", "/billing/packages", {}, click("move-assign-6")),
    ("handover", "admin", "/billing/packages", {}, click("package-5", "drawer-hand_over")),
    ("topup", "admin", "/billing/packages", {}, click("package-3", "drawer-top_up", "person-3")),
    ("shop", "admin", "/billing/shop", {}, None),
    ("buy", "admin", "/billing/shop", {}, buy(3, 1, 2, 3)),
    ("bought", "admin", "/billing/shop", {}, buy(1, pay=True)),
    ("orders", "admin", "/billing/orders", {}, None),
    ("order", "admin", "/billing/orders", {}, click("order-2")),
    ("consumption", "admin", "/billing/consumption", {}, None),
    ("reconciliation", "admin", "/billing/reconciliation", {}, None),
    ("wallet", "admin", "/billing/wallet", {}, None),
    ("recharges", "admin", "/billing/recharges", {}, None),
    ("recharge-online", "admin", "/billing/recharges", {}, online),
    ("recharge-offline", "admin", "/billing/recharges", {}, offline),
    ("licences", "admin", "/billing/licences", {}, None),
    ("licence-buy", "admin", "/billing/licences", {}, click("licence-buy-search")),
    ("direct-numbers", "admin", "/billing/direct-numbers", {}, None),
    ("number-apply", "admin", "/billing/direct-numbers", {}, click("number-apply")),
    ("number-fees", "admin", "/billing/direct-numbers", {}, click("[id=tab-fees]")),
    ("points", "admin", "/billing/points", {}, None),
    ("ai-wallet", "admin", "/billing/ai-wallet", {}, None),
    ("invoices", "admin", "/billing/invoices", {}, None),
    ("invoice-ask", "admin", "/billing/invoices", {}, click("invoice-ask", "[data-testid=invoice-recharge-4]")),
    ("notices", "admin", "/billing/wallet", {}, click("notices-open")),
    ("companies", "admin", "/platform/companies", {}, None),
    ("company-opened", "admin", "/platform/companies", {}, opened),
    ("company", "admin", "/platform/companies", {}, click("company-3")),
    ("recharge-reviews", "admin", "/platform/recharges", {}, None),
    ("stray-payments", "admin", "/platform/payments", {}, None),
    ("invoice-answers", "admin", "/platform/invoices", {}, click("answer-1")),
    ("number-supply", "admin", "/platform/numbers", {}, None),
    ("number-claims", "admin", "/platform/numbers", {}, click("[id=tab-claims]")),
    ("number-claims-refused", "admin", "/platform/numbers", {}, click("[id=tab-claims]", "claims-refused")),
    ("dispatch", "admin", "/platform/numbers", {}, click("dispatch-2")),
    ("offerings", "admin", "/platform/offerings", {}, None),
    ("offering", "admin", "/platform/offerings", {}, click("offering-edit-3")),
    ("coupons", "admin", "/platform/coupons", {}, None),
    ("prices", "admin", "/platform/prices", {}, None),
]
