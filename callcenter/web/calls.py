"""Calls: dial, steer, list, note, export."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
import xlsxwriter
from aiohttp import web
from sqlalchemy import func, select, update

from callcenter.domain.commands import Dial, FinishWrapUp, HangUp, SendDtmf
from callcenter.domain.packages import billable_seconds
from callcenter.domain.terms import Source
from callcenter.ledger import book
from callcenter.ledger.legs import CelLeg
from callcenter.ledger.packages import holders_of
from callcenter.store.tables import account, call, cel_leg, company, leg, posting
from callcenter.web import call_rows
from callcenter.web.call_rows import CallQuery, CallRow, Result
from callcenter.web.errors import ApiError
from callcenter.web.kit import Body, Context, Id, Listing, LongText, Routes
from callcenter.web.services import Services

routes = Routes("calls")

EXPORT_LIMIT = 50_000


class NewCall(Body, kw_only=True):
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    customer_id: Id | None = None
    source: Literal["customer", "manual"] = "manual"


class Dialled(msgspec.Struct):
    call_id: str


class Digits(Body):
    digits: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class AfterCall(Body, kw_only=True):
    result: Result | None = None
    note: LongText = ""


class LegView(msgspec.Struct):
    id: str
    role: str
    number: str
    state: str
    started_at: datetime | None
    answered_at: datetime | None
    ended_at: datetime | None
    cause: int | None
    billable_seconds: int
    minutes: int


class ChargeView(msgspec.Struct):
    txn: str
    kind: str
    account: str
    minutes: int
    at: datetime


class CallDetail(msgspec.Struct):
    call: CallRow
    legs: list[LegView]
    entries: list[ChargeView]


@routes.add(
    "POST",
    "/api/calls",
    permission="calls.dial",
    data="own",
    summary="Click-to-dial: rings my phone, then the number. Needs an Idempotency-Key header",
    body=NewCall,
    answers=Dialled,
    status=201,
    errors=(
        "key_missing",
        "not_an_agent",
        "account_inactive",
        "not_logged_in",
        "phones_unavailable",
        "number_invalid",
        "blacklisted",
        "outside_dial_window",
        "phone_not_registered",
        "already_dialling",
        "no_package",
        "minutes_used_up",
        "key_reused",
        "customer_unknown",
    ),
)
async def dial(services: Services, context: Context) -> Dialled:
    given: NewCall = context.body
    key = context.request.headers.get("Idempotency-Key", "").strip()
    if not key or len(key) > 60 or not key.isascii() or not key.isprintable():
        raise ApiError("key_missing")
    me = context.me
    if given.customer_id is not None:
        found = await services.customers.briefs(me.company_id, [given.customer_id])
        if not found:
            raise ApiError("customer_unknown")
    call_id = await services.execute(
        Dial(
            me.company_id,
            me.employee_id,
            number=given.number,
            key=key,
            may_dial=me.may("calls.dial"),
            customer_id=given.customer_id,
            source=Source(given.source),
        )
    )
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/hangup",
    permission="calls.control",
    data="scoped",
    summary="Hang up a running call",
    status=202,
    answers=Dialled,
    errors=("call_not_found", "phones_unavailable"),
)
async def hang_up(services: Services, context: Context) -> Dialled:
    call_id = await running_call(services, context)
    await services.execute(HangUp(context.company_id, context.me.employee_id, call_id))
    await services.audit.add(context.company_id, context.me.employee_id, "call.hang_up", call_id, context.ip)
    return Dialled(call_id)


@routes.add(
    "POST",
    "/api/calls/{call_id}/dtmf",
    permission="calls.control",
    data="own",
    summary="Send key presses to the customer's side",
    body=Digits,
    status=202,
    answers=Dialled,
    errors=("call_not_found", "call_not_talking", "digits_invalid", "phones_unavailable"),
)
async def dtmf(services: Services, context: Context) -> Dialled:
    given: Digits = context.body
    call_id = await running_call(services, context, own=True)
    await services.execute(SendDtmf(context.company_id, context.me.employee_id, call_id, given.digits))
    return Dialled(call_id)


@routes.add(
    "GET",
    "/api/calls",
    permission="calls.view",
    data="scoped",
    summary="The call log within my data scope",
    query=CallQuery,
    answers=Listing[CallRow],
)
async def calls(services: Services, context: Context) -> Listing[CallRow]:
    wanted: CallQuery = context.query
    query = await _matching(services, context, wanted)
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        page = call_rows.ordered(query, wanted.sort).limit(wanted.page_size).offset(wanted.offset)
        rows = (await connection.execute(page)).all()
    return Listing(await _views(services, context.company_id, rows), total, wanted.page, wanted.page_size)


@routes.add(
    "GET",
    "/api/calls/export.xlsx",
    permission="calls.export",
    data="scoped",
    summary="The filtered call log as a spreadsheet",
    query=CallQuery,
    raw=True,
)
async def export(services: Services, context: Context) -> web.StreamResponse:
    wanted: CallQuery = context.query
    query = call_rows.ordered(await _matching(services, context, wanted), wanted.sort).limit(EXPORT_LIMIT)
    zone = select(company.c.time_zone).where(company.c.id == context.company_id)
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
        time_zone = str((await connection.execute(zone)).scalar_one())
    views = await _views(services, context.company_id, rows)
    await services.audit.add(
        context.company_id, context.me.employee_id, "calls.exported", ip=context.ip, rows=len(views)
    )
    content = await asyncio.to_thread(_spreadsheet, views, ZoneInfo(time_zone))
    return web.Response(
        body=content,
        content_type="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        headers={"Content-Disposition": 'attachment; filename="calls.xlsx"'},
    )


@routes.add(
    "GET",
    "/api/calls/{call_id}",
    permission="calls.view",
    data="scoped",
    summary="One call with its legs and what it cost",
    answers=CallDetail,
    errors=("not_found",),
)
async def detail(services: Services, context: Context) -> CallDetail:
    row = await visible_call(services, context)
    company_id, call_id = context.company_id, row.id
    async with services.database.read() as connection:
        legs = await connection.execute(
            select(leg).where(leg.c.company_id == company_id, leg.c.call_id == call_id).order_by(leg.c.started_at)
        )
        records = await connection.execute(select(cel_leg).where(cel_leg.c.call_id == call_id))
        postings = await connection.execute(
            select(posting, account.c.kind.label("account"))
            .join(account, account.c.id == posting.c.account_id)
            .where(posting.c.company_id == company_id, posting.c.call_id.in_(holders_of(call_id)))
            .order_by(posting.c.id)
        )
        seen = {one.id: CelLeg.from_row(one) for one in records.all()}
        entries = [ChargeView(one.txn, one.kind, one.account, one.minutes, one.at) for one in postings.all()]
        views = [_leg_view(one, seen.get(one.id), entries) for one in legs.all()]
    return CallDetail((await _views(services, company_id, [row]))[0], views, entries)


@routes.add(
    "PUT",
    "/api/calls/{call_id}/note",
    permission="calls.control",
    data="scoped",
    summary="Result and note after the call; ends my wrap-up",
    body=AfterCall,
    answers=CallRow,
    errors=("not_found",),
)
async def save_note(services: Services, context: Context) -> CallRow:
    given: AfterCall = context.body
    row = await visible_call(services, context)
    me = context.me
    async with services.database.write() as connection:
        await connection.execute(
            update(call)
            .where(call.c.company_id == me.company_id, call.c.id == row.id)
            .values(result=given.result, note=given.note.strip() or None)
        )
    if me.may("calls.dial"):
        await services.execute(FinishWrapUp(me.company_id, me.employee_id, row.id))
    services.hub.event(me.company_id, "note_saved", {"call_id": row.id}, row.employee_id)
    return (await _views(services, me.company_id, [await visible_call(services, context)]))[0]


async def visible_call(services: Services, context: Context) -> Any:
    """The row of a call in my scope; `not_found` for everything else, also for another company's."""
    query = call_rows.in_scope(call_rows.base_query(context.company_id), context.me)
    async with services.database.read() as connection:
        row = (await connection.execute(query.where(call.c.id == context.params["call_id"]))).first()
    if row is None:
        raise ApiError("not_found")
    return row


