"""Every route against every role, with ids of one's own, of a colleague out of scope, and of another company.

What must happen follows from the route's own declaration, so a new route is covered the moment it exists.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal, get_args

import msgspec
import pytest
from msgspec.inspect import type_info

from callcenter.app import all_routes
from callcenter.web.auth import COOKIE
from callcenter.web.errors import CATALOGUE
from callcenter.web.kit import PUBLIC, SIGNED_IN, Data, Route
from callcenter.web.permissions import BUILTIN, PERMISSIONS, held_by
from tests.web.support import FOREIGN, OWN, Answer, Browser, Company, FakeSip, Site, World, fingerprint, served

Whose = Literal["own", "other", "foreign"]

OPEN_TO_ANYBODY = {
    ("POST", "/api/session"),
    # Says that nobody is signed in, and to whoever is, what /api/me says.
    ("GET", "/api/session"),
    ("GET", "/healthz"),
    ("GET", "/api/openapi.json"),
    ("GET", "/api/docs"),
    # The labelled simulator of a payment provider; there is none when the installation has a real trunk.
    ("POST", "/api/payments/simulator/{pay_code}"),
    # Whoever holds a scanned code may verify one employee with it; without one nothing is told.
    ("POST", "/api/verification"),
    ("POST", "/api/verification/check"),
    ("GET", "/{path:.*}"),
}
"""The whole list of what needs no session. A new entry here is a decision, not a side effect."""
SOCKETS = {"/live", "/sip"}
ROLE_OF = {"agent": "agent", "supervisor": "supervisor", "admin": "admin"}
HELD = {role.code: frozenset(held_by(role, operates=True)) for role in BUILTIN}
"""In the world's own company, which runs the installation."""
ID_OF = {
    "/api/departments": "department",
    "/api/agents": "employee",
    "/api/employees": "employee",
    "/api/groups": "group",
    "/api/numbers": "number",
    "/api/hours": "hours",
    "/api/seats": "seat",
    "/api/outside-numbers": "outside_number",
    "/api/voicemails": "voicemail",
    "/api/callbacks": "callback",
    "/api/blacklist": "blacklist",
    "/api/packages": "package",
    "/api/orders": "order",
    "/api/offerings": "offering",
    "/api/platform/offerings": "offering",
    "/api/recharges": "recharge",
    "/api/invoices": "invoice",
    "/api/direct-numbers": "direct_number",
    "/api/platform/recharges": "recharge",
    "/api/platform/invoices": "invoice",
    "/api/platform/stray-payments": "stray_payment",
    "/api/platform/number-applications": "application",
    "/api/platform/direct-numbers": "direct_number",
    "/api/platform/companies": "company",
    "/api/platform/number-claims": "claim",
    "/api/platform/employees": "employee",
    "/api/customers": "customer",
    "/api/notes": "note",
    "/api/dial-tasks": "dial_task",
    "/api/dial-centre/tasks": "dial_task",
}
"""What an `{id}` below a path means."""
ID_FIELDS = {
    "employee_id": "employee",
    "owner_id": "employee",
    "actor_id": "employee",
    "head_id": "employee",
    "superior_id": "employee",
    "member_ids": "employee",
    "group_id": "group",
    "group_ids": "group",
    "department_id": "department",
    "parent_id": "department",
    "customer_id": "customer",
    "hours_id": "hours",
    "seat_id": "seat",
    "overflow_group_id": "group",
    "employee_ids": "employee",
    "from_employee_id": "employee",
    "to_employee_id": "employee",
    "package_id": "package",
    "offering_id": "offering",
    "company_id": "company",
    "assignee_id": "employee",
    "task_id": "dial_task",
    "task_number_id": "task_number",
}
"""What an id in a body or query means."""
SAMPLES: dict[str, Any] = {
    "login": "new.person",
    "password": "a-long-password",
    "old_password": "right-horse-battery",
    "new_password": "a-longer-password",
    "role": "agent",
    "typed": "138 0000 0001",
    "countries": ["US"],
    "number": "13700001234",
    "numbers": [{"number": "13700005678", "label": "mobile", "primary": True}],
    "name": "新名称",
    "text": "一句话",
    "note": "一句话",
    "digits": "1",
    "move": "hold",
    "mode": "listen",
    "state": "ready",
    "device": "browser",
    "kind": "personal",
    "pairs": [{"number": "02160009999", "seat": "9999"}],
    "minutes": 10,
    "days": 5,
    "time_zone": "Asia/Shanghai",
    "dial_window": {"start": "09:00", "end": "18:00"},
    "wrap_up_seconds": 10,
    "valid_call_seconds": 10,
    "recording": True,
    "on": True,
    "mark": "connected",
    "loss": 0.01,
    "jitter_ms": 5.0,
    "seconds": 30,
    "weekly": {"1": [{"start": "09:00", "end": "18:00"}]},
    "heard": True,
    "approve": True,
    "reason": "一个原因",
    "day": "2026-01-05",
    "direction": "in",
    "channel": "alipay",
    "pack": "p2800",
    "reference": "an-ai-call",
    "unit_price": 10,
    "payee": "",
    "bank": "",
    "account": "",
    "admin_login": "new.admin",
    "admin_name": "新管理员",
    "employee_seat": 1,
    "ai_seat_year": 1,
    "number_month": 1,
    "search_first": [],
    "search_tiers": [],
    "point_packs": [],
    "action": "new",
    "quantity": 1,
    "agreed": True,
    "token": "no-such-code",
    "identity_number": "11010519491231002X",
    "expected_paid": 0,
    "price": 16800,
    "list_price": 16800,
    "amount": 1000,
    "ids": [1],
}
"""A good value for each required field; a new required field has to be added here."""

