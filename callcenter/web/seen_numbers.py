"""What of a customer's number somebody is shown: every answer that tells one asks here (SPEC §B9).

A number of an encrypted or secret dial task is masked until the customer's side was rung, but for the enterprise
account. A query of calls says so in its column `number_hidden`.
"""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import ColumnElement, Label, literal, not_, select, true
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.dial_tasks import Seen, seen
from callcenter.store.dialled import hidden
from callcenter.store.tables.calls import call
from callcenter.store.tables.tasks import dial_task, dial_task_number
from callcenter.web.identity import Identity


def is_main_account(me: Identity) -> bool:
    """The enterprise account: it manages the tasks of all and dials none (SPEC §A1.1). Nothing is masked for it."""
    return me.may("tasks.all") and not me.may("tasks.dial")


def seen_by(me: Identity, number: str, number_hidden: bool | None, region: str = "CN") -> Seen:
    """A number as `me` sees it; `number_hidden` as the query of its row says (None: it is of no task)."""
    return seen(number, hidden=bool(number_hidden), main_account=is_main_account(me), region=region)


def is_hidden(company_id: int) -> ColumnElement[bool]:
    """A condition on rows of `call`: its number is still hidden from all but the main account."""
    return (
        select(literal(1))
        .select_from(dial_task_number.join(dial_task, dial_task.c.id == dial_task_number.c.task_id))
        .where(
            dial_task_number.c.company_id == company_id,
            dial_task.c.company_id == company_id,
            dial_task_number.c.id == call.c.task_number_id,
            hidden(company_id),
        )
        .correlate(call)
        .exists()
    )


def number_hidden(company_id: int) -> Label[bool]:
    """The column `number_hidden` of a query that selects from `call`."""
    return is_hidden(company_id).label("number_hidden")


def searchable(company_id: int, me: Identity) -> ColumnElement[bool]:
    """Calls whose number `me` may find by its digits: hidden ones could be guessed one by one."""
    return true() if is_main_account(me) else not_(is_hidden(company_id))


async def still_hidden(connection: AsyncConnection, company_id: int, ids: Collection[int]) -> set[int]:
    """Those of the numbers of dial tasks (by id) that are still hidden."""
    query = (
        select(dial_task_number.c.id)
        .join(dial_task, dial_task.c.id == dial_task_number.c.task_id)
        .where(dial_task_number.c.company_id == company_id, dial_task_number.c.id.in_(ids), hidden(company_id))
    )
    return set((await connection.execute(query)).scalars())
