"""Outside numbers: what called parties see, each bound to at most one seat (T-05; SPEC §B8.1-B8.3, §B8.7)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.direct_numbers import Step, refusal
from callcenter.domain.numbers import BadNumber, display, normalise, region_of
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import NumberKind
from callcenter.features.numbers.direct_numbers import IN_USE, note, standing
from callcenter.features.numbers.number_claims_api import require_own
from callcenter.store.base import utcnow
from callcenter.store.searching import number_is_like
from callcenter.store.tables.numbers import outside_number, seat
from callcenter.store.tables.people import employee
from callcenter.web.errors import CATALOGUE
from callcenter.web.kit import Body, Context, Id, Listing, Paging, Routes, ShortText
from callcenter.web.services import Services

routes = Routes("outside numbers")

Number = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Region = Annotated[str, msgspec.Meta(max_length=64)]
MANY = 500


class BoundSeat(msgspec.Struct):
    id: int
    code: str
    employee: str


class OutsideNumberView(msgspec.Struct):
    id: int
    number: str
    display: str
    kind: NumberKind
    region: str
    state: str
    seat: BoundSeat | None
    last_shown_at: datetime | None
    created_at: datetime


class OutsideNumberQuery(Paging, kw_only=True):
    q: ShortText = ""
    kind: NumberKind | None = None
    filter: Literal["all", "unbound", "bound", "inactive"] = "all"


class NewOutsideNumbers(Body, kw_only=True):
    """All numbers are added, or none: a bad one is named in the error's `rows`."""

    numbers: Annotated[list[Number], msgspec.Meta(min_length=1, max_length=MANY)]
    kind: NumberKind
    region: Region = ""
    """归属地; empty: as the numbering plan says."""


class OutsideNumberChange(Body, kw_only=True):
    region: Region | msgspec.UnsetType = msgspec.UNSET
    state: Literal["active", "inactive"] | msgspec.UnsetType = msgspec.UNSET
    """An inactive number is shown to nobody and opens no gate; it stays bound."""
    seat_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    """The seat to bind it to; null unbinds."""


class Pair(msgspec.Struct, forbid_unknown_fields=True):
    number: Number
    seat: ShortText
    """The seat's code."""


class Bindings(Body, kw_only=True):
    pairs: Annotated[list[Pair], msgspec.Meta(min_length=1, max_length=MANY)]


class Bound(msgspec.Struct):
    bound: int


