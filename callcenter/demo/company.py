"""The company that a demonstration starts with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import normalise
from callcenter.domain.terms import Mode, Offer
from callcenter.features.numbers.seats import confirm_own, make_seat
from callcenter.features.packages import catalogue
from callcenter.features.people.accounts import Account, make_company, make_department, make_employee
from callcenter.ledger.packages import Packages
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.inbound import agent_group, group_member, inbound_number
from crm_bridge.customers.tables import customer, customer_number, customer_tag
from crm_bridge.notes.tables import note


async def make_group(database: Database, company_id: int, name: str, members: list[int], numbers: list[str]) -> int:
    """A group with its members and the inbound numbers (as typed) that lead to it."""
    async with database.write() as connection:
        row = await connection.execute(
            insert(agent_group).values(company_id=company_id, name=name).returning(agent_group.c.id)
        )
        group_id = int(row.scalar_one())
        for member in members:
            await connection.execute(
                insert(group_member).values(company_id=company_id, group_id=group_id, employee_id=member)
            )
        for number in numbers:
            await confirm_own(connection, company_id, normalise(number))
            await connection.execute(
                insert(inbound_number).values(company_id=company_id, group_id=group_id, number=normalise(number))
            )
    return group_id


@dataclass(frozen=True, slots=True)
class DemoCustomer:
    kind: str
    name: str
    numbers: tuple[str, ...]
    tags: tuple[str, ...]
    company_name: str = ""
    level: str = "B类"
    progress: str = "初访"
    source: str = "公司资源"
    open_note: str = ""


async def make_customer(
    connection: AsyncConnection, company_id: int, owner_id: int | None, one: DemoCustomer, now: datetime
) -> int:
    row = await connection.execute(
        insert(customer)
        .values(
            company_id=company_id,
            kind=one.kind,
            name=one.name,
            owner_id=owner_id,
            level=one.level,
            progress=one.progress,
            source=one.source,
            company_name=one.company_name,
            created_at=now,
            updated_at=now,
        )
        .returning(customer.c.id)
    )
    customer_id = int(row.scalar_one())
    for index, number in enumerate(one.numbers):
        await connection.execute(
            insert(customer_number).values(
                company_id=company_id,
                customer_id=customer_id,
                number=normalise(number),
                label="mobile",
                is_primary=index == 0,
            )
        )
    for tag in one.tags:
        await connection.execute(insert(customer_tag).values(company_id=company_id, customer_id=customer_id, tag=tag))
    if one.open_note:
        await connection.execute(
            insert(note).values(
                company_id=company_id,
                customer_id=customer_id,
                employee_id=owner_id,
                text=one.open_note,
                open=True,
                at=now,
            )
        )
    return customer_id


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo company as it was made: who may sign in, and which number leads in."""

    company_id: int
    accounts: tuple[Account, ...]
    inbound: str


async def make_demo(
    database: Database,
    packages: Packages,
    customers: list[DemoCustomer],
    *,
    inbound: str,
    offerings: Sequence[Mapping[str, Any]] = (),
) -> Demo:
    """A company with an administrator, a supervisor and two agents with minutes, the given customers, and what is for
    sale (see `catalogue.add_offering`)."""
    company_id = await make_company(database, "晨星商务服务有限公司")
    sales = await make_department(database, company_id, "销售部")
    admin = await make_employee(database, company_id, login="admin", name="周敏", role_code="admin")
    boss = await make_employee(
        database, company_id, login="supervisor", name="陈立", role_code="supervisor", department_id=sales
    )
    agents = [
        await make_employee(database, company_id, login=login, name=name, role_code="agent", department_id=sales)
        for login, name in (("agent", "林小雨"), ("agent2", "王浩"))
    ]
    members = [one.employee_id for one in agents]
    await make_group(database, company_id, "售前咨询", members, [inbound])
    now = utcnow()
    for index, one in enumerate(agents):
        await make_seat(
            database,
            company_id,
            one.employee_id,
            direct=f"021600001{index + 1:02d}",
            telecom=f"021600002{index + 1:02d}",
            phone=f"1381000000{index + 1}",
        )
        await packages.grant(
            company_id=company_id,
            employee_id=one.employee_id,
            name="畅享包",
            mode=Mode.DIRECT,
            minutes=1000,
            days=30,
            now=now,
        )
    async with database.write() as connection:
        for index, person in enumerate(customers):
            await make_customer(connection, company_id, members[index % len(members) if index else 0], person, now)
        for sold in offerings:
            regular = {"offer": Offer.REGULAR.value, "list_price": sold["price"], "per_employee": 0}
            await catalogue.add_offering(connection, {**regular, **sold}, now)
    return Demo(company_id, (agents[0], agents[1], boss, admin), inbound)


def daytime_zone(now: datetime) -> str:
    """A time zone in which it is about noon, so that a simulated network can be called at any hour."""
    ahead = 12 - now.hour
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"
