"""Voice packages at a glance: list, counts, grant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal, NamedTuple

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Mode, PackageKind
from callcenter.features.packages import assign
from callcenter.ledger.packages import Lot, Packages
from callcenter.store.base import utcnow
from callcenter.store.tables.people import employee
from callcenter.web.identity import Identity
from callcenter.web.kit import Body, Context, Id, Listing, Name, Page, PageSize, Query, Routes, ShortText
from callcenter.web.services import Services

routes = Routes("packages")

NEEDY_FIRST = ("low", "used_up", "sufficient", "future", "expired")
"""The order in which packages are listed by what they need."""


class Owner(msgspec.Struct):
    id: int
    name: str


class PackageView(msgspec.Struct):
    """One package; minutes whole, `minutes_left` without those that running calls hold."""

    id: int
    name: str
    kind: PackageKind
    mode: Mode
    also_mode: Mode | None
    line: str
    employee: Owner | None
    """None: shared, or not assigned yet."""
    members: list[Owner]
    """Employees of a shared package, as far as the reader may see them."""
    quantity: int
    """How many employees it is for."""
    assigned: int
    assignable: int
    minutes_total: int
    minutes_left: int
    minutes_reserved: int
    minutes_used: int
    increment_seconds: int
    starts_at: datetime
    expires_at: datetime
    state: rules.PackageState
    parent_id: int | None
    """The package that a top-up was bought for."""
    parent: Owner | None
    renews_id: int | None
    purchase_id: int | None
    offering_id: int | None
    days_left_at_pace: int | None
    """None: nothing was used yet."""


Kind = Literal["non_shared", "shared", "fixed", "top_up"]


class Chosen(Query, kw_only=True):
    """Which packages; a top-up is of the kind of the package that it tops up."""

    employee_id: Id | None = None
    kind: Kind | None = None
    q: ShortText = ""
    """Part of the package's name or of a user's."""


class PackageQuery(Chosen, kw_only=True):
    page: Page = 1
    page_size: PageSize = 20
    state: rules.PackageState | None = None
    unassigned: bool | None = None
    """Only those that are not over and have room for another employee."""


class Counts(msgspec.Struct):
    """How many packages are in each state; `unassigned` are those of them that are not over and have room."""

    sufficient: int
    low: int
    used_up: int
    expired: int
    future: int
    unassigned: int


class NewPackage(Body, kw_only=True):
    employee_id: Id
    name: Name
    mode: Mode = Mode.DIRECT
    also_mode: Mode | None = None
    """A second mode that the same minutes pay for."""
    minutes: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    days: Annotated[int, msgspec.Meta(ge=1, le=3660)]
    increment_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 60


def view_of(lot: Lot, names: Mapping[int, str], now: datetime, parents: Mapping[int, Lot] | None = None) -> PackageView:
    """A package with the names of those of its users who are in `names`, and of its parent where that is known."""
    owner = lot.employee_id
    parent = (parents or {}).get(lot.parent_id or 0)
    return PackageView(
        id=lot.id,
        name=lot.name,
        kind=lot.kind,
        mode=lot.mode,
        also_mode=lot.also_mode,
        line=lot.line,
        employee=Owner(owner, names.get(owner, "")) if owner is not None else None,
        members=[Owner(one, names[one]) for one in lot.members if one in names],
        quantity=lot.quantity,
        assigned=len(lot.users),
        assignable=lot.assignable,
        minutes_total=lot.minutes_total,
        minutes_left=lot.minutes_left,
        minutes_reserved=lot.minutes_reserved,
        minutes_used=lot.minutes_used,
        increment_seconds=lot.increment_seconds,
        starts_at=lot.starts_at,
        expires_at=lot.expires_at,
        state=rules.state_of(lot, now),
        parent_id=lot.parent_id,
        parent=Owner(parent.id, parent.name) if parent is not None else None,
        renews_id=lot.renews_id,
        purchase_id=lot.purchase_id,
        offering_id=lot.offering_id,
        days_left_at_pace=rules.days_left_at_pace([lot], now),
    )


async def names_of(connection: AsyncConnection, company_id: int) -> dict[int, str]:
    """Employee -> name, of a whole company."""
    query = select(employee.c.id, employee.c.name).where(employee.c.company_id == company_id)
    return {row.id: row.name for row in (await connection.execute(query)).all()}


def sees(me: Identity, lot: Lot) -> bool:
    """A package is seen by whoever sees one of its users; one that nobody has yet, by those who see the company."""
    return me.visible is None or any(me.sees(one) for one in lot.users)


@routes.add(
    "GET",
    "/api/packages",
    permission="packages.view",
    data="scoped",
    summary="Packages of the employees in scope, those that need somebody first, then by the day they end",
    query=PackageQuery,
    answers=Listing[PackageView],
)
async def packages(services: Services, context: Context) -> Listing[PackageView]:
    query: PackageQuery = context.query
    now = utcnow()
    found = await _chosen(services, context, query)
    states = {lot.id: rules.state_of(lot, now) for lot in found.lots}
    lots = [
        lot
        for lot in found.lots
        if query.state in (None, states[lot.id]) and query.unassigned in (None, _has_room(lot, now))
    ]
    lots.sort(key=lambda lot: (NEEDY_FIRST.index(states[lot.id]), lot.expires_at, lot.id))
    page = lots[(query.page - 1) * query.page_size : query.page * query.page_size]
    views = [view_of(lot, found.names, now, found.parents) for lot in page]
    return Listing(views, len(lots), query.page, query.page_size)


@routes.add(
    "GET",
    "/api/packages/{id}",
    permission="packages.view",
    data="scoped",
    summary="One package",
    answers=PackageView,
    errors=("not_found",),
)
async def one(services: Services, context: Context) -> PackageView:
    found = await _chosen(services, context, Chosen())
    lot = next((lot for lot in found.lots if lot.id == context.params["id"]), None)
    if lot is None:
        raise Refusal("not_found")
    return view_of(lot, found.names, utcnow(), found.parents)


@routes.add(
    "GET",
    "/api/packages/counts",
    permission="packages.view",
    data="scoped",
    summary="How many packages have plenty left, run low, are used up, over, or still to come",
    query=Chosen,
    answers=Counts,
)
async def counts(services: Services, context: Context) -> Counts:
    query: Chosen = context.query
    now = utcnow()
    lots = (await _chosen(services, context, query)).lots
    states = Counter(rules.state_of(lot, now) for lot in lots)
    return Counts(
        sufficient=states["sufficient"],
        low=states["low"],
        used_up=states["used_up"],
        expired=states["expired"],
        future=states["future"],
        unassigned=sum(_has_room(lot, now) for lot in lots),
    )


def _has_room(lot: Lot, now: datetime) -> bool:
    return lot.assignable > 0 and lot.expires_at > now


class Found(NamedTuple):
    lots: list[Lot]
    names: dict[int, str]
    """Of the people in scope."""
    parents: dict[int, Lot]
    """Every package of the company that something may have been bought for."""


async def _chosen(services: Services, context: Context, chosen: Chosen) -> Found:
    """The packages in scope that were asked for."""
    me = context.me
    everything = await services.port(Packages).lots(me.company_id)
    async with services.database.read() as connection:
        everybody = await names_of(connection, me.company_id)
    names = {one: name for one, name in everybody.items() if me.sees(one)}
    parents = {lot.id: lot for lot in everything}
    text = chosen.q.strip()

    def wanted(lot: Lot) -> bool:
        if not sees(me, lot) or (chosen.employee_id is not None and not lot.used_by(chosen.employee_id)):
            return False
        kinds = {lot.kind.value, parents.get(lot.parent_id or 0, lot).kind.value}
        words = (lot.name, *(names.get(user, "") for user in lot.users))
        return (chosen.kind is None or chosen.kind in kinds) and (not text or any(text in word for word in words))

    return Found([lot for lot in everything if wanted(lot)], names, parents)


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
    async with services.database.read() as connection:
        found = await assign.staff(connection, context.company_id, [given.employee_id])
    name, now = found[given.employee_id].name, utcnow()
    package_id = await services.port(Packages).grant(
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
    lots = await services.port(Packages).lots(context.company_id, given.employee_id)
    return next(view_of(lot, {given.employee_id: name}, now) for lot in lots if lot.id == package_id)
