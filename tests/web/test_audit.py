"""The audit log in words: nothing is written that has none, and nobody has to read an id, a code or fen."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from enum import EnumType, StrEnum
from pathlib import Path
from typing import Any, cast, get_args

import msgspec
import pytest
from sqlalchemy import insert, update

from callcenter.domain.terms import Gate, PromptKind, SupervisorMode
from callcenter.features.numbers.destinations_api import DestinationSettings
from callcenter.features.numbers.outside_numbers_api import OutsideNumberChange
from callcenter.features.numbers.seats_api import SeatChange
from callcenter.features.people import audit_api as audit_page
from callcenter.features.people.employees_api import EmployeeChange
from callcenter.features.people.settings_api import CompanySettings
from callcenter.features.platform.companies_api import CompanyChange
from callcenter.features.platform.offerings_api import OfferingChange
from callcenter.store.base import utcnow
from callcenter.store.tables.people import audit, employee
from callcenter.web.audit_log import AuditLog
from callcenter.web.audit_words import ACTIONS, CODES, FIELDS, GROUPS
from callcenter.web.permissions import PERMISSIONS
from crm_bridge.customers.filing import CustomerChange
from tests.web.support import Browser, Site
from tests.web.tasks import sheet_of

ROOT = Path(__file__).parents[2]
SHAPE = re.compile(r"[a-z_]+\.[a-z_]+")
NO_ACTIONS = {"index.html", "list.xlsx", "callcenter.invalid"}
"""Words with a dot in the sources that name files and hosts; columns end in `.id`."""
SUFFIXES = {"call": {one.value for one in SupervisorMode}, "number": {"confirmed", "refused"}}
"""What stands behind the dot where an action is put together."""


def _sources() -> Iterator[ast.AST]:
    for folder in ("callcenter/web", "callcenter/features", "callcenter/engine", "callcenter/ledger", "crm_bridge"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if path.name not in ("audited.py", "audit_fields.py", "audit_names.py", "rights.py"):
                yield from ast.walk(ast.parse(path.read_text("utf-8")))


def _written() -> set[str]:
    """Every action that the sources write."""
    found: set[str] = set()
    for node in _sources():
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SHAPE.fullmatch(node.value):
            found.add(node.value)
        elif isinstance(node, ast.JoinedStr) and len(node.values) == 2 and isinstance(node.values[0], ast.Constant):
            start = str(node.values[0].value)
            if re.fullmatch(r"[a-z_]+\.", start):
                found |= {start + one for one in SUFFIXES[start[:-1]]}
    return {one for one in found if not one.endswith(".id")} - NO_ACTIONS - set(PERMISSIONS)


def _details() -> set[str]:
    """The names of the details that the sources give with an entry."""
    taken = {"add", "write", "_audit", "_changed", "changed"}
    found: set[str] = set()
    for node in _sources():
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            action = [one for one in node.args if isinstance(one, ast.Constant) and one.value in ACTIONS]
            if called in taken and action:
                found |= {one.arg for one in node.keywords if one.arg}
    return found - {"ip", "changes", "action"}


def test_every_action_that_is_written_has_words_and_every_word_is_of_one() -> None:
    written = _written()
    assert written - set(ACTIONS) == set(), "actions without words"
    assert set(ACTIONS) - written == set(), "words of actions that nobody writes"


def test_every_field_of_an_entry_has_words() -> None:
    bodies = (
        CompanySettings,
        CompanyChange,
        CustomerChange,
        DestinationSettings,
        EmployeeChange,
        OfferingChange,
        OutsideNumberChange,
        SeatChange,
    )
    fields = _details() | {one for body in bodies for one in body.__struct_fields__}
    assert fields - set(FIELDS) == set()


def test_every_code_of_an_entry_has_words() -> None:
    assert {one.value for one in Gate} == set(CODES["gate"])
    assert {one.value for one in PromptKind} == set(CODES["prompt"])
    for body in (CompanySettings, CompanyChange, OutsideNumberChange, SeatChange):  # they are kept with their values
        for field in msgspec.structs.fields(body):
            codes = {one for one in _literals(field.type) if isinstance(one, str)}
            if FIELDS[field.name].kind == "word":
                assert codes and codes <= set(CODES[field.name]), field.name


def _literals(kind: Any) -> Iterator[Any]:
    if isinstance(kind, EnumType):
        yield from (member.value for member in cast(type[StrEnum], kind))
    elif get_args(kind):
        for one in get_args(kind):
            yield from _literals(one)
    else:
        yield kind


def test_both_languages_say_something() -> None:
    codes = [words for kinds in CODES.values() for words in kinds.values()]
    said = [(one.zh, one.en) for kind in (ACTIONS, FIELDS, GROUPS) for one in kind.values()]
    said += [(one.zh, one.en) for one in codes]
    assert all(re.search(r"[一-鿿]|AI", zh) and en and not re.search(r"[一-鿿]", en) for zh, en in said)
    assert {one.group for one in ACTIONS.values()} == set(GROUPS) == set(get_args(audit_page.GroupCode))


async def test_an_action_without_words_cannot_be_written(site: Site) -> None:
    with pytest.raises(KeyError):
        await AuditLog(site.database).add(site.world.own.id, None, "nobody.knows")


async def _entries(browser: Browser, **params: str) -> list[Any]:
    answer = await browser.get("/api/audit", params=params)
    assert answer.status == 200, answer.raw
    return list(answer.json["items"])


async def _write(site: Site, action: str, obj: str = "", actor: int | None = None, **details: Any) -> None:
    await AuditLog(site.database).add(site.world.own.id, actor, action, obj, "10.9.8.7", **details)


def _line(entry: Any, field: str) -> Any:
    return next(one for one in entry["lines"] if one["field"] == field)


async def test_things_have_their_names_and_values_their_kinds(site: Site) -> None:
    agent, other = site.world.own.people["agent"], site.world.own.people["other"]
    await _write(site, "employee.departed", str(agent), to=other, customers=3, packages=[], seat=None)
    await _write(site, "recharge.reviewed", "R1", state="approved", amount=123450)
    await _write(
        site,
        "settings.changed",
        changes={
            "recording": [True, False],
            "dial_window": [{"start": "08:30", "end": "20:00"}, {"start": "09:00", "end": "21:00"}],
        },
    )
    async with site.browser("admin") as admin:
        settings, money, departed = (await _entries(admin))[:3]
    people = {row["id"]: row["name"] for row in await _people(site)}
    assert departed["about"] == {"kind": "employee", "value": str(agent), "name": people[agent]}
    assert _line(departed, "to")["values"] == [{"kind": "employee", "value": other, "name": people[other]}]
    assert [one["field"] for one in departed["lines"]] == ["to", "customers"], "nothing is said of what is not there"
    assert _line(money, "amount")["values"][0]["kind"] == "money"
    assert _line(settings, "recording") == {
        "field": "recording",
        "values": [{"kind": "yes_no", "value": False, "name": ""}],
        "before": [{"kind": "yes_no", "value": True, "name": ""}],
    }
    assert _line(settings, "dial_window")["values"][0]["value"] == "09:00 – 21:00"


async def _people(site: Site) -> list[Any]:
    async with site.browser("admin") as admin:
        return list((await admin.get("/api/employees", params={"page_size": "200"})).json["items"])


async def test_deleted_things_keep_their_names(site: Site) -> None:
    async with site.browser("admin") as admin:
        made = (await admin.ask("POST", "/api/departments", {"name": "短命部门", "parent_id": None})).json
        assert (await admin.ask("DELETE", f"/api/departments/{made['id']}")).status == 204
        blocked = (await admin.ask("POST", "/api/blacklist", {"number": "13800138999", "reason": ""})).json
        assert (await admin.ask("DELETE", f"/api/blacklist/{blocked['id']}")).status == 204
        told = await _entries(admin)
    names = {one["action"]: one["about"]["name"] for one in told[:4]}
    assert names["department.created"] == names["department.deleted"] == "短命部门"
    assert names["blacklist.added"] == names["blacklist.removed"] == "138 0013 8999"


async def test_another_companys_things_have_no_names(site: Site) -> None:
    foreign = next(iter(site.world.foreign.people.values()))
    await _write(site, "employee.changed", str(foreign), fields=["name"])
    async with site.browser("admin") as admin:
        entry = (await _entries(admin))[0]
    assert entry["about"] == {"kind": "employee", "value": str(foreign), "name": ""}


async def test_the_log_is_filtered_by_person_group_period_and_text(site: Site) -> None:
    agent = site.world.own.people["agent"]
    async with site.database.write() as connection:
        values = {"company_id": site.world.own.id, "details": {}, "actor_id": agent, "ip": ""}
        old = insert(audit).values(**values, action="calls.exported", object="", at=utcnow().replace(year=2020))
        await connection.execute(old)
        await connection.execute(
            update(employee)
            .where(employee.c.company_id == site.world.own.id, employee.c.id == agent)
            .values(name="奚望舒")
        )
    await _write(site, "coupon.made", "7", actor=agent, amount=500)
    await _write(site, "task.created", "8", name="秋季回访")
    await _write(site, "password.reset", str(agent))
    async with site.browser("admin") as admin:
        mine = await _entries(admin, actor_id=str(agent))
        assert [one["action"] for one in mine] == ["coupon.made", "calls.exported", "test.row"], "the row of the world"
        recent = await _entries(admin, actor_id=str(agent), **{"from": "2021-01-01T00:00:00Z"})
        assert [one["action"] for one in recent] == ["coupon.made", "test.row"]
        assert [one["action"] for one in await _entries(admin, group="platform")] == ["coupon.made"]
        assert [one["action"] for one in await _entries(admin, q="秋季")] == ["task.created"], "text of the details"
        found = {one["action"] for one in await _entries(admin, q="奚望舒")}
        assert found >= {"coupon.made", "password.reset"}, "who did it, and to whom"
        assert [one["action"] for one in await _entries(admin, q="新建任务")] == ["task.created"], "the action's words"


async def test_the_file_says_what_the_page_says(site: Site) -> None:
    await _write(site, "recharge.reviewed", "R1", state="approved", amount=123450)
    await _write(site, "dial.refused", "+8613800138000", gate="number_invalid")
    async with site.browser("admin") as admin:
        answer = await admin.get("/api/audit/export.xlsx", params={"q": "10.9.8.7"})
        assert answer.status == 200
    refused, money = sheet_of(answer.raw)
    assert refused[2:5] == ["拨号被拒绝", "138 0013 8000", f"原因：{CODES['gate']['number_invalid'].zh}"]
    assert money[2:5] == ["审核充值", "R1", "状态：已通过，金额：¥1,234.50"]
