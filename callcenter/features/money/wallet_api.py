"""The company's wallet: what it has, and every movement of money (SPEC §C8, §C11, §C12). Money in fen."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import select

from callcenter.features.money import licences, wallet
from callcenter.ledger.book import Entry, Kind
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company
from callcenter.store.zones import zone_of
from callcenter.web import sheets
from callcenter.web.kit import Context, Listing, Routes, ShortText
from callcenter.web.lists import Named, Period, clock, page_of, people
from callcenter.web.services import Services

routes = Routes("wallet")

KINDS: dict[str, str] = {
    Entry.RECHARGE: "充值",
    Entry.PURCHASE: "购买语音包",
    Entry.SEATS: "购买坐席",
    Entry.AI_SEATS: "购买 AI 坐席",
    Entry.FREEZE: "冻结",
    Entry.THAW: "解冻",
    Entry.DISPATCH: "号码下发扣款",
    Entry.NUMBER_FEE: "直拨号月费",
    Entry.POINTS: "购买点数",
    Entry.AI_IN: "转入 AI 钱包",
    Entry.AI_OUT: "AI 钱包转回",
    Entry.AI_CALL: "AI 通话",
}
ACCOUNTS: dict[str, str] = {Kind.WALLET: "余额", Kind.FROZEN: "冻结", Kind.AI_WALLET: "AI 钱包"}
"""How a spreadsheet names them."""


class Licences(msgspec.Struct):
    """`total` null: no limit."""

    total: int | None
    used: int


class AiSeats(msgspec.Struct):
    """`used`: by AI tasks, of which there are none yet."""

    valid: int
    used: int


class WalletView(msgspec.Struct):
    balance: int
    frozen: int
    ai_balance: int
    points: int
    blocked: bool
    """Below zero: nobody of the company can dial."""
    licences: Licences
    ai_seats: AiSeats
    valid_until: datetime | None


class Reference(msgspec.Struct):
    type: str
    id: int
    number: str


class WalletEntry(msgspec.Struct):
    id: int
    at: datetime
    kind: str
    amount: int
    """What the movement did to its account; negative when money left it."""
    balance_after: int
    account: Literal["wallet", "frozen", "ai_wallet"]
    note: str
    reference: Reference | None
    actor: Named | None


class EntryQuery(Period, kw_only=True):
    kind: ShortText = ""
    account: Literal["", "wallet", "frozen", "ai_wallet"] = ""


@routes.add(
    "GET",
    "/api/wallet",
    permission="wallet.view",
    data="company",
    summary="What the company has: money, points, licences",
    answers=WalletView,
)
async def standing(services: Services, context: Context) -> WalletView:
    company_id = context.company_id
    async with services.database.read() as connection:
        has = await wallet.standing(connection, company_id)
        row = (await connection.execute(select(company).where(company.c.id == company_id))).one()
        used = await licences.used(connection, company_id)
        ai_seats = await licences.valid_ai_seats(connection, company_id, utcnow())
    return WalletView(
        has.balance,
        has.frozen,
        has.ai_balance,
        has.points,
        has.blocked,
        Licences(row.licences, used),
        AiSeats(ai_seats, 0),
        row.valid_until,
    )


@routes.add(
    "GET",
    "/api/wallet/entries",
    permission="wallet.view",
    data="company",
    summary="Every movement of the company's money, the newest first",
    query=EntryQuery,
    answers=Listing[WalletEntry],
)
async def entries(services: Services, context: Context) -> Listing[WalletEntry]:
    wanted: EntryQuery = context.query
    async with services.database.read() as connection:
        query = _matching(context, wanted)
        rows, total = await page_of(connection, query, wanted, *_newest(query))
        views = await _views(connection, context.company_id, rows)
    return Listing(views, total, wanted.page, wanted.page_size)


@routes.add(
    "GET",
    "/api/wallet/entries/export",
    permission="wallet.view",
    data="company",
    summary="The filtered movements as a spreadsheet",
    query=EntryQuery,
    raw=True,
    errors=("exports_busy",),
)
async def export(services: Services, context: Context) -> web.StreamResponse:
    columns = ("时间", "类型", "账户", "金额", "余额", "单据号", "操作人", "备注")
    return await sheets.answer(services, context, "wallet", columns, _lines(services, context))


async def _lines(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    query = _matching(context, context.query)
    async with services.database.read() as connection:
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query.order_by(*_newest(query))):
            yield [
                (
                    clock(one.at, zone),
                    KINDS.get(one.kind, one.kind),
                    ACCOUNTS.get(one.account, one.account),
                    sheets.yuan(one.amount),
                    sheets.yuan(one.balance_after),
                    one.reference.number if one.reference else "",
                    one.actor.name if one.actor else "",
                    one.note,
                )
                for one in await _views(connection, context.company_id, rows)
            ]


def _matching(context: Context, wanted: EntryQuery) -> Any:
    query = wallet.entries(context.company_id)
    columns = query.selected_columns
    query = query.where(*wanted.on(columns.at))
    if wanted.kind:
        query = query.where(columns.kind == wanted.kind)
    if wanted.account:
        query = query.where(columns.account == wanted.account)
    return query


def _newest(query: Any) -> tuple[Any, ...]:
    return (query.selected_columns.id.desc(),)


async def _views(connection: Any, company_id: int, rows: Any) -> list[WalletEntry]:
    names = await people(connection, company_id)
    found = await wallet.references(connection, company_id, [row.txn for row in rows])
    return [
        WalletEntry(
            row.id,
            row.at,
            row.kind,
            row.amount,
            int(row.balance_after),
            row.account,
            row.note,
            Reference(found[row.txn].type, found[row.txn].id, found[row.txn].number) if row.txn in found else None,
            names.get(row.actor_id),
        )
        for row in rows
    ]
