"""Voice packages of a company: grant, list, reserve for a call, extend, release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.domain.terms import Gate, Mode, Role
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.store.database import Database
from callcenter.store.tables import account, posting, reservation, voice_package


@dataclass(frozen=True, slots=True)
class Lot(rules.Package):
    """A package with its owner and the minutes that running calls hold."""

    company_id: int = 0
    employee_id: int = 0
    name: str = ""
    minutes_reserved: int = 0
    minutes_used: int = 0


@dataclass(frozen=True, slots=True)
class Reservation:
    """Minutes held for one outside leg and not used yet; `limit` is the talk time they pay for."""

    call_id: str
    company_id: int
    package_id: int
    minutes: int
    increment_seconds: int

    @property
    def limit(self) -> timedelta:
        return rules.limit_of(self.minutes, self.increment_seconds)


def holder_of(call_id: str, role: Role) -> str:
    """The name under which minutes are held: the customer's leg by the call's id, a third party's by one beside it."""
    return f"{call_id}.third" if role is Role.THIRD else call_id


def holders_of(call_id: str) -> tuple[str, str]:
    """Every name under which a call may hold minutes."""
    return call_id, holder_of(call_id, Role.THIRD)


class Refused(Exception):
    """No package pays for this call; `gate` says why."""

    def __init__(self, gate: Gate) -> None:
        super().__init__(gate.value)
        self.gate = gate


