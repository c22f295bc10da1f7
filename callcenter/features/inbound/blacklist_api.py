"""The blacklist: numbers that nobody in the company may dial."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy import delete, insert, select

from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.features.inbound.groups_api import changed
from callcenter.store.base import utcnow
from callcenter.store.tables.inbound import blacklist
from callcenter.web.kit import Body, Context, Routes, ShortText
from callcenter.web.services import Services
from callcenter.web.typed_numbers import number_of

routes = Routes("inbound")

Number = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]


class BlacklistView(msgspec.Struct):
    id: int
    number: str
    display: str
    reason: str
    created_at: datetime


class NewBlacklisted(Body, kw_only=True):
    number: Number
    reason: ShortText = ""


@routes.add(
    "GET",
    "/api/blacklist",
    permission="employees.view",
    data="company",
    summary="Numbers that may not be dialled",
    answers=list[BlacklistView],
)
async def blacklisted(services: Services, context: Context) -> list[BlacklistView]:
    query = select(blacklist).where(blacklist.c.company_id == context.company_id).order_by(blacklist.c.id.desc())
    async with services.database.read() as connection:
        return [
            BlacklistView(row.id, row.number, display(row.number), row.reason, row.created_at)
            for row in (await connection.execute(query)).all()
        ]


@routes.add(
    "POST",
    "/api/blacklist",
    permission="numbers.edit",
    data="company",
    summary="Put a number on the blacklist",
    body=NewBlacklisted,
    answers=BlacklistView,
    status=201,
    errors=("number_invalid", "number_taken"),
)
async def add_blacklisted(services: Services, context: Context) -> BlacklistView:
    given: NewBlacklisted = context.body
    company_id = context.company_id
    region = services.settings.default_region
    async with services.database.write() as connection:
        number = (await number_of(connection, company_id, given.number, region)).e164
        known = select(blacklist.c.id).where(blacklist.c.company_id == company_id, blacklist.c.number == number)
        if (await connection.execute(known)).first():
            raise Refusal("number_taken")
        row = await connection.execute(
            insert(blacklist)
            .values(company_id=company_id, number=number, reason=given.reason, created_at=utcnow())
            .returning(blacklist.c.id)
        )
        made = row.scalar_one()
    await changed(services, context, "blacklist.added", made)
    return next(view for view in await blacklisted(services, context) if view.id == made)


@routes.add(
    "DELETE",
    "/api/blacklist/{id}",
    permission="numbers.edit",
    data="company",
    summary="Take a number off the blacklist",
    status=204,
    errors=("not_found",),
)
async def remove_blacklisted(services: Services, context: Context) -> None:
    statement = delete(blacklist).where(
        blacklist.c.company_id == context.company_id, blacklist.c.id == context.params["id"]
    )
    async with services.database.write() as connection:
        number = (await connection.execute(statement.returning(blacklist.c.number))).scalar()
        if number is None:
            raise Refusal("not_found")
    await changed(services, context, "blacklist.removed", context.params["id"], number=number)
