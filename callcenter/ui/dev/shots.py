"""Pictures of every page in three sizes: python dev/shots.py <folder> [name-part]."""

import argparse
import re
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).parent))
import billing_scenes  # noqa: E402
import fixtures as fx  # noqa: E402
import inbound_fixtures as inbound  # noqa: E402
import task_fixtures  # noqa: E402
from stage import ORIGIN, install, send  # noqa: E402

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
TALK = fx.live_call(0, "talking", 83)
RINGING = fx.live_call(1, "ringing_agent", 6, employee={"id": 1, "name": "林书遥"}, direction="inbound", group={"id": 1, "name": "售前咨询"})
WITHHELD = fx.live_call(1, "talking", 41, employee={"id": 1, "name": "林书遥"}, direction="inbound", number="", number_display="", customer=None, legs=[fx.leg("agent", "connected", "agent-1", 1), fx.leg("customer", "connected", "")])
CONSULTING = fx.live_call(0, "held", 96, legs=[
    fx.leg("agent", "connected", "agent-1", 1, "consulting"), fx.leg("customer", "held", "138 0000 0001", place="held"), fx.leg("third", "connected", "01062345678"),
])
WATCHED = fx.live_call(0, "talking", 96, supervision_shown=True, legs=[
    fx.leg("agent", "connected", "agent-1", 1), fx.leg("customer", "connected", "138 0000 0001"), fx.leg("supervisor", "connected", "", 90, "whisper", name="沈若谷"),
])
THREE = fx.live_call(0, "talking", 131, legs=[
    fx.leg("agent", "connected", "agent-1", 1, "talking"), fx.leg("customer", "connected", "138 0000 0001", place="talking"), fx.leg("third", "connected", "01062345678", place="talking"),
])


ARMED = fx.live_call(0, "dialing_agent", 12, mode="call_through", legs=[], armed={"access_number": "057188001299", "phone": "+8613957188220", "phone_display": "139 5718 8220", "until": fx.ahead(seconds=48)})


def agent(state: str = "ready", **more: object) -> dict:
    return {"agent": {"1": fx.live_agent(0, state, 754, **more)}}


def floor() -> dict:
    agents = [
        fx.live_agent(0, "busy", 83, call_id="l-0"), fx.live_agent(1, "busy", 312, call_id="l-1"), fx.live_agent(2, "ready", 95),
        fx.live_agent(3, "ready", 640, registered=False), fx.live_agent(4, "working_after_call", 21, wrap_up_ends_at=fx.ahead(seconds=9)),
        fx.live_agent(5, "not_ready", 1220, reason="meal"), fx.live_agent(6, "ready", 30), fx.live_agent(7, "busy", 12, call_id="l-7"),
        fx.live_agent(8, "logged_out", 9000), fx.live_agent(9, "busy", 44, call_id="l-9"),
    ]
    calls = [
        TALK, fx.live_call(1, "talking", 312, legs=[
            fx.leg("agent", "connected", "agent-2", 2), fx.leg("customer", "connected", "139"), fx.leg("supervisor", "connected", "agent-90", 90, "listen"),
        ]), fx.live_call(7, "dialing_customer", 12),
        fx.live_call(9, "held", 44, direction="inbound", group={"id": 2, "name": "售后服务"}),
        fx.live_call(3, "queued", 26, direction="inbound", employee=None, group={"id": 1, "name": "售前咨询"}),
    ]
    return {"agent": {str(a["id"]): a for a in agents}, "call": {c["id"]: c for c in calls}}


def pop(page: Page, held: dict, known: bool = True) -> None:
    c = fx.CUSTOMERS[1]
    data = {
        "call_id": "l-1", "direction": "inbound", "number": c["numbers"][0]["number"], "number_display": c["numbers"][0]["display"],
        "customer": c if known else None, "recent": fx.TIMELINE[1:4] if known else [], "open_notes": fx.TIMELINE[:1] if known else [], "queue": {"id": 1, "name": "售前咨询"},
    }
    send(held, {"type": "event", "name": "pop", "data": data})
    page.wait_for_timeout(600)


