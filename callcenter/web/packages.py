"""Voice packages at a glance: list, grant, and what was charged."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from sqlalchemy import func, select

from callcenter.domain import packages as rules
from callcenter.domain.terms import Mode
from callcenter.ledger.packages import Lot
from callcenter.store.base import utcnow
from callcenter.store.tables import account, call, employee, posting, voice_package
from callcenter.web.errors import ApiError
from callcenter.web.kit import Body, Context, Id, Listing, Name, Paging, Query, Routes
from callcenter.web.services import Services

routes = Routes("packages")


class Owner(msgspec.Struct):
    id: int
    name: str


class PackageView(msgspec.Struct):
    id: int
    name: str
    mode: str
    also_mode: str | None
    employee: Owner
    minutes_total: int
    minutes_left: int
    minutes_reserved: int
    minutes_used: int
    increment_seconds: int
    starts_at: datetime
    expires_at: datetime
    state: str


class PackageQuery(Query):
    employee_id: Id | None = None
    state: Literal["sufficient", "low", "used_up", "expired"] | None = None


class NewPackage(Body, kw_only=True):
    employee_id: Id
    name: Name
    mode: Mode = Mode.DIRECT
    also_mode: Mode | None = None
    """A second mode that the same minutes pay for."""
    minutes: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3660)]
    increment_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 60


class EntryView(msgspec.Struct):
    id: int
    at: datetime
    kind: str
    minutes: int
    """What the entry did to the minutes left: negative when spent or held."""
    duration_seconds: int
    call_id: str | None
    number: str


def view_of(lot: Lot, owner: str, now: datetime) -> PackageView:
    return PackageView(
        id=lot.id,
        name=lot.name,
        mode=lot.mode.value,
        also_mode=lot.also_mode.value if lot.also_mode else None,
        employee=Owner(lot.employee_id, owner),
        minutes_total=lot.minutes_total,
        minutes_left=lot.minutes_left,
        minutes_reserved=lot.minutes_reserved,
        minutes_used=lot.minutes_used,
        increment_seconds=lot.increment_seconds,
        starts_at=lot.starts_at,
        expires_at=lot.expires_at,
        state=rules.state_of(lot, now),
    )


@routes.add(
    "GET",
    "/api/packages",
    permission="packages.view",
    data="scoped",
    summary="Packages of the employees in scope",
    query=PackageQuery,
    answers=list[PackageView],
)
async def packages(services: Services, context: Context) -> list[PackageView]:
    query: PackageQuery = context.query
    now = utcnow()
    lots = await services.packages.lots(context.company_id, query.employee_id)
    async with services.database.read() as connection:
        people = select(employee.c.id, employee.c.name).where(employee.c.company_id == context.company_id)
        names: dict[int, str] = {row.id: row.name for row in (await connection.execute(people)).all()}
    views = [view_of(lot, names.get(lot.employee_id, ""), now) for lot in lots if context.me.sees(lot.employee_id)]
    return [view for view in views if query.state in (None, view.state)]


@routes.add(
    "POST",
    "/api/packages",
    permission="packages.grant",
    data="company",
    summary="Give an employee a package, valid from now",
    body=NewPackage,
    answers=PackageView,
    status=201,
    errors=("employee_unknown",),
)
async def grant(services: Services, context: Context) -> PackageView:
    given: NewPackage = context.body
    query = select(employee.c.name).where(
        employee.c.company_id == context.company_id, employee.c.id == given.employee_id
    )
    async with services.database.read() as connection:
        name = (await connection.execute(query)).scalar()
    if name is None:
        raise ApiError("employee_unknown")
    now = utcnow()
    package_id = await services.packages.grant(
        company_id=context.company_id,
        employee_id=given.employee_id,
        name=given.name,
        mode=given.mode,
        also_mode=given.also_mode,
        minutes=given.minutes,
        days=given.days,
        now=now,
        increment_seconds=given.increment_seconds,
        by=context.me.employee_id,
    )
    await services.audit.add(
        context.company_id,
        context.me.employee_id,
        "package.granted",
        str(package_id),
        context.ip,
        minutes=given.minutes,
        days=given.days,
        employee=given.employee_id,
    )
    await services.telephony.changed()
    lots = await services.packages.lots(context.company_id, given.employee_id)
    return next(view_of(lot, name, now) for lot in lots if lot.id == package_id)


@routes.add(
    "GET",
    "/api/packages/{id}/entries",
    permission="packages.view",
    data="scoped",
    summary="Every posting that moved the minutes of a package",
    query=Paging,
    answers=Listing[EntryView],
)
async def entries(services: Services, context: Context) -> Listing[EntryView]:
    paging: Paging = context.query
    company_id, package_id = context.company_id, context.params["id"]
    owner = select(voice_package.c.employee_id).where(
        voice_package.c.company_id == company_id, voice_package.c.id == package_id
    )
    mine = (posting.c.company_id == company_id, account.c.package_id == package_id)
    # A charge moves reserved minutes to used; what a person wants to see is what it cost.
    relevant = account.c.kind.in_(("available", "used"))
    shown = ((account.c.kind == "used") & (posting.c.kind == "settle")) | (
        (account.c.kind == "available") & (posting.c.kind != "settle")
    )
    query = (
        select(posting, account.c.kind.label("account_kind"), call.c.number)
        .join(account, account.c.id == posting.c.account_id)
        .outerjoin(call, call.c.id == posting.c.call_id)
        .where(*mine, relevant, shown)
        .order_by(posting.c.id.desc())
    )
    async with services.database.read() as connection:
        employee_id = (await connection.execute(owner)).scalar()
        if employee_id is None or not context.me.sees(employee_id):
            raise ApiError("not_found")
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        rows = (await connection.execute(query.limit(paging.page_size).offset(paging.offset))).all()
    items = [
        EntryView(
            row.id,
            row.at,
            row.kind,
            -row.minutes if row.account_kind == "used" else row.minutes,
            row.seconds,
            row.call_id,
            row.number or "",
        )
        for row in rows
    ]
    return Listing(items, total, paging.page, paging.page_size)
