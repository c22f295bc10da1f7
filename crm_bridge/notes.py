"""Notes on a customer: what was said, and what is still to be done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.web.errors import ApiError
from callcenter.web.identity import Identity
from callcenter.web.kit import Body
from crm_bridge.customers import require
from crm_bridge.matching import touch
from crm_bridge.tables import note
from crm_bridge.timeline import TimelineItem, notes_by_id

NoteText = Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]


class NewNote(Body, kw_only=True):
    text: NoteText
    open: bool = False


class NoteChange(Body, kw_only=True):
    text: NoteText | msgspec.UnsetType = msgspec.UNSET
    open: bool | msgspec.UnsetType = msgspec.UNSET


async def add(
    connection: AsyncConnection, me: Identity, customer_id: int, given: NewNote, now: datetime
) -> TimelineItem:
    """Writes a note on a customer the person sees; it counts as a contact. Raises `not_found`, `invalid`."""
    await require(connection, me, customer_id)
    row = await connection.execute(
        insert(note)
        .values(
            company_id=me.company_id,
            customer_id=customer_id,
            employee_id=me.employee_id,
            text=_clean(given.text),
            open=given.open,
            at=now,
        )
        .returning(note.c.id)
    )
    await touch(connection, me.company_id, customer_id, now)
    return (await notes_by_id(connection, me.company_id, [row.scalar_one()]))[0]


async def change(connection: AsyncConnection, me: Identity, note_id: int, given: NoteChange) -> TimelineItem:
    """Whoever sees the customer may close or reopen a note; the words are the author's and those above him.

    Raises `not_found`, `forbidden`, `invalid`.
    """
    row = await _require(connection, me, note_id)
    values: dict[str, Any] = {}
    if given.text is not msgspec.UNSET and given.text != row.text:
        _require_author(me, row)
        values["text"] = _clean(given.text)
    if given.open is not msgspec.UNSET:
        values["open"] = given.open
    if values:
        mine = (note.c.company_id == me.company_id, note.c.id == note_id)
        await connection.execute(update(note).where(*mine).values(**values))
    return (await notes_by_id(connection, me.company_id, [note_id]))[0]


async def remove(connection: AsyncConnection, me: Identity, note_id: int) -> int:
    """Deletes a note and answers with its customer's id. Raises `not_found`, `forbidden`."""
    row = await _require(connection, me, note_id)
    _require_author(me, row)
    await connection.execute(delete(note).where(note.c.company_id == me.company_id, note.c.id == note_id))
    return int(row.customer_id)


async def _require(connection: AsyncConnection, me: Identity, note_id: int) -> Any:
    query = select(note).where(note.c.company_id == me.company_id, note.c.id == note_id)
    row = (await connection.execute(query)).first()
    if row is None:
        raise ApiError("not_found")
    await require(connection, me, row.customer_id)
    return row


def _require_author(me: Identity, row: Any) -> None:
    if row.employee_id != me.employee_id and not me.sees(row.employee_id):
        raise ApiError("forbidden")


def _clean(text: str) -> str:
    cleaned = text.strip()
    if not cleaned:
        raise ApiError("invalid", reason="the note is blank")
    return cleaned
