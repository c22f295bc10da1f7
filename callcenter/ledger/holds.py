"""Minutes that running calls hold: reserved before a leg is dialled, extended while it talks, given back after.

A hold takes from one package after the other: when the first is used up, the employee's next package of that mode goes
on paying. What a hold has taken from each package, less what was charged, is the balance of its postings there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.domain.gates import GateClosed
from callcenter.domain.terms import Gate, Mode, Role
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.store.database import Database
from callcenter.store.tables.books import account, posting, reservation, reservation_part
from callcenter.store.tables.packages import package_member, voice_package

# Built once: building a statement costs ten times as much as running it.
_OPEN = (
    select(reservation, voice_package.c.increment_seconds)
    .join(voice_package, voice_package.c.id == reservation.c.package_id)
    .where(
        reservation.c.company_id == bindparam("company"),
        reservation.c.call_id == bindparam("holder"),
        reservation.c.open,
    )
)
_PARTS = (
    select(
        reservation_part.c.package_id,
        func.coalesce(func.sum(posting.c.amount), 0).label("minutes"),
        voice_package.c.expired,
    )
    .join(voice_package, voice_package.c.id == reservation_part.c.package_id)
    .join(
        account,
        (account.c.package_id == reservation_part.c.package_id) & (account.c.kind == Kind.RESERVED.value),
    )
    .join(posting, (posting.c.account_id == account.c.id) & (posting.c.call_id == reservation_part.c.call_id))
    .where(
        reservation_part.c.company_id == bindparam("company"),
        reservation_part.c.call_id == bindparam("holder"),
    )
    .group_by(reservation_part.c.package_id, reservation_part.c.place, voice_package.c.expired)
    .order_by(reservation_part.c.place)
)
_SHARED = select(package_member.c.package_id).where(
    package_member.c.company_id == bindparam("company"), package_member.c.employee_id == bindparam("employee")
)
_HOLDERS = (
    select(func.count())
    .select_from(reservation)
    .where(
        reservation.c.company_id == bindparam("company"),
        reservation.c.package_id == voice_package.c.id,
        reservation.c.open,
    )
    .correlate(voice_package)
    .scalar_subquery()
)
_FITTING = (
    select(
        voice_package.c.id,
        voice_package.c.increment_seconds,
        voice_package.c.quantity,
        account.c.balance,
        _HOLDERS.label("holders"),
    )
    .join(account, (account.c.package_id == voice_package.c.id) & (account.c.kind == Kind.AVAILABLE.value))
    .where(
        voice_package.c.company_id == bindparam("company"),
        or_(voice_package.c.employee_id == bindparam("employee"), voice_package.c.id.in_(_SHARED)),
        or_(voice_package.c.mode == bindparam("the_mode"), voice_package.c.also_mode == bindparam("the_mode")),
        voice_package.c.starts_at <= bindparam("now"),
        voice_package.c.expires_at > bindparam("now"),
    )
    .order_by(voice_package.c.expires_at, voice_package.c.created_at, voice_package.c.id)
)
_RESERVE = insert(reservation)
_ADD_PART = insert(reservation_part)
_MINE = (reservation.c.company_id == bindparam("company"), reservation.c.call_id == bindparam("holder"))
_CHANGE = (
    update(reservation)
    .where(*_MINE)
    .values(minutes=bindparam("held"), extensions=bindparam("number"), package_id=bindparam("package"))
)
_CLOSE = update(reservation).where(*_MINE).values(open=False)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Minutes held for one outside leg and not used yet; `limit` is the talk time they pay for."""

    call_id: str
    company_id: int
    package_id: int
    """The package that pays last."""
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


