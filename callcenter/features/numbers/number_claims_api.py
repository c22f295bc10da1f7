"""Numbers that a company says are its own, and what the operator answers.

A company shows, receives on and lets its agents dial in on nothing but what the operator dispatched or confirmed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import display
from callcenter.domain.refusals import Refusal
from callcenter.store import own_numbers
from callcenter.store.base import utcnow
from callcenter.store.tables.inbound import inbound_number
from callcenter.store.tables.numbers import company_number, outside_number
from callcenter.store.tables.people import company, employee
from callcenter.web.kit import Body, Context, Listing, Paging, Routes
from callcenter.web.lists import Named, page_of
from callcenter.web.services import Services

routes = Routes("number claims")

EVERYWHERE = {"all_companies": True}
State = Literal["waiting", "confirmed", "refused"]


class ClaimView(msgspec.Struct):
    id: int
    company: Named
    number: str
    display: str
    state: Literal["waiting", "confirmed", "refused"]
    reason: str
    asked_by: str
    asked_at: datetime
    decided_at: datetime | None


class ClaimQuery(Paging, kw_only=True):
    state: State | None = None


class ClaimRefusal(Body, kw_only=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


async def require_own(services: Services, context: Context, numbers: Iterable[str]) -> None:
    """Raises `number_unconfirmed` for numbers (E.164) that are not the company's own; the operator is asked about them.

    Whoever runs the installation confirms by entering.
    """
    wanted = [one for one in numbers if one]
    sure = context.me.may("platform.manage")
    async with services.database.write() as connection:
        states = await own_numbers.states_of(connection, context.company_id, wanted)
        missing = [one for one in wanted if states[one] != own_numbers.CONFIRMED]
        if not missing:
            return
        if sure:
            for one in missing:
                await _require_free(connection, context.company_id, one)
        await own_numbers.claim(
            connection, context.company_id, missing, by=context.me.employee_id, now=utcnow(), sure=sure
        )
        await services.audit.write(
            connection,
            context.company_id,
            context.me.employee_id,
            "number.confirmed" if sure else "number.claimed",
            ",".join(missing)[:100],
            context.ip,
        )
    if not sure:
        raise Refusal("number_unconfirmed", numbers=missing)


@routes.add(
    "GET",
    "/api/number-claims",
    permission="employees.view",
    data="company",
    summary="Numbers that my company entered and what the operator says of them",
    query=ClaimQuery,
    answers=Listing[ClaimView],
)
async def mine(services: Services, context: Context) -> Listing[ClaimView]:
    query = _claims().where(company_number.c.company_id == context.company_id)
    return await _listing(services, context.query, query, everywhere=False)


@routes.add(
    "GET",
    "/api/platform/number-claims",
    permission="platform.manage",
    data="platform",
    summary="Numbers of all companies that wait to be confirmed, or were decided",
    query=ClaimQuery,
    answers=Listing[ClaimView],
)
async def claims(services: Services, context: Context) -> Listing[ClaimView]:
    return await _listing(services, context.query, _claims(), everywhere=True)


@routes.add(
    "POST",
    "/api/platform/number-claims/{id}/confirm",
    permission="platform.manage",
    data="platform",
    summary="The number is that company's own: it may be shown, answered and dialled in on from now on",
    answers=ClaimView,
    errors=("not_found", "number_taken"),
)
async def confirm(services: Services, context: Context) -> ClaimView:
    return await _decide(services, context, own_numbers.CONFIRMED, "")


@routes.add(
    "POST",
    "/api/platform/number-claims/{id}/refuse",
    permission="platform.manage",
    data="platform",
    summary="The number is not that company's own, or not any more: it is used for nothing from now on",
    body=ClaimRefusal,
    answers=ClaimView,
    errors=("not_found",),
)
async def refuse(services: Services, context: Context) -> ClaimView:
    given: ClaimRefusal = context.body
    return await _decide(services, context, own_numbers.REFUSED, given.reason.strip())


# -- inside --------------------------------------------------------------------------------------------------------


async def _decide(services: Services, context: Context, state: str, reason: str) -> ClaimView:
    claim_id = context.params["id"]
    one = _claims().where(company_number.c.id == claim_id).execution_options(**EVERYWHERE)
    async with services.database.write() as connection:
        row = (await connection.execute(one)).first()
        if row is None:
            raise Refusal("not_found")
        if state == own_numbers.CONFIRMED:
            await _require_free(connection, row.company_id, row.number)
        values = {"state": state, "reason": reason, "decided_by": context.me.employee_id, "decided_at": utcnow()}
        mine = (company_number.c.company_id == row.company_id, company_number.c.id == claim_id)
        await connection.execute(update(company_number).where(*mine).values(**values))
        await services.audit.write(
            connection,
            context.company_id,
            context.me.employee_id,
            f"number.{state}",
            row.number,
            context.ip,
            company=row.company_name,
        )
    await services.telephony.changed()
    async with services.database.read() as connection:
        return _view((await connection.execute(one)).one())


async def _require_free(connection: AsyncConnection, company_id: int, number: str) -> None:
    """No other company owns the number."""
    for table in (company_number, outside_number, inbound_number):
        query = select(table.c.id).where(table.c.number == number, table.c.company_id != company_id)
        if table is company_number:
            query = query.where(company_number.c.state == own_numbers.CONFIRMED)
        if table is outside_number:
            query = query.where(outside_number.c.state != "retired")
        if (await connection.execute(query.execution_options(**EVERYWHERE))).first() is not None:
            raise Refusal("number_taken", number=number)


def _claims() -> Select[Any]:
    return (
        select(company_number, company.c.name.label("company_name"), employee.c.name.label("asked_name"))
        .join(company, company.c.id == company_number.c.company_id)
        .outerjoin(employee, employee.c.id == company_number.c.asked_by)
    )


async def _listing(
    services: Services, wanted: ClaimQuery, query: Select[Any], *, everywhere: bool
) -> Listing[ClaimView]:
    if wanted.state is not None:
        query = query.where(company_number.c.state == wanted.state)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, company_number.c.id.desc(), everywhere=everywhere)
    return Listing([_view(row) for row in rows], total, wanted.page, wanted.page_size)


def _view(row: Any) -> ClaimView:
    return ClaimView(
        row.id,
        Named(row.company_id, row.company_name),
        row.number,
        display(row.number),
        row.state,
        row.reason,
        row.asked_name or "",
        row.asked_at,
        row.decided_at,
    )
