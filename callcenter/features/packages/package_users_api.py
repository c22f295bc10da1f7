"""Who uses a package: assign, take back, hand over, and the list of what happened (SPEC §C4.2, §C14)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated

import msgspec
from sqlalchemy import select

from callcenter.domain.refusals import Refusal
from callcenter.features.packages import assign as ledger
from callcenter.features.packages.packages_api import Owner, PackageView, names_of, sees, view_of
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import package_log
from callcenter.web.kit import Body, Context, Id, Routes
from callcenter.web.services import Services

routes = Routes("packages")


class Assignment(Body):
    employee_ids: Annotated[list[Id], msgspec.Meta(min_length=1, max_length=500)]


class Removal(Body):
    employee_id: Id


class HandOver(Body):
    from_employee_id: Id
    to_employee_id: Id


class LogView(msgspec.Struct):
    """`what`: `assigned`, `unassigned` or `handed_over`. `actor` None: the product itself."""

    what: str
    employee: Owner | None
    from_employee: Owner | None
    actor: Owner | None
    at: datetime


@routes.add(
    "POST",
    "/api/packages/{id}/assign",
    permission="wallet.spend",
    data="company",
    summary="Let verified employees use a package that has room",
    body=Assignment,
    answers=PackageView,
    errors=("package_full", "already_on_package", "employee_unknown", "employee_unverified", "package_expired"),
)
async def assign(services: Services, context: Context) -> PackageView:
    given: Assignment = context.body
    what = {"employees": given.employee_ids}
    return await _changed(services, context, ledger.assign, given.employee_ids, action="package.assigned", **what)


@routes.add(
    "POST",
    "/api/packages/{id}/unassign",
    permission="wallet.spend",
    data="company",
    summary="Take an employee off a shared package",
    body=Removal,
    answers=PackageView,
    errors=("package_not_shared", "employee_not_on_package", "package_in_use"),
)
async def unassign(services: Services, context: Context) -> PackageView:
    given: Removal = context.body
    what = {"employee": given.employee_id}
    return await _changed(services, context, ledger.unassign, given.employee_id, action="package.unassigned", **what)


@routes.add(
    "POST",
    "/api/packages/{id}/hand-over",
    permission="wallet.spend",
    data="company",
    summary="Pass a package on to a colleague, with its renewals and top-ups",
    body=HandOver,
    answers=PackageView,
    errors=(
        "line_differs",
        "already_on_package",
        "employee_unknown",
        "employee_unverified",
        "employee_not_on_package",
        "package_expired",
        "package_in_use",
        "action_not_possible",
    ),
)
async def hand_over(services: Services, context: Context) -> PackageView:
    given: HandOver = context.body
    giver, taker = given.from_employee_id, given.to_employee_id
    what = {"from": giver, "to": taker}
    return await _changed(services, context, ledger.hand_over, giver, taker, action="package.handed_over", **what)


@routes.add(
    "GET",
    "/api/packages/{id}/log",
    permission="packages.view",
    data="scoped",
    summary="Who was given a package and who passed it on, the newest first",
    answers=list[LogView],
)
async def log(services: Services, context: Context) -> list[LogView]:
    company_id, package_id = context.company_id, context.params["id"]
    query = (
        select(package_log)
        .where(package_log.c.company_id == company_id, package_log.c.package_id == package_id)
        .order_by(package_log.c.id.desc())
    )
    async with services.database.read() as connection:
        if not sees(context.me, await ledger.find_package(connection, company_id, package_id)):
            raise Refusal("not_found")
        names = await names_of(connection, company_id)
        rows = (await connection.execute(query)).all()

    def owner(employee_id: int | None) -> Owner | None:
        return Owner(employee_id, names.get(employee_id, "")) if employee_id is not None else None

    return [
        LogView(row.what, owner(row.employee_id), owner(row.from_employee_id), owner(row.actor_id), row.at)
        for row in rows
    ]


async def _changed(
    services: Services,
    context: Context,
    work: Callable[..., Awaitable[object]],
    *given: object,
    action: str,
    **details: object,
) -> PackageView:
    """Does one step of `assign.py`, notes it and tells the engine; the package as it is then."""
    company_id, package_id, now, by = context.company_id, context.params["id"], utcnow(), context.me.employee_id
    async with services.database.write() as connection:
        await work(connection, company_id, package_id, *given, by=by, now=now)
        await services.audit.write(connection, company_id, by, action, str(package_id), context.ip, **details)
        lot = await ledger.find_package(connection, company_id, package_id)
        view = view_of(lot, await names_of(connection, company_id), now)
    await services.telephony.changed()
    return view
