"""What happened with a customer: calls and notes in one line, the newest first.

The line belongs to the customer: whoever may open the customer sees all of it, also colleagues' calls and notes.
Listening to a call stays a matter of the listener's own data scope.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Literal

import msgspec
from sqlalchemy import Integer, String, bindparam, cast, func, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.features.calls import call_rows
from callcenter.features.calls.call_rows import CallRow
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import employee
from callcenter.web.lists import Named
from callcenter.web.ports import CustomerBrief
from crm_bridge.customers.tables import COMPANIES
from crm_bridge.notes.tables import note


class TimelineItem(msgspec.Struct):
    """A call (`id` is the call's) or a note (`id` is the note's number); `open` notes wait to be done."""

    id: str | int
    kind: Literal["call", "note"]
    at: datetime
    employee: Named | None
    call: CallRow | None
    text: str | None
    open: bool


async def items(
    connection: AsyncConnection,
    company_id: int,
    customer: CustomerBrief,
    *,
    limit: int,
    offset: int = 0,
    without_call: str = "",
    main_account: bool = False,
) -> list[TimelineItem]:
    """One page of the customer's timeline; `without_call` leaves out the call that is being announced.

    `main_account`: who reads it sees the numbers that are hidden from the others (SPEC §B9).
    """
    names = {"customer": customer.id, "without": without_call, "most": limit, "skipped": offset}
    keys = [(row.kind, row.id) for row in (await connection.execute(_line(company_id), names)).all()]
    found: dict[tuple[str, str], TimelineItem] = {}
    call_ids = [key for kind, key in keys if kind == "call"]
    if call_ids:
        for row in (await connection.execute(_calls(company_id), {"ids": call_ids})).all():
            found["call", row.id] = _of_call(row, {customer.id: customer}, main_account)
    note_ids = [int(key) for kind, key in keys if kind == "note"]
    for one in await notes_by_id(connection, company_id, note_ids):
        found["note", str(one.id)] = one
    return [found[key] for key in keys if key in found]


async def count(connection: AsyncConnection, company_id: int, customer_id: int) -> int:
    total = 0
    for table in (call, note):
        query = select(func.count()).select_from(table)
        query = query.where(table.c.company_id == company_id, table.c.customer_id == customer_id)
        total += (await connection.execute(query)).scalar_one()
    return total


async def notes_by_id(connection: AsyncConnection, company_id: int, ids: Collection[int]) -> list[TimelineItem]:
    if not ids:
        return []
    rows = await connection.execute(_notes_by_id(company_id), {"ids": sorted(ids)})
    return [_of_note(row) for row in rows.all()]


async def open_notes(
    connection: AsyncConnection, company_id: int, customer_id: int, limit: int = 10
) -> list[TimelineItem]:
    """What is still to be done for the customer, the newest first."""
    rows = await connection.execute(_open_notes(company_id), {"customer": customer_id, "most": limit})
    return [_of_note(row) for row in rows.all()]


# Every call that rings asks for these, and building a statement costs more than running it: one for each company.
@lru_cache(maxsize=COMPANIES)
def _line(company_id: int) -> Any:
    calls = select(literal("call").label("kind"), call.c.id.label("id"), call.c.started_at.label("at")).where(
        call.c.company_id == company_id, call.c.customer_id == bindparam("customer"), call.c.id != bindparam("without")
    )
    notes = select(literal("note").label("kind"), cast(note.c.id, String(64)).label("id"), note.c.at.label("at")).where(
        note.c.company_id == company_id, note.c.customer_id == bindparam("customer")
    )
    both = union_all(calls, notes)
    chosen = both.selected_columns
    ordered = both.order_by(chosen.at.desc(), chosen.kind, chosen.id.desc())
    return ordered.limit(bindparam("most", type_=Integer)).offset(bindparam("skipped", type_=Integer))


@lru_cache(maxsize=COMPANIES)
def _calls(company_id: int) -> Any:
    return call_rows.base_query(company_id).where(call.c.id.in_(bindparam("ids", expanding=True)))


@lru_cache(maxsize=COMPANIES)
def _notes_by_id(company_id: int) -> Any:
    return _notes(company_id).where(note.c.id.in_(bindparam("ids", expanding=True)))


@lru_cache(maxsize=COMPANIES)
def _open_notes(company_id: int) -> Any:
    mine = _notes(company_id).where(note.c.customer_id == bindparam("customer"), note.c.open.is_(True))
    return mine.order_by(note.c.at.desc(), note.c.id.desc()).limit(bindparam("most", type_=Integer))


def _notes(company_id: int) -> Any:
    return (
        select(note, employee.c.name.label("employee_name"))
        .outerjoin(employee, employee.c.id == note.c.employee_id)
        .where(note.c.company_id == company_id)
    )


def _of_note(row: Any) -> TimelineItem:
    author = Named(row.employee_id, row.employee_name) if row.employee_id and row.employee_name else None
    return TimelineItem(row.id, "note", row.at, author, None, row.text, row.open)


def _of_call(row: Any, customers: Mapping[int, CustomerBrief], main_account: bool) -> TimelineItem:
    shown = call_rows.row_of(row, customers, main_account=main_account)
    return TimelineItem(row.id, "call", row.started_at, shown.employee, shown, None, False)
