"""The numbers of a task: list, allocation, spreadsheet; and how a number looks to whom (SPEC §B7.8, §B9, §D1.3)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from aiohttp import web
from sqlalchemy import ColumnElement, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.dial_tasks import hides_digits, masked
from callcenter.domain.numbers import display
from callcenter.domain.results import RESULTS
from callcenter.features.tasks import dial_tasks, task_numbers
from callcenter.features.tasks.dial_tasks_api import require
from callcenter.store.dialled import NEVER, History, histories
from callcenter.store.tables.tasks import dial_task_number
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.identity import Identity
from callcenter.web.kit import Context, Id, Listing, Paging, Routes, ShortText
from callcenter.web.lists import Named, clock, people
from callcenter.web.seen_numbers import is_main_account
from callcenter.web.services import Services

routes = Routes("dial_tasks")


class NumberQuery(Paging, kw_only=True):
    """`q` finds names, companies and numbers; hidden digits are not searched."""

    q: ShortText = ""
    state: Literal["undialled", "dialled", "unassigned"] | None = None
    assignee_id: Id | None = None


class TaskNumber(msgspec.Struct, kw_only=True):
    """`calls` counts the calls that rang it; `result` and `last_called_at` are those of the last one."""

    id: int
    task_id: int
    task_name: str
    number: str
    """E.164; while `masked` as dialled at home, with its middle six digits hidden."""
    extension: str
    """Keys to send after the answer; "" for none, and while `masked`. `number_display` shows it."""
    number_display: str
    masked: bool
    customer: Named | None
    """Whose number it is, of the customers that I see; null while `masked`, or the digits could be read there."""
    name: str
    company: str
    remark: str
    assignee: Named | None
    state: Literal["undialled", "dialled"]
    calls: int
    result: str | None
    last_called_at: datetime | None
    assigned_at: datetime | None


class Portion(msgspec.Struct):
    """What one employee has of a task; `employee` is null for what nobody has."""

    employee: Named | None
    total: int
    dialled: int
    undialled: int


@routes.add(
    "GET",
    "/api/dial-tasks/{id}/numbers",
    permission="tasks.own",
    data="scoped",
    summary="The numbers of a task",
    query=NumberQuery,
    answers=Listing[TaskNumber],
    errors=("task_unknown", "numbers_secret"),
)
async def list_numbers(services: Services, context: Context) -> Listing[TaskNumber]:
    wanted: NumberQuery = context.query
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
        query = task_numbers.numbers_of(context.company_id).where(dial_task_number.c.task_id == task.id)
        if wanted.assignee_id is not None:
            query = query.where(dial_task_number.c.assignee_id == wanted.assignee_id)
        return await listed(services, connection, context.me, query, wanted)


@routes.add(
    "GET",
    "/api/dial-tasks/{id}/allocation",
    permission="tasks.own",
    data="scoped",
    summary="Who has how many numbers of a task",
    answers=list[Portion],
    errors=("task_unknown", "numbers_secret"),
)
async def allocation(services: Services, context: Context) -> list[Portion]:
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
        found = await dial_tasks.allocation(connection, context.company_id, task.id)
        names = await people(connection, context.company_id)
    order = sorted(found, key=lambda one: (one is None, one))
    return [
        Portion(names.get(one) if one else None, found[one].total, found[one].dialled, found[one].undialled)
        for one in order
    ]


COLUMNS = ("号码", "姓名", "公司", "备注", "归属员工", "拨打状态", "呼出次数", "通话结果", "最近拨打", "分配时间")
STATES = {False: "未拨打", True: "已拨打"}


@routes.add(
    "GET",
    "/api/dial-tasks/{id}/export",
    permission="tasks.own",
    data="scoped",
    summary="The numbers of a task as a spreadsheet",
    errors=("exports_busy", "task_unknown", "numbers_secret"),
    raw=True,
)
async def export(services: Services, context: Context) -> web.StreamResponse:
    me = context.me
    async with services.database.read() as connection:
        task = await require(connection, context, numbers=True)
    file = await sheets.answer(services, context, f"task-{task.id}", COLUMNS, _lines(services, me, task.id))
    await services.audit.add(me.company_id, me.employee_id, "task.exported", str(task.id), context.ip, rows=file.rows)
    return file


async def _lines(services: Services, me: Identity, task_id: int) -> AsyncGenerator[sheets.Rows, None]:
    region = services.settings.default_region
    query = task_numbers.numbers_of(me.company_id).where(dial_task_number.c.task_id == task_id)
    async with services.database.read() as connection:
        zone = await zone_of(connection, me.company_id)
        async for part in sheets.pages(connection, query.order_by(dial_task_number.c.id)):
            told = await histories(connection, me.company_id, [row.id for row in part])
            yield [_line(me, row, told.get(row.id, NEVER), region, zone) for row in part]


def _line(me: Identity, row: Any, told: History, region: str, zone: ZoneInfo) -> tuple[Any, ...]:
    return (
        _shown(me, row, region),
        row.name,
        row.company,
        row.remark,
        row.assignee_name or "",
        STATES[row.dialled],
        told.calls,
        RESULTS.get(told.result or "", ""),
        clock(told.last_called_at, zone),
        clock(row.assigned_at, zone),
    )


# -- also for the dial centre ------------------------------------------------------------------------------------------


async def listed(
    services: Services,
    connection: AsyncConnection,
    me: Identity,
    query: Select[Any],
    wanted: NumberQuery,
    *order: ColumnElement[Any],
) -> Listing[TaskNumber]:
    """The page of a query's numbers that was asked for."""
    text, region = wanted.q.strip(), services.settings.default_region
    if text:
        found = task_numbers.found_by(me.company_id, text, region, main_account=is_main_account(me))
        query = query.where(found)
    if wanted.state is not None:
        query = query.where(task_numbers.in_state(me.company_id, wanted.state))
    rows, total = await task_numbers.page(connection, query, *order, limit=wanted.page_size, offset=wanted.offset)
    return Listing(await views(services, connection, me, rows), total, wanted.page, wanted.page_size)


