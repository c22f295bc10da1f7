"""The operator's desk for direct numbers: dispatches them, and takes them back (SPEC §B8.4, §B8.8). Money in fen."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from sqlalchemy import select

from callcenter.domain.refusals import Refusal
from callcenter.features.numbers import direct_numbers as ledger
from callcenter.features.numbers.direct_numbers_api import DirectNumber
from callcenter.features.numbers.direct_numbers_api import view_of as number_view
from callcenter.features.numbers.number_fees_api import ApplicationQuery, ApplicationView, application_view
from callcenter.features.numbers.tables import number_application
from callcenter.store.base import utcnow
from callcenter.store.tables.numbers import outside_number, seat
from callcenter.store.tables.people import company, employee
from callcenter.web.kit import Body, Context, Listing, Paging, Routes
from callcenter.web.lists import Named, page_of
from callcenter.web.services import Services
from callcenter.web.typed_numbers import e164_of

routes = Routes("platform")

EVERYWHERE = {"all_companies": True}
Region = Annotated[str, msgspec.Meta(max_length=64)]


class CompanyApplication(ApplicationView, kw_only=True):
    company: Named


class LeavingNumber(DirectNumber, kw_only=True):
    company: Named
    reason: str


class DispatchedNumber(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """`region` empty: the one that was asked for."""

    number: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    iccid: Annotated[str, msgspec.Meta(max_length=32)] = ""
    region: Region = ""


class Dispatch(Body, kw_only=True):
    """`monthly_fee`: from next month on, of each of these numbers; left out: what was frozen for one."""

    numbers: Annotated[list[DispatchedNumber], msgspec.Meta(min_length=1, max_length=500)]
    monthly_fee: Annotated[int, msgspec.Meta(ge=0, le=10**9)] | None = None


class RefusedBecause(Body, kw_only=True):
    reason: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class LeaveReview(Body, kw_only=True):
    approve: bool


@routes.add(
    "GET",
    "/api/platform/number-applications",
    permission="platform.manage",
    data="platform",
    summary="Applications for direct numbers of all companies",
    query=ApplicationQuery,
    answers=Listing[CompanyApplication],
)
async def applications(services: Services, context: Context) -> Listing[CompanyApplication]:
    wanted: ApplicationQuery = context.query
    query = _applications().where(*wanted.on(number_application.c.created_at))
    if wanted.state is not None:
        query = query.where(number_application.c.state == wanted.state)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, number_application.c.id.desc(), everywhere=True)
    return Listing([_application(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/platform/number-applications/{id}/dispatch",
    permission="platform.manage",
    data="platform",
    summary="Hand numbers over: what is frozen for them is taken; all of them or none",
    body=Dispatch,
    answers=CompanyApplication,
    errors=("not_found", "application_closed", "too_many_numbers", "number_taken", "number_invalid", "number_twice"),
)
async def dispatch(services: Services, context: Context) -> CompanyApplication:
    given: Dispatch = context.body
    numbers = [_typed(services, one) for one in given.numbers]
    if len({one.number for one in numbers}) != len(numbers):
        raise Refusal("number_twice")
    async with services.database.write() as connection:
        row = await ledger.dispatch(
            connection, context.params["id"], numbers, given.monthly_fee, by=context.me.employee_id, now=utcnow()
        )
        await _audit(services, connection, context, "numbers.dispatched", str(row.id), numbers=len(numbers))
    await services.telephony.changed()
    return await _one_application(services, row.id)


@routes.add(
    "POST",
    "/api/platform/number-applications/{id}/refuse",
    permission="platform.manage",
    data="platform",
    summary="End an application; what is still frozen for it goes back to the wallet",
    body=RefusedBecause,
    answers=CompanyApplication,
    errors=("not_found", "application_closed"),
)
async def refuse(services: Services, context: Context) -> CompanyApplication:
    given: RefusedBecause = context.body
    async with services.database.write() as connection:
        row = await ledger.refuse(
            connection, context.params["id"], given.reason.strip(), by=context.me.employee_id, now=utcnow()
        )
        await _audit(services, connection, context, "numbers.refused", str(row.id))
    await services.telephony.changed()
    return await _one_application(services, row.id)


@routes.add(
    "GET",
    "/api/platform/number-leaves",
    permission="platform.manage",
    data="platform",
    summary="Numbers of all companies that were asked to be taken back and still work",
    query=Paging,
    answers=Listing[LeavingNumber],
)
async def leaves(services: Services, context: Context) -> Listing[LeavingNumber]:
    wanted: Paging = context.query
    query = _leaving()
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, outside_number.c.id.desc(), everywhere=True)
    return Listing([_leave(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/platform/direct-numbers/{id}/leave-review",
    permission="platform.manage",
    data="platform",
    summary="Approve: the number works until the end of this month; or refuse: it stays",
    body=LeaveReview,
    answers=LeavingNumber,
    errors=("not_found", "number_not_leaving", "number_leaving", "number_retired"),
)
async def review_leave(services: Services, context: Context) -> LeavingNumber:
    given: LeaveReview = context.body
    async with services.database.write() as connection:
        row = await ledger.review_leave(
            connection, context.params["id"], approve=given.approve, by=context.me.employee_id, now=utcnow()
        )
        await _audit(services, connection, context, "number_leave.reviewed", row.number, approve=given.approve)
    await services.telephony.changed()
    async with services.database.read() as connection:
        query = _numbers().where(outside_number.c.id == row.id).execution_options(**EVERYWHERE)
        return _leave((await connection.execute(query)).one())


# -- inside ----------------------------------------------------------------------------------------------------------


def _typed(services: Services, given: DispatchedNumber) -> ledger.Dispatched:
    number = e164_of(given.number, services.settings.default_region)
    return ledger.Dispatched(number, given.iccid.strip(), given.region.strip())


def _applications() -> Any:
    return (
        select(number_application, company.c.name.label("company_name"), employee.c.name.label("applicant_name"))
        .join(company, company.c.id == number_application.c.company_id)
        .outerjoin(employee, employee.c.id == number_application.c.applicant_id)
    )


def _application(row: Any) -> CompanyApplication:
    view = application_view(row, {row.applicant_id: Named(row.applicant_id, row.applicant_name or "")})
    return CompanyApplication(**msgspec.structs.asdict(view), company=Named(row.company_id, row.company_name))


async def _one_application(services: Services, application_id: int) -> CompanyApplication:
    query = _applications().where(number_application.c.id == application_id).execution_options(**EVERYWHERE)
    async with services.database.read() as connection:
        return _application((await connection.execute(query)).one())


def _numbers() -> Any:
    return (
        select(
            outside_number,
            seat.c.code.label("seat_code"),
            employee.c.name.label("employee_name"),
            company.c.name.label("company_name"),
        )
        .join(company, company.c.id == outside_number.c.company_id)
        .outerjoin(seat, seat.c.id == outside_number.c.seat_id)
        .outerjoin(employee, employee.c.id == outside_number.c.employee_id)
    )


def _leaving() -> Any:
    return _numbers().where(outside_number.c.leave_state != "", ledger.IN_USE)


def _leave(row: Any) -> LeavingNumber:
    return LeavingNumber(
        **msgspec.structs.asdict(number_view(row)),
        company=Named(row.company_id, row.company_name),
        reason=row.leave_reason,
    )


async def _audit(services: Services, connection: Any, context: Context, action: str, what: str, **details: Any) -> None:
    me = context.me
    await services.audit.write(connection, me.company_id, me.employee_id, action, what, context.ip, **details)
