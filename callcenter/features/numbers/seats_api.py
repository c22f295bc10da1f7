"""Seats: an employee's place in the telephone system, with a calling mode and an outside phone (SPEC §B8.10-B8.13)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import ColumnElement, delete, exists, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.domain.searching import number_search
from callcenter.domain.terms import LegOrder, Mode, NumberKind
from callcenter.features.numbers.destinations import require_open
from callcenter.store.base import utcnow
from callcenter.store.searching import number_is_like
from callcenter.store.tables.numbers import outside_number, seat
from callcenter.store.tables.people import employee
from callcenter.web.kit import Body, Context, Id, Listing, Paging, Routes, ShortText, whole
from callcenter.web.lists import Named
from callcenter.web.services import Services
from callcenter.web.typed_numbers import e164_of

routes = Routes("seats")

Code = Annotated[str, whole("[A-Za-z0-9-]+", min_length=1, max_length=16)]
Phone = Annotated[str, msgspec.Meta(max_length=40)]
MANY = 500


class SeatNumber(msgspec.Struct):
    """An outside number bound to a seat."""

    id: int
    number: str
    display: str
    kind: NumberKind
    region: str
    state: str


class SeatView(msgspec.Struct):
    id: int
    code: str
    employee: Named | None
    bound_phone: str
    """The agent's outside phone, E.164; rung in callback mode, and the one that calls through."""
    bound_phone_display: str
    mode: Mode
    leg_order: LegOrder
    numbers: list[SeatNumber]
    created_at: datetime


class SeatQuery(Paging, kw_only=True):
    """`q` finds codes, names, outside phones and numbers."""

    q: ShortText = ""
    filter: Literal["all", "unassigned", "unbound"] = "all"
    """`unassigned`: without an employee; `unbound`: without an outside number."""


class NewSeats(Body, kw_only=True):
    """One seat with `code`, or `count` seats with the next free codes."""

    code: Code | None = None
    count: Annotated[int, msgspec.Meta(ge=1, le=MANY)] = 1
    employee_id: Id | None = None
    bound_phone: Phone = ""
    mode: Mode = Mode.DIRECT
    leg_order: LegOrder = LegOrder.AGENT_FIRST


class SeatChange(Body, kw_only=True):
    code: Code | msgspec.UnsetType = msgspec.UNSET
    employee_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    bound_phone: Phone | msgspec.UnsetType = msgspec.UNSET
    mode: Mode | msgspec.UnsetType = msgspec.UNSET
    leg_order: LegOrder | msgspec.UnsetType = msgspec.UNSET


@routes.add(
    "GET",
    "/api/seats",
    permission="employees.view",
    data="scoped",
    summary="Seats with their employees and numbers; those of others are left out of a narrower scope",
    query=SeatQuery,
    answers=Listing[SeatView],
)
async def seats(services: Services, context: Context) -> Listing[SeatView]:
    wanted: SeatQuery = context.query
    company_id = context.company_id
    query = _base(company_id)
    if context.me.visible is not None:
        query = query.where(seat.c.employee_id.in_(context.me.visible))
    if wanted.filter == "unassigned":
        query = query.where(seat.c.employee_id.is_(None))
    elif wanted.filter == "unbound":
        query = query.where(~_has_number(company_id))
    if text := wanted.q.strip():
        query = query.where(_matches(company_id, text, services.settings.default_region))
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        page = query.order_by(seat.c.code).limit(wanted.page_size).offset(wanted.offset)
        items = await _views(connection, company_id, (await connection.execute(page)).all())
    return Listing(items, total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/seats",
    permission="numbers.edit",
    data="company",
    summary="Add one seat, or several with the next free codes",
    body=NewSeats,
    answers=list[SeatView],
    status=201,
    errors=(
        "code_taken",
        "phone_taken",
        "number_invalid",
        "destination_closed",
        "emergency_by_hand",
        "own_number_by_hand",
        "employee_unknown",
        "employee_has_seat",
        "invalid",
    ),
)
async def create(services: Services, context: Context) -> list[SeatView]:
    given: NewSeats = context.body
    company_id = context.company_id
    several = given.count > 1
    if several and (given.code or given.employee_id is not None or given.bound_phone):
        raise Refusal("invalid", reason="code, employee_id and bound_phone are for a single seat")
    phone = typed_phone(services, given.bound_phone)
    async with services.database.write() as connection:
        codes = [given.code] if given.code else await _next_codes(connection, company_id, given.count)
        if given.code:
            await _require_free_code(connection, company_id, given.code)
        await _require_free_phone(connection, company_id, phone)
        await require_open(connection, company_id, phone, services.settings.default_region)
        if given.employee_id is not None:
            await _require_employee_without_seat(connection, company_id, given.employee_id)
        made = []
        for code in codes:
            row = await connection.execute(
                insert(seat)
                .values(
                    company_id=company_id,
                    code=code,
                    employee_id=given.employee_id,
                    bound_phone=phone,
                    mode=given.mode.value,
                    leg_order=given.leg_order.value,
                    created_at=utcnow(),
                )
                .returning(seat.c.id)
            )
            made.append(int(row.scalar_one()))
    await _changed(services, context, "seat.created", ",".join(codes))
    async with services.database.read() as connection:
        query = _base(company_id).where(seat.c.id.in_(made)).order_by(seat.c.code)
        return await _views(connection, company_id, (await connection.execute(query)).all())


