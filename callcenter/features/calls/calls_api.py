"""Calls: dial, steer, list, note, export."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from sqlalchemy import and_, func, or_, select, update

from callcenter.domain.commands import Dial, DropLeg, EndCall, FinishWrapUp, HangUp, SendDtmf
from callcenter.domain.entities import NOTE_SAVED, OfCall
from callcenter.domain.refusals import Refusal
from callcenter.domain.results import RESULTS, Result
from callcenter.domain.terms import LegOrder, Mode, Role, Source
from callcenter.features.calls import call_rows
from callcenter.features.calls.call_rows import CallQuery, CallRow
from callcenter.features.inbound.groups_api import groups_in_scope
from callcenter.features.tasks import dialling
from callcenter.store.tables.calls import call
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.identity import Identity
from callcenter.web.kit import Body, Context, Id, Listing, LongText, Routes
from callcenter.web.lists import clock
from callcenter.web.seen_numbers import is_main_account
from callcenter.web.services import Services

routes = Routes("calls")


class NewCall(Body, kw_only=True):
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)] | None = None
    """This or `task_number_id`."""
    task_number_id: Id | None = None
    """One of my numbers in the dial centre; a hidden one is dialled without being shown (SPEC §B9)."""
    customer_id: Id | None = None
    source: Literal["customer", "manual"] = "manual"
    mode: Mode | None = None
    """How the call is set up; left out: over my line while it is open, else as my seat says."""
    leg_order: LegOrder | None = None
    """Who is rung first in direct and callback mode; left out, as my seat says."""


class Dialled(msgspec.Struct):
    """`hint`: the number that the call shows is being given back and soon works no more (SPEC §B8.8)."""

    call_id: str
    hint: Literal["number_leaving"] | msgspec.UnsetType = msgspec.UNSET


class Digits(Body):
    digits: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class AfterCall(Body, kw_only=True):
    result: Result | None = None
    note: LongText = ""


@routes.add(
    "POST",
    "/api/calls",
    permission="calls.dial",
    data="own",
    summary="Click-to-dial, in my seat's mode unless the body says another. Needs an Idempotency-Key header",
    body=NewCall,
    answers=Dialled,
    status=201,
    errors=(
        "key_missing",
        "not_an_agent",
        "account_inactive",
        "company_expired",
        "company_unverified",
        "script_not_approved",
        "dialling_suspended",
        "not_verified",
        "balance_negative",
        "not_logged_in",
        "phones_unavailable",
        "shutting_down",
        "number_invalid",
        "blacklisted",
        "destination_closed",
        "emergency_by_hand",
        "own_number_by_hand",
        "day_limit_reached",
        "number_limit_reached",
        "outside_dial_window",
        "no_seat",
        "call_through_off",
        "no_bound_phone",
        "no_bound_number",
        "phone_not_registered",
        "line_not_open",
        "already_dialling",
        "no_package",
        "minutes_used_up",
        "key_reused",
        "customer_unknown",
        "task_number_unknown",
    ),
)
async def dial(services: Services, context: Context) -> Dialled:
    given: NewCall = context.body
    key, me = context.idempotency_key, context.me
    # A call makes its customer visible, so the customer must have been visible before.
    if given.customer_id is not None and not await services.customers.seen_by(me, given.customer_id):
        raise Refusal("customer_unknown")
    if (given.number is None) == (given.task_number_id is None):
        raise Refusal("invalid", reason="either number or task_number_id")
    wanted = Dial(
        me.company_id,
        me.employee_id,
        number=given.number or "",
        key=key,
        may_dial=me.may("calls.dial"),
        customer_id=given.customer_id,
        source=Source(given.source),
        mode=given.mode,
        leg_order=given.leg_order,
    )
    if given.task_number_id is not None:
        call_id = await dialling.dial(services, me, wanted, given.task_number_id)
    else:
        call_id = await services.execute(wanted)
    leaving = services.live.shows_leaving_number(me.company_id, call_id)
    return Dialled(call_id, "number_leaving" if leaving else msgspec.UNSET)


@routes.add(
    "POST",
    "/api/calls/{call_id}/hangup",
    permission="calls.control",
    data="scoped",
    summary="Hang up my part of a running call; a supervisor ends a call in scope for everybody",
    status=202,
    answers=Dialled,
    errors=("call_not_found", "phones_unavailable"),
)
async def hang_up(services: Services, context: Context) -> Dialled:
    call_id = await running_call(services, context)
    me = context.me
    part = _part(services.live.call_of(me.company_id, call_id) or {}, me.employee_id)
    if part is None:
        # Somebody else's call: the whole of it ends, and that is a supervisor's word.
        if not me.may("calls.supervise"):
            raise Refusal("forbidden", permission="calls.supervise")
        await services.execute(EndCall(me.company_id, me.employee_id, call_id))
    elif part["role"] == Role.AGENT.value:
        await services.execute(HangUp(me.company_id, me.employee_id, call_id))
    else:
        await services.execute(DropLeg(me.company_id, me.employee_id, call_id, part["id"]))
    action = "call.hang_up" if part is not None else "call.end"
    await services.audit.add(me.company_id, me.employee_id, action, call_id, context.ip)
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
    return Listing(await views_of(services, context.me, rows), total, wanted.page, wanted.page_size)


@routes.add(
    "GET",
    "/api/calls/export.xlsx",
    permission="calls.export",
    data="scoped",
    summary="The filtered call log as a spreadsheet",
    query=CallQuery,
    raw=True,
    errors=("exports_busy",),
)
async def export(services: Services, context: Context) -> web.StreamResponse:
    file = await sheets.answer(services, context, "calls", COLUMNS, _lines(services, context))
    await services.audit.add(
        context.company_id, context.me.employee_id, "calls.exported", ip=context.ip, rows=file.rows
    )
    return file


async def _lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    wanted: CallQuery = context.query
    query = call_rows.ordered(await _matching(services, context, wanted), wanted.sort)
    async with services.database.read() as connection:
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query):
            yield [_line(view, zone) for view in await views_of(services, context.me, rows)]


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
    services.hub.tell(me.company_id, NOTE_SAVED, OfCall(call_id=row.id), row.employee_id)
    return (await views_of(services, me, [await visible_call(services, context)]))[0]


async def visible_call(services: Services, context: Context) -> Any:
    """The row of a call in my scope; `not_found` for everything else, also for another company's."""
    query = call_rows.in_scope(call_rows.base_query(context.company_id), context.me)
    async with services.database.read() as connection:
        row = (await connection.execute(query.where(call.c.id == context.params["call_id"]))).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def readable_call(services: Services, context: Context) -> Any:
    """The row of a call that I may read: one in my scope, or a caller of my groups whom nobody took."""
    me, query = context.me, call_rows.base_query(context.company_id)
    seen = call_rows.scope(me)
    groups = groups_in_scope(me)
    if seen is not None and groups is not None:
        untaken = and_(call.c.employee_id.is_(None), call.c.direction == "inbound", call.c.group_id.in_(groups))
        query = query.where(or_(seen, untaken))
    async with services.database.read() as connection:
        row = (await connection.execute(query.where(call.c.id == context.params["call_id"]))).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def running_call(services: Services, context: Context, *, own: bool = False) -> str:
    """The id of a running call of mine, or of one in my scope when I may watch; `call_not_found` otherwise."""
    call_id = str(context.params["call_id"])
    entity = services.live.call_of(context.company_id, call_id)
    if entity is not None:
        me = context.me
        if _part(entity, me.employee_id) is not None or (entity["employee"] or {}).get("id") == me.employee_id:
            return call_id
        watched = {(entity["employee"] or {}).get("id"), *entity["ringing"]}
        if not own and me.may("live.view") and any(me.sees(one) for one in watched):
            return call_id
    raise Refusal("call_not_found")


