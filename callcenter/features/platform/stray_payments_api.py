"""Money that came for a pay code that had run out: the operator books it or pays it back (SPEC §C8.3)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import select

from callcenter.domain.refusals import Refusal
from callcenter.features.money import recharges as ledger
from callcenter.features.money.tables import recharge, stray_payment
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company, employee
from callcenter.web.kit import Body, Context, Listing, Paging, Routes
from callcenter.web.lists import Named, page_of
from callcenter.web.services import Services

routes = Routes("platform")


class StrayView(msgspec.Struct):
    """`asked` is what the code was for, `amount` what was paid, in fen; `number` is the recharge's."""

    id: int
    company: Named
    number: str
    channel: str
    asked: int
    amount: int
    paid_at: datetime
    state: Literal["open", "booked", "refunded"]
    note: str
    actor: Named | None
    settled_at: datetime | None


class StrayQuery(Paging, kw_only=True):
    state: Literal["open", "booked", "refunded"] | None = None


class Refund(Body):
    note: Annotated[str, msgspec.Meta(max_length=200)]
    """How it was paid back: the provider's receipt number, for one."""


@routes.add(
    "GET",
    "/api/platform/stray-payments",
    permission="platform.manage",
    data="platform",
    summary="Payments for codes that had run out",
    query=StrayQuery,
    answers=Listing[StrayView],
)
async def strays(services: Services, context: Context) -> Listing[StrayView]:
    wanted: StrayQuery = context.query
    query = _all()
    if wanted.state is not None:
        query = query.where(stray_payment.c.state == wanted.state)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, stray_payment.c.id.desc(), everywhere=True)
    return Listing([_view(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/platform/stray-payments/{id}/book",
    permission="platform.manage",
    data="platform",
    summary="Book it to the company's wallet",
    answers=StrayView,
    errors=("not_found", "payment_settled"),
)
async def book(services: Services, context: Context) -> StrayView:
    return await _settle(services, context, book=True, note="")


@routes.add(
    "POST",
    "/api/platform/stray-payments/{id}/refund",
    permission="platform.manage",
    data="platform",
    summary="Note that it was paid back to the payer",
    body=Refund,
    answers=StrayView,
    errors=("not_found", "payment_settled", "invalid"),
)
async def refund(services: Services, context: Context) -> StrayView:
    given: Refund = context.body
    if not given.note.strip():
        raise Refusal("invalid", reason="say how it was paid back - at `$.note`")
    return await _settle(services, context, book=False, note=given.note.strip())


async def _settle(services: Services, context: Context, *, book: bool, note: str) -> StrayView:
    me = context.me
    async with services.database.write() as connection:
        row = await ledger.settle_stray(
            connection, context.params["id"], book=book, note=note, by=me.employee_id, now=utcnow()
        )
        query = _all().where(stray_payment.c.id == row.id).execution_options(all_companies=True)
        view = _view((await connection.execute(query)).one())
        action = "payment.booked" if book else "payment.refunded"
        await services.audit.write(
            connection,
            me.company_id,
            me.employee_id,
            action,
            view.number,
            context.ip,
            company=row.company_id,
            amount=row.amount,
            note=note,
        )
    await services.telephony.changed()  # who was below zero may dial again
    return view


def _all() -> Any:
    return (
        select(
            stray_payment,
            recharge.c.number,
            recharge.c.channel,
            recharge.c.amount.label("asked"),
            company.c.name.label("company_name"),
            employee.c.name.label("actor_name"),
        )
        .join(recharge, recharge.c.id == stray_payment.c.recharge_id)
        .join(company, company.c.id == stray_payment.c.company_id)
        .outerjoin(employee, employee.c.id == stray_payment.c.actor_id)
    )


def _view(row: Any) -> StrayView:
    return StrayView(
        row.id,
        Named(row.company_id, row.company_name),
        row.number,
        row.channel,
        row.asked,
        row.amount,
        row.paid_at,
        row.state,
        row.note,
        Named(row.actor_id, row.actor_name or "") if row.actor_id is not None else None,
        row.settled_at,
    )
