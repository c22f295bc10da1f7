"""Dial tasks through the API: who sees what, who gets which numbers, what is dialled, what is hidden."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update

from callcenter.features.tasks.importing import Importer
from callcenter.store.base import utcnow
from callcenter.store.tables.books import cel_leg
from callcenter.store.tables.calls import leg
from callcenter.store.tables.inbound import blacklist
from callcenter.store.tables.people import audit, employee
from callcenter.store.tables.tasks import dial_task, dial_task_number
from tests.web.support import Browser, Site
from tests.web.tasks import (
    allocation,
    earlier,
    good,
    load,
    make,
    mine,
    mobile,
    mobiles,
    numbers,
    rung,
    sheet_of,
)

ALL = {"claim": "assigned", "rule": "average_all"}
KEY = {"Idempotency-Key": "of-a-task"}


def chosen(rule: str, *shares: tuple[int, int | None]) -> dict[str, Any]:
    return {
        "claim": "assigned",
        "rule": rule,
        "shares": [{"employee_id": one, "percent": percent} for one, percent in shares],
    }


# -- who sees what -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("D-01")
@pytest.mark.parametrize("encrypted", [False, True])
async def test_of_a_secret_task_the_head_sees_that_it_exists_and_the_admin_all(site: Site, encrypted: bool) -> None:
    async with site.browser("agent") as agent, site.browser("supervisor") as head, site.browser("admin") as admin:
        task_id = await make(agent, secret=True, encrypted=encrypted, claim="self")
        path = f"/api/dial-tasks/{task_id}"
        file = await load(site, agent, task_id, f"{mobiles(3)}\nno number")
        own = (await good(agent, "GET", path)) | {"shares": []}
        assert (own["secret"], own["claim"], own["rule"], own["numbers_hidden"]) == (True, "assigned", None, False)
        assert await allocation(agent, task_id) == {site.world.own.people["agent"]: 3}

        seen = next(
            one for one in (await good(head, "GET", "/api/dial-tasks?scope=all"))["items"] if one["id"] == task_id
        )
        assert (seen["total"], seen["undialled"], seen["numbers_hidden"]) == (3, 3, True)
        for method, below, body in (
            ("GET", "/numbers", None),
            ("GET", "/allocation", None),
            ("GET", "/export", None),
            ("GET", "/imports", None),
            ("GET", f"/imports/{file['id']}/failed", None),
            ("POST", "/imports", {"text": mobile(99)}),
            ("PATCH", "", {"name": "新名称"}),
            ("DELETE", "", None),
        ):
            answer = await head.ask(method, path + below, body)
            assert (answer.status, answer.code) == (403, "numbers_secret"), (method, below)
        assert mobile(0).encode() not in (await head.get(path)).raw

        told = next(
            one for one in (await good(admin, "GET", "/api/dial-tasks?scope=all"))["items"] if one["id"] == task_id
        )
        assert not told["numbers_hidden"]
        assert [one["number"] for one in await numbers(admin, task_id)] == [f"+86{mobile(one)}" for one in range(3)]
        assert {one["masked"] for one in await numbers(agent, task_id)} == {True}, "not even its creator, until dialled"
        centre = await mine(agent, task_id=task_id)
        assert {one["masked"] for one in centre} == {True} and not await mine(agent, task_id=task_id, q=mobile(0))
        dialled = centre[0]["id"]
        await rung(site, site.world.own.people["agent"], dialled)
        assert {one["id"] for one in await mine(agent, task_id=task_id) if not one["masked"]} == {dialled}


@pytest.mark.feature("D-01")
async def test_an_encrypted_task_hides_its_numbers_from_its_creator_and_a_plain_one_does_not(site: Site) -> None:
    async with site.browser("supervisor") as head, site.browser("admin") as admin:
        for index, encrypted in enumerate((True, False)):
            task_id = await make(head, encrypted=encrypted)
            await load(site, head, task_id, mobile(index))
            for looks, hidden in ((head, encrypted), (admin, False)):
                [one] = await numbers(looks, task_id)
                assert (one["masked"], one["number"] == f"+86{mobile(index)}") == (hidden, not hidden)


@pytest.mark.feature("D-01")
async def test_who_does_not_dial_has_no_secret_task(site: Site) -> None:
    async with site.browser("admin") as admin:
        answer = await admin.ask("POST", "/api/dial-tasks", {"name": "任务", "secret": True})
        assert answer.code == "not_an_agent"


@pytest.mark.feature("D-11")
async def test_three_roles_three_answers(site: Site) -> None:
    """SPEC §A1.4: own tasks for all, the dial centre for those who dial, all tasks by rank."""
    made: dict[str, int] = {}
    for name in ("agent", "other", "supervisor", "admin"):
        async with site.browser(name) as browser:
            made[name] = await make(browser, f"本域{name}的任务")
    everybody = set(made.values())
    for name, seen in (
        ("agent", None),
        ("supervisor", {made["agent"], made["supervisor"]}),
        ("admin", everybody),
    ):
        async with site.browser(name) as browser:
            own = (await good(browser, "GET", "/api/dial-tasks"))["items"]
            assert {one["id"] for one in own} & everybody == {made[name]}
            listed = await browser.get("/api/dial-tasks?scope=all")
            if seen is None:
                assert listed.code == "forbidden"
            else:
                assert {one["id"] for one in listed.json["items"]} & everybody == seen
            for owner, task_id in made.items():
                answer = await browser.get(f"/api/dial-tasks/{task_id}")
                visible = task_id in (seen if seen is not None else {made[name]})
                assert answer.status == (200 if visible else 404), (name, owner)
            assert (await browser.get("/api/dial-centre/tasks")).status == (403 if name == "admin" else 200)


async def test_tasks_are_found_sorted_and_counted(site: Site) -> None:
    async with site.browser("agent") as agent:
        first, second = await make(agent, "本域春季"), await make(agent, "本域秋季", **ALL)
        await load(site, agent, second, mobiles(2))
        found = await good(agent, "GET", "/api/dial-tasks", params={"q": "季", "sort": "name"})
        assert [one["id"] for one in found["items"]] == sorted((first, second)) and found["total"] == 2
        await good(agent, "PATCH", f"/api/dial-tasks/{first}", {"state": "in_progress"})
        working = await good(agent, "GET", "/api/dial-tasks?q=季&state=in_progress")
        assert [one["id"] for one in working["items"]] == [first]


# -- who gets what -----------------------------------------------------------------------------------------------------


@pytest.mark.feature("D-02")
async def test_two_agents_claim_the_last_number_and_one_gets_it(site: Site) -> None:
    async with site.browser("agent") as agent, site.browser("other") as other:
        task_id = await make(agent)
        path = f"/api/dial-centre/tasks/{task_id}/claim"
        await load(site, agent, task_id, mobiles(12))
        assert await good(other, "POST", path, {"count": 1}) == {"claimed": 1}
        assert await good(agent, "POST", path, {}) == {"claimed": 10}, "ten, unless another number is given"
        listed = next(one for one in await good(other, "GET", "/api/dial-centre/tasks") if one["id"] == task_id)
        assert (listed["mine_total"], listed["mine_undialled"], listed["claimable"]) == (1, 1, 1)

        answers = await asyncio.gather(*(one.ask("POST", path, {"count": 5}) for one in (agent, other) * 5))
        codes = sorted(one.code or str(one.json["claimed"]) for one in answers)
        assert codes == ["1", *["nothing_to_claim"] * 9]
        held = await allocation(agent, task_id)
        assert sorted(held.values()) in ([1, 11], [2, 10]) and None not in held
        shown = [one["number"] for one in [*await mine(agent, task_id=task_id), *await mine(other, task_id=task_id)]]
        assert sorted(shown) == [f"+86{mobile(one)}" for one in range(12)], "each number once, nobody's twice"
        for count in (0, 101):
            assert (await agent.ask("POST", path, {"count": count})).code == "invalid"


async def test_only_self_claim_tasks_are_claimed(site: Site) -> None:
    async with site.browser("agent") as agent:
        assigned = await make(agent, **chosen("average_chosen", (site.world.own.people["other"], None)))
        await load(site, agent, assigned, mobiles(2))
        answer = await agent.ask("POST", f"/api/dial-centre/tasks/{assigned}/claim", {})
        assert (answer.status, answer.code) == (404, "task_unknown")
        ended = await make(agent)
        await load(site, agent, ended, mobiles(2, 10))
        await good(agent, "PATCH", f"/api/dial-tasks/{ended}", {"state": "finished"})
        assert (await agent.ask("POST", f"/api/dial-centre/tasks/{ended}/claim", {})).code == "nothing_to_claim"
        assert ended not in [one["id"] for one in await good(agent, "GET", "/api/dial-centre/tasks")]


@pytest.mark.feature("D-03")
async def test_numbers_are_shared_evenly_by_all_or_by_those_chosen(site: Site) -> None:
    people = site.world.own.people
    async with site.browser("supervisor") as head:
        two = await make(head, **chosen("average_chosen", (people["other"], None), (people["agent"], None)))
        await load(site, head, two, mobiles(10))
        assert await allocation(head, two) == {people["other"]: 5, people["agent"]: 5}
        odd = await make(head, **chosen("average_chosen", (people["other"], None), (people["agent"], None)))
        await load(site, head, odd, mobiles(11, 20))
        assert await allocation(head, odd) == {people["other"]: 6, people["agent"]: 5}, "the first chosen has one more"
        everybody = await make(head, **ALL)
        await load(site, head, everybody, mobiles(9, 40))
        assert await allocation(head, everybody) == {people[one]: 3 for one in ("agent", "supervisor", "other")}


@pytest.mark.feature("D-04")
async def test_numbers_are_shared_by_percentage(site: Site) -> None:
    agent_id, other_id = site.world.own.people["agent"], site.world.own.people["other"]
    async with site.browser("supervisor") as head:
        task_id = await make(head, **chosen("custom", (agent_id, 70), (other_id, 30)))
        await load(site, head, task_id, mobiles(100))
        assert await allocation(head, task_id) == {agent_id: 70, other_id: 30}
        shares = (await good(head, "GET", f"/api/dial-tasks/{task_id}"))["shares"]
        assert [(one["employee_id"], one["percent"]) for one in shares] == [(agent_id, 70), (other_id, 30)]
        for wanted, code in (
            (chosen("custom", (agent_id, 70), (other_id, 31)), "percent_not_100"),
            (chosen("custom", (agent_id, 70), (other_id, 29)), "percent_not_100"),
            (chosen("custom", (agent_id, 100), (other_id, None)), "percent_not_100"),
            (chosen("custom", (agent_id, 50), (agent_id, 50)), "shares_needed"),
            (chosen("average_chosen"), "shares_needed"),
            ({"claim": "assigned"}, "shares_needed"),
            (chosen("average_chosen", (site.world.foreign.people["agent"], None)), "employee_unknown"),
            (chosen("average_chosen", (site.world.own.people["admin"], None)), "employee_unknown"),
        ):
            answer = await head.ask("POST", "/api/dial-tasks", {"name": "任务", **wanted})
            assert (answer.status, answer.code) == (422, code)


async def test_the_share_of_somebody_who_has_left_stays_with_the_task(site: Site) -> None:
    agent_id, other_id = site.world.own.people["agent"], site.world.own.people["other"]
    async with site.browser("supervisor") as head:
        task_id = await make(head, **chosen("custom", (agent_id, 70), (other_id, 30)))
        async with site.database.write() as connection:
            gone = update(employee).where(employee.c.company_id == site.world.own.id, employee.c.id == other_id)
            await connection.execute(gone.values(account_state="departed"))
        await load(site, head, task_id, mobiles(10))
        assert await allocation(head, task_id) == {agent_id: 7, None: 3}
        assert (await good(head, "GET", f"/api/dial-tasks/{task_id}"))["unassigned"] == 3


@pytest.mark.feature("D-05")
async def test_each_file_is_allocated_by_itself(site: Site) -> None:
    agent_id, other_id = site.world.own.people["agent"], site.world.own.people["other"]
    async with site.browser("supervisor") as head:
        task_id = await make(head, **chosen("average_chosen", (agent_id, None), (other_id, None)))
        await load(site, head, task_id, mobiles(3))
        before = {one["id"]: one for one in await numbers(head, task_id)}
        assert await allocation(head, task_id) == {agent_id: 2, other_id: 1}
        await load(site, head, task_id, mobiles(3, 10))
        assert await allocation(head, task_id) == {agent_id: 4, other_id: 2}, "2 and 1 again, not 3 and 3 in all"
        after = {one["id"]: one for one in await numbers(head, task_id)}
        assert {one: after[one] for one in before} == before


# -- states ------------------------------------------------------------------------------------------------------------


@pytest.mark.feature("D-07")
async def test_numbers_are_imported_in_state_normal_only(site: Site) -> None:
    me = site.world.own.people["agent"]
    async with site.browser("agent") as agent:
        task_id = await make(agent, **chosen("average_chosen", (me, None)))
        path = f"/api/dial-tasks/{task_id}"
        await load(site, agent, task_id, mobiles(2))
        for state in ("in_progress", "finished"):
            assert (await good(agent, "PATCH", path, {"state": state}))["state"] == state
            refused = await agent.ask("POST", f"{path}/imports", {"text": mobile(5)})
            assert (refused.status, refused.code) == (409, "task_not_normal")
        assert (await good(agent, "PATCH", path, {"state": "normal", "name": "本域改名"}))["name"] == "本域改名"
        assert (await load(site, agent, task_id, mobile(5)))["success"] == 1

        # In progress it is finished when all is dialled, and not before.
        await good(agent, "PATCH", path, {"state": "in_progress"})
        first, *others = await numbers(agent, task_id)
        running = await rung(site, me, first["id"], ended_at=None, state="talking")
        assert (await agent.ask("PATCH", path, {"state": "normal"})).code == "task_running"
        assert (await good(agent, "GET", path))["state"] == "in_progress"
        for one in others:
            await rung(site, me, one["id"])
        shown = await good(agent, "GET", path)
        assert (shown["state"], shown["total"], shown["dialled"], shown["undialled"]) == ("finished", 3, 3, 0)
        found = await good(agent, "GET", "/api/dial-tasks?state=finished")
        assert [one["id"] for one in found["items"]] == [task_id]
        assert task_id not in [
            one["id"] for one in (await good(agent, "GET", "/api/dial-tasks?state=in_progress"))["items"]
        ]
        assert (await agent.ask("POST", f"{path}/imports", {"text": mobile(6)})).code == "task_not_normal"
        await _end(site, running)
        assert (await good(agent, "PATCH", path, {"state": "normal"}))["state"] == "normal"


async def _end(site: Site, call_id: str) -> None:
    from callcenter.store.tables.calls import call

    async with site.database.write() as connection:
        mine_ = (call.c.company_id == site.world.own.id, call.c.id == call_id)
        await connection.execute(update(call).where(*mine_).values(ended_at=utcnow(), state="ended"))


# -- dialled and hidden ------------------------------------------------------------------------------------------------


@pytest.mark.feature("T-24")
async def test_six_digits_are_hidden_until_dialled_but_not_from_the_admin(site: Site) -> None:
    me = site.world.own.people["agent"]
    async with site.browser("agent") as agent, site.browser("supervisor") as head, site.browser("admin") as admin:
        task_id = await make(head, encrypted=True, **chosen("average_chosen", (me, None)))
        await load(site, head, task_id, f"{mobile(1)},王芳\n{mobile(2)},李雷")
        plain, hidden = f"+86{mobile(1)}", "139******01"
        [first, _] = await mine(agent, task_id=task_id)
        assert (first["number"], first["number_display"], first["masked"]) == (hidden, hidden, True)
        for looks in (agent, head):
            for path in (
                "/api/dial-centre/numbers",
                f"/api/dial-tasks/{task_id}/numbers",
                f"/api/dial-tasks/{task_id}/export",
            ):
                raw = (await looks.get(path)).raw
                assert mobile(1).encode() not in raw
        assert [row[0] for row in sheet_of((await head.get(f"/api/dial-tasks/{task_id}/export")).raw)] == [
            hidden,
            "139******02",
        ]
        assert [one["number"] for one in await numbers(admin, task_id)] == [plain, f"+86{mobile(2)}"]
        # Neither a whole number nor a few digits of it tell whether it is there.
        for guess in (mobile(1), "0000001", mobile(1)[2:9]):
            assert await mine(agent, q=guess) == [] and await numbers(head, task_id, q=guess) == []
        assert [one["name"] for one in await numbers(admin, task_id, q=mobile(1))] == ["王芳"]

        await rung(site, me, first["id"], at=earlier(9), outside=False)
        [again, _] = await mine(agent, task_id=task_id)
        assert (again["masked"], again["state"], again["calls"]) == (True, "undialled", 0), "nobody was rung"
        await rung(site, me, first["id"], at=earlier(6), result="not_connected")
        last = await rung(site, me, first["id"], at=earlier(3), result="connected_interested")
        await rung(site, me, first["id"], outside=False)
        [shown] = await mine(agent, task_id=task_id, state="dialled")
        assert (shown["number"], shown["masked"], shown["state"]) == (plain, False, "dialled")
        assert (shown["calls"], shown["result"]) == (2, "connected_interested"), "what rang, and the last of it"
        rows = {one["id"]: one for one in (await good(agent, "GET", "/api/calls"))["items"]}
        assert rows[last]["started_at"] == shown["last_called_at"]
        assert [one["name"] for one in await mine(agent, q=mobile(1))] == ["王芳"]
        left = [one["masked"] for one in await mine(agent, task_id=task_id)]
        assert left == [True, False], "that one, no other; what is left to dial comes first"


async def test_a_known_customer_is_named_to_whom_may_see_it_and_never_behind_a_hidden_number(site: Site) -> None:
    own = site.world.own
    known, of_another = own.ids["number_text"], own.other["number_text"]
    async with site.browser("agent") as agent, site.browser("supervisor") as head:
        task_id = await make(head, **chosen("average_chosen", (own.people["agent"], None)))
        await load(site, head, task_id, f"{known}\n{of_another}\n{mobile(900)}")
        found = [one["customer"]["id"] for one in await mine(agent, task_id=task_id) if one["customer"]]
        assert found == [own.ids["customer"]]
        async with site.database.write() as connection:
            hidden = update(dial_task).where(dial_task.c.company_id == own.id, dial_task.c.id == task_id)
            await connection.execute(hidden.values(encrypted=True))
        assert [one["customer"] for one in await mine(agent, task_id=task_id)] == [None, None, None]


async def test_an_extension_is_shown_with_its_number_and_hidden_with_it(site: Site) -> None:
    async with site.browser("agent") as agent:
        open_one, hidden_one = await make(agent), await make(agent, encrypted=True)
        await load(site, agent, open_one, "021 6000 0111 转 8001")
        await load(site, agent, hidden_one, "021 6000 0112 转 8002")
        [shown] = await numbers(agent, open_one)
        assert (shown["number"], shown["extension"]) == ("+862160000111", "8001")
        assert shown["number_display"].replace(" ", "") == "02160000111-8001"
        [hidden] = await numbers(agent, hidden_one)
        assert (hidden["masked"], hidden["extension"]) == (True, "")
        assert "8002" not in hidden["number_display"]
        [[written, *_]] = sheet_of((await agent.get(f"/api/dial-tasks/{open_one}/export")).raw)
        assert written == "+862160000111-8001"
        read = await good(agent, "GET", "/api/number?typed=%2B862160000111-8001")
        assert (read["number"], read["extension"]) == ("+862160000111", "8001"), "and reads as the same number again"


async def test_a_leg_that_only_asterisk_saw_counts_as_dialled(site: Site) -> None:
    """No engine lived to write it down; the records know."""
    me = site.world.own.people["agent"]
    async with site.browser("agent") as agent:
        task_id = await make(agent, **chosen("average_chosen", (me, None)))
        await load(site, agent, task_id, mobile(1))
        [number] = await numbers(agent, task_id)
        call_id = await rung(site, me, number["id"])
        async with site.database.write() as connection:
            await connection.execute(delete(leg).where(leg.c.company_id == site.world.own.id, leg.c.call_id == call_id))
        assert (await numbers(agent, task_id))[0]["state"] == "undialled"
        recorded = {"id": "by-asterisk", "node": "pbx", "linkedid": "x", "call_id": call_id, "role": "customer"}
        async with site.database.write() as connection:
            await connection.execute(insert(cel_leg).values(**recorded))
        [number] = await numbers(agent, task_id)
        assert (number["state"], number["calls"]) == ("dialled", 1)


async def _blacklist(site: Site, typed: str) -> None:
    async with site.database.write() as connection:
        listed = {"company_id": site.world.own.id, "number": f"+86{typed}", "reason": "投诉", "created_at": utcnow()}
        await connection.execute(insert(blacklist).values(**listed))
    await site.telephony.changed()


@pytest.mark.feature("T-31")
async def test_a_blacklisted_number_is_neither_imported_nor_dialled(site: Site) -> None:
    """Of this company's blacklist; another company may import and dial it."""
    await _blacklist(site, mobile(1))
    async with site.browser("agent") as agent, site.browser("agent", "foreign") as stranger:
        task_id = await make(agent)
        done = await load(site, agent, task_id, mobile(1))
        assert (done["total"], done["success"], done["failed"], done["blacklist"]) == (1, 0, 1, 1)
        assert await numbers(agent, task_id) == []
        path = f"/api/dial-tasks/{task_id}/imports/{done['id']}/failed"
        [row] = sheet_of((await agent.get(path, params={"kind": "blacklist"})).raw)
        assert (row[1], row[-1]) == (mobile(1), "黑名单号码")
        assert sheet_of((await agent.get(path, params={"kind": "format_error"})).raw) == []
        await agent.ask("PUT", "/api/me/state", {"state": "ready"})
        refused = await agent.ask("POST", "/api/calls", {"number": mobile(1)}, headers={"Idempotency-Key": "listed"})
        assert (refused.status, refused.code) == (403, "blacklisted")
        assert not site.pbx.originated()

        more = f"{mobile(1)}\n{mobile(2)}\n{mobile(1)}\n12"
        mixed = await load(site, agent, task_id, more)
        classes = ("success", "blacklist", "duplicate_file", "format_error", "duplicate_system")
        assert [mixed[one] for one in classes] == [1, 1, 1, 1, 0] and mixed["failed"] == 3
        theirs = await make(stranger, "外域任务")
        await good(stranger, "POST", f"/api/dial-tasks/{theirs}/imports", {"text": mobile(1)})
        await site.services.port(Importer).idle()
        [told] = await good(stranger, "GET", f"/api/dial-tasks/{theirs}/imports")
        assert (told["success"], told["blacklist"]) == (1, 0)