def _part(entity: Mapping[str, Any], employee_id: int) -> Mapping[str, Any] | None:
    """The leg by which somebody is in a call now; a call that is being dialled for its agent has none yet."""
    alive = [one for one in entity.get("legs", ()) if one["state"] not in ("null", "failed")]
    found = next((one for one in alive if one["employee_id"] == employee_id), None)
    dialled = entity.get("direction") == "outbound" and entity.get("answered_at") is None
    mine = (entity.get("employee") or {}).get("id") == employee_id
    if found is None and mine and (dialled or not alive):
        return {"id": "", "role": Role.AGENT.value}
    return found


async def _matching(services: Services, context: Context, wanted: CallQuery) -> Any:
    query = call_rows.in_scope(call_rows.base_query(context.company_id), context.me)
    text = wanted.q.strip()
    customers = await services.customers.named_like(context.company_id, text) if text else []
    return call_rows.filtered(query, context.me, wanted, customers, services.settings.default_region)


async def views_of(services: Services, me: Identity, rows: Any) -> list[CallRow]:
    """Rows as the API shows them to somebody, with their customers."""
    ids = [row.customer_id for row in rows if row.customer_id]
    customers = await services.customers.briefs(me.company_id, ids) if ids else {}
    main_account = is_main_account(me)
    return [call_rows.row_of(row, customers, main_account=main_account) for row in rows]


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
    "接通标记",
    "呼叫方式",
    "外显依据",
)
"""The columns of SPEC §B7.1 in their order, then what the manual does not have."""
MARKS = {"connected": "已接通", "not_connected": "未接通"}


CALLER_ID_REASONS = {"bound": "绑定号码", "same_region": "同归属地", "rotation": "轮换", "company": "企业号码"}
MODES = {"direct": "直拨", "callback": "回拨", "point": "点拨", "call_through": "呼转"}


def _line(view: CallRow, zone: ZoneInfo) -> tuple[Any, ...]:
    customer = view.customer
    return (
        view.caller_number,
        view.employee.name if view.employee else "",
        view.called_number,
        customer.name if customer else "",
        view.task.name if view.task else "",
        view.company_name,
        customer.progress if customer else "",
        customer.level if customer else "",
        customer.source if customer else "",
        clock(view.started_at, zone),
        f"{view.talk_seconds // 60:02d}:{view.talk_seconds % 60:02d}",
        view.minutes_charged,
        RESULTS.get(view.result or "", ""),
        view.note or "",
        MARKS.get(view.mark or "", ""),
        MODES.get(view.mode, "") if view.direction == "outbound" else "呼入",
        CALLER_ID_REASONS.get(view.caller_id_reason, ""),
    )
