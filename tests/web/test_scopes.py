"""Whose rows a person sees: the five data scopes, and how they follow the department tree."""

from __future__ import annotations

import io
from typing import Any

import pytest
from aiohttp import WSMsgType
from python_calamine import load_workbook
from sqlalchemy import insert, select, update

from callcenter.domain.terms import Scope
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import employee, role
from tests.web.support import Browser, Site, call_values

Names = set[str]


async def add_peer(site: Site) -> None:
    """A colleague in the supervisor's own department, and a chain of superiors: other, agent, supervisor."""
    own = site.world.own
    mine = employee.c.company_id == own.id
    async with site.database.write() as connection:
        agent_role = select(role.c.id).where(role.c.company_id == own.id, role.c.code == "agent")
        row = await connection.execute(
            insert(employee)
            .values(
                company_id=own.id,
                department_id=own.departments["sales"],
                role_id=(await connection.execute(agent_role)).scalar_one(),
                login="own-peer",
                name="本域peer",
                password_hash="-",
                sip_secret="-",
                created_at=utcnow(),
            )
            .returning(employee.c.id)
        )
        peer = row.scalar_one()
        for who, name in ((peer, "peer"), (own.people["supervisor"], "supervisor"), (None, "nobody")):
            values = call_values(own.id, who, f"own-{name}-call", "+8613800010009", utcnow())
            await connection.execute(insert(call).values(**values))
        for below, above in (("agent", "supervisor"), ("other", "agent")):
            change = update(employee).where(mine, employee.c.id == own.people[below])
            await connection.execute(change.values(superior_id=own.people[above]))


async def set_scope(site: Site, scope: Scope) -> None:
    change = update(role).where(role.c.company_id == site.world.own.id, role.c.code == "supervisor")
    async with site.database.write() as connection:
        await connection.execute(change.values(scope=scope.value))


async def callers(browser: Browser) -> Names:
    """Whose calls the log shows: its list, its total and its spreadsheet must agree."""
    answer = await browser.get("/api/calls?page_size=200")
    names = {one["id"].split("-")[1] for one in answer.json["items"]}
    assert answer.json["total"] == len(answer.json["items"])
    sheet = await browser.get("/api/calls/export.xlsx")
    if sheet.status == 200:
        rows = load_workbook(io.BytesIO(sheet.raw)).get_sheet_by_index(0).to_python()
        assert {str(row[1]).removeprefix("本域") or "nobody" for row in rows[1:]} == names
    else:
        assert sheet.code == "forbidden"
    return names


async def people(browser: Browser) -> Names:
    answer = await browser.get("/api/employees?page_size=200")
    assert answer.json["total"] == len(answer.json["items"])
    return {one["name"].removeprefix("本域") for one in answer.json["items"]}


@pytest.mark.parametrize(
    ("scope", "seen"),
    [
        (Scope.SELF, {"supervisor"}),
        (Scope.SUBORDINATES, {"supervisor", "agent", "other"}),
        (Scope.DEPARTMENT, {"supervisor", "peer"}),
        (Scope.DEPARTMENT_TREE, {"supervisor", "peer", "agent"}),
        (Scope.COMPANY, {"supervisor", "peer", "agent", "other", "admin"}),
    ],
)
async def test_five_scopes(site: Site, scope: Scope, seen: Names) -> None:
    await add_peer(site)
    await set_scope(site, scope)
    async with site.browser("supervisor") as browser:
        assert (await browser.get("/api/me")).json["scope"] == scope.value
        assert await people(browser) == seen
        # Calls of nobody (missed in the queue) belong to the company as a whole.
        with_calls = seen - {"admin"} | ({"nobody"} if scope is Scope.COMPANY else set())
        assert await callers(browser) == with_calls
        for name in ("supervisor", "peer", "agent", "other", "nobody"):
            one = await browser.get(f"/api/calls/own-{name}-call")
            assert one.status == (200 if name in with_calls else 404), name
        owners = [one["employee"] for one in (await browser.get("/api/packages")).json["items"]]
        # A package that nobody has yet belongs to the company as a whole.
        assert owners.count(None) == (1 if scope is Scope.COMPANY else 0)
        packages = {one["name"].removeprefix("本域") for one in owners if one is not None}
        assert packages == seen & {"agent", "other"}


@pytest.mark.parametrize("scope", [Scope.DEPARTMENT, Scope.DEPARTMENT_TREE])
async def test_without_a_department_a_department_scope_is_oneself(site: Site, scope: Scope) -> None:
    """Not everybody else without a department."""
    own = site.world.own
    await set_scope(site, scope)
    async with site.database.write() as connection:
        everybody = update(employee).where(employee.c.company_id == own.id)
        await connection.execute(everybody.values(department_id=None))
    async with site.browser("supervisor") as browser:
        assert await people(browser) == {"supervisor"}


