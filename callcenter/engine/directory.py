"""What the engine knows of companies without asking the database: read at start and after every change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import hours as hours_rules
from callcenter.domain.caller_id import OwnNumber
from callcenter.domain.destinations import DestinationKind, Policy, destination_of
from callcenter.domain.gates import Standing
from callcenter.domain.hours import Hours
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.terms import (
    CallerIdPolicy,
    Device,
    Gate,
    LegOrder,
    Mode,
    NumberKind,
    Overflow,
    QueueStrategy,
    Sticky,
)
from callcenter.ledger.book import Kind
from callcenter.store.database import Database
from callcenter.store.own_numbers import answered_by_all, owned_by_all
from callcenter.store.policies import policy_of
from callcenter.store.tables.books import account
from callcenter.store.tables.inbound import agent_group, blacklist, business_hours, group_member, inbound_number
from callcenter.store.tables.numbers import outside_number, seat
from callcenter.store.tables.people import company, department, employee, role

EVERYWHERE = {"all_companies": True}
Owned = set[tuple[int, str]]
"""(company, number in E.164): what the operator dispatched or confirmed."""


@dataclass(frozen=True, slots=True)
class CompanyRules:
    """A company's settings that decide about calls."""

    id: int
    name: str
    time_zone: str
    window: tuple[time, time]
    wrap_up_seconds: int
    recording: bool
    caller_id_policy: CallerIdPolicy = CallerIdPolicy.BOUND
    access_number: str = ""
    """The number that agents call in call-through mode; empty: the mode is off."""
    call_through_seconds: int = 60
    supervision_shown: bool = False
    """Whether agents are shown who listens to them, and how."""
    valid_call_seconds: int = 30
    """A call that talked for at least as long counts as valid (SPEC §B4.2)."""
    unanswered_limit: int = 3
    """After so many unanswered calls in a row an agent is not READY any more; 0: never."""
    standing: Standing = field(default_factory=Standing)
    """What the company must be to dial; its end and its employees are asked at the moment (`standing_gate`)."""
    policy: Policy = field(default_factory=Policy)
    """Where its calls may go."""
    forwarded_at_once: int = 5
    valid_until: datetime | None = None
    """When the company's time with the platform ends; None: never."""

    def local_time(self, now: datetime) -> time:
        return now.astimezone(ZoneInfo(self.time_zone)).time()

    def expired(self, now: datetime) -> bool:
        """Whether nobody of the company may dial out any more; callers still come in."""
        return self.valid_until is not None and self.valid_until <= now


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
    verified: bool = True
    """Whether the real name was checked; who is not verified does not dial out (SPEC §B3.3)."""


@dataclass(frozen=True, slots=True)
class Seat:
    """An employee's place in the telephone system: how calls are set up and on which outside phone."""

    id: int
    code: str
    mode: Mode
    leg_order: LegOrder
    bound_phone: str
    """E.164; empty when none is bound."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group of agents behind inbound numbers; its queue in Asterisk."""

    id: int
    company_id: int
    name: str
    strategy: QueueStrategy = QueueStrategy.LONGEST_IDLE
    ring_seconds: int = 20
    max_wait_seconds: int = 120
    max_length: int = 0
    """Callers in line at most; 0 is no limit."""
    music: bool = False
    """Whether waiting callers are answered and hear music; otherwise they hear ringback and pay nothing."""
    announce_seconds: int = 0
    """How often position and waiting time are said; 0 is never."""
    weight: int = 0
    widen_seconds: int = 0
    sticky: Sticky = Sticky.NONE
    sticky_seconds: int = 15
    overflow: Overflow = Overflow.HANG_UP
    overflow_group_id: int | None = None
    overflow_number: str = ""
    overflow_employee_id: int | None = None
    """Whose own phone `overflow_number` is."""
    callback_offered: bool = False
    levels: Mapping[int, int] = field(default_factory=dict)
    """Employee id -> level, 1 to 5; level 1 is rung first."""

    @property
    def queue(self) -> str:
        """The queue that takes this group's calls. Asterisk cannot make a queue linear while it runs, so a group that
        rings everybody has a queue of another name."""
        return f"q-{self.id}-all" if self.strategy is QueueStrategy.RING_ALL else f"q-{self.id}"

    @property
    def queues(self) -> tuple[str, str]:
        """Both names: callers may still wait in the one when the strategy has just been changed."""
        return f"q-{self.id}", f"q-{self.id}-all"


