"""What people have to be told (SPEC §C15): queued once under a unique key, shown on the page, marked when read.

A notice of nobody in particular is the company's own: whoever may see the wallet gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.features.notices.tables import notice


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to tell. `key` names what happened: the same thing is told to the same person once."""

    company_id: int
    kind: str
    key: str
    data: Mapping[str, Any]
    to: tuple[int | None, ...] = (None,)
    """Employees, and None for the company."""

    @property
    def rows(self) -> dict[str, int | None]:
        """Unique key -> who is told."""
        return {f"{self.key}:{'company' if one is None else one}": one for one in self.to}


async def queue(
    connection: AsyncConnection,
    company_id: int,
    kind: str,
    key: str,
    data: Mapping[str, Any],
    *,
    at: datetime,
    to: Iterable[int | None] = (None,),
) -> bool:
    """Queues a notice for each of those employees, and for the company where None is among them; whether it is news
    to anybody. `data` is plain JSON."""
    return await put(connection, Notice(company_id, kind, key, data, tuple(to)), at)


async def put(connection: AsyncConnection, one: Notice, at: datetime) -> bool:
    """Queues a notice for those who have not had it; whether it is news to anybody."""
    told = await _told(connection, one)
    fresh = [
        {
            "company_id": one.company_id,
            "employee_id": who,
            "kind": one.kind,
            "key": key,
            "data": dict(one.data),
            "at": at,
        }
        for key, who in one.rows.items()
        if key not in told
    ]
    if fresh:
        await connection.execute(insert(notice), fresh)
    return bool(fresh)


async def is_news(connection: AsyncConnection, one: Notice) -> bool:
    """Whether somebody has not had it yet."""
    return len(await _told(connection, one)) < len(one.rows)


async def _told(connection: AsyncConnection, one: Notice) -> set[str]:
    query = select(notice.c.key).where(notice.c.company_id == one.company_id, notice.c.key.in_(list(one.rows)))
    return set((await connection.execute(query)).scalars())