class Holds:
    """Every method is one database transaction."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def reserve(
        self, *, company_id: int, employee_id: int, mode: Mode, call_id: str, minutes: int, now: datetime
    ) -> Reservation:
        """Holds up to `minutes` for a call before it is dialled; raises `GateClosed` when no package pays.

        Asking again for the same call returns what is held already.
        """
        async with self._db.write() as connection:
            held = await _held(connection, company_id, call_id)
            if held is not None:
                return held
            fitting = await _fitting(connection, company_id, employee_id, mode, now)
            if not fitting:
                raise GateClosed(Gate.NO_PACKAGE)
            source = next((one for one in fitting if one.minutes_left > 0), None)
            if source is None:
                raise GateClosed(Gate.MINUTES_USED_UP)
            amount = rules.slice_of(source.minutes_left, max(source.holders + 1, source.quantity), minutes)
            await connection.execute(
                _RESERVE,
                {
                    "call_id": call_id,
                    "company_id": company_id,
                    "package_id": source.id,
                    "employee_id": employee_id,
                    "mode": mode.value,
                    "minutes": amount,
                    "open": True,
                    "created_at": now,
                },
            )
            await _add_part(connection, company_id, call_id, source.id, 1)
            await _hold(connection, source.id, company_id, call_id, f"reserve:{call_id}", amount, now)
            return Reservation(call_id, company_id, source.id, amount, source.increment_seconds)

    async def extend(
        self, *, company_id: int, call_id: str, minutes: int, now: datetime, urgent: bool = True
    ) -> Reservation | None:
        """Holds up to `minutes` more, from the package that pays now or from the employee's next one of that mode;
        None when nothing is left or the call is settled.

        Unless it is `urgent`, nothing is taken from a package that has fewer minutes left than calls that may need
        one, those included that its other users may begin any moment: whose minutes end first comes first.
        """
        async with self._db.write() as connection:
            row = await _open(connection, company_id, call_id)
            if row is None:
                return None
            source = await _next_source(connection, row, now)
            if source is None:
                return None
            if not urgent and source.minutes_left < max(source.holders, source.quantity):
                return await _held(connection, company_id, call_id)
            amount = rules.slice_of(source.minutes_left, max(source.holders, source.quantity), minutes)
            number = row.extensions + 1
            if source.id != row.package_id:
                await _take_part(connection, company_id, call_id, source.id, number + 1)
            await _hold(connection, source.id, company_id, call_id, f"extend:{call_id}:{number}", amount, now)
            await _change(connection, row, minutes=row.minutes + amount, extensions=number, package_id=source.id)
            return await _held(connection, company_id, call_id)

    async def give_back(self, *, company_id: int, call_id: str, keep: int, now: datetime) -> Reservation | None:
        """Returns what a talking call holds beyond `keep` minutes, the last package's first; None when it is over.

        The limit inside Asterisk must be moved before: what is given back may be another call's at once.
        """
        async with self._db.write() as connection:
            row = await _open(connection, company_id, call_id)
            if row is None:
                return None
            held = await parts_of(connection, company_id, call_id)
            total = sum(part.minutes for part in held)
            spare = total - keep
            lines: dict[book.Account, int] = {}
            for part in reversed(held):
                amount = min(part.minutes, max(0, spare))
                spare -= amount
                lines |= part.returned(amount)
            number = row.extensions + 1
            if any(lines.values()):
                await _release(connection, company_id, call_id, f"give_back:{call_id}:{number}", lines, now)
                kept = min(keep, total)
                await _change(connection, row, minutes=kept, extensions=number, package_id=row.package_id)
            return await _held(connection, company_id, call_id)

    async def release(self, *, company_id: int, call_id: str, now: datetime) -> None:
        """Gives back everything a call holds: it was never dialled."""
        async with self._db.write() as connection:
            await release_rest(connection, company_id, call_id, now)

    async def held(self, company_id: int, call_id: str) -> Reservation | None:
        async with self._db.glance() as connection:
            return await _held(connection, company_id, call_id)

    async def left_for(self, company_id: int, call_id: str, now: datetime) -> int:
        """Minutes that could still be held for a talking call, of all packages that may pay it."""
        async with self._db.glance() as connection:
            row = await _open(connection, company_id, call_id)
            if row is None:
                return 0
            fitting = await _fitting(connection, company_id, row.employee_id, Mode(row.mode), now)
            return sum(one.minutes_left for one in fitting)


async def release_rest(connection: AsyncConnection, company_id: int, call_id: str, now: datetime) -> int:
    """Returns what a call still holds to its packages and closes the reservation; the minutes returned."""
    row = await _open(connection, company_id, call_id)
    if row is None:
        return 0
    lines: dict[book.Account, int] = {}
    parts = await parts_of(connection, company_id, call_id)
    for part in parts:
        lines |= part.returned(part.minutes)
    if lines:
        await _release(connection, company_id, call_id, f"release:{call_id}", lines, now)
    await connection.execute(_CLOSE, {"company": company_id, "holder": call_id})
    return sum(part.minutes for part in parts)


@dataclass(frozen=True, slots=True)
class Part:
    """What a call holds of one package and no leg has used yet."""

    package_id: int
    minutes: int
    expired: bool

    def returned(self, minutes: int) -> dict[book.Account, int]:
        """Lines that return minutes to the package; one that has ended meanwhile has no use for them (SPEC §C3.3)."""
        if not minutes:
            return {}
        back = Kind.EXPIRED if self.expired else Kind.AVAILABLE
        return {book.lot(self.package_id, Kind.RESERVED): -minutes, book.lot(self.package_id, back): minutes}


async def parts_of(connection: AsyncConnection, company_id: int, call_id: str) -> list[Part]:
    """What a call holds of each package, in the order in which they pay."""
    rows = await connection.execute(_PARTS, {"company": company_id, "holder": call_id})
    return [Part(row.package_id, int(row.minutes), bool(row.expired)) for row in rows.all()]


# -- inside --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Source:
    """A package that may pay now."""

    id: int
    minutes_left: int
    increment_seconds: int
    quantity: int
    """How many employees may share it."""
    holders: int
    """Calls that hold minutes of it now."""


async def _fitting(
    connection: AsyncConnection, company_id: int, employee_id: int, mode: Mode, now: datetime
) -> list[_Source]:
    """Packages of that mode that are valid now and pay this employee's calls, in paying order."""
    names = {"company": company_id, "employee": employee_id, "the_mode": mode.value, "now": now}
    rows = (await connection.execute(_FITTING, names)).all()
    return [_Source(row.id, int(row.balance), row.increment_seconds, row.quantity, int(row.holders)) for row in rows]