ROUTES = all_routes()


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


def target(route: Route, company: Company, whose: Whose) -> str:
    """The path with ids of the given owner."""
    ids = company.other if whose == "other" else company.ids
    path = route.path.replace("{call_id}", str(ids["call_id"])).replace("{path:.*}", "some/page")
    path = path.replace("{import_id}", str(ids["task_import"]))
    path = path.replace("{pay_code}", "no-such-code").replace("{leg}", "a-leg").replace("{kind}", "greeting")
    if "{id}" in path:
        kind = next((kind for start, kind in ID_OF.items() if path.startswith(start + "/")), None)
        assert kind, f"{name_of(route)}: say in ID_OF what this id is"
        path = path.replace("{id}", str(ids[kind]))
    assert "{" not in path, f"{name_of(route)}: this test does not know how to fill the path"
    return path


def fields_of(kind: type[Any]) -> list[Any]:
    return list(msgspec.structs.fields(kind))


def sample(kind: type[Any], company: Company) -> dict[str, Any]:
    """The smallest good body or query."""
    found: dict[str, Any] = {}
    for field in fields_of(kind):
        if not field.required:
            continue
        if field.encode_name in ID_FIELDS:
            one = company.ids[ID_FIELDS[field.encode_name]]
            found[field.encode_name] = [one] if field.encode_name.endswith("_ids") else one
        else:
            assert field.encode_name in SAMPLES, f"{kind.__name__}.{field.name}: add a good value to SAMPLES"
            found[field.encode_name] = SAMPLES[field.encode_name]
    return found


