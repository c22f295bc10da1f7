"""Companies, departments and accounts as whoever runs the installation makes them."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import func, insert, select

from callcenter.features.people.companies import add_company
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.people import verify
from callcenter.store.tables.people import company, department, employee, role
from callcenter.web.auth import hash_password
from callcenter.web.permissions import role_rows


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


async def make_department(database: Database, company_id: int, name: str, parent_id: int | None = None) -> int:
    async with database.write() as connection:
        row = await connection.execute(
            insert(department).values(company_id=company_id, name=name, parent_id=parent_id).returning(department.c.id)
        )
        return int(row.scalar_one())