async def _next_source(connection: AsyncConnection, row: Any, now: datetime) -> _Source | None:
    """Where a running call gets its next minutes: one limit needs one increment."""
    fitting = await _fitting(connection, row.company_id, row.employee_id, Mode(row.mode), now)
    current = next((one for one in fitting if one.id == row.package_id), None)
    if current is not None and current.minutes_left > 0:
        return current
    # A package that paid before and was left has no minutes any more, or only those that others gave back.
    fit = (one for one in fitting if one.minutes_left > 0 and one.increment_seconds == row.increment_seconds)
    return next(fit, None)


async def _take_part(connection: AsyncConnection, company_id: int, call_id: str, package_id: int, place: int) -> None:
    known = select(reservation_part.c.place).where(
        reservation_part.c.company_id == company_id,
        reservation_part.c.call_id == call_id,
        reservation_part.c.package_id == package_id,
    )
    if (await connection.execute(known)).first() is None:
        await _add_part(connection, company_id, call_id, package_id, place)


async def _add_part(connection: AsyncConnection, company_id: int, call_id: str, package_id: int, place: int) -> None:
    part = {"call_id": call_id, "package_id": package_id, "company_id": company_id, "place": place}
    await connection.execute(_ADD_PART, part)


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
        txn=txn,
        entry=Entry.RESERVE,
        lines={book.lot(package_id, Kind.AVAILABLE): -minutes, book.lot(package_id, Kind.RESERVED): minutes},
        at=now,
        call_id=call_id,
    )


async def _release(
    connection: AsyncConnection,
    company_id: int,
    call_id: str,
    txn: str,
    lines: Mapping[book.Account, int],
    now: datetime,
) -> None:
    await book.post(
        connection, company_id=company_id, txn=txn, entry=Entry.RELEASE, lines=lines, at=now, call_id=call_id
    )


async def _open(connection: AsyncConnection, company_id: int, call_id: str) -> Any:
    return (await connection.execute(_OPEN, {"company": company_id, "holder": call_id})).first()


async def _change(connection: AsyncConnection, row: Any, *, minutes: int, extensions: int, package_id: int) -> None:
    values = {"held": minutes, "number": extensions, "package": package_id}
    await connection.execute(_CHANGE, {"company": row.company_id, "holder": row.call_id, **values})


async def _held(connection: AsyncConnection, company_id: int, call_id: str) -> Reservation | None:
    row = await _open(connection, company_id, call_id)
    if row is None:
        return None
    # What an earlier third party of the same call has used is gone for the next one.
    minutes = sum(part.minutes for part in await parts_of(connection, company_id, call_id))
    return Reservation(call_id, company_id, row.package_id, minutes, row.increment_seconds)
