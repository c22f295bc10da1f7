"""Playing recordings: byte ranges, permission, data scope, audit."""

from __future__ import annotations

import msgspec
from aiohttp import web
from sqlalchemy import select

from callcenter.store.tables import call_waveform
from callcenter.web.calls import visible_call
from callcenter.web.errors import ApiError
from callcenter.web.kit import Context, Routes
from callcenter.web.services import Services

routes = Routes("recordings")

TYPES = {".opus": "audio/ogg", ".mp3": "audio/mpeg"}


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
    summary="The recording as stereo audio (customer left, agent right); byte ranges are served",
    errors=("not_found", "recording_missing", "recording_not_ready", "range_invalid"),
    raw=True,
)
async def recording(services: Services, context: Context) -> web.StreamResponse:
    row = await visible_call(services, context)
    _require_ready(row.recording_state)
    path = (services.recordings / row.recording_path).resolve()
    if not path.is_relative_to(services.recordings.resolve()) or not path.is_file():
        raise ApiError("recording_missing")
    start = context.request.http_range.start if _has_good_range(context.request) else None
    if not start:
        # A player asks for many ranges of one file; listening begins with the first byte.
        await services.audit.add(context.company_id, context.me.employee_id, "recording.played", row.id, context.ip)
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
        raise ApiError("recording_missing")
    return msgspec.convert(body, Waveform)


def _require_ready(state: str) -> None:
    if state == "pending":
        raise ApiError("recording_not_ready")
    if state != "ready":
        raise ApiError("recording_missing")


def _has_good_range(request: web.Request) -> bool:
    try:
        return request.http_range is not None
    except ValueError:
        raise ApiError("range_invalid") from None