async def views(services: Services, connection: AsyncConnection, me: Identity, rows: Sequence[Any]) -> list[TaskNumber]:
    """Numbers as somebody may see them."""
    told = await histories(connection, me.company_id, [row.id for row in rows])
    region = services.settings.default_region
    open_rows = [str(row.number) for row in rows if not is_masked(me, row)]
    known = await services.customers.known_to(me, open_rows) if me.may("customers.view") else {}
    return [_number(me, row, told.get(row.id, NEVER), known, region) for row in rows]


def is_masked(me: Identity, row: Any) -> bool:
    return hides_digits(
        encrypted=row.encrypted, secret=row.secret, dialled=row.dialled, main_account=is_main_account(me)
    )


def _shown(me: Identity, row: Any, region: str) -> str:
    """E.164 and its extension, or the number as dialled at home with its middle digits hidden."""
    return masked(row.number, region) if is_masked(me, row) else f"{row.number}{_behind(row)}"


def _behind(row: Any) -> str:
    """What stands behind a number that has an extension; it reads as the same number again."""
    return f"-{row.extension}" if row.extension else ""


def _number(me: Identity, row: Any, told: History, known: Mapping[str, Named], region: str) -> TaskNumber:
    hidden = is_masked(me, row)
    customer = None if hidden else known.get(str(row.number))
    number = masked(row.number, region) if hidden else str(row.number)
    return TaskNumber(
        id=row.id,
        task_id=row.task_id,
        task_name=row.task_name,
        number=number,
        extension="" if hidden else row.extension,
        number_display=number if hidden else display(row.number, region) + _behind(row),
        masked=hidden,
        customer=Named(customer.id, customer.name) if customer is not None else None,
        name=row.name,
        company=row.company,
        remark=row.remark,
        assignee=Named(row.assignee_id, row.assignee_name or "") if row.assignee_id else None,
        state="dialled" if row.dialled else "undialled",
        calls=told.calls,
        result=told.result,
        last_called_at=told.last_called_at,
        assigned_at=row.assigned_at,
    )
