"""Creating, changing, deleting: what may be filed, by whom, and what may not be filed twice."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from callcenter.domain.refusals import Refusal
from callcenter.store.database import Database
from callcenter.store.tables.calls import call
from crm_bridge.customers import customers, filing
from crm_bridge.customers.customers import Customer
from crm_bridge.customers.filing import GivenNumber
from crm_bridge.customers.tables import customer, customer_number, customer_tag
from crm_bridge.notes.tables import note
from tests.crm.support import BOSS, LI, NOW, OURS, STRANGER, THEIRS, WANG, edit, file, new, past_call, who


async def shown(database: Database, customer_id: int, company_id: int = OURS) -> Customer:
    async with database.read() as connection:
        found = await customers.view(connection, company_id, customer_id)
    assert found is not None
    return found


async def refused(waiting: Any) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await waiting
    return caught.value


async def test_numbers_are_kept_in_e164_with_exactly_one_primary(database: Database) -> None:
    given = new("张三", "138 0000 0001", "０１０－６５５２９９８８", "+86 13800000001", "+1 202 456 1111")
    given.numbers[1].primary = True
    given.numbers[3].primary = True
    one = await shown(database, await file(database, given))
    assert [number.number for number in one.numbers] == ["+861065529988", "+8613800000001", "+12024561111"]
    assert [number.primary for number in one.numbers] == [True, False, False]
    assert one.numbers[0].display == "010 6552 9988"


async def test_the_first_number_is_primary_when_none_is_marked(database: Database) -> None:
    one = await shown(database, await file(database, new("张三", "13800000001", "13800000002")))
    assert [(number.number, number.primary) for number in one.numbers] == [
        ("+8613800000001", True),
        ("+8613800000002", False),
    ]


async def test_a_number_that_is_none_is_named(database: Database) -> None:
    error = await refused(file(database, new("张三", "13800000001", "1380000")))
    assert (error.code, error.details) == ("number_invalid", {"number": "1380000", "reason": "unknown"})
    async with database.read() as connection:
        query = select(func.count()).select_from(customer).where(customer.c.company_id == OURS)
        assert (await connection.execute(query)).scalar() == 0


async def test_a_personal_customer_needs_a_number_and_an_enterprise_does_not(database: Database) -> None:
    assert (await refused(file(database, new("张三")))).code == "invalid"
    firm = await file(database, new("甲厂", kind="enterprise"))
    assert (await refused(edit(database, firm, kind="personal"))).code == "invalid"
    assert (await refused(file(database, new("   ", kind="enterprise")))).code == "invalid"


@pytest.mark.feature("C-02")
async def test_the_same_phone_is_refused_as_personal(database: Database) -> None:
    first = await file(database, new("张三", "13800000001", "13800000002"))
    error = await refused(file(database, new("李四", "+86 138-0000-0002")))
    assert (error.code, error.details) == ("duplicate", {"customer_id": first, "name": "张三"})
    await file(database, new("张三", "13800000003"))


@pytest.mark.feature("C-02")
async def test_the_same_name_is_refused_as_enterprise(database: Database) -> None:
    first = await file(database, new("华为（深圳）有限公司", "13800000001", kind="enterprise"))
    error = await refused(file(database, new("华为(深圳) 有限公司", kind="enterprise")))
    assert (error.code, error.details["customer_id"]) == ("duplicate", first)
    await file(database, new("另一家公司", "13800000001", kind="enterprise"))
    await file(database, new("总机里的人", "13800000001"))


async def test_a_duplicate_out_of_scope_is_not_described(database: Database) -> None:
    await file(database, new("王芳的客户", "13800000001"), who(WANG))
    error = await refused(file(database, new("张三", "13800000001"), who(LI)))
    assert (error.code, error.details) == ("duplicate", {})


async def test_another_company_may_have_the_same_customer(database: Database) -> None:
    await file(database, new("张三", "13800000001"))
    await file(database, new("张三", "13800000001"), who(STRANGER, company_id=THEIRS))


async def test_two_people_filing_the_same_customer_at_once_make_one(database: Database) -> None:
    made = await asyncio.gather(
        *(file(database, new(f"张三{n}", "13800000001")) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(one, int) for one in made) == 1
    assert all(isinstance(one, int) or (isinstance(one, Refusal) and one.code == "duplicate") for one in made)


async def test_only_the_fields_that_are_sent_change(database: Database) -> None:
    one = await file(database, new("张三", "13800000001", tags=["大客户", " 老客户 "], level="A类", remark="好"))
    assert await edit(database, one, remark=None, progress="报价") == ["progress", "remark"]
    after = await shown(database, one)
    assert (after.level, after.progress, after.remark) == ("A类", "报价", "")
    assert after.tags == ["大客户", "老客户"]
    assert await edit(database, one, tags=["大客户", "新"]) == ["tags"]
    assert (await shown(database, one)).tags == ["大客户", "新"]
    assert await edit(database, one, progress="报价", tags=["新", "大客户"]) == []


async def test_a_number_that_stays_keeps_its_id(database: Database) -> None:
    one = await file(database, new("张三", "13800000001", "13800000002"))
    before = {number.number: number.id for number in (await shown(database, one)).numbers}
    await edit(
        database,
        one,
        numbers=[GivenNumber(number="13800000003"), GivenNumber(number="13800000002", label="work", primary=True)],
    )
    after = (await shown(database, one)).numbers
    assert [(number.number, number.label, number.primary) for number in after] == [
        ("+8613800000002", "work", True),
        ("+8613800000003", "mobile", False),
    ]
    assert after[0].id == before["+8613800000002"]


async def test_changing_into_a_duplicate_is_refused_but_changing_oneself_is_not(database: Database) -> None:
    first = await file(database, new("张三", "13800000001"))
    second = await file(database, new("李四", "13800000002"))
    numbers = [GivenNumber(number="13800000002"), GivenNumber(number="13800000001")]
    assert (await refused(edit(database, second, numbers=numbers))).details["customer_id"] == first
    await edit(database, second, name="李四四", numbers=[GivenNumber(number="13800000002", label="work")])
    firm = await file(database, new("甲厂", kind="enterprise"))
    other = await file(database, new("乙厂", kind="enterprise"))
    assert (await refused(edit(database, other, name="甲 厂"))).details["customer_id"] == firm
    await edit(database, firm, name="甲 厂")
    assert (await refused(file(database, new("甲厂", kind="enterprise")))).code == "duplicate"


async def test_the_creator_owns_what_they_file_unless_they_do_not_dial(database: Database) -> None:
    owner = (await shown(database, await file(database, new("张三", "13800000001")))).owner
    assert owner is not None
    assert (owner.id, owner.name) == (LI, "李雷")
    assert (await shown(database, await file(database, new("李四", "13800000002"), who(BOSS, all_=True)))).owner is None


async def test_owners_are_chosen_within_ones_scope(database: Database) -> None:
    assert (await refused(file(database, new("张三", "13800000001", owner_id=WANG)))).code == "owner_unknown"
    boss = who(BOSS, all_=True)
    assert (await refused(file(database, new("张三", "13800000001", owner_id=STRANGER), boss))).code == "owner_unknown"
    one = await file(database, new("张三", "13800000001", owner_id=WANG), boss)
    await past_call(database, "+8613800000001", customer_id=one)
    assert (await refused(edit(database, one, owner_id=LI))).code == "forbidden"
    assert (await refused(edit(database, one, who(WANG), owner_id=None))).code == "owner_unknown"
    await edit(database, one, who(BOSS, sees={LI, WANG}), owner_id=LI)
    owner = (await shown(database, one)).owner
    assert owner is not None
    assert owner.id == LI


async def test_deleting_takes_notes_and_tags_along_and_leaves_the_calls(database: Database) -> None:
    one = await file(database, new("张三", "13800000001", tags=["大客户"]))
    call_id = await past_call(database, "+8613800000001", customer_id=one)
    async with database.write() as connection:
        assert await filing.remove(connection, who(), one) == "张三"
    async with database.read() as connection:
        for table in (customer, customer_number, customer_tag, note):
            query = select(func.count()).select_from(table).where(table.c.company_id == OURS)
            assert (await connection.execute(query)).scalar() == 0
        query = select(call.c.customer_id).where(call.c.company_id == OURS, call.c.id == call_id)
        assert (await connection.execute(query)).one() == (None,)
    # Filed anew, the customer has another id and the call is back in the timeline.
    again = await file(database, new("张三", "13800000001"))
    assert again > one
    assert (await shown(database, again)).calls_count == 1


async def test_what_one_only_talked_to_may_be_edited_but_not_deleted(database: Database) -> None:
    one = await file(database, new("张三", "13800000001"), who(WANG))
    assert (await refused(edit(database, one, who(LI), remark="x"))).code == "not_found"
    await past_call(database, "+8613800000001", customer_id=one, employee_id=LI)
    assert await edit(database, one, who(LI), remark="来电咨询") == ["remark"]

    async def delete() -> None:
        async with database.write() as connection:
            await filing.remove(connection, who(LI), one)

    assert (await refused(delete())).code == "forbidden"


async def test_a_foreign_company_finds_nothing_to_change(database: Database) -> None:
    one = await file(database, new("张三", "13800000001"))
    for stranger in (who(STRANGER, company_id=THEIRS), who(STRANGER, company_id=THEIRS, all_=True)):
        assert (await refused(edit(database, one, stranger, remark="x"))).code == "not_found"
    assert (await shown(database, one)).updated_at == NOW
