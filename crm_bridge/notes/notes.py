"""Notes on a customer: what was said, and what is still to be done."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.store.tables.people import employee
from callcenter.web.identity import Identity
from callcenter.web.kit import Body, Listing, Paging, ShortText
from callcenter.web.lists import Named
from crm_bridge.customers.customers import require
from crm_bridge.customers.matching import touch
from crm_bridge.customers.tables import customer
from crm_bridge.notes.tables import note
from crm_bridge.timeline import TimelineItem, notes_by_id

NoteText = Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]


class NewNote(Body, kw_only=True):
    text: NoteText
    open: bool = False


class NoteChange(Body, kw_only=True):
    text: NoteText | msgspec.UnsetType = msgspec.UNSET
    open: bool | msgspec.UnsetType = msgspec.UNSET


class NoteQuery(Paging, kw_only=True):
    """`open` keeps notes that still wait to be done (or only done ones); `q` finds words and customers' names."""

    open: bool | None = None
    q: ShortText = ""


class CustomerName(msgspec.Struct):
    id: int
    name: str
    kind: Literal["personal", "enterprise"]


class NoteRow(msgspec.Struct):
    """A note with the customer it stands on."""

    id: int
    kind: Literal["note"]
    at: datetime
    employee: Named | None
    call: None
    text: str
    open: bool
    customer: CustomerName


async def listing(connection: AsyncConnection, me: Identity, wanted: NoteQuery) -> Listing[NoteRow]:
    """Notes written by people in my data scope, newest first."""
    query = (
        select(note, customer.c.name.label("customer"), customer.c.kind, employee.c.name.label("author"))
        .join(customer, customer.c.id == note.c.customer_id)
        .outerjoin(employee, employee.c.id == note.c.employee_id)
        .where(note.c.company_id == me.company_id)
    )
    if me.visible is not None:
        query = query.where(note.c.employee_id.in_(me.visible))
    if wanted.open is not None:
        query = query.where(note.c.open.is_(wanted.open))
    text = wanted.q.strip()
    if text:
        found = [column.icontains(text, autoescape=True) for column in (note.c.text, customer.c.name)]
        query = query.where(or_(*found))
    total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
    page = query.order_by(note.c.at.desc(), note.c.id.desc()).limit(wanted.page_size).offset(wanted.offset)
    items = [
        NoteRow(
            id=row.id,
            kind="note",
            at=row.at,
            employee=Named(row.employee_id, row.author) if row.author else None,
            call=None,
            text=row.text,
            open=bool(row.open),
            customer=CustomerName(row.customer_id, row.customer, row.kind),
        )
        for row in (await connection.execute(page)).all()
    ]
    return Listing(items, total, wanted.page, wanted.page_size)


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
        raise Refusal("not_found")
    await require(connection, me, row.customer_id)
    return row


def _require_author(me: Identity, row: Any) -> None:
    if row.employee_id != me.employee_id and not me.sees(row.employee_id):
        raise Refusal("forbidden")


def _clean(text: str) -> str:
    cleaned = text.strip()
    if not cleaned:
        raise Refusal("invalid", reason="the note is blank")
    return cleaned
