"""Serves the built pages and the fixtures inside one Playwright page; no server, no network."""

import io
import json
import math
import mimetypes
import os
import struct
import sys
import wave
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, Route, WebSocketRoute

sys.path.insert(0, str(Path(__file__).parent))
import billing_fixtures as billing  # noqa: E402
import fixtures as fx  # noqa: E402
import inbound_fixtures as inbound  # noqa: E402
import task_fixtures as tasks  # noqa: E402

ORIGIN = "http://localhost:8088"
STATIC = Path(os.environ.get("UI_STATIC") or Path(__file__).parents[2] / "web" / "static")
CSP = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self' ws://localhost:8088; media-src 'self' blob:"


def tone(seconds: int = 60) -> bytes:
    """A quiet two-channel WAV, so that players have something to play."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"".join(struct.pack("<hh", int(900 * math.sin(i / 9)), 0) for i in range(8000 * seconds)))
    return held.getvalue()


def audit_words() -> dict:
    """The words of the audit log, which are the product's own."""
    sys.path.insert(0, str(Path(__file__).parents[3]))
    from callcenter.web import audit_words as said

    both = {"zh", "en"}
    def plain(one: object) -> dict:
        return {name: getattr(one, name) for name in both}

    groups = [
        {"group": code, **plain(words), "actions": [{"action": name, **plain(one)} for name, one in said.ACTIONS.items() if one.group == code]}
        for code, words in said.GROUPS.items()
    ]
    codes = {field: {code: plain(one) for code, one in known.items()} for field, known in said.CODES.items()}
    return {"groups": groups, "fields": {name: plain(one) for name, one in said.FIELDS.items()}, "codes": codes}


def registrar(request: str) -> str | None:
    """Says yes to a REGISTER, as much of SIP as a picture needs."""
    if not request.startswith("REGISTER"):
        return None
    kept = [line for line in request.split("\r\n") if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "Contact")]
    to = next(line for line in request.split("\r\n") if line.startswith("To:"))
    return "\r\n".join(["SIP/2.0 200 OK", *kept, f"{to};tag=1", "Expires: 300", "Content-Length: 0", "", ""])


def page_of(items: list) -> dict:
    return {"items": items, "total": len(items), "page": 1, "page_size": 20}


