"""Tasks themselves: made, found, counted, changed. Rules are in `domain/dial_tasks.py`.

What writes runs in the caller's write transaction and raises `Refusal` with a stable code.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import dial_tasks as rules
from callcenter.domain.dial_tasks import Share
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import LegOrder, TaskClaim, TaskRule, TaskState
from callcenter.store.dialled import dialled
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import employee, role
from callcenter.store.tables.tasks import dial_task, dial_task_import, dial_task_number, dial_task_share

RUNNING = "running"


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of one task, or of one employee in it."""

    total: int = 0
    dialled: int = 0
    unassigned: int = 0

    @property
    def undialled(self) -> int:
        return self.total - self.dialled


@dataclass(frozen=True, slots=True)
class NewTask:
    name: str
    secret: bool
    claim: TaskClaim
    rule: TaskRule | None
    encrypted: bool
    shares: Sequence[Share]
    leg_order: LegOrder | None = None
    """Who is rung first; None: as each seat says (P-08)."""


async def dialling_staff(connection: AsyncConnection, company_id: int) -> list[int]:
    """The active employees who may dial tasks, by their ids."""
    query = (
        select(employee.c.id, role.c.permissions)
        .join(role, role.c.id == employee.c.role_id)
        .where(employee.c.company_id == company_id, employee.c.account_state == "active")
        .order_by(employee.c.id)
    )
    rows = (await connection.execute(query)).all()
    return [row.id for row in rows if "tasks.dial" in row.permissions]


async def create(connection: AsyncConnection, company_id: int, creator_id: int, wanted: NewTask, now: datetime) -> int:
    """A task without numbers. The numbers of a secret one all go to its creator (SPEC §D2.1).

    Raises `shares_needed`, `percent_not_100`, `employee_unknown`.
    """
    claim = TaskClaim.ASSIGNED if wanted.secret else wanted.claim
    rule = wanted.rule if claim is TaskClaim.ASSIGNED and not wanted.secret else None
    if claim is TaskClaim.ASSIGNED and rule is None and not wanted.secret:
        raise Refusal("shares_needed")
    shares = wanted.shares if rule in (TaskRule.AVERAGE_CHOSEN, TaskRule.CUSTOM) else ()
    fault = rules.fault_of(rule, shares)
    if fault is not None:
        raise Refusal(fault)
    if shares and {one.employee_id for one in shares} - set(await dialling_staff(connection, company_id)):
        raise Refusal("employee_unknown")
    values = {
        "company_id": company_id,
        "name": wanted.name,
        "state": TaskState.NORMAL.value,
        "secret": wanted.secret,
        "claim": claim.value,
        "rule": rule.value if rule is not None else None,
        "encrypted": wanted.encrypted,
        "leg_order": wanted.leg_order.value if wanted.leg_order is not None else None,
        "creator_id": creator_id,
        "created_at": now,
    }
    task_id = int((await connection.execute(insert(dial_task).values(**values).returning(dial_task.c.id))).scalar_one())
    if shares:
        rows = [
            {
                "company_id": company_id,
                "task_id": task_id,
                "employee_id": one.employee_id,
                "place": place,
                "percent": one.percent if rule is TaskRule.CUSTOM else None,
            }
            for place, one in enumerate(shares)
        ]
        await connection.execute(insert(dial_task_share), rows)
    return task_id


def tasks_of(company_id: int) -> Any:
    """The tasks of a company that are not deleted, with the names of their creators."""
    return (
        select(dial_task, employee.c.name.label("creator_name"))
        .outerjoin(employee, employee.c.id == dial_task.c.creator_id)
        .where(dial_task.c.company_id == company_id, dial_task.c.deleted_at.is_(None))
    )


async def shares_of(connection: AsyncConnection, company_id: int, task_id: int) -> list[Any]:
    """Rows with `employee_id`, `percent` and `name`, in the chosen order."""
    query = (
        select(dial_task_share.c.employee_id, dial_task_share.c.percent, employee.c.name)
        .join(employee, employee.c.id == dial_task_share.c.employee_id)
        .where(dial_task_share.c.company_id == company_id, dial_task_share.c.task_id == task_id)
        .order_by(dial_task_share.c.place)
    )
    return list((await connection.execute(query)).all())


