"""An employee leaves: customers, task numbers, packages, numbers and seat go to a colleague (SPEC §A4.4, §C14.1)."""

from __future__ import annotations

import secrets
from typing import Any

import msgspec
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.features.numbers import leaving
from callcenter.features.numbers.seats_api import give_seat
from callcenter.features.packages import assign
from callcenter.features.packages.assign import NotMoved
from callcenter.features.people.superiors import close_ranks
from callcenter.features.tasks import task_numbers
from callcenter.ledger.packages import Lot, lots_of
from callcenter.store.base import utcnow
from callcenter.store.people import DELETED, DEPARTED, is_listed
from callcenter.store.tables.numbers import seat
from callcenter.store.tables.people import employee
from callcenter.web.access import Cause
from callcenter.web.kit import Body, Context, Id, Query, Routes
from callcenter.web.services import Services

routes = Routes("employees")


class Departure(Body, kw_only=True):
    to_employee_id: Id | None = None
    """Who takes over; None: nothing is passed on."""
    hand_over_packages: bool = False
    hand_over_seat: bool = False
    """The seat with its numbers, when the colleague has none; otherwise it becomes free."""


class Successor(Query):
    to_employee_id: Id | None = None


class Moved(msgspec.Struct):
    id: int
    name: str


class Kept(msgspec.Struct):
    """A package that stays with the one who leaves; `why` is an error code."""

    id: int
    name: str
    why: str


class Plan(msgspec.Struct):
    """What there is to pass on, and what that colleague may take; without a colleague nothing moves."""

    customers_unsigned: int
    customers_signed: int
    """They stay: the contract names the one who signed it (SPEC §A4.4)."""
    numbers_undialled: int
    """Numbers of dial tasks that are still to be dialled; those that are dialled stay."""
    packages: list[Moved]
    packages_kept: list[Kept]
    numbers: list[str]
    """Direct numbers given to the employee and not activated yet."""
    seat: str | None
    seat_free: bool
    """Whether the colleague has no seat and could have this one."""


class Departed(msgspec.Struct):
    customers_moved: int
    customers_kept: int
    task_numbers_moved: int
    """Numbers of dial tasks that the colleague has now; without one, those that went back to their tasks."""
    packages_moved: list[Moved]
    not_moved: list[Kept]
    numbers_moved: int
    seat_moved: bool


@routes.add(
    "GET",
    "/api/employees/{id}/departure",
    permission="employees.edit",
    data="company",
    summary="What would happen if an employee left now",
    query=Successor,
    answers=Plan,
    errors=("not_found", "already_departed", "employee_unknown"),
)
async def plan(services: Services, context: Context) -> Plan:
    wanted: Successor = context.query
    company_id, leaver, to, now = context.company_id, context.params["id"], wanted.to_employee_id, utcnow()
    async with services.database.read() as connection:
        await _require_staff(connection, company_id, leaver)
        unsigned, signed = await services.customers.owned(connection, company_id, leaver)
        undialled = await task_numbers.undialled_of(connection, company_id, leaver)
        moving, staying = list[Lot](), list[NotMoved]()
        if to is not None:
            await _require_successor(connection, company_id, leaver, to)
            moving, staying = await assign.hand_over_plan(connection, company_id, leaver, to, now=now)
        else:
            valid = [lot for lot in await lots_of(connection, company_id, leaver) if lot.expires_at > now]
            moving = valid
        numbers = await leaving.idle_numbers(connection, company_id, leaver)
        own = await _seat_of(connection, company_id, leaver)
        theirs = await _seat_of(connection, company_id, to) if to is not None else None
    return Plan(
        unsigned,
        signed,
        undialled,
        [Moved(lot.id, lot.name) for lot in moving],
        _kept(staying),
        [row.number for row in numbers],
        own.code if own is not None else None,
        own is not None and to is not None and theirs is None,
    )