async def test_superiors_in_a_circle_do_not_hang(site: Site) -> None:
    own = site.world.own
    await add_peer(site)
    await set_scope(site, Scope.SUBORDINATES)
    async with site.database.write() as connection:
        top = update(employee).where(employee.c.company_id == own.id, employee.c.id == own.people["supervisor"])
        await connection.execute(top.values(superior_id=own.people["other"]))
    async with site.browser("supervisor") as browser:
        assert await people(browser) == {"supervisor", "agent", "other"}


async def test_filters_and_search_never_widen_the_scope(site: Site) -> None:
    own = site.world.own
    other = own.people["other"]
    async with site.browser("supervisor") as browser:
        for query in (
            f"employee_id={other}",
            f"customer_id={own.other['customer']}",
            f"q={own.other['number_text'].removeprefix('+86')}",
            "q=客户other",
        ):
            assert (await browser.get(f"/api/calls?{query}")).json["total"] == 0, query
        for query in ("q=other", f"department_id={own.departments['service']}"):
            assert (await browser.get(f"/api/employees?{query}")).json["total"] == 0, query
        assert (await browser.get(f"/api/packages?employee_id={other}")).json["items"] == []


@pytest.mark.feature("O-01")
async def test_admin_head_and_employee_see_all_own_and_lower_and_own(site: Site) -> None:
    await add_peer(site)
    seen: dict[str, Names] = {}
    for name in ("admin", "supervisor", "agent"):
        async with site.browser(name) as browser:
            seen[name] = await callers(browser)
    assert seen == {
        "admin": {"supervisor", "peer", "agent", "other", "nobody"},
        "supervisor": {"supervisor", "peer", "agent"},
        "agent": {"agent"},
    }


@pytest.mark.feature("O-04")
async def test_departments_are_added_filled_and_deleted_and_the_heads_scope_follows(site: Site) -> None:
    own = site.world.own
    other = f"/api/employees/{own.people['other']}"
    async with site.browser("admin") as admin, site.browser("supervisor") as head:
        assert await callers(head) == {"agent"}
        live = await head.http.ws_connect(site.url + "/live")
        await live.send_json({"type": "hello"})
        agents = (await live.receive_json(timeout=5))["entities"]["agent"]
        assert str(own.people["other"]) not in agents

        new = {"name": "本域二组", "parent_id": own.departments["sales"], "head_id": own.people["supervisor"]}
        made = await admin.ask("POST", "/api/departments", new)
        assert made.status == 201
        child = made.json["id"]
        assert made.json == {**new, "id": child, "employees": 0}

        moved = await admin.ask("PATCH", other, {"department_id": child})
        assert moved.json["department"] == {"id": child, "name": "本域二组"}
        assert await callers(head) == {"agent", "other"}
        assert await people(head) == {"supervisor", "agent", "other"}
        # The dashboard comes back with the new scope; what is said before that may still arrive.
        while (await live.receive(timeout=30)).type is not WSMsgType.CLOSE:
            pass

        full = await admin.ask("DELETE", f"/api/departments/{child}")
        assert (full.status, full.code) == (409, "department_not_empty")
        above = await admin.ask("DELETE", f"/api/departments/{own.departments['sales']}")
        assert above.code == "department_not_empty", "it has departments below it"

        # The whole branch moves away and back: the head's scope goes with it.
        service, sales = own.departments["service"], own.departments["sales"]
        assert (await admin.ask("PATCH", f"/api/departments/{child}", {"parent_id": service})).status == 200
        assert await callers(head) == {"agent"}
        assert (await admin.ask("PATCH", f"/api/departments/{child}", {"parent_id": sales})).status == 200
        assert await callers(head) == {"agent", "other"}
        loop = await admin.ask("PATCH", f"/api/departments/{sales}", {"parent_id": child})
        assert (loop.status, loop.code) == (422, "department_loop")
        itself = await admin.ask("PATCH", f"/api/departments/{sales}", {"parent_id": sales})
        assert itself.code == "department_loop"

        renamed = await admin.ask("PATCH", f"/api/departments/{child}", {"name": "本域三组"})
        assert renamed.json["name"] == "本域三组" and renamed.json["parent_id"] == sales
        assert (await admin.ask("PATCH", other, {"department_id": service})).status == 200
        assert await callers(head) == {"agent"}
        assert (await admin.ask("DELETE", f"/api/departments/{child}")).status == 204
        assert all(one["id"] != child for one in (await admin.get("/api/departments")).json)
        assert (await admin.ask("DELETE", f"/api/departments/{child}")).status == 404


