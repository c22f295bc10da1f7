"""Dialling a number of a task by its id: the number itself need not be known to who dials it (SPEC §B1.2, §B9)."""

from __future__ import annotations

from dataclasses import replace

from callcenter.domain.commands import Dial
from callcenter.domain.dial_tasks import hides_digits
from callcenter.domain.numbers import Number
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import LegOrder, Source
from callcenter.features.tasks import dial_tasks, task_numbers
from callcenter.features.tasks.task_numbers_api import is_masked
from callcenter.store.tables.tasks import dial_task_number
from callcenter.web.identity import Identity
from callcenter.web.services import Services


async def dial(services: Services, me: Identity, wanted: Dial, number_id: int) -> str:
    """Dials one of my numbers and returns the call's id; the first dial puts the task in progress.

    Raises `forbidden`, `task_number_unknown` and whatever dialling does; a refusal does not tell a hidden number.
    """
    if not me.may("tasks.dial"):
        raise Refusal("forbidden", permission="tasks.dial")
    query = task_numbers.to_dial(me.company_id, me.employee_id).where(dial_task_number.c.id == number_id)
    async with services.database.glance() as connection:
        row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("task_number_unknown")
    command = replace(
        wanted,
        number=str(Number(row.number, row.extension)),
        source=Source.TASK,
        task_number_id=row.id,
        leg_order=wanted.leg_order or (LegOrder(row.leg_order) if row.leg_order is not None else None),
        number_hidden=hides_digits(encrypted=row.encrypted, secret=row.secret, dialled=row.dialled, main_account=False),
    )
    try:
        call_id: str = await services.execute(command)
    except Refusal as refusal:
        if not is_masked(me, row):
            raise
        details = {name: value for name, value in refusal.details.items() if name != "number"}
        raise Refusal(refusal.code, **details) from None
    async with services.database.write() as connection:
        await dial_tasks.begun(connection, me.company_id, row.task_id)
    return call_id
