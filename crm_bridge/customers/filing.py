"""Creating, changing and deleting customers: numbers in E.164, no duplicates, owners in scope."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import ColumnElement, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import company, employee
from callcenter.web.identity import Identity
from callcenter.web.kit import Body, Id, LongText, whole
from callcenter.web.typed_numbers import number_of
from crm_bridge.customers.customers import Kind, Label, require, visible
from crm_bridge.customers.matching import link_earlier_calls
from crm_bridge.customers.tables import customer, customer_number, customer_tag, name_key

CustomerName = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Tags = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=40)]], msgspec.Meta(max_length=50)]
Word = Annotated[str, msgspec.Meta(max_length=32)]
SourceText = Annotated[str, msgspec.Meta(max_length=64)]
CompanyName = Annotated[str, msgspec.Meta(max_length=200)]
Address = Annotated[str, msgspec.Meta(max_length=300)]
Unset = msgspec.UnsetType
UNSET = msgspec.UNSET
TEXTS = ("level", "progress", "source", "company_name", "address", "remark")


class GivenNumber(Body, kw_only=True):
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    label: Label = "mobile"
    primary: bool = False
    extension: Annotated[str, whole("[0-9]{0,8}")] = ""
    """Keys to send after the answer (分机)."""


Numbers = Annotated[list[GivenNumber], msgspec.Meta(max_length=20)]


class NewCustomer(Body, kw_only=True):
    """A customer to create. A text that is null is empty; no owner means the creator, if the creator dials."""

    kind: Kind
    name: CustomerName
    numbers: Numbers = msgspec.field(default_factory=list)
    tags: Tags = msgspec.field(default_factory=list)
    owner_id: Id | None = None
    level: Word | None = ""
    progress: Word | None = ""
    source: SourceText | None = ""
    company_name: CompanyName | None = ""
    address: Address | None = ""
    remark: LongText | None = ""


class CustomerChange(Body, kw_only=True):
    """What to change: fields that are not sent stay; `numbers` and `tags` replace all that were there."""

    kind: Kind | Unset = UNSET
    name: CustomerName | Unset = UNSET
    numbers: Numbers | Unset = UNSET
    tags: Tags | Unset = UNSET
    owner_id: Id | Unset | None = UNSET
    level: Word | Unset | None = UNSET
    progress: Word | Unset | None = UNSET
    source: SourceText | Unset | None = UNSET
    company_name: CompanyName | Unset | None = UNSET
    address: Address | Unset | None = UNSET
    remark: LongText | Unset | None = UNSET
    signed: bool | Unset = UNSET
    """Whether the customer has signed (SPEC §A4.4): a signed one stays where it is when its owner leaves."""


async def create(
    connection: AsyncConnection, me: Identity, given: NewCustomer, now: datetime, region: str = "CN"
) -> int:
    """The new customer's id. Calls of the last 30 days from its numbers become its calls.

    Raises `invalid`, `number_invalid`, `owner_unknown`, `duplicate`; run it in a write transaction.
    """
    name = _clean_name(given.name)
    numbers = await numbers_of(connection, me.company_id, given.numbers, region)
    _need_key(given.kind, numbers)
    await _one_at_a_time(connection, me.company_id)
    owner_id = given.owner_id
    if owner_id is None:
        owner_id = me.employee_id if me.visible is not None or me.may("calls.dial") else None
    else:
        await _require_owner(connection, me, owner_id)
    await _refuse_duplicate(connection, me, given.kind, name, [one.number for one in numbers])
    values = {field: (getattr(given, field) or "").strip() for field in TEXTS}
    made = await connection.execute(
        insert(customer)
        .values(
            company_id=me.company_id,
            kind=given.kind,
            name=name,
            owner_id=owner_id,
            created_by=me.employee_id,
            created_at=now,
            updated_at=now,
            **values,
        )
        .returning(customer.c.id)
    )
    customer_id: int = made.scalar_one()
    await _set_numbers(connection, me.company_id, customer_id, numbers)
    await _set_tags(connection, me.company_id, customer_id, given.tags)
    await link_earlier_calls(connection, me.company_id, customer_id, {one.number for one in numbers}, now)
    return customer_id


async def change(
    connection: AsyncConnection,
    me: Identity,
    customer_id: int,
    given: CustomerChange,
    now: datetime,
    region: str = "CN",
) -> list[str]:
    """Applies the fields that were sent and answers with the names of those that changed.

    Raises `not_found`, what `create` raises, and `forbidden` when a customer owned out of scope would change hands.
    """
    await _one_at_a_time(connection, me.company_id)
    row = await require(connection, me, customer_id)
    values = _changed_columns(row, given)
    if given.signed is not UNSET and given.signed != (row.signed_at is not None):
        values["signed_at"] = now if given.signed else None
    if "owner_id" in values:
        await _may_hand_over(connection, me, row.owner_id, values["owner_id"])
    before = await _numbers(connection, me.company_id, customer_id)
    after = before if given.numbers is UNSET else await numbers_of(connection, me.company_id, given.numbers, region)
    kind, name = values.get("kind", row.kind), values.get("name", row.name)
    _need_key(kind, after)
    # Only what is new can clash: a customer filed before its rule changed may still be edited (SPEC §E1.2).
    old, new = {one.number for one in before}, {one.number for one in after}
    if kind != row.kind or name_key(name) != row.name_key or new - old:
        fresh = new if kind != row.kind else new - old
        await _refuse_duplicate(connection, me, kind, name, fresh, but=customer_id)
    changed = sorted(values)
    if "name" in values:
        values["name_key"] = name_key(name)
    if "company_name" in values:
        values["company_key"] = name_key(values["company_name"])
    if after != before:
        await _set_numbers(connection, me.company_id, customer_id, after)
        changed.append("numbers")
    if given.tags is not UNSET and await _set_tags(connection, me.company_id, customer_id, given.tags):
        changed.append("tags")
    if changed:
        await connection.execute(
            update(customer)
            .where(customer.c.company_id == me.company_id, customer.c.id == customer_id)
            .values(**values, updated_at=now)
        )
    await link_earlier_calls(connection, me.company_id, customer_id, new - old, now)
    return changed


async def remove(connection: AsyncConnection, me: Identity, customer_id: int) -> str:
    """Deletes a customer with its numbers, tags and notes, and answers with its name; its calls stay in the log.

    Raises `not_found`, or `forbidden` when it is owned out of the person's scope.
    """
    row = await require(connection, me, customer_id)
    if not me.sees(row.owner_id):
        raise Refusal("forbidden")
    # The calls may belong to somebody again when that number is filed anew.
    await connection.execute(
        update(call)
        .where(call.c.company_id == me.company_id, call.c.customer_id == customer_id)
        .values(customer_id=None)
    )
    await connection.execute(
        delete(customer).where(customer.c.company_id == me.company_id, customer.c.id == customer_id)
    )
    return str(row.name)


async def numbers_of(
    connection: AsyncConnection, company_id: int, given: Sequence[GivenNumber], region: str
) -> list[GivenNumber]:
    """The numbers in E.164, each once, the primary one first: the first marked, else the first of all.

    An extension may be typed behind its number.
    Raises `number_invalid` with the number as typed and why.
    """
    found: dict[str, GivenNumber] = {}
    for one in given:
        number = await number_of(connection, company_id, one.number, region)
        kept = found.setdefault(number.e164, GivenNumber(number=number.e164, label=one.label, primary=False))
        kept.primary = kept.primary or one.primary
        kept.extension = kept.extension or one.extension or number.extension
    primary = next((one for one in found.values() if one.primary), next(iter(found.values()), None))
    for one in found.values():
        one.primary = one is primary
    return sorted(found.values(), key=lambda one: not one.primary)


def _clean_name(name: str) -> str:
    text = " ".join(name.split())
    if not text:
        raise Refusal("invalid", reason="the name is blank")
    return text


def _need_key(kind: str, numbers: Sequence[GivenNumber]) -> None:
    if kind == "personal" and not numbers:
        raise Refusal("invalid", reason="a personal customer is known by a number; give at least one")


def _changed_columns(row: Any, given: CustomerChange) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for field in ("kind", "owner_id", *TEXTS):
        value = getattr(given, field)
        if value is not UNSET:
            values[field] = (value or "").strip() if field in TEXTS else value
    if given.name is not UNSET:
        values["name"] = _clean_name(given.name)
    return {field: value for field, value in values.items() if value != getattr(row, field)}


async def _one_at_a_time(connection: AsyncConnection, company_id: int) -> None:
    """Two people who file the same customer at once must see each other: one filing per company at a time.

    SQLite has one writer anyway and ignores the lock.
    """
    await connection.execute(select(company.c.id).where(company.c.id == company_id).with_for_update(key_share=True))


async def _refuse_duplicate(
    connection: AsyncConnection, me: Identity, kind: str, name: str, numbers: Collection[str], but: int | None = None
) -> None:
    """SPEC §E1.1: personal customers are unlike by phone, enterprises by name; a kind is compared with its own kind."""
    seen: ColumnElement[bool] = visible(me).label("seen")
    query = select(customer.c.id, customer.c.name, seen).where(
        customer.c.company_id == me.company_id, customer.c.kind == kind, customer.c.id != (but or 0)
    )
    if kind == "enterprise":
        query = query.where(customer.c.name_key == name_key(name))
    else:
        query = query.join(customer_number, customer_number.c.customer_id == customer.c.id).where(
            customer_number.c.company_id == me.company_id, customer_number.c.number.in_(sorted(numbers))
        )
    row = (await connection.execute(query.order_by(seen.desc(), customer.c.id).limit(1))).first()
    if row is not None:
        raise Refusal("duplicate", **({"customer_id": row.id, "name": row.name} if row.seen else {}))


async def _require_owner(connection: AsyncConnection, me: Identity, owner_id: int) -> None:
    query = select(employee.c.id).where(
        employee.c.company_id == me.company_id, employee.c.id == owner_id, employee.c.account_state == "active"
    )
    if not me.sees(owner_id) or (await connection.execute(query)).first() is None:
        raise Refusal("owner_unknown")


async def _may_hand_over(connection: AsyncConnection, me: Identity, before: int | None, after: int | None) -> None:
    """SPEC §A1.4: people re-assign within their scope; a customer of nobody may be taken by whoever sees it."""
    if before is not None and not me.sees(before):
        raise Refusal("forbidden")
    if after is not None:
        await _require_owner(connection, me, after)
    elif me.visible is not None:
        raise Refusal("owner_unknown")


async def _numbers(connection: AsyncConnection, company_id: int, customer_id: int) -> list[GivenNumber]:
    query = (
        select(customer_number)
        .where(customer_number.c.company_id == company_id, customer_number.c.customer_id == customer_id)
        .order_by(customer_number.c.is_primary.desc(), customer_number.c.id)
    )
    rows = (await connection.execute(query)).all()
    return [
        GivenNumber(number=row.number, label=row.label, primary=row.is_primary, extension=row.extension) for row in rows
    ]


async def _set_numbers(
    connection: AsyncConnection, company_id: int, customer_id: int, numbers: Sequence[GivenNumber]
) -> None:
    """Replaces the numbers; one that stays keeps its id, which screens hold on to."""
    mine = (customer_number.c.company_id == company_id, customer_number.c.customer_id == customer_id)
    await connection.execute(
        delete(customer_number).where(*mine, customer_number.c.number.not_in([one.number for one in numbers]))
    )
    kept = set((await connection.execute(select(customer_number.c.number).where(*mine))).scalars().all())
    for one in numbers:
        values = {"label": one.label, "is_primary": one.primary, "extension": one.extension}
        if one.number in kept:
            await connection.execute(
                update(customer_number).where(*mine, customer_number.c.number == one.number).values(**values)
            )
        else:
            await connection.execute(
                insert(customer_number).values(
                    company_id=company_id, customer_id=customer_id, number=one.number, **values
                )
            )


async def _set_tags(connection: AsyncConnection, company_id: int, customer_id: int, given: Sequence[str]) -> bool:
    """Replaces the tags; whether anything changed."""
    mine = (customer_tag.c.company_id == company_id, customer_tag.c.customer_id == customer_id)
    wanted = {tag.strip() for tag in given if tag.strip()}
    had = set((await connection.execute(select(customer_tag.c.tag).where(*mine))).scalars().all())
    if gone := had - wanted:
        await connection.execute(delete(customer_tag).where(*mine, customer_tag.c.tag.in_(sorted(gone))))
    if fresh := sorted(wanted - had):
        await connection.execute(
            insert(customer_tag),
            [{"company_id": company_id, "customer_id": customer_id, "tag": tag} for tag in fresh],
        )
    return wanted != had
