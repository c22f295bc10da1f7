"""Direct numbers that the platform supplies, as a company and its employees handle them (SPEC §B8.4-B8.8)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.direct_numbers import NumberState
from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.features.numbers import direct_numbers as ledger
from callcenter.features.numbers.tables import number_log
from callcenter.store.base import utcnow
from callcenter.store.documents import Documents
from callcenter.store.searching import number_is_like
from callcenter.store.tables.numbers import outside_number, seat
from callcenter.store.tables.people import employee
from callcenter.web.kit import SIGNED_IN, Body, Context, Id, Listing, Paging, Routes, ShortText, whole
from callcenter.web.lists import Named, page_of, people
from callcenter.web.services import Services

routes = Routes("direct numbers")

MANY = 500
Reason = Annotated[str, msgspec.Meta(max_length=200)]
Identity = Annotated[str, whole(r" *([0-9]{17}[0-9Xx]|[A-Za-z0-9]{6,15})? *", max_length=40)]
STEPS = (
    "not_found",
    "number_not_assigned",
    "number_not_activated",
    "number_activated",
    "number_bound",
    "number_leaving",
    "number_retired",
)


class SeatName(msgspec.Struct):
    id: int
    code: str


class DirectNumber(msgspec.Struct, kw_only=True):
    """`monthly_fee` in fen; `hint`: `leaving` while it works for the last time, `leave_reviewing` before that."""

    id: int
    number: str
    display: str
    region: str
    state: NumberState
    employee: Named | None
    iccid: str
    seat: SeatName | None
    monthly_fee: int
    dispatched_at: datetime | None
    activated_at: datetime | None
    leaves_at: datetime | None
    hint: Literal["leaving", "leave_reviewing"] | None


class NumberQuery(Paging, kw_only=True):
    state: NumberState | None = None
    assigned: Literal["yes", "no"] | None = None
    q: ShortText = ""


class NumberAssignment(Body, kw_only=True):
    ids: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=MANY)]
    employee_id: Id


class Activation(Body, kw_only=True):
    """`identity`: the number of the employee's identity card; only a keyed hash of it is kept."""

    identity: Identity = ""


class Binding(Body, kw_only=True):
    seat_id: Id


class Leave(Body, kw_only=True):
    reason: Reason = ""


class NumberEvent(msgspec.Struct):
    what: str
    employee: Named | None
    actor: Named | None
    note: str
    at: datetime


