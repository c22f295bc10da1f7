"""The monthly fee of direct numbers (SPEC §C11.2, §C11.3): one deduction for each number and month, on the 1st."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import fees
from callcenter.due import Due
from callcenter.features.money import wallet
from callcenter.features.notices import notices
from callcenter.features.numbers import direct_numbers
from callcenter.features.numbers.tables import number_fee
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.store.database import Database
from callcenter.store.tables.numbers import outside_number
from callcenter.store.tables.people import company


async def charge_due(connection: AsyncConnection, now: datetime) -> int:
    """Posts every month that is due, also those missed while nothing ran; how many.

    A balance that is too low goes below zero (§C11.3). The month of the dispatch was paid with the frozen amount.
    """
    charged = 0
    for row in await _numbers(connection):
        zone = ZoneInfo(row.time_zone)
        leaves = row.leaves_at.astimezone(zone).date() if row.leaves_at is not None else None
        paid = row.paid or fees.month_of(row.dispatched_at.astimezone(zone).date())
        for month in fees.months_due(paid, now.astimezone(zone).date(), leaves):
            await _charge(connection, row, month, now)
            charged += 1
    return charged


async def _numbers(connection: AsyncConnection) -> Sequence[Any]:
    """Numbers of all companies that have a fee, with the last month that was paid."""
    last = select(func.max(number_fee.c.month)).where(number_fee.c.number_id == outside_number.c.id)
    query = (
        select(
            outside_number,
            company.c.time_zone,
            last.correlate(outside_number).scalar_subquery().label("paid"),
        )
        .join(company, company.c.id == outside_number.c.company_id)
        .where(outside_number.c.monthly_fee > 0, outside_number.c.dispatched_at.is_not(None))
        .where(outside_number.c.state != "retired")
        .order_by(outside_number.c.id)
    )
    return (await connection.execute(query.execution_options(all_companies=True))).all()


async def _charge(connection: AsyncConnection, row: Any, month: date, now: datetime) -> None:
    company_id, name = row.company_id, f"number-fee:{row.id}:{month:%Y-%m}"
    await wallet.move(
        connection,
        company_id,
        Kind.WALLET,
        Kind.SPENT,
        row.monthly_fee,
        txn=name,
        entry=Entry.NUMBER_FEE,
        now=now,
        overdraw=True,
    )
    fee = {"number_id": row.id, "number": row.number, "month": month, "amount": row.monthly_fee, "at": now}
    await connection.execute(insert(number_fee).values(company_id=company_id, **fee))
    balance = await book.balance(connection, company_id, book.money(Kind.WALLET))
    if balance < 0:
        told = {"number": row.number, "amount": row.monthly_fee, "balance": balance}
        await notices.queue(connection, company_id, "number_unpaid", name, told, at=now)


async def run_due(database: Database, now: datetime) -> bool:
    """Fees on the 1st, then numbers whose last month is over."""
    async with database.write() as connection:
        # Fees first: a number that leaves today owes nothing for today's month, and is not looked at once retired.
        charged = await charge_due(connection, now)
        retired = await direct_numbers.retire_due(connection, now)
    return bool(charged or retired)


DUE = Due("numbers", run_due)
