"""Made-up dial tasks for looking at the pages without a server, and the scenes that show them."""

import re
from collections.abc import Callable

import fixtures as fx
from playwright.sync_api import Page

ME = {"id": 1, "name": "林书遥"}


def task(i: int, name: str, total: int, dialled: int, **more: object) -> dict:
    return {
        "id": i, "name": name, "state": "in_progress", "secret": False, "claim": "assigned", "rule": "average_all", "encrypted": False, "leg_order": None, "creator": {"id": 90, "name": "沈若谷"},
        "total": total, "dialled": dialled, "undialled": total - dialled, "unassigned": 0, "importing": False, "numbers_hidden": False, "created_at": fx.ago(days=i * 3), **more,
    }


TASKS = [
    task(1, "十一月老客户回访", 420, 0, state="normal", importing=True, encrypted=True, rule="custom"),
    task(2, "杭州展会名片", 268, 141, encrypted=True),
    task(3, "官网留资 · 全屋定制", 1200, 388, claim="self", rule=None, unassigned=612),
    task(4, "设计师渠道邀约", 86, 86, state="finished", rule="average_chosen"),
    task(5, "重点小区名单", 54, 12, secret=True, rule=None, encrypted=True, creator={"id": 2, "name": "周予安"}),
    task(6, "到期合同提醒", 0, 0, state="normal", claim="self", rule=None),
]
MINE = [
    {"id": 2, "name": "杭州展会名片", "mine_total": 68, "mine_undialled": 31, "claimable": 0, "claim": "assigned"},
    {"id": 3, "name": "官网留资 · 全屋定制", "mine_total": 40, "mine_undialled": 7, "claimable": 612, "claim": "self"},
    {"id": 7, "name": "长名称任务：华东地区二〇二六年第四季度门店翻新意向回访名单", "mine_total": 24, "mine_undialled": 24, "claimable": 0, "claim": "assigned"},
    {"id": 8, "name": "秋季新品邀约", "mine_total": 0, "mine_undialled": 0, "claimable": 4, "claim": "self"},
]
PEOPLE = [
    ("顾长风", "宁波海曙书店", "门店翻新，九月留资"), ("", "杭州云栖酒店管理有限公司", ""), ("许嘉木", "", "下午三点后方便"), ("叶知秋", "青禾民宿", ""),
    ("江予白", "", "看过胡桃木系列，主要顾虑工期，希望先了解付款方式"), ("", "", ""), ("沈听澜", "拾光设计工作室", "设计师渠道"), ("温以宁", "", ""),
]
RESULTS = ["connected_follow_up", "not_connected", "connected_interested", "connected_refused", "wrong_number"]


def number(i: int, dialled: bool = False) -> dict:
    digits, (name, company, remark) = fx.digits(i + 2), PEOPLE[i % 8]
    which, masked = MINE[i % 2], not dialled and i % 2 == 0
    hidden = f"{digits[:3]}******{digits[-2:]}"
    return {
        "id": 500 + i, "task_id": which["id"], "task_name": which["name"], "number": hidden if masked else f"+86{digits}",
        "extension": "", "number_display": hidden if masked else fx.spaced(digits), "masked": masked,
        "name": name, "company": company, "remark": remark, "assignee": {"id": 1 + i % 4, "name": fx.PEOPLE[i % 4]} if i % 9 != 8 else None, "state": "dialled" if dialled else "undialled",
        "calls": 1 + i % 3 if dialled else 0, "result": RESULTS[i % 5] if dialled and i % 7 != 6 else None, "last_called_at": fx.ago(minutes=3 + (i - 100) * 4) if dialled else None, "assigned_at": fx.ago(days=2),
    }


def switchboard(row: dict) -> dict:
    """A landline with an extension behind it."""
    return {**row, "number": "+862160000111", "extension": "8001", "number_display": "021 6000 0111-8001", "masked": False, "company": "上海拾光设计工作室"}


AHEAD = [switchboard(number(i)) if i == 1 else number(i) for i in range(31)]
DONE = [number(100 + i, dialled=True) for i in range(37)]
NOTES = [
    {"why": "before_header", "count": 2, "sheet": "", "first": 1, "last": 2, "columns": []},
    {"why": "header", "count": 1, "sheet": "", "first": 3, "last": 3, "columns": []},
    {"why": "sheet_without_numbers", "count": 3, "sheet": "填写说明", "first": 1, "last": 3, "columns": []},
    {"why": "kept_in_remark", "count": 2, "sheet": "", "first": 0, "last": 0, "columns": ["地址", "微信"]},
]
IMPORTS = [
    {"id": 3, "file_name": "华东门店.xlsx", "state": "running", "total": 42000, "success": 17320, "failed": 214, "duplicate_system": 180, "duplicate_file": 20, "blacklist": 0, "format_error": 14, "skipped": 0, "notes": [], "reasons": {}, "reason": "", "operator": ME, "created_at": fx.ago(seconds=9)},
    {"id": 2, "file_name": "展会名片-第一批.csv", "state": "done", "total": 282, "success": 268, "failed": 14, "duplicate_system": 3, "duplicate_file": 1, "blacklist": 2, "format_error": 8, "skipped": 5, "notes": NOTES, "reasons": {"not_a_number": 5, "several": 2, "bad_characters": 1}, "reason": "", "operator": {"id": 90, "name": "沈若谷"}, "created_at": fx.ago(days=2)},
    {"id": 1, "file_name": "", "state": "done", "total": 20, "success": 20, "failed": 0, "duplicate_system": 0, "duplicate_file": 0, "blacklist": 0, "format_error": 0, "skipped": 0, "notes": [], "reasons": {}, "reason": "", "operator": {"id": 90, "name": "沈若谷"}, "created_at": fx.ago(days=3)},
]
ALLOCATION = [
    *({"employee": {"id": i + 1, "name": fx.PEOPLE[i]}, "total": 67, "dialled": [37, 51, 12, 41][i], "undialled": 67 - [37, 51, 12, 41][i]} for i in range(4)),
    {"employee": None, "total": 4, "dialled": 0, "undialled": 4},
]


