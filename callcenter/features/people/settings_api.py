"""Company settings, the simulated phone network's numbers, health."""

from __future__ import annotations

from datetime import time
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import select, update

from callcenter.domain.gates import window_allowed
from callcenter.domain.numbers import dialable
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AccessEnd, CallerIdPolicy
from callcenter.domain.time_zones import is_time_zone
from callcenter.features.numbers.number_claims_api import require_own
from callcenter.store.tables.inbound import inbound_number
from callcenter.store.tables.people import company
from callcenter.web.kit import PUBLIC, SIGNED_IN, Body, Context, Name, Routes, whole
from callcenter.web.services import Services
from callcenter.web.typed_numbers import e164_of

routes = Routes("company")

Clock = Annotated[str, whole("([01][0-9]|2[0-3]):[0-5][0-9]")]


class Window(msgspec.Struct, forbid_unknown_fields=True):
    start: Clock
    end: Clock


class CompanySettings(Body, kw_only=True):
    """`dial_window` must lie inside 08:30-21:30 (SPEC §B4.1); times are the company's own zone."""

    name: Name
    time_zone: Annotated[str, msgspec.Meta(max_length=64)]
    dial_window: Window
    wrap_up_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)]
    valid_call_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)]
    recording: bool
    caller_id_policy: CallerIdPolicy = CallerIdPolicy.BOUND
    access_number: Annotated[str, msgspec.Meta(max_length=32)] = ""
    """The number of ours that agents call in call-through mode; empty: the mode is off."""
    call_through_seconds: Annotated[int, msgspec.Meta(ge=10, le=600)] = 60
    """How long an armed target waits for the agent's call."""
    supervision_shown: bool = False
    """Whether an agent sees that a supervisor listens."""
    access_end: AccessEnd = AccessEnd.AFTER_CALL
    """What becomes of the running call of an employee who is disabled, leaves or may not dial any more."""
    unanswered_limit: Annotated[int, msgspec.Meta(ge=0, le=20)] = 3
    """After so many unanswered calls in a row an agent is set to not ready; 0: never."""


@routes.add(
    "GET",
    "/api/settings/company",
    permission=SIGNED_IN,
    data="company",
    summary="Settings of my company",
    answers=CompanySettings,
)
async def settings(services: Services, context: Context) -> CompanySettings:
    async with services.database.read() as connection:
        row = (await connection.execute(select(company).where(company.c.id == context.company_id))).one()
    return CompanySettings(
        name=row.name,
        time_zone=row.time_zone,
        dial_window=Window(row.dial_start, row.dial_end),
        wrap_up_seconds=row.wrap_up_seconds,
        valid_call_seconds=row.valid_call_seconds,
        recording=bool(row.recording),
        caller_id_policy=CallerIdPolicy(row.caller_id_policy),
        access_number=row.access_number,
        call_through_seconds=row.call_through_seconds,
        supervision_shown=bool(row.supervision_shown),
        access_end=AccessEnd(row.access_end),
        unanswered_limit=row.unanswered_limit,
    )


@routes.add(
    "PUT",
    "/api/settings/company",
    permission="settings.edit",
    data="company",
    summary="Change the settings of my company; they hold from the next call on",
    body=CompanySettings,
    answers=CompanySettings,
    errors=(
        "dial_window_invalid",
        "number_invalid",
        "number_unconfirmed",
        "number_taken",
        "access_number_taken",
        "invalid",
    ),
)
async def change_settings(services: Services, context: Context) -> CompanySettings:
    given: CompanySettings = context.body
    window = given.dial_window
    if not window_allowed(time.fromisoformat(window.start), time.fromisoformat(window.end)):
        raise Refusal("dial_window_invalid")
    if not is_time_zone(given.time_zone):
        raise Refusal("invalid", reason="unknown time zone - at `$.time_zone`")
    access = _dialable(services, given.access_number)
    await _require_free_access(services, context.company_id, access)
    if access:
        await require_own(services, context, [e164_of(access, services.settings.default_region)])
    before = await settings(services, context)
    async with services.database.write() as connection:
        await connection.execute(
            update(company)
            .where(company.c.id == context.company_id)
            .values(
                name=given.name,
                time_zone=ZoneInfo(given.time_zone).key,
                dial_start=window.start,
                dial_end=window.end,
                wrap_up_seconds=given.wrap_up_seconds,
                valid_call_seconds=given.valid_call_seconds,
                recording=given.recording,
                caller_id_policy=given.caller_id_policy.value,
                access_number=access,
                call_through_seconds=given.call_through_seconds,
                supervision_shown=given.supervision_shown,
                access_end=given.access_end.value,
                unanswered_limit=given.unanswered_limit,
            )
        )
    after = await settings(services, context)
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    changes = {key: [old[key], new[key]] for key in new if old[key] != new[key]}
    await services.audit.add(
        context.company_id, context.me.employee_id, "settings.changed", ip=context.ip, changes=changes
    )
    await services.telephony.changed()
    return after


async def _require_free_access(services: Services, company_id: int, access: str) -> None:
    """The access number leads to no group, of any company, and is no other company's access number."""
    if not access:
        return
    led = select(inbound_number.c.id).where(
        inbound_number.c.number == e164_of(access, services.settings.default_region)
    )
    other = select(company.c.id).where(company.c.access_number == access, company.c.id != company_id)
    async with services.database.read() as connection:
        for query in (led.execution_options(all_companies=True), other):
            if (await connection.execute(query)).first() is not None:
                raise Refusal("access_number_taken", number=access)


def _dialable(services: Services, typed: str) -> str:
    """A number as the trunk writes it; empty stays empty."""
    region = services.settings.default_region
    return dialable(e164_of(typed, region), region) if typed else ""


@routes.add(
    "GET", "/healthz", permission=PUBLIC, data="none", summary="Is the process serving?", answers=dict[str, str]
)
async def health(services: Services, context: Context) -> dict[str, str]:
    return {"status": "ok"}
