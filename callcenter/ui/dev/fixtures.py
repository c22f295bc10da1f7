"""Made-up company for looking at the pages without a server: plain data in the shapes of the HTTP API."""

import re
from datetime import UTC, datetime, timedelta

NOW = datetime.now(UTC).replace(microsecond=0)


def ago(**delta: float) -> str:
    return (NOW - timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


def ahead(**delta: float) -> str:
    return (NOW + timedelta(**delta)).strftime("%Y-%m-%dT%H:%M:%SZ")


ROLES = {
    "agent": {"code": "agent", "name_zh": "坐席", "name_en": "Agent"},
    "supervisor": {"code": "supervisor", "name_zh": "班长", "name_en": "Supervisor"},
    "admin": {"code": "admin", "name_zh": "企业管理员", "name_en": "Administrator"},
}
COMPANY = {"id": 1, "name": "南山木作家居", "time_zone": "Asia/Shanghai"}
AGENT_MAY = ["calls.dial", "tasks.own", "tasks.dial", "calls.view", "calls.control", "recordings.play", "customers.view", "customers.edit"]
ALL_BUT_DIAL = [
    "tasks.own", "tasks.all",
    "calls.view", "calls.control", "recordings.play", "customers.view", "customers.edit", "customers.delete",
    "live.view", "calls.supervise", "employees.view", "employees.edit", "departments.edit", "packages.view", "packages.grant",
    "settings.edit", "audit.view", "numbers.edit", "wallet.view", "wallet.spend", "platform.manage",
]
PEOPLE = ["林书遥", "周予安", "陈知夏", "黄清和", "赵一鸣", "孙念慈", "吴远舟", "郑南乔", "何叙白", "罗青禾"]


def me(role: str) -> dict:
    agent = role == "agent"
    return {
        "id": 1 if agent else 90, "login": "linshuyao" if agent else role, "name": "林书遥" if agent else "沈若谷",
        "role": ROLES[role], "permissions": AGENT_MAY if agent else ALL_BUT_DIAL,
        "scope": "self" if agent else "company", "company": COMPANY,
        "department": {"id": 2, "name": "华东销售一部"} if agent else None, "device": "browser",
        "can_dial": agent, "extension": "agent-1", "seat": SEATS[0] if agent else None,
    }


CUSTOMER_NAMES = [
    ("苏婉清", "personal", ["高意向", "老客户"], "A", "方案确认", "官网登记"),
    ("杭州云栖酒店管理有限公司", "enterprise", ["批量采购", "账期客户"], "A", "商务谈判", "展会"),
    ("顾长风", "personal", ["价格敏感"], "B", "需求沟通", "转介绍"),
    ("许嘉木", "personal", [], "C", "初次联系", "抖音广告"),
    ("宁波海曙书店", "enterprise", ["门店翻新"], "B", "已报价", "电话开发"),
    ("叶知秋", "personal", ["高意向"], "A", "待签约", "老客户介绍"),
    ("江予白", "personal", ["周末联系"], "B", "需求沟通", "官网登记"),
    ("上海拾光设计工作室", "enterprise", ["设计师渠道"], "A", "长期合作", "展会"),
    ("沈听澜", "personal", [], "C", "初次联系", "百度推广"),
    ("温以宁", "personal", ["已量尺"], "B", "方案确认", "门店到访"),
    ("苏州青禾民宿", "enterprise", ["批量采购"], "B", "已报价", "电话开发"),
    ("陆景行", "personal", [], "C", "暂无意向", "抖音广告"),
]


def digits(index: int) -> str:
    return f"1{[38, 39, 36, 58, 86, 77, 50, 89, 33, 35, 52, 91][index % 12]}{index * 7351 % 10000:04d}{index * 9173 % 10000:04d}"


def spaced(number: str) -> str:
    return f"{number[:3]} {number[3:7]} {number[7:]}"


def customer(index: int) -> dict:
    name, kind, tags, level, progress, source = CUSTOMER_NAMES[index % len(CUSTOMER_NAMES)]
    first = digits(index)
    numbers = [{"id": index * 10 + 1, "number": f"+86{first}", "display": spaced(first), "extension": "", "dial": f"+86{first}", "label": "mobile", "primary": True}]
    if index % 3 == 1 or index == 0:
        behind = str(8001 + index)
        numbers.append({
            "id": index * 10 + 2, "number": f"+86216000{index * 37 % 10000:04d}", "display": f"021 6000 {index * 37 % 10000:04d}-{behind}", "extension": behind,
            "dial": f"+86216000{index * 37 % 10000:04d};ext={behind}", "label": "work", "primary": False,
        })
    return {
        "id": index + 1, "kind": kind, "name": name, "numbers": numbers, "tags": tags,
        "owner": {"id": 1, "name": "林书遥"}, "level": level, "progress": progress, "source": source,
        "company_name": name if kind == "enterprise" else None, "address": "杭州市西湖区文三路 188 号" if index == 0 else None,
        "remark": "新房在滨江，三室两厅，全屋定制，倾向原木风格；下午三点后方便接电话。" if index == 0 else None,
        "created_at": ago(days=40), "updated_at": ago(days=1), "last_contact_at": ago(minutes=19 + index * 173),
        "calls_count": 9 - index % 7, "contacts_count": 0,
    }


CUSTOMERS = [customer(i) for i in range(12)]
OUTCOMES = ["ANSWERED", "ANSWERED", "NO ANSWER", "ANSWERED", "BUSY", "ANSWERED", "NO ANSWER", "ANSWERED"]
NOTES = ["确认了餐厅柜体尺寸，周四上门复尺。", "对比了两套板材，倾向颗粒板，等家人商量。", "", "报价已发微信，约下周二再联系。"]
RESULTS = ["connected_interested", "connected_follow_up", None, "connected_follow_up"]


def call(index: int, who: int | None = None) -> dict:
    owner = CUSTOMERS[(who if who is not None else index) % 12]
    inbound = index % 3 == 2
    disposition = OUTCOMES[index % 8]
    talked = disposition == "ANSWERED"
    stranger = index % 7 == 6 and who is None
    theirs = owner["numbers"][0]["display"].replace(" ", "")
    talk = 47 + index * 83 % 520 if talked else 0
    name = PEOPLE[0] if who is not None else PEOPLE[index % 6]
    return {
        "id": f"c-{1000 + index}", "direction": "inbound" if inbound else "outbound", "mode": "direct", "leg_order": "agent_first", "company_number": "+8657188001200", "company_number_display": "0571 8800 1200", "caller_id_reason": "" if inbound else "same_region",
        "source": "inbound" if inbound else "customer", "caller_number": theirs if inbound else "057188001200",
        "called_number": "057188001200" if inbound else theirs, "number": f"+86{theirs}", "number_display": spaced(theirs),
        "employee": {"id": 1, "name": name}, "customer": None if stranger else {k: owner[k] for k in ("id", "name", "kind", "level", "source", "progress")},
        "task": {"id": 2, "name": "杭州展会名片"} if index % 4 == 1 else None, "company_name": None if stranger else owner["company_name"], "started_at": ago(minutes=14 + index * 97), "answered_at": ago(minutes=14 + index * 97) if talked else None,
        "ended_at": ago(minutes=9 + index * 97), "ring_seconds": 6 + index % 9, "talk_seconds": talk, "disposition": disposition,
        "end_reason": "customer_hangup" if talked else "no_answer", "minutes_charged": -(-talk // 60) if not inbound else 0,
        "recording": {"state": "ready" if talked else "none", "duration": float(talk) if talked else None},
        "result": RESULTS[index % 4] if talked else "not_connected", "note": NOTES[index % 4] if talked else None,
        "mark": "connected" if talked else None, "mos": [4.3, 4.1, 2.8][index % 3] if talked else None,
    }


def withheld(row: dict) -> dict:
    """The call of somebody who hides their number."""
    return {**row, "caller_number": "", "number": "", "number_display": "", "customer": None, "company_name": None}


CALLS = [withheld(call(i)) if i == 5 else call(i) for i in range(40)]
TIMELINE = [
    {"id": 900, "kind": "note", "at": ago(hours=3), "employee": {"id": 1, "name": "林书遥"}, "call": None, "text": "周四 14:00 上门复尺，提前一小时电话确认。", "open": True},
    *({"id": c["id"], "kind": "call", "at": c["started_at"], "employee": c["employee"], "call": c, "text": None, "open": False} for c in (call(0, 0), call(2, 0), call(3, 0), call(6, 0), call(9, 0))),
    {"id": 901, "kind": "note", "at": ago(days=3), "employee": {"id": 2, "name": "周予安"}, "call": None, "text": "门店到访，看中了胡桃木系列，主要顾虑是工期。", "open": False},
]


EMPLOYEES = [
    {
        "id": i + 1, "login": ["linshuyao", "zhouyuan", "chenzhixia", "huangqinghe", "zhaoyiming", "sunnianci", "wuyuanzhou", "zhengnanqiao", "hexubai", "luoqinghe"][i],
        "name": name, "phone": digits(i + 3), "department": {"id": 2 + i % 3, "name": ["华东销售一部", "华东销售二部", "客户服务部"][i % 3]},
        "role": ROLES["supervisor" if i in (4, 9) else "agent"], "account_state": "disabled" if i == 8 else "active", "verification": "unverified" if i == 6 else "verified", "can_dial": True,
        "device": "sip" if i % 4 == 3 else "browser", "extension": f"agent-{i + 1}", "groups": [{"id": 1, "name": "售前咨询"}] if i % 2 else [{"id": 2, "name": "售后服务"}],
        "minutes_left": [1286, 38, 412, 0, 1730, 21, 0, 344, None, 90][i], "created_at": ago(days=90),
    }
    for i, name in enumerate(PEOPLE)
]
DEPARTMENTS = [
    {"id": 1, "name": "销售中心", "parent_id": None, "head_id": 5, "employees": 1}, {"id": 2, "name": "华东销售一部", "parent_id": 1, "head_id": 5, "employees": 4},
    {"id": 3, "name": "华东销售二部", "parent_id": 1, "head_id": 10, "employees": 3}, {"id": 4, "name": "客户服务部", "parent_id": None, "head_id": None, "employees": 3},
]
SETTINGS = {
    "name": "南山木作家居", "time_zone": "Asia/Shanghai", "dial_window": {"start": "08:30", "end": "21:30"}, "wrap_up_seconds": 30,
    "recording": True, "supervision_shown": False, "access_end": "after_call", "valid_call_seconds": 10, "unanswered_limit": 3,
    "caller_id_policy": "same_region", "access_number": "057188001299", "call_through_seconds": 60,
}
DESTINATIONS = {
    "home": "CN", "countries": ["SG", "US"], "premium": False, "satellite": True, "calls_per_day": 20000, "calls_per_number": 3, "forwarded_at_once": 5,
    "dialled_today": 1286, "forwarded_today": 14,
    "known": [{"code": code, "calling_code": at} for code, at in (("AU", 61), ("DE", 49), ("GB", 44), ("HK", 852), ("JP", 81), ("MO", 853), ("SG", 65), ("TW", 886), ("US", 1))],
}
SIP_ACCOUNT = {"server": "203.0.113.10", "port": 5060, "transport": "udp", "username": "agent-4", "password": "kq7RtW2mXv9sB4nLhC3z"}

VERIFICATION_CODE = {"link": "http://localhost:8088/verify#9mYh2J4kPzT7uW1xQvB6nRs0LdCfEgAa3iKoXtZ5yUw", "expires_at": ahead(minutes=9, seconds=41), "simulated": True}
VERIFICATION_STATE = {"state": "opened", "problem": "", "expires_at": VERIFICATION_CODE["expires_at"], "name": "吴远舟", "verification": "unverified"}


def verification(path: str, wanted: dict) -> tuple[int, dict]:
    """What a scanned code is answered with; whoever has it need not be signed in."""
    over = {"error": {"code": "verification_over", "message": {"zh": "认证码已失效，请联系管理员重新出示。", "en": "This code is not valid any more."}}}
    wrong = {"error": {"code": "identity_mismatch", "message": {"zh": "姓名与身份证号不一致。", "en": "The name and the identity number do not belong together."}}}
    if wanted["token"] == "an-old-code":
        return 404, over
    if path.endswith("/check"):
        return (422, wrong) if wanted["name"] == "查无此人" else (200, {"name": wanted["name"]})
    return 200, {"company": COMPANY["name"], "name": "吴远舟", "expires_at": VERIFICATION_CODE["expires_at"], "simulated": True, "mismatched_name": "查无此人"}


def claim(i: int, number: str, display: str, state: str, reason: str = "") -> dict:
    return {
        "id": i, "company": {"id": 2, "name": "杭州云栖酒店管理有限公司"} if i % 2 else {"id": 1, "name": COMPANY["name"]}, "number": number, "display": display, "state": state,
        "reason": reason, "asked_by": "沈若谷", "asked_at": ago(hours=3 * i), "decided_at": None if state == "waiting" else ago(hours=i),
    }


CLAIMS = [
    claim(1, "+8657188001310", "0571 8800 1310", "waiting"), claim(2, "+862160000190", "021 6000 0190", "waiting"), claim(3, "+864008001234", "400 800 1234", "waiting"),
    claim(4, "+861065520077", "010 6552 0077", "refused", "证明材料上的单位名称与企业名称不一致，请补充授权书"), claim(5, "+8657188001200", "0571 8800 1200", "confirmed"),
]


def number_read(typed: str) -> dict | None:
    """As much of the server's reading as a picture needs: one mobile number or service number among words."""
    found = re.findall(r"\d{5,}", typed.replace(" ", "").replace("-", ""))
    if len(found) != 1:
        return None
    mobile = len(found[0]) == 11
    e164 = f"+86{found[0]}" if mobile else found[0]
    return {"number": e164, "display": spaced(found[0]) if mobile else found[0], "extension": "", "dial": e164}


DAY = [("not_ready", "signed_in", 380, 12), ("ready", "", 368, 95), ("busy", "", 273, 41), ("working_after_call", "", 232, 3), ("ready", "", 229, 64), ("not_ready", "meal", 165, 58), ("ready", "", 107, 39), ("not_ready", "meeting", 68, 68)]
STATES = {
    "items": [
        {"state": state, "reason": reason, "at": ago(minutes=since), "until": None if since == lasted else ago(minutes=since - lasted), "seconds": lasted * 60, "by": {"id": 90, "name": "沈若谷"} if reason == "meeting" else None}
        for state, reason, since, lasted in DAY
    ],
    "totals": {"ready": 11880, "busy": 2460, "working_after_call": 180, "not_ready": 8280},
}
def audit_value(kind: str, value: object, name: str = "") -> dict:
    return {"kind": kind, "value": value, "name": name}


def audit_line(field: str, *values: dict, before: list | None = None) -> dict:
    return {"field": field, "values": list(values), "before": before}


def audit_entry(i: int, action: str, about: dict | None, *lines: dict, actor: int | None = 90) -> dict:
    who = {90: "沈若谷", 5: "赵一鸣"}
    return {
        "id": i, "at": ago(minutes=i * 17), "actor": {"id": actor, "name": who[actor]} if actor else None, "action": action,
        "object": "", "details": {}, "ip": "10.0.8.21" if actor else "10.0.8.35", "about": about, "lines": list(lines),
    }


AUDIT = [
    audit_entry(1, "package.granted", audit_value("package", "12", "直拨套餐"), audit_line("minutes", audit_value("minutes", 500)), audit_line("days", audit_value("days", 30)), audit_line("employee", audit_value("employee", 2, "周予安"))),
    audit_entry(2, "recording.played", audit_value("call", "c-1003", "138 0571 0021"), actor=5),
    audit_entry(3, "dial.refused", audit_value("number", "+8613800138000", "138 0013 8000"), audit_line("gate", audit_value("word", "number_invalid")), actor=5),
    audit_entry(4, "settings.changed", None, audit_line("dial_window", audit_value("text", "09:00 – 21:00"), before=[audit_value("text", "08:30 – 21:30")]), audit_line("recording", audit_value("yes_no", False), before=[audit_value("yes_no", True)])),
    audit_entry(5, "employee.departed", audit_value("employee", "9", "何叙白"), audit_line("to", audit_value("employee", 10, "罗青禾")), audit_line("customers", audit_value("count", 18)), audit_line("packages", audit_value("package", 4, "直拨套餐"), audit_value("package", 6, "回拨套餐"))),
    audit_entry(6, "recharge.reviewed", audit_value("text", "R20260309001"), audit_line("state", audit_value("word", "approved")), audit_line("amount", audit_value("money", 500000))),
    audit_entry(7, "employee.changed", audit_value("employee", "2", "周予安"), audit_line("fields", audit_value("field", "department_id"), audit_value("field", "phone"))),
    audit_entry(8, "session.failed", audit_value("text", "zhouyuan"), audit_line("count", audit_value("count", 7)), actor=None),
    audit_entry(9, "group.deleted", audit_value("group", "3", "售后二线")),
]


def seat(i: int, mode: str = "direct", phone: str = "", kinds: tuple[str, ...] = ("direct",), given: bool = True) -> dict:
    numbers = [
        {"id": i * 10 + at, "number": f"+8657188{at}012{i:02d}", "display": f"0571 88{at}0 12{i:02d}", "kind": kind, "region": "浙江省杭州市", "state": "active"}
        for at, kind in enumerate(kinds)
    ]
    return {
        "id": i + 1, "code": str(8001 + i), "employee": {"id": i + 1, "name": PEOPLE[i]} if given else None, "bound_phone": f"+86{phone}" if phone else "",
        "bound_phone_display": spaced(phone) if phone else "", "mode": mode, "leg_order": "agent_first", "numbers": numbers, "created_at": ago(days=20),
    }


SEATS = [
    seat(0), seat(1, "callback", "13867120031", ("direct", "telecom")), seat(2, "point"), seat(3, "call_through", "13957188220", ("telecom",)),
    seat(4), seat(5, kinds=()), seat(6, given=False), seat(7, kinds=(), given=False),
]
OUTSIDE = [
    {**number, "seat": {"id": one["id"], "code": one["code"], "employee": (one["employee"] or {}).get("name", "")}, "last_shown_at": ago(minutes=7), "created_at": ago(days=20)}
    for one in SEATS for number in one["numbers"]
] + [
    {"id": 901, "number": "+861065520031", "display": "010 6552 0031", "kind": "direct", "region": "北京市", "state": "active", "seat": None, "last_shown_at": None, "created_at": ago(days=2)},
    {"id": 902, "number": "+862160009932", "display": "021 6000 9932", "kind": "telecom", "region": "上海市", "state": "inactive", "seat": None, "last_shown_at": None, "created_at": ago(days=2)},
]
DEMO = [
    {"number": "13800000001", "display": "138 0000 0001", "what_zh": "3 秒后接听，说一段话", "what_en": "answers after 3 s"},
    {"number": "13800000002", "display": "138 0000 0002", "what_zh": "忙线", "what_en": "busy"},
    {"number": "13800000003", "display": "138 0000 0003", "what_zh": "无人接听", "what_en": "no answer"},
]


def live_agent(i: int, state: str, seconds: int, **more: object) -> dict:
    return {
        "id": i + 1, "name": PEOPLE[i], "department_id": 2 + i % 3, "department": ["华东销售一部", "华东销售二部", "客户服务部"][i % 3],
        "state": state, "reason": None, "since": ago(seconds=seconds), "device": "browser" if i % 4 != 3 else "sip", "registered": True,
        "call_id": None, "minutes_left": [1286, 38, 412, 0, 1730, 21, 205, 344, 610, 90][i], "wrap_up_ends_at": None, "set_by": None, "groups": [1], "line": "closed", **more,
    }


def leg(role: str, state: str, number: str, employee: int | None = None, place: str = "", **more: object) -> dict:
    who = PEOPLE[employee - 1] if employee and employee <= len(PEOPLE) else ""
    return {"id": f"leg-{role}", "role": role, "state": state, "place": place, "number": number, "employee_id": employee, "name": who, "device": "browser" if employee else None, "phone_hold": False, "muted": False, **more}


def live_call(i: int, state: str, seconds: int, **more: object) -> dict:
    c = CUSTOMERS[i]
    answered = state in ("talking", "held")
    return {
        "id": f"l-{i}", "direction": "outbound", "mode": "direct", "leg_order": "agent_first", "armed": None, "state": state, "employee": {"id": i + 1, "name": PEOPLE[i]},
        "company_number": "+8657188001200", "company_number_display": "0571 8800 1200", "caller_id_reason": "bound", "department_id": None, "ringing": [], "number_hidden": False,
        "queue": None, "supervision_shown": True,
        "number": c["numbers"][0]["number"], "number_display": c["numbers"][0]["display"], "customer": {"id": c["id"], "name": c["name"]}, "group": None,
        "started_at": ago(seconds=seconds + 9), "answered_at": ago(seconds=seconds) if answered else None, "state_since": ago(seconds=seconds),
        "paid_until": ahead(minutes=40) if answered else None,
        "legs": [leg("agent", "connected", f"agent-{i + 1}", i + 1), leg("customer", "connected" if answered else "alerting", c["numbers"][0]["display"])],
        **more,
    }


STATS = {
    "date": NOW.date().isoformat(), "calls": 486, "inbound": 142, "outbound": 344, "answered": 371, "missed": 9, "valid": 302, "talk_seconds": 47213,
    "average_talk_seconds": 127, "answer_rate": 0.763, "minutes_charged": 911,
}
