"""Voicemails: messages callers left for a group; list, hear, mark (P-16)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import Select, func, select, update

from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.features.calls.recordings_api import TYPES, Waveform, note_listening, require_good_range
from callcenter.features.inbound.groups_api import groups_in_scope
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call_waveform
from callcenter.store.tables.inbound import agent_group, voicemail
from callcenter.store.tables.people import employee
from callcenter.web.kit import Body, Context, Id, Listing, Paging, Routes
from callcenter.web.lists import Named
from callcenter.web.ports import CustomerBrief
from callcenter.web.services import Services

routes = Routes("voicemails")


class VoicemailQuery(Paging, kw_only=True):
    heard: bool | None = None
    group_id: Id | None = None
    customer_id: Id | None = None
    sort: Literal["at", "-at"] = "-at"


class VoicemailView(msgspec.Struct):
    """`number` is the caller's; `duration` in seconds."""

    id: int
    call_id: str
    group: Named | None
    number: str
    number_display: str
    customer: CustomerBrief | None
    duration: float | None
    at: datetime
    heard_by: Named | None
    heard_at: datetime | None


class Heard(Body):
    heard: bool


@routes.add(
    "GET",
    "/api/voicemails",
    permission="calls.view",
    data="scoped",
    summary="Messages left for the groups in my scope",
    query=VoicemailQuery,
    answers=Listing[VoicemailView],
)
async def voicemails(services: Services, context: Context) -> Listing[VoicemailView]:
    wanted: VoicemailQuery = context.query
    query = _visible(context)
    if wanted.heard is not None:
        query = query.where(voicemail.c.heard_at.is_not(None) if wanted.heard else voicemail.c.heard_at.is_(None))
    if wanted.group_id is not None:
        query = query.where(voicemail.c.group_id == wanted.group_id)
    if wanted.customer_id is not None:
        query = query.where(voicemail.c.customer_id == wanted.customer_id)
    order = voicemail.c.at.desc() if wanted.sort == "-at" else voicemail.c.at.asc()
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        page = query.order_by(order, voicemail.c.id.desc()).limit(wanted.page_size).offset(wanted.offset)
        rows = (await connection.execute(page)).all()
    return Listing(await _views(services, context, rows), total, wanted.page, wanted.page_size)


@routes.add(
    "GET",
    "/api/voicemails/{id}/audio",
    permission="recordings.play",
    data="scoped",
    summary="The message as audio; byte ranges are served. Playing is audited, and marks it as heard",
    errors=("not_found", "recording_missing", "range_invalid"),
    raw=True,
)
async def audio(services: Services, context: Context) -> web.StreamResponse:
    row = await _one(services, context)
    path = (services.recordings / row.path).resolve()
    if not row.path or not path.is_relative_to(services.recordings.resolve()) or not path.is_file():
        raise Refusal("recording_missing")
    require_good_range(context.request, path.stat().st_size)
    await note_listening(services, context, str(row.id), "voicemail.played")
    if row.heard_at is None:
        await _mark(services, context, row, heard=True)
    headers = {"Content-Type": TYPES.get(path.suffix, "application/octet-stream"), "Cache-Control": "private"}
    return web.FileResponse(path, headers=headers)


@routes.add(
    "GET",
    "/api/voicemails/{id}/waveform",
    permission="recordings.play",
    data="scoped",
    summary="Peaks, level and silence of a message",
    answers=Waveform,
    errors=("not_found", "recording_missing"),
)
async def waveform(services: Services, context: Context) -> Waveform:
    row = await _one(services, context)
    query = select(call_waveform.c.body).where(
        call_waveform.c.company_id == context.company_id, call_waveform.c.call_id == row.call_id
    )
    async with services.database.read() as connection:
        body = (await connection.execute(query)).scalar()
    if body is None:
        raise Refusal("recording_missing")
    return msgspec.convert(body, Waveform)


@routes.add(
    "PUT",
    "/api/voicemails/{id}/heard",
    permission="calls.control",
    data="scoped",
    summary="Mark a message as heard, or as new again",
    body=Heard,
    answers=VoicemailView,
    errors=("not_found",),
)
async def mark(services: Services, context: Context) -> VoicemailView:
    given: Heard = context.body
    await _mark(services, context, await _one(services, context), heard=given.heard)
    return (await _views(services, context, [await _one(services, context)]))[0]


def _visible(context: Context) -> Select[Any]:
    me = context.me
    query = (
        select(voicemail, agent_group.c.name.label("group_name"), employee.c.name.label("heard_name"))
        .outerjoin(agent_group, agent_group.c.id == voicemail.c.group_id)
        .outerjoin(employee, employee.c.id == voicemail.c.heard_by)
        .where(voicemail.c.company_id == me.company_id)
    )
    scope = groups_in_scope(me)
    return query if scope is None else query.where(voicemail.c.group_id.in_(scope))


async def _one(services: Services, context: Context) -> Any:
    async with services.database.read() as connection:
        row = (await connection.execute(_visible(context).where(voicemail.c.id == context.params["id"]))).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def _mark(services: Services, context: Context, row: Any, *, heard: bool) -> None:
    me = context.me
    values = {"heard_by": me.employee_id, "heard_at": utcnow()} if heard else {"heard_by": None, "heard_at": None}
    async with services.database.write() as connection:
        await connection.execute(
            update(voicemail).where(voicemail.c.company_id == me.company_id, voicemail.c.id == row.id).values(**values)
        )
    if row.group_id is not None:
        services.live.touch_group(row.group_id)


async def _views(services: Services, context: Context, rows: Any) -> list[VoicemailView]:
    ids = [row.customer_id for row in rows if row.customer_id]
    customers = await services.customers.briefs(context.company_id, ids) if ids else {}
    return [
        VoicemailView(
            id=row.id,
            call_id=row.call_id,
            group=Named(row.group_id, row.group_name) if row.group_id and row.group_name else None,
            number=row.number,
            number_display=display(row.number, services.settings.default_region),
            customer=customers.get(row.customer_id) if row.customer_id else None,
            duration=row.duration,
            at=row.at,
            heard_by=Named(row.heard_by, row.heard_name) if row.heard_by and row.heard_name else None,
            heard_at=row.heard_at,
        )
        for row in rows
    ]
