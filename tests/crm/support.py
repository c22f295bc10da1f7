"""A small world for tests of the CRM: two companies, their people, and calls between them and customers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import insert

from callcenter.domain.calls import Call
from callcenter.domain.terms import Direction, Scope
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.calls import call
from callcenter.store.tables.inbound import agent_group
from callcenter.store.tables.people import company, employee, role
from callcenter.web.identity import Identity
from callcenter.web.permissions import PERMISSIONS
from crm_bridge.customers import filing
from crm_bridge.customers.filing import CustomerChange, GivenNumber, NewCustomer

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
OURS, THEIRS = 1, 2
BOSS, LI, WANG, STRANGER = 10, 11, 12, 20
_ids = count(1)


async def populate(database: Database) -> None:
    """Company 1 with a boss and two agents, company 2 with one agent."""
    async with database.write() as connection:
        for company_id, name in ((OURS, "甲公司"), (THEIRS, "乙公司")):
            await connection.execute(insert(company).values(id=company_id, name=name, created_at=NOW))
            await connection.execute(
                insert(role).values(
                    id=company_id, company_id=company_id, code="agent", name_zh="坐席", name_en="Agent",
                    permissions=[], scope="self",
                )
            )  # fmt: skip
        for employee_id, company_id, name in (
            (BOSS, OURS, "老板"),
            (LI, OURS, "李雷"),
            (WANG, OURS, "王芳"),
            (STRANGER, THEIRS, "外人"),
        ):
            await connection.execute(
                insert(employee).values(
                    id=employee_id, company_id=company_id, role_id=company_id, login=f"e{employee_id}", name=name,
                    password_hash="x", sip_secret="x", created_at=NOW,
                )
            )  # fmt: skip
        await connection.execute(insert(agent_group).values(id=5, company_id=OURS, name="售后"))


def who(employee_id: int = LI, *, company_id: int = OURS, sees: set[int] | None = None, all_: bool = False) -> Identity:
    """An employee who sees themself, `sees` too, or the whole company."""
    visible = None if all_ else frozenset({employee_id} | (sees or set()))
    return Identity(
        employee_id=employee_id,
        company_id=company_id,
        login=f"e{employee_id}",
        name=f"e{employee_id}",
        role="agent",
        role_name_zh="",
        role_name_en="",
        permissions=frozenset(PERMISSIONS) - ({"calls.dial"} if all_ else set()),
        scope=Scope.COMPANY if all_ else Scope.SELF,
        department_id=None,
        visible=visible,
    )


def new(name: str, *numbers: str, kind: Any = "personal", **values: Any) -> NewCustomer:
    return NewCustomer(kind=kind, name=name, numbers=[GivenNumber(number=one) for one in numbers], **values)


async def file(database: Database, given: NewCustomer, me: Identity | None = None, now: datetime = NOW) -> int:
    async with database.write() as connection:
        return await filing.create(connection, me or who(), given, now)


async def edit(database: Database, customer_id: int, me: Identity | None = None, **values: Any) -> list[str]:
    async with database.write() as connection:
        return await filing.change(connection, me or who(), customer_id, CustomerChange(**values), NOW)


async def past_call(database: Database, number: str, **values: Any) -> str:
    """A finished call of Li's with our company, one hour ago, answered for a minute; `values` say otherwise."""
    started = values.pop("started_at", NOW - timedelta(hours=1))
    row = {
        "id": f"c-{next(_ids)}", "company_id": OURS, "direction": "inbound", "mode": "direct", "source": "inbound",
        "employee_id": LI, "number": number, "state": "ended", "started_at": started,
        "answered_at": started + timedelta(seconds=5), "ended_at": started + timedelta(seconds=65),
        "disposition": "ANSWERED",
    } | values  # fmt: skip
    async with database.write() as connection:
        await connection.execute(insert(call).values(**row))
    return str(row["id"])


def ringing(number: str, **values: Any) -> Call:
    """A call as the engine holds it while a phone rings."""
    fields: dict[str, Any] = {
        "id": f"live-{next(_ids)}", "company_id": OURS, "direction": Direction.INBOUND, "number": number,
        "started_at": utcnow(), "employee_id": LI,
    } | values  # fmt: skip
    return Call(**fields)
