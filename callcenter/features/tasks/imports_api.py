"""Importing numbers into a task, and what became of each file (SPEC §D4)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.domain.spelling import FAULT_WORDS
from callcenter.domain.terms import RowKind
from callcenter.features.tasks.dial_tasks_api import require
from callcenter.features.tasks.importing import Importer, Order
from callcenter.store.tables.tasks import dial_task_failed_row, dial_task_import
from callcenter.web import sheets, uploads
from callcenter.web.kit import Body, Context, Query, Routes, read_body
from callcenter.web.lists import Named, people
from callcenter.web.services import Services

routes = Routes("dial_tasks")

TEMPLATE = ("号码", "姓名", "公司", "备注")
FAILED = ("行号", "号码", "姓名", "公司", "备注", "具体原因", "失败原因")
"""The first cell names the sheet as well where a file has several."""
LARGEST = 20 * 1024 * 1024
"""Bytes of a file."""
KINDS = {
    RowKind.DUPLICATE_SYSTEM.value: "与系统重复",
    RowKind.DUPLICATE_FILE.value: "文件内重复",
    RowKind.BLACKLIST.value: "黑名单号码",
    RowKind.FORMAT_ERROR.value: "格式错误",
}
REASONS = {fault.value: zh for fault, (zh, _) in FAULT_WORDS.items()} | {
    "destination_closed": "目的地未开放",
    "emergency_by_hand": "紧急号码只能手动拨打",
    "own_number_by_hand": "本公司自己的号码",
    "no_number": "没有号码",
    "rounded": "号码被表格舍入，末位丢失",
    "bad_characters": "含有无法识别的字符",
    "too_long": "内容过长",
}
"""Why a row cannot be imported as it is; a reason that has no words here is a format error."""


class Pasted(Body, kw_only=True):
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=1_000_000)]
    """One number in a line; after it, with commas between, name, company and remark."""


class FailedQuery(Query, kw_only=True):
    kind: Literal["duplicate_system", "duplicate_file", "blacklist", "format_error", "all"] = "all"


class ImportNote(msgspec.Struct, kw_only=True):
    """A word on a file. `why`: `header`, `before_header`, `sheet_hidden`, `sheet_without_numbers` (rows that are no
    numbers, with the first and the last line), `kept_in_remark` (titles of columns), `formulas_empty`
    (cells that were never calculated), `no_rows`."""

    why: str
    count: int
    sheet: str
    first: int
    last: int
    columns: list[str]


class Import(msgspec.Struct, kw_only=True):
    """`total` = `success` + `failed`, and the four classes add up to `failed`, once `state` is `done`.

    Rows of the file that are no numbers are `skipped`, and `notes` says which. `reasons` counts why rows have a format
    error. `reason` is empty unless `state` is `failed`: `stopped` (the program was) or `internal`.
    """

    id: int
    file_name: str
    state: Literal["running", "done", "failed"]
    total: int
    success: int
    failed: int
    duplicate_system: int
    duplicate_file: int
    blacklist: int
    format_error: int
    skipped: int
    notes: list[ImportNote]
    reasons: dict[str, int]
    reason: str
    operator: Named
    created_at: datetime


@routes.add(
    "GET",
    "/api/dial-tasks/template",
    permission="tasks.own",
    data="none",
    summary="An empty file of numbers to fill in",
    raw=True,
    errors=("exports_busy",),
)
async def template(services: Services, context: Context) -> web.StreamResponse:
    return await sheets.answer(services, context, "numbers", TEMPLATE, sheets.nothing())


@routes.add(
    "POST",
    "/api/dial-tasks/{id}/imports",
    permission="tasks.own",
    data="scoped",
    summary="Import numbers: a form with a workbook or csv file, or JSON {text}; the work goes on in the background",
    answers=Import,
    status=202,
    errors=(
        "task_unknown",
        "numbers_secret",
        "task_not_normal",
        "task_running",
        "import_unreadable",
        "import_too_large",
        "import_line_too_long",
        "invalid",
        "bad_json",
        "too_large",
        "bad_origin",
    ),
    upload=True,
)
async def start(services: Services, context: Context) -> Import:
    me = context.me
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
    name, content = await _sent(context.request)
    with uploads.opening("import_unreadable"):
        table = await services.intake.table(context.upload, content)
    import_id = await services.port(Importer).submit(Order(me.company_id, task.id, me.employee_id, name, table))
    await services.audit.add(me.company_id, me.employee_id, "task.imported", str(task.id), context.ip, file=name)
    async with services.database.read() as connection:
        return (await _imports(connection, me.company_id, task.id, import_id))[0]


@routes.add(
    "POST",
    "/api/dial-tasks/{id}/imports/{import_id}/again",
    permission="tasks.own",
    data="scoped",
    summary="Import the rows of a file that failed once more: numbers that are free by now are taken",
    answers=Import,
    status=202,
    errors=(
        "task_unknown",
        "numbers_secret",
        "task_not_normal",
        "task_running",
        "not_found",
        "import_without_failures",
    ),
)
async def again(services: Services, context: Context) -> Import:
    me, import_id = context.me, context.params["import_id"]
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
        earlier = await _imports(connection, me.company_id, task.id, import_id)
    if not earlier:
        raise Refusal("not_found")
    if earlier[0].state == "running":
        raise Refusal("task_running")
    rows = await services.port(Importer).failed_rows(me.company_id, import_id)
    if not rows.rows:
        raise Refusal("import_without_failures")
    name = earlier[0].file_name
    new_id = await services.port(Importer).submit(Order(me.company_id, task.id, me.employee_id, name, rows))
    await services.audit.add(me.company_id, me.employee_id, "task.imported", str(task.id), context.ip, file=name)
    async with services.database.read() as connection:
        return (await _imports(connection, me.company_id, task.id, new_id))[0]


async def _sent(request: web.Request) -> tuple[str, bytes]:
    if request.content_type == "multipart/form-data":
        return await uploads.read_file(request, "file", LARGEST, "import_too_large")
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
    errors=("exports_busy", "task_unknown", "numbers_secret", "not_found"),
    raw=True,
)
async def failed(services: Services, context: Context) -> web.StreamResponse:
    import_id = context.params["import_id"]
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
        if not await _imports(connection, context.company_id, task.id, import_id):
            raise Refusal("not_found")
    return await sheets.answer(services, context, f"failed-{import_id}", FAILED, _failed_lines(services, context))


async def _failed_lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    wanted: FailedQuery = context.query
    query = select(dial_task_failed_row).where(
        dial_task_failed_row.c.company_id == context.company_id,
        dial_task_failed_row.c.import_id == context.params["import_id"],
    )
    if wanted.kind != "all":
        query = query.where(dial_task_failed_row.c.kind == wanted.kind)
    async with services.database.read() as connection:
        async for rows in sheets.pages(connection, query.order_by(dial_task_failed_row.c.id)):
            yield [_failed_line(one) for one in rows]


def _failed_line(row: Any) -> tuple[Any, ...]:
    """A row as it was, with the reason, so that it can be mended and sent again."""
    line = f"{row.sheet}!{row.line}" if row.sheet else row.line
    said = REASONS.get(row.reason, "")
    return (line, row.number, row.name, row.company, row.remark, said, KINDS[row.kind])


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
            failed=row.duplicate_system + row.duplicate_file + row.blacklist + row.format_error,
            duplicate_system=row.duplicate_system,
            duplicate_file=row.duplicate_file,
            blacklist=row.blacklist,
            format_error=row.format_error,
            skipped=row.skipped,
            notes=msgspec.convert(row.notes, list[ImportNote]),
            reasons=row.reasons,
            reason=row.reason,
            operator=names.get(row.operator_id, Named(row.operator_id, "")),
            created_at=row.created_at,
        )
        for row in rows
    ]