def typing_then_pop(page: Page, held: dict) -> None:
    page.fill("[data-testid=customer-note]", "客户想把交付提前到月底，需要和工厂确认排期")
    pop(page, held)


def ended(page: Page, held: dict) -> None:
    data = {"call_id": "l-0", "direction": "outbound", "number": "+8613800000001", "number_display": "138 0000 0000", "customer": {"id": 1, "name": "苏婉清"}, "disposition": "ANSWERED", "end_reason": "agent_hangup", "talk_seconds": 187, "needs_note": True}
    send(held, {"type": "event", "name": "call_ended", "data": data})
    phone_sheet(page, held)
    page.click("[data-testid=note-result-connected_follow_up]")


def listen(page: Page, _held: dict) -> None:
    page.locator("[data-testid=timeline-play]").first.click()
    page.wait_for_timeout(900)


def play_row(page: Page, _held: dict) -> None:
    rows = page.locator("[data-testid^=call-play-]")
    if rows.count() == 0:
        return
    rows.nth(1).click()
    page.wait_for_timeout(900)


def phone_sheet(page: Page, _held: dict) -> None:
    if page.locator("[data-testid=phone-tab]").count() and not page.locator(".dock").count():
        page.click("[data-testid=phone-tab]")
    page.wait_for_timeout(400)


def search(page: Page, _held: dict) -> None:
    page.keyboard.press("Control+k")
    page.fill("[data-testid=search-input]", "13800000001")
    page.wait_for_timeout(700)


def click(selector: str) -> Callable[[Page, dict], None]:
    def act(page: Page, _held: dict) -> None:
        page.locator(selector).first.click()
        page.wait_for_timeout(700)

    return act


def watched_and_refused(page: Page, held: dict) -> None:
    send(held, {"type": "event", "name": "consult_failed", "data": {"call_id": "l-0", "reason": "busy"}})
    send(held, {"type": "event", "name": "state_forced", "data": {"state": "not_ready", "reason": "meeting", "by": {"id": 90, "name": "沈若谷"}, "at_once": False}})
    page.wait_for_timeout(700)


def unanswered(page: Page, held: dict) -> None:
    data = {"call_id": "l-0", "direction": "outbound", "number": "+8613800000001", "number_display": "138 0000 0000", "customer": {"id": 1, "name": "苏婉清"}, "disposition": "NO ANSWER", "end_reason": "customer_no_answer", "talk_seconds": 0, "needs_note": False}
    send(held, {"type": "event", "name": "call_ended", "data": data})
    phone_sheet(page, held)


def history(page: Page, _held: dict) -> None:
    page.locator("[data-testid^=agent-menu-]").first.click()
    page.wait_for_timeout(500)
    page.locator("[data-testid^=agent-history-]:visible").first.click()
    page.wait_for_timeout(900)


def modes(page: Page, held: dict) -> None:
    phone_sheet(page, held)
    page.click("[data-testid=mode-chooser]")
    page.wait_for_timeout(600)


def point(page: Page, held: dict) -> None:
    modes(page, held)
    page.click("[data-testid=mode-point]")
    page.wait_for_timeout(400)


def to_end(selector: str) -> Callable[[Page, dict], None]:
    def act(page: Page, _held: dict) -> None:
        page.locator(selector).last.scroll_into_view_if_needed()
        page.wait_for_timeout(400)

    return act


def refused(page: Page, held: dict) -> None:
    """Two numbers in one text: nothing is dialled, and the reason is told in words."""
    words = {"zh": "号码无效：有多个号码，请分开填写。", "en": "This is not a valid number: more than one number."}
    error = {"error": {"code": "number_invalid", "message": words, "details": {"number": "10086/10010", "reason": "several"}}}
    page.route("**/api/calls", lambda route: route.fulfill(status=422, json=error) if route.request.method == "POST" else route.fallback())
    phone_sheet(page, held)
    page.fill("[data-testid=dial-input]", "10086/10010")
    page.click("[data-testid=dial-button]")
    page.wait_for_timeout(500)


