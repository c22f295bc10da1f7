"""Notes on customers: write, close, correct, delete."""

from __future__ import annotations

from callcenter.store.base import utcnow
from callcenter.web.kit import Context, Listing, Routes
from crm_bridge.notes import notes as store
from crm_bridge.notes.notes import NewNote, NoteChange, NoteQuery, NoteRow
from crm_bridge.services import Services
from crm_bridge.timeline import TimelineItem

routes = Routes("notes")


@routes.add(
    "GET",
    "/api/notes",
    permission="customers.view",
    data="scoped",
    summary="Notes of people in my scope, for instance those that wait to be done",
    query=NoteQuery,
    answers=Listing[NoteRow],
)
async def listing(services: Services, context: Context) -> Listing[NoteRow]:
    async with services.database.read() as connection:
        return await store.listing(connection, context.me, context.query)


@routes.add(
    "POST",
    "/api/customers/{id}/notes",
    permission="customers.edit",
    data="scoped",
    summary="Write a note on a customer; an open one waits to be done",
    body=NewNote,
    answers=TimelineItem,
    status=201,
    errors=("not_found",),
)
async def add(services: Services, context: Context) -> TimelineItem:
    async with services.database.write() as connection:
        return await store.add(connection, context.me, context.params["id"], context.body, utcnow())


@routes.add(
    "PATCH",
    "/api/notes/{id}",
    permission="customers.edit",
    data="scoped",
    summary="Close or reopen a note, or correct its words",
    body=NoteChange,
    answers=TimelineItem,
    errors=("not_found", "forbidden"),
)
async def change(services: Services, context: Context) -> TimelineItem:
    async with services.database.write() as connection:
        return await store.change(connection, context.me, context.params["id"], context.body)


@routes.add(
    "DELETE",
    "/api/notes/{id}",
    permission="customers.edit",
    data="scoped",
    summary="Delete a note of mine or of somebody in my scope",
    status=204,
    errors=("not_found", "forbidden"),
)
async def remove(services: Services, context: Context) -> None:
    note_id = context.params["id"]
    async with services.database.write() as connection:
        customer_id = await store.remove(connection, context.me, note_id)
    await services.audit.add(
        context.company_id, context.me.employee_id, "note.deleted", str(note_id), context.ip, customer=customer_id
    )
