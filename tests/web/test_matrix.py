"""What a request names must be visible to who asks: every id in every path, query and body of every route.

Each is tried with an own one, a colleague's out of scope, another company's and one that does not exist. Only the own
one passes, and the three others are answered alike, so that nothing is told about what is there.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callcenter.web.kit import PUBLIC, SIGNED_IN, Route
from tests.web.support import Answer, Browser, FakeSip, Site, World, fingerprint, served
from tests.web.test_permissions import HELD, ID_FIELDS, ROUTES, SOCKETS, ask, fields_of, name_of

NONE_INT, NONE_TEXT = 987_654, "no-such-call"
PHONE_BOOK = {
    # Whoever works in the company can be called by everybody in it, and so can its groups.
    ("POST", "/api/calls/{call_id}/consult"),
    ("POST", "/api/calls/{call_id}/transfer"),
}
_turns = itertools.count(1)
TRACES = {"audit", "command_key"}
EXPLAINED = {
    # A call that talks comes first; `tests/live/test_moves.py` names colleagues and groups in one.
    ("POST /api/calls/{call_id}/consult", "employee_id"),
    ("POST /api/calls/{call_id}/transfer", "employee_id"),
    ("POST /api/calls/{call_id}/transfer", "group_id"),
    # A number is dialled by whom it was given to alone: the head's own list is empty.
    ("POST /api/calls", "task_number_id"),
    # The state of the package or number comes first, and nobody hands over to oneself; each has tests of its own.
    ("POST /api/packages/{id}/unassign", "employee_id"),
    ("POST /api/direct-numbers/{id}/bind", "seat_id"),
    ("POST /api/orders/quote", "package_id"),
    ("GET /api/employees/{id}/departure", "to_employee_id"),
    ("POST /api/employees/{id}/depart", "to_employee_id"),
    # One key, one order: `tests/web/test_orders.py` and the quote, which asks the same question, name people.
    ("POST /api/orders", "employee_ids"),
    ("POST /api/orders", "package_id"),
}
"""Ids that an own one passes no better here, and why."""
BODIES: dict[str, dict[str, Any]] = {
    "POST /api/customers": {"numbers": [{"number": "13700005678", "label": "mobile", "primary": True}]}
}
"""What a route needs besides its required fields before it looks at the id."""
COMPANY_WIDE = {"group_id", "group_ids", "department_id", "parent_id", "hours_id", "offering_id", "company_id"}
"""What belongs to the company as a whole: there is no colleague's."""


def named(route: Route) -> list[tuple[str, Any]]:
    """(place, field) of every id that a route's query or body takes."""
    places = (("query", route.query), ("body", route.body))
    return [
        (place, field)
        for place, kind in places
        for field in (fields_of(kind) if kind is not None else ())
        if field.encode_name in ID_FIELDS
    ]


def ids_of(field: Any, world: World) -> dict[str, Any]:
    """The four ids to try, in the shape of the field."""
    meaning = ID_FIELDS[field.encode_name]
    own, other = world.own.ids[meaning], world.own.other.get(meaning)
    found = {"own": own, "colleague": other, "foreign": world.foreign.ids[meaning], "none": NONE_INT}
    if field.encode_name in COMPANY_WIDE or other is None:
        del found["colleague"]
    return {who: [one] if field.encode_name.endswith("_ids") else one for who, one in found.items()}


def told(answer: Answer) -> tuple[Any, ...]:
    """What an answer tells, without the id that was asked for and the request's own number."""
    if isinstance(answer.json, dict) and "error" in answer.json:
        details = answer.json["error"].get("details", {})
        return answer.status, answer.code, sorted(details)
    if isinstance(answer.json, dict) and "items" in answer.json:
        return answer.status, "list", answer.json["total"], answer.json["items"]
    return answer.status, "answer", answer.raw if answer.json is not None else answer.headers.get("Content-Type")


def may(role: str, route: Route) -> bool:
    if route.permission == PUBLIC or route.path in SOCKETS:
        return False
    return route.permission == SIGNED_IN or route.permission in HELD[role]


def scoped(route: Route, role: str) -> bool:
    """Whether a colleague's rows are out of reach on that route."""
    return route.data in ("own", "scoped") and role != "admin"


