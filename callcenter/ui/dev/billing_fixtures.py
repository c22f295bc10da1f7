"""What is sold, in the shapes of the HTTP API: packages, orders, money, numbers, and the operator's side. Money in fen."""

import fixtures as fx
from fixtures import PEOPLE, ago, ahead, digits

ME = {"id": 90, "name": "沈若谷"}


def ref(i: int) -> dict:
    return {"id": i + 1, "name": PEOPLE[i]}


def package(i: int, name: str, kind: str, left: int, total: int, state: str, who: int | None = None, members: tuple[int, ...] = (), **more: object) -> dict:
    users = [ref(one) for one in members]
    quantity = int(more.pop("quantity", max(1, len(users))))
    return {
        "id": i, "name": name, "kind": kind, "mode": "direct", "also_mode": None, "line": "华东一线" if kind == "fixed" else "", "employee": None if who is None else ref(who),
        "members": users, "quantity": quantity, "assigned": len(users) if kind == "shared" else int(who is not None),
        "assignable": quantity - len(users) if kind == "shared" else int(who is None), "minutes_total": total, "minutes_left": left, "minutes_reserved": 0,
        "minutes_used": total - left, "increment_seconds": 60, "starts_at": ago(days=12), "expires_at": ahead(days=18 - i), "state": state,
        "parent_id": None, "renews_id": None, "purchase_id": i, "offering_id": 1 if kind != "shared" else 2, "days_left_at_pace": round(left / 61, 1) if left else None, **more,
    }


PACKAGES = [
    package(1, "畅享包", "non_shared", 1286, 2000, "sufficient", 0, minutes_reserved=2, minutes_used=712),
    package(2, "畅聊包", "non_shared", 38, 500, "low", 1, minutes_reserved=1),
    package(3, "团队共享 20000", "shared", 11240, 20000, "sufficient", members=(0, 2, 4, 5, 7), quantity=10, also_mode="callback"),
    package(4, "直拨固定包", "fixed", 0, 500, "used_up", 3),
    package(5, "直拨固定包", "fixed", 412, 500, "sufficient", 2),
    package(6, "畅享包", "non_shared", 2000, 2000, "sufficient", quantity=1, days_left_at_pace=None),
    package(7, "畅享包", "non_shared", 2000, 2000, "future", 0, starts_at=ahead(days=17), expires_at=ahead(days=47), renews_id=1, days_left_at_pace=None),
    package(8, "加油包 200", "top_up", 143, 200, "sufficient", 3, parent_id=4),
    package(9, "畅聊包", "non_shared", 0, 500, "expired", 6, expires_at=ago(days=2)),
    package(10, "点拨 20000", "fixed", 18650, 20000, "sufficient", 4, mode="point"),
]
LOG = [
    {"what": "assigned", "employee": ref(7), "from_employee": None, "actor": ME, "at": ago(hours=3)},
    {"what": "handed_over", "employee": ref(4), "from_employee": ref(8), "actor": ME, "at": ago(days=4)},
    {"what": "issued", "employee": None, "from_employee": None, "actor": ME, "at": ago(days=12)},
]


def offering(i: int, name: str, kind: str, minutes: int, days: int, price: int, **more: object) -> dict:
    return {
        "id": i, "name": name, "kind": kind, "offer": "regular", "mode": "direct", "also_mode": None, "line": "", "minutes": minutes, "days": days, "price": price, "list_price": price,
        "per_employee": 0, "offered_from": None, "offered_until": None, "on_sale": True, "description": "", "buyable": True, "why_not": None, "trial_used": False, **more,
    }


