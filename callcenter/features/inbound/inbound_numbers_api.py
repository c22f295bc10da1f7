"""Inbound numbers: which group takes their calls, in which order, and when they are open."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import dialable, display
from callcenter.domain.refusals import Refusal
from callcenter.features.inbound.groups_api import changed, require_group
from callcenter.features.numbers.number_claims_api import require_own
from callcenter.store.tables.inbound import agent_group, business_hours, inbound_number
from callcenter.store.tables.people import company
from callcenter.web.kit import Body, Context, Id, Routes
from callcenter.web.services import Services
from callcenter.web.typed_numbers import e164_of

routes = Routes("inbound")

Number = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Priority = Annotated[int, msgspec.Meta(ge=0, le=20)]
ClosedAction = Literal["hang_up", "voicemail"]


class NumberView(msgspec.Struct):
    id: int
    number: str
    display: str
    group_id: int
    group: str
    priority: int
    hours_id: int | None
    closed_action: ClosedAction


class NewNumber(Body, kw_only=True):
    number: Number
    group_id: Id
    priority: Priority = 0
    hours_id: Id | None = None
    closed_action: ClosedAction = "hang_up"


class NumberChange(Body, kw_only=True):
    """A higher priority waits before others; without hours the number is always open."""

    group_id: Id | msgspec.UnsetType = msgspec.UNSET
    priority: Priority | msgspec.UnsetType = msgspec.UNSET
    hours_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    closed_action: ClosedAction | msgspec.UnsetType = msgspec.UNSET


@routes.add(
    "GET",
    "/api/numbers",
    permission="employees.view",
    data="company",
    summary="Inbound numbers",
    answers=list[NumberView],
)
async def numbers(services: Services, context: Context) -> list[NumberView]:
    query = (
        select(inbound_number, agent_group.c.name)
        .join(agent_group, agent_group.c.id == inbound_number.c.group_id)
        .where(inbound_number.c.company_id == context.company_id)
        .order_by(inbound_number.c.id)
    )
    async with services.database.read() as connection:
        return [
            NumberView(
                row.id,
                row.number,
                display(row.number),
                row.group_id,
                row.name,
                row.priority,
                row.hours_id,
                row.closed_action,
            )
            for row in (await connection.execute(query)).all()
        ]


@routes.add(
    "POST",
    "/api/numbers",
    permission="numbers.edit",
    data="company",
    summary="Lead an inbound number to a group",
    body=NewNumber,
    answers=NumberView,
    status=201,
    errors=(
        "number_invalid",
        "number_unconfirmed",
        "number_taken",
        "access_number_taken",
        "group_unknown",
        "hours_unknown",
    ),
)
async def create_number(services: Services, context: Context) -> NumberView:
    given: NewNumber = context.body
    company_id = context.company_id
    region = services.settings.default_region
    number = e164_of(given.number, region)
    async with services.database.read() as connection:
        await require_group(connection, company_id, given.group_id, "group_unknown")
        await _require_hours(connection, company_id, given.hours_id)
    await require_own(services, context, [number])
    async with services.database.write() as connection:
        taken = select(inbound_number.c.id).where(inbound_number.c.number == number)
        if (await connection.execute(taken.execution_options(all_companies=True))).first():
            raise Refusal("number_taken")
        access = select(company.c.id).where(company.c.access_number == dialable(number, region))
        if (await connection.execute(access)).first():
            raise Refusal("access_number_taken", number=given.number)
        row = await connection.execute(
            insert(inbound_number)
            .values(
                company_id=company_id,
                number=number,
                group_id=given.group_id,
                priority=given.priority,
                hours_id=given.hours_id,
                closed_action=given.closed_action,
            )
            .returning(inbound_number.c.id)
        )
        made = row.scalar_one()
    await changed(services, context, "number.created", made)
    return next(view for view in await numbers(services, context) if view.id == made)


@routes.add(
    "PATCH",
    "/api/numbers/{id}",
    permission="numbers.edit",
    data="company",
    summary="Change where an inbound number leads, its priority or its hours",
    body=NumberChange,
    answers=NumberView,
    errors=("not_found", "group_unknown", "hours_unknown"),
)
async def change_number(services: Services, context: Context) -> NumberView:
    given: NumberChange = context.body
    company_id, number_id = context.company_id, context.params["id"]
    fields = NumberChange.__struct_fields__
    values = {name: getattr(given, name) for name in fields if getattr(given, name) is not msgspec.UNSET}
    mine = (inbound_number.c.company_id == company_id, inbound_number.c.id == number_id)
    async with services.database.write() as connection:
        if (await connection.execute(select(inbound_number.c.id).where(*mine))).first() is None:
            raise Refusal("not_found")
        if "group_id" in values:
            await require_group(connection, company_id, values["group_id"], "group_unknown")
        await _require_hours(connection, company_id, values.get("hours_id"))
        if values:
            await connection.execute(update(inbound_number).where(*mine).values(**values))
    await changed(services, context, "number.changed", number_id)
    return next(view for view in await numbers(services, context) if view.id == number_id)


@routes.add(
    "DELETE",
    "/api/numbers/{id}",
    permission="numbers.edit",
    data="company",
    summary="Stop taking calls on a number",
    status=204,
    errors=("not_found",),
)
async def remove_number(services: Services, context: Context) -> None:
    statement = delete(inbound_number).where(
        inbound_number.c.company_id == context.company_id, inbound_number.c.id == context.params["id"]
    )
    async with services.database.write() as connection:
        number = (await connection.execute(statement.returning(inbound_number.c.number))).scalar()
        if number is None:
            raise Refusal("not_found")
    await changed(services, context, "number.deleted", context.params["id"], number=number)


async def _require_hours(connection: AsyncConnection, company_id: int, hours_id: int | None) -> None:
    if hours_id is None:
        return
    query = select(business_hours.c.id).where(
        business_hours.c.company_id == company_id, business_hours.c.id == hours_id
    )
    if (await connection.execute(query)).first() is None:
        raise Refusal("hours_unknown")