class Packages:
    """The ledger's face for selling and holding minutes. Every method is one database transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def grant(
        self,
        *,
        company_id: int,
        employee_id: int,
        name: str,
        mode: Mode,
        minutes: int,
        days: int,
        now: datetime,
        increment_seconds: int = rules.INCREMENT_SECONDS,
        also_mode: Mode | None = None,
        by: int | None = None,
    ) -> int:
        """Gives an employee a non-shared package, valid from now (SPEC §C2.2, §C3.1); returns its id."""
        async with self._db.write() as connection:
            row = await connection.execute(
                insert(voice_package)
                .values(
                    company_id=company_id,
                    employee_id=employee_id,
                    name=name,
                    mode=mode.value,
                    also_mode=also_mode.value if also_mode is not None and also_mode is not mode else "",
                    minutes_total=minutes,
                    increment_seconds=increment_seconds,
                    starts_at=now,
                    expires_at=now + timedelta(days=days),
                    created_by=by,
                    created_at=now,
                )
                .returning(voice_package.c.id)
            )
            package_id = int(row.scalar_one())
            await book.open_accounts(connection, company_id, package_id)
            await book.post(
                connection,
                company_id=company_id,
                package_id=package_id,
                txn=f"grant:{package_id}",
                entry=Entry.GRANT,
                lines={Kind.ISSUED: -minutes, Kind.AVAILABLE: minutes},
                at=now,
            )
        return package_id

    async def lots(self, company_id: int, employee_id: int | None = None) -> list[Lot]:
        """All packages of a company or of one of its employees, in paying order."""
        async with self._db.read() as connection:
            return await _lots(connection, company_id, employee_id)

    async def minutes_left(self, company_id: int, now: datetime) -> dict[int, int]:
        """Minutes that each employee may still start a call with; employees without a valid package are missing."""
        query = (
            select(voice_package.c.employee_id, func.sum(account.c.minutes))
            .join(account, account.c.package_id == voice_package.c.id)
            .where(
                voice_package.c.company_id == company_id,
                account.c.kind.in_((Kind.AVAILABLE.value, Kind.RESERVED.value)),
                voice_package.c.starts_at <= now,
                voice_package.c.expires_at > now,
            )
            .group_by(voice_package.c.employee_id)
        )
        async with self._db.read() as connection:
            return {employee: int(minutes) for employee, minutes in (await connection.execute(query)).all()}

    async def reserve(
        self, *, company_id: int, employee_id: int, mode: Mode, call_id: str, minutes: int, now: datetime
    ) -> Reservation:
        """Holds up to `minutes` for a call before it is dialled; raises `Refused` when no package pays.

        Asking again for the same call returns what is held already.
        """
        async with self._db.write() as connection:
            held = await _held(connection, company_id, call_id)
            if held is not None:
                return held
            lots = await _lots(connection, company_id, employee_id)
            fitting = [lot for lot in lots if lot.covers(mode) and lot.starts_at <= now < lot.expires_at]
            if not fitting:
                raise Refused(Gate.NO_PACKAGE)
            lot = next((lot for lot in rules.in_paying_order(fitting) if rules.usable(lot, mode, now)), None)
            if lot is None:
                raise Refused(Gate.MINUTES_USED_UP)
            amount = min(minutes, lot.minutes_left)
            await connection.execute(
                insert(reservation).values(
                    call_id=call_id,
                    company_id=company_id,
                    package_id=lot.id,
                    employee_id=employee_id,
                    minutes=amount,
                    open=True,
                    created_at=now,
                )
            )
            await _hold(connection, lot.id, company_id, call_id, f"reserve:{call_id}", amount, now)
            return Reservation(call_id, company_id, lot.id, amount, lot.increment_seconds)

    async def extend(self, *, company_id: int, call_id: str, minutes: int, now: datetime) -> Reservation | None:
        """Holds up to `minutes` more from the same package; None when nothing is left or the call is settled."""
        async with self._db.write() as connection:
            query = select(reservation).where(
                reservation.c.company_id == company_id, reservation.c.call_id == call_id, reservation.c.open
            )
            row = (await connection.execute(query)).first()
            if row is None:
                return None
            left = (await book.balances(connection, company_id, row.package_id)).available
            amount = min(minutes, left)
            if amount <= 0:
                return None
            txn = f"extend:{call_id}:{row.extensions + 1}"
            await _hold(connection, row.package_id, company_id, call_id, txn, amount, now)
            await connection.execute(
                update(reservation)
                .where(reservation.c.company_id == company_id, reservation.c.call_id == call_id)
                .values(minutes=row.minutes + amount, extensions=row.extensions + 1)
            )
            return await _held(connection, company_id, call_id)

    async def release(self, *, company_id: int, call_id: str, now: datetime) -> None:
        """Gives back everything a call holds: it was never dialled."""
        async with self._db.write() as connection:
            await release_rest(connection, company_id, call_id, now)

    async def held(self, company_id: int, call_id: str) -> Reservation | None:
        async with self._db.read() as connection:
            return await _held(connection, company_id, call_id)


async def release_rest(connection: AsyncConnection, company_id: int, call_id: str, now: datetime) -> int:
    """Returns what a call still holds to its package and closes the reservation; the minutes returned."""
    query = select(reservation).where(
        reservation.c.company_id == company_id, reservation.c.call_id == call_id, reservation.c.open
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return 0
    rest = await unspent(connection, company_id, call_id)
    if rest:
        await book.post(
            connection,
            company_id=company_id,
            package_id=row.package_id,
            txn=f"release:{call_id}",
            entry=Entry.RELEASE,
            lines={Kind.RESERVED: -rest, Kind.AVAILABLE: rest},
            at=now,
            call_id=call_id,
        )
    await connection.execute(
        update(reservation)
        .where(reservation.c.company_id == company_id, reservation.c.call_id == call_id)
        .values(open=False)
    )
    return rest


async def unspent(connection: AsyncConnection, company_id: int, call_id: str) -> int:
    """Minutes that a call holds and that no leg has used yet."""
    query = (
        select(func.coalesce(func.sum(posting.c.minutes), 0))
        .join(account, account.c.id == posting.c.account_id)
        .where(
            posting.c.company_id == company_id,
            posting.c.call_id == call_id,
            account.c.kind == Kind.RESERVED.value,
        )
    )
    return int((await connection.execute(query)).scalar_one())


async def _hold(
    connection: AsyncConnection,
    package_id: int,
    company_id: int,
    call_id: str,
    txn: str,
    minutes: int,
    now: datetime,
) -> None:
    await book.post(
        connection,
        company_id=company_id,
        package_id=package_id,
        txn=txn,
        entry=Entry.RESERVE,
        lines={Kind.AVAILABLE: -minutes, Kind.RESERVED: minutes},
        at=now,
        call_id=call_id,
    )


async def _held(connection: AsyncConnection, company_id: int, call_id: str) -> Reservation | None:
    query = (
        select(reservation.c.package_id, voice_package.c.increment_seconds)
        .join(voice_package, voice_package.c.id == reservation.c.package_id)
        .where(reservation.c.company_id == company_id, reservation.c.call_id == call_id, reservation.c.open)
    )
    row = (await connection.execute(query)).first()
    if row is None:
        return None
    # What an earlier third party of the same call has used is gone for the next one.
    minutes = await unspent(connection, company_id, call_id)
    return Reservation(call_id, company_id, row.package_id, minutes, row.increment_seconds)


def _lot_query(company_id: int) -> Select[Any]:
    return (
        select(account.c.package_id, account.c.kind, account.c.minutes)
        .where(account.c.company_id == company_id)
        .where(account.c.package_id.is_not(None))
    )


async def _lots(connection: AsyncConnection, company_id: int, employee_id: int | None) -> list[Lot]:
    query = select(voice_package).where(voice_package.c.company_id == company_id)
    books = _lot_query(company_id)
    if employee_id is not None:
        query = query.where(voice_package.c.employee_id == employee_id)
        books = books.join(voice_package, voice_package.c.id == account.c.package_id).where(
            voice_package.c.employee_id == employee_id
        )
    minutes: dict[tuple[int, str], int] = {
        (row.package_id, row.kind): row.minutes for row in (await connection.execute(books)).all()
    }
    lots = [
        Lot(
            id=row.id,
            mode=Mode(row.mode),
            also_mode=Mode(row.also_mode) if row.also_mode else None,
            minutes_total=row.minutes_total,
            minutes_left=minutes.get((row.id, Kind.AVAILABLE.value), 0),
            starts_at=row.starts_at,
            expires_at=row.expires_at,
            created_at=row.created_at,
            increment_seconds=row.increment_seconds,
            company_id=row.company_id,
            employee_id=row.employee_id,
            name=row.name,
            minutes_reserved=minutes.get((row.id, Kind.RESERVED.value), 0),
            minutes_used=minutes.get((row.id, Kind.USED.value), 0),
        )
        for row in (await connection.execute(query)).all()
    ]
    return rules.in_paying_order(lots)
