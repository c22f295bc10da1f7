"""The AI wallet: filled from the company's wallet and back, emptied by AI calls (SPEC §C12, §B11.3). Money in fen.

There is no AI outbound calling in this product yet: what will place such calls charges them with `charge_call`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.packages import minutes_for
from callcenter.domain.refusals import Refusal
from callcenter.features.money import licences, wallet
from callcenter.features.money.tables import ai_entry
from callcenter.ledger.book import Entry, Kind

Direction = Literal["in", "out"]


async def transfer(
    connection: AsyncConnection, company_id: int, direction: Direction, amount: int, *, key: str, by: int, now: datetime
) -> Any:
    """Moves money into the AI wallet or back out of it; refuses with `balance_too_low`."""
    earlier = await wallet.keyed(connection, ai_entry, company_id, key)
    if earlier is not None:
        wallet.same_request(earlier, kind=direction, amount=amount)
        return earlier
    source, target = (Kind.WALLET, Kind.AI_WALLET) if direction == "in" else (Kind.AI_WALLET, Kind.WALLET)
    await wallet.require(connection, company_id, amount, source)
    row = await _insert(connection, company_id, now, kind=direction, amount=amount, actor_id=by, key=key)
    entry = Entry.AI_IN if direction == "in" else Entry.AI_OUT
    await wallet.move(connection, company_id, source, target, amount, txn=f"ai:{row.id}", entry=entry, now=now, by=by)
    return row


async def charge_call(
    connection: AsyncConnection, company_id: int, *, call_id: str, seconds: int, unit_price: int, now: datetime
) -> Any:
    """Charges one AI call by started minutes; None for a call that nobody answered. A call is charged once.

    Refuses with `no_ai_seat` when no AI seat is valid at that moment, and with `balance_too_low`.
    """
    known = select(ai_entry).where(ai_entry.c.company_id == company_id, ai_entry.c.call_id == call_id)
    earlier = (await connection.execute(known)).first()
    if earlier is not None:
        wallet.same_request(earlier, seconds=seconds, unit_price=unit_price)
        return earlier
    if await licences.valid_ai_seats(connection, company_id, now) == 0:
        raise Refusal("no_ai_seat")
    amount = minutes_for(seconds) * unit_price
    if amount == 0:
        return None
    await wallet.require(connection, company_id, amount, Kind.AI_WALLET)
    row = await _insert(
        connection,
        company_id,
        now,
        kind="call",
        amount=amount,
        unit_price=unit_price,
        seconds=seconds,
        call_id=call_id,
    )
    await wallet.move(
        connection, company_id, Kind.AI_WALLET, Kind.SPENT, amount, txn=f"ai:{row.id}", entry=Entry.AI_CALL, now=now
    )
    return row


async def _insert(connection: AsyncConnection, company_id: int, now: datetime, **values: Any) -> Any:
    number = wallet.document_number("A", now)
    row = insert(ai_entry).values(company_id=company_id, number=number, created_at=now, **values).returning(ai_entry)
    return (await connection.execute(row)).one()