def group_of_queue(queue: str) -> int | None:
    """The group's id from a queue's name."""
    head, _, tail = queue.partition("-")
    number = tail.removesuffix("-all")
    return int(number) if head == "q" and number.isdigit() else None


@dataclass(frozen=True, slots=True)
class InboundNumber:
    """Where a number of the company leads, and when."""

    number: str
    group_id: int
    priority: int = 0
    hours_id: int | None = None
    closed_action: str = "hang_up"


@dataclass(slots=True)
class Directory:
    companies: dict[int, CompanyRules] = field(default_factory=dict)
    people: dict[int, Person] = field(default_factory=dict)
    groups: dict[int, Group] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    """Inbound number (E.164 or as the trunk writes it) -> group id."""
    inbound: dict[str, InboundNumber] = field(default_factory=dict)
    hours: dict[int, Hours] = field(default_factory=dict)
    """Business hours by their id; in the time zone of their company."""
    blacklist: set[tuple[int, str]] = field(default_factory=set)
    seats: dict[int, Seat] = field(default_factory=dict)
    """Employee id -> seat."""
    extensions: dict[tuple[int, str], int] = field(default_factory=dict)
    """(company id, seat code in lower case) -> employee id: what colleagues dial."""
    outside: dict[int, list[OwnNumber]] = field(default_factory=dict)
    """Company id -> its active outside numbers."""

    def at_extension(self, company_id: int, typed: str, region: str) -> int | None:
        """The employee whose seat code was typed, or None. An emergency number is never anybody's extension."""
        code = typed.strip().lower()
        if destination_of(code, region).kind is DestinationKind.EMERGENCY:
            return None
        return self.extensions.get((company_id, code))

    def group_of_number(self, number: str) -> Group | None:
        group_id = self.numbers.get(number)
        return self.groups.get(group_id) if group_id is not None else None

    def standing_gate(self, company_id: int, employee_id: int, now: datetime) -> Gate | None:
        """What keeps a company, or this employee of it, from dialling at all."""
        rules, person = self.companies[company_id], self.people.get(employee_id)
        verified = person is not None and person.verified
        return replace(rules.standing, company_expired=rules.expired(now), verified=verified).closed()

    def unbound_gate(self, company_id: int, employee_id: int) -> Gate | None:
        """What keeps the seat of an employee who is in a call from dialling anybody else: who has none, or one to which
        no number is bound, dials nobody (SPEC §B8.3, §B8.7)."""
        seat = self.seats.get(employee_id)
        if seat is None:
            return Gate.NO_SEAT
        bound = any(one.seat_id == seat.id for one in self.outside.get(company_id, ()))
        return None if bound else Gate.NO_BOUND_NUMBER


def _time(text: str) -> time:
    hours, _, minutes = text.partition(":")
    return time(int(hours), int(minutes))


def _group(row: Any, levels: Mapping[int, int]) -> Group:
    return Group(
        row.id,
        row.company_id,
        row.name,
        strategy=QueueStrategy(row.strategy),
        ring_seconds=row.ring_seconds,
        max_wait_seconds=row.max_wait_seconds,
        max_length=row.max_length,
        music=row.greeting == "music",
        announce_seconds=row.announce_seconds,
        weight=row.weight,
        widen_seconds=row.widen_seconds,
        sticky=Sticky(row.sticky),
        sticky_seconds=row.sticky_seconds,
        overflow=Overflow(row.overflow),
        overflow_group_id=row.overflow_group_id,
        overflow_number=row.overflow_number,
        callback_offered=bool(row.callback_offered),
        levels=levels,
    )


async def _indebted(connection: AsyncConnection) -> set[int]:
    """Companies whose wallet is below zero (SPEC §C11.3)."""
    query = select(account.c.company_id).where(account.c.kind == Kind.WALLET.value, account.c.balance < 0)
    return set((await connection.execute(query.execution_options(**EVERYWHERE))).scalars())