async def counts(connection: AsyncConnection, company_id: int, ids: Iterable[int]) -> dict[int, Counts]:
    """Of each of those tasks."""
    mine = (dial_task_number.c.company_id == company_id, dial_task_number.c.task_id.in_(list(ids)))
    whole = select(
        dial_task_number.c.task_id,
        func.count().label("total"),
        func.count(dial_task_number.c.assignee_id).label("assigned"),
    )
    done = select(dial_task_number.c.task_id, func.count().label("dialled")).where(dialled(company_id))
    by_task = dial_task_number.c.task_id
    rung = {
        row.task_id: int(row.dialled) for row in (await connection.execute(done.where(*mine).group_by(by_task))).all()
    }
    rows = (await connection.execute(whole.where(*mine).group_by(by_task))).all()
    return {row.task_id: Counts(row.total, rung.get(row.task_id, 0), row.total - row.assigned) for row in rows}


async def allocation(connection: AsyncConnection, company_id: int, task_id: int) -> dict[int | None, Counts]:
    """Numbers of a task by employee; None holds those that nobody has."""
    who = dial_task_number.c.assignee_id
    mine = (dial_task_number.c.company_id == company_id, dial_task_number.c.task_id == task_id)
    whole = select(who, func.count().label("total")).where(*mine).group_by(who)
    done = select(who, func.count().label("dialled")).where(*mine, dialled(company_id)).group_by(who)
    rung = {row.assignee_id: int(row.dialled) for row in (await connection.execute(done)).all()}
    return {
        row.assignee_id: Counts(row.total, rung.get(row.assignee_id, 0), 0 if row.assignee_id else row.total)
        for row in (await connection.execute(whole)).all()
    }


def in_state(company_id: int, wanted: TaskState) -> ColumnElement[bool]:
    """Tasks that are shown in that state: what `domain.dial_tasks.shown_state` says, as a condition."""
    numbers = select(dial_task_number.c.id).where(
        dial_task_number.c.company_id == company_id, dial_task_number.c.task_id == dial_task.c.id
    )
    working = dial_task.c.state == TaskState.IN_PROGRESS.value
    all_dialled = and_(
        numbers.correlate(dial_task).exists(),
        not_(numbers.where(not_(dialled(company_id))).correlate(dial_task).exists()),
    )
    match wanted:
        case TaskState.FINISHED:
            return or_(dial_task.c.state == TaskState.FINISHED.value, and_(working, all_dialled))
        case TaskState.IN_PROGRESS:
            return and_(working, not_(all_dialled))
        case TaskState.NORMAL:
            return dial_task.c.state == TaskState.NORMAL.value


async def importing(connection: AsyncConnection, company_id: int, ids: Iterable[int]) -> set[int]:
    """Those of the tasks into which a file is being imported."""
    query = select(dial_task_import.c.task_id).where(
        dial_task_import.c.company_id == company_id,
        dial_task_import.c.task_id.in_(list(ids)),
        dial_task_import.c.state == RUNNING,
    )
    return {row.task_id for row in (await connection.execute(query)).all()}


async def put(
    connection: AsyncConnection, company_id: int, task_id: int, name: str | None, state: TaskState | None
) -> None:
    """Renames a task or moves it by hand; raises `task_running` for a way back to normal while something runs."""
    if state is TaskState.NORMAL and await _runs(connection, company_id, task_id):
        raise Refusal("task_running")
    values = {"name": name, "state": state.value if state is not None else None}
    given = {key: value for key, value in values.items() if value is not None}
    if given:
        await connection.execute(_mine(company_id, task_id).values(**given))


async def remove(connection: AsyncConnection, company_id: int, task_id: int, now: datetime) -> None:
    """The task and its numbers are gone; calls go on naming it."""
    await connection.execute(_mine(company_id, task_id).values(deleted_at=now))


async def begun(connection: AsyncConnection, company_id: int, task_id: int) -> None:
    """The first dial puts a task in progress."""
    first = _mine(company_id, task_id).where(dial_task.c.state == TaskState.NORMAL.value)
    await connection.execute(first.values(state=TaskState.IN_PROGRESS.value))


def _mine(company_id: int, task_id: int) -> Any:
    return update(dial_task).where(dial_task.c.company_id == company_id, dial_task.c.id == task_id)


async def _runs(connection: AsyncConnection, company_id: int, task_id: int) -> bool:
    if await importing(connection, company_id, [task_id]):
        return True
    talking = (
        select(call.c.id)
        .join(dial_task_number, dial_task_number.c.id == call.c.task_number_id)
        .where(call.c.company_id == company_id, dial_task_number.c.task_id == task_id, call.c.ended_at.is_(None))
        .limit(1)
    )
    return (await connection.execute(talking)).first() is not None