def page_of(items: list, query: dict, total: int | None = None) -> dict:
    size, page = int(query.get("page_size", ["20"])[0]), int(query.get("page", ["1"])[0])
    return {"items": items[(page - 1) * size : page * size], "total": len(items) if total is None else total, "page": page, "page_size": size}


def answer(method: str, parts: list[str], query: dict) -> object:
    state = query.get("state", [""])[0]
    match parts:
        case ["dial-centre", "tasks"]:
            return MINE
        case ["dial-centre", "numbers"]:
            rows = {"undialled": AHEAD, "dialled": DONE}.get(state, [*AHEAD, *DONE])
            wanted = query.get("task_id", [""])[0]
            return page_of([one for one in rows if not wanted or str(one["task_id"]) == wanted], query)
        case ["dial-centre", "tasks", _, "claim"]:
            return {"claimed": 10}
        case ["dial-tasks"] if method == "POST":
            return TASKS[0]
        case ["dial-tasks"]:
            rows = TASKS if query.get("scope") == ["all"] else [{**one, "creator": ME} for one in TASKS[:4]]
            return page_of(rows, query)
        case ["dial-tasks", _, "imports"]:
            return IMPORTS[0] if method == "POST" else IMPORTS
        case ["dial-tasks", _, "numbers"]:
            return page_of([*AHEAD[:14], *DONE], query)
        case ["dial-tasks", _, "allocation"]:
            return ALLOCATION
        case ["dial-tasks", one]:
            found = next(task for task in TASKS if task["id"] == int(one))
            return {**found, "numbers_hidden": found["secret"], "shares": []}
        case ["employees", _, "departure"]:
            return {"customers_unsigned": 41, "customers_signed": 6, "packages": [], "packages_kept": [], "numbers": [], "numbers_undialled": 67, "seat": "8002", "seat_free": True}
        case ["employees", _, "depart"]:
            return {"customers_moved": 41, "customers_kept": 6, "packages_moved": [], "not_moved": [], "numbers_moved": 0, "task_numbers_moved": 67, "seat_moved": True}
    return None


Step = Callable[[Page, dict], None]


def steps(*all_of: str) -> Step:
    """Presses what is named, one after the other; `name=words` types into it."""

    def act(page: Page, _held: dict) -> None:
        for one in all_of:
            name, _, words = (one, "", "") if one.startswith(".") else one.partition("=")
            field = page.locator(name if name.startswith(".") else f"[data-testid={name}]").first
            if words:
                field.fill(words)
            else:
                field.click()
            page.wait_for_timeout(350)

    return act


def empty(page: Page, _held: dict) -> None:
    page.route("**/api/dial-centre/numbers**", lambda route: route.fulfill(json={"items": [], "total": 0, "page": 1, "page_size": 20}))
    page.reload()
    page.wait_for_timeout(900)


READY = {"agent": {"1": fx.live_agent(0, "ready", 754)}}
TALKING = {"agent": {"1": fx.live_agent(0, "busy", 83, call_id="l-0")}, "call": {"l-0": fx.live_call(0, "talking", 83, customer=None)}}
CUSTOM = ("task-create", "task-name=十一月老客户回访", "task-claim-assigned", "task-rule-custom", "person-1", "person-2", "person-3")
PASTED = "13800000001,王芳,南山木作\n13800000002,李建国\n13800000003"
SCENES: list[tuple[str, str, str, dict, Step | None]] = [
    ("dial", "agent", "/dial", READY, None),
    ("dial-talking", "agent", "/dial?task=2", TALKING, None),
    ("dial-dialled", "agent", "/dial", READY, steps("dial-view-dialled")),
    ("dial-empty", "agent", "/dial", READY, empty),
    ("tasks", "admin", "/dial/tasks", {}, None),
    ("tasks-own", "agent", "/dial/tasks", READY, None),
    ("task-new", "agent", "/dial/tasks", READY, steps("task-create")),
    ("task-custom", "admin", "/dial/tasks", {}, steps(*CUSTOM, f"task-numbers-text={PASTED}")),
    ("task-file", "admin", "/dial/tasks", {}, steps("task-create", "numbers-file")),
    ("task-numbers", "admin", "/dial/tasks/2", {}, None),
    ("task-allocation", "admin", "/dial/tasks/2?tab=allocation", {}, None),
    ("task-imports", "admin", "/dial/tasks/1?tab=imports", {}, None),
    ("task-locked", "admin", "/dial/tasks/2?tab=imports", {}, None),
    ("task-secret", "supervisor", "/dial/tasks/5", {}, None),
    ("task-menu", "admin", "/dial/tasks/1", {}, steps(".el-drawer [data-testid=task-menu-1]")),
    ("task-edit", "admin", "/dial/tasks/1", {}, steps(".el-drawer [data-testid=task-menu-1]", ".el-popper:not([aria-hidden=true]) [data-testid=task-edit-1]")),
    ("task-delete", "admin", "/dial/tasks/2", {}, steps(".el-drawer [data-testid=task-menu-2]", ".el-popper:not([aria-hidden=true]) [data-testid=task-delete-2]")),
    ("depart", "admin", "/admin/employees", {}, lambda page, held: [page.get_by_role("button", name=re.compile("更多|More")).nth(1).click(), page.wait_for_timeout(400), steps("depart-2")(page, held)] and None),
]