async def _companies(connection: AsyncConnection, found: Directory, owned: Owned, region: str) -> None:
    indebted = await _indebted(connection)
    answered = await answered_by_all(connection, region)

    def own(company_id: int, number: str) -> str:
        return number if (company_id, normalise_or_raw(number, region)) in owned else ""

    for row in (await connection.execute(select(company))).all():
        found.companies[row.id] = CompanyRules(
            row.id,
            row.name,
            row.time_zone,
            (_time(row.dial_start), _time(row.dial_end)),
            row.wrap_up_seconds,
            bool(row.recording),
            CallerIdPolicy(row.caller_id_policy),
            own(row.id, row.access_number),
            row.call_through_seconds,
            supervision_shown=bool(row.supervision_shown),
            valid_call_seconds=row.valid_call_seconds,
            unanswered_limit=row.unanswered_limit,
            standing=Standing(
                company_verified=row.verification == "verified",
                script_approved=row.script_state == "approved",
                suspended=bool(row.dialling_suspended),
                balance_negative=row.id in indebted,
            ),
            policy=policy_of(row, answered.get(row.id, frozenset())),
            forwarded_at_once=row.forwarded_at_once,
            valid_until=row.valid_until,
        )


async def _seats(connection: AsyncConnection, found: Directory, owned: Owned) -> None:
    """Seats that somebody has, and the numbers that may be shown."""
    taken = select(seat).where(seat.c.employee_id.is_not(None)).execution_options(**EVERYWHERE)
    for row in (await connection.execute(taken)).all():
        found.seats[row.employee_id] = Seat(row.id, row.code, Mode(row.mode), LegOrder(row.leg_order), row.bound_phone)
        found.extensions[row.company_id, row.code.lower()] = row.employee_id
    active = select(outside_number).where(outside_number.c.state == "active").order_by(outside_number.c.id)
    for row in (await connection.execute(active.execution_options(**EVERYWHERE))).all():
        if (row.company_id, row.number) not in owned:
            continue
        found.outside.setdefault(row.company_id, []).append(
            OwnNumber(
                row.id,
                row.number,
                NumberKind(row.kind),
                row.region,
                row.seat_id,
                row.last_shown_at,
                row.leaves_at,
                bool(row.leave_state),
            )
        )


async def _inbound(connection: AsyncConnection, found: Directory, owned: Owned) -> None:
    for row in (await connection.execute(select(inbound_number).execution_options(**EVERYWHERE))).all():
        if (row.company_id, row.number) in owned:
            found.numbers[row.number] = row.group_id
            found.inbound[row.number] = InboundNumber(
                row.number, row.group_id, row.priority, row.hours_id, row.closed_action
            )


async def read_directory(database: Database, region: str = "CN") -> Directory:
    """A fresh directory from the database; the caller swaps it in whole.

    Numbers that are not a company's own are left out, wherever it entered them.
    """
    found = Directory()
    async with database.read() as connection:
        owned = await owned_by_all(connection)
        await _companies(connection, found, owned, region)
        await _seats(connection, found, owned)
        members = select(group_member).execution_options(**EVERYWHERE)
        groups_of: dict[int, list[int]] = {}
        levels: dict[int, dict[int, int]] = {}
        phones: dict[tuple[int, str], int] = {}
        for row in (await connection.execute(members)).all():
            groups_of.setdefault(row.employee_id, []).append(row.group_id)
            levels.setdefault(row.group_id, {})[row.employee_id] = row.level
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
                row.verification == "verified",
            )
            if row.phone:
                phones[row.company_id, normalise_or_raw(row.phone)] = row.id
        for row in (await connection.execute(select(agent_group).execution_options(**EVERYWHERE))).all():
            found.groups[row.id] = _group(row, levels.get(row.id, {}))
        await _inbound(connection, found, owned)
        for row in (await connection.execute(select(business_hours).execution_options(**EVERYWHERE))).all():
            found.hours[row.id] = hours_rules.parse(row.weekly, row.holidays)
        for employee_id, own in found.seats.items():
            if own.bound_phone:
                phones[found.people[employee_id].company_id, own.bound_phone] = employee_id
        for group in found.groups.values():
            if group.overflow is Overflow.NUMBER:
                owner = phones.get((group.company_id, group.overflow_number))
                found.groups[group.id] = replace(group, overflow_employee_id=owner)
        for row in (await connection.execute(select(blacklist).execution_options(**EVERYWHERE))).all():
            found.blacklist.add((row.company_id, row.number))
    return found
