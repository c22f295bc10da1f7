"""Who did what to which object, kept for good."""

from __future__ import annotations

from typing import Any

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.people import audit
from callcenter.web.audit_words import ACTIONS


class AuditLog:
    def __init__(self, database: Database) -> None:
        self._db = database

    async def add(
        self, company_id: int, actor_id: int | None, action: str, obj: str = "", ip: str = "", **details: Any
    ) -> None:
        """One entry in a transaction of its own; `details` never holds secrets."""
        async with self._db.write() as connection:
            await self.write(connection, company_id, actor_id, action, obj, ip, **details)

    async def write(
        self,
        connection: AsyncConnection,
        company_id: int,
        actor_id: int | None,
        action: str,
        obj: str = "",
        ip: str = "",
        **details: Any,
    ) -> None:
        """One entry in the transaction of what it tells of. KeyError: the action has no words (`audit_words`)."""
        ACTIONS[action]
        await connection.execute(
            insert(audit).values(
                company_id=company_id,
                actor_id=actor_id,
                action=action,
                object=obj[:128],
                details=details,
                ip=ip,
                at=utcnow(),
            )
        )