async def test_a_refused_dial_does_not_tell_the_hidden_number(site: Site) -> None:
    """A number that came onto the blacklist after it was imported: the gate keeps it from being dialled."""
    me = site.world.own.people["agent"]
    async with site.browser("agent") as agent:
        for encrypted in (True, False):
            async with site.database.write() as connection:
                await connection.execute(delete(blacklist).where(blacklist.c.company_id == site.world.own.id))
            await site.telephony.changed()
            task_id = await make(agent, encrypted=encrypted, **chosen("average_chosen", (me, None)))
            path = f"/api/dial-tasks/{task_id}"
            assert (await load(site, agent, task_id, mobile(1)))["success"] == 1
            await _blacklist(site, mobile(1))
            [number] = await mine(agent, task_id=task_id)
            await agent.ask("PUT", "/api/me/state", {"state": "ready"})
            key = {"Idempotency-Key": f"listed-{encrypted}"}
            refused = await agent.ask("POST", "/api/calls", {"task_number_id": number["id"]}, headers=key)
            assert refused.code == "blacklisted"
            assert (mobile(1).encode() in refused.raw) == (not encrypted)
            assert (await good(agent, "GET", path))["state"] == "normal", "nothing was dialled"
            await good(agent, "DELETE", path)
    assert not site.pbx.originated()


