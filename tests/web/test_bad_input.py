"""Whatever is sent, the answer is the one error shape with a known code and both languages; never a crash."""

from __future__ import annotations

import ast
import asyncio
import io
import json
import logging
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from callcenter.domain.terms import Gate
from callcenter.ledger.packages import Packages
from callcenter.settings import PROJECT_ROOT
from callcenter.web.errors import CATALOGUE
from callcenter.web.server import MAX_BODY, _known
from tests.web.support import Answer, Browser, Site

SOURCES = [*(PROJECT_ROOT / "callcenter").rglob("*.py"), *(PROJECT_ROOT / "crm_bridge").rglob("*.py")]
ASCII = "".join(map(chr, range(33, 127)))
HAN = re.compile(r"[\u4e00-\u9fff]")


def check_shape(answer: Answer, *codes: str) -> None:
    about = f"{answer.status} {answer.raw[:300]!r}"
    assert answer.headers["Content-Type"].startswith("application/json"), about
    assert set(answer.json) == {"error"}, about
    error = answer.json["error"]
    assert set(error) == {"code", "message", "details", "request_id"}, about
    assert error["code"] in codes, about
    text = CATALOGUE[error["code"]]
    assert answer.status == text.status, about
    assert error["message"] == {"zh": text.zh, "en": text.en}
    assert isinstance(error["details"], dict) and re.fullmatch("[0-9a-f]{12}", error["request_id"])


# -- bodies ------------------------------------------------------------------------------------------------------------

BODIES: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "bad_json"),
    "not JSON": (b"{name: 1}", "bad_json"),
    "cut off": (b'{"name": "x"', "bad_json"),
    "two values": (b'{"name": "x"} {}', "bad_json"),
    "form": (b"name=x", "bad_json"),
    "not UTF-8": (b'{"name": "\xff\xfe"}', "bad_json"),
    "UTF-16": ('{"name": "x"}'.encode("utf-16"), "bad_json"),
    "raw lone surrogate": (b'{"name": "\xed\xa0\x80"}', "bad_json"),
    "escaped lone surrogate": (b'{"name": "\\ud800"}', "bad_json"),
    "raw control character": (b'{"name": "a\nb"}', "bad_json"),
    "NaN": (b'{"name": NaN}', "bad_json"),
    "deep": (b'{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "bad_json"),
    "list": (b"[]", "invalid"),
    "null": (b"null", "invalid"),
    "empty object": (b"{}", "invalid"),
    "wrong type": (b'{"name": 1}', "invalid"),
    "null value": (b'{"name": null}', "invalid"),
    "unknown field": (b'{"name": "x", "company_id": 2}', "invalid"),
    "too short": (b'{"name": ""}', "invalid"),
    "too long": (json.dumps({"name": "x" * 101}).encode(), "invalid"),
    "escaped NUL": (b'{"name": "a\\u0000b"}', "invalid"),
    "id of zero": (b'{"name": "x", "parent_id": 0}', "invalid"),
    "huge id": (b'{"name": "x", "parent_id": 99999999999999999999999999}', "invalid"),
    "id as text": (b'{"name": "x", "parent_id": "1"}', "invalid"),
    "fraction": (b'{"name": "x", "parent_id": 1.5}', "invalid"),
    "true as id": (b'{"name": "x", "parent_id": true}', "invalid"),
    "too large": (b'{"name": "' + b"x" * MAX_BODY + b'"}', "too_large"),
}


@pytest.mark.parametrize(("raw", "code"), BODIES.values(), ids=BODIES)
async def test_bodies(site: Site, raw: bytes, code: str) -> None:
    async with site.browser("admin") as browser:
        before = (await browser.get("/api/departments")).json
        # A deep value may be read as far as the place where it has the wrong type.
        codes = ("bad_json", "invalid") if code == "bad_json" else (code,)
        check_shape(await browser.ask("POST", "/api/departments", data=io.BytesIO(raw)), *codes)
        assert (await browser.get("/api/departments")).json == before


async def test_a_body_is_too_large_before_all_of_it_is_here(site: Site) -> None:
    async def endless() -> Any:
        for _ in range(64):
            yield b" " * 65_536

    async with site.browser("admin") as browser:
        check_shape(await browser.ask("POST", "/api/departments", data=endless()), "too_large")


async def test_anybody_may_send_a_large_body_nowhere(site: Site) -> None:
    async with site.browser() as browser:
        for path, code in (("/api/session", "too_large"), ("/api/departments", "not_signed_in")):
            check_shape(await browser.ask("POST", path, data=io.BytesIO(b"x" * (MAX_BODY + 1))), code)


