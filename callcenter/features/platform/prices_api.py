"""The operator's price list of everything but packages, and what AI calls cost. Money in fen."""

from __future__ import annotations

from typing import Annotated

import msgspec
from sqlalchemy import select

from callcenter.domain.refusals import Refusal
from callcenter.features.money import ai_wallet, prices
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company
from callcenter.web.kit import Body, Context, Id, Routes
from callcenter.web.services import Services

routes = Routes("platform")

Fen = Annotated[int, msgspec.Meta(ge=0, le=10**11)]
Count = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]


class FirstStandard(msgspec.Struct, forbid_unknown_fields=True):
    accounts: Count
    price_year: Fen


class SearchTier(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Yearly price of one account when so many are added at once; `to` null: any number."""

    first: Count = msgspec.field(name="from")
    last: Count | None = msgspec.field(name="to")
    price_year: Fen


class PointPack(msgspec.Struct, forbid_unknown_fields=True):
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    price: Fen
    points: Count
    gift: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] = 0


class Prices(Body, kw_only=True):
    """What is sold beside packages; fen."""

    employee_seat: Fen
    ai_seat_year: Fen
    number_month: Fen
    search_first: Annotated[list[FirstStandard], msgspec.Meta(max_length=50)]
    search_tiers: Annotated[list[SearchTier], msgspec.Meta(max_length=50)]
    point_packs: Annotated[list[PointPack], msgspec.Meta(max_length=50)]


class AiCharge(Body, kw_only=True):
    company_id: Id
    reference: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """What the AI service calls the call; the same one is charged once."""
    seconds: Annotated[int, msgspec.Meta(ge=0, le=86_400)]
    unit_price: Fen
    """Of a started minute."""


class AiCharged(msgspec.Struct):
    """0 for a call that nobody answered."""

    amount: int


@routes.add(
    "GET",
    "/api/platform/prices",
    permission="platform.manage",
    data="platform",
    summary="The price list of everything but packages",
    answers=Prices,
)
async def price_list(services: Services, context: Context) -> Prices:
    async with services.database.read() as connection:
        return msgspec.convert(await prices.current(connection), Prices)


@routes.add(
    "GET",
    "/api/prices",
    permission="wallet.view",
    data="none",
    summary="What everything but packages costs",
    answers=Prices,
)
async def my_price_list(services: Services, context: Context) -> Prices:
    async with services.database.read() as connection:
        return msgspec.convert(await prices.current(connection), Prices)


@routes.add(
    "PUT",
    "/api/platform/prices",
    permission="platform.manage",
    data="platform",
    summary="Put a new price list into force; what was bought keeps its price",
    body=Prices,
    answers=Prices,
    errors=("invalid",),
)
async def set_prices(services: Services, context: Context) -> Prices:
    given: Prices = context.body
    _check(given)
    async with services.database.write() as connection:
        await prices.change(connection, msgspec.to_builtins(given))
        me = context.me
        await services.audit.write(connection, me.company_id, me.employee_id, "prices.changed", ip=context.ip)
    return given


@routes.add(
    "POST",
    "/api/platform/ai-charges",
    permission="platform.manage",
    data="platform",
    summary="Charge one AI call to a company's AI wallet, once; its company needs a valid AI seat",
    body=AiCharge,
    answers=AiCharged,
    status=201,
    errors=("not_found", "no_ai_seat", "balance_too_low", "key_reused"),
)
async def charge_ai_call(services: Services, context: Context) -> AiCharged:
    given: AiCharge = context.body
    async with services.database.write() as connection:
        known = select(company.c.id).where(company.c.id == given.company_id)
        if (await connection.execute(known)).first() is None:
            raise Refusal("not_found")
        row = await ai_wallet.charge_call(
            connection,
            given.company_id,
            call_id=given.reference,
            seconds=given.seconds,
            unit_price=given.unit_price,
            now=utcnow(),
        )
    return AiCharged(row.amount if row is not None else 0)


def _check(given: Prices) -> None:
    """Tiers follow each other without a gap and only the last is open; codes and standards are there once."""
    wanted = 1
    for index, tier in enumerate(given.search_tiers):
        last = index == len(given.search_tiers) - 1
        if tier.first != wanted or (tier.last is None) != last or (tier.last is not None and tier.last < tier.first):
            raise Refusal("invalid", reason=f"the tiers must follow each other - at `$.search_tiers[{index}]`")
        wanted = (tier.last or 0) + 1
    for name, values in (
        ("search_first", [one.accounts for one in given.search_first]),
        ("point_packs", [one.code for one in given.point_packs]),
    ):
        if len(set(values)) != len(values):
            raise Refusal("invalid", reason=f"something is there twice - at `$.{name}`")