async def test_only_ones_own_numbers_are_dialled_by_id(site: Site) -> None:
    own, foreign = site.world.own, site.world.foreign

    async def dial(browser: Browser, **body: Any) -> str:
        return (await browser.ask("POST", "/api/calls", body, headers=KEY)).code

    async with site.browser("agent") as agent, site.browser("supervisor") as head:
        for number_id in (own.other["task_number"], foreign.ids["task_number"], 999_999):
            assert await dial(agent, task_number_id=number_id) == "task_number_unknown"
        assert await dial(head, task_number_id=own.ids["task_number"]) == "task_number_unknown"
        assert await dial(agent) == "invalid"
        assert await dial(agent, number=mobile(1), task_number_id=own.ids["task_number"]) == "invalid"
        await good(agent, "PATCH", f"/api/dial-tasks/{own.ids['dial_task']}", {"state": "finished"})
        assert await dial(agent, task_number_id=own.ids["task_number"]) == "task_number_unknown"
        assert [one["task_id"] for one in await mine(agent)] == [], "finished by hand: gone from the dial centre"


# -- lists -------------------------------------------------------------------------------------------------------------


@pytest.mark.feature("D-12")
async def test_counts_are_those_of_the_lists(site: Site) -> None:
    agent_id, other_id = site.world.own.people["agent"], site.world.own.people["other"]
    async with site.browser("supervisor") as head, site.browser("admin") as admin, site.browser("agent") as agent:
        task_id = await make(head, "本域名单", **chosen("custom", (agent_id, 60), (other_id, 40)))
        path = f"/api/dial-tasks/{task_id}"
        await load(site, head, task_id, "\n".join(f"{mobile(one)},客户{one},公司{one},备注{one}" for one in range(5)))
        rows = await numbers(head, task_id)
        assert next((one["name"], one["company"], one["remark"]) for one in rows) == ("客户0", "公司0", "备注0")
        last = await rung(site, agent_id, rows[0]["id"], result="connected_follow_up")
        await rung(site, other_id, rows[3]["id"])

        task = await good(head, "GET", path)
        assert (task["total"], task["dialled"], task["undialled"]) == (5, 2, 3)
        assert task["total"] == len(rows) == len(await numbers(admin, task_id))
        for state in ("dialled", "undialled", "unassigned"):
            assert len(await numbers(head, task_id, state=state)) == task[state]
        portions = await good(head, "GET", f"{path}/allocation")
        assert [(one["employee"]["id"], one["total"], one["dialled"], one["undialled"]) for one in portions] == sorted(
            [(agent_id, 3, 1, 2), (other_id, 2, 1, 1)]
        )
        for one in portions:
            assert len(await numbers(head, task_id, assignee_id=one["employee"]["id"])) == one["total"]
        assert [one["name"] for one in await numbers(head, task_id, q="公司4")] == ["客户4"]

        exported = sheet_of((await head.get(f"{path}/export")).raw)
        assert len(exported) == 5 and [row[5] for row in exported].count("已拨打") == 2
        assert exported[0][:5] == [f"+86{mobile(0)}", "客户0", "公司0", "备注0", "本域agent"]
        assert exported[0][7] == "待跟进", "a word, not our code for it"

        shown = next(one for one in (await good(agent, "GET", "/api/calls"))["items"] if one["id"] == last)
        assert shown["task"] == {"id": task_id, "name": "本域名单"}
        await good(head, "DELETE", path)
        assert (await head.get(path)).code == "task_unknown"
        assert await mine(agent, task_id=task_id) == []
        assert (await good(agent, "GET", f"/api/calls/{last}"))["call"]["task"]["name"] == "本域名单", "calls remember"
        async with site.database.read() as connection:
            kept = select(dial_task_number.c.id).where(
                dial_task_number.c.company_id == site.world.own.id, dial_task_number.c.task_id == task_id
            )
            assert len((await connection.execute(kept)).all()) == 5
            done = select(audit.c.action).where(audit.c.company_id == site.world.own.id, audit.c.object == str(task_id))
            actions = [row.action for row in (await connection.execute(done)).all()]
        assert {"task.created", "task.imported", "task.exported", "task.deleted"} <= set(actions)