@routes.add(
    "GET",
    "/api/direct-numbers",
    permission="wallet.view",
    data="company",
    summary="Direct numbers that the platform has dispatched to the company",
    query=NumberQuery,
    answers=Listing[DirectNumber],
)
async def listing(services: Services, context: Context) -> Listing[DirectNumber]:
    wanted: NumberQuery = context.query
    query = base(context.company_id)
    if wanted.state is not None:
        query = query.where(_in_state(wanted.state))
    if wanted.assigned is not None:
        missing = outside_number.c.employee_id.is_(None)
        query = query.where(missing if wanted.assigned == "no" else ~missing)
    if wanted.q.strip():
        query = query.where(number_is_like(outside_number.c.number, wanted.q, services.settings.default_region))
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, outside_number.c.id.desc())
    return Listing([view_of(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/direct-numbers/assign",
    permission="wallet.spend",
    data="company",
    summary="Give numbers to one employee, who then activates them; all of them or none",
    body=NumberAssignment,
    answers=list[DirectNumber],
    errors=(*STEPS, "employee_unknown"),
)
async def assign(services: Services, context: Context) -> list[DirectNumber]:
    given: NumberAssignment = context.body
    me = context.me
    async with services.database.write() as connection:
        await ledger.assign(connection, me.company_id, given.ids, given.employee_id, by=me.employee_id, now=utcnow())
        await _audit(services, connection, context, "direct_number.assigned", str(given.employee_id), ids=given.ids)
        query = base(me.company_id).where(outside_number.c.id.in_(given.ids)).order_by(outside_number.c.id)
        return [view_of(row) for row in (await connection.execute(query)).all()]


@routes.add(
    "POST",
    "/api/direct-numbers/{id}/activate",
    permission=SIGNED_IN,
    data="own",
    summary="The employee takes the number under an identity card; the enterprise account only confirms that it was so",
    body=Activation,
    answers=DirectNumber,
    errors=(*STEPS, "identity_used_up", "number_not_taken", "invalid"),
)
async def activate(services: Services, context: Context) -> DirectNumber:
    given: Activation = context.body
    me = context.me
    async with services.database.write() as connection:
        row = await ledger.find(connection, me.company_id, context.params["id"])
        if row.employee_id == me.employee_id:
            identity = given.identity.strip().upper()
            if not identity:
                raise Refusal("invalid", reason="the identity number is missing - at `$.identity`")
            key = Documents(services.settings.data_dir).identity_key(identity)
            await ledger.activate(connection, row, key, by=me.employee_id, now=utcnow())
            await _audit(services, connection, context, "direct_number.activated", row.number)
        elif not me.may("wallet.spend"):
            raise Refusal("not_found")
        elif row.activated_at is None:  # SPEC §B8.6: without the employee the press has no effect
            raise Refusal("number_not_taken", number=row.number)
    return await _changed(services, me.company_id, row.id)


@routes.add(
    "POST",
    "/api/direct-numbers/{id}/bind",
    permission="wallet.spend",
    data="company",
    summary="Bind an activated number to a seat without a direct number; then the seat can dial",
    body=Binding,
    answers=DirectNumber,
    errors=(*STEPS, "seat_unknown", "seat_has_number", "number_inactive"),
)
async def bind(services: Services, context: Context) -> DirectNumber:
    return await _bind(services, context, context.body.seat_id)


@routes.add(
    "POST",
    "/api/direct-numbers/{id}/unbind",
    permission="wallet.spend",
    data="company",
    summary="Take a number off its seat, which then cannot dial with it",
    answers=DirectNumber,
    errors=("not_found", "number_not_bound"),
)
async def unbind(services: Services, context: Context) -> DirectNumber:
    return await _bind(services, context, None)


@routes.add(
    "POST",
    "/api/direct-numbers/{id}/leave",
    permission="wallet.spend",
    data="company",
    summary="Ask the platform to take a number back; it works until the end of the month of the approval",
    body=Leave,
    answers=DirectNumber,
    errors=STEPS,
)
async def leave(services: Services, context: Context) -> DirectNumber:
    given: Leave = context.body
    me = context.me
    async with services.database.write() as connection:
        row = await ledger.find(connection, me.company_id, context.params["id"])
        await ledger.ask_to_leave(connection, row, given.reason.strip(), by=me.employee_id, now=utcnow())
        await _audit(services, connection, context, "direct_number.leave_asked", row.number)
    return await _changed(services, me.company_id, row.id)


@routes.add(
    "GET",
    "/api/direct-numbers/{id}/log",
    permission="wallet.view",
    data="company",
    summary="What happened to a number, the newest first",
    answers=list[NumberEvent],
    errors=("not_found",),
)
async def log(services: Services, context: Context) -> list[NumberEvent]:
    company_id = context.company_id
    async with services.database.read() as connection:
        row = await ledger.find(connection, company_id, context.params["id"])
        query = select(number_log).where(number_log.c.company_id == company_id, number_log.c.number_id == row.id)
        rows = (await connection.execute(query.order_by(number_log.c.id.desc()))).all()
        names = await people(connection, company_id)
    return [
        NumberEvent(one.what, names.get(one.employee_id), names.get(one.actor_id), one.note, one.at) for one in rows
    ]


@routes.add(
    "GET",
    "/api/my/direct-numbers",
    permission="calls.dial",
    data="own",
    summary="Numbers that were given to me: those to activate first",
    answers=list[DirectNumber],
)
async def mine(services: Services, context: Context) -> list[DirectNumber]:
    query = base(context.company_id).where(outside_number.c.employee_id == context.me.employee_id)
    query = query.order_by(outside_number.c.activated_at.nulls_first(), outside_number.c.id)
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [view_of(row) for row in rows]


# -- for other resources ---------------------------------------------------------------------------------------------


def base(company_id: int) -> Any:
    return _joined().where(outside_number.c.company_id == company_id, outside_number.c.dispatched_at.is_not(None))


def _joined() -> Any:
    return (
        select(outside_number, seat.c.code.label("seat_code"), employee.c.name.label("employee_name"))
        .outerjoin(seat, seat.c.id == outside_number.c.seat_id)
        .outerjoin(employee, employee.c.id == outside_number.c.employee_id)
    )


def view_of(row: Any) -> DirectNumber:
    hint: Literal["leaving", "leave_reviewing"] | None = None
    if row.leave_state and row.state != "retired":
        hint = "leaving" if row.leaves_at is not None else "leave_reviewing"
    return DirectNumber(
        id=row.id,
        number=row.number,
        display=display(row.number),
        region=row.region,
        state=ledger.standing(row),
        employee=Named(row.employee_id, row.employee_name) if row.employee_name else None,
        iccid=row.iccid,
        seat=SeatName(row.seat_id, row.seat_code) if row.seat_code else None,
        monthly_fee=row.monthly_fee or 0,
        dispatched_at=row.dispatched_at,
        activated_at=row.activated_at,
        leaves_at=row.leaves_at,
        hint=hint,
    )


# -- inside ----------------------------------------------------------------------------------------------------------


def _in_state(state: NumberState) -> ColumnElement[bool]:
    """The rows of which `ledger.standing` says so."""
    column = outside_number.c.state
    staying = and_(column != "retired", outside_number.c.leave_state == "")
    in_use = and_(staying, column.not_in(("dispatched", "assigned")))
    match state:
        case NumberState.RETIRED:
            return column == "retired"
        case NumberState.LEAVING:
            return and_(column != "retired", outside_number.c.leave_state != "")
        case NumberState.BOUND:
            return and_(in_use, outside_number.c.seat_id.is_not(None))
        case NumberState.ACTIVATED:
            return and_(in_use, outside_number.c.seat_id.is_(None))
        case _:
            return and_(staying, column == state.value)


async def _bind(services: Services, context: Context, seat_id: int | None) -> DirectNumber:
    me = context.me
    async with services.database.write() as connection:
        row = await ledger.find(connection, me.company_id, context.params["id"])
        await ledger.bind(connection, row, seat_id, by=me.employee_id, now=utcnow())
        action = "direct_number.bound" if seat_id is not None else "direct_number.unbound"
        await _audit(services, connection, context, action, row.number, seat=seat_id)
    return await _changed(services, me.company_id, row.id)


async def _changed(services: Services, company_id: int, number_id: int) -> DirectNumber:
    await services.telephony.changed()
    async with services.database.read() as connection:
        return view_of((await connection.execute(base(company_id).where(outside_number.c.id == number_id))).one())


async def _audit(
    services: Services, connection: AsyncConnection, context: Context, action: str, what: str, **details: Any
) -> None:
    me = context.me
    await services.audit.write(connection, me.company_id, me.employee_id, action, what, context.ip, **details)
