"""Numbers of a task dialled with real phones: hidden until rung, then shown; and handed over when somebody leaves."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from typing import Any

import pytest

from callcenter.demo.client import Client, Failed
from callcenter.features.numbers.seats import make_seat
from callcenter.features.people.accounts import make_employee
from callcenter.store.base import utcnow
from tests.live.installation import PASSWORD, Agent, Installation, direct_number, until
from tests.live.test_modes import e164

pytestmark = pytest.mark.live

ENDS = "13800000030"
"""Answers and hangs up after five seconds."""
TALKS, BUSY, LATER = "13800000001", "13800000021", "13800000002"
HIDDEN = {TALKS: "138******01", BUSY: "138******21", LATER: "138******02"}


async def _leaver(site: Installation, admin: Client, tag: int) -> Agent:
    """An agent more, so that the others can stay."""
    made = await make_employee(
        site.database,
        site.company_id,
        login=f"leaver{tag}",
        name="离职者",
        role_code="agent",
        password=PASSWORD,
        device="sip",
    )
    await make_seat(site.database, site.company_id, made.employee_id, direct=f"021619{tag:05d}")
    await site.grant(made.employee_id)
    # The product hears of it with the next change.
    await admin.request("PATCH", f"/api/employees/{made.employee_id}", {"name": "离职者"})
    return await site.agent(0, login=f"leaver{tag}", tone_index=6)


async def _task(agent: Agent, *numbers: str, **how: Any) -> int:
    """An encrypted task whose numbers are all the agent's own."""
    mine = {"claim": "assigned", "rule": "average_chosen", "shares": [{"employee_id": agent.employee_id}]}
    task_id = (await agent.client.post("/api/dial-tasks", {"name": "回访", "encrypted": True, **mine, **how}))["id"]
    await agent.client.post(f"/api/dial-tasks/{task_id}/imports", {"text": "\n".join(numbers)})

    async def imported() -> bool:
        files = await agent.client.get(f"/api/dial-tasks/{task_id}/imports")
        return bool(files[0]["state"] == "done")

    await until(imported, "the numbers to be imported")
    return int(task_id)


async def _mine(agent: Agent, task_id: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await agent.client.get(f"/api/dial-centre/numbers?task_id={task_id}"))["items"]
    return found


async def _one(agent: Agent, task_id: int, number_id: int) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in await _mine(agent, task_id) if one["id"] == number_id)
    return found


async def _dial(agent: Agent, number_id: int, **how: Any) -> str:
    key = uuid.uuid4().hex
    answer = await agent.client.post("/api/calls", {"task_number_id": number_id, **how}, **{"Idempotency-Key": key})
    return str(answer["call_id"])


