"""Business hours: weekly intervals and dated holidays, in the company's time zone (P-15)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.hours import BadHours, parse
from callcenter.domain.refusals import Refusal
from callcenter.features.inbound.groups_api import changed
from callcenter.store.base import utcnow
from callcenter.store.tables.inbound import business_hours, inbound_number
from callcenter.store.tables.people import company
from callcenter.web.kit import Body, Context, Name, Routes, ShortText, whole
from callcenter.web.services import Services

routes = Routes("hours")

WEEKDAYS = ("1", "2", "3", "4", "5", "6", "7")
Clock = Annotated[str, whole("[0-2][0-9]:[0-5][0-9]")]


class Interval(Body):
    """Open from `start` on, closed again at `end`; `24:00` ends a day."""

    start: Clock
    end: Clock


Intervals = Annotated[list[Interval], msgspec.Meta(max_length=10)]


class Holiday(Body, kw_only=True):
    """A date with hours of its own; without any it is closed all day."""

    date: Annotated[str, whole("[0-9]{4}-[0-9]{2}-[0-9]{2}")]
    name: ShortText = ""
    intervals: Intervals = msgspec.field(default_factory=list)


Weekly = Annotated[dict[str, Intervals], msgspec.Meta(max_length=7)]
Holidays = Annotated[list[Holiday], msgspec.Meta(max_length=400)]


class NewHours(Body, kw_only=True):
    """`weekly`: `1` (Monday) to `7`; a day that is missing is closed."""

    name: Name
    weekly: Weekly
    holidays: Holidays = msgspec.field(default_factory=list)


class HoursChange(Body, kw_only=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET
    weekly: Weekly | msgspec.UnsetType = msgspec.UNSET
    holidays: Holidays | msgspec.UnsetType = msgspec.UNSET


class HoursView(msgspec.Struct):
    """`weekly` has all seven days; `next_opening` is null when it is open, or never opens."""

    id: int
    name: str
    weekly: dict[str, list[Interval]]
    holidays: list[Holiday]
    time_zone: str
    open_now: bool
    next_opening: datetime | None
    numbers: list[str]


@routes.add(
    "GET",
    "/api/hours",
    permission="employees.view",
    data="company",
    summary="Business hours and whether they are open right now",
    answers=list[HoursView],
)
async def all_hours(services: Services, context: Context) -> list[HoursView]:
    async with services.database.read() as connection:
        return await _views(connection, context.company_id)


@routes.add(
    "POST",
    "/api/hours",
    permission="numbers.edit",
    data="company",
    summary="Add business hours; numbers are led to them afterwards",
    body=NewHours,
    answers=HoursView,
    status=201,
    errors=("name_taken", "hours_invalid"),
)
async def create(services: Services, context: Context) -> HoursView:
    given: NewHours = context.body
    values = _checked(given.weekly, given.holidays)
    async with services.database.write() as connection:
        await _require_free_name(connection, context.company_id, given.name)
        row = await connection.execute(
            insert(business_hours)
            .values(company_id=context.company_id, name=given.name, **values)
            .returning(business_hours.c.id)
        )
        made = row.scalar_one()
    await changed(services, context, "hours.created", made)
    return await _view(services, context, made)


@routes.add(
    "PATCH",
    "/api/hours/{id}",
    permission="numbers.edit",
    data="company",
    summary="Change business hours",
    body=HoursChange,
    answers=HoursView,
    errors=("not_found", "name_taken", "hours_invalid"),
)
async def change(services: Services, context: Context) -> HoursView:
    given: HoursChange = context.body
    company_id, hours_id = context.company_id, context.params["id"]
    mine = (business_hours.c.company_id == company_id, business_hours.c.id == hours_id)
    async with services.database.write() as connection:
        row = (await connection.execute(select(business_hours).where(*mine))).first()
        if row is None:
            raise Refusal("not_found")
        weekly = row.weekly if given.weekly is msgspec.UNSET else given.weekly
        holidays = msgspec.convert(row.holidays, list[Holiday]) if given.holidays is msgspec.UNSET else given.holidays
        values = _checked(weekly, holidays)
        if given.name is not msgspec.UNSET:
            await _require_free_name(connection, company_id, given.name, but=hours_id)
            values["name"] = given.name
        await connection.execute(update(business_hours).where(*mine).values(**values))
    await changed(services, context, "hours.changed", hours_id)
    return await _view(services, context, hours_id)


@routes.add(
    "DELETE",
    "/api/hours/{id}",
    permission="numbers.edit",
    data="company",
    summary="Delete business hours that no number keeps",
    status=204,
    errors=("not_found", "hours_in_use"),
)
async def remove(services: Services, context: Context) -> None:
    company_id, hours_id = context.company_id, context.params["id"]
    kept = select(inbound_number.c.id).where(
        inbound_number.c.company_id == company_id, inbound_number.c.hours_id == hours_id
    )
    gone = delete(business_hours).where(business_hours.c.company_id == company_id, business_hours.c.id == hours_id)
    async with services.database.write() as connection:
        if (await connection.execute(kept)).first() is not None:
            raise Refusal("hours_in_use")
        name = (await connection.execute(gone.returning(business_hours.c.name))).scalar()
        if name is None:
            raise Refusal("not_found")
    await changed(services, context, "hours.deleted", hours_id, name=name)


def _checked(weekly: Any, holidays: list[Holiday]) -> dict[str, Any]:
    """The columns as they are stored, in order of date; raises `hours_invalid` with the reason."""
    dated = sorted((msgspec.to_builtins(one) for one in holidays), key=lambda one: str(one["date"]))
    week = {day: spans for day, spans in msgspec.to_builtins(weekly).items() if spans}
    try:
        parse(week, dated)
    except BadHours as error:
        raise Refusal("hours_invalid", reason=str(error)) from None
    return {"weekly": week, "holidays": dated}


async def _require_free_name(connection: AsyncConnection, company_id: int, name: str, but: int = 0) -> None:
    query = select(business_hours.c.id).where(
        business_hours.c.company_id == company_id, business_hours.c.name == name, business_hours.c.id != but
    )
    if (await connection.execute(query)).first() is not None:
        raise Refusal("name_taken")


async def _view(services: Services, context: Context, hours_id: int) -> HoursView:
    async with services.database.read() as connection:
        return next(one for one in await _views(connection, context.company_id) if one.id == hours_id)


async def _views(connection: AsyncConnection, company_id: int) -> list[HoursView]:
    zone = str((await connection.execute(select(company.c.time_zone).where(company.c.id == company_id))).scalar_one())
    kept: dict[int, list[str]] = {}
    leading = select(inbound_number.c.number, inbound_number.c.hours_id).where(
        inbound_number.c.company_id == company_id, inbound_number.c.hours_id.is_not(None)
    )
    for row in (await connection.execute(leading)).all():
        kept.setdefault(row.hours_id, []).append(row.number)
    query = select(business_hours).where(business_hours.c.company_id == company_id).order_by(business_hours.c.id)
    local = utcnow().astimezone(ZoneInfo(zone))
    found = []
    for row in (await connection.execute(query)).all():
        hours = parse(row.weekly, row.holidays)
        is_open = hours.open_at(local)
        found.append(
            HoursView(
                id=row.id,
                name=row.name,
                weekly={day: msgspec.convert(row.weekly.get(day, []), list[Interval]) for day in WEEKDAYS},
                holidays=msgspec.convert(row.holidays, list[Holiday]),
                time_zone=zone,
                open_now=is_open,
                next_opening=None if is_open else hours.next_opening(local),
                numbers=sorted(kept.get(row.id, [])),
            )
        )
    return found