OFFERINGS = [
    offering(1, "畅享包", "non_shared", 1000, 30, 13800, description="按人单独使用，适合呼出量稳定的坐席。"),
    offering(2, "团队共享包", "shared", 2000, 30, 16000, also_mode="callback"),
    offering(3, "畅聊包", "fixed", 2000, 30, 16800, offer="limited", list_price=19900, per_employee=2, offered_from=ago(days=3), offered_until=ahead(days=11), line="华东一线"),
    offering(4, "点拨模式套餐", "fixed", 20000, 30, 19800, mode="point"),
    offering(5, "体验包", "non_shared", 120, 7, 8800, offer="trial", buyable=False, why_not="trial_used", trial_used=True),
    offering(6, "回拨体验", "fixed", 120, 7, 8800, mode="callback"),
]
CANDIDATES = [
    {
        "id": i + 1, "name": name, "phone": digits(i + 3), "department": ["华东销售一部", "华东销售二部", "客户服务部"][i % 3], "verified": i not in (6, 8), "offers_left": max(0, 2 - i % 3),
        "packages": [{"name": "畅享包", "mode": "direct", "also_mode": None, "minutes_left": 500 + i * 61, "days_left": 24 - i}] if i % 3 != 2 else [],
    }
    for i, name in enumerate(PEOPLE)
]


def order(i: int, action: str = "new", state: str = "active", **more: object) -> dict:
    one = OFFERINGS[i % 4]
    quantity = [2, 10, 3, 1][i % 4]
    return {
        "id": i, "number": f"VP2026{i:04d}31", "created_at": ago(days=i * 2, hours=3), "action": action, "name": one["name"], "kind": one["kind"], "quantity": quantity,
        "unit_price": one["price"], "total": one["price"] * quantity, "discount": 2000 if i == 2 else 0, "paid": one["price"] * quantity - (2000 if i == 2 else 0), "buyer": ME,
        "valid_until": ahead(days=28 - i), "state": state, "coupon": {"code": "QK7F2M9P", "amount": 2000} if i == 2 else None, "offering_id": one["id"], **more,
    }


ORDERS = [order(1, "add"), order(2), order(3, "top_up"), order(4, "renew"), order(5), order(6), order(7, "new", "expired"), order(8, "new", "expired")]
CONSUMPTION = [
    {
        "call_id": c["id"], "leg_id": f"{c['id']}-2", "at": c["started_at"], "started_at": c["started_at"], "caller_number": "+8657188001201", "caller_number_display": "0571 8800 1201", "employee": c["employee"], "number": c["number"], "number_display": c["number_display"],
        "package": {"id": 1, "name": ["畅享包", "团队共享 20000"][i % 2]}, "duration_seconds": c["talk_seconds"], "minutes": c["minutes_charged"],
    }
    for i, c in enumerate(one for one in fx.CALLS if one["minutes_charged"])
]
DAYS = [{"day": ago(days=i + 1)[:10], "legs": 344 - i * 7, "recorded_minutes": 911 - i * 13, "charged_minutes": 911 - i * 13 - (2 if i == 2 else 0), "drift": -2 if i == 2 else 0, "flagged": 1 if i == 2 else 0} for i in range(9)]
WALLET = {"balance": 486230, "frozen": 24000, "ai_balance": 12050, "points": 17140, "blocked": False, "licences": {"total": 30, "used": 27}, "ai_seats": {"valid": 2, "used": 1}, "valid_until": ahead(days=320)}
ENTRIES = [
    {"id": 9 - i, "at": ago(hours=i * 19), "kind": kind, "amount": amount, "balance_after": after, "account": "wallet", "note": note, "reference": reference, "actor": actor}
    for i, (kind, amount, after, note, reference, actor) in enumerate([
        ("purchase", -160000, 486230, "团队共享包 × 10", {"type": "purchase", "id": 1, "number": "VP2026000131"}, ME),
        ("freeze", -24000, 646230, "申请直拨号 3 个", {"type": "number_application", "id": 1, "number": ""}, ME),
        ("number_fee", -8000, 670230, "057188001201 · 2026-03", {"type": "number_fee", "id": 3, "number": ""}, None),
        ("ai_in", -10000, 678230, "转入 AI 钱包", None, ME),
        ("recharge", 500000, 688230, "线下转账 R20260311", {"type": "recharge", "id": 2, "number": "R20260311"}, ME),
        ("points", -300000, 188230, "20000 点 × 10", {"type": "points_order", "id": 1, "number": ""}, ME),
    ])
]