@pytest.mark.feature("O-05")
@pytest.mark.parametrize("room", ["team", "service", None])
async def test_a_new_employee_is_unverified_and_in_the_chosen_department(site: Site, room: str | None) -> None:
    own = site.world.own
    chosen = own.departments[room] if room else None
    body: dict[str, Any] = {"login": "fresh", "name": "本域新人", "password": "long-enough-1", "role": "agent"}
    async with site.browser("admin") as admin, site.browser() as fresh:
        made = await admin.ask("POST", "/api/employees", {**body, "department_id": chosen})
        assert made.status == 201
        listed = next(
            one for one in (await admin.get("/api/employees?q=fresh")).json["items"] if one["login"] == "fresh"
        )
        for row in (made.json, listed):
            assert row["verification"] == "unverified"
            assert row["department"] == ({"id": chosen, "name": f"本域{room}"} if room else None)
            assert row["account_state"] == "active"
        assert (await fresh.sign_in("fresh", "long-enough-1")).status == 200
        assert await callers(fresh) == set()
        again = await admin.ask("POST", "/api/employees", body)
        assert (again.status, again.code) == (409, "login_taken")
        elsewhere = {**body, "login": "foreign-agent"}
        assert (await admin.ask("POST", "/api/employees", elsewhere)).code == "login_taken"
    async with site.browser("supervisor") as head:
        assert ("新人" in await people(head)) == (room == "team")


@pytest.mark.feature("O-05")
async def test_a_superior_is_staff_stands_in_no_circle_and_is_followed_by_the_next(site: Site) -> None:
    """The direct superior of an employee (SPEC §A4.5); who leaves is followed by the one above."""
    body = {"password": "long-enough-1", "role": "agent"}
    async with site.browser("admin") as admin:

        async def add(login: str, superior_id: int | None) -> Any:
            given = {**body, "login": login, "name": f"本域{login}", "superior_id": superior_id}
            return await admin.ask("POST", "/api/employees", given)

        top = (await add("superior-top", None)).json
        middle = (await add("superior-middle", top["id"])).json
        below = (await add("superior-below", middle["id"])).json
        assert (top["superior"], middle["superior"]) == (None, {"id": top["id"], "name": "本域superior-top"})
        for one in (top, middle):
            path = f"/api/employees/{one['id']}"
            for wrong in (one["id"], below["id"]):
                refused = await admin.ask("PATCH", path, {"superior_id": wrong})
                assert (refused.status, refused.code) == (422, "superior_loop")
        foreign = site.world.foreign.people["admin"]
        assert (await add("superior-foreign", foreign)).code == "superior_unknown"
        assert (await admin.ask("POST", f"/api/employees/{middle['id']}/depart", {})).status == 200
        assert (await add("superior-of-nobody", middle["id"])).code == "superior_unknown"
        listed = (await admin.get("/api/employees?q=superior-below")).json["items"]
        assert listed[0]["superior"] == {"id": top["id"], "name": "本域superior-top"}
        cleared = await admin.ask("PATCH", f"/api/employees/{below['id']}", {"superior_id": None})
        assert cleared.json["superior"] is None


@pytest.mark.feature("O-05")
async def test_a_verified_name_is_taken_and_lost_with_the_phone_and_given_by_no_administrator(site: Site) -> None:
    """Unverified at first; another phone has to be verified anew, the first one has not (SPEC §A4.2, §B10.5d)."""
    given = {"login": "to-verify", "name": "本域待验", "password": "long-enough-1", "role": "agent"}
    async with site.browser("admin") as admin:
        made = (await admin.ask("POST", "/api/employees", given)).json
        path = f"/api/employees/{made['id']}"
        assert made["verification"] == "unverified"
        given_by_hand = await admin.ask("PATCH", path, {"verification": "verified"})
        assert (given_by_hand.status, given_by_hand.code) == (422, "invalid")
        vouched = f"/api/platform/employees/{made['id']}/verify"
        assert (await admin.ask("POST", vouched)).status == 204
        for change, state in (
            ({"phone": "13700001111"}, "verified"),
            ({"phone": "13700001111", "name": "本域已验"}, "verified"),
            ({"phone": "13700002222"}, "unverified"),
        ):
            assert (await admin.ask("PATCH", path, change)).json["verification"] == state, change
        assert (await admin.ask("POST", vouched)).status == 204
        assert (await admin.ask("PATCH", path, {"verification": "unverified"})).json["verification"] == "unverified"
