"""Applications for direct numbers, and what the numbers have cost (SPEC §B8.4, §C11). Money in fen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import func, select

from callcenter.domain.numbers import display
from callcenter.features.money import wallet
from callcenter.features.numbers import direct_numbers as ledger
from callcenter.features.numbers.tables import number_application, number_fee
from callcenter.store.base import utcnow
from callcenter.store.searching import number_is_like
from callcenter.store.tables.numbers import outside_number
from callcenter.store.tables.people import employee
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.kit import Body, Context, Listing, Routes, ShortText
from callcenter.web.lists import Named, Period, clock, page_of, people
from callcenter.web.services import Services

routes = Routes("direct numbers")

ApplicationState = Literal["pending", "dispatched", "refused"]


class ApplicationView(msgspec.Struct, kw_only=True):
    """`fee`: fen for one number and its first month; what is not dispatched yet is frozen (`frozen`)."""

    id: int
    quantity: int
    dispatched: int
    region: str
    fee: int
    frozen: int
    state: Literal["pending", "dispatched", "refused"]
    answer: str
    applicant: Named | None
    created_at: datetime


class ApplicationQuery(Period, kw_only=True):
    state: ApplicationState | None = None


class NewApplication(Body, kw_only=True):
    """`region`: the 归属地 that called parties should see."""

    quantity: Annotated[int, msgspec.Meta(ge=1, le=500)]
    region: Annotated[str, msgspec.Meta(max_length=64)] = ""


class FeeView(msgspec.Struct, kw_only=True):
    """One deduction: one number, one month."""

    id: int
    number: str
    display: str
    month: str
    amount: int
    at: datetime
    applied_at: datetime | None
    applicant: Named | None
    dispatched_at: datetime | None


class Fees(msgspec.Struct):
    """`total_amount`: fen of all rows that match."""

    items: list[FeeView]
    total: int
    page: int
    page_size: int
    total_amount: int


class FeeQuery(Period, kw_only=True):
    """`q` finds numbers."""

    q: ShortText = ""


def application_view(row: Any, names: dict[int, Named]) -> ApplicationView:
    left = row.quantity - row.dispatched if row.state == "pending" else 0
    return ApplicationView(
        id=row.id,
        quantity=row.quantity,
        dispatched=row.dispatched,
        region=row.region,
        fee=row.fee,
        frozen=row.fee * left,
        state=row.state,
        answer=row.answer,
        applicant=names.get(row.applicant_id),
        created_at=row.created_at,
    )


@routes.add(
    "GET",
    "/api/number-applications",
    permission="wallet.view",
    data="company",
    summary="Applications for direct numbers, the newest first",
    query=ApplicationQuery,
    answers=Listing[ApplicationView],
)
async def applications(services: Services, context: Context) -> Listing[ApplicationView]:
    wanted: ApplicationQuery = context.query
    query = select(number_application).where(
        number_application.c.company_id == context.company_id, *wanted.on(number_application.c.created_at)
    )
    if wanted.state is not None:
        query = query.where(number_application.c.state == wanted.state)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, number_application.c.id.desc())
        names = await people(connection, context.company_id)
    return Listing([application_view(row, names) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/number-applications",
    permission="wallet.spend",
    data="company",
    summary="Ask for direct numbers; their first month is frozen. An Idempotency-Key header is kept when there is one",
    body=NewApplication,
    answers=ApplicationView,
    status=201,
    errors=("quantity_above_seats", "balance_too_low", "key_reused"),
)
async def apply(services: Services, context: Context) -> ApplicationView:
    given: NewApplication = context.body
    me = context.me
    key = context.any_idempotency_key
    async with services.database.write() as connection:
        fresh = await wallet.keyed(connection, number_application, me.company_id, key) is None
        row = await ledger.apply(
            connection, me.company_id, given.quantity, given.region.strip(), key=key, by=me.employee_id, now=utcnow()
        )
        if fresh:
            asked = {"quantity": row.quantity}
            await services.audit.write(
                connection, me.company_id, me.employee_id, "numbers.asked", str(row.id), context.ip, **asked
            )
        return application_view(row, await people(connection, me.company_id))


@routes.add(
    "GET",
    "/api/number-fees",
    permission="wallet.view",
    data="company",
    summary="Deductions for direct numbers: one for each number and month",
    query=FeeQuery,
    answers=Fees,
)
async def charged(services: Services, context: Context) -> Fees:
    wanted: FeeQuery = context.query
    query = _matching(services, context, wanted)
    matching = query.subquery()
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, number_fee.c.id.desc())
        amount = (await connection.execute(select(func.sum(matching.c.amount)))).scalar()
    return Fees([_view(row) for row in rows], total, wanted.page, wanted.page_size, int(amount or 0))


@routes.add(
    "GET",
    "/api/number-fees/export",
    permission="wallet.view",
    data="company",
    summary="The filtered deductions as a spreadsheet",
    query=FeeQuery,
    raw=True,
    errors=("exports_busy",),
)
async def export(services: Services, context: Context) -> web.StreamResponse:
    columns = ("号码", "月份", "申请时间", "申请人", "派发时间", "扣费金额", "扣费时间")
    return await sheets.answer(services, context, "number-fees", columns, _lines(services, context))


async def _lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    query = _matching(services, context, context.query).order_by(number_fee.c.id.desc())
    async with services.database.read() as connection:
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query):
            yield [
                (
                    one.display,
                    one.month,
                    clock(one.applied_at, zone),
                    one.applicant.name if one.applicant else "",
                    clock(one.dispatched_at, zone),
                    sheets.yuan(one.amount),
                    clock(one.at, zone),
                )
                for one in map(_view, rows)
            ]


def _matching(services: Services, context: Context, wanted: FeeQuery) -> Any:
    query = (
        select(
            number_fee,
            outside_number.c.dispatched_at,
            number_application.c.created_at.label("applied_at"),
            number_application.c.applicant_id,
            employee.c.name.label("applicant_name"),
        )
        .join(outside_number, outside_number.c.id == number_fee.c.number_id)
        .outerjoin(number_application, number_application.c.id == outside_number.c.application_id)
        .outerjoin(employee, employee.c.id == number_application.c.applicant_id)
        .where(number_fee.c.company_id == context.company_id, *wanted.on(number_fee.c.at))
    )
    if not wanted.q.strip():
        return query
    return query.where(number_is_like(number_fee.c.number, wanted.q, services.settings.default_region))


def _view(row: Any) -> FeeView:
    month: date = row.month
    return FeeView(
        id=row.id,
        number=row.number,
        display=display(row.number),
        month=f"{month:%Y-%m}",
        amount=row.amount,
        at=row.at,
        applied_at=row.applied_at,
        applicant=Named(row.applicant_id, row.applicant_name) if row.applicant_name else None,
        dispatched_at=row.dispatched_at,
    )
