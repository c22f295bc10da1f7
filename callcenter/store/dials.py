"""What a company dialled since a moment: outbound calls, and whoever outside was consulted or got a call passed on."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.agents import OUTSIDE_CHANNELS
from callcenter.domain.terms import Direction, Role
from callcenter.store.tables.calls import call, leg


async def dials_since(connection: AsyncConnection, company_id: int, since: datetime) -> Counter[str]:
    """Number (E.164) -> dials; under "" those of third parties, whose numbers are not kept."""
    calls = (
        select(call.c.number, func.count())
        .where(
            call.c.company_id == company_id,
            call.c.started_at >= since,
            call.c.direction == Direction.OUTBOUND.value,
        )
        .group_by(call.c.number)
    )
    thirds = select(func.count()).where(
        leg.c.company_id == company_id,
        leg.c.started_at >= since,
        leg.c.role == Role.THIRD.value,
        leg.c.channel.startswith(OUTSIDE_CHANNELS),
    )
    found = Counter({number: count for number, count in (await connection.execute(calls)).all()})
    found[""] += int((await connection.execute(thirds)).scalar_one())
    return found
