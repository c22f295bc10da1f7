"""The customer list: who sees whom, what finds whom."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from callcenter.domain.refusals import Refusal
from callcenter.store.database import Database
from callcenter.web.identity import Identity
from crm_bridge.customers import customers
from crm_bridge.customers.customers import CustomerQuery
from crm_bridge.customers.tables import customer
from tests.crm.support import BOSS, LI, NOW, OURS, STRANGER, THEIRS, WANG, file, new, past_call, who


async def listed(database: Database, me: Identity, **filters: Any) -> list[str]:
    async with database.read() as connection:
        items, total = await customers.page(connection, me, CustomerQuery(**filters))
    assert total >= len(items)
    return [one.name for one in items]


async def test_people_see_their_own_customers_and_whom_they_talked_to(database: Database) -> None:
    await file(database, new("李的", "13800000001"), who(LI))
    hers = await file(database, new("王的", "13800000002"), who(WANG))
    nobodys = await file(database, new("无主", "13800000003"), who(BOSS, all_=True))
    assert await listed(database, who(LI)) == ["李的"]
    assert sorted(await listed(database, who(BOSS, sees={LI, WANG}))) == ["李的", "王的"]
    assert len(await listed(database, who(BOSS, all_=True))) == 3
    assert await listed(database, who(STRANGER, company_id=THEIRS, all_=True)) == []
    await past_call(database, "+8613800000002", customer_id=hers)
    await past_call(database, "+8613800000003", customer_id=nobodys)
    assert sorted(await listed(database, who(LI))) == ["无主", "李的", "王的"]
    async with database.read() as connection:
        assert (await customers.require(connection, who(LI), hers)).name == "王的"
        for me in (who(BOSS), who(STRANGER, company_id=THEIRS, all_=True)):
            with pytest.raises(Refusal, match="not_found"):
                await customers.require(connection, me, hers)


async def test_search_finds_names_companies_and_numbers(database: Database) -> None:
    me = who()
    await file(database, new("张三", "13800000001", company_name="Acme 贸易"))
    await file(database, new("李四 100%", "010-65529988", tags=["大客户"]))
    await file(database, new("王五厂", "13900000009", kind="enterprise"))
    for text, expected in (
        ("张", ["张三"]),
        ("acme", ["张三"]),
        ("138 0000 0001", ["张三"]),
        ("8000", ["张三"]),
        ("010-6552", ["李四 100%"]),
        ("100%", ["李四 100%"]),
        ("_", []),
        ("9 9", []),
    ):
        assert await listed(database, me, q=text) == expected, text
    assert await listed(database, me, tag="大客户") == ["李四 100%"]
    assert await listed(database, me, kind="enterprise") == ["王五厂"]
    assert await listed(database, me, owner_id=WANG) == []
    assert await listed(database, me, q="张", kind="enterprise") == []


async def test_pages_and_order(database: Database) -> None:
    for n in range(5):
        one = await file(database, new(f"客户{n}", f"1380000000{n}"))
        if n in (1, 3):
            async with database.write() as connection:
                await connection.execute(
                    update(customer)
                    .where(customer.c.company_id == OURS, customer.c.id == one)
                    .values(last_contact_at=NOW.replace(hour=n))
                )
    assert await listed(database, who(), sort="name", page=2, page_size=2) == ["客户2", "客户3"]
    assert (await listed(database, who(), sort="-last_contact_at"))[:2] == ["客户3", "客户1"]
    assert (await listed(database, who(), sort="last_contact_at"))[:2] == ["客户1", "客户3"]


async def test_names_for_the_call_log(database: Database) -> None:
    one = await file(database, new("张三", "13800000001", level="A类"))
    other = await file(database, new("张三", "13800000001"), who(STRANGER, company_id=THEIRS))
    async with database.read() as connection:
        found = await customers.briefs(connection, OURS, [one, other, 99999])
        assert list(found) == [one]
        assert (found[one].name, found[one].level) == ("张三", "A类")
        assert await customers.named_like(connection, OURS, "张") == [one]
        assert await customers.named_like(connection, OURS, " ") == []


async def test_tags_are_the_companys_own(database: Database) -> None:
    await file(database, new("张三", "13800000001", tags=["b", "a"]))
    await file(database, new("李四", "13800000002", tags=["a"]))
    await file(database, new("外", "13800000002", tags=["secret"]), who(STRANGER, company_id=THEIRS))
    async with database.read() as connection:
        assert await customers.tags(connection, OURS) == ["a", "b"]