@pytest.mark.parametrize("role", ["agent", "supervisor", "admin"])
async def test_only_what_is_visible_can_be_named(role: str, template: Path, world: World, tmp_path: Path) -> None:
    wrong: list[str] = []
    upstream = FakeSip()
    async with (
        upstream.running(),
        served(template, world, tmp_path, sip_upstream=upstream.url) as site,
        site.browser(role) as browser,
    ):
        before = await _rows(site, world)
        mine = [route for route in ROUTES if route.data != "platform" and may(role, route)]
        for route in mine:
            wrong += await _path(route, role, browser, world)
            for place, field in named(route):
                wrong += await _field(route, role, browser, world, place, field)
        assert not wrong, "\n".join(wrong)
        after = await _rows(site, world)
        changed = [table for was, now in zip(before, after, strict=True) for table in was if was[table] != now[table]]
        assert not changed, "something that could not be seen was changed"
        for route in mine:
            for place, field in named(route):
                wrong += await _own(route, browser, world, place, field)
        assert not wrong, "\n".join(wrong)
        assert not site.pbx.originated()


async def _rows(site: Site, world: World) -> list[dict[str, Any]]:
    """Every row of both companies, but for the notes of who asked for what."""
    found = [await fingerprint(site.database, one.id) for one in (world.own, world.foreign)]
    return [{table: rows for table, rows in one.items() if table not in TRACES} for one in found]


def nowhere(world: World) -> World:
    """The same world with ids that nobody has in place of the foreign company's."""
    ids = {key: NONE_TEXT if key == "call_id" else NONE_INT for key in world.foreign.ids}
    return World(world.own, replace(world.foreign, ids=ids, other=ids))


async def _path(route: Route, role: str, browser: Browser, world: World) -> list[str]:
    if not any(part in route.path for part in ("{id}", "{call_id}", "{import_id}")):
        return []
    answers = {
        "foreign": await ask(browser, route, world, "foreign"),
        "none": await ask(browser, route, nowhere(world), "foreign"),
    }
    if scoped(route, role):
        answers["colleague"] = await ask(browser, route, world, "other")
    if all(one.status == 404 for one in answers.values()) and _alike(answers):
        return []
    return [_said(route, "path", answers)]


async def _field(route: Route, role: str, browser: Browser, world: World, place: str, field: Any) -> list[str]:
    ids = ids_of(field, world)
    if not scoped(route, role) or (route.method, route.path) in PHONE_BOOK:
        ids.pop("colleague", None)
    del ids["own"]
    answers = {
        who: await ask(browser, route, world, "own", **_with(route, place, field, one)) for who, one in ids.items()
    }
    refused = all(_is_nothing(one) if place == "query" else 400 <= one.status < 500 for one in answers.values())
    if not refused or not _alike(answers):
        return [_said(route, field.encode_name, answers)]
    return []


def _with(route: Route, place: str, field: Any, value: Any) -> dict[str, dict[str, Any]]:
    body: dict[str, Any] = dict(BODIES.get(name_of(route), {}))
    for unlike in {"login", "name"} & {one.encode_name for one in fields_of(route.body)} if route.body else ():
        body[unlike] = f"matrix.{next(_turns)}"
    return {"body": body, "query": {}} | {place: {**(body if place == "body" else {}), field.encode_name: value}}


async def _own(route: Route, browser: Browser, world: World, place: str, field: Any) -> list[str]:
    """An own id gets further than one that does not exist, or the refusals above prove nothing."""
    ids = ids_of(field, world)
    answers = {
        who: await ask(browser, route, world, "own", **_with(route, place, field, ids[who])) for who in ("none", "own")
    }
    same = _alike(answers) and not (place == "query" and answers["own"].status == 200)
    if not same or (name_of(route), field.encode_name) in EXPLAINED:
        return []
    return [_said(route, f"{field.encode_name} is not looked at", answers)]


def _is_nothing(answer: Answer) -> bool:
    """An empty list, a file without rows, or a refusal."""
    if 400 <= answer.status < 500:
        return True
    if isinstance(answer.json, dict):
        return answer.json.get("items") == [] or not any(map(_counts, answer.json.values()))
    return answer.json == [] if answer.json is not None else True


def _counts(value: Any) -> bool:
    return bool(value) and not isinstance(value, str)


def _alike(answers: dict[str, Answer]) -> bool:
    return len({repr(told(one)) for one in answers.values()}) == 1


def _said(route: Route, what: str, answers: dict[str, Answer]) -> str:
    return f"{name_of(route)} {what}: " + ", ".join(f"{who} {told(one)!r}"[:200] for who, one in answers.items())
