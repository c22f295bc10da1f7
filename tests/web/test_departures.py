"""Who leaves passes on what is not finished, and sees it before: customers not signed, packages, numbers, the seat."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select, update

from callcenter.demo.company import DemoCustomer, make_customer
from callcenter.store.base import utcnow
from callcenter.store.tables.numbers import outside_number, seat
from crm_bridge.customers.tables import customer
from tests.web.support import Browser, Site
from tests.web.tasks import load, make, mine, mobile, mobiles, numbers, rung


async def _customers(site: Site, owner: int, *names: str) -> dict[str, int]:
    made = {}
    async with site.database.write() as connection:
        for index, name in enumerate(names):
            kept = DemoCustomer("personal", name, (f"1391234{index:04d}",), ())
            made[name] = await make_customer(connection, site.world.own.id, owner, kept, utcnow())
    return made


async def _owners(site: Site, ids: dict[str, int]) -> dict[str, Any]:
    query = select(customer.c.id, customer.c.owner_id).where(
        customer.c.company_id == site.world.own.id, customer.c.id.in_(ids.values())
    )
    async with site.database.read() as connection:
        found = {row.id: row.owner_id for row in (await connection.execute(query)).all()}
    return {name: found[one] for name, one in ids.items()}


async def _idle_number(site: Site, employee_id: int, number: str) -> int:
    values = {"company_id": site.world.own.id, "number": number, "kind": "direct", "state": "assigned"}
    row = insert(outside_number).values(
        **values, employee_id=employee_id, monthly_fee=0, dispatched_at=utcnow(), created_at=utcnow()
    )
    async with site.database.write() as connection:
        return int((await connection.execute(row.returning(outside_number.c.id))).scalar_one())


async def _good(browser: Browser, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = await browser.ask(method, path, body, **options)
    assert answer.status < 300, answer.raw
    return answer.json


async def test_signed_customers_stay_and_the_others_go(site: Site) -> None:
    agent, other = site.world.own.people["agent"], site.world.own.people["other"]
    ids = await _customers(site, agent, "甲", "乙", "丙")
    async with site.browser("agent") as own:
        signed = await _good(own, "PATCH", f"/api/customers/{ids['乙']}", {"signed": True})
        assert signed["signed_at"] is not None
        again = await _good(own, "PATCH", f"/api/customers/{ids['乙']}", {"signed": True, "remark": "续约"})
        assert again["signed_at"] == signed["signed_at"], "signed once, whatever is changed later"
        only = await _good(own, "GET", "/api/customers", params={"signed": "true"})
        assert [one["name"] for one in only["items"]] == ["乙"]
    async with site.browser("admin") as admin:
        path = f"/api/employees/{agent}/departure"
        unsigned = (await _good(admin, "GET", path))["customers_unsigned"]
        plan = await _good(admin, "GET", path, params={"to_employee_id": other})
        assert (plan["customers_unsigned"], plan["customers_signed"]) == (unsigned, 1)
        left = await _good(admin, "POST", f"/api/employees/{agent}/depart", {"to_employee_id": other})
        assert (left["customers_moved"], left["customers_kept"]) == (unsigned, 1)
        assert await _owners(site, ids) == {"甲": other, "乙": agent, "丙": other}
        log = (await _good(admin, "GET", "/api/audit", params={"action": "employee.departed"}))["items"][0]
        assert (log["details"]["customers"], log["details"]["customers_kept"]) == (unsigned, 1)
        assert (await admin.get(path)).code == "already_departed"


def _to(employee_id: int) -> dict[str, Any]:
    return {"claim": "assigned", "rule": "average_chosen", "shares": [{"employee_id": employee_id}]}


async def _assignees(site: Site, task_id: int) -> dict[str, int | None]:
    """Number as typed -> whose it is."""
    async with site.browser("admin") as admin:
        rows = await numbers(admin, task_id)
    return {one["number"].removeprefix("+86"): one["assignee"]["id"] if one["assignee"] else None for one in rows}


@pytest.mark.feature("O-08")
async def test_undialled_numbers_and_unsigned_customers_go_over_and_nothing_else(site: Site) -> None:
    """A has dialled and undialled numbers, signed and unsigned customers; B has some of their own."""
    agent, other = site.world.own.people["agent"], site.world.own.people["other"]
    ids = await _customers(site, agent, "未签", "已签")
    async with site.browser("agent") as leaver, site.browser("other") as heir, site.browser("admin") as admin:
        await _good(leaver, "PATCH", f"/api/customers/{ids['已签']}", {"signed": True})
        open_task, secret, theirs = (
            await make(leaver, **_to(agent)),
            await make(leaver, secret=True),
            await make(heir, **_to(other)),
        )
        gone = await make(leaver, **_to(agent))
        for task_id, first in ((open_task, 0), (secret, 10), (theirs, 20), (gone, 30)):
            async with site.browser("agent" if task_id != theirs else "other") as owner:
                await load(site, owner, task_id, mobiles(3, first))
        await _good(leaver, "DELETE", f"/api/dial-tasks/{gone}")
        by_number = {one["number"].removeprefix("+86"): one for one in await numbers(admin, open_task)}
        await rung(site, agent, by_number[mobile(0)]["id"])
        await rung(site, agent, by_number[mobile(1)]["id"], outside=False)
        hidden = await numbers(admin, secret)
        await rung(site, agent, hidden[0]["id"])

        path = f"/api/employees/{agent}/departure"
        plan = await _good(admin, "GET", path, params={"to_employee_id": other})
        # The world gives every agent a task with one number.
        assert plan["numbers_undialled"] == 2 + 2 + 1
        left = await _good(admin, "POST", f"/api/employees/{agent}/depart", {"to_employee_id": other})
        assert left["task_numbers_moved"] == plan["numbers_undialled"]
        assert (left["customers_moved"], left["customers_kept"]) == (plan["customers_unsigned"], 1)

        assert await _owners(site, ids) == {"未签": other, "已签": agent}
        assert await _assignees(site, open_task) == {mobile(0): agent, mobile(1): other, mobile(2): other}
        assert await _assignees(site, secret) == {mobile(10): agent, mobile(11): other, mobile(12): other}
        assert await _assignees(site, theirs) == {mobile(one): other for one in (20, 21, 22)}
        moved = {one["id"]: one for one in await mine(heir)}[by_number[mobile(2)]["id"]]
        assert moved["assigned_at"] > by_number[mobile(2)]["assigned_at"], "the days of its return begin anew"
        owned = await _good(heir, "GET", f"/api/dial-tasks/{secret}")
        assert owned["creator"]["id"] == other, "a secret task nobody could open any more"
        log = (await _good(admin, "GET", "/api/audit", params={"action": "employee.departed"}))["items"][0]
        assert log["details"]["task_numbers"] == left["task_numbers_moved"]


async def test_without_a_successor_numbers_go_back_to_their_tasks_but_secret_ones_stay(site: Site) -> None:
    agent = site.world.own.people["agent"]
    async with site.browser("agent") as leaver, site.browser("admin") as admin:
        open_task, secret = await make(leaver, **_to(agent)), await make(leaver, secret=True)
        await load(site, leaver, open_task, mobiles(2))
        await load(site, leaver, secret, mobiles(2, 10))
        first = (await numbers(admin, open_task))[0]
        await rung(site, agent, first["id"])
        left = await _good(admin, "POST", f"/api/employees/{agent}/depart", {})
        assert left["task_numbers_moved"] == 1 + 1, "one of this task, and the world's"
        assert await _assignees(site, open_task) == {mobile(0): agent, mobile(1): None}
        assert await _assignees(site, secret) == {mobile(10): agent, mobile(11): agent}


async def test_what_was_said_before_is_what_happens(site: Site) -> None:
    agent, other = site.world.own.people["agent"], site.world.own.people["other"]
    number = await _idle_number(site, agent, "+862155550001")
    async with site.database.write() as connection:
        free = (seat.c.company_id == site.world.own.id, seat.c.employee_id == other)
        await connection.execute(update(seat).where(*free).values(employee_id=None))
    async with site.browser("admin") as admin:
        path = f"/api/employees/{agent}/departure"
        plan = await _good(admin, "GET", path, params={"to_employee_id": other})
        assert "+862155550001" in plan["numbers"] and plan["seat"] and plan["seat_free"]
        body = {"to_employee_id": other, "hand_over_packages": True, "hand_over_seat": True}
        left = await _good(admin, "POST", f"/api/employees/{agent}/depart", body)
        assert [one["id"] for one in left["packages_moved"]] == [one["id"] for one in plan["packages"]]
        assert left["not_moved"] == plan["packages_kept"]
        assert (left["numbers_moved"], left["seat_moved"]) == (len(plan["numbers"]), True)
    async with site.database.read() as connection:
        theirs = select(outside_number.c.employee_id).where(
            outside_number.c.company_id == site.world.own.id, outside_number.c.id == number
        )
        assert (await connection.execute(theirs)).scalar() == other
        code = select(seat.c.code).where(seat.c.company_id == site.world.own.id, seat.c.employee_id == other)
        assert (await connection.execute(code)).scalar() == plan["seat"]


async def test_without_a_successor_idle_numbers_are_the_companys_again(site: Site) -> None:
    agent = site.world.own.people["agent"]
    number = await _idle_number(site, agent, "+862155550002")
    async with site.browser("admin") as admin:
        left = await _good(admin, "POST", f"/api/employees/{agent}/depart", {"hand_over_seat": True})
    assert left["numbers_moved"] >= 1 and not left["seat_moved"]
    query = select(outside_number.c.employee_id, outside_number.c.state).where(
        outside_number.c.company_id == site.world.own.id, outside_number.c.id == number
    )
    async with site.database.read() as connection:
        assert tuple((await connection.execute(query)).one()) == (None, "dispatched")


@pytest.mark.feature("O-08")
async def test_a_departure_is_final_and_only_the_departed_are_deleted(site: Site) -> None:
    """SPEC §A4.4: through the hand-over alone, for good, and deletion only among those who left."""
    own = site.world.own
    leaver, path = own.people["agent"], f"/api/employees/{own.people['agent']}"
    async with site.browser("admin") as admin, site.browser("admin", "foreign") as stranger:
        assert (await admin.ask("PATCH", path, {"account_state": "departed"})).status == 422
        assert (await admin.ask("DELETE", path)).code == "not_departed"
        await _good(admin, "POST", f"{path}/depart", {})
        for method, more, body in (
            ("PATCH", "", {"account_state": "active"}),
            ("PATCH", "", {"name": "回来了"}),
            ("POST", "/password", {"password": "a-long-password-1"}),
            ("GET", "/sip", None),
            ("POST", "/sip/renew", None),
        ):
            assert (await admin.ask(method, path + more, body)).code == "already_departed", more
        listed = await _good(admin, "GET", "/api/employees", params={"state": "departed"})
        assert [one["id"] for one in listed["items"]] == [leaver]
        assert (await stranger.ask("DELETE", path)).code == "not_found"
        assert (await admin.ask("DELETE", path)).status == 204
        assert (await admin.ask("DELETE", path)).code == "not_found"
        everybody = await _good(admin, "GET", "/api/employees", params={"page_size": "100"})
        assert leaver not in {one["id"] for one in everybody["items"]}
        calls = await _good(admin, "GET", "/api/calls", params={"page_size": "100"})
        assert "本域agent" in {one["employee"]["name"] for one in calls["items"] if one["employee"]}, (
            "records keep names"
        )
        again = {"login": "own-agent", "name": "新人", "password": "a-long-password-1", "role": "agent"}
        assert (await admin.ask("POST", "/api/employees", again)).status == 201, "the login is free"