@pytest.mark.feature("T-24", "O-08")
async def test_hidden_numbers_are_dialled_shown_and_handed_over(site: Installation) -> None:
    admin, tag = await site.client("admin"), secrets.randbelow(100_000)
    leaver, heir = await _leaver(site, admin, tag), await site.agent(1)
    task_id = await _task(leaver, TALKS, BUSY, LATER)
    path = f"/api/dial-tasks/{task_id}"
    first, second, _ = await _mine(leaver, task_id)
    assert [one["number"] for one in await _mine(leaver, task_id)] == list(HIDDEN.values())
    assert [one["number"] for one in (await admin.get(f"{path}/numbers"))["items"]] == [f"+86{one}" for one in HIDDEN]

    # The agent's own phone rings, and nobody picks it up: the customer was not rung.
    await site.carrier.set_phone(leaver.phone, answer_after=None)
    heard = len(site.carrier.heard(TALKS))
    call_id = await _dial(leaver, first["id"])
    ringing = await leaver.wait_state(call_id, "dialing_agent")
    assert (ringing["number"], ringing["number_display"]) == (HIDDEN[TALKS], HIDDEN[TALKS])
    for looks, number in ((leaver.client, HIDDEN[TALKS]), (admin, f"+86{TALKS}")):
        assert (await looks.get(f"/api/calls/{call_id}"))["call"]["called_number"] == number
    await leaver.client.post(f"/api/calls/{call_id}/hangup")
    assert (await leaver.wait_ended(call_id))["number"] == HIDDEN[TALKS]
    assert (await site.settled(leaver.client, call_id))["call"]["number"] == HIDDEN[TALKS]
    again = await _one(leaver, task_id, first["id"])
    assert (again["state"], again["calls"], again["number"]) == ("undialled", 0, HIDDEN[TALKS])
    assert len(site.carrier.heard(TALKS)) == heard
    assert (await leaver.client.get(path))["state"] == "in_progress", "the first dial began it"
    with pytest.raises(Failed, match="task_not_normal"):
        await leaver.client.post(f"{path}/imports", {"text": "13800000003"})

    # Answered: dialled, shown, and the call names its task.
    await site.carrier.set_phone(leaver.phone, answer_after=0.2)
    call_id = await _dial(leaver, first["id"])
    await leaver.wait_state(call_id, "talking")
    await leaver.client.post(f"/api/calls/{call_id}/hangup")
    await leaver.wait_ended(call_id)
    await leaver.client.put(f"/api/calls/{call_id}/note", {"result": "connected_interested", "note": ""})
    found = (await site.settled(leaver.client, call_id))["call"]
    assert (found["source"], found["task"], found["called_number"]) == (
        "task",
        {"id": task_id, "name": "回访"},
        f"+86{TALKS}",
    )
    shown = await _one(leaver, task_id, first["id"])
    assert (shown["number"], shown["masked"], shown["state"]) == (f"+86{TALKS}", False, "dialled")
    assert (shown["calls"], shown["result"]) == (1, "connected_interested")
    # Busy: rung, so dialled.
    call_id = await _dial(leaver, second["id"])
    assert (await leaver.wait_ended(call_id))["end_reason"] == "customer_busy"
    task = await leaver.client.get(path)
    assert (task["dialled"], task["undialled"], task["state"]) == (2, 1, "in_progress")

    # The agent leaves. What is not dialled and who has not signed go over, the rest stays.
    for name, signed in ((f"{tag}未签", False), (f"{tag}已签", True)):
        kept = await leaver.client.post("/api/customers", {"kind": "enterprise", "name": name, "numbers": []})
        await leaver.client.request("PATCH", f"/api/customers/{kept['id']}", {"signed": signed})
    departure = f"/api/employees/{leaver.employee_id}/departure?to_employee_id={heir.employee_id}"
    plan = await admin.get(departure)
    assert (plan["numbers_undialled"], plan["customers_unsigned"], plan["customers_signed"]) == (1, 1, 1)
    gone = await admin.post(f"/api/employees/{leaver.employee_id}/depart", {"to_employee_id": heir.employee_id})
    assert (gone["task_numbers_moved"], gone["customers_moved"], gone["customers_kept"]) == (1, 1, 1)
    owners = {one["number"]: one["assignee"]["id"] for one in (await admin.get(f"{path}/numbers"))["items"]}
    stays, goes = leaver.employee_id, heir.employee_id
    assert owners == {f"+86{TALKS}": stays, f"+86{BUSY}": stays, f"+86{LATER}": goes}
    assert {one["name"] for one in (await heir.client.get(f"/api/customers?q={tag}"))["items"]} == {f"{tag}未签"}

    # The colleague dials what came over; with it the task is finished.
    [theirs] = await _mine(heir, task_id)
    assert (theirs["number"], theirs["masked"]) == (HIDDEN[LATER], True)
    call_id = await _dial(heir, theirs["id"])
    await heir.wait_state(call_id, "talking")
    await heir.client.post(f"/api/calls/{call_id}/hangup")
    await heir.wait_ended(call_id)
    assert (await _one(heir, task_id, theirs["id"]))["number"] == f"+86{LATER}"
    assert (await admin.get(path))["state"] == "finished"
    await site.settled(heir.client, call_id)
    await admin.delete(path)


