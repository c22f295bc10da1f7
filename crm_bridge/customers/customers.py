"""Customers as people see them: who may see which, one row type, lists and look-ups."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import BindParameter, ColumnElement, bindparam, func, literal, or_, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import Number
from callcenter.domain.refusals import Refusal
from callcenter.domain.searching import number_search
from callcenter.store.searching import key_is_like, number_is_like
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import employee
from callcenter.web.identity import Identity
from callcenter.web.kit import Id, Paging, ShortText
from callcenter.web.lists import Named
from callcenter.web.ports import CustomerBrief
from crm_bridge.customers.tables import COMPANIES, customer, customer_number, customer_tag
from crm_bridge.notes.tables import note

Kind = Literal["personal", "enterprise"]
Label = Literal["mobile", "work", "home", "other"]
Sort = Literal[
    "name", "-name", "created_at", "-created_at", "updated_at", "-updated_at", "last_contact_at", "-last_contact_at"
]
SORTS: dict[str, ColumnElement[Any]] = {
    "name": customer.c.name,
    "created_at": customer.c.created_at,
    "updated_at": customer.c.updated_at,
    "last_contact_at": customer.c.last_contact_at,
}
NAMES_LIMIT = 300


class CustomerNumber(msgspec.Struct):
    id: int
    number: str
    display: str
    extension: str
    """Keys to send after the answer; "" for none. `display` shows it, `dial` is what to send to be dialled with it."""
    dial: str
    label: Label
    primary: bool


class Customer(msgspec.Struct):
    """One customer; `calls_count` counts all calls, `contacts_count` calls and notes together (SPEC §B7.6)."""

    id: int
    kind: Kind
    name: str
    numbers: list[CustomerNumber]
    tags: list[str]
    owner: Named | None
    level: str
    progress: str
    source: str
    company_name: str
    address: str
    remark: str
    created_at: datetime
    updated_at: datetime
    last_contact_at: datetime | None
    signed_at: datetime | None
    """Since when the customer has signed; null: not yet."""
    calls_count: int
    contacts_count: int


class CustomerQuery(Paging, kw_only=True):
    """Filters of the customer list; `q` finds names, company names, tags and parts of numbers."""

    q: ShortText = ""
    tag: Annotated[str, msgspec.Meta(max_length=40)] = ""
    owner_id: Id | None = None
    kind: Kind | None = None
    signed: bool | None = None
    sort: Sort = "-updated_at"


def visible(me: Identity, *, many: bool = False) -> ColumnElement[bool]:
    """Which customers a person sees (SPEC §A1.3): those owned in scope, and those a call in scope was with.

    The second half lets an agent open whom they just talked to; customers of nobody are otherwise the company's.
    `many` shapes the condition for lists, where asking per customer would be slow.
    """
    if me.visible is None:
        return true()
    people = sorted(me.visible)
    called = select(call.c.customer_id).where(
        call.c.company_id == me.company_id, call.c.employee_id.in_(people), call.c.customer_id.is_not(None)
    )
    met = (
        customer.c.id.in_(called)
        if many
        else select(call.c.id)
        .where(
            call.c.company_id == me.company_id,
            call.c.customer_id == customer.c.id,
            # The sum keeps SQLite from walking all calls of the employee instead of the few of the customer.
            (call.c.employee_id + 0).in_(people),
        )
        .exists()
    )
    return or_(customer.c.owner_id.in_(people), met)


async def require(connection: AsyncConnection, me: Identity, customer_id: int) -> Any:
    """The row of a customer that the person sees; `not_found` for all others, also another company's."""
    query = select(customer).where(customer.c.company_id == me.company_id, customer.c.id == customer_id, visible(me))
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def view(connection: AsyncConnection, company_id: int, customer_id: int) -> Customer | None:
    """One customer of the company, whoever asks."""
    found = await views(connection, company_id, [customer_id])
    return found[0] if found else None


async def views(connection: AsyncConnection, company_id: int, ids: Sequence[int]) -> list[Customer]:
    """Customers in the order of `ids`, with everything a row shows, in two queries however many they are."""
    if not ids:
        return []
    names = {"ids": list(ids)}
    rows = {row.id: row for row in (await connection.execute(_rows(company_id), names)).all()}
    numbers: dict[int, list[CustomerNumber]] = {}
    tags: dict[int, list[str]] = {}
    parts = (await connection.execute(_parts(company_id), names)).all()
    for part in sorted(parts, key=lambda part: (not part.is_primary, part.id, part.text)):
        if part.label is None:
            tags.setdefault(part.customer_id, []).append(part.text)
        else:
            kept = Number(part.text, part.extension)
            one = CustomerNumber(
                part.id, part.text, kept.shown(), part.extension, str(kept), part.label, bool(part.is_primary)
            )
            numbers.setdefault(part.customer_id, []).append(one)
    return [_view(rows[one], numbers.get(one, []), tags.get(one, [])) for one in ids if one in rows]