async def running_call(services: Services, context: Context, *, own: bool = False) -> str:
    """The id of a running call of mine, or of one in my scope when I may watch; `call_not_found` otherwise."""
    call_id = str(context.params["call_id"])
    entity = services.live.snapshot_of(context.company_id)["call"].get(call_id)
    if entity is not None:
        involved = {(entity["employee"] or {}).get("id"), *entity["ringing"]}
        if context.me.employee_id in involved:
            return call_id
        if not own and context.me.may("live.view") and any(context.me.sees(one) for one in involved):
            return call_id
    raise ApiError("call_not_found")


async def _matching(services: Services, context: Context, wanted: CallQuery) -> Any:
    query = call_rows.in_scope(call_rows.base_query(context.company_id), context.me)
    text = wanted.q.strip()
    customers = await services.customers.named_like(context.company_id, text) if text else []
    return call_rows.filtered(query, wanted, customers, services.settings.default_region)


async def _views(services: Services, company_id: int, rows: Any) -> list[CallRow]:
    ids = [row.customer_id for row in rows if row.customer_id]
    customers = await services.customers.briefs(company_id, ids) if ids else {}
    return [call_rows.row_of(row, customers) for row in rows]


def _leg_view(row: Any, record: CelLeg | None, entries: list[ChargeView]) -> LegView:
    minutes = sum(
        entry.minutes for entry in entries if entry.txn == f"settle:{row.id}" and entry.account == book.Kind.USED.value
    )
    answered = record.answered_at if record else row.answered_at
    ended = record.ended_at if record else row.ended_at
    return LegView(
        id=row.id,
        role=row.role,
        number=row.number,
        state=row.state,
        started_at=row.started_at,
        answered_at=answered,
        ended_at=ended,
        cause=row.cause,
        billable_seconds=billable_seconds(answered, ended),
        minutes=minutes,
    )


COLUMNS = (
    "主叫号码",
    "员工",
    "被叫号码",
    "客户",
    "所属任务",
    "公司",
    "跟进进展",
    "客户等级",
    "客户来源",
    "拨打时间",
    "通话时长",
    "消耗分钟",
    "通话结果",
    "备注",
)


def _spreadsheet(views: list[CallRow], zone: ZoneInfo) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "calls.xlsx"
        book_ = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_formulas": False})
        sheet = book_.add_worksheet("通话记录")
        sheet.write_row(0, 0, COLUMNS)
        for line, view in enumerate(views, start=1):
            customer = view.customer
            started = view.started_at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
            talk = f"{view.talk_seconds // 60:02d}:{view.talk_seconds % 60:02d}"
            sheet.write_row(
                line,
                0,
                (
                    view.caller_number,
                    view.employee.name if view.employee else "",
                    view.called_number,
                    customer.name if customer else "",
                    view.task or "",
                    view.company_name,
                    customer.progress if customer else "",
                    customer.level if customer else "",
                    customer.source if customer else "",
                    started,
                    talk,
                    view.minutes_charged,
                    view.result or "",
                    view.note or "",
                ),
            )
        book_.close()
        return path.read_bytes()