@pytest.mark.feature("P-08")
async def test_a_task_says_who_is_rung_first_and_a_call_may_say_otherwise(site: Installation) -> None:
    agent = await site.agent(2, answer_after=1.5)
    seat = (await agent.client.get("/api/me"))["seat"]
    assert seat["leg_order"] == "agent_first"
    task_id = await _task(agent, TALKS, LATER, leg_order="customer_first")
    assert (await agent.client.get(f"/api/dial-tasks/{task_id}"))["leg_order"] == "customer_first"
    first, second = await _mine(agent, task_id)
    by_task = await _dial(agent, first["id"])
    waiting = await agent.wait_state(by_task, "dialing_agent")
    assert [one["role"] for one in waiting["legs"] if one["state"] == "connected"] == ["customer"]
    await agent.wait_state(by_task, "talking")
    await agent.client.post(f"/api/calls/{by_task}/hangup")
    await agent.wait_ended(by_task)
    by_hand = await _dial(agent, second["id"], leg_order="agent_first")
    await agent.wait_state(by_hand, "talking")
    await agent.client.post(f"/api/calls/{by_hand}/hangup")
    await agent.wait_ended(by_hand)
    # A task that says nothing leaves it to the seat.
    (plain,) = await _mine(agent, await _task(agent, "13800000003"))
    by_seat = await _dial(agent, plain["id"])
    await agent.wait_state(by_seat, "talking")
    await agent.client.post(f"/api/calls/{by_seat}/hangup")
    await agent.wait_ended(by_seat)
    orders = []
    for call_id in (by_task, by_hand, by_seat):
        found = await site.settled(agent.client, call_id)
        legs = {one["role"]: one["answered_at"] for one in found["legs"]}
        orders.append((found["call"]["leg_order"], min(legs, key=lambda role: legs[role])))
    assert orders == [("customer_first", "customer"), ("agent_first", "agent"), ("agent_first", "agent")]


@pytest.mark.feature("T-22")
async def test_every_column_of_the_call_log_is_filled_with_what_is_true(site: Installation) -> None:
    """SPEC §B7.1: of a call of a task to a customer, of one that nobody answers, and of one to a number that is
    nobody's customer yet."""
    agent, name = await site.agent(3), f"列{secrets.token_hex(3)}"
    known = {"progress": "报价中", "level": "A", "source": "展会", "company_name": "海棠商贸"}
    customer = await agent.client.post(
        "/api/customers", {"kind": "personal", "name": name, "numbers": [{"number": ENDS}], **known}
    )
    task_id = await _task(agent, f"{ENDS},表中人,表中公司", "13800000022,陌生人,松石贸易")
    by_number = {one["name"]: one["id"] for one in await _mine(agent, task_id)}
    before = utcnow()
    call_id = await _dial(agent, by_number["表中人"])
    await agent.wait_ended(call_id, 30)
    row = (await site.recorded(agent.client, call_id))["call"]
    assert (row["caller_number"], row["called_number"]) == (e164(direct_number(3)), f"+86{ENDS}")
    assert row["employee"] == {"id": agent.employee_id, "name": "坐席3"}
    assert row["customer"] == {"id": customer["id"], "name": name, "kind": "personal", **known}
    assert (row["task"], row["company_name"]) == ({"id": task_id, "name": "回访"}, "海棠商贸")
    assert before <= datetime.fromisoformat(row["started_at"]) <= utcnow()
    assert row["talk_seconds"] == 5
    assert row["recording"]["state"] == "ready" and abs(row["recording"]["duration"] - 5) <= 1
    listed = (await agent.client.get(f"/api/calls?customer_id={customer['id']}"))["items"]
    assert [one for one in listed if one["id"] == call_id] == [row], "the list says the same"

    missed = await _dial(agent, by_number["陌生人"])
    await agent.wait_ended(missed, 30)
    row = (await site.settled(agent.client, missed))["call"]
    assert (row["talk_seconds"], row["recording"]["state"]) == (0, "none")
    assert (row["customer"], row["company_name"]) == (None, "松石贸易")