@routes.add(
    "GET",
    "/api/outside-numbers",
    permission="employees.view",
    data="company",
    summary="Numbers of the company that called parties see",
    query=OutsideNumberQuery,
    answers=Listing[OutsideNumberView],
)
async def numbers(services: Services, context: Context) -> Listing[OutsideNumberView]:
    wanted: OutsideNumberQuery = context.query
    query = _base(context.company_id)
    if wanted.kind is not None:
        query = query.where(outside_number.c.kind == wanted.kind.value)
    if wanted.filter == "unbound":
        query = query.where(outside_number.c.seat_id.is_(None))
    elif wanted.filter == "bound":
        query = query.where(outside_number.c.seat_id.is_not(None))
    elif wanted.filter == "inactive":
        query = query.where(outside_number.c.state != "active")
    if text := wanted.q.strip():
        searched = (seat.c.code, employee.c.name, outside_number.c.region)
        columns: list[Any] = [column.icontains(text, autoescape=True) for column in searched]
        columns.append(number_is_like(outside_number.c.number, text, services.settings.default_region))
        query = query.where(or_(*columns))
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        page = query.order_by(outside_number.c.number).limit(wanted.page_size).offset(wanted.offset)
        rows = (await connection.execute(page)).all()
    return Listing([_view(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/outside-numbers",
    permission="numbers.edit",
    data="company",
    summary="Add numbers; all of them or none",
    body=NewOutsideNumbers,
    answers=list[OutsideNumberView],
    status=201,
    errors=("rows_invalid", "number_unconfirmed", "number_taken"),
)
async def create(services: Services, context: Context) -> list[OutsideNumberView]:
    given: NewOutsideNumbers = context.body
    company_id, region = context.company_id, services.settings.default_region
    wrong: list[dict[str, Any]] = []
    wanted: dict[str, int] = {}
    for index, typed in enumerate(given.numbers):
        number = _normalised(typed, region)
        if number is None:
            wrong.append(_wrong(index, "number_invalid", number=typed))
        elif number in wanted:
            wrong.append(_wrong(index, "number_twice", number=typed))
        else:
            wanted[number] = index
    if not wrong:
        await require_own(services, context, wanted)
    # The tables of places are large and read once; meanwhile nobody's call waits.
    places = {one: given.region or await asyncio.to_thread(region_of, one) for one in wanted}
    async with services.database.write() as connection:
        wrong += await _taken(connection, wanted, given.numbers)
        if wrong:
            raise Refusal("rows_invalid", rows=sorted(wrong, key=lambda one: one["row"]))
        await connection.execute(
            insert(outside_number),
            [
                {
                    "company_id": company_id,
                    "number": one,
                    "kind": given.kind.value,
                    "region": places[one][:64],
                    "created_at": utcnow(),
                }
                for one in wanted
            ],
        )
    await _changed(services, context, "outside_number.created", f"{len(wanted)}", numbers=list(wanted)[:50])
    query = _base(company_id).where(outside_number.c.number.in_(list(wanted)), IN_USE).order_by(outside_number.c.number)
    async with services.database.read() as connection:
        return [_view(row) for row in (await connection.execute(query)).all()]


@routes.add(
    "PATCH",
    "/api/outside-numbers/{id}",
    permission="numbers.edit",
    data="company",
    summary="Bind a number to a seat or unbind it, switch it on or off, correct its region",
    body=OutsideNumberChange,
    answers=OutsideNumberView,
    errors=(
        "not_found",
        "seat_unknown",
        "number_bound",
        "seat_has_number",
        "number_inactive",
        "number_not_activated",
        "number_retired",
        "number_leaving",
    ),
)
async def change(services: Services, context: Context) -> OutsideNumberView:
    given: OutsideNumberChange = context.body
    company_id, number_id = context.company_id, context.params["id"]
    values = {key: value for key, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}
    async with services.database.write() as connection:
        row = await _require(connection, company_id, number_id)
        _keep_life(row, values)
        if values.get("seat_id") is not None:
            state = values.get("state", row.state)
            code = await _refusal(connection, company_id, row, values["seat_id"], state)
            if code:
                raise Refusal(code, number=row.number)
        if values:
            await connection.execute(
                update(outside_number)
                .where(outside_number.c.company_id == company_id, outside_number.c.id == number_id)
                .values(**values)
            )
        if "seat_id" in values and row.dispatched_at is not None:
            what = "bound" if values["seat_id"] is not None else "unbound"
            await note(connection, company_id, number_id, what, by=context.me.employee_id, now=utcnow())
    action = "outside_number.changed"
    if "seat_id" in values:
        action = "outside_number.bound" if values["seat_id"] is not None else "outside_number.unbound"
    await _changed(services, context, action, row.number, changes=values)
    return await _one(services, company_id, number_id)


@routes.add(
    "DELETE",
    "/api/outside-numbers/{id}",
    permission="numbers.edit",
    data="company",
    summary="Delete a number that no seat has; calls keep what they showed",
    status=204,
    errors=("not_found", "number_bound", "number_of_platform"),
)
async def remove(services: Services, context: Context) -> None:
    company_id, number_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        row = await _require(connection, company_id, number_id)
        if row.seat_id is not None:
            raise Refusal("number_bound", number=row.number)
        if row.dispatched_at is not None:
            raise Refusal("number_of_platform", number=row.number)
        await connection.execute(
            delete(outside_number).where(outside_number.c.company_id == company_id, outside_number.c.id == number_id)
        )
    await _changed(services, context, "outside_number.deleted", row.number)


@routes.add(
    "POST",
    "/api/outside-numbers/bindings",
    permission="numbers.edit",
    data="company",
    summary="Bind many numbers to seats at once; all of them or none",
    body=Bindings,
    answers=Bound,
    errors=("rows_invalid",),
)
async def bind_many(services: Services, context: Context) -> Bound:
    given: Bindings = context.body
    company_id, region = context.company_id, services.settings.default_region
    wrong: list[dict[str, Any]] = []
    async with services.database.write() as connection:
        for index, pair in enumerate(given.pairs):
            code = await _bind(connection, company_id, _normalised(pair.number, region), pair.seat.strip())
            if code:
                wrong.append(_wrong(index, code, number=pair.number, seat=pair.seat))
        if wrong:
            raise Refusal("rows_invalid", rows=wrong)  # and nothing of it is kept
    count = len(given.pairs)
    await _changed(services, context, "outside_number.bound", f"{count}", pairs=msgspec.to_builtins(given.pairs)[:50])
    return Bound(count)


# -- inside ----------------------------------------------------------------------------------------------------------


def _base(company_id: int) -> Any:
    return (
        select(outside_number, seat.c.code.label("seat_code"), employee.c.name.label("employee_name"))
        .outerjoin(seat, seat.c.id == outside_number.c.seat_id)
        .outerjoin(employee, employee.c.id == seat.c.employee_id)
        .where(outside_number.c.company_id == company_id)
    )


def _view(row: Any) -> OutsideNumberView:
    return OutsideNumberView(
        id=row.id,
        number=row.number,
        display=display(row.number),
        kind=row.kind,
        region=row.region,
        state=row.state,
        seat=BoundSeat(row.seat_id, row.seat_code, row.employee_name or "") if row.seat_code else None,
        last_shown_at=row.last_shown_at,
        created_at=row.created_at,
    )


def _wrong(row: int, code: str, **what: str) -> dict[str, Any]:
    """One bad row of a list: where it stands from 0, what it says and what is wrong with it, in both languages."""
    text = CATALOGUE[code]
    return {"row": row, **what, "code": code, "message": {"zh": text.zh, "en": text.en}}


def _normalised(typed: str, region: str) -> str | None:
    try:
        return normalise(typed, region)
    except BadNumber:
        return None


async def _taken(connection: AsyncConnection, wanted: dict[str, int], typed: Sequence[str]) -> list[dict[str, Any]]:
    """Rows whose number is known already; a number belongs to one company of the platform."""
    query = select(outside_number.c.number).where(outside_number.c.number.in_(list(wanted)), IN_USE)
    rows = await connection.execute(query.execution_options(all_companies=True))
    return [_wrong(wanted[number], "number_taken", number=typed[wanted[number]]) for number in rows.scalars()]


async def _bind(connection: AsyncConnection, company_id: int, number: str | None, code: str) -> str:
    """Binds one number; empty when done, else why not."""
    if number is None:
        return "number_invalid"
    named = (outside_number.c.company_id == company_id, outside_number.c.number == number, IN_USE)
    query = select(outside_number).where(*named)
    row = (await connection.execute(query)).first()
    if row is None:
        return "number_unknown"
    found = select(seat.c.id).where(seat.c.company_id == company_id, seat.c.code == code)
    seat_id = (await connection.execute(found)).scalar()
    if seat_id is None:
        return "seat_unknown"
    refusal = await _refusal(connection, company_id, row, seat_id, row.state)
    if not refusal:
        mine = (outside_number.c.company_id == company_id, outside_number.c.id == row.id)
        await connection.execute(update(outside_number).where(*mine).values(seat_id=seat_id))
    return refusal


async def _refusal(connection: AsyncConnection, company_id: int, row: Any, seat_id: int, state: str) -> str:
    """Why a number cannot be bound to that seat; empty when it can, or is already (SPEC §B8.2, §B8.7: 1 to 1)."""
    if row.seat_id == seat_id:
        return ""
    known = select(seat.c.id).where(seat.c.company_id == company_id, seat.c.id == seat_id)
    if (await connection.execute(known)).first() is None:
        return "seat_unknown"
    if row.seat_id is not None:
        return "number_bound"
    if row.dispatched_at is not None and (code := refusal(standing(row), Step.BIND)):
        return code
    if state != "active":
        return "number_inactive"
    other = select(outside_number.c.id).where(
        outside_number.c.company_id == company_id,
        outside_number.c.seat_id == seat_id,
        outside_number.c.kind == row.kind,
    )
    return "seat_has_number" if (await connection.execute(other)).first() is not None else ""


def _keep_life(row: Any, values: dict[str, Any]) -> None:
    """A number of the platform is switched on by its activation only, and does not come back (SPEC §B8.6, §B8.8)."""
    if row.dispatched_at is None or "state" not in values:
        return
    if row.state == "retired":
        raise Refusal("number_retired", number=row.number)
    if row.activated_at is None:
        raise Refusal("number_not_activated", number=row.number)


async def _require(connection: AsyncConnection, company_id: int, number_id: int) -> Any:
    query = select(outside_number).where(outside_number.c.company_id == company_id, outside_number.c.id == number_id)
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def _one(services: Services, company_id: int, number_id: int) -> OutsideNumberView:
    async with services.database.read() as connection:
        return _view((await connection.execute(_base(company_id).where(outside_number.c.id == number_id))).one())


async def _changed(services: Services, context: Context, action: str, what: str, **details: Any) -> None:
    await services.audit.add(context.company_id, context.me.employee_id, action, what, context.ip, **details)
    await services.telephony.changed()
