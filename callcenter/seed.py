"""What a new installation starts with: one company with its roles and administrator, and the demo's people."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import normalise, region_of
from callcenter.domain.terms import Mode, NumberKind, Offer
from callcenter.ledger import catalogue
from callcenter.ledger.packages import Packages
from callcenter.store import own_numbers
from callcenter.store.base import utcnow
from callcenter.store.companies import add_company
from callcenter.store.database import Database
from callcenter.store.people import verify
from callcenter.store.tables import (
    agent_group,
    company,
    department,
    employee,
    group_member,
    inbound_number,
    outside_number,
    role,
    seat,
)
from callcenter.web.auth import hash_password
from callcenter.web.permissions import role_rows
from crm_bridge.tables import customer, customer_number, customer_tag, note

FIRST_SEAT = 8001
"""Code of a company's first seat."""


@dataclass(frozen=True, slots=True)
class Account:
    """A login that was just made; the password is shown once and stored nowhere."""

    role: str
    login: str
    name: str
    password: str
    employee_id: int


async def has_company(database: Database) -> bool:
    async with database.read() as connection:
        return bool((await connection.execute(select(func.count()).select_from(company))).scalar_one())


async def first_company(database: Database) -> int:
    async with database.read() as connection:
        return int((await connection.execute(select(func.min(company.c.id)))).scalar_one())


async def make_company(
    database: Database,
    name: str,
    time_zone: str = "Asia/Shanghai",
    *,
    operates: bool = True,
) -> int:
    """A company with the built-in roles; returns its id. `operates`: its administrators run the installation itself."""
    values = {"name": name, "time_zone": time_zone}
    async with database.write() as connection:
        return await add_company(connection, values, role_rows(operates=operates), utcnow())


async def _own(connection: AsyncConnection, company_id: int, number: str) -> None:
    """Whoever makes a number on the command line runs the installation, so it is confirmed."""
    await own_numbers.claim(connection, company_id, [number], by=None, now=utcnow(), sure=True)


async def make_employee(
    database: Database,
    company_id: int,
    *,
    login: str,
    name: str,
    role_code: str,
    department_id: int | None = None,
    password: str = "",
    device: str = "browser",
) -> Account:
    """An employee with a random password unless one is given; whoever runs the installation has verified the person."""
    chosen = password or secrets.token_urlsafe(9)
    async with database.write() as connection:
        role_id = await connection.execute(
            select(role.c.id).where(role.c.company_id == company_id, role.c.code == role_code)
        )
        row = await connection.execute(
            insert(employee)
            .values(
                company_id=company_id,
                department_id=department_id,
                role_id=role_id.scalar_one(),
                login=login,
                name=name,
                password_hash=hash_password(chosen),
                device=device,
                sip_secret=secrets.token_urlsafe(18),
                created_at=utcnow(),
            )
            .returning(employee.c.id)
        )
        employee_id = int(row.scalar_one())
        await verify(connection, company_id, employee_id)
        return Account(role_code, login, name, chosen, employee_id)


async def make_seat(
    database: Database,
    company_id: int,
    employee_id: int | None,
    *,
    direct: str = "",
    telecom: str = "",
    phone: str = "",
    mode: Mode = Mode.DIRECT,
) -> int:
    """A seat with the next code from 8001 on, the outside numbers bound to it and the agent's outside phone, all as
    typed; returns its id. A number that is empty is not bound."""
    async with database.write() as connection:
        taken = select(func.count()).select_from(seat).where(seat.c.company_id == company_id)
        code = str(FIRST_SEAT + int((await connection.execute(taken)).scalar_one()))
        row = await connection.execute(
            insert(seat)
            .values(
                company_id=company_id,
                code=code,
                employee_id=employee_id,
                bound_phone=normalise(phone) if phone else "",
                mode=mode.value,
                created_at=utcnow(),
            )
            .returning(seat.c.id)
        )
        seat_id = int(row.scalar_one())
        for kind, typed in ((NumberKind.DIRECT, direct), (NumberKind.TELECOM, telecom)):
            if typed:
                await _outside_number(connection, company_id, typed, kind, seat_id)
    return seat_id


async def make_outside_number(database: Database, company_id: int, typed: str, kind: NumberKind) -> None:
    """A number of the company that no seat has."""
    async with database.write() as connection:
        await _outside_number(connection, company_id, typed, kind, None)


async def _outside_number(
    connection: AsyncConnection, company_id: int, typed: str, kind: NumberKind, seat_id: int | None
) -> None:
    number = normalise(typed)
    await _own(connection, company_id, number)
    await connection.execute(
        insert(outside_number).values(
            company_id=company_id,
            number=number,
            kind=kind.value,
            region=region_of(number),
            seat_id=seat_id,
            created_at=utcnow(),
        )
    )


async def make_department(database: Database, company_id: int, name: str, parent_id: int | None = None) -> int:
    async with database.write() as connection:
        row = await connection.execute(
            insert(department).values(company_id=company_id, name=name, parent_id=parent_id).returning(department.c.id)
        )
        return int(row.scalar_one())


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
            await _own(connection, company_id, normalise(number))
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