async def test_text_comes_back_as_it_was_sent(site: Site) -> None:
    """Quotes, markup, formulas, directions and emoji are text; only what no database takes is refused."""
    names = ["<script>alert(1)</script>", "'; DROP TABLE call;--", "=1+1", "\u202eabc", "😀陈", "%00", "a\\u0000"]
    async with site.browser("admin") as browser:
        for name in names:
            answer = await browser.ask("POST", "/api/departments", {"name": name})
            if answer.status == 201:
                assert answer.json["name"] == name
            else:
                check_shape(answer, "invalid")
        assert (await browser.get("/api/docs")).headers["Content-Type"].startswith("text/html")


# -- paths and queries -------------------------------------------------------------------------------------------------

IDS = ["0", "-1", "1.5", "1e3", "x", "%00", "%ff", "%ED%A0%80", "１", "²", "+1", "%201", "2147483648", "9" * 30]
IDS += ["9" * 5000, "0" * 11 + "1", "0" * 12 + "9" * 40, "1%2F..", "..", "%2e%2e", "1;x", "1?x=1", "null", "true"]


@pytest.mark.parametrize("bad", IDS)
async def test_ids_in_paths(site: Site, bad: str) -> None:
    async with site.browser("admin") as browser:
        for path in ("/api/employees/{}/sip", "/api/packages/{}/entries", "/api/customers/{}", "/api/calls/{}"):
            answer = await raw_get(site, browser, path.format(bad))
            assert answer.status in (404, 405, 422) or b"200" in answer.raw[:15], answer
            if answer.status != 200:
                check_shape(answer, "not_found", "invalid", "method_not_allowed")


async def raw_get(site: Site, browser: Browser, path: str) -> Answer:
    """A path exactly as written: clients tidy paths up before sending them."""
    host, port = site.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    cookie = "; ".join(f"{one.key}={one.value}" for one in browser.http.cookie_jar)
    head = f"GET {quote(path, safe=ASCII)} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
    head += f"Cookie: {cookie}\r\n\r\n"
    writer.write(head.encode())
    raw = await reader.read()
    writer.close()
    await writer.wait_closed()
    top, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = top.decode("latin-1").split("\r\n")
    headers = {name.title(): value for name, value in (line.split(": ", 1) for line in lines)}
    value = json.loads(body) if headers.get("Content-Type", "").startswith("application/json") else None
    return Answer(int(first.split()[1]), headers, raw, value)


QUERIES = [
    "page=0",
    "page=-1",
    "page=1e9",
    "page=99999999999999999999999",
    "page=x",
    "page_size=0",
    "page_size=201",
    "employee_id=0",
    "employee_id=99999999999999999999",
    "unknown=1",
    "company_id=2",
    "direction=sideways",
    "sort=name",
    "sort=;drop",
    "has_recording=maybe",
    "from=yesterday",
    "from=0001-01-01T00:00:00%2B14:00",
    "to=9999-12-31T23:59:59-14:00",
    "from=2026-13-01T00:00:00Z",
    "q=%00",
    "q=a%00b",
    "q=" + "x" * 101,
    "%00=1",
    "%ff=1",
]


@pytest.mark.parametrize("query", QUERIES)
async def test_queries(site: Site, query: str) -> None:
    async with site.browser("admin") as browser:
        for path in ("/api/calls", "/api/calls/export.xlsx"):
            check_shape(await raw_get(site, browser, f"{path}?{query}"), "invalid")


@pytest.mark.parametrize(
    "query", ["q=%ff", "q=%ED%A0%80", "q=%", "q=%25%5f", "q=%5c", "q=é", "q=😀", "q='", "page=100000"]
)
async def test_queries_that_find_nothing(site: Site, query: str) -> None:
    async with site.browser("admin") as browser:
        for path in ("/api/calls", "/api/customers", "/api/employees"):
            answer = await raw_get(site, browser, f"{path}?{query}")
            assert answer.status in (200, 422), answer.raw
            if answer.status == 200:
                assert answer.json["items"] == [], query


async def test_unknown_routes_and_wrong_methods(site: Site) -> None:
    for role in ("", "admin"):
        async with site.browser(role) as browser:
            for path in ("/api/nothing", "/api", "/api/", "/assets/no.js"):
                check_shape(await browser.get(path), "not_found")
            for method in ("PUT", "DELETE", "PATCH"):
                answer = await browser.ask(method, "/api/calls")
                check_shape(answer, "method_not_allowed")
                assert {"GET", "POST"} <= set(answer.headers["Allow"].split(","))


ELSEWHERE = [
    "/../../etc/passwd",
    "/..%2f..%2fetc/passwd",
    "/%2e%2e/%2e%2e/etc/passwd",
    "//etc/passwd",
    "/%2fetc/passwd",
]
ELSEWHERE += ["/assets/../../kit.py", "/assets/..%2f..%2fkit.py", "/x%00.html", "/" + "a" * 300, "/" + "a/" * 3000]


