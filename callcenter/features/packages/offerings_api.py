"""What a company can buy, and for whom (SPEC §C2, §C5, §C6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import select

from callcenter.domain.offers import Offering, company_checks
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Mode, Offer
from callcenter.features.packages import catalogue, quotes
from callcenter.ledger.packages import Lot, lots_of
from callcenter.store.base import utcnow
from callcenter.store.people import is_staff
from callcenter.store.tables.packages import offering
from callcenter.store.tables.people import department, employee, role
from callcenter.web.kit import Context, Routes
from callcenter.web.services import Services

routes = Routes("offerings")


class OfferingView(msgspec.Struct):
    """One thing for sale; `price` and `list_price` in fen. `price` is paid while a limited offer holds."""

    id: int
    name: str
    kind: Literal["non_shared", "shared", "fixed"]
    offer: Offer
    mode: Mode
    also_mode: Mode | None
    line: str
    minutes: int
    days: int
    price: int
    list_price: int
    per_employee: int
    offered_from: datetime | None
    offered_until: datetime | None
    on_sale: bool
    description: str


class ShopOffering(OfferingView):
    buyable: bool
    why_not: str | None
    """Code of the first reason why the company cannot buy it now."""
    trial_used: bool


class CurrentPackage(msgspec.Struct):
    name: str
    mode: Mode
    also_mode: Mode | None
    minutes_left: int
    days_left: int
    """Begun days until it ends."""


class Candidate(msgspec.Struct):
    """An employee it could be bought for (SPEC §C2.5)."""

    id: int
    name: str
    phone: str
    department: str
    verified: bool
    offers_left: int | None
    """How often the offer price is still this employee's; null: the offering is no limited offer."""
    packages: list[CurrentPackage]


def fields_of(one: Offering, description: str) -> dict[str, Any]:
    """The fields of `OfferingView`."""
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind.value,
        "offer": one.offer.value,
        "mode": one.mode.value,
        "also_mode": one.also_mode.value if one.also_mode else None,
        "line": one.line,
        "minutes": one.minutes,
        "days": one.days,
        "price": one.price,
        "list_price": one.list_price,
        "per_employee": one.per_employee,
        "offered_from": one.offered_from,
        "offered_until": one.offered_until,
        "on_sale": one.on_sale,
        "description": description,
    }


@routes.add(
    "GET",
    "/api/offerings",
    permission="wallet.view",
    data="company",
    summary="What is on sale, and whether my company may buy it",
    answers=list[ShopOffering],
)
async def offerings(services: Services, context: Context) -> list[ShopOffering]:
    query = select(offering).where(offering.c.on_sale).order_by(offering.c.kind, offering.c.price, offering.c.id)
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
        conditions = await quotes.conditions_of(connection, context.company_id)
        bought = await catalogue.bought_ever(connection, context.company_id)
    closed = [door.value for open_, door in company_checks(*conditions) if not open_]
    found = []
    for row in rows:
        one = catalogue.offering_of(row)
        used = quotes.trial_blocked(one, bought)
        why = [*closed, *(["trial_used"] if used else [])]
        fields = fields_of(one, row.description)
        found.append(ShopOffering(**fields, buyable=not why, why_not=why[0] if why else None, trial_used=used))
    return found


@routes.add(
    "GET",
    "/api/offerings/{id}/employees",
    permission="wallet.view",
    data="company",
    summary="Employees whom it can be bought for, with the packages they have",
    answers=list[Candidate],
)
async def candidates(services: Services, context: Context) -> list[Candidate]:
    company_id, now = context.company_id, utcnow()
    people = (
        select(
            employee.c.id,
            employee.c.name,
            employee.c.phone,
            employee.c.verification,
            department.c.name.label("room"),
            role.c.permissions,
        )
        .join(role, role.c.id == employee.c.role_id)
        .outerjoin(department, department.c.id == employee.c.department_id)
        .where(employee.c.company_id == company_id, is_staff())
        .order_by(employee.c.id)
    )
    async with services.database.read() as connection:
        row = (await connection.execute(select(offering).where(offering.c.id == context.params["id"]))).first()
        if row is None:
            raise Refusal("not_found")
        one = catalogue.offering_of(row)
        used = await catalogue.offers_used(connection, company_id, one.id)
        lots = await lots_of(connection, company_id, valid_at=now)
        # Who has no telephone has no use for minutes (SPEC §A1.1).
        rows = [row for row in (await connection.execute(people)).all() if "calls.dial" in row.permissions]
    packages: dict[int, list[CurrentPackage]] = {}
    for lot in lots:
        for user in lot.users:
            packages.setdefault(user, []).append(_current(lot, now))
    return [
        Candidate(
            id=person.id,
            name=person.name,
            phone=person.phone,
            department=person.room or "",
            verified=person.verification == "verified",
            offers_left=one.offers_left(used.get(person.id, 0), now),
            packages=packages.get(person.id, []),
        )
        for person in rows
    ]


def _current(lot: Lot, now: datetime) -> CurrentPackage:
    days = -(-int((lot.expires_at - now).total_seconds()) // 86_400)
    return CurrentPackage(lot.name, lot.mode, lot.also_mode, lot.minutes_left, days)
