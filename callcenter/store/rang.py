"""Whether a number has called a company: what has rung can be called back, filed and blocked, however it looks."""

from __future__ import annotations

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import BadNumber, Number, read, read_or_raw
from callcenter.domain.spelling import NumberFault
from callcenter.domain.terms import Direction
from callcenter.store.tables.calls import call

_RANG = (
    select(call.c.id)
    .where(
        call.c.company_id == bindparam("company"),
        call.c.number == bindparam("the_number"),
        call.c.direction == Direction.INBOUND.value,
    )
    .limit(1)
)


async def read_or_rang(connection: AsyncConnection, company_id: int, typed: str, region: str) -> Number:
    """As `numbers.read`; digits that no numbering plan knows are a number if they have called the company.

    Raises `BadNumber`.
    """
    try:
        return read(typed, region)
    except BadNumber as refusal:
        if refusal.fault is not NumberFault.UNKNOWN:
            raise
        raw = read_or_raw(typed, region)
        names = {"company": company_id, "the_number": raw.e164}
        if (await connection.execute(_RANG, names)).first() is None:
            raise
        return raw