@routes.add(
    "POST",
    "/api/employees/{id}/depart",
    permission="employees.edit",
    data="company",
    summary="An employee leaves: the account ends, and a colleague takes over what is not finished",
    body=Departure,
    answers=Departed,
    errors=("own_account", "already_departed", "employee_unknown"),
)
async def depart(services: Services, context: Context) -> Departed:
    """Frees licence and seat for good. Customers not yet signed and task numbers not yet dialled go over, signed and
    dialled ones stay.
    """
    given: Departure = context.body
    company_id, leaver, to = context.company_id, context.params["id"], given.to_employee_id
    by, now = context.me.employee_id, utcnow()
    if leaver == by:
        raise Refusal("own_account")
    customers, moved, stayed, seat_moved = 0, list[Lot](), list[NotMoved](), False
    async with services.database.write() as connection:
        await _require_staff(connection, company_id, leaver)
        own = await _seat_of(connection, company_id, leaver)
        if to is not None:
            await _require_successor(connection, company_id, leaver, to)
            customers = await services.customers.pass_on(connection, company_id, leaver, to)
            if given.hand_over_packages:
                moved, stayed = await assign.hand_over_all(connection, company_id, leaver, to, by=by, now=now)
        _, signed = await services.customers.owned(connection, company_id, leaver)
        from_tasks = await task_numbers.pass_on(connection, company_id, leaver, to, now)
        numbers = await leaving.pass_on_numbers(connection, company_id, leaver, to, by=by, now=now)
        await give_seat(connection, company_id, leaver, None)
        await close_ranks(connection, company_id, leaver)
        if given.hand_over_seat and own is not None and to is not None:
            seat_moved = await _seat_of(connection, company_id, to) is None
            if seat_moved:
                await give_seat(connection, company_id, to, own.id)
        await connection.execute(
            update(employee)
            .where(employee.c.company_id == company_id, employee.c.id == leaver)
            .values(account_state=DEPARTED)
        )
        await services.audit.write(
            connection,
            company_id,
            by,
            "employee.departed",
            str(leaver),
            context.ip,
            to=to,
            customers=customers,
            customers_kept=signed,
            task_numbers=from_tasks,
            packages=[lot.id for lot in moved],
            numbers=numbers,
            seat=own.code if seat_moved and own is not None else None,
        )
    await services.access.end(company_id, leaver, Cause.DEPARTED)
    await services.telephony.changed()
    services.hub.drop_scoped(company_id)
    return Departed(
        customers,
        signed,
        from_tasks,
        [Moved(lot.id, lot.name) for lot in moved],
        _kept(stayed),
        numbers,
        seat_moved,
    )


@routes.add(
    "DELETE",
    "/api/employees/{id}",
    permission="employees.edit",
    data="company",
    summary="Delete an employee who has left; calls and records keep the name (SPEC §A4.4)",
    status=204,
    errors=("not_found", "not_departed"),
)
async def delete(services: Services, context: Context) -> None:
    """Cannot be undone. The login becomes free, the phone number is forgotten."""
    company_id, gone = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        mine = (employee.c.company_id == company_id, employee.c.id == gone, is_listed())
        row = (await connection.execute(select(employee.c.account_state, employee.c.login).where(*mine))).first()
        if row is None:
            raise Refusal("not_found")
        if row.account_state != DEPARTED:
            raise Refusal("not_departed")
        values = {"account_state": DELETED, "login": f"deleted-{secrets.token_hex(8)}", "phone": ""}
        await connection.execute(update(employee).where(*mine).values(**values))
        await services.audit.write(
            connection, company_id, context.me.employee_id, "employee.deleted", str(gone), context.ip, login=row.login
        )
    await services.telephony.changed()


def _kept(stayed: list[NotMoved]) -> list[Kept]:
    return [Kept(one.package.id, one.package.name, one.why) for one in stayed]


async def _seat_of(connection: AsyncConnection, company_id: int, employee_id: int) -> Any:
    query = select(seat.c.id, seat.c.code).where(seat.c.company_id == company_id, seat.c.employee_id == employee_id)
    return (await connection.execute(query)).first()


async def _require_staff(connection: AsyncConnection, company_id: int, employee_id: int) -> None:
    query = select(employee.c.account_state).where(employee.c.company_id == company_id, employee.c.id == employee_id)
    state = (await connection.execute(query)).scalar()
    if state is None or state == DELETED:
        raise Refusal("not_found")
    if state == DEPARTED:
        raise Refusal("already_departed")


async def _require_successor(connection: AsyncConnection, company_id: int, leaver: int, to: int) -> None:
    if to == leaver:
        raise Refusal("employee_unknown")
    await assign.staff(connection, company_id, [to])
