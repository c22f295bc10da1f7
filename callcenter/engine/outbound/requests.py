"""One dial for one request: what its key remembers, also when it was refused."""

from __future__ import annotations

import asyncio

from sqlalchemy import bindparam, delete, insert, select, update

from callcenter.domain.caller_id import CallerId
from callcenter.domain.commands import Dial
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import (
    Gate,
)
from callcenter.engine.core import Core
from callcenter.store.tables.calls import call as call_table
from callcenter.store.tables.calls import command_key
from callcenter.store.tables.numbers import outside_number
from callcenter.store.tables.people import audit

STALE_SECONDS, STALE_LOOKS = 5.0, 20
"""How long a request that came first, perhaps to another engine, may take from its key to its call's row."""

# Built once: a click waits for them.
_EARLIER = (
    select(command_key, call_table.c.id.label("written"))
    .outerjoin(call_table, call_table.c.id == command_key.c.call_id)
    .where(command_key.c.company_id == bindparam("company"), command_key.c.key == bindparam("the_key"))
)
_FORGET = delete(command_key).where(
    command_key.c.company_id == bindparam("company"), command_key.c.key == bindparam("the_key")
)
_REMEMBER = insert(command_key)
_SHOWN = (
    update(outside_number)
    .where(outside_number.c.company_id == bindparam("company"), outside_number.c.id == bindparam("the_number"))
    .values(last_shown_at=bindparam("now"))
)


class DialRequests:
    def __init__(self, core: Core) -> None:
        self._core = core

    async def earlier(self, command: Dial) -> str | None:
        """The call of an earlier request with this key; raises what it raised, or when the key was for another."""
        names = {"company": command.company_id, "the_key": key_of(command)}
        for pause in (*[STALE_SECONDS / STALE_LOOKS] * STALE_LOOKS, None):
            async with self._core.database.glance() as connection:
                row = (await connection.execute(_EARLIER, names)).first()
            if row is None:
                return None
            if row.request != _request(command):
                raise Refusal("key_reused")
            if row.error:
                raise Refusal(row.error, number=command.number)
            if row.written is not None or row.call_id in self._core.registry.calls:
                return str(row.call_id)
            if pause is not None:
                await asyncio.sleep(pause)
        # The engine died, or the database failed, before the call was written down: it was never dialled.
        async with self._core.database.write() as connection:
            await connection.execute(_FORGET, names)
        return None

    async def remember(self, command: Dial, call_id: str, shown: CallerId) -> None:
        now = self._core.now()
        async with self._core.database.write() as connection:
            await connection.execute(
                _REMEMBER,
                {
                    "company_id": command.company_id,
                    "key": key_of(command),
                    "employee_id": command.employee_id,
                    "request": _request(command),
                    "call_id": call_id,
                    "at": now,
                },
            )
            names = {"company": command.company_id, "the_number": shown.id, "now": now}
            await connection.execute(_SHOWN, names)

    async def refuse(self, command: Dial, gate: Gate) -> None:
        """Denied dials are logged, and the key remembers the refusal."""
        now = self._core.now()
        async with self._core.database.write() as connection:
            values = {"employee_id": command.employee_id, "request": _request(command), "error": gate.value}
            key = {"company_id": command.company_id, "key": key_of(command)}
            where = (command_key.c.company_id == key["company_id"], command_key.c.key == key["key"])
            done = await connection.execute(update(command_key).where(*where).values(error=gate.value, call_id=None))
            if done.rowcount == 0:
                await connection.execute(insert(command_key).values(**key, **values, at=now))
            details: dict[str, object] = {"gate": gate.value}
            if command.task_number_id is not None:
                details["task_number"] = command.task_number_id  # its digits may be hidden from who reads the log
            await connection.execute(
                insert(audit).values(
                    company_id=command.company_id,
                    actor_id=command.employee_id,
                    action="dial.refused",
                    object=command.number[:32],
                    details=details,
                    at=now,
                )
            )


def key_of(command: Dial) -> str:
    return f"{command.employee_id}:{command.key}"


def _request(command: Dial) -> str:
    parts = [command.number, command.customer_id or "", command.mode or "", command.leg_order or ""]
    if command.task_number_id is not None:
        parts.append(command.task_number_id)
    return "|".join(str(part) for part in parts)[:200]