async def page(
    connection: AsyncConnection, me: Identity, wanted: CustomerQuery, region: str = "CN"
) -> tuple[list[Customer], int]:
    """One page of the customers in scope that match, and how many match in all."""
    conditions = [customer.c.company_id == me.company_id, visible(me, many=True)]
    if wanted.owner_id is not None:
        conditions.append(customer.c.owner_id == wanted.owner_id)
    if wanted.kind is not None:
        conditions.append(customer.c.kind == wanted.kind)
    if wanted.signed is not None:
        conditions.append(customer.c.signed_at.is_not(None) if wanted.signed else customer.c.signed_at.is_(None))
    if wanted.tag:
        tagged = select(customer_tag.c.customer_id).where(
            customer_tag.c.company_id == me.company_id, customer_tag.c.tag == wanted.tag
        )
        conditions.append(customer.c.id.in_(tagged))
    if wanted.q.strip():
        conditions.append(_found_by(me.company_id, wanted.q.strip(), region))
    total = (await connection.execute(select(func.count()).select_from(customer).where(*conditions))).scalar_one()
    column = SORTS[wanted.sort.removeprefix("-")]
    # Never contacted comes last either way: it is the absence of a date, not an early or a late one.
    order = column.desc().nulls_last() if wanted.sort.startswith("-") else column.asc().nulls_last()
    ids = select(customer.c.id).where(*conditions).order_by(order, customer.c.id.desc())
    found = (await connection.execute(ids.limit(wanted.page_size).offset(wanted.offset))).scalars().all()
    return await views(connection, me.company_id, list(found)), total


async def briefs(connection: AsyncConnection, company_id: int, ids: Sequence[int]) -> dict[int, CustomerBrief]:
    """What call rows tell of these customers; ids that are gone or another company's are left out."""
    query = select(customer).where(customer.c.company_id == company_id, customer.c.id.in_(sorted(set(ids))))
    return {row.id: brief(row) for row in (await connection.execute(query)).all()}


async def named_like(connection: AsyncConnection, company_id: int, text: str) -> list[int]:
    """Ids of customers whose name holds `text`, at most 300, the most recently changed first."""
    if not text.strip():
        return []
    query = (
        select(customer.c.id)
        .where(customer.c.company_id == company_id, key_is_like(customer.c.name_key, text))
        .order_by(customer.c.updated_at.desc())
        .limit(NAMES_LIMIT)
    )
    return list((await connection.execute(query)).scalars().all())


async def tags(connection: AsyncConnection, company_id: int) -> list[str]:
    """Every tag in use in the company, in order."""
    query = (
        select(customer_tag.c.tag)
        .where(customer_tag.c.company_id == company_id)
        .distinct()
        .order_by(customer_tag.c.tag)
        .limit(1000)
    )
    return list((await connection.execute(query)).scalars().all())


def brief(row: Any) -> CustomerBrief:
    return CustomerBrief(row.id, row.name, row.kind, row.level, row.source, row.progress, row.company_name)


def _found_by(company_id: int, text: str, region: str) -> ColumnElement[bool]:
    wanted = number_search(text, region)
    having = select(customer_number.c.customer_id).where(
        customer_number.c.company_id == company_id, number_is_like(customer_number.c.number, text, region)
    )
    if wanted.whole:
        return customer.c.id.in_(having)  # no need to read every name
    tagged = select(customer_tag.c.customer_id).where(
        customer_tag.c.company_id == company_id, customer_tag.c.tag.icontains(text, autoescape=True)
    )
    found = [
        key_is_like(customer.c.name_key, text),
        key_is_like(customer.c.company_key, text),
        customer.c.id.in_(tagged),
    ]
    return or_(*found, customer.c.id.in_(having)) if wanted.part else or_(*found)


def _count(table: Any, company_id: int) -> Any:
    return (
        select(func.count())
        .select_from(table)
        .where(table.c.company_id == company_id, table.c.customer_id == customer.c.id)
        .scalar_subquery()
    )


# Every call that rings asks for these, and building a statement costs more than running it: one for each company.
@lru_cache(maxsize=COMPANIES)
def _rows(company_id: int) -> Any:
    return (
        select(
            customer,
            employee.c.name.label("owner_name"),
            _count(call, company_id).label("calls"),
            _count(note, company_id).label("notes"),
        )
        .outerjoin(employee, employee.c.id == customer.c.owner_id)
        .where(customer.c.company_id == company_id, customer.c.id.in_(bindparam("ids", expanding=True)))
    )


@lru_cache(maxsize=COMPANIES)
def _parts(company_id: int) -> Any:
    """Numbers and tags in one query; a tag has no label."""
    ids: BindParameter[Any] = bindparam("ids", expanding=True)
    numbers = select(
        customer_number.c.customer_id,
        customer_number.c.id,
        customer_number.c.number.label("text"),
        customer_number.c.extension,
        customer_number.c.label,
        customer_number.c.is_primary,
    ).where(customer_number.c.company_id == company_id, customer_number.c.customer_id.in_(ids))
    labels = select(
        customer_tag.c.customer_id,
        literal(0).label("id"),
        customer_tag.c.tag.label("text"),
        literal("").label("extension"),
        literal(None, customer_number.c.label.type).label("label"),
        literal(False).label("is_primary"),
    ).where(customer_tag.c.company_id == company_id, customer_tag.c.customer_id.in_(ids))
    # Sorted here and not by SQLite, which would walk all tags of the company to get them in order.
    return union_all(numbers, labels)


def _view(row: Any, numbers: list[CustomerNumber], labels: list[str]) -> Customer:
    return Customer(
        id=row.id,
        kind=row.kind,
        name=row.name,
        numbers=numbers,
        tags=labels,
        owner=Named(row.owner_id, row.owner_name) if row.owner_id and row.owner_name else None,
        level=row.level,
        progress=row.progress,
        source=row.source,
        company_name=row.company_name,
        address=row.address,
        remark=row.remark,
        created_at=row.created_at,
        updated_at=row.updated_at,
        last_contact_at=row.last_contact_at,
        signed_at=row.signed_at,
        calls_count=row.calls,
        contacts_count=row.calls + row.notes,
    )
