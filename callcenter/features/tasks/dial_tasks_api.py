"""Dial tasks: whose they are, their state and their rule of allocation (SPEC §D1-D3, §A1.4)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import ColumnElement, or_, true
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.dial_tasks import Share, shown_state
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import LegOrder, TaskClaim, TaskRule, TaskState
from callcenter.features.tasks import dial_tasks
from callcenter.features.tasks.dial_tasks import Counts, NewTask
from callcenter.store.base import utcnow
from callcenter.store.tables.tasks import dial_task
from callcenter.web.identity import Identity
from callcenter.web.kit import Body, Context, Id, Listing, Name, Paging, Routes, ShortText
from callcenter.web.lists import Named, page_of
from callcenter.web.seen_numbers import is_main_account
from callcenter.web.services import Services

routes = Routes("dial_tasks")

SORTS: dict[str, ColumnElement[Any]] = {"created_at": dial_task.c.created_at, "name": dial_task.c.name}


class TaskQuery(Paging, kw_only=True):
    """`own`: the tasks I made; `all`: those of everybody in my data scope, for whoever may see them."""

    scope: Literal["own", "all"] = "own"
    q: ShortText = ""
    state: TaskState | None = None
    sort: Literal["created_at", "-created_at", "name", "-name"] = "-created_at"


class GivenShare(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    employee_id: Id
    percent: Annotated[int, msgspec.Meta(ge=1, le=100)] | None = None


class NewDialTask(Body, kw_only=True):
    name: Name
    secret: bool = False
    """Belongs to its creator alone; how it is claimed and shared does not matter then."""
    claim: TaskClaim = TaskClaim.SELF
    rule: TaskRule | None = None
    encrypted: bool = False
    leg_order: LegOrder | None = None
    """Who is rung first when its numbers are dialled, unless the call says otherwise; null: as each seat says."""
    shares: Annotated[list[GivenShare], msgspec.Meta(max_length=1000)] = msgspec.field(default_factory=list)


class TaskChange(Body, kw_only=True):
    name: Name | None = None
    state: TaskState | None = None


class Task(msgspec.Struct, kw_only=True):
    """`total` = `dialled` + `undialled`; `unassigned` are numbers that nobody has (SPEC §D1.3)."""

    id: int
    name: str
    state: TaskState
    secret: bool
    claim: TaskClaim
    rule: TaskRule | None
    encrypted: bool
    leg_order: LegOrder | None
    creator: Named
    total: int
    dialled: int
    undialled: int
    unassigned: int
    importing: bool
    numbers_hidden: bool
    """Somebody's secret task: I see that it exists, and no number of it (SPEC §D2.2)."""
    created_at: datetime


class ShareView(msgspec.Struct):
    employee_id: int
    employee_name: str
    percent: int | None


class TaskDetail(Task, kw_only=True):
    shares: list[ShareView]


@routes.add(
    "GET",
    "/api/dial-tasks",
    permission="tasks.own",
    data="scoped",
    summary="My dial tasks, or all in my data scope",
    query=TaskQuery,
    answers=Listing[Task],
)
async def listing(services: Services, context: Context) -> Listing[Task]:
    wanted: TaskQuery = context.query
    me, company_id = context.me, context.company_id
    if wanted.scope == "all" and not me.may("tasks.all"):
        raise Refusal("forbidden", permission="tasks.all")
    whose = visible(me) if wanted.scope == "all" else dial_task.c.creator_id == me.employee_id
    query = dial_tasks.tasks_of(company_id).where(whose)
    if wanted.q.strip():
        query = query.where(dial_task.c.name.icontains(wanted.q.strip(), autoescape=True))
    if wanted.state is not None:
        query = query.where(dial_tasks.in_state(company_id, wanted.state))
    column = SORTS[wanted.sort.removeprefix("-")]
    order = column.desc() if wanted.sort.startswith("-") else column.asc()
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, order, dial_task.c.id.desc())
        items = await views(connection, me, rows)
    return Listing(items, total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/dial-tasks",
    permission="tasks.own",
    data="own",
    summary="Create a dial task, without numbers yet",
    body=NewDialTask,
    answers=Task,
    status=201,
    errors=("not_an_agent", "shares_needed", "percent_not_100", "employee_unknown"),
)
async def create(services: Services, context: Context) -> Task:
    given: NewDialTask = context.body
    me = context.me
    if given.secret and not me.may("tasks.dial"):
        raise Refusal("not_an_agent")  # only the creator dials it (SPEC §D2.1)
    shares = [Share(one.employee_id, one.percent) for one in given.shares]
    wanted = NewTask(
        given.name.strip() or given.name,
        given.secret,
        given.claim,
        given.rule,
        given.encrypted,
        shares,
        given.leg_order,
    )
    async with services.database.write() as connection:
        task_id = await dial_tasks.create(connection, me.company_id, me.employee_id, wanted, utcnow())
        await services.audit.write(
            connection, me.company_id, me.employee_id, "task.created", str(task_id), context.ip, name=wanted.name
        )
    return await _view(services, context, task_id)


