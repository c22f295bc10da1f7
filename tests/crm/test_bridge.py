"""What the engine gets from the CRM: recognition, the pop, and what a finished call leaves behind."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.domain.calls import Call
from callcenter.store.database import Database
from callcenter.store.tables.calls import call as call_table
from crm_bridge.bridge import CrmBridge
from crm_bridge.customers import customers
from tests.crm.support import LI, NOW, OURS, STRANGER, THEIRS, WANG, file, new, past_call, ringing, who
from tests.crm.test_timeline import write


@pytest.fixture
def bridge(database: Database) -> CrmBridge[tuple[int, str]]:
    return CrmBridge(database, lambda customer_id, name: (customer_id, name))


async def test_callers_are_recognised_within_their_company(
    database: Database, bridge: CrmBridge[tuple[int, str]]
) -> None:
    one = await file(database, new("张三", "13800000001"))
    assert await bridge.who_is(OURS, "+8613800000001") == (one, "张三")
    assert await bridge.who_is(THEIRS, "+8613800000001") is None
    assert await bridge.name_of(OURS, one) == (one, "张三")
    assert await bridge.name_of(THEIRS, one) is None
    assert list(await bridge.briefs(OURS, [one])) == [one]
    assert await bridge.named_like(THEIRS, "张") == []


async def test_the_pop_tells_who_calls_and_what_was_said(
    database: Database, bridge: CrmBridge[tuple[int, str]]
) -> None:
    one = await file(database, new("张三", "13800000001", tags=["大客户"], level="A类"))
    for hours in (5, 4, 3):
        await past_call(database, "+8613800000001", customer_id=one, started_at=NOW - timedelta(hours=hours))
    await write(database, one, "周五回电", at=NOW - timedelta(hours=6), open_=True)
    latest = await write(database, one, "寄了报价", at=NOW - timedelta(hours=1))
    call = ringing("+8613800000001", customer_id=one, group_id=5)
    await past_call(database, call.number, id=call.id, customer_id=one, state="ringing_agent", ended_at=None)

    payload = await bridge.pop(call, LI)

    json.dumps(payload)
    assert list(payload) == [
        "call_id",
        "direction",
        "number",
        "number_display",
        "customer",
        "recent",
        "open_notes",
        "queue",
    ]
    assert payload["call_id"] == call.id
    assert (payload["direction"], payload["number"]) == ("inbound", "+8613800000001")
    assert payload["number_display"] == "138 0000 0001"
    assert payload["queue"] == {"id": 5, "name": "售后"}
    shown = payload["customer"]
    assert (shown["id"], shown["name"], shown["tags"], shown["level"]) == (one, "张三", ["大客户"], "A类")
    assert shown["numbers"][0]["number"] == "+8613800000001"
    assert shown["owner"] == {"id": LI, "name": "李雷"}
    assert shown["created_at"] == "2026-03-02T04:00:00Z"
    # The three last contacts, without the call that is ringing now.
    assert [item["kind"] for item in payload["recent"]] == ["note", "call", "call"]
    assert payload["recent"][0]["id"] == latest
    assert call.id not in [item["id"] for item in payload["recent"]]
    assert [item["text"] for item in payload["open_notes"]] == ["周五回电"]


async def test_an_unknown_caller_pops_with_the_number_alone(bridge: CrmBridge[tuple[int, str]]) -> None:
    payload = await bridge.pop(ringing("+8613800000001"), LI)
    assert payload["customer"] is None
    assert (payload["recent"], payload["open_notes"], payload["queue"]) == ([], [], None)
    hidden = await bridge.pop(ringing("anonymous"), LI)
    assert (hidden["number_display"], hidden["customer"]) == ("anonymous", None)


async def test_a_shared_number_pops_the_agents_own_customer_unless_the_call_has_one(
    database: Database, bridge: CrmBridge[tuple[int, str]]
) -> None:
    hers = await file(database, new("甲厂", "010-65529988", kind="enterprise"), who(WANG))
    mine = await file(database, new("乙厂", "010-65529988", kind="enterprise"), who(LI))
    assert (await bridge.pop(ringing("+861065529988"), LI))["customer"]["id"] == mine
    assert (await bridge.pop(ringing("+861065529988"), WANG))["customer"]["id"] == hers
    assert (await bridge.pop(ringing("+861065529988", customer_id=hers), LI))["customer"]["id"] == hers


async def test_the_pop_never_shows_another_companys_customer(
    database: Database, bridge: CrmBridge[tuple[int, str]]
) -> None:
    theirs = await file(database, new("外", "13800000001"), who(STRANGER, company_id=THEIRS))
    assert (await bridge.pop(ringing("+8613800000001"), LI))["customer"] is None
    assert (await bridge.pop(ringing("+8613800000001", customer_id=theirs), LI))["customer"] is None


async def ended(database: Database, bridge: CrmBridge[tuple[int, str]], *, answered: bool, **values: Any) -> Call:
    call = ringing("+8613800000001", started_at=NOW, **values)
    call.answered_at = NOW + timedelta(seconds=3) if answered else None
    call.ended_at = NOW + timedelta(seconds=9)
    await past_call(
        database, call.number, id=call.id, customer_id=call.customer_id, started_at=NOW, answered_at=call.answered_at
    )
    await bridge.call_ended(call)
    return call


async def test_an_answered_call_is_a_contact_and_a_missed_one_is_not(
    database: Database, bridge: CrmBridge[tuple[int, str]]
) -> None:
    one = await file(database, new("张三", "13800000001"))

    async def last() -> Any:
        async with database.read() as connection:
            shown = await customers.view(connection, OURS, one)
        assert shown is not None
        return shown.last_contact_at

    await ended(database, bridge, answered=False, customer_id=one)
    assert await last() is None
    call = await ended(database, bridge, answered=True, customer_id=one)
    assert await last() == call.ended_at


async def test_a_customer_filed_during_the_call_gets_the_call_at_its_end(
    database: Database, bridge: CrmBridge[tuple[int, str]]
) -> None:
    one = await file(database, new("张三", "13800000001"))
    call = await ended(database, bridge, answered=True)
    async with database.read() as connection:
        query = select(call_table.c.customer_id).where(call_table.c.company_id == OURS, call_table.c.id == call.id)
        assert (await connection.execute(query)).scalar() == one
        shown = await customers.view(connection, OURS, one)
    assert shown is not None
    assert shown.last_contact_at == call.ended_at
