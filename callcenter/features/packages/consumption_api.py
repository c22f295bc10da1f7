"""What every call cost: which employee, which package, how many minutes (SPEC §C1.4, §B7.5)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Select, func, literal, null, select, union_all

from callcenter.domain.numbers import display
from callcenter.ledger.book import Entry, Kind
from callcenter.store.tables.books import account, posting, reservation
from callcenter.store.tables.calls import call, leg
from callcenter.store.tables.packages import voice_package
from callcenter.store.tables.people import employee
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.identity import Identity
from callcenter.web.kit import Context, Id, Routes
from callcenter.web.lists import Named, Period, clock
from callcenter.web.seen_numbers import number_hidden, seen_by
from callcenter.web.services import Services

routes = Routes("consumption")

COLUMNS = ("拨打时间", "员工", "主叫号码", "被叫号码", "语音包", "通话时长", "消耗分钟")
"""SPEC §B7.5, and the package that paid."""
THIRD = ".third"
"""What a third party's minutes are held under, after the call's id (see `ledger/holds.py`)."""


class ConsumptionRow(msgspec.Struct):
    """One charge of one leg; `minutes` whole. A call that was not answered is there with zero."""

    call_id: str
    leg_id: str | None
    at: datetime
    """When it was charged."""
    started_at: datetime
    """When the call was dialled; period and order go by it."""
    employee: Named
    caller_number: str
    """The number of ours that the customer saw."""
    caller_number_display: str
    number: str
    number_display: str
    package: Named
    duration_seconds: int
    minutes: int


class Consumption(msgspec.Struct):
    items: list[ConsumptionRow]
    total: int
    page: int
    page_size: int
    total_seconds: int
    """Talk of all rows that match. A leg that two packages paid for counts once."""
    total_minutes: int


class ConsumptionQuery(Period, kw_only=True):
    employee_id: Id | None = None
    package_id: Id | None = None
    sort: Literal["at", "-at"] = "-at"


@routes.add(
    "GET",
    "/api/consumption",
    permission="packages.view",
    data="scoped",
    summary="What every call cost, with the sums of those that match",
    query=ConsumptionQuery,
    answers=Consumption,
)
async def consumption(services: Services, context: Context) -> Consumption:
    wanted: ConsumptionQuery = context.query
    query = _matching(context, wanted)
    matching = query.subquery()
    legs = select(matching.c.txn, func.max(matching.c.seconds).label("seconds")).group_by(matching.c.txn).subquery()
    async with services.database.read() as connection:
        sums = select(func.count(), func.coalesce(func.sum(matching.c.minutes), 0)).select_from(matching)
        total, minutes = (await connection.execute(sums)).one()
        seconds = (await connection.execute(select(func.coalesce(func.sum(legs.c.seconds), 0)))).scalar_one()
        page = _ordered(query, wanted).limit(wanted.page_size).offset(wanted.offset)
        items = [_row(context.me, row) for row in (await connection.execute(page)).all()]
    return Consumption(items, total, wanted.page, wanted.page_size, int(seconds), int(minutes))


@routes.add(
    "GET",
    "/api/consumption/export",
    permission="packages.view",
    data="scoped",
    summary="The filtered consumption as a spreadsheet",
    query=ConsumptionQuery,
    raw=True,
    errors=("exports_busy",),
)
async def export(services: Services, context: Context) -> Any:
    file = await sheets.answer(services, context, "consumption", COLUMNS, _lines(services, context))
    await services.audit.add(
        context.company_id, context.me.employee_id, "consumption.exported", ip=context.ip, rows=file.rows
    )
    return file


async def _lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    wanted: ConsumptionQuery = context.query
    query = _ordered(_matching(context, wanted), wanted)
    async with services.database.read() as connection:
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query):
            yield [
                (
                    clock(row.started_at, zone),
                    row.employee.name,
                    row.caller_number,
                    row.number,
                    row.package.name,
                    f"{row.duration_seconds // 60:02d}:{row.duration_seconds % 60:02d}",
                    row.minutes,
                )
                for row in (_row(context.me, one) for one in rows)
            ]


def _matching(context: Context, wanted: ConsumptionQuery) -> Select[Any]:
    company_id, me = context.company_id, context.me
    costs = _costs(company_id)
    number = func.coalesce(func.nullif(leg.c.number, ""), call.c.number)
    query = (
        select(
            costs,
            number.label("number"),
            number_hidden(company_id),
            call.c.started_at,
            call.c.company_number,
            employee.c.name.label("employee_name"),
            voice_package.c.name.label("package_name"),
        )
        .join(voice_package, voice_package.c.id == costs.c.package_id)
        .join(call, call.c.id == costs.c.call)
        .outerjoin(leg, leg.c.id == costs.c.leg_id)
        .outerjoin(employee, employee.c.id == costs.c.employee_id)
        .where(voice_package.c.company_id == company_id, *wanted.on(call.c.started_at))
    )
    if me.visible is not None:
        query = query.where(costs.c.employee_id.in_(me.visible))
    if wanted.employee_id is not None:
        query = query.where(costs.c.employee_id == wanted.employee_id)
    if wanted.package_id is not None:
        query = query.where(costs.c.package_id == wanted.package_id)
    return query


def _costs(company_id: int) -> Any:
    """Every charge, and every call that held minutes and was charged nothing."""
    charged = (
        select(
            posting.c.txn,
            func.replace(posting.c.call_id, THIRD, "").label("call"),
            posting.c.leg_id,
            posting.c.at,
            account.c.employee_id,
            account.c.package_id,
            posting.c.seconds,
            posting.c.amount.label("minutes"),
        )
        .join(account, account.c.id == posting.c.account_id)
        .where(
            posting.c.company_id == company_id,
            account.c.kind == Kind.USED.value,
            posting.c.kind == Entry.SETTLE.value,
        )
    )
    paid = select(posting.c.call_id).where(
        posting.c.company_id == company_id, posting.c.kind == Entry.SETTLE.value, posting.c.call_id.is_not(None)
    )
    free = select(
        ("free:" + reservation.c.call_id).label("txn"),
        func.replace(reservation.c.call_id, THIRD, "").label("call"),
        null().label("leg_id"),
        reservation.c.created_at.label("at"),
        reservation.c.employee_id,
        reservation.c.package_id,
        literal(0).label("seconds"),
        literal(0).label("minutes"),
    ).where(reservation.c.company_id == company_id, ~reservation.c.open, reservation.c.call_id.not_in(paid))
    return union_all(charged, free).subquery("costs")


def _ordered(query: Select[Any], wanted: ConsumptionQuery) -> Select[Any]:
    at, txn, package = (query.selected_columns[name] for name in ("started_at", "txn", "package_id"))
    return query.order_by(*((at, txn, package) if wanted.sort == "at" else (at.desc(), txn.desc(), package)))


def _row(me: Identity, row: Any) -> ConsumptionRow:
    seen = seen_by(me, row.number, row.number_hidden)
    return ConsumptionRow(
        call_id=row.call,
        leg_id=row.leg_id,
        at=row.at,
        started_at=row.started_at,
        caller_number=row.company_number,
        caller_number_display=display(row.company_number),
        employee=Named(row.employee_id, row.employee_name or ""),
        number=seen.number,
        number_display=seen.display,
        package=Named(row.package_id, row.package_name),
        duration_seconds=row.seconds,
        minutes=row.minutes,
    )
