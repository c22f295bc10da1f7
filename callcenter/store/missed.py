"""Missed calls: callers whom nobody took, once per caller and group, until somebody reaches or calls them (P-18)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.terms import Direction, EndReason
from callcenter.store.tables.calls import call
from callcenter.store.tables.inbound import voicemail

KEPT = timedelta(days=30)
"""Who has not been called back for so long is not waiting any more."""


def missed_calls(company_id: int, now: datetime) -> Select[Any]:
    """The latest unanswered call of each caller to each group, within `KEPT`; add conditions and columns to it."""
    again = call.alias("again")
    return select(call).where(
        call.c.company_id == company_id,
        call.c.direction == Direction.INBOUND.value,
        call.c.started_at >= now - KEPT,
        call.c.ended_at.is_not(None),
        call.c.answered_at.is_(None),
        call.c.group_id.is_not(None),
        call.c.number != "",
        # Who asked to be called back is on another list.
        or_(call.c.end_reason.is_(None), call.c.end_reason != EndReason.CALLBACK_ASKED.value),
        ~exists().where(
            again.c.company_id == company_id,
            again.c.number == call.c.number,
            again.c.group_id == call.c.group_id,
            again.c.started_at > call.c.started_at,
            again.c.direction == Direction.INBOUND.value,
            again.c.answered_at.is_(None),
        ),
    )


def returned_by(company_id: int, later: Any) -> ColumnElement[bool]:
    """Whether `later` (an alias of the call table) returned the missed call: we called, or somebody talked."""
    return and_(
        later.c.company_id == company_id,
        later.c.number == call.c.number,
        later.c.started_at > call.c.started_at,
        or_(later.c.direction == Direction.OUTBOUND.value, later.c.answered_at.is_not(None)),
    )


def is_open(company_id: int) -> ColumnElement[bool]:
    """Nobody has called this missed caller since."""
    return ~exists().where(returned_by(company_id, call.alias("later")))


async def count_missed(connection: AsyncConnection, company_id: int, now: datetime) -> dict[int, int]:
    """Group id -> callers who still wait for a call."""
    open_calls = missed_calls(company_id, now).where(is_open(company_id)).subquery()
    query = (
        select(open_calls.c.group_id, func.count())
        .where(open_calls.c.company_id == company_id)
        .group_by(open_calls.c.group_id)
    )
    return {int(group_id): int(count) for group_id, count in (await connection.execute(query)).all()}


async def count_unheard(connection: AsyncConnection, company_id: int) -> dict[int, int]:
    """Group id -> messages that nobody has heard."""
    query = (
        select(voicemail.c.group_id, func.count())
        .where(voicemail.c.company_id == company_id, voicemail.c.heard_at.is_(None))
        .group_by(voicemail.c.group_id)
    )
    return {int(group_id): int(count) for group_id, count in (await connection.execute(query)).all() if group_id}
