"""A hidden number is told by no answer before its customer rings: one rule, asked by all (T-24, SPEC §B9)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from callcenter.domain.call_rules import add_leg
from callcenter.domain.calls import Call
from callcenter.domain.calls import Leg as CallLeg
from callcenter.domain.terms import Direction, Role
from callcenter.engine.directory import Directory
from callcenter.engine.view import call_entity, ended_event
from callcenter.store.base import utcnow
from callcenter.store.tables.books import reservation
from callcenter.store.tables.packages import voice_package
from callcenter.store.tables.people import role
from callcenter.web.audit_log import AuditLog
from callcenter.web.live import Client
from callcenter.web.permissions import ADMIN, AGENT, SUPERVISOR
from tests.web.support import Browser, Site
from tests.web.tasks import good, load, make, mine, mobile, rung, sheet_of
from tests.web.test_live import identity

PLAIN, HIDDEN = f"+86{mobile(1)}", "139******01"


async def _task_call(site: Site, agent: Browser) -> tuple[int, str]:
    """A hidden number of the agent, and a call of it whose agent never picked up: nobody was rung."""
    me = site.world.own.people["agent"]
    to_me: dict[str, Any] = {"claim": "assigned", "rule": "average_chosen", "shares": [{"employee_id": me}]}
    async with site.browser("supervisor") as head:
        task_id = await make(head, encrypted=True, **to_me)
        await load(site, head, task_id, mobile(1))
    [number] = await mine(agent, task_id=task_id)
    return number["id"], await rung(site, me, number["id"], outside=False, number=PLAIN)


async def _held(site: Site, call_id: str) -> None:
    """Minutes were held for the call, and given back."""
    company_id, me = site.world.own.id, site.world.own.people["agent"]
    query = select(voice_package.c.id).where(voice_package.c.company_id == company_id).limit(1)
    async with site.database.write() as connection:
        package_id = (await connection.execute(query)).scalar_one()
        values = {"company_id": company_id, "call_id": call_id, "employee_id": me, "package_id": package_id}
        await connection.execute(insert(reservation).values(**values, minutes=2, open=False, created_at=utcnow()))


async def _numbers(looks: Browser, call_id: str) -> dict[str, set[str]]:
    """What each answer tells somebody of the number of the call."""
    listed = (await good(looks, "GET", "/api/calls", params={"page_size": 200}))["items"]
    detail = (await good(looks, "GET", f"/api/calls/{call_id}"))["call"]
    found = {
        "list": [one["called_number"] for one in listed if one["id"] == call_id],
        "row": [one["number"] for one in listed if one["id"] == call_id],
        "detail": [detail["called_number"], detail["number"]],
    }
    spent = await looks.get("/api/consumption", params={"page_size": 200})
    if spent.status == 200:  # an agent has no accounts to look at
        found["consumption"] = [one["number"] for one in spent.json["items"] if one["call_id"] == call_id]
    sheets = {"consumption file": ("/api/consumption/export", 3), "call file": ("/api/calls/export.xlsx", 2)}
    for name, (path, column) in sheets.items():
        answer = await looks.get(path)
        if answer.status == 200:
            cells = [row[column] for row in sheet_of(answer.raw)]
            found[name] = [one for one in cells if one in (PLAIN, HIDDEN)]
    return {name: set(values) for name, values in found.items()}


@pytest.mark.feature("T-24")
async def test_no_answer_tells_a_hidden_number_before_it_rang(site: Site) -> None:
    async with site.browser("agent") as agent, site.browser("supervisor") as head, site.browser("admin") as admin:
        number_id, call_id = await _task_call(site, agent)
        await _held(site, call_id)
        for looks in (agent, head):
            told = await _numbers(looks, call_id)
            assert set(map(frozenset, told.values())) == {frozenset({HIDDEN})}, told
            assert mobile(1).encode() not in (await looks.get("/api/calls", params={"page_size": "200"})).raw
        told = await _numbers(admin, call_id)
        assert set(map(frozenset, told.values())) == {frozenset({PLAIN})}, told

        await rung(site, site.world.own.people["agent"], number_id, number=PLAIN)
        told = await _numbers(agent, call_id)
        assert set(map(frozenset, told.values())) == {frozenset({PLAIN})}, "it rang, so it is known"


@pytest.mark.feature("T-24")
async def test_hidden_digits_are_not_found_in_the_call_log(site: Site) -> None:
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        _, call_id = await _task_call(site, agent)
        for guess in (mobile(1), mobile(1)[3:9]):
            path = {"q": guess, "page_size": "200"}
            assert call_id not in {one["id"] for one in (await good(agent, "GET", "/api/calls", params=path))["items"]}
            assert call_id in {one["id"] for one in (await good(admin, "GET", "/api/calls", params=path))["items"]}


@pytest.mark.feature("T-24")
async def test_the_audit_log_tells_a_hidden_number_to_the_main_account_alone(site: Site) -> None:
    company_id = site.world.own.id
    async with site.browser("agent") as agent, site.browser("admin") as admin, site.browser("supervisor") as head:
        number_id, call_id = await _task_call(site, agent)
        log = AuditLog(site.database)
        await log.add(company_id, None, "dial.refused", PLAIN, gate="day_limit_reached", task_number=number_id)
        await log.add(company_id, None, "call.marked", call_id, mark="not_connected")
        async with site.database.write() as connection:
            may = [*SUPERVISOR.permissions, "audit.view"]
            mine_ = (role.c.company_id == company_id, role.c.code == SUPERVISOR.code)
            await connection.execute(update(role).where(*mine_).values(permissions=may))
        for looks, number in ((head, HIDDEN), (admin, "139 1000 0001")):
            for action in ("dial.refused", "call.marked"):
                told = (await good(looks, "GET", "/api/audit", params={"action": action}))["items"][0]
                assert told["about"]["name"] == number
            rows = sheet_of((await looks.get("/api/audit/export.xlsx")).raw)
            assert {row[3] for row in rows if row[2] in ("拨号被拒绝", "标记接通情况")} == {number}
        assert mobile(1).encode() not in (await head.get("/api/audit")).raw


def _calling(**more: Any) -> Call:
    return Call("c-1", 1, Direction.OUTBOUND, PLAIN, utcnow(), employee_id=7, number_hidden=True, **more)


@pytest.mark.feature("T-24")
def test_a_live_call_tells_the_number_when_the_customer_rings() -> None:
    call = _calling()
    eyes = {
        name: Client(identity(7, kind, {7}))
        for name, kind in (("agent", AGENT), ("head", SUPERVISOR), ("admin", ADMIN))
    }

    def numbers() -> dict[str, tuple[str, str]]:
        entity = call_entity(call, Directory())
        told = {name: client.view("call", entity) for name, client in eyes.items()}
        return {name: (one["number"], one["number_display"]) for name, one in told.items()}

    clear = (PLAIN, "139 1000 0001")
    assert numbers() == {"agent": (HIDDEN, HIDDEN), "head": (HIDDEN, HIDDEN), "admin": clear}
    assert ended_event(call, utcnow())["number"] == HIDDEN, "who gave up before it rang has not seen it"
    add_leg(call, CallLeg("l-1", Role.CUSTOMER, number=PLAIN), utcnow())
    assert set(numbers().values()) == {clear}
    assert ended_event(call, utcnow())["number"] == PLAIN