def recharge(i: int, channel: str, amount: int, state: str, **more: object) -> dict:
    return {
        "id": i, "number": f"R2026{i:06d}", "channel": channel, "amount": amount, "state": state, "remark": "", "proof": channel == "offline", "reject_reason": "", "created_at": ago(days=i),
        "reviewed_at": ago(days=i, hours=-2) if state != "pending" else None, "applicant": ME, "invoiced": False, "pay_code": None, "code_expires_at": None, "company": {"id": 2, "name": "云栖酒店管理"}, **more,
    }


CODE = {"pay_code": "SIMULATED-ALIPAY-4f1c9a77d20be813aa01", "code_expires_at": ahead(minutes=13, seconds=42)}
RECHARGES = [
    recharge(1, "alipay", 50000, "pending", **CODE), recharge(2, "offline", 500000, "pending", remark="招商银行 南山木作"), recharge(3, "wechat", 20000, "void"),
    recharge(4, "offline", 300000, "approved", invoiced=True), recharge(5, "offline", 88000, "rejected", reject_reason="凭证金额与申请不符"), recharge(6, "alipay", 100000, "approved"),
]
LICENCES = [
    {"id": 3, "kind": "employee", "quantity": 10, "before": 20, "after": 30, "unit_price": 6000, "paid": 60000, "valid_until": None, "buyer": ME, "created_at": ago(days=9)},
    {"id": 2, "kind": "ai", "quantity": 2, "before": 0, "after": 2, "unit_price": 120000, "paid": 240000, "valid_until": ahead(days=340), "buyer": ME, "created_at": ago(days=25)},
    {"id": 1, "kind": "search", "quantity": 5, "before": 0, "after": 5, "unit_price": 298000, "paid": 298000, "valid_until": ahead(days=320), "buyer": ME, "created_at": ago(days=45)},
]
LICENCE_QUOTE = {"unit_price": 28000, "days": 320, "paid": 466411, "before": 5, "after": 24, "balance": 486230, "enough": True, "explanation": "280.00 ÷ 365 × 320 × 19"}


def number(i: int, state: str, who: int | None = None, **more: object) -> dict:
    return {
        "id": i, "number": f"+8657188001{200 + i}", "display": f"0571 8800 1{200 + i}", "region": "浙江省杭州市", "state": state, "employee": None if who is None else ref(who), "iccid": f"8986032020011000{i:04d}",
        "seat": {"id": i, "code": str(8000 + i)} if state == "bound" else None, "monthly_fee": 8000, "dispatched_at": ago(days=30 + i), "activated_at": ago(days=20), "leaves_at": None, "hint": None, **more,
    }