@pytest.mark.parametrize("path", ELSEWHERE)
async def test_the_interface_serves_nothing_from_elsewhere(site: Site, path: str) -> None:
    async with site.browser() as browser:
        answer = await raw_get(site, browser, path)
        assert answer.status in (200, 404, 422), answer.raw[:200]
        assert b"root:" not in answer.raw and b"Routes(" not in answer.raw


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
async def test_days_at_the_edges_of_time(site: Site, day: str) -> None:
    async with site.browser("admin") as admin:
        for path in (f"/api/reconciliation/legs?day={day}", f"/api/reconciliation?from={day}&to={day}"):
            check_shape(await admin.get(path), "invalid")


@pytest.mark.parametrize(
    "bad", ["bytes=9999-", "bytes=2048-", "bytes=5-1", "bytes=x", "chars=0-1", "bytes=0-1,3-4", "bytes=-"]
)
async def test_ranges_that_cannot_be_served(site: Site, bad: str) -> None:
    path = f"/api/calls/{site.world.own.ids['call_id']}/recording"
    async with site.browser("agent") as browser:
        check_shape(await browser.get(path, headers={"Range": bad}), "range_invalid")


async def test_good_ranges_are_served_and_a_listening_is_audited_once(site: Site) -> None:
    path = f"/api/calls/{site.world.own.ids['call_id']}/recording"
    whole = bytes(range(256)) * 8
    async with site.browser("agent") as browser, site.browser("admin") as admin:
        for spec, expected in (("1-", whole[1:]), ("-500", whole[-500:]), ("0-9", whole[:10]), ("5-99999", whole[5:])):
            answer = await browser.get(path, headers={"Range": f"bytes={spec}"})
            assert (answer.status, answer.raw) == (206, expected)
            entries = (await admin.get("/api/audit?action=recording.played")).json
            assert entries["total"] == 1, "all but the first byte is the recording too"
        assert (await browser.get(path)).raw == whole
        assert (await admin.get("/api/audit?action=recording.played")).json["total"] == 2


async def test_idempotency_keys(site: Site) -> None:
    async with site.browser("agent") as browser:
        body = {"number": "13800000001"}
        for key in ("", " ", "x" * 61, "schlüssel"):
            check_shape(await browser.ask("POST", "/api/calls", body, headers={"Idempotency-Key": key}), "key_missing")
        check_shape(await browser.ask("POST", "/api/calls", body), "key_missing")
    assert not site.pbx.originated()


async def test_a_bug_is_told_by_number_only(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("the secret is 4711")

    monkeypatch.setattr(site.services.port(Packages), "lots", broken)
    async with site.browser("admin") as browser:
        with caplog.at_level(logging.ERROR):
            answer = await browser.get("/api/packages")
    check_shape(answer, "internal")
    assert b"4711" not in answer.raw
    assert answer.json["error"]["request_id"] in caplog.text and "4711" in caplog.text


# -- the catalogue -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", CATALOGUE)
def test_every_code_has_both_texts(code: str) -> None:
    text = CATALOGUE[code]
    assert re.fullmatch("[a-z][a-z0-9_]*", code)
    assert 400 <= text.status < 600
    assert HAN.search(text.zh) and text.zh.endswith("。"), "a whole Chinese sentence"
    assert not HAN.search(text.en) and text.en[0].isupper() and text.en.endswith("."), "a whole English sentence"


def test_every_gate_has_its_texts() -> None:
    assert {gate.value for gate in Gate} <= CATALOGUE.keys()


def raised_codes() -> dict[str, set[str]]:
    """Each literal code given to `Refusal` or declared in `errors=`, with the files that do so."""
    found: dict[str, set[str]] = {}

    def note(value: ast.expr, path: Path) -> None:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            found.setdefault(value.value, set()).add(str(path.relative_to(PROJECT_ROOT)))

    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name == "Refusal" and node.args:
                note(node.args[0], path)
            for keyword in node.keywords:
                if name == "add" and keyword.arg == "errors" and isinstance(keyword.value, ast.Tuple):
                    for item in keyword.value.elts:
                        note(item, path)
    return found


def test_every_code_in_the_source_is_in_the_catalogue() -> None:
    """Otherwise the client would be told `internal`."""
    codes = raised_codes()
    assert len(codes) > 30, "the scan finds something"
    assert {code: files for code, files in codes.items() if code not in CATALOGUE} == {}


def test_an_unknown_code_is_an_internal_error() -> None:
    """And the log says which one; no words are made up for it."""
    assert _known("no_such_code", "request") == "internal"
