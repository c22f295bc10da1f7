"""Buying voice packages: what an order would cost, and placing it (SPEC §C4-C6). Only the enterprise account buys."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import OrderAction
from callcenter.features.packages import orders as ledger
from callcenter.features.packages import quotes
from callcenter.features.packages.order_list_api import CouponBrief, OrderView, one_order
from callcenter.features.packages.quotes import Quote, Wanted
from callcenter.store.base import utcnow
from callcenter.web.kit import Body, Context, Id, Routes
from callcenter.web.services import Services

routes = Routes("orders")

Quantity = Annotated[int, msgspec.Meta(ge=1, le=500)]
EmployeeIds = Annotated[list[Id], msgspec.Meta(max_length=500)]
Code = Annotated[str, msgspec.Meta(max_length=32)]

REFUSALS = (
    "company_unverified",
    "script_not_approved",
    "offering_unknown",
    "offering_not_on_sale",
    "offering_differs",
    "trial_used",
    "quantity_invalid",
    "employees_needed",
    "employee_twice",
    "employee_unknown",
    "employee_unverified",
    "employee_not_on_package",
    "package_unknown",
    "package_expired",
    "package_full",
    "already_on_package",
    "mode_differs",
    "action_not_possible",
    "coupon_unknown",
    "coupon_used",
    "coupon_expired",
)


class Basket(Body, kw_only=True):
    """What somebody wants to buy; `package_id` is what is renewed, added to or topped up."""

    offering_id: Id
    action: OrderAction
    quantity: Quantity
    employee_ids: EmployeeIds = msgspec.field(default_factory=list)
    package_id: Id | None = None
    coupon: Code = ""

    def wanted(self) -> Wanted:
        return Wanted(
            self.offering_id, self.action, self.quantity, tuple(self.employee_ids), self.package_id, self.coupon.strip()
        )


class NewOrder(Basket, kw_only=True):
    agreed: bool
    """The purchase agreement was accepted (SPEC §C6.4)."""
    expected_paid: Annotated[int, msgspec.Meta(ge=0)]
    """What the buyer has seen, in fen; another price is refused."""


class Person(msgspec.Struct):
    id: int
    name: str


class QuoteLine(msgspec.Struct):
    employee: Person | None
    quantity: int
    price: int
    """Of one unit."""
    at_offer_price: bool


class OrderQuote(msgspec.Struct):
    lines: list[QuoteLine]
    total: int
    discount: int
    paid: int
    balance: int
    enough: bool
    coupon: CouponBrief | None
    valid_from: datetime
    valid_until: datetime


@routes.add(
    "POST",
    "/api/orders/quote",
    permission="wallet.spend",
    data="company",
    summary="What an order would cost now, or the first reason why it cannot be placed",
    body=Basket,
    answers=OrderQuote,
    errors=REFUSALS,
)
async def quote(services: Services, context: Context) -> OrderQuote:
    given: Basket = context.body
    async with services.database.read() as connection:
        return _view(await quotes.quote(connection, context.company_id, given.wanted(), utcnow()))


@routes.add(
    "POST",
    "/api/orders",
    permission="wallet.spend",
    data="company",
    summary="Buy voice packages from the wallet. Needs an Idempotency-Key header",
    body=NewOrder,
    answers=OrderView,
    status=201,
    errors=(*REFUSALS, "key_missing", "key_reused", "not_agreed", "price_changed", "balance_too_low", "conflict"),
)
async def place(services: Services, context: Context) -> OrderView:
    given: NewOrder = context.body
    key, wanted, me = context.idempotency_key, given.wanted(), context.me
    if not given.agreed:
        raise Refusal("not_agreed")
    async with services.database.write() as connection:
        order_id, fresh = await ledger.place(
            connection,
            me.company_id,
            me.employee_id,
            wanted,
            key=key,
            request=hashlib.sha256(msgspec.json.encode(wanted)).hexdigest(),
            expected_paid=given.expected_paid,
            now=utcnow(),
        )
        if fresh:
            await note_placed(services, connection, context, order_id, wanted, given.expected_paid)
    if fresh:
        await services.telephony.changed()
    return await one_order(services, me.company_id, order_id)


async def note_placed(
    services: Services, connection: AsyncConnection, context: Context, order_id: int, wanted: Wanted, paid: int
) -> None:
    """The line of the audit log that every order has."""
    await services.audit.write(
        connection,
        context.company_id,
        context.me.employee_id,
        "order.placed",
        str(order_id),
        context.ip,
        what=wanted.action.value,
        offering=wanted.offering_id,
        quantity=wanted.quantity,
        paid=paid,
    )


def _view(found: Quote) -> OrderQuote:
    return OrderQuote(
        lines=[
            QuoteLine(
                Person(line.employee_id, found.names[line.employee_id]) if line.employee_id is not None else None,
                line.quantity,
                line.price,
                line.at_offer_price,
            )
            for line in found.lines
        ],
        total=found.total,
        discount=found.discount,
        paid=found.paid,
        balance=found.balance,
        enough=found.enough,
        coupon=CouponBrief(found.coupon.code, found.coupon.amount) if found.coupon else None,
        valid_from=found.valid_from,
        valid_until=found.valid_until,
    )
