"""What the calendar does to money and numbers: fees on the 1st, numbers that leave, codes that nobody paid."""

from __future__ import annotations

from datetime import datetime

from callcenter.features.money import recharges
from callcenter.features.numbers import direct_numbers, number_fees
from callcenter.store.database import Database


async def run_due(database: Database, now: datetime) -> bool:
    """Does everything that is due, and nothing twice; whether the engine has to read the directory again."""
    async with database.write() as connection:
        # Fees first: a number that leaves today owes nothing for today's month, and is not looked at once retired.
        charged = await number_fees.charge_due(connection, now)
        retired = await direct_numbers.retire_due(connection, now)
        await recharges.void_unpaid(connection, now)
    return bool(charged or retired)