def answer(role: str, method: str, path: str, query: dict) -> object:
    parts = path.strip("/").split("/")[1:]
    match parts:
        case ["me"]:
            return fx.me(role)
        case ["me", "minutes"]:
            return {"minutes_left": 1286, "minutes_reserved": 2, "days_left": 21.4, "packages": [billing.PACKAGES[i] for i in (0, 2, 6)]}
        case ["softphone", "credentials"]:
            return {"uri": "sip:agent-1-web@callcenter.invalid", "username": "agent-1-web", "password": "x", "ws_path": "/sip", "expires_at": fx.ahead(minutes=9), "ice_servers": []}
        case ["customers"]:
            wanted = query.get("q", [""])[0]
            return page_of([c for c in fx.CUSTOMERS if wanted in c["name"]])
        case ["customers", number]:
            return fx.CUSTOMERS[int(number) - 1]
        case ["customers", _, "timeline"]:
            return page_of(fx.TIMELINE)
        case ["calls"] if method == "POST":
            return {"call_id": "l-0"}
        case ["calls"]:
            if query.get("disposition") == ["NO ANSWER"]:
                return page_of([c for c in fx.CALLS if c["disposition"] == "NO ANSWER"])
            return {**page_of(fx.CALLS[:20]), "total": 486}
        case ["calls", _, "recording", "waveform"]:
            peaks = [abs(((i * 37) % 23) - 11) / 14 * (0.2 if (i // 14) % 2 else 1) for i in range(220)]
            other = [abs(((i * 29) % 19) - 9) / 12 * (1 if (i // 14) % 2 else 0.12) for i in range(220)]
            return {"duration": 213.0, "peaks": {"customer": peaks, "agent": other}, "silence_share": 0.1, "level_db": {"customer": -20, "agent": -21}, "format": "wav"}
        case ["calls", _]:
            row = fx.CALLS[0]
            legs = [
                {"id": "a", "role": "agent", "number": "agent-1", "state": "NULL", "started_at": row["started_at"], "answered_at": row["answered_at"], "ended_at": row["ended_at"], "cause": "16", "billable_seconds": 0, "minutes": 0},
                {"id": "b", "role": "customer", "number": row["called_number"], "state": "NULL", "started_at": row["started_at"], "answered_at": row["answered_at"], "ended_at": row["ended_at"], "cause": "16", "billable_seconds": row["talk_seconds"], "minutes": row["minutes_charged"]},
            ]
            lines = [
                {"measured_by": "browser", "leg_id": "a", "loss": 0.004, "jitter_ms": 6.2, "round_trip_ms": 41.0, "mos": 4.21, "worst_mos": 3.4},
                {"measured_by": "pbx", "leg_id": "a", "loss": 0.061, "jitter_ms": 18.0, "round_trip_ms": None, "mos": 2.94, "worst_mos": 2.94},
            ]
            return {"call": row, "quality": lines, "consultations": [{"id": 1, "leg_id": "t", "duration": 41.5}], "recording_missing": 1.4, "legs": legs, "entries": [{"at": row["ended_at"], "call_id": row["id"], "kind": kind, "account": account, "minutes": minutes, "duration_seconds": None, "number": None} for kind, account, minutes in (("reserve", "reserved", 2), ("reserve", "reserved", 3), ("settle", "used", row["minutes_charged"]), ("settle", "available", 5 - row["minutes_charged"]))]}
        case ["me", "states"] | ["employees", _, "states"]:
            return fx.STATES
        case ["tags"]:
            return ["高意向", "老客户", "批量采购", "价格敏感"]
        case ["notes"]:
            return page_of([{**fx.TIMELINE[0], "customer": {"id": 1, "name": "苏婉清", "kind": "personal"}}])
        case ["employees"]:
            return page_of(fx.EMPLOYEES)
        case ["transfer-targets"]:
            reach = ["free", "free", "busy", "away"]
            people = [{"id": one["id"], "name": one["name"], "extension": str(8001 + i), "reach": reach[i % 4], "state": "ready" if i % 2 else "not_ready", "reason": "" if i % 2 else "meal"} for i, one in enumerate(fx.EMPLOYEES[1:6])]
            return {"people": people, "groups": [{"id": 1, "name": "售前咨询", "ready": 3}, {"id": 2, "name": "售后服务", "ready": 0}]}
        case ["roles"]:
            return list(fx.ROLES.values())
        case ["departments"]:
            return fx.DEPARTMENTS
        case ["seats"]:
            return page_of([one for one in fx.SEATS if query.get("filter") != ["unassigned"] or one["employee"] is None])
        case ["outside-numbers"]:
            return page_of(fx.OUTSIDE)
        case ["groups"]:
            return inbound.GROUPS
        case ["numbers"]:
            return inbound.NUMBERS
        case ["hours"]:
            return inbound.HOURS
        case ["prompts"]:
            return inbound.PROMPTS
        case ["missed-calls"]:
            return page_of(inbound.MISSED)
        case ["voicemails"]:
            return page_of(inbound.VOICEMAILS)
        case ["voicemails", _, "waveform"]:
            return {"duration": 14.5, "peaks": {"customer": [abs(((i * 37) % 23) - 11) / 14 for i in range(220)], "agent": []}, "silence_share": 0.1, "level_db": {"customer": -20, "agent": None}, "format": "opus"}
        case ["callbacks"]:
            return page_of(inbound.CALLBACKS)
        case ["blacklist"]:
            return [{"id": 1, "number": "13700008888", "reason": "客户要求不再联系"}, {"id": 2, "number": "02160001234", "reason": "投诉"}]
        case ["packages", _, "entries"]:
            return page_of([{"id": at, "at": c["started_at"], "call_id": c["id"], "kind": "settle", "minutes": -c["minutes_charged"], "minutes_after": 800 + 2 * at, "duration_seconds": c["talk_seconds"], "number": c["number_display"], "employee": None} for at, c in enumerate(fx.CALLS[:12])])
        case ["trunk"]:
            return {"state": "rejected", "code": 401, "since": fx.ago(hours=2), "simulated": False, "host": "sip.example.com:5060", "account": "02160000101", "profile": "register"}
        case ["settings", "company"]:
            return fx.SETTINGS
        case ["settings", "destinations"]:
            return fx.DESTINATIONS
        case ["number-claims"]:
            return page_of([one for one in fx.CLAIMS if one["company"]["id"] == 1 or one["id"] == 3])
        case ["platform", "number-claims"]:
            return page_of([one for one in fx.CLAIMS if [one["state"]] == query.get("state", [one["state"]])])
        case ["number"]:
            return fx.number_read(query.get("typed", [""])[0])
        case ["employees", _, "verification-code"]:
            return fx.VERIFICATION_CODE if method == "POST" else fx.VERIFICATION_STATE
        case ["employees", _, "sip"] | ["employees", _, "sip", "renew"]:
            return fx.SIP_ACCOUNT
        case ["audit", "words"]:
            return audit_words()
        case ["audit"]:
            return page_of(fx.AUDIT)
        case ["demo", "numbers"]:
            return fx.DEMO
    return None


SOUND = tone()
RECEIPT = """<svg xmlns="http://www.w3.org/2000/svg" width="360" height="520" font-family="sans-serif"><rect width="360" height="520" fill="#fff"/>
<text x="180" y="70" text-anchor="middle" font-size="18">账单详情</text><text x="180" y="130" text-anchor="middle" font-size="32">-5,000.00</text>
<text x="30" y="200" font-size="15" fill="#666">交易成功</text><text x="30" y="240" font-size="15" fill="#666">收款方：云号科技</text></svg>"""


def reply(role: str | None, method: str, path: str, query: dict, sent: str) -> tuple[int, object]:
    """Status and body of the answer to a request of the API."""
    wanted = json.loads(sent) if sent.startswith("{") else {}
    if path.startswith("/api/verification"):
        return fx.verification(path, wanted)
    parts = path.strip("/").split("/")[1:]
    body = billing.answer(method, parts, query, wanted) if role else None
    if role and body is None:
        body = tasks.answer(method, parts, query)
    if role and body is None:
        body = answer(role, method, path, query)
    if path == "/api/session" and method == "GET":
        body = {"me": answer(role, "GET", "/api/me", query) if role else None}
    if body is not None:
        return 200, body
    code = "not_signed_in" if role is None else "not_found"
    return 401 if role is None else 404, {"error": {"code": code, "message": {"zh": "账号或密码不正确。", "en": "Wrong user name or password."}}}


def snapshot(entities: dict | None) -> dict:
    """What the live link tells first."""
    return {"type": "snapshot", "epoch": "e1", "seq": 1, "now": fx.ago(), "entities": {"agent": {}, "call": {}, "stats": {"today": fx.STATS}, "system": {"phones": {"phones": "live"}}, **(entities or {})}}


def install(page: Page, role: str | None, entities: dict | None = None) -> dict:
    """Routes everything the page asks for; the answer holds the live socket once it is open."""
    held: dict = {"posts": [], "page": page}

    def serve(route: Route) -> None:
        url = urlsplit(route.request.url)
        if url.path.startswith("/api/"):
            if route.request.method != "GET":
                held["posts"].append((route.request.method, url.path, route.request.post_data))
            if url.path.endswith(("/recording", "/audio")):
                route.fulfill(body=SOUND, content_type="audio/wav")
                return
            if url.path.endswith("/proof"):
                route.fulfill(body=RECEIPT, content_type="image/svg+xml")
                return
            status, body = reply(role, route.request.method, url.path, parse_qs(url.query), route.request.post_data or "")
            route.fulfill(status=status, json=body)
            return
        file = STATIC / url.path.lstrip("/")
        if not file.is_file():
            file = STATIC / "index.html"
        kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
        route.fulfill(body=file.read_bytes(), content_type=kind, headers={"Content-Security-Policy": CSP})

    def live(socket: WebSocketRoute) -> None:
        held["live"] = socket
        hello = snapshot(entities)
        socket.on_message(lambda text: socket.send(json.dumps(hello if json.loads(text)["type"] == "hello" else {"type": "pong"})))

    def sip(socket: WebSocketRoute) -> None:
        held.update(sip=socket, heard=[])

        def heard(raw: str | bytes) -> None:
            text = raw if isinstance(raw, str) else raw.decode()
            reply = registrar(text)
            if reply:
                held["register"] = text
                socket.send(reply)
            else:
                held["heard"].append(text)

        socket.on_message(heard)

    page.route(f"{ORIGIN}/**", serve)
    page.route_web_socket("**/live", live)
    page.route_web_socket("**/sip", sip)
    return held


def send(held: dict, message: dict) -> None:
    while "live" not in held:  # the page has not got that far yet
        held["page"].wait_for_timeout(50)
    held["seq"] = held.get("seq", 1) + 1
    held["live"].send(json.dumps({"seq": held["seq"], "now": fx.ago(), **message}))
