"""Why a package has the minutes it has: what came in, what calls cost, what ended, line by line (SPEC §C1.4, §C3.3)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from sqlalchemy import Select, case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.features.packages.consumption_api import THIRD
from callcenter.features.packages.packages_api import Owner, sees
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.packages import lots_of
from callcenter.store.tables.books import account, posting
from callcenter.store.tables.calls import call, leg
from callcenter.store.tables.people import employee
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.kit import Context, Listing, Paging, Routes
from callcenter.web.lists import clock, page_of
from callcenter.web.seen_numbers import number_hidden, seen_by
from callcenter.web.services import Services

routes = Routes("packages")

COLUMNS = ("时间", "类型", "员工", "号码", "通话时长", "分钟", "剩余分钟")
KINDS = {Entry.GRANT: "发放", Entry.ADD: "加购", Entry.SETTLE: "通话扣除", Entry.EXPIRE: "到期作废"}
HELD = (Entry.RESERVE, Entry.RELEASE, Entry.SETTLE, Entry.EXPIRE)
"""What these do to the minutes that nobody holds is no line of its own: a call takes them for a while, and what it has
used of them, or what ended, is a line on the other side."""


class EntryView(msgspec.Struct):
    """One line. Of a colleague's call on a shared package only the minutes are told to whoever may not see more."""

    id: int
    at: datetime
    kind: str
    minutes: int
    """What the entry did to the minutes left: negative when spent or over."""
    minutes_after: int
    """What the package had then, those included that running calls held."""
    duration_seconds: int
    employee: Owner | None
    call_id: str | None
    number: str


@routes.add(
    "GET",
    "/api/packages/{id}/entries",
    permission="packages.view",
    data="scoped",
    summary="What came into a package, what calls cost, what ended, and what was left after each",
    query=Paging,
    answers=Listing[EntryView],
    errors=("not_found",),
)
async def entries(services: Services, context: Context) -> Listing[EntryView]:
    paging: Paging = context.query
    query = _entries(context.company_id, context.params["id"])
    async with services.database.read() as connection:
        await _require_seen(connection, context)
        rows, total = await page_of(connection, query, paging, query.selected_columns.id.desc())
    return Listing([_view(context, row) for row in rows], total, paging.page, paging.page_size)


@routes.add(
    "GET",
    "/api/packages/{id}/entries/export",
    permission="packages.view",
    data="scoped",
    summary="The same as a spreadsheet",
    raw=True,
    errors=(
        "exports_busy",
        "not_found",
    ),
)
async def export(services: Services, context: Context) -> web.StreamResponse:
    async with services.database.read() as connection:
        await _require_seen(connection, context)
    return await sheets.answer(services, context, "package-entries", COLUMNS, _lines(services, context))


async def _lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    query = _entries(context.company_id, context.params["id"])
    async with services.database.read() as connection:
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query.order_by(query.selected_columns.id.desc())):
            yield [_line(_view(context, row), zone) for row in rows]


def _line(one: EntryView, zone: ZoneInfo) -> tuple[Any, ...]:
    return (
        clock(one.at, zone),
        KINDS.get(Entry(one.kind), one.kind),
        one.employee.name if one.employee else "",
        display(one.number),
        f"{one.duration_seconds // 60:02d}:{one.duration_seconds % 60:02d}" if one.duration_seconds else "",
        one.minutes,
        one.minutes_after,
    )


async def _require_seen(connection: AsyncConnection, context: Context) -> None:
    lots = await lots_of(connection, context.company_id, package_id=context.params["id"])
    if not lots or not sees(context.me, lots[0]):
        raise Refusal("not_found")


def _entries(company_id: int, package_id: int) -> Select[Any]:
    """The lines add up to the minutes left and held at every one of them."""
    came_in = (account.c.kind == Kind.AVAILABLE.value) & posting.c.kind.not_in([one.value for one in HELD])
    spent = (account.c.kind == Kind.USED.value) & (posting.c.kind == Entry.SETTLE.value)
    # Also what a call held when the package ended, and gave back later to nobody.
    ended = account.c.kind == Kind.EXPIRED.value
    minutes = case((came_in, posting.c.amount), else_=-posting.c.amount)
    lines = (
        select(
            posting.c.id,
            posting.c.at,
            case((ended, Entry.EXPIRE.value), else_=posting.c.kind).label("kind"),
            minutes.label("minutes"),
            func.sum(minutes).over(order_by=posting.c.id).label("minutes_after"),
            posting.c.seconds,
            account.c.employee_id,
            posting.c.leg_id,
            func.replace(posting.c.call_id, THIRD, "").label("call_id"),
        )
        .join(account, account.c.id == posting.c.account_id)
        .where(posting.c.company_id == company_id, account.c.package_id == package_id, came_in | spent | ended)
        .subquery()
    )
    number = func.coalesce(func.nullif(leg.c.number, ""), call.c.number)
    return (
        select(lines, number.label("number"), number_hidden(company_id), employee.c.name)
        .outerjoin(call, (call.c.company_id == company_id) & (call.c.id == lines.c.call_id))
        .outerjoin(leg, (leg.c.company_id == company_id) & (leg.c.id == lines.c.leg_id))
        .outerjoin(employee, (employee.c.company_id == company_id) & (employee.c.id == lines.c.employee_id))
    )


def _view(context: Context, row: Any) -> EntryView:
    hidden = row.employee_id is not None and not context.me.sees(row.employee_id)
    return EntryView(
        row.id,
        row.at,
        row.kind,
        row.minutes,
        int(row.minutes_after),
        row.seconds,
        Owner(row.employee_id, row.name or "") if row.employee_id is not None and not hidden else None,
        None if hidden else row.call_id,
        "" if hidden else seen_by(context.me, row.number or "", row.number_hidden).number,
    )