@routes.add(
    "PATCH",
    "/api/seats/{id}",
    permission="numbers.edit",
    data="company",
    summary="Change a seat, assign it to an employee or take it back (employee_id null)",
    body=SeatChange,
    answers=SeatView,
    errors=(
        "not_found",
        "code_taken",
        "phone_taken",
        "number_invalid",
        "destination_closed",
        "emergency_by_hand",
        "own_number_by_hand",
        "employee_unknown",
        "employee_has_seat",
        "seat_assigned",
    ),
)
async def change(services: Services, context: Context) -> SeatView:
    given: SeatChange = context.body
    company_id, seat_id = context.company_id, context.params["id"]
    values = {key: value for key, value in msgspec.to_builtins(given).items() if value is not msgspec.UNSET}
    if "bound_phone" in values:
        values["bound_phone"] = typed_phone(services, values["bound_phone"])
    async with services.database.write() as connection:
        row = await _require(connection, company_id, seat_id)
        if "code" in values and values["code"] != row.code:
            await _require_free_code(connection, company_id, values["code"])
        if values.get("bound_phone", "") != row.bound_phone:
            await _require_free_phone(connection, company_id, values.get("bound_phone", ""))
            region = services.settings.default_region
            await require_open(connection, company_id, values.get("bound_phone", ""), region)
        wanted = values.get("employee_id")
        if wanted is not None and wanted != row.employee_id:
            if row.employee_id is not None:
                raise Refusal("seat_assigned", seat=row.code)
            await _require_employee_without_seat(connection, company_id, wanted)
        if values:
            await connection.execute(
                update(seat).where(seat.c.company_id == company_id, seat.c.id == seat_id).values(**values)
            )
    await _changed(services, context, "seat.changed", row.code, changes=values)
    return await _one(services, company_id, seat_id)


@routes.add(
    "DELETE",
    "/api/seats/{id}",
    permission="numbers.edit",
    data="company",
    summary="Delete a seat that nobody has; its numbers become free",
    status=204,
    errors=("not_found", "seat_assigned"),
)
async def remove(services: Services, context: Context) -> None:
    company_id, seat_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        row = await _require(connection, company_id, seat_id)
        if row.employee_id is not None:
            raise Refusal("seat_assigned", seat=row.code)
        await connection.execute(
            update(outside_number)
            .where(outside_number.c.company_id == company_id, outside_number.c.seat_id == seat_id)
            .values(seat_id=None)
        )
        await connection.execute(delete(seat).where(seat.c.company_id == company_id, seat.c.id == seat_id))
    await _changed(services, context, "seat.deleted", row.code)


# -- for other resources ---------------------------------------------------------------------------------------------


class SeatBrief(msgspec.Struct):
    """The seat as an employee's row and `Me` show it."""

    id: int
    code: str
    mode: Mode
    leg_order: LegOrder
    bound_phone: str
    bound_phone_display: str
    numbers: list[SeatNumber]


async def seats_of(connection: AsyncConnection, company_id: int, employees: Sequence[int]) -> dict[int, SeatBrief]:
    """Employee id -> seat, for those who have one."""
    query = _base(company_id).where(seat.c.employee_id.in_(employees))
    views = await _views(connection, company_id, (await connection.execute(query)).all())
    return {
        one.employee.id: SeatBrief(
            one.id, one.code, one.mode, one.leg_order, one.bound_phone, one.bound_phone_display, one.numbers
        )
        for one in views
        if one.employee is not None
    }


async def give_seat(connection: AsyncConnection, company_id: int, employee_id: int, seat_id: int | None) -> None:
    """Puts an employee onto a free seat (T-10), or onto none; what the employee had before becomes free."""
    mine = (seat.c.company_id == company_id, seat.c.employee_id == employee_id)
    if seat_id is not None:
        query = select(seat).where(seat.c.company_id == company_id, seat.c.id == seat_id)
        row = (await connection.execute(query)).first()
        if row is None:
            raise Refusal("seat_unknown")
        if row.employee_id == employee_id:
            return
        if row.employee_id is not None:
            raise Refusal("seat_assigned", seat=row.code)
    await connection.execute(update(seat).where(*mine).values(employee_id=None))
    if seat_id is not None:
        chosen = (seat.c.company_id == company_id, seat.c.id == seat_id)
        await connection.execute(update(seat).where(*chosen).values(employee_id=employee_id))


