"""Licences the company buys: employees, search accounts, AI seats (SPEC §C9, §C10, §B11.2). Money in fen."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import select

from callcenter.features.money import licences, wallet
from callcenter.features.money.tables import licence_purchase
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.store.base import utcnow
from callcenter.web.kit import Body, Context, Listing, Routes
from callcenter.web.lists import Named, Period, page_of, people
from callcenter.web.services import Services

routes = Routes("licences")

What = Literal["employee", "search", "ai"]
Quantity = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
REFUSALS = (
    "licences_unlimited",
    "company_unverified",
    "company_expired",
    "standard_unknown",
    "quantity_invalid",
)


class LicenceView(msgspec.Struct):
    id: int
    kind: Literal["employee", "search", "ai"]
    quantity: int
    before: int
    after: int
    unit_price: int
    paid: int
    valid_until: datetime | None
    buyer: Named | None
    created_at: datetime


class LicenceQuery(Period, kw_only=True):
    kind: What | None = None


class Wanted(Body, kw_only=True):
    """`standard`: for the first search accounts, the size of the standard; its accounts are the quantity."""

    kind: What
    quantity: Quantity = 1
    standard: Quantity | None = None


class NewLicences(Wanted, kw_only=True):
    expected_paid: Annotated[int, msgspec.Meta(ge=0)]


class LicenceQuote(msgspec.Struct):
    """`days`: those a yearly fee is paid for, else 0; `explanation`: the sum as a person would write it."""

    unit_price: int
    days: int
    paid: int
    before: int
    after: int
    balance: int
    enough: bool
    explanation: str


@routes.add(
    "GET",
    "/api/licences",
    permission="wallet.view",
    data="company",
    summary="Licences that were bought: how many there were before, and after",
    query=LicenceQuery,
    answers=Listing[LicenceView],
)
async def listing(services: Services, context: Context) -> Listing[LicenceView]:
    wanted: LicenceQuery = context.query
    query = select(licence_purchase).where(
        licence_purchase.c.company_id == context.company_id, *wanted.on(licence_purchase.c.created_at)
    )
    if wanted.kind is not None:
        query = query.where(licence_purchase.c.kind == wanted.kind)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, licence_purchase.c.id.desc())
        names = await people(connection, context.company_id)
    return Listing([_view(row, names) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/licences/quote",
    permission="wallet.spend",
    data="company",
    summary="What licences would cost now; buys nothing",
    body=Wanted,
    answers=LicenceQuote,
    errors=REFUSALS,
)
async def quote(services: Services, context: Context) -> LicenceQuote:
    given: Wanted = context.body
    async with services.database.read() as connection:
        found = await licences.quote(
            connection, context.company_id, given.kind, given.quantity, given.standard, utcnow()
        )
        balance = await book.balance(connection, context.company_id, book.money(Kind.WALLET))
    return LicenceQuote(
        found.unit_price,
        found.days,
        found.paid,
        found.before,
        found.after,
        balance,
        found.paid <= max(balance, 0),
        found.explanation,
    )


@routes.add(
    "POST",
    "/api/licences",
    permission="wallet.spend",
    data="company",
    summary="Buy licences; they hold at once. Needs an Idempotency-Key header",
    body=NewLicences,
    answers=LicenceView,
    status=201,
    errors=(*REFUSALS, "key_missing", "key_reused", "price_changed", "balance_too_low"),
)
async def buy(services: Services, context: Context) -> LicenceView:
    given: NewLicences = context.body
    me, key = context.me, context.idempotency_key
    async with services.database.write() as connection:
        fresh = await wallet.keyed(connection, licence_purchase, me.company_id, key) is None
        row = await licences.buy(
            connection,
            me.company_id,
            given.kind,
            given.quantity,
            given.standard,
            expected=given.expected_paid,
            key=key,
            by=me.employee_id,
            now=utcnow(),
        )
        if fresh:
            await services.audit.write(
                connection,
                me.company_id,
                me.employee_id,
                "licences.bought",
                str(row.id),
                context.ip,
                kind=row.kind,
                quantity=row.quantity,
                paid=row.paid,
            )
        names = await people(connection, me.company_id)
    return _view(row, names)


def _view(row: Any, names: dict[int, Named]) -> LicenceView:
    return LicenceView(
        row.id,
        row.kind,
        row.quantity,
        row.before,
        row.after,
        row.unit_price,
        row.paid,
        row.valid_until,
        names.get(row.buyer_id),
        row.created_at,
    )
