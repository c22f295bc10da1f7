"""Direct superiors (SPEC §A4.5): who stands above whom, which the scope "subordinates" follows."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.store.people import is_staff
from callcenter.store.tables.people import employee


async def require_superior(
    connection: AsyncConnection, company_id: int, employee_id: int | None, superior_id: int | None
) -> None:
    """Raises `superior_unknown` unless it is None or one of the company's staff, and `superior_loop` for the employee
    and everybody below. `employee_id` is None for an employee who is not there yet.
    """
    if superior_id is None:
        return
    people = select(employee.c.id, employee.c.superior_id).where(employee.c.company_id == company_id, is_staff())
    above = {row.id: row.superior_id for row in (await connection.execute(people)).all()}
    if superior_id not in above:
        raise Refusal("superior_unknown")
    seen = set[int]()
    one: int | None = superior_id
    while one is not None and one not in seen:
        if one == employee_id:
            raise Refusal("superior_loop")
        seen.add(one)
        one = above.get(one)


async def close_ranks(connection: AsyncConnection, company_id: int, leaver: int) -> None:
    """Whoever stood below somebody who leaves now stands below that one's superior."""
    mine = select(employee.c.superior_id).where(employee.c.company_id == company_id, employee.c.id == leaver)
    next_above = (await connection.execute(mine)).scalar()
    below = (employee.c.company_id == company_id, employee.c.superior_id == leaver)
    await connection.execute(update(employee).where(*below).values(superior_id=next_above))