NUMBERS = [
    number(1, "dispatched"), number(2, "dispatched"), number(3, "assigned", 2), number(4, "activated", 1), number(5, "bound", 0), number(6, "bound", 4),
    number(7, "leaving", 5, hint="leave_reviewing", company={"id": 2, "name": "云栖酒店管理"}, reason="员工离职，号码不再使用"), number(8, "leaving", 3, hint="leaving", leaves_at=ahead(days=9)), number(9, "retired"),
]
APPLICATIONS = [
    {"id": 2, "quantity": 3, "dispatched": 0, "region": "浙江省杭州市", "fee": 8000, "frozen": 24000, "state": "pending", "answer": "", "applicant": ME, "created_at": ago(hours=20), "company": {"id": 2, "name": "云栖酒店管理"}},
    {"id": 1, "quantity": 9, "dispatched": 9, "region": "浙江省杭州市", "fee": 8000, "frozen": 0, "state": "dispatched", "answer": "", "applicant": ME, "created_at": ago(days=40), "company": {"id": 1, "name": "南山木作家居"}},
]
FEES = [{"id": i, "number": f"+8657188001{200 + i}", "display": f"0571 8800 1{200 + i}", "month": "2026-03", "amount": 8000, "at": ago(days=9), "applied_at": ago(days=40), "applicant": ME, "dispatched_at": ago(days=38)} for i in range(1, 8)]
PACKS = [{"code": "p2800", "name": "2800 点", "price": 19800, "points": 2800, "gift": 0}, {"code": "p20000", "name": "20000 点", "price": 30000, "points": 20000, "gift": 2000}]
POINTS_ORDERS = [{"number": "PT20260308", "created_at": ago(days=5), "name": "20000 点", "unit_price": 30000, "quantity": 10, "paid": 300000, "state": "normal", "before": 0, "after": 200000, "buyer": ME}]
AI_ENTRIES = [
    {"id": 3, "number": "AI00000003", "kind": "call", "amount": -36, "unit_price": 12, "duration_seconds": 134, "call_id": "c-1", "at": ago(hours=2), "actor": None},
    {"id": 2, "number": "AI00000002", "kind": "out", "amount": -5000, "unit_price": None, "duration_seconds": None, "call_id": None, "at": ago(days=1), "actor": ME},
    {"id": 1, "number": "AI00000001", "kind": "in", "amount": 10000, "unit_price": None, "duration_seconds": None, "call_id": None, "at": ago(days=3), "actor": ME},
]


def invoice(i: int, state: str, **more: object) -> dict:
    return {
        "id": i, "created_at": ago(days=i * 3), "applicant": ME, "kind": "special" if i % 2 else "ordinary", "amount": 300000 + i * 88000, "title": "南山木作家居", "urgent": i == 1, "remark": "",
        "courier": "顺丰" if state == "invoiced" else "", "courier_number": "SF1380001234567" if state == "invoiced" else "", "state": state, "answer": "抬头与营业执照不一致" if state == "rejected" else "",
        "finished_at": None if state == "reviewing" else ago(days=i), "file": state == "invoiced", "company": {"id": 2, "name": "云栖酒店管理"}, "letter": i == 1,
        "fields": {"tax_number": "91330106MA2C7X1N3Q", "address": "杭州市西湖区文三路 90 号", "phone": "0571 8800 1200", "bank": "招商银行杭州分行", "bank_account": "571900012345678"}, **more,
    }


INVOICES = [invoice(1, "reviewing"), invoice(2, "invoiced"), invoice(3, "rejected")]
NOTICES = [
    {"id": 4, "kind": "package_low", "data": {"package": {"id": 2, "name": "畅聊包"}, "expires_at": ahead(days=16), "minutes": 38}, "at": ago(minutes=24), "read_at": None},
    {"id": 3, "kind": "recharge_done", "data": {"number": "R2026000004", "amount": 300000, "reason": ""}, "at": ago(hours=4), "read_at": None},
    {"id": 2, "kind": "package_ending", "data": {"package": {"id": 5, "name": "直拨固定包"}, "expires_at": ahead(days=3), "days": 3}, "at": ago(hours=20), "read_at": ago(hours=3)},
    {"id": 1, "kind": "number_unpaid", "data": {"number": "+8657188001201", "amount": 800, "balance": -300}, "at": ago(days=2), "read_at": ago(days=1)},
]
COMPANIES = [
    {
        "id": i + 1, "name": name, "created_at": ago(days=300 - i * 40), "verification": ["verified", "verified", "reviewing", "unverified"][i], "script_state": ["approved", "approved", "approved", "missing"][i],
        "licences": [None, 30, 10, 5][i], "employees": [12, 27, 4, 1][i], "valid_until": None if i == 0 else ahead(days=90 * i), "balance": [486230, 125000, -300, 0][i], "frozen": [24000, 0, 0, 0][i], "points": 0, "minutes_left": [31640, 8210, 0, 0][i],
        "dialling_suspended": i == 2, "premium_open": i == 1, "satellite_open": False,
    }
    for i, name in enumerate(["南山木作家居", "云栖酒店管理", "海曙书店", "青禾民宿"])
]
COUPONS = [
    {"id": 3, "code": "QK7F2M9P", "company": {"id": 1, "name": "南山木作家居"}, "amount": 2000, "reason": "3 月 2 日线路故障补偿", "expires_at": ahead(days=20), "used": {"order_number": "VP2026000231", "at": ago(days=4)}},
    {"id": 2, "code": "W8TN3XHD", "company": None, "amount": 5000, "reason": "周年活动", "expires_at": None, "used": None},
    {"id": 1, "code": "A2LC6RZV", "company": {"id": 2, "name": "云栖酒店管理"}, "amount": 1000, "reason": "录音缺失补偿", "expires_at": ago(days=1), "used": None},
]
STRAYS = [
    {"id": 2, "company": {"id": 1, "name": "南山木作家居"}, "number": "RC2026000118", "channel": "wechat", "asked": 50000, "amount": 50000, "paid_at": ago(hours=3), "state": "open", "note": "", "actor": None, "settled_at": None},
    {"id": 1, "company": {"id": 2, "name": "云栖酒店管理"}, "number": "RC2026000102", "channel": "alipay", "asked": 20000, "amount": 20100, "paid_at": ago(days=2), "state": "open", "note": "", "actor": None, "settled_at": None},
]
PRICES = {
    "employee_seat": 6000, "ai_seat_year": 120000, "number_month": 8000, "search_first": [{"accounts": 5, "price_year": 298000}],
    "search_tiers": [{"from": 1, "to": 4, "price_year": 36000}, {"from": 5, "to": 29, "price_year": 28000}, {"from": 30, "to": None, "price_year": 22000}], "point_packs": PACKS,
}


