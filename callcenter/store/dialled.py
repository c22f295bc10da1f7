"""Which numbers of dial tasks are dialled. The calls tell; nothing is kept beside them that could differ.

A number is dialled (已拨) once its outside leg was made. An attempt whose agent never picked up has no such leg.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, literal, not_, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.terms import Role
from callcenter.store import outcomes
from callcenter.store.tables.books import cel_leg
from callcenter.store.tables.calls import call, leg
from callcenter.store.tables.tasks import dial_task, dial_task_number

OUTSIDE = Role.CUSTOMER.value


@dataclass(frozen=True, slots=True)
class History:
    """What the calls tell of one number; `calls` are those that rang it, `result` is the last one's."""

    calls: int = 0
    result: str | None = None
    last_called_at: datetime | None = None


NEVER = History()


def dialled(company_id: int) -> ColumnElement[bool]:
    """A condition on rows of `dial_task_number`.

    Asterisk's own records (`cel_leg`) count as well: they know the legs that no engine lived to see.
    """
    return or_(_rung_in(company_id, leg, leg.c.company_id == company_id), _rung_in(company_id, cel_leg))


def _rung_in(company_id: int, parts: Table, *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return (
        select(literal(1))
        .select_from(call.join(parts, parts.c.call_id == call.c.id))
        .where(
            call.c.company_id == company_id,
            call.c.task_number_id == dial_task_number.c.id,
            parts.c.role == OUTSIDE,
            *more,
        )
        .correlate(dial_task_number)
        .exists()
    )


def hidden(company_id: int) -> ColumnElement[bool]:
    """A condition on rows of `dial_task_number` joined to their `dial_task`: nobody but the main account sees the
    number yet (SPEC §B9)."""
    return and_(or_(dial_task.c.encrypted, dial_task.c.secret), not_(dialled(company_id)))


async def histories(connection: AsyncConnection, company_id: int, ids: Sequence[int]) -> dict[int, History]:
    """What happened to each of those numbers; a number that was never rung is missing."""
    found: dict[int, dict[str, Any]] = {}
    for parts in (leg, cel_leg):
        query = (
            select(call.c.id, call.c.task_number_id, call.c.started_at, outcomes.result().label("result"))
            .join(parts, parts.c.call_id == call.c.id)
            .where(call.c.company_id == company_id, call.c.task_number_id.in_(ids), parts.c.role == OUTSIDE)
        )
        for row in (await connection.execute(query)).all():
            found.setdefault(row.task_number_id, {})[row.id] = row
    return {number_id: _history(calls.values()) for number_id, calls in found.items()}


def _history(calls: Iterable[Any]) -> History:
    inorder = sorted(calls, key=lambda row: (row.started_at, row.id))
    return History(len(inorder), inorder[-1].result, inorder[-1].started_at)
