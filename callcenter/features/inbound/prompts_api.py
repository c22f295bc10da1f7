"""A company's own announcements: upload any audio file, hear it, delete it (P-12, P-15, P-16)."""

from __future__ import annotations

import contextlib
from datetime import datetime
from typing import Any

import msgspec
from aiohttp import web
from sqlalchemy import delete, insert, select

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import PromptKind
from callcenter.features.inbound.groups_api import changed
from callcenter.recording.prompts import prompt_file, prompt_folder
from callcenter.store.base import utcnow
from callcenter.store.tables.inbound import prompt
from callcenter.web import uploads
from callcenter.web.kit import Context, Query, Routes, ShortText
from callcenter.web.services import Services

routes = Routes("inbound")

LARGEST = 10 * 1024 * 1024
"""Bytes of an uploaded file."""


class PromptView(msgspec.Struct):
    """`duration` in seconds."""

    kind: str
    name: str
    duration: float
    created_at: datetime


class Upload(Query, kw_only=True):
    name: ShortText = ""


@routes.add(
    "GET",
    "/api/prompts",
    permission="employees.view",
    data="company",
    summary="The company's announcements; kinds without one use Asterisk's own words or say nothing",
    answers=list[PromptView],
)
async def prompts(services: Services, context: Context) -> list[PromptView]:
    query = select(prompt).where(prompt.c.company_id == context.company_id).order_by(prompt.c.kind)
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [PromptView(row.kind, row.name, row.duration, row.created_at) for row in rows]


@routes.add(
    "PUT",
    "/api/prompts/{kind}",
    permission="numbers.edit",
    data="company",
    summary="Upload an announcement: the body is a wav or mp3 file of at most 10 MB; the first 3 minutes count",
    query=Upload,
    answers=PromptView,
    errors=("not_found", "too_large", "audio_invalid"),
    upload=True,
)
async def upload_prompt(services: Services, context: Context) -> PromptView:
    wanted: Upload = context.query
    kind = _kind(context)
    audio = await _body(context.request)
    folder, now = prompt_folder(services.settings), utcnow()
    made = folder / f"upload-{context.company_id}-{kind}-{int(now.timestamp() * 1000)}.wav"
    with uploads.opening("audio_invalid"):
        duration = await services.intake.sound(context.upload, audio, made)
    before = await _row(services, context, kind)
    view = PromptView(kind, wanted.name.strip() or kind, duration, now)
    async with services.database.write() as connection:
        await connection.execute(_mine(context, kind))
        row = await connection.execute(
            insert(prompt).values(company_id=context.company_id, **msgspec.structs.asdict(view)).returning(prompt.c.id)
        )
        made.replace(prompt_file(folder, row.scalar_one(), now))
    await changed(services, context, "prompt.uploaded", kind)
    _drop_file(services, before)
    return view


@routes.add(
    "DELETE",
    "/api/prompts/{kind}",
    permission="numbers.edit",
    data="company",
    summary="Delete an announcement",
    status=204,
    errors=("not_found",),
)
async def remove_prompt(services: Services, context: Context) -> None:
    kind = _kind(context)
    before = await _row(services, context, kind)
    if before is None:
        raise Refusal("not_found")
    async with services.database.write() as connection:
        await connection.execute(_mine(context, kind))
    await changed(services, context, "prompt.deleted", kind)
    _drop_file(services, before)


@routes.add(
    "GET",
    "/api/prompts/{kind}/audio",
    permission="employees.view",
    data="company",
    summary="An announcement as callers hear it (wav)",
    errors=("not_found", "recording_missing"),
    raw=True,
)
async def audio(services: Services, context: Context) -> web.StreamResponse:
    row = await _row(services, context, _kind(context))
    if row is None:
        raise Refusal("not_found")
    path = prompt_file(prompt_folder(services.settings), row.id, row.created_at)
    if not path.is_file():
        raise Refusal("recording_missing")
    return web.FileResponse(path, headers={"Content-Type": "audio/wav", "Cache-Control": "private"})


def _kind(context: Context) -> str:
    try:
        return PromptKind(context.params["kind"]).value
    except ValueError:
        raise Refusal("not_found") from None


async def _body(request: web.Request) -> bytes:
    """The uploaded file; larger than any JSON body may be."""
    parts: list[bytes] = []
    size = 0
    async for part in request.content.iter_chunked(65_536):
        size += len(part)
        if size > LARGEST:
            raise Refusal("too_large")
        parts.append(part)
    if not size:
        raise Refusal("audio_invalid", reason="the body is empty")
    return b"".join(parts)


def _mine(context: Context, kind: str) -> Any:
    return delete(prompt).where(prompt.c.company_id == context.company_id, prompt.c.kind == kind)


async def _row(services: Services, context: Context, kind: str) -> Any:
    query = select(prompt).where(prompt.c.company_id == context.company_id, prompt.c.kind == kind)
    async with services.database.read() as connection:
        return (await connection.execute(query)).first()


def _drop_file(services: Services, row: Any) -> None:
    if row is not None:
        with contextlib.suppress(OSError):
            prompt_file(prompt_folder(services.settings), row.id, row.created_at).unlink()
