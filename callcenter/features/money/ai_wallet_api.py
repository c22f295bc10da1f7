"""The AI wallet: transfers between it and the wallet, and what AI calls cost (SPEC §C12). Money in fen."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import func, select

from callcenter.features.money import ai_wallet, wallet
from callcenter.features.money.tables import ai_entry
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.store.base import utcnow
from callcenter.web.kit import Body, Context, Routes
from callcenter.web.lists import Named, Period, page_of, people
from callcenter.web.services import Services

routes = Routes("ai wallet")


class AiEntryView(msgspec.Struct):
    """One transfer or charged call; `amount` is what it did to the AI wallet, `unit_price` of a started minute."""

    id: int
    number: str
    kind: Literal["in", "out", "call"]
    amount: int
    unit_price: int | None
    duration_seconds: int | None
    call_id: str | None
    at: datetime
    actor: Named | None


class AiEntries(msgspec.Struct):
    """`total_charged`: fen of the charged calls that match."""

    items: list[AiEntryView]
    total: int
    page: int
    page_size: int
    total_charged: int


class AiQuery(Period, kw_only=True):
    kind: Literal["in", "out", "call"] | None = None


class Transfer(Body, kw_only=True):
    """`in`: from the wallet to the AI wallet; `out`: back."""

    direction: Literal["in", "out"]
    amount: Annotated[int, msgspec.Meta(ge=1, le=10**11)]


class Balances(msgspec.Struct):
    balance: int
    ai_balance: int


@routes.add(
    "POST",
    "/api/ai-wallet/transfer",
    permission="wallet.spend",
    data="company",
    summary="Move money into the AI wallet or back. Needs an Idempotency-Key header",
    body=Transfer,
    answers=Balances,
    errors=("key_missing", "key_reused", "balance_too_low"),
)
async def transfer(services: Services, context: Context) -> Balances:
    given: Transfer = context.body
    me, key = context.me, context.idempotency_key
    async with services.database.write() as connection:
        fresh = await wallet.keyed(connection, ai_entry, me.company_id, key) is None
        row = await ai_wallet.transfer(
            connection, me.company_id, given.direction, given.amount, key=key, by=me.employee_id, now=utcnow()
        )
        if fresh:
            await services.audit.write(
                connection,
                me.company_id,
                me.employee_id,
                "ai_wallet.moved",
                row.number,
                context.ip,
                direction=given.direction,
                amount=given.amount,
            )
        balance = await book.balance(connection, me.company_id, book.money(Kind.WALLET))
        ai_balance = await book.balance(connection, me.company_id, book.money(Kind.AI_WALLET))
    return Balances(balance, ai_balance)


@routes.add(
    "GET",
    "/api/ai-wallet/entries",
    permission="wallet.view",
    data="company",
    summary="Transfers and charged AI calls, the newest first",
    query=AiQuery,
    answers=AiEntries,
)
async def entries(services: Services, context: Context) -> AiEntries:
    wanted: AiQuery = context.query
    query = select(ai_entry).where(ai_entry.c.company_id == context.company_id, *wanted.on(ai_entry.c.created_at))
    if wanted.kind is not None:
        query = query.where(ai_entry.c.kind == wanted.kind)
    calls = query.where(ai_entry.c.kind == "call").subquery()
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, ai_entry.c.id.desc())
        charged = (await connection.execute(select(func.sum(calls.c.amount)))).scalar()
        names = await people(connection, context.company_id)
    items = [_view(row, names) for row in rows]
    return AiEntries(items, total, wanted.page, wanted.page_size, int(charged or 0))


def _view(row: Any, names: dict[int, Named]) -> AiEntryView:
    return AiEntryView(
        row.id,
        row.number,
        row.kind,
        row.amount if row.kind == "in" else -row.amount,
        row.unit_price,
        row.seconds,
        row.call_id,
        row.created_at,
        names.get(row.actor_id),
    )
