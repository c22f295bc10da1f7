"""Importing numbers into a task, and what became of each file (SPEC §D4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.terms import RowKind
from callcenter.store.task_tables import dial_task_failed_row, dial_task_import
from callcenter.tasks import reading
from callcenter.tasks.importing import Order
from callcenter.tasks.reading import TooLarge, Unreadable
from callcenter.web import sheets, uploads
from callcenter.web.dial_task_numbers import SLICE
from callcenter.web.dial_tasks import require
from callcenter.web.errors import ApiError
from callcenter.web.kit import Body, Context, Query, Routes, read_body
from callcenter.web.lists import Named, people
from callcenter.web.services import Services

routes = Routes("dial_tasks")

TEMPLATE = ("号码", "姓名", "公司", "备注")
FAILED = ("行号", "号码", "姓名", "公司", "备注", "失败原因")
REASONS = {
    RowKind.DUPLICATE_SYSTEM.value: "与系统重复",
    RowKind.DUPLICATE_FILE.value: "文件内重复",
    RowKind.FORMAT_ERROR.value: "格式错误",
}


class Pasted(Body, kw_only=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000_000)]
    """One number in a line; after it, with commas between, name, company and remark."""


class FailedQuery(Query, kw_only=True):
    kind: Literal["duplicate_system", "duplicate_file", "format_error", "all"] = "all"


class Import(msgspec.Struct, kw_only=True):
    """`total` = `success` + `failed`, and the three classes add up to `failed`, once `state` is `done`."""

    id: int
    file_name: str
    state: Literal["running", "done", "failed"]
    total: int
    success: int
    failed: int
    duplicate_system: int
    duplicate_file: int
    format_error: int
    operator: Named
    created_at: datetime


@routes.add(
    "GET",
    "/api/dial-tasks/template",
    permission="tasks.own",
    data="none",
    summary="An empty file of numbers to fill in",
    raw=True,
)
async def template(services: Services, context: Context) -> web.StreamResponse:
    return await sheets.answer("numbers", TEMPLATE, [])


@routes.add(
    "POST",
    "/api/dial-tasks/{id}/imports",
    permission="tasks.own",
    data="scoped",
    summary="Import numbers: a form with an xlsx or csv file, or JSON {text}; the work goes on in the background",
    answers=Import,
    status=202,
    errors=(
        "task_unknown",
        "numbers_secret",
        "task_not_normal",
        "task_running",
        "import_unreadable",
        "import_too_large",
        "invalid",
        "bad_json",
        "too_large",
        "bad_origin",
    ),
)
async def start(services: Services, context: Context) -> Import:
    me = context.me
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
    name, content = await _sent(context.request)
    try:
        rows = await asyncio.to_thread(reading.opened, content)
    except Unreadable:
        raise ApiError("import_unreadable") from None
    except TooLarge:
        raise ApiError("import_too_large", limit=reading.MOST_ROWS) from None
    import_id = await services.imports.submit(Order(me.company_id, task.id, me.employee_id, name, rows))
    await services.audit.add(me.company_id, me.employee_id, "task.imported", str(task.id), context.ip, file=name)
    async with services.database.read() as connection:
        return (await _imports(connection, me.company_id, task.id, import_id))[0]


async def _sent(request: web.Request) -> tuple[str, bytes]:
    if request.content_type == "multipart/form-data":
        return await uploads.read_file(request, "file", reading.LARGEST, "import_too_large")
    given = await read_body(request, Pasted)
    return "", given.text.encode()


@routes.add(
    "GET",
    "/api/dial-tasks/{id}/imports",
    permission="tasks.own",
    data="scoped",
    summary="The files of a task, the newest first",
    answers=list[Import],
    errors=("task_unknown", "numbers_secret"),
)
async def imports(services: Services, context: Context) -> list[Import]:
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
        return await _imports(connection, context.company_id, task.id)


@routes.add(
    "GET",
    "/api/dial-tasks/{id}/imports/{import_id}/failed",
    permission="tasks.own",
    data="scoped",
    summary="The rows of a file that were not imported, as a spreadsheet",
    query=FailedQuery,
    errors=("task_unknown", "numbers_secret", "not_found"),
    raw=True,
)
async def failed(services: Services, context: Context) -> web.StreamResponse:
    wanted: FailedQuery = context.query
    company_id, import_id = context.company_id, context.params["import_id"]
    rows: list[tuple[Any, ...]] = []
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
        if not await _imports(connection, company_id, task.id, import_id):
            raise ApiError("not_found")
        last = 0
        while part := await _failed_after(connection, company_id, import_id, wanted.kind, last):
            rows += [(one.line, one.number, one.name, one.company, one.remark, REASONS[one.kind]) for one in part]
            last = part[-1].id
    return await sheets.answer(f"failed-{import_id}", FAILED, rows)


async def _failed_after(
    connection: AsyncConnection, company_id: int, import_id: int, kind: str, last: int
) -> Sequence[Any]:
    query = select(dial_task_failed_row).where(
        dial_task_failed_row.c.company_id == company_id,
        dial_task_failed_row.c.import_id == import_id,
        dial_task_failed_row.c.id > last,
    )
    if kind != "all":
        query = query.where(dial_task_failed_row.c.kind == kind)
    return (await connection.execute(query.order_by(dial_task_failed_row.c.id).limit(SLICE))).all()


async def _imports(
    connection: AsyncConnection, company_id: int, task_id: int, import_id: int | None = None
) -> list[Import]:
    query = select(dial_task_import).where(
        dial_task_import.c.company_id == company_id, dial_task_import.c.task_id == task_id
    )
    if import_id is not None:
        query = query.where(dial_task_import.c.id == import_id)
    rows = (await connection.execute(query.order_by(dial_task_import.c.id.desc()))).all()
    names = await people(connection, company_id)
    return [
        Import(
            id=row.id,
            file_name=row.file_name,
            state=row.state,
            total=row.total,
            success=row.success,
            failed=row.duplicate_system + row.duplicate_file + row.format_error,
            duplicate_system=row.duplicate_system,
            duplicate_file=row.duplicate_file,
            format_error=row.format_error,
            operator=names.get(row.operator_id, Named(row.operator_id, "")),
            created_at=row.created_at,
        )
        for row in rows
    ]
