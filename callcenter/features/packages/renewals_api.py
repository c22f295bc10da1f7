"""Renewing every package of an order at once: all of them or none (SPEC §C7.2)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.offers import MOST
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import OrderAction, PackageKind
from callcenter.features.packages import assign, quotes
from callcenter.features.packages import orders as ledger
from callcenter.features.packages.orders_api import REFUSALS, note_placed
from callcenter.features.packages.quotes import Quote, Wanted
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.ledger.packages import Lot, lots_of
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import purchase, purchase_line
from callcenter.web.kit import Body, Context, Routes
from callcenter.web.services import Services

routes = Routes("orders")


class Renewed(msgspec.Struct):
    """One package: who uses it, what its next period costs in fen, and when that is."""

    package_id: int
    name: str
    users: list[str]
    paid: int
    valid_from: datetime
    valid_until: datetime


class RenewalView(msgspec.Struct):
    lines: list[Renewed]
    paid: int
    balance: int
    enough: bool


class Renewal(Body, kw_only=True):
    agreed: bool
    expected_paid: Annotated[int, msgspec.Meta(ge=0)]


class Placed(msgspec.Struct):
    orders: list[int]
    paid: int
    balance: int


@routes.add(
    "GET",
    "/api/orders/{id}/renewal",
    permission="wallet.spend",
    data="company",
    summary="What renewing every package of an order would cost now",
    answers=RenewalView,
    errors=("not_found", *REFUSALS),
)
async def renewal(services: Services, context: Context) -> RenewalView:
    company_id = context.company_id
    async with services.database.read() as connection:
        lots = await _packages_of(connection, company_id, context.params["id"])
        found: list[tuple[Lot, Quote]] = []
        for lot in lots:
            before = [quote for _, quote in found]
            found.append((lot, await quotes.quote(connection, company_id, _wanted(lot), utcnow(), after=before)))
        balance = await book.balance(connection, company_id, book.money(Kind.WALLET))
    paid = sum(quote.paid for _, quote in found)
    return RenewalView([_line(lot, quote) for lot, quote in found], paid, balance, paid == 0 or balance >= paid)


@routes.add(
    "POST",
    "/api/orders/{id}/renewal",
    permission="wallet.spend",
    data="company",
    summary="Renew every package of an order. Needs an Idempotency-Key header",
    body=Renewal,
    answers=Placed,
    status=201,
    errors=("not_found", *REFUSALS, "key_missing", "key_reused", "not_agreed", "price_changed", "balance_too_low"),
)
async def renew(services: Services, context: Context) -> Placed:
    given: Renewal = context.body
    key, me = context.idempotency_key, context.me
    if not given.agreed:
        raise Refusal("not_agreed")
    request = hashlib.sha256(f"renew:{context.params['id']}:{given.expected_paid}".encode()).hexdigest()
    async with services.database.write() as connection:
        made = await _earlier(connection, me.company_id, key, request)
        if not made:
            made = await _renew(services, connection, context, given.expected_paid, key, request)
        balance = await book.balance(connection, me.company_id, book.money(Kind.WALLET))
    await services.telephony.changed()
    return Placed(made, given.expected_paid, balance)


async def _renew(
    services: Services, connection: AsyncConnection, context: Context, expected: int, key: str, request: str
) -> list[int]:
    """Places one order for each package; their ids. What they cost together is what the buyer has seen, or none is.

    Each is priced after those before it: an offer price that one has used up is not there for the next.
    """
    me, now = context.me, utcnow()
    made: list[int] = []
    paid = 0
    for index, lot in enumerate(await _packages_of(connection, me.company_id, context.params["id"])):
        wanted = _wanted(lot)
        cost = (await quotes.quote(connection, me.company_id, wanted, now)).paid
        order_id, _ = await ledger.place(
            connection,
            me.company_id,
            me.employee_id,
            wanted,
            key=_key(key, index),
            request=request,
            expected_paid=cost,
            now=now,
        )
        await note_placed(services, connection, context, order_id, wanted, cost)
        made.append(order_id)
        paid += cost
    if paid != expected:
        raise Refusal("price_changed", paid=paid, expected=expected)
    return made


async def _packages_of(connection: AsyncConnection, company_id: int, order_id: int) -> list[Lot]:
    """What can be renewed of an order; top-ups end with their package, and whoever has left needs none."""
    known = select(purchase.c.id).where(purchase.c.company_id == company_id, purchase.c.id == order_id)
    if (await connection.execute(known)).first() is None:
        raise Refusal("not_found")
    lines = select(purchase_line.c.package_id).where(
        purchase_line.c.company_id == company_id, purchase_line.c.purchase_id == order_id
    )
    ids = set((await connection.execute(lines)).scalars())
    lots = [lot for lot in await lots_of(connection, company_id) if lot.id in ids and lot.offering_id is not None]
    lots = [lot for lot in lots if lot.kind is not PackageKind.TOP_UP]
    owners = [lot.employee_id for lot in lots if lot.employee_id is not None]
    here = await assign.not_departed(connection, company_id, owners)
    lots = [lot for lot in lots if lot.employee_id is None or lot.employee_id in here]
    if not lots:
        raise Refusal("action_not_possible")
    return sorted(lots, key=lambda lot: lot.id)


async def _earlier(connection: AsyncConnection, company_id: int, key: str, request: str) -> list[int]:
    """The orders that this very request has placed before; raises `key_reused` when it was another one."""
    keys = [_key(key, index) for index in range(MOST)]
    query = select(purchase.c.id, purchase.c.request).where(
        purchase.c.company_id == company_id, purchase.c.key.in_(keys)
    )
    rows = (await connection.execute(query.order_by(purchase.c.id))).all()
    if any(row.request != request for row in rows):
        raise Refusal("key_reused")
    return [row.id for row in rows]


def _key(key: str, index: int) -> str:
    return f"{key}:{index}" if len(key) <= 58 else f"{hashlib.sha256(key.encode()).hexdigest()[:40]}:{index}"


def _wanted(lot: Lot) -> Wanted:
    quantity = lot.quantity if lot.kind is PackageKind.SHARED else 1
    assert lot.offering_id is not None
    return Wanted(lot.offering_id, OrderAction.RENEW, quantity, (), lot.id)


def _line(lot: Lot, quote: Quote) -> Renewed:
    return Renewed(lot.id, lot.name, list(quote.names.values()), quote.paid, quote.valid_from, quote.valid_until)