async def ask(browser: Browser, route: Route, world: World, whose: Whose, **more: Any) -> Answer:
    company = world.foreign if whose == "foreign" else world.own
    headers = {"Idempotency-Key": f"{whose}-key"}
    if route.path in SOCKETS:
        headers |= {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        async with browser.http.get(browser.url + route.path, headers=headers) as response:
            raw = await response.read() if response.status != 101 else b""
            value = await response.json() if raw else None
            return Answer(response.status, response.headers.copy(), raw, value)
    body = sample(route.body, world.own) | more.get("body", {}) if route.body is not None else None
    query = sample(route.query, world.own) | more.get("query", {}) if route.query is not None else None
    return await browser.ask(route.method, target(route, company, whose), body, params=query, headers=headers)


def judge(route: Route, answer: Answer) -> None:
    """What holds for every answer: no bug, a documented error in the one shape, nothing of another company."""
    about = f"{name_of(route)}: {answer.status} {answer.raw[:300]!r}"
    assert answer.status < 500, about
    if route.data != "platform":  # the operator sees every company
        assert FOREIGN.encode() not in answer.raw, f"a row of another company: {about}"
        assert b"foreign-" not in answer.raw, f"a row of another company: {about}"
    if answer.status >= 400:
        assert answer.code in CATALOGUE and CATALOGUE[answer.code].status == answer.status, about


# -- declarations ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("route", ROUTES, ids=name_of)
def test_every_route_declares_permission_and_data(route: Route) -> None:
    assert route.permission in (*PERMISSIONS, PUBLIC, SIGNED_IN)
    assert route.data in get_args(Data)
    assert (route.data == "platform") == (route.permission == "platform.manage"), "rows of all are the operator's only"
    assert route.summary
    if route.permission == PUBLIC:
        assert (route.method, route.path) in OPEN_TO_ANYBODY, "this route is open to anybody: is that meant?"
        assert route.data == "none", "a public route may not touch a company's rows"


def test_the_public_routes_are_exactly_these() -> None:
    assert {(route.method, route.path) for route in ROUTES if route.permission == PUBLIC} == OPEN_TO_ANYBODY


def test_no_route_is_declared_twice() -> None:
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_every_id_in_a_body_or_query_is_known_here() -> None:
    """Otherwise the test below could not try another company's."""
    for route in ROUTES:
        for kind in (route.body, route.query):
            for field in fields_of(kind) if kind is not None else ():
                if re.search(r"_ids?$", field.encode_name):
                    assert field.encode_name in ID_FIELDS, f"{name_of(route)}: {field.encode_name}"


def test_request_types_refuse_unknown_fields() -> None:
    for route in ROUTES:
        for kind in (route.body, route.query):
            if kind is not None:
                assert type_info(kind).forbid_unknown_fields, kind  # type: ignore[attr-defined]


# -- nobody ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "made-up", "x" * 5000])
async def test_nobody_gets_only_what_is_public(site: Site, token: str) -> None:
    before = await fingerprint(site.database, site.world.own.id)
    for route in ROUTES:
        if (route.method, route.path) == ("POST", "/api/session"):
            continue
        async with site.browser() as browser:
            if token:
                browser.http.cookie_jar.update_cookies({COOKIE: token})
            answer = await ask(browser, route, site.world, "own")
        judge(route, answer)
        if route.permission == PUBLIC:
            assert answer.status in (200, 404), name_of(route)
        else:
            assert (answer.status, answer.code) == (401, "not_signed_in"), name_of(route)
    assert await fingerprint(site.database, site.world.own.id) == before


# -- everybody else ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLE_OF)
@pytest.mark.parametrize("route", [one for one in ROUTES if one.permission != PUBLIC], ids=name_of)
async def test_route_by_role(route: Route, role: str, template: Path, world: World, tmp_path: Path) -> None:
    upstream = FakeSip()
    async with (
        upstream.running(),
        served(template, world, tmp_path, sip_upstream=upstream.url) as site,
        site.browser(role) as browser,
    ):
        untouched = await fingerprint(site.database, world.foreign.id)
        allowed = route.permission == SIGNED_IN or route.permission in HELD[ROLE_OF[role]]
        if not allowed:
            await _forbidden(route, browser, site)
        else:
            await _foreign_ids(route, browser, world)
            await _colleague(route, role, browser, world)
            answer = await ask(browser, route, world, "own")
            judge(route, answer)
            if route.path in SOCKETS:
                assert answer.status == 101
            elif route.method == "GET":
                assert answer.status == 200, f"{answer.status} {answer.raw[:200]!r}"
            else:
                assert answer.status not in (401, 403) or answer.code != "forbidden", answer.raw
        assert not site.pbx.originated(), "nothing here may ring a phone"
        assert await fingerprint(site.database, world.foreign.id) == untouched, "another company's rows changed"


async def _forbidden(route: Route, browser: Browser, site: Site) -> None:
    """The answer is the same whether the row exists or not, and nothing changes."""
    before = await fingerprint(site.database, site.world.own.id)
    whose: Whose
    for whose in ("own", "other", "foreign"):
        answer = await ask(browser, route, site.world, whose)
        judge(route, answer)
        assert (answer.status, answer.code) == (403, "forbidden"), answer.raw
    assert await fingerprint(site.database, site.world.own.id) == before


@pytest.mark.parametrize("route", [one for one in ROUTES if one.data == "platform"], ids=name_of)
async def test_a_customer_of_the_platform_does_not_run_it(route: Route, site: Site) -> None:
    """The administrator of any company but the installation's first."""
    untouched = await fingerprint(site.database, site.world.own.id)
    async with site.browser("admin", "foreign") as browser:
        answer = await ask(browser, route, site.world, "own")
    assert (answer.status, answer.code) == (403, "forbidden"), answer.raw
    assert await fingerprint(site.database, site.world.own.id) == untouched


async def _foreign_ids(route: Route, browser: Browser, world: World) -> None:
    """Another company's id does not exist, wherever it stands; except for the operator of the platform."""
    if route.data == "platform":
        return
    if "{id}" in route.path or "{call_id}" in route.path:
        answer = await ask(browser, route, world, "foreign")
        judge(route, answer)
        assert answer.status == 404, f"{answer.status} {answer.raw[:200]!r}"
    for place, kind in (("body", route.body), ("query", route.query)):
        for field in fields_of(kind) if kind is not None else ():
            meaning = ID_FIELDS.get(field.encode_name)
            if meaning is None:
                continue
            stolen: Any = world.foreign.ids[meaning]
            stolen = [stolen] if field.encode_name.endswith("_ids") else stolen
            answer = await ask(browser, route, world, "own", **{place: {field.encode_name: stolen}})
            judge(route, answer)
            if place == "body":
                assert 400 <= answer.status < 500, f"{field.name} took a foreign id: {answer.raw[:200]!r}"
            elif isinstance(answer.json, dict) and "items" in answer.json:
                assert answer.json["items"] == [] and answer.json["total"] == 0
            elif isinstance(answer.json, list):
                assert answer.json == []


async def _colleague(route: Route, role: str, browser: Browser, world: World) -> None:
    """A row of a colleague out of scope is not found either; the admin's scope is the company."""
    if role == "admin" or route.data not in ("own", "scoped") or "{" not in route.path:
        return
    answer = await ask(browser, route, world, "other")
    judge(route, answer)
    assert answer.status == 404, f"{answer.status} {answer.raw[:200]!r}"


@pytest.mark.parametrize("role", ["agent", "supervisor"])
async def test_lists_hold_nothing_out_of_scope(site: Site, role: str) -> None:
    """Rows of the colleague in another department appear in no scoped list."""
    async with site.browser(role) as browser:
        for route in ROUTES:
            if route.method != "GET" or route.data != "scoped" or "{" in route.path or route.path in SOCKETS:
                continue
            answer = await ask(browser, route, site.world, "own")
            assert b"own-other" not in answer.raw, f"{name_of(route)}: {answer.raw!r}"
            assert "客户other".encode() not in answer.raw, name_of(route)


async def test_head_and_options_are_no_way_around(site: Site) -> None:
    async with site.browser() as browser:
        for method in ("HEAD", "OPTIONS", "TRACE"):
            answer = await browser.ask(method, "/api/employees")
            assert answer.status == 405 and FOREIGN.encode() not in answer.raw


async def test_other_spellings_of_a_path_need_the_session_too(site: Site) -> None:
    async with site.browser() as browser:
        for path in ("/api//employees", "/api/employees/", "/API/EMPLOYEES", "/api/%65mployees", "/api/./employees"):
            answer = await browser.get(path)
            assert OWN.encode() not in answer.raw, path