def quote(basket: dict) -> dict:
    one = next(o for o in OFFERINGS if o["id"] == basket["offering_id"])
    names = {c["id"]: c["name"] for c in CANDIDATES}
    people = basket["employee_ids"] if one["kind"] == "fixed" else []
    lines = [{"employee": {"id": p, "name": names[p]}, "quantity": 1, "price": one["list_price"] if i == 2 else one["price"], "at_offer_price": one["offer"] == "limited" and i != 2} for i, p in enumerate(people)]
    lines = lines or [{"employee": None, "quantity": basket["quantity"], "price": one["price"], "at_offer_price": False}]
    total = sum(line["price"] * line["quantity"] for line in lines)
    off = 2000 if basket["coupon"] else 0
    return {
        "lines": lines, "total": total, "discount": off, "paid": total - off, "balance": WALLET["balance"], "enough": total - off <= WALLET["balance"],
        "coupon": {"code": basket["coupon"], "amount": off} if off else None, "valid_from": ago(), "valid_until": ahead(days=one["days"]),
    }


def page_of(items: list, **more: object) -> dict:
    return {"items": items, "total": len(items), "page": 1, "page_size": 20, **more}


def answer(method: str, parts: list[str], query: dict, body: dict) -> object:
    """The answer to a request of this part of the API, or None where it is somebody else's."""
    state = query.get("state", [""])[0]
    keep = lambda rows: [row for row in rows if not state or row["state"] == state]  # noqa: E731
    match method, parts:
        case "GET", ["packages", "counts"]:
            found = {name: sum(one["state"] == name for one in PACKAGES) for name in ("sufficient", "low", "used_up", "expired", "future")}
            return {**found, "unassigned": 1}
        case "GET", ["packages"]: return page_of(keep(PACKAGES))
        case "GET", ["packages", number] if number.isdigit(): return next((one for one in PACKAGES if one["id"] == int(number)), None)
        case "GET", ["packages", _, "log"]: return LOG
        case "POST", ["packages", _, _]: return PACKAGES[2]
        case "GET", ["offerings"]: return OFFERINGS
        case "GET", ["offerings", _, "employees"]: return CANDIDATES
        case "POST", ["orders", "quote"]: return quote(body)
        case "POST", ["orders"]:
            now = quote(body)
            one = next(o for o in OFFERINGS if o["id"] == body["offering_id"])
            return order(1, body["action"], name=one["name"], kind=one["kind"], quantity=body["quantity"], paid=now["paid"], total=now["total"], valid_until=now["valid_until"])
        case "GET", ["orders"]: return page_of(ORDERS, total_paid=sum(one["paid"] for one in ORDERS))
        case "GET", ["orders", number]:
            users = [{"employee": {**ref(i), "phone": digits(i)}, "package_id": 3, "minutes_used": 700 + i * 91, "minutes_left": 11240, "valid_until": ahead(days=18)} for i in (0, 2, 4)]
            return {**order(int(number)), "users": users, "packages": [PACKAGES[2]]}
        case "GET", ["consumption"]: return page_of(CONSUMPTION, total_seconds=sum(c["duration_seconds"] for c in CONSUMPTION), total_minutes=sum(c["minutes"] for c in CONSUMPTION))
        case "GET", ["reconciliation"]: return {"items": DAYS}
        case "GET", ["reconciliation", "legs"]: return {"items": [{"call_id": "c-1003", "leg_id": "c-1003-2", "at": ago(days=3), "number": "13867120031", "recorded_minutes": 4, "charged_minutes": 2, "why": "differs"}]}
        case "GET", ["wallet"]: return WALLET
        case "GET", ["wallet", "entries"]: return page_of(ENTRIES)
        case "GET", ["recharges"]: return page_of(RECHARGES, total_approved=400000)
        case "POST", ["recharges", "online"]: return RECHARGES[0]
        case "GET", ["recharges", _]: return RECHARGES[0]
        case "GET", ["licences"]: return page_of(LICENCES)
        case "POST", ["licences", "quote"]: return LICENCE_QUOTE
        case "GET", ["direct-numbers"]: return page_of(NUMBERS)
        case "GET", ["direct-numbers", _, "log"]: return [{"what": "bound", "employee": ref(0), "actor": ME, "note": "", "at": ago(days=4)}, {"what": "dispatched", "employee": None, "actor": None, "note": "", "at": ago(days=38)}]
        case "GET", ["my", "direct-numbers"]: return [NUMBERS[2], NUMBERS[4]]
        case "GET", ["number-applications"]: return page_of(APPLICATIONS)
        case "GET", ["number-fees"]: return page_of(FEES, total_amount=56000)
        case "GET", ["points"]: return {"points": 17140, "packs": PACKS, "orders": page_of(POINTS_ORDERS), "total_paid": 300000}
        case "GET", ["ai-wallet", "entries"]: return page_of(AI_ENTRIES, total_charged=36)
        case "GET", ["invoices"]: return page_of(INVOICES)
        case "GET", ["invoices", "open-recharges"]: return [{"id": one["id"], "number": one["number"], "amount": one["amount"], "created_at": one["created_at"]} for one in RECHARGES[3:]]
        case "GET", ["notices"]: return NOTICES
        case "POST", ["notices", "read"]: return {"read": 2}
        case "GET", ["prices"] | ["platform", "prices"]: return PRICES
        case "GET", ["platform", "companies"]: return page_of(COMPANIES)
        case "POST", ["platform", "companies"]: return {"company": COMPANIES[3], "password": "hG7-tQ2m-x9Ra"}
        case "GET", ["platform", "offerings"]: return [*OFFERINGS[:5], {**OFFERINGS[5], "on_sale": False}]
        case "GET", ["platform", "coupons"]: return page_of(COUPONS)
        case "GET", ["platform", "recharges"]: return page_of(keep(RECHARGES[1:3] if state == "pending" else RECHARGES))
        case "GET", ["platform", "stray-payments"]: return page_of(keep(STRAYS))
        case "GET", ["platform", "invoices"]: return page_of(keep(INVOICES))
        case "GET", ["platform", "number-applications"]: return page_of(keep(APPLICATIONS))
        case "GET", ["platform", "number-leaves"]: return page_of(NUMBERS[6:7])
    return None
