"""Direct numbers of an employee who leaves: those not yet in use go to a colleague or back to the company."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.direct_numbers import NumberState
from callcenter.features.numbers import direct_numbers
from callcenter.store.tables.numbers import outside_number


async def idle_numbers(connection: AsyncConnection, company_id: int, employee_id: int) -> list[Any]:
    """Numbers that the employee was given and has not activated. An activated one belongs to its seat (SPEC §B8.7)."""
    query = select(outside_number).where(
        outside_number.c.company_id == company_id,
        outside_number.c.employee_id == employee_id,
        outside_number.c.state == NumberState.ASSIGNED.value,
        outside_number.c.leave_state == "",
    )
    return list((await connection.execute(query.order_by(outside_number.c.id))).all())


async def pass_on_numbers(
    connection: AsyncConnection, company_id: int, from_id: int, to_id: int | None, *, by: int, now: datetime
) -> int:
    """Gives them to a colleague, or back to the company when there is none; how many."""
    rows = await idle_numbers(connection, company_id, from_id)
    if to_id is not None:
        await direct_numbers.assign(connection, company_id, [row.id for row in rows], to_id, by=by, now=now)
        return len(rows)
    for row in rows:
        back = update(outside_number).where(outside_number.c.company_id == company_id, outside_number.c.id == row.id)
        await connection.execute(back.values(state=NumberState.DISPATCHED.value, employee_id=None))
        await direct_numbers.note(connection, company_id, row.id, "unassigned", employee_id=from_id, by=by, now=now)
    return len(rows)
