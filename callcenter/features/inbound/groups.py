"""The rules of a group as they are sent and checked: strategy, waiting, overflow (P-11, P-12, P-13, P-17)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import BadNumber, normalise
from callcenter.domain.queues import closes_a_loop
from callcenter.domain.refusals import Refusal
from callcenter.features.numbers.destinations import require_open
from callcenter.store.tables.inbound import agent_group
from callcenter.store.tables.numbers import seat
from callcenter.store.tables.people import employee
from callcenter.web.kit import Body, Id
from callcenter.web.services import Services
from callcenter.web.typed_numbers import e164_of

Level = Annotated[int, msgspec.Meta(ge=1, le=5)]
Strategy = Literal["ring_all", "longest_idle", "round_robin", "fewest_calls"]
Levels = Annotated[dict[str, Level], msgspec.Meta(max_length=1000)]
"""Employee id as text -> level; 1 is rung first."""


class Waiting(Body, kw_only=True):
    """How a group's calls wait; seconds. A field that is not sent stays as it is."""

    strategy: Strategy | msgspec.UnsetType = msgspec.UNSET
    ring_seconds: Annotated[int, msgspec.Meta(ge=3, le=120)] | msgspec.UnsetType = msgspec.UNSET
    max_wait_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] | msgspec.UnsetType = msgspec.UNSET
    max_length: Annotated[int, msgspec.Meta(ge=0, le=500)] | msgspec.UnsetType = msgspec.UNSET
    greeting: Literal["ringback", "music"] | msgspec.UnsetType = msgspec.UNSET
    announce_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] | msgspec.UnsetType = msgspec.UNSET
    weight: Annotated[int, msgspec.Meta(ge=0, le=100)] | msgspec.UnsetType = msgspec.UNSET
    widen_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] | msgspec.UnsetType = msgspec.UNSET
    sticky: Literal["none", "owner", "last_agent"] | msgspec.UnsetType = msgspec.UNSET
    sticky_seconds: Annotated[int, msgspec.Meta(ge=3, le=60)] | msgspec.UnsetType = msgspec.UNSET
    overflow: Literal["hang_up", "voicemail", "group", "number"] | msgspec.UnsetType = msgspec.UNSET
    overflow_group_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    overflow_number: Annotated[str, msgspec.Meta(max_length=40)] | msgspec.UnsetType = msgspec.UNSET
    callback_offered: bool | msgspec.UnsetType = msgspec.UNSET
    levels: Levels | msgspec.UnsetType = msgspec.UNSET


COLUMNS = tuple(field for field in Waiting.__struct_fields__ if field != "levels")
RULES = (
    "name_taken",
    "employee_unknown",
    "group_unknown",
    "number_invalid",
    "destination_closed",
    "emergency_by_hand",
    "own_number_by_hand",
    "greeting_must_be_music",
    "overflow_loop",
    "overflow_number_unknown",
)


async def checked(
    services: Services,
    connection: AsyncConnection,
    company_id: int,
    group_id: int,
    given: Waiting,
    before: Mapping[str, Any],
) -> dict[str, Any]:
    """The columns that were sent, if they make sense together with those that stay."""
    values = {name: getattr(given, name) for name in COLUMNS if getattr(given, name) is not msgspec.UNSET}
    after = {**before, **values}
    spoken = after.get("callback_offered") or after.get("announce_seconds")
    if spoken and after.get("greeting") != "music":
        # An unanswered caller hears no announcement for certain, and keys are not passed on before the answer.
        raise Refusal("greeting_must_be_music")
    if values.get("overflow_group_id") is not None:
        await group_row(connection, company_id, values["overflow_group_id"], "group_unknown")
    if after.get("overflow") == "group":
        target = after.get("overflow_group_id")
        if target is None:
            raise Refusal("group_unknown")
        if closes_a_loop(await _overflows(connection, company_id), group_id, target):
            raise Refusal("overflow_loop")
    if "overflow_number" in values or after.get("overflow") == "number":
        values["overflow_number"] = await _own_phone(services, connection, company_id, after)
    return values


async def _overflows(connection: AsyncConnection, company_id: int) -> dict[int, int]:
    query = select(agent_group.c.id, agent_group.c.overflow_group_id).where(
        agent_group.c.company_id == company_id,
        agent_group.c.overflow == "group",
        agent_group.c.overflow_group_id.is_not(None),
    )
    return {row.id: row.overflow_group_id for row in (await connection.execute(query)).all()}


async def _own_phone(services: Services, connection: AsyncConnection, company_id: int, after: Mapping[str, Any]) -> str:
    """The number in E.164: only an employee's own phone, so that nobody's minutes are needed (docs/decisions)."""
    typed = str(after.get("overflow_number") or "").strip()
    if not typed and after.get("overflow") != "number":
        return ""
    region = services.settings.default_region
    wanted = e164_of(typed, region)
    await require_open(connection, company_id, wanted, region)
    phones = (
        select(employee.c.phone, seat.c.bound_phone)
        .outerjoin(seat, seat.c.employee_id == employee.c.id)
        .where(
            employee.c.company_id == company_id,
            employee.c.account_state == "active",
            or_(employee.c.phone != "", seat.c.bound_phone != ""),
        )
    )
    for row in (await connection.execute(phones)).all():
        for text in filter(None, (row.phone, row.bound_phone)):
            try:
                if normalise(text, region) == wanted:
                    return wanted
            except BadNumber:
                continue
    raise Refusal("overflow_number_unknown", number=typed)


def levels_of(given: Waiting, known: Mapping[int, int]) -> dict[int, int]:
    if given.levels is msgspec.UNSET:
        return dict(known)
    if not all(key.isdecimal() and len(key) < 11 for key in given.levels):
        raise Refusal("employee_unknown")
    return {int(key): level for key, level in given.levels.items()}


async def group_row(connection: AsyncConnection, company_id: int, group_id: int, code: str) -> Mapping[str, Any]:
    """The row of a group of the company; raises `code` when there is none."""
    query = select(agent_group).where(agent_group.c.company_id == company_id, agent_group.c.id == group_id)
    row = (await connection.execute(query)).mappings().first()
    if row is None:
        raise Refusal(code)
    return dict(row)
