"""Orders of voice packages afterwards: the list, its export, and one order with who used what (SPEC §C7)."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import OrderAction
from callcenter.features.packages.packages_api import PackageView, names_of, view_of
from callcenter.ledger.packages import Lot, lots_of
from callcenter.store.base import utcnow
from callcenter.store.tables.books import account
from callcenter.store.tables.packages import coupon, purchase, purchase_line
from callcenter.store.tables.people import employee
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.kit import Context, Routes, ShortText
from callcenter.web.lists import Period, clock
from callcenter.web.services import Services

routes = Routes("orders")

ACTIONS = {"new": "购买", "renew": "续购", "add": "加购", "top_up": "加油包"}
KINDS = {"non_shared": "不共享语音包", "shared": "共享语音包", "fixed": "固定语音包"}
STATES = {"active": "生效中", "expired": "过期"}
COLUMNS = (
    "订单编号",
    "下单时间",
    "操作",
    "套餐名称",
    "类型",
    "数量",
    "单价",
    "总价",
    "优惠",
    "实付",
    "购买人",
    "有效期至",
    "状态",
)


class Buyer(msgspec.Struct):
    id: int
    name: str


class CouponBrief(msgspec.Struct):
    code: str
    amount: int


class OrderView(msgspec.Struct):
    """One order; money in fen."""

    id: int
    number: str
    created_at: datetime
    action: OrderAction
    name: str
    kind: Literal["non_shared", "shared", "fixed"]
    quantity: int
    unit_price: int
    """The highest price of a unit; an order of a limited offer may have units at two prices, see `users`."""
    total: int
    discount: int
    paid: int
    buyer: Buyer
    valid_until: datetime
    state: Literal["active", "expired"]
    coupon: CouponBrief | None
    offering_id: int


class PersonView(msgspec.Struct):
    id: int
    name: str
    phone: str


class UserView(msgspec.Struct):
    """What an employee has used of a package of the order, and what is left of that package."""

    employee: PersonView
    package_id: int
    minutes_used: int
    minutes_left: int
    valid_until: datetime


class OrderDetail(OrderView, kw_only=True):
    users: list[UserView]
    packages: list[PackageView]


class Orders(msgspec.Struct):
    items: list[OrderView]
    total: int
    page: int
    page_size: int
    total_paid: int
    """Of all orders that match, in fen."""


class OrderQuery(Period, kw_only=True):
    """Filters; `q` finds order numbers, package names and buyers."""

    q: ShortText = ""
    action: OrderAction | None = None
    kind: Literal["non_shared", "shared", "fixed"] | None = None
    state: Literal["active", "expired"] | None = None
    sort: Literal["created_at", "-created_at"] = "-created_at"


@routes.add(
    "GET",
    "/api/orders",
    permission="wallet.view",
    data="company",
    summary="Orders of voice packages, with the sum that was paid for those that match",
    query=OrderQuery,
    answers=Orders,
)
async def orders(services: Services, context: Context) -> Orders:
    wanted: OrderQuery = context.query
    now = utcnow()
    query = _matching(context.company_id, wanted, now)
    matching = query.subquery()
    sums = select(func.count(), func.coalesce(func.sum(matching.c.paid), 0)).select_from(matching)
    page = _ordered(query, wanted).limit(wanted.page_size).offset(wanted.offset)
    async with services.database.read() as connection:
        total, paid = (await connection.execute(sums)).one()
        items = [_view(row, now) for row in (await connection.execute(page)).all()]
    return Orders(items, total, wanted.page, wanted.page_size, int(paid))


@routes.add(
    "GET",
    "/api/orders/export",
    permission="wallet.view",
    data="company",
    summary="The filtered orders as a spreadsheet",
    query=OrderQuery,
    raw=True,
    errors=("exports_busy",),
)
async def export(services: Services, context: Context) -> Any:
    file = await sheets.answer(services, context, "orders", COLUMNS, _lines(services, context))
    await services.audit.add(
        context.company_id, context.me.employee_id, "orders.exported", ip=context.ip, rows=file.rows
    )
    return file


async def _lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    wanted: OrderQuery = context.query
    now = utcnow()
    query = _ordered(_matching(context.company_id, wanted, now), wanted)
    async with services.database.read() as connection:
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query):
            yield [_row(_view(row, now), zone) for row in rows]


@routes.add(
    "GET",
    "/api/orders/{id}",
    permission="wallet.view",
    data="company",
    summary="One order: its packages, and what each employee used of them",
    answers=OrderDetail,
)
async def order(services: Services, context: Context) -> OrderDetail:
    company_id, now = context.company_id, utcnow()
    async with services.database.read() as connection:
        row = (await connection.execute(_base(company_id).where(purchase.c.id == context.params["id"]))).first()
        if row is None:
            raise Refusal("not_found")
        lots = await _packages_of(connection, company_id, row.id)
        users = await _users(connection, company_id, lots)
        names = await names_of(connection, company_id)
    fields = {name: getattr(one, name) for one in (_view(row, now),) for name in OrderView.__struct_fields__}
    return OrderDetail(**fields, users=users, packages=[view_of(lot, names, now) for lot in lots])


async def one_order(services: Services, company_id: int, order_id: int) -> OrderView:
    async with services.database.read() as connection:
        return _view((await connection.execute(_base(company_id).where(purchase.c.id == order_id))).one(), utcnow())


def _base(company_id: int) -> Select[Any]:
    unit = (
        select(func.max(purchase_line.c.price))
        .where(purchase_line.c.company_id == company_id, purchase_line.c.purchase_id == purchase.c.id)
        .correlate(purchase)
        .scalar_subquery()
    )
    return (
        select(
            purchase,
            employee.c.name.label("buyer_name"),
            coupon.c.code.label("coupon_code"),
            coupon.c.amount.label("coupon_amount"),
            unit.label("unit_price"),
        )
        .outerjoin(employee, employee.c.id == purchase.c.buyer_id)
        .outerjoin(coupon, coupon.c.id == purchase.c.coupon_id)
        .where(purchase.c.company_id == company_id)
    )


def _matching(company_id: int, wanted: OrderQuery, now: datetime) -> Select[Any]:
    conditions: list[Any] = list(wanted.on(purchase.c.created_at))
    text = wanted.q.strip()
    if text:
        columns = (purchase.c.number, purchase.c.name, employee.c.name)
        conditions.append(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if wanted.action is not None:
        conditions.append(purchase.c.action == wanted.action.value)
    if wanted.kind is not None:
        conditions.append(purchase.c.kind == wanted.kind)
    if wanted.state is not None:
        over = purchase.c.valid_until <= now
        conditions.append(over if wanted.state == "expired" else ~over)
    return _base(company_id).where(*conditions)


def _ordered(query: Select[Any], wanted: OrderQuery) -> Select[Any]:
    if wanted.sort == "created_at":
        return query.order_by(purchase.c.created_at, purchase.c.id)
    return query.order_by(purchase.c.created_at.desc(), purchase.c.id.desc())


def _view(row: Any, now: datetime) -> OrderView:
    return OrderView(
        id=row.id,
        number=row.number,
        created_at=row.created_at,
        action=row.action,
        name=row.name,
        kind=row.kind,
        quantity=row.quantity,
        unit_price=int(row.unit_price or 0),
        total=row.total,
        discount=row.discount,
        paid=row.paid,
        buyer=Buyer(row.buyer_id, row.buyer_name or ""),
        valid_until=row.valid_until,
        state="expired" if row.valid_until <= now else "active",
        coupon=CouponBrief(row.coupon_code, row.coupon_amount) if row.coupon_id is not None else None,
        offering_id=row.offering_id,
    )


def _row(view: OrderView, zone: ZoneInfo) -> tuple[Any, ...]:
    return (
        view.number,
        clock(view.created_at, zone),
        ACTIONS.get(view.action, view.action),
        view.name,
        KINDS.get(view.kind, view.kind),
        view.quantity,
        sheets.yuan(view.unit_price),
        sheets.yuan(view.total),
        sheets.yuan(view.discount),
        sheets.yuan(view.paid),
        view.buyer.name,
        clock(view.valid_until, zone),
        STATES[view.state],
    )


async def _packages_of(connection: AsyncConnection, company_id: int, order_id: int) -> list[Lot]:
    """The packages that an order made or added to."""
    query = select(purchase_line.c.package_id).where(
        purchase_line.c.company_id == company_id, purchase_line.c.purchase_id == order_id
    )
    ids = set((await connection.execute(query)).scalars())
    return [lot for lot in await lots_of(connection, company_id) if lot.id in ids]


async def _users(connection: AsyncConnection, company_id: int, lots: list[Lot]) -> list[UserView]:
    """Everybody who uses a package of the order now, or has used minutes of it before."""
    spent = select(account.c.package_id, account.c.employee_id, account.c.balance).where(
        account.c.company_id == company_id,
        account.c.kind == "used",
        account.c.package_id.in_([lot.id for lot in lots]),
    )
    used = {(row.package_id, row.employee_id): int(row.balance) for row in (await connection.execute(spent)).all()}
    people = select(employee.c.id, employee.c.name, employee.c.phone).where(employee.c.company_id == company_id)
    known = {row.id: PersonView(row.id, row.name, row.phone) for row in (await connection.execute(people)).all()}
    found: list[UserView] = []
    for lot in lots:
        former = [one for package_id, one in used if package_id == lot.id and one not in lot.users]
        for one in (*lot.users, *former):
            minutes = used.get((lot.id, one), 0)
            found.append(UserView(known[one], lot.id, minutes, lot.minutes_left, lot.expires_at))
    return found
