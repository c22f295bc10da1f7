"""Seats and the outside numbers bound to them, as whoever runs the installation makes them."""

from __future__ import annotations

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.numbers import normalise, region_of
from callcenter.domain.terms import Mode, NumberKind
from callcenter.store import own_numbers
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.numbers import outside_number, seat

FIRST_SEAT = 8001
"""Code of a company's first seat."""


async def confirm_own(connection: AsyncConnection, company_id: int, number: str) -> None:
    """Whoever makes a number on the command line runs the installation, so it is confirmed."""
    await own_numbers.claim(connection, company_id, [number], by=None, now=utcnow(), sure=True)


async def make_seat(
    database: Database,
    company_id: int,
    employee_id: int | None,
    *,
    direct: str = "",
    telecom: str = "",
    phone: str = "",
    mode: Mode = Mode.DIRECT,
) -> int:
    """A seat with the next code from 8001 on, the outside numbers bound to it and the agent's outside phone, all as
    typed; returns its id. A number that is empty is not bound."""
    async with database.write() as connection:
        taken = select(func.count()).select_from(seat).where(seat.c.company_id == company_id)
        code = str(FIRST_SEAT + int((await connection.execute(taken)).scalar_one()))
        row = await connection.execute(
            insert(seat)
            .values(
                company_id=company_id,
                code=code,
                employee_id=employee_id,
                bound_phone=normalise(phone) if phone else "",
                mode=mode.value,
                created_at=utcnow(),
            )
            .returning(seat.c.id)
        )
        seat_id = int(row.scalar_one())
        for kind, typed in ((NumberKind.DIRECT, direct), (NumberKind.TELECOM, telecom)):
            if typed:
                await _outside_number(connection, company_id, typed, kind, seat_id)
    return seat_id


async def make_outside_number(database: Database, company_id: int, typed: str, kind: NumberKind) -> None:
    """A number of the company that no seat has."""
    async with database.write() as connection:
        await _outside_number(connection, company_id, typed, kind, None)


async def _outside_number(
    connection: AsyncConnection, company_id: int, typed: str, kind: NumberKind, seat_id: int | None
) -> None:
    number = normalise(typed)
    await confirm_own(connection, company_id, number)
    await connection.execute(
        insert(outside_number).values(
            company_id=company_id,
            number=number,
            kind=kind.value,
            region=region_of(number),
            seat_id=seat_id,
            created_at=utcnow(),
        )
    )