def sip_account(page: Page, _held: dict) -> None:
    page.get_by_role("button", name=re.compile("更多|More")).nth(3).click()
    page.wait_for_timeout(500)
    page.locator(".el-dropdown-menu__item:visible").filter(has_text="SIP").first.click()
    page.wait_for_timeout(500)
    page.locator(".el-dialog .el-button--primary").click()
    page.wait_for_timeout(500)


def code(page: Page, _held: dict) -> None:
    page.locator("[data-testid^=need-verified-]").first.click()
    page.wait_for_timeout(3000)


def named(name: str, number: str, *then: str) -> Callable[[Page, dict], None]:
    """Fills in the page that a scanned code opens, and goes on."""

    def act(page: Page, _held: dict) -> None:
        page.fill("[data-testid=verify-name]", name)
        page.fill("[data-testid=verify-number]", number)
        page.check("[data-testid=verify-agree]")
        for one in then:
            page.click(f"[data-testid=verify-{one}]")
            page.wait_for_timeout(300)

    return act


Step = Callable[[Page, dict], None] | None
SCENES: list[tuple[str, str | None, str, dict, Step]] = [
    ("login", None, "/login", {}, None),
    ("verify", None, "/verify#a-code", {}, None),
    ("verify-over", None, "/verify#an-old-code", {}, None),
    ("verify-confirm", None, "/verify#a-code", {}, named("林书遥", "11010519491231002X", "next")),
    ("verify-passed", None, "/verify#a-code", {}, named("林书遥", "11010519491231002X", "next", "submit")),
    ("verify-refused", None, "/verify#a-code", {}, named("查无此人", "11010519491231002X", "next", "submit")),
    ("work-empty", "agent", "/work", agent(), None),
    ("work", "agent", "/work/1", agent(), listen),
    ("work-talking", "agent", "/work/1", {**agent("busy", call_id="l-0"), "call": {"l-0": TALK}}, None),
    ("work-transfer", "agent", "/work/1", {**agent("busy", call_id="l-0"), "call": {"l-0": TALK}}, click("[data-testid=transfer-open]")),
    ("work-consulting", "agent", "/work/1", {**agent("busy", call_id="l-0"), "call": {"l-0": CONSULTING}}, None),
    ("work-modes", "agent", "/work/1", agent(), modes),
    ("work-line", "agent", "/work/1", agent(line="opening"), point),
    ("work-armed", "agent", "/work/1", {**agent("busy", call_id="l-0"), "call": {"l-0": ARMED}}, phone_sheet),
    ("work-three", "agent", "/work/1", {**agent("busy", call_id="l-0"), "call": {"l-0": THREE}}, None),
    ("work-watched", "agent", "/work/1", {**agent("busy", call_id="l-0"), "call": {"l-0": WATCHED}}, watched_and_refused),
    ("work-unanswered", "agent", "/work/1", agent("ready"), unanswered),
    ("work-ringing", "agent", "/work/1", {**agent("busy", call_id="l-1"), "call": {"l-1": RINGING}}, typing_then_pop),
    ("work-unknown", "agent", "/work/3", agent(), lambda page, held: pop(page, held, known=False)),
    ("work-after", "agent", "/work/1", agent("working_after_call", wrap_up_ends_at=fx.ahead(seconds=26)), ended),
    ("phone", "agent", "/work", agent(), phone_sheet),
    ("phone-refused", "agent", "/work", agent(), refused),
    ("work-switchboard", "agent", "/work/2", agent(), None),
    ("work-withheld", "agent", "/work/1", {**agent("busy", call_id="l-1"), "call": {"l-1": WITHHELD}}, phone_sheet),
    ("search", "agent", "/work/1", agent(), search),
    ("calls", "agent", "/calls", agent(), play_row),
    ("call-detail", "admin", "/calls", {}, click("[data-testid^=call-open-], .cards button")),
    ("customers", "admin", "/customers", {}, None),
    ("customer-new", "agent", "/customers", agent(), click("[data-testid=customer-create]")),
    ("live", "supervisor", "/dashboard", floor(), None),
    ("live-agent", "supervisor", "/dashboard", floor(), click("[data-testid^=agent-menu-]")),
    ("live-history", "supervisor", "/dashboard", floor(), history),
    ("live-menu", "supervisor", "/dashboard", floor(), click("[data-testid=live-supervise-l-1]")),
    ("employees", "admin", "/admin/employees", {}, None),
    ("employee-code", "admin", "/admin/employees", {}, code),
    ("departments", "admin", "/admin/departments", {}, None),
    ("seats", "admin", "/admin/seats", {}, None),
    ("seat-edit", "admin", "/admin/seats", {}, click("[data-testid=seat-edit-8002]")),
    ("numbers", "admin", "/admin/seats", {}, click("#tab-numbers")),
    ("groups", "admin", "/admin/groups", {}, None),
    ("group-edit", "admin", "/admin/groups", {}, click(".group header button")),
    ("hours", "admin", "/admin/hours", {}, None),
    ("hours-edit", "admin", "/admin/hours", {}, click("[data-testid^=hours-] button, .card header button")),
    ("prompts", "admin", "/admin/prompts", {}, None),
    ("missed", "agent", "/work", {**agent(), "queue": inbound.QUEUES}, click("[data-testid=work-tab-missed]")),
    ("voicemails", "agent", "/work", {**agent(), "queue": inbound.QUEUES}, click("[data-testid=work-tab-voicemails]")),
    ("callbacks", "agent", "/work", {**agent(), "queue": inbound.QUEUES}, click("[data-testid=work-tab-callbacks]")),
    ("live-queues", "supervisor", "/dashboard", {**floor(), "queue": inbound.QUEUES}, None),
    ("blacklist", "admin", "/admin/blacklist", {}, None),
    ("settings", "admin", "/admin/settings", {}, None),
    ("settings-ways", "admin", "/admin/settings", {}, to_end("[data-testid=destinations] footer")),
    ("settings-access", "admin", "/admin/settings", {}, to_end("[data-testid=settings-save]")),
    ("sip-account", "admin", "/admin/employees", {}, sip_account),
    ("my-minutes", "agent", "/work", agent(), click(".minutes")),
    ("my-numbers", "agent", "/work", agent(), lambda page, held: [click("[data-testid=user-menu]")(page, held), click("[data-testid=menu-numbers]")(page, held)] and None),
    ("audit", "admin", "/admin/audit", {}, None),
    *billing_scenes.SCENES,
    *task_fixtures.SCENES,
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="?", default="", help="names of pictures, separated by commas; none: all")
    options = parser.parse_args()
    folder: Path = options.folder
    wanted = options.names.split(",") if options.names else None
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as p:
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=ARGS)
        for width, height, mark in ((1440, 900, "wide"), (1366, 657, "laptop"), (390, 844, "phone")):
            for name, role, path, entities, step in SCENES:
                if wanted and not any(part == name or part == f"{name}-{mark}" for part in wanted):
                    continue
                context = browser.new_context(viewport={"width": width, "height": height}, locale="zh-CN")
                page = context.new_page()
                page.on("console", lambda m, n=name: print(n, m.type, m.text[:200]) if m.type in ("error", "warning") and "404" not in m.text and "401" not in m.text else None)
                page.on("pageerror", lambda e, n=name: print(n, "PAGEERROR", str(e)[:400]))
                held = install(page, role, entities)
                page.goto(ORIGIN + path)
                page.wait_for_timeout(900)
                try:
                    if step:
                        step(page, held)
                except Exception as problem:  # a picture of the failure says more than stopping here
                    print(name, mark, str(problem)[:200])
                wide = page.evaluate("document.documentElement.scrollWidth")
                if wide > width:
                    print(name, mark, "overflows:", wide)
                page.screenshot(path=str(folder / f"{name}-{mark}.png"))
                context.close()
        browser.close()


if __name__ == "__main__":
    main()
