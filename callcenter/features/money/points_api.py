"""Points for social leads: the packs on sale and the company's orders (SPEC §C10.6, §C10.7). Money in fen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Any

import msgspec
from aiohttp import web
from sqlalchemy import Select, func, select

from callcenter.features.money import points, prices, wallet
from callcenter.features.money.tables import points_order
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.store.base import utcnow
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.kit import Body, Context, Listing, Routes
from callcenter.web.lists import Named, Period, clock, page_of, people
from callcenter.web.services import Services

routes = Routes("points")


class Pack(msgspec.Struct):
    """`points` for `price`; the gift is not added to the current points."""

    code: str
    name: str
    price: int
    points: int
    gift: int


class PointsOrder(msgspec.Struct):
    """`before` and `after` in points."""

    number: str
    created_at: datetime
    name: str
    unit_price: int
    quantity: int
    paid: int
    state: str
    before: int
    after: int
    buyer: Named | None


class PointsView(msgspec.Struct):
    points: int
    packs: list[Pack]
    orders: Listing[PointsOrder]
    total_paid: int
    """Fen of all orders that match, whatever the page."""


class NewPoints(Body, kw_only=True):
    pack: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    quantity: Annotated[int, msgspec.Meta(ge=1, le=10_000)]
    expected_paid: Annotated[int, msgspec.Meta(ge=0)]


@routes.add(
    "GET",
    "/api/points",
    permission="wallet.view",
    data="company",
    summary="Current points, the packs on sale, and the orders",
    query=Period,
    answers=PointsView,
)
async def overview(services: Services, context: Context) -> PointsView:
    wanted: Period = context.query
    query = _matching(context)
    matching = query.subquery()
    async with services.database.read() as connection:
        balance = await book.balance(connection, context.company_id, book.points(Kind.POINTS))
        listed = await prices.current(connection)
        rows, total = await page_of(connection, query, wanted, points_order.c.id.desc())
        paid = (await connection.execute(select(func.sum(matching.c.paid)))).scalar()
        names = await people(connection, context.company_id)
    orders = Listing([_view(row, names) for row in rows], total, wanted.page, wanted.page_size)
    return PointsView(balance, msgspec.convert(listed["point_packs"], list[Pack]), orders, int(paid or 0))


@routes.add(
    "GET",
    "/api/points/export",
    permission="wallet.view",
    data="company",
    summary="The filtered orders of points as a spreadsheet: what there was before each, and after",
    query=Period,
    raw=True,
    errors=("exports_busy",),
)
async def export(services: Services, context: Context) -> web.StreamResponse:
    columns = ("订单编号", "时间", "名称", "单价", "数量", "实付", "购买前点数", "购买后点数", "购买人")
    return await sheets.answer(services, context, "points", columns, _lines(services, context))


async def _lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    query = _matching(context).order_by(points_order.c.id.desc())
    async with services.database.read() as connection:
        names = await people(connection, context.company_id)
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query):
            yield [
                (
                    row.number,
                    clock(row.created_at, zone),
                    row.name,
                    sheets.yuan(row.unit_price),
                    row.quantity,
                    sheets.yuan(row.paid),
                    row.before,
                    row.after,
                    names[row.buyer_id].name if row.buyer_id in names else "",
                )
                for row in rows
            ]


@routes.add(
    "POST",
    "/api/points/orders",
    permission="wallet.spend",
    data="company",
    summary="Buy packs of points. Needs an Idempotency-Key header",
    body=NewPoints,
    answers=PointsOrder,
    status=201,
    errors=("key_missing", "key_reused", "pack_unknown", "company_unverified", "price_changed", "balance_too_low"),
)
async def buy(services: Services, context: Context) -> PointsOrder:
    given: NewPoints = context.body
    me, key = context.me, context.idempotency_key
    async with services.database.write() as connection:
        fresh = await wallet.keyed(connection, points_order, me.company_id, key) is None
        row = await points.buy(
            connection,
            me.company_id,
            given.pack,
            given.quantity,
            expected=given.expected_paid,
            key=key,
            by=me.employee_id,
            now=utcnow(),
        )
        if fresh:
            await services.audit.write(
                connection, me.company_id, me.employee_id, "points.bought", row.number, context.ip, paid=row.paid
            )
        names = await people(connection, me.company_id)
    return _view(row, names)


def _matching(context: Context) -> Select[Any]:
    wanted: Period = context.query
    return select(points_order).where(
        points_order.c.company_id == context.company_id, *wanted.on(points_order.c.created_at)
    )


def _view(row: Any, names: dict[int, Named]) -> PointsOrder:
    return PointsOrder(
        row.number,
        row.created_at,
        row.name,
        row.unit_price,
        row.quantity,
        row.paid,
        row.state,
        row.before,
        row.after,
        names.get(row.buyer_id),
    )
