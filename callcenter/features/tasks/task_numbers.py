"""The numbers of tasks: lists, one to dial, and how they change hands (SPEC §D2, §D3, §A4.4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, func, not_, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.terms import TaskClaim, TaskState
from callcenter.store.dialled import dialled, hidden
from callcenter.store.searching import key_is_like, number_is_like
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import employee
from callcenter.store.tables.tasks import dial_task, dial_task_number

State = Literal["undialled", "dialled", "unassigned"]


def numbers_of(company_id: int) -> Select[Any]:
    """Numbers of the tasks that are not deleted, with what a row shows of its task and its assignee."""
    return (
        select(
            dial_task_number,
            dial_task.c.name.label("task_name"),
            dial_task.c.encrypted,
            dial_task.c.secret,
            dial_task.c.leg_order,
            employee.c.name.label("assignee_name"),
            dialled(company_id).label("dialled"),
        )
        .join(dial_task, dial_task.c.id == dial_task_number.c.task_id)
        .outerjoin(employee, employee.c.id == dial_task_number.c.assignee_id)
        .where(dial_task_number.c.company_id == company_id, dial_task.c.deleted_at.is_(None))
    )


def to_dial(company_id: int, employee_id: int) -> Select[Any]:
    """What an employee finds in the dial centre: a task that was finished by hand is not there any more."""
    return numbers_of(company_id).where(
        dial_task_number.c.assignee_id == employee_id, dial_task.c.state != TaskState.FINISHED.value
    )


def in_state(company_id: int, state: State) -> ColumnElement[bool]:
    match state:
        case "unassigned":
            return dial_task_number.c.assignee_id.is_(None)
        case "dialled":
            return dialled(company_id)
        case "undialled":
            return not_(dialled(company_id))


def found_by(company_id: int, text: str, region: str, *, main_account: bool) -> ColumnElement[bool]:
    """Rows whose name or company holds the text, or whose number does.

    Hidden digits are not searched: otherwise one could guess them one by one.
    """
    shown = true() if main_account else not_(hidden(company_id))
    return or_(
        key_is_like(dial_task_number.c.search_key, text),
        and_(number_is_like(dial_task_number.c.number, text, region), shown),
    )


def latest_first(company_id: int) -> ColumnElement[Any]:
    """An order: what is left to dial, then what is dialled, the last call first."""
    called = select(func.max(call.c.started_at)).where(
        call.c.company_id == company_id, call.c.task_number_id == dial_task_number.c.id
    )
    at = case((dialled(company_id), called.correlate(dial_task_number).scalar_subquery()))
    return at.desc().nulls_first()


async def page(
    connection: AsyncConnection, query: Select[Any], *order: ColumnElement[Any], limit: int, offset: int
) -> tuple[list[Any], int]:
    """Rows in that order, else in the order of their import; and how many there are in all."""
    total = (await connection.execute(query.with_only_columns(func.count(), maintain_column_froms=True))).scalar_one()
    rows = await connection.execute(query.order_by(*order, dial_task_number.c.id).limit(limit).offset(offset))
    return list(rows.all()), int(total)


async def claim(
    connection: AsyncConnection, company_id: int, task_id: int, employee_id: int, count: int, now: datetime
) -> int:
    """Gives an employee the next numbers that nobody has; how many there were.

    One statement in the one write transaction that there is at a time: no number can go to two people.
    """
    free = dial_task_number.alias("free")
    next_ones = (
        select(free.c.id)
        .join(dial_task, dial_task.c.id == free.c.task_id)
        .where(free.c.company_id == company_id, free.c.task_id == task_id, free.c.assignee_id.is_(None), claimable())
        .order_by(free.c.id)
        .limit(count)
    )
    mine = (dial_task_number.c.company_id == company_id, dial_task_number.c.id.in_(next_ones))
    taken = await connection.execute(
        update(dial_task_number).where(*mine).values(assignee_id=employee_id, assigned_at=now)
    )
    return taken.rowcount


def claimable() -> ColumnElement[bool]:
    """Tasks whose numbers anybody may take."""
    return and_(
        dial_task.c.claim == TaskClaim.SELF.value,
        dial_task.c.deleted_at.is_(None),
        dial_task.c.state != TaskState.FINISHED.value,
    )


async def undialled_of(connection: AsyncConnection, company_id: int, employee_id: int) -> int:
    """How many numbers somebody has still to dial."""
    query = select(func.count()).where(*_left_with(company_id, employee_id))
    return int((await connection.execute(query)).scalar_one())


async def pass_on(connection: AsyncConnection, company_id: int, leaver: int, to: int | None, now: datetime) -> int:
    """Moves what a leaver has not dialled to a colleague; how many numbers. What is dialled stays (SPEC §A4.4).

    Without a colleague the numbers of open tasks go back to their tasks, and a secret task stays as it is. A colleague
    also becomes the owner of the leaver's secret tasks, or nobody could open them but the enterprise account.
    """
    mine = _left_with(company_id, leaver)
    if to is None:
        open_tasks = select(dial_task.c.id).where(dial_task.c.company_id == company_id, not_(dial_task.c.secret))
        back = update(dial_task_number).where(*mine, dial_task_number.c.task_id.in_(open_tasks))
        return (await connection.execute(back.values(assignee_id=None, assigned_at=None))).rowcount
    await connection.execute(
        update(dial_task)
        .where(dial_task.c.company_id == company_id, dial_task.c.creator_id == leaver, dial_task.c.secret)
        .values(creator_id=to)
    )
    moved = update(dial_task_number).where(*mine).values(assignee_id=to, assigned_at=now)
    return (await connection.execute(moved)).rowcount


def _left_with(company_id: int, employee_id: int) -> tuple[ColumnElement[bool], ...]:
    living = select(dial_task.c.id).where(dial_task.c.company_id == company_id, dial_task.c.deleted_at.is_(None))
    return (
        dial_task_number.c.company_id == company_id,
        dial_task_number.c.assignee_id == employee_id,
        dial_task_number.c.task_id.in_(living),
        not_(dialled(company_id)),
    )