@routes.add(
    "GET",
    "/api/dial-tasks/{id}",
    permission="tasks.own",
    data="scoped",
    summary="One dial task with the shares of its rule",
    answers=TaskDetail,
    errors=("task_unknown",),
)
async def one(services: Services, context: Context) -> TaskDetail:
    async with services.database.read() as connection:
        row = await require(connection, context)
        view = (await views(connection, context.me, [row]))[0]
        shares = await dial_tasks.shares_of(connection, context.company_id, row.id)
    return TaskDetail(
        **msgspec.structs.asdict(view), shares=[ShareView(one.employee_id, one.name, one.percent) for one in shares]
    )


@routes.add(
    "PATCH",
    "/api/dial-tasks/{id}",
    permission="tasks.own",
    data="scoped",
    summary="Rename a task, or move it to another state by hand",
    body=TaskChange,
    answers=Task,
    errors=("task_unknown", "numbers_secret", "task_running"),
)
async def change(services: Services, context: Context) -> Task:
    given: TaskChange = context.body
    me = context.me
    async with services.database.write() as connection:
        row = await require(connection, context, numbers=True)
        await dial_tasks.put(connection, me.company_id, row.id, given.name, given.state)
        await services.audit.write(
            connection, me.company_id, me.employee_id, "task.changed", str(row.id), context.ip,
            **{key: value for key, value in (("name", given.name), ("state", given.state)) if value is not None},
        )  # fmt: skip
    return await _view(services, context, row.id)


@routes.add(
    "DELETE",
    "/api/dial-tasks/{id}",
    permission="tasks.own",
    data="scoped",
    summary="Delete a task with its numbers; calls go on naming it",
    status=204,
    errors=("task_unknown", "numbers_secret"),
)
async def remove(services: Services, context: Context) -> None:
    me = context.me
    async with services.database.write() as connection:
        row = await require(connection, context, numbers=True)
        await dial_tasks.remove(connection, me.company_id, row.id, utcnow())
        await services.audit.write(
            connection, me.company_id, me.employee_id, "task.deleted", str(row.id), context.ip, name=row.name
        )


# -- who may see what --------------------------------------------------------------------------------------------------


def visible(me: Identity) -> ColumnElement[bool]:
    """Tasks that somebody may open: one's own, and with `tasks.all` those made by people in the data scope."""
    mine = dial_task.c.creator_id == me.employee_id
    if not me.may("tasks.all"):
        return mine
    return true() if me.visible is None else or_(mine, dial_task.c.creator_id.in_(me.visible))


def hides_numbers(me: Identity, row: Any) -> bool:
    """Whether a task's numbers are secret to somebody who may see that it exists (SPEC §D2.2)."""
    return bool(row.secret) and row.creator_id != me.employee_id and not is_main_account(me)


async def require(connection: AsyncConnection, context: Context, *, numbers: bool = False) -> Any:
    """The task of the path; raises `task_unknown`, and `numbers_secret` when its `numbers` are asked for too."""
    query = dial_tasks.tasks_of(context.company_id).where(dial_task.c.id == context.params["id"], visible(context.me))
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("task_unknown")
    if numbers and hides_numbers(context.me, row):
        raise Refusal("numbers_secret")
    return row


async def views(connection: AsyncConnection, me: Identity, rows: Sequence[Any]) -> list[Task]:
    """Tasks as the API shows them."""
    ids = [row.id for row in rows]
    counts = await dial_tasks.counts(connection, me.company_id, ids)
    importing = await dial_tasks.importing(connection, me.company_id, ids)
    return [_task(me, row, counts.get(row.id, Counts()), row.id in importing) for row in rows]


def _task(me: Identity, row: Any, counts: Counts, importing: bool) -> Task:
    return Task(
        id=row.id,
        name=row.name,
        state=shown_state(TaskState(row.state), counts.total, counts.dialled),
        secret=row.secret,
        claim=TaskClaim(row.claim),
        rule=TaskRule(row.rule) if row.rule is not None else None,
        encrypted=row.encrypted,
        leg_order=LegOrder(row.leg_order) if row.leg_order is not None else None,
        creator=Named(row.creator_id, row.creator_name or ""),
        total=counts.total,
        dialled=counts.dialled,
        undialled=counts.undialled,
        unassigned=counts.unassigned,
        importing=importing,
        numbers_hidden=hides_numbers(me, row),
        created_at=row.created_at,
    )


async def _view(services: Services, context: Context, task_id: int) -> Task:
    context.params["id"] = task_id
    async with services.database.read() as connection:
        return (await views(connection, context.me, [await require(connection, context)]))[0]
