"""Where a company's calls may go, and how many: its own settings, and what the operator has opened."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import phonenumbers
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.agents import OUTSIDE_CHANNELS
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Direction, Role
from callcenter.store.base import utcnow
from callcenter.store.dials import dials_since
from callcenter.store.tables.calls import call, leg
from callcenter.store.tables.people import company
from callcenter.web.kit import Body, Context, Routes, whole
from callcenter.web.services import Services

routes = Routes("company")

CountryCode = Annotated[str, whole("[A-Z]{2}")]
Limit = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]
"""0: no limit."""


class DestinationSettings(Body, kw_only=True):
    """`countries` besides the home country, ISO 3166 codes. Limits are dials of one day in the company's time zone."""

    countries: Annotated[list[CountryCode], msgspec.Meta(max_length=250)]
    calls_per_day: Limit = 0
    calls_per_number: Limit = 0
    forwarded_at_once: Annotated[int, msgspec.Meta(ge=0, le=100)] = 5
    """Calls that employees' own phones take at once when a line overflows."""


class CountryView(msgspec.Struct):
    code: str
    calling_code: int


class DestinationView(msgspec.Struct):
    """`premium` and `satellite` are opened by the operator. Today's figures are those of the company's own day."""

    home: str
    countries: list[str]
    premium: bool
    satellite: bool
    calls_per_day: int
    calls_per_number: int
    forwarded_at_once: int
    dialled_today: int
    forwarded_today: int
    known: list[CountryView]


@routes.add(
    "GET",
    "/api/settings/destinations",
    permission="settings.edit",
    data="company",
    summary="Where my company's calls may go, its limits, and what was used of them today",
    answers=DestinationView,
)
async def destinations(services: Services, context: Context) -> DestinationView:
    home = services.settings.default_region
    async with services.database.read() as connection:
        row = (await connection.execute(select(company).where(company.c.id == context.company_id))).one()
        dialled, forwarded = await _today(connection, context.company_id, row.time_zone)
    return DestinationView(
        home=home,
        countries=sorted(row.countries),
        premium=bool(row.premium_open),
        satellite=bool(row.satellite_open),
        calls_per_day=row.calls_per_day,
        calls_per_number=row.calls_per_number,
        forwarded_at_once=row.forwarded_at_once,
        dialled_today=dialled,
        forwarded_today=forwarded,
        known=[
            CountryView(code, phonenumbers.country_code_for_region(code))
            for code in sorted(phonenumbers.SUPPORTED_REGIONS - {home})
        ],
    )


@routes.add(
    "PUT",
    "/api/settings/destinations",
    permission="settings.edit",
    data="company",
    summary="Open or close countries and set limits; they hold from the next call on",
    body=DestinationSettings,
    answers=DestinationView,
    errors=("country_unknown",),
)
async def change_destinations(services: Services, context: Context) -> DestinationView:
    given: DestinationSettings = context.body
    unknown = set(given.countries) - phonenumbers.SUPPORTED_REGIONS
    if unknown:
        raise Refusal("country_unknown", countries=sorted(unknown))
    values = msgspec.structs.asdict(given) | {"countries": sorted(set(given.countries))}
    async with services.database.write() as connection:
        before = (await connection.execute(select(company).where(company.c.id == context.company_id))).one()
        changes = {key: [getattr(before, key), value] for key, value in values.items() if getattr(before, key) != value}
        await connection.execute(update(company).where(company.c.id == context.company_id).values(**values))
        if changes:
            await services.audit.write(
                connection,
                context.company_id,
                context.me.employee_id,
                "destinations.changed",
                "",
                context.ip,
                changes=changes,
            )
    await services.telephony.changed()
    return await destinations(services, context)


async def _today(connection: AsyncConnection, company_id: int, time_zone: str) -> tuple[int, int]:
    """Dials of today, and calls that overflowed to an employee's own phone."""
    zone = ZoneInfo(time_zone)
    midnight = datetime.combine(utcnow().astimezone(zone).date(), time(), zone).astimezone(UTC)
    mine = (call.c.company_id == company_id, call.c.started_at >= midnight)
    dialled = await dials_since(connection, company_id, midnight)
    forwarded: Any = (
        select(func.count(call.c.id.distinct()))
        .select_from(call.join(leg, leg.c.call_id == call.c.id))
        .where(
            *mine,
            leg.c.company_id == company_id,
            call.c.direction == Direction.INBOUND.value,
            leg.c.role == Role.AGENT.value,
            leg.c.channel.startswith(OUTSIDE_CHANNELS),
        )
    )
    return dialled.total(), int((await connection.execute(forwarded)).scalar_one())