def typed_phone(services: Services, typed: str) -> str:
    """E.164; empty stays empty."""
    return e164_of(typed, services.settings.default_region) if typed.strip() else ""


# -- inside ----------------------------------------------------------------------------------------------------------


def _base(company_id: int) -> Any:
    return (
        select(seat, employee.c.name.label("employee_name"))
        .outerjoin(employee, employee.c.id == seat.c.employee_id)
        .where(seat.c.company_id == company_id)
    )


def _has_number(company_id: int) -> ColumnElement[bool]:
    return exists().where(outside_number.c.company_id == company_id, outside_number.c.seat_id == seat.c.id)


def _matches(company_id: int, text: str, region: str) -> ColumnElement[bool]:
    found: list[ColumnElement[bool]] = [
        seat.c.code.icontains(text, autoescape=True),
        employee.c.name.icontains(text, autoescape=True),
    ]
    if number_search(text, region):
        found.append(number_is_like(seat.c.bound_phone, text, region))
        bound = (outside_number.c.company_id == company_id, outside_number.c.seat_id == seat.c.id)
        found.append(exists().where(*bound, number_is_like(outside_number.c.number, text, region)))
    return or_(*found)


async def _views(connection: AsyncConnection, company_id: int, rows: Sequence[Any]) -> list[SeatView]:
    ids = [row.id for row in rows]
    bound = (
        select(outside_number)
        .where(outside_number.c.company_id == company_id, outside_number.c.seat_id.in_(ids))
        .order_by(outside_number.c.kind)
    )
    numbers: dict[int, list[SeatNumber]] = {}
    for row in (await connection.execute(bound)).all():
        one = SeatNumber(row.id, row.number, display(row.number), row.kind, row.region, row.state)
        numbers.setdefault(row.seat_id, []).append(one)
    return [
        SeatView(
            id=row.id,
            code=row.code,
            employee=Named(row.employee_id, row.employee_name) if row.employee_id and row.employee_name else None,
            bound_phone=row.bound_phone,
            bound_phone_display=display(row.bound_phone),
            mode=row.mode,
            leg_order=row.leg_order,
            numbers=numbers.get(row.id, []),
            created_at=row.created_at,
        )
        for row in rows
    ]


async def _one(services: Services, company_id: int, seat_id: int) -> SeatView:
    async with services.database.read() as connection:
        rows = (await connection.execute(_base(company_id).where(seat.c.id == seat_id))).all()
        return (await _views(connection, company_id, rows))[0]


async def _require(connection: AsyncConnection, company_id: int, seat_id: int) -> Any:
    row = (await connection.execute(select(seat).where(seat.c.company_id == company_id, seat.c.id == seat_id))).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def _require_free_code(connection: AsyncConnection, company_id: int, code: str) -> None:
    query = select(seat.c.id).where(seat.c.company_id == company_id, seat.c.code == code)
    if (await connection.execute(query)).first() is not None:
        raise Refusal("code_taken", seat=code)


async def _require_free_phone(connection: AsyncConnection, company_id: int, phone: str) -> None:
    """One outside phone belongs to one seat: by it a call-through is known."""
    if not phone:
        return
    query = select(seat.c.code).where(seat.c.company_id == company_id, seat.c.bound_phone == phone)
    taken = (await connection.execute(query)).scalar()
    if taken is not None:
        raise Refusal("phone_taken", seat=taken)


async def _require_employee_without_seat(connection: AsyncConnection, company_id: int, employee_id: int) -> None:
    known = select(employee.c.id).where(employee.c.company_id == company_id, employee.c.id == employee_id)
    if (await connection.execute(known)).first() is None:
        raise Refusal("employee_unknown")
    has = select(seat.c.code).where(seat.c.company_id == company_id, seat.c.employee_id == employee_id)
    code = (await connection.execute(has)).scalar()
    if code is not None:
        raise Refusal("employee_has_seat", seat=code)


async def _next_codes(connection: AsyncConnection, company_id: int, count: int) -> list[str]:
    """The next whole numbers after the highest code that is one; a company's first seat is 8001."""
    rows = await connection.execute(select(seat.c.code).where(seat.c.company_id == company_id))
    used = [int(code) for code in rows.scalars() if code.isdigit() and len(code) <= 12]
    first = max(used, default=8000) + 1
    return [str(first + index) for index in range(count)]


async def _changed(services: Services, context: Context, action: str, code: str, **details: Any) -> None:
    await services.audit.add(context.company_id, context.me.employee_id, action, code[:128], context.ip, **details)
    await services.telephony.changed()
