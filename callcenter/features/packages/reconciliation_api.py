"""Asterisk's own records beside what was charged, day by day (P-54)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select

from callcenter.domain.numbers import display
from callcenter.domain.reconciling import Compared
from callcenter.domain.refusals import Refusal
from callcenter.ledger.reconcile import Reconciliation
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import company
from callcenter.web.kit import Context, Query, Routes
from callcenter.web.services import Services

routes = Routes("reconciliation")
LONGEST_DAYS = 31
USUAL_DAYS = 7


class DayView(msgspec.Struct):
    day: date
    legs: int
    recorded_minutes: int
    charged_minutes: int
    drift: int
    """Charged less recorded: zero but for legs that Asterisk itself lost."""
    flagged: int


class Days(msgspec.Struct):
    items: list[DayView]


class LegCompared(msgspec.Struct):
    call_id: str
    leg_id: str
    at: datetime | None
    number: str
    recorded_minutes: int
    charged_minutes: int
    why: str


class Legs(msgspec.Struct):
    items: list[LegCompared]


class Stretch(Query):
    """Days in the company's time zone, both included; without them the last seven."""

    date_from: date | None = msgspec.field(default=None, name="from")
    date_to: date | None = msgspec.field(default=None, name="to")


class Which(Query, kw_only=True):
    day: date
    flagged: bool = True
    """Only legs on which the two do not agree."""


@routes.add(
    "GET",
    "/api/reconciliation",
    permission="wallet.view",
    data="company",
    summary="Minutes by Asterisk's own records and minutes charged, day by day",
    query=Stretch,
    answers=Days,
    errors=("period_too_long",),
)
async def days(services: Services, context: Context) -> Days:
    query: Stretch = context.query
    zone = await _zone(services, context.company_id)
    today = utcnow().astimezone(ZoneInfo(zone)).date()
    last = min(query.date_to or today, today)
    first = query.date_from or last - timedelta(days=USUAL_DAYS - 1)
    if (last - first).days >= LONGEST_DAYS:
        raise Refusal("period_too_long")
    found = await services.port(Reconciliation).days(context.company_id, zone, first, last)
    return Days(
        [DayView(one.day, one.legs, one.recorded_minutes, one.charged_minutes, one.drift, one.flagged) for one in found]
    )


@routes.add(
    "GET",
    "/api/reconciliation/legs",
    permission="wallet.view",
    data="company",
    summary="The legs of one day on which records and charges do not agree",
    query=Which,
    answers=Legs,
)
async def legs(services: Services, context: Context) -> Legs:
    query: Which = context.query
    company_id = context.company_id
    found = await services.port(Reconciliation).legs(company_id, await _zone(services, company_id), query.day)
    shown = [one for one in found if one.why or not query.flagged]
    numbers = await _numbers(services, company_id, shown)
    return Legs(
        [
            LegCompared(
                one.call_id,
                one.leg_id,
                one.at,
                numbers.get(one.call_id, ""),
                one.recorded_minutes,
                one.charged_minutes,
                one.why,
            )
            for one in shown
        ]
    )


async def _zone(services: Services, company_id: int) -> str:
    async with services.database.glance() as connection:
        zone = (await connection.execute(select(company.c.time_zone).where(company.c.id == company_id))).scalar_one()
    return str(zone)


async def _numbers(services: Services, company_id: int, legs: list[Compared]) -> dict[str, str]:
    ids = sorted({one.call_id for one in legs})
    query = select(call.c.id, call.c.number).where(call.c.company_id == company_id, call.c.id.in_(ids))
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return {row.id: display(row.number, services.settings.default_region) for row in rows}
