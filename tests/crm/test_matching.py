"""Which customer a number means, and calls that get their customer late."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from callcenter.store.database import Database
from callcenter.store.guard import TenantLeak
from callcenter.store.tables.calls import call
from crm_bridge.customers import customers
from crm_bridge.customers.filing import GivenNumber
from crm_bridge.customers.matching import match
from crm_bridge.customers.tables import customer
from tests.crm.support import LI, NOW, OURS, STRANGER, THEIRS, WANG, edit, file, new, past_call, who


async def found(database: Database, number: str, company_id: int = OURS, **values: Any) -> int | None:
    async with database.read() as connection:
        row = await match(connection, company_id, number, **values)
    return row.id if row is not None else None


async def test_the_same_number_means_each_companys_own_customer(database: Database) -> None:
    ours = await file(database, new("我们的", "13800000001"))
    theirs = await file(database, new("他们的", "13800000001"), who(STRANGER, company_id=THEIRS))
    assert await found(database, "13800000001") == ours
    assert await found(database, "13800000001", THEIRS) == theirs
    assert await found(database, "13800000002") is None


@pytest.mark.parametrize("typed", ["138 0000 0001", "+8613800000001", "0086 13800000001", "008613800000001"])
async def test_a_number_is_found_however_it_is_written(database: Database, typed: str) -> None:
    one = await file(database, new("张三", "13800000001"))
    assert await found(database, typed) == one


async def test_a_number_of_unknown_shape_finds_nobody(database: Database) -> None:
    await file(database, new("张三", "13800000001"))
    for number in ("", "anonymous", "12", "' OR 1=1 --"):
        assert await found(database, number) is None


async def test_of_several_the_askers_own_comes_first_then_the_latest_contact_then_the_oldest(
    database: Database,
) -> None:
    first = await file(database, new("甲厂", "010-65529988", kind="enterprise"), who(WANG))
    second = await file(database, new("乙厂", "010-65529988", kind="enterprise"), who(WANG))
    mine = await file(database, new("丙厂", "010-65529988", kind="enterprise"), who(LI))
    assert await found(database, "010-65529988") == first
    assert await found(database, "010-65529988", employee_id=LI) == mine
    async with database.write() as connection:
        await connection.execute(
            update(customer).where(customer.c.company_id == OURS, customer.c.id == second).values(last_contact_at=NOW)
        )
    assert await found(database, "010-65529988") == second
    assert await found(database, "010-65529988", employee_id=LI) == mine


async def test_earlier_calls_of_a_new_customer_are_filed_under_it(database: Database) -> None:
    number = "+8613800000001"
    recent = await past_call(database, number)
    missed = await past_call(
        database, number, answered_at=None, disposition="NO ANSWER", started_at=NOW - timedelta(minutes=5)
    )
    others = [
        await past_call(database, number, started_at=NOW - timedelta(days=31)),
        await past_call(database, number, company_id=THEIRS, employee_id=STRANGER),
        await past_call(database, number, customer_id=777),
        await past_call(database, "+8613800000009"),
    ]
    one = await file(database, new("张三", "13800000001"))
    async with database.read() as connection:
        query = select(call.c.id).where(call.c.customer_id == one).execution_options(all_companies=True)
        linked = set((await connection.execute(query)).scalars().all())
        shown = await customers.view(connection, OURS, one)
    assert linked == {recent, missed}
    assert linked.isdisjoint(others)
    assert shown is not None
    assert shown.calls_count == 2
    # The missed call was no contact.
    assert shown.last_contact_at == NOW - timedelta(hours=1) + timedelta(seconds=65)


async def test_a_number_added_later_brings_its_calls(database: Database) -> None:
    call_id = await past_call(database, "+8613800000002")
    one = await file(database, new("张三", "13800000001"))
    await edit(database, one, numbers=[GivenNumber(number="13800000001"), GivenNumber(number="13800000002")])
    async with database.read() as connection:
        query = select(call.c.customer_id).where(call.c.company_id == OURS, call.c.id == call_id)
        assert (await connection.execute(query)).scalar() == one


async def test_a_query_that_forgets_the_company_is_refused(database: Database) -> None:
    async with database.read() as connection:
        with pytest.raises(TenantLeak):
            await connection.execute(select(customer.c.name))
