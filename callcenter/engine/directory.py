"""What the engine knows of companies without asking the database: read at start and after every change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sqlalchemy import select

from callcenter.domain.terms import Device
from callcenter.store.database import Database
from callcenter.store.tables import (
    agent_group,
    blacklist,
    company,
    department,
    employee,
    group_member,
    inbound_number,
    role,
)

EVERYWHERE = {"all_companies": True}


@dataclass(frozen=True, slots=True)
class CompanyRules:
    """A company's settings that decide about calls."""

    id: int
    name: str
    time_zone: str
    window: tuple[time, time]
    wrap_up_seconds: int
    display_number: str
    recording: bool

    def local_time(self, now: datetime) -> time:
        return now.astimezone(ZoneInfo(self.time_zone)).time()


@dataclass(frozen=True, slots=True)
class Person:
    """An employee as the telephony side sees one."""

    id: int
    company_id: int
    name: str
    department_id: int | None
    department: str
    active: bool
    may_dial: bool
    """Whether the role has the permission `calls.dial`; others are no agents."""
    device: Device
    sip_secret: str
    group_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """A group of agents behind inbound numbers; its queue in Asterisk."""

    id: int
    company_id: int
    name: str

    @property
    def queue(self) -> str:
        return f"q-{self.id}"


@dataclass(slots=True)
class Directory:
    companies: dict[int, CompanyRules] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """Inbound number (E.164 or as the trunk writes it) -> group id."""
    blacklist: set[tuple[int, str]] = field(default_factory=set)

    def group_of_number(self, number: str) -> Group | None:
        group_id = self.numbers.get(number)
        return self.groups.get(group_id) if group_id is not None else None


def _time(text: str) -> time:
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))


async def read_directory(database: Database) -> Directory:
    """A fresh directory from the database; the caller swaps it in whole."""
    found = Directory()
    async with database.read() as connection:
        for row in (await connection.execute(select(company))).all():
            found.companies[row.id] = CompanyRules(
                row.id,
                row.name,
                row.time_zone,
                (_time(row.dial_start), _time(row.dial_end)),
                row.wrap_up_seconds,
                row.display_number,
                bool(row.recording),
            )
        members = select(group_member.c.group_id, group_member.c.employee_id).execution_options(**EVERYWHERE)
        groups_of: dict[int, list[int]] = {}
        for group_id, employee_id in (await connection.execute(members)).all():
            groups_of.setdefault(employee_id, []).append(group_id)
        people = (
            select(employee, department.c.name.label("department"), role.c.permissions)
            .join(role, role.c.id == employee.c.role_id)
            .outerjoin(department, department.c.id == employee.c.department_id)
            .execution_options(**EVERYWHERE)
        )
        for row in (await connection.execute(people)).all():
            found.people[row.id] = Person(
                row.id,
                row.company_id,
                row.name,
                row.department_id,
                row.department or "",
                row.account_state == "active",
                "calls.dial" in row.permissions,
                Device(row.device),
                row.sip_secret,
                tuple(sorted(groups_of.get(row.id, ()))),
            )
        for row in (await connection.execute(select(agent_group).execution_options(**EVERYWHERE))).all():
            found.groups[row.id] = Group(row.id, row.company_id, row.name)
        for row in (await connection.execute(select(inbound_number).execution_options(**EVERYWHERE))).all():
            found.numbers[row.number] = row.group_id
        for row in (await connection.execute(select(blacklist).execution_options(**EVERYWHERE))).all():
            found.blacklist.add((row.company_id, row.number))
    return found
