"""The platform's catalogue: what is for sale, and coupons (SPEC §C5)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Select, func, select

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Mode, Offer
from callcenter.features.packages import catalogue
from callcenter.features.packages.offerings_api import OfferingView, fields_of
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import coupon, offering, purchase
from callcenter.store.tables.people import company
from callcenter.web.kit import Body, Context, Id, Listing, LongText, Name, Paging, Routes, ShortText
from callcenter.web.lists import Named, aware
from callcenter.web.services import Services

routes = Routes("platform")

Fen = Annotated[int, msgspec.Meta(ge=0, le=10_000_000_000)]
Line = Annotated[str, msgspec.Meta(max_length=32)]
Minutes = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
Days = Annotated[int, msgspec.Meta(ge=1, le=3660)]
Count = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Sold = Literal["non_shared", "shared", "fixed"]


class NewOffering(Body, kw_only=True):
    name: Name
    kind: Sold
    offer: Offer = Offer.REGULAR
    mode: Mode
    also_mode: Mode | None = None
    line: Line = ""
    minutes: Minutes
    days: Days
    price: Fen
    list_price: Fen
    per_employee: Count = 0
    offered_from: datetime | None = None
    offered_until: datetime | None = None
    on_sale: bool = True
    description: LongText = ""


class OfferingChange(Body, kw_only=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET
    kind: Sold | msgspec.UnsetType = msgspec.UNSET
    offer: Offer | msgspec.UnsetType = msgspec.UNSET
    mode: Mode | msgspec.UnsetType = msgspec.UNSET
    also_mode: Mode | msgspec.UnsetType | None = msgspec.UNSET
    line: Line | msgspec.UnsetType = msgspec.UNSET
    minutes: Minutes | msgspec.UnsetType = msgspec.UNSET
    days: Days | msgspec.UnsetType = msgspec.UNSET
    price: Fen | msgspec.UnsetType = msgspec.UNSET
    list_price: Fen | msgspec.UnsetType = msgspec.UNSET
    per_employee: Count | msgspec.UnsetType = msgspec.UNSET
    offered_from: datetime | msgspec.UnsetType | None = msgspec.UNSET
    offered_until: datetime | msgspec.UnsetType | None = msgspec.UNSET
    on_sale: bool | msgspec.UnsetType = msgspec.UNSET
    description: LongText | msgspec.UnsetType = msgspec.UNSET


class CouponUse(msgspec.Struct):
    order_number: str
    at: datetime


class CouponView(msgspec.Struct):
    id: int
    code: str
    company: Named | None
    """None: any company may use it."""
    amount: int
    reason: str
    expires_at: datetime | None
    used: CouponUse | None


class CouponQuery(Paging, kw_only=True):
    state: Literal["unused", "used", "expired"] | None = None
    company_id: Id | None = None


class NewCoupon(Body, kw_only=True):
    company_id: Id | None = None
    amount: Annotated[int, msgspec.Meta(ge=1, le=10_000_000_000)]
    reason: ShortText = ""
    expires_at: datetime | None = None


@routes.add(
    "GET",
    "/api/platform/offerings",
    permission="platform.manage",
    data="platform",
    summary="Everything that is or was on sale",
    answers=list[OfferingView],
)
async def offerings(services: Services, context: Context) -> list[OfferingView]:
    query = select(offering).order_by(offering.c.on_sale.desc(), offering.c.id)
    async with services.database.read() as connection:
        return [_view(row) for row in (await connection.execute(query)).all()]


@routes.add(
    "POST",
    "/api/platform/offerings",
    permission="platform.manage",
    data="platform",
    summary="Put something on sale",
    body=NewOffering,
    answers=OfferingView,
    status=201,
    errors=("offering_invalid",),
)
async def add_offering(services: Services, context: Context) -> OfferingView:
    given: NewOffering = context.body
    async with services.database.write() as connection:
        made = await catalogue.add_offering(connection, _values(given), utcnow())
        await services.audit.write(
            connection, context.company_id, context.me.employee_id, "offering.added", str(made), context.ip
        )
        return await _one(connection, made)


@routes.add(
    "PATCH",
    "/api/platform/offerings/{id}",
    permission="platform.manage",
    data="platform",
    summary="Change an offering; minutes, days and kind only while nobody has bought it",
    body=OfferingChange,
    answers=OfferingView,
    errors=("offering_invalid", "offering_sold"),
)
async def change_offering(services: Services, context: Context) -> OfferingView:
    given: OfferingChange = context.body
    offering_id, values = context.params["id"], _values(given)
    async with services.database.write() as connection:
        await catalogue.change_offering(connection, offering_id, values)
        await services.audit.write(
            connection,
            context.company_id,
            context.me.employee_id,
            "offering.changed",
            str(offering_id),
            context.ip,
            fields=sorted(values),
        )
        return await _one(connection, offering_id)


@routes.add(
    "GET",
    "/api/platform/coupons",
    permission="platform.manage",
    data="platform",
    summary="Coupons, the newest first",
    query=CouponQuery,
    answers=Listing[CouponView],
)
async def coupons(services: Services, context: Context) -> Listing[CouponView]:
    wanted: CouponQuery = context.query
    query = _coupons()
    now = utcnow()
    unused = coupon.c.used_by_order.is_(None)
    over = coupon.c.expires_at.is_not(None) & (coupon.c.expires_at <= now)
    if wanted.state == "used":
        query = query.where(~unused)
    elif wanted.state is not None:
        query = query.where(unused, over if wanted.state == "expired" else ~over)
    if wanted.company_id is not None:
        query = query.where(coupon.c.company_id == wanted.company_id)
    counted = select(func.count()).select_from(query.subquery()).execution_options(all_companies=True)
    page = query.order_by(coupon.c.id.desc()).limit(wanted.page_size).offset(wanted.offset)
    async with services.database.read() as connection:
        total = (await connection.execute(counted)).scalar_one()
        rows = (await connection.execute(page.execution_options(all_companies=True))).all()
    return Listing([_coupon(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/platform/coupons",
    permission="platform.manage",
    data="platform",
    summary="Make a coupon with a random code, for one company or for any",
    body=NewCoupon,
    answers=CouponView,
    status=201,
    errors=("company_unknown",),
)
async def make_coupon(services: Services, context: Context) -> CouponView:
    given: NewCoupon = context.body
    until = aware(given.expires_at) if given.expires_at else None
    async with services.database.write() as connection:
        if given.company_id is not None:
            known = select(company.c.id).where(company.c.id == given.company_id)
            if (await connection.execute(known)).first() is None:
                raise Refusal("company_unknown")
        made = await catalogue.make_coupon(connection, given.company_id, given.amount, given.reason, until, utcnow())
        await services.audit.write(
            connection,
            context.company_id,
            context.me.employee_id,
            "coupon.made",
            str(made),
            context.ip,
            amount=given.amount,
            company=given.company_id,
        )
        query = _coupons().where(coupon.c.id == made).execution_options(all_companies=True)
        return _coupon((await connection.execute(query)).one())


def _coupons() -> Select[Any]:
    return (
        select(
            coupon,
            company.c.name.label("company_name"),
            purchase.c.number.label("order_number"),
            purchase.c.created_at.label("used_at"),
        )
        .outerjoin(company, company.c.id == coupon.c.company_id)
        .outerjoin(purchase, purchase.c.id == coupon.c.used_by_order)
    )


def _coupon(row: Any) -> CouponView:
    return CouponView(
        id=row.id,
        code=row.code,
        company=Named(row.company_id, row.company_name) if row.company_id is not None else None,
        amount=row.amount,
        reason=row.reason,
        expires_at=row.expires_at,
        used=CouponUse(row.order_number, row.used_at) if row.used_by_order is not None else None,
    )


def _values(given: NewOffering | OfferingChange) -> dict[str, Any]:
    """The columns that a body names, as the table keeps them."""
    found = {key: value for key, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}
    for name in ("offered_from", "offered_until"):
        if found.get(name) is not None:
            found[name] = aware(found[name])
    for name in ("offer", "mode"):
        if name in found:
            found[name] = found[name].value
    if "also_mode" in found:
        found["also_mode"] = found["also_mode"].value if found["also_mode"] else ""
    return found


def _view(row: Any) -> OfferingView:
    return OfferingView(**fields_of(catalogue.offering_of(row), row.description))


async def _one(connection: Any, offering_id: int) -> OfferingView:
    return _view((await connection.execute(select(offering).where(offering.c.id == offering_id))).one())
