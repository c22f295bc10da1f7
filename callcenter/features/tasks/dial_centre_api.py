"""The dial centre: an employee's own numbers, and claiming more (SPEC §D3.1, §D6)."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sqlalchemy import func, or_, select

from callcenter.domain.dial_tasks import DEFAULT_CLAIM, MOST_CLAIMED
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import TaskClaim, TaskState
from callcenter.features.tasks import task_numbers
from callcenter.features.tasks.task_numbers_api import NumberQuery, TaskNumber, listed
from callcenter.store.base import utcnow
from callcenter.store.dialled import dialled
from callcenter.store.tables.tasks import dial_task, dial_task_number
from callcenter.web.kit import Body, Context, Id, Listing, Routes
from callcenter.web.services import Services

routes = Routes("dial_centre")


class CentreTask(msgspec.Struct):
    """`claimable`: numbers of it that nobody has taken yet."""

    id: int
    name: str
    mine_total: int
    mine_undialled: int
    claimable: int
    claim: TaskClaim


class MineQuery(NumberQuery, kw_only=True):
    task_id: Id | None = None


class Claim(Body, kw_only=True):
    count: Annotated[int, msgspec.Meta(ge=1, le=MOST_CLAIMED)] = DEFAULT_CLAIM


class Claimed(msgspec.Struct):
    claimed: int


@routes.add(
    "GET",
    "/api/dial-centre/tasks",
    permission="tasks.dial",
    data="own",
    summary="Tasks in which I have numbers or may claim some",
    answers=list[CentreTask],
)
async def tasks(services: Services, context: Context) -> list[CentreTask]:
    company_id, me = context.company_id, context.me.employee_id
    mine = (dial_task_number.c.company_id == company_id, dial_task_number.c.assignee_id == me)
    free = (
        dial_task_number.c.company_id == company_id,
        dial_task_number.c.assignee_id.is_(None),
        task_numbers.claimable(),
    )
    by_task = dial_task_number.c.task_id
    count = select(by_task, func.count().label("found")).group_by(by_task)
    joined = dial_task_number.join(dial_task, dial_task.c.id == dial_task_number.c.task_id)
    wanted = (
        count.where(*mine),
        count.where(*mine, ~dialled(company_id)),
        count.select_from(joined).where(*free),
    )
    async with services.database.read() as connection:
        total, undialled, claimable = [
            {row.task_id: int(row.found) for row in (await connection.execute(query)).all()} for query in wanted
        ]
        open_tasks = (
            select(dial_task.c.id, dial_task.c.name, dial_task.c.claim)
            .where(
                dial_task.c.company_id == company_id,
                dial_task.c.deleted_at.is_(None),
                dial_task.c.state != TaskState.FINISHED.value,
                or_(dial_task.c.id.in_(list(total)), dial_task.c.id.in_(list(claimable))),
            )
            .order_by(dial_task.c.id.desc())
        )
        rows = (await connection.execute(open_tasks)).all()
    return [
        CentreTask(
            row.id,
            row.name,
            total.get(row.id, 0),
            undialled.get(row.id, 0),
            claimable.get(row.id, 0),
            TaskClaim(row.claim),
        )
        for row in rows
    ]


@routes.add(
    "GET",
    "/api/dial-centre/numbers",
    permission="tasks.dial",
    data="own",
    summary="The numbers that I have to dial, or have dialled",
    query=MineQuery,
    answers=Listing[TaskNumber],
)
async def mine(services: Services, context: Context) -> Listing[TaskNumber]:
    wanted: MineQuery = context.query
    query = task_numbers.to_dial(context.company_id, context.me.employee_id)
    if wanted.task_id is not None:
        query = query.where(dial_task_number.c.task_id == wanted.task_id)
    if wanted.assignee_id is not None:
        query = query.where(dial_task_number.c.assignee_id == wanted.assignee_id)
    # What is left is in the order of import in any case: then there is nothing to sort.
    order = () if wanted.state == "undialled" else (task_numbers.latest_first(context.company_id),)
    async with services.database.read() as connection:
        return await listed(services, connection, context.me, query, wanted, *order)


@routes.add(
    "POST",
    "/api/dial-centre/tasks/{id}/claim",
    permission="tasks.dial",
    data="own",
    summary="Take some of a task's numbers that nobody has, first come first served",
    body=Claim,
    answers=Claimed,
    errors=("task_unknown", "nothing_to_claim"),
)
async def claim(services: Services, context: Context) -> Claimed:
    given: Claim = context.body
    company_id, task_id = context.company_id, context.params["id"]
    known = select(dial_task.c.id).where(
        dial_task.c.company_id == company_id,
        dial_task.c.id == task_id,
        dial_task.c.claim == TaskClaim.SELF.value,
        dial_task.c.deleted_at.is_(None),
    )
    async with services.database.write() as connection:
        if (await connection.execute(known)).first() is None:
            raise Refusal("task_unknown")
        taken = await task_numbers.claim(connection, company_id, task_id, context.me.employee_id, given.count, utcnow())
    if taken == 0:
        raise Refusal("nothing_to_claim")
    return Claimed(taken)
