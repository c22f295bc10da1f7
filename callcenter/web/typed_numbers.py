"""Telephone numbers in requests: read by the one reader, refused with the reason."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import BadNumber, Number, read
from callcenter.domain.refusals import Refusal
from callcenter.store.rang import read_or_rang


def e164_of(typed: str, region: str) -> str:
    """What was typed, in E.164; raises `number_invalid` with the number as typed and the reason.

    An extension is left out: a number of ours, or a colleague's phone, has none.
    """
    try:
        return read(typed, region).e164
    except BadNumber as refusal:
        raise _refused(refusal) from None


async def number_of(connection: AsyncConnection, company_id: int, typed: str, region: str) -> Number:
    """As `e164_of`, with its extension, for numbers of others: what has rung can be filed and blocked."""
    try:
        return await read_or_rang(connection, company_id, typed, region)
    except BadNumber as refusal:
        raise _refused(refusal) from None


def _refused(refusal: BadNumber) -> Refusal:
    return Refusal("number_invalid", number=refusal.typed, reason=refusal.fault.value)
