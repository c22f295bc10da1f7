"""Playing recordings: byte ranges, permission, data scope, audit."""

from __future__ import annotations

from datetime import timedelta

import msgspec
from aiohttp import web
from sqlalchemy import select

from callcenter.domain.refusals import Refusal
from callcenter.features.calls.calls_api import visible_call
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call_waveform, consult_recording
from callcenter.store.tables.people import audit
from callcenter.web.kit import Context, Id, Query, Routes
from callcenter.web.services import Services

routes = Routes("recordings")

LISTENING = timedelta(minutes=30)
"""Further ranges of a recording within this time belong to the same listening."""
TYPES = {".opus": "audio/ogg", ".mp3": "audio/mpeg"}


class Which(Query):
    """`consult` is the id of a consultation in the call's details; without it the call itself is meant."""

    consult: Id | None = None


class Sides(msgspec.Struct):
    customer: list[float]
    agent: list[float]


class Levels(msgspec.Struct):
    customer: float | None
    agent: float | None


class Waveform(msgspec.Struct):
    """Peaks are 0..1 at equal steps; levels are dBFS (RMS), None for pure silence."""

    duration: float
    peaks: Sides
    silence_share: float
    level_db: Levels
    format: str


@routes.add(
    "GET",
    "/api/calls/{call_id}/recording",
    permission="recordings.play",
    data="scoped",
    summary="The recording as stereo audio (customer left, agent right); byte ranges are served. With `consult` that "
    "consultation's (third party left, agent right)",
    query=Which,
    errors=("not_found", "recording_missing", "recording_not_ready", "range_invalid"),
    raw=True,
)
async def recording(services: Services, context: Context) -> web.StreamResponse:
    row = await visible_call(services, context)
    which: Which = context.query
    if which.consult is not None:
        relative = await _consultation(services, context, row.id, which.consult)
    else:
        _require_ready(row.recording_state)
        relative = row.recording_path
    path = (services.recordings / relative).resolve()
    if not path.is_relative_to(services.recordings.resolve()) or not path.is_file():
        raise Refusal("recording_missing")
    require_good_range(context.request, path.stat().st_size)
    await note_listening(services, context, row.id)
    headers = {"Content-Type": TYPES.get(path.suffix, "application/octet-stream"), "Cache-Control": "private"}
    return web.FileResponse(path, headers=headers)


@routes.add(
    "GET",
    "/api/calls/{call_id}/recording/waveform",
    permission="recordings.play",
    data="scoped",
    summary="Peaks, level and silence of a recording",
    answers=Waveform,
    errors=("not_found", "recording_missing", "recording_not_ready"),
)
async def waveform(services: Services, context: Context) -> Waveform:
    row = await visible_call(services, context)
    _require_ready(row.recording_state)
    query = select(call_waveform.c.body).where(
        call_waveform.c.company_id == context.company_id, call_waveform.c.call_id == row.id
    )
    async with services.database.read() as connection:
        body = (await connection.execute(query)).scalar()
    if body is None:
        raise Refusal("recording_missing")
    return msgspec.convert(body, Waveform)


async def _consultation(services: Services, context: Context, call_id: str, wanted: int) -> str:
    query = select(consult_recording.c.path).where(
        consult_recording.c.company_id == context.company_id,
        consult_recording.c.call_id == call_id,
        consult_recording.c.id == wanted,
    )
    async with services.database.read() as connection:
        path = (await connection.execute(query)).scalar()
    if path is None:
        raise Refusal("recording_missing")
    return str(path)


def _require_ready(state: str) -> None:
    if state == "pending":
        raise Refusal("recording_not_ready")
    if state != "ready":
        raise Refusal("recording_missing")


def require_good_range(request: web.Request, size: int) -> None:
    try:
        start = request.http_range.start
    except ValueError:
        raise Refusal("range_invalid") from None
    if start is not None and start >= size:
        raise Refusal("range_invalid")


async def note_listening(services: Services, context: Context, call_id: str, action: str = "recording.played") -> None:
    """One audit entry per listening: a player asks for many ranges of one file, in any order."""
    me = context.me
    query = select(audit.c.id).where(
        audit.c.company_id == me.company_id,
        audit.c.actor_id == me.employee_id,
        audit.c.action == action,
        audit.c.object == call_id,
        audit.c.at > utcnow() - LISTENING,
    )
    async with services.database.read() as connection:
        if (await connection.execute(query.limit(1))).first() is not None and "Range" in context.request.headers:
            return
    await services.audit.add(me.company_id, me.employee_id, action, call_id, context.ip)
