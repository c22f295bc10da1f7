"""Voice packages of a company: who has which, grant, and the minutes each employee has left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain import packages as rules
from callcenter.domain.terms import Mode, PackageKind
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.holds import Holds
from callcenter.store.tables.books import account
from callcenter.store.tables.packages import package_log, package_member, voice_package


@dataclass(frozen=True, slots=True)
class Lot(rules.Package):
    """A package with those who use it and the minutes that running calls hold."""

    company_id: int = 0
    kind: PackageKind = PackageKind.NON_SHARED
    employee_id: int | None = None
    """None: shared, or not assigned yet."""
    members: tuple[int, ...] = ()
    """Employees of a shared package."""
    quantity: int = 1
    """How many employees a shared package may have."""
    name: str = ""
    line: str = ""
    minutes_reserved: int = 0
    minutes_used: int = 0
    offering_id: int | None = None
    purchase_id: int | None = None
    parent_id: int | None = None
    renews_id: int | None = None

    def used_by(self, employee_id: int) -> bool:
        return self.employee_id == employee_id or employee_id in self.members

    @property
    def users(self) -> tuple[int, ...]:
        """Everybody whose calls this package pays."""
        return self.members if self.employee_id is None else (self.employee_id,)

    @property
    def assignable(self) -> int:
        """How many more employees may be given this package."""
        if self.kind is PackageKind.SHARED:
            return self.quantity - len(self.members)
        return 0 if self.employee_id is not None else 1


@dataclass(frozen=True, slots=True)
class NewLot:
    """What a package is when it comes into the books; `minutes` whole, times aware."""

    name: str
    mode: Mode
    minutes: int
    starts_at: datetime
    expires_at: datetime
    employee_id: int | None = None
    also_mode: Mode | None = None
    kind: PackageKind = PackageKind.NON_SHARED
    quantity: int = 1
    line: str = ""
    increment_seconds: int = rules.INCREMENT_SECONDS
    offering_id: int | None = None
    purchase_id: int | None = None
    parent_id: int | None = None
    renews_id: int | None = None


class Packages(Holds):
    """The ledger's face for selling and holding minutes. Every method is one database transaction."""

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
        new = NewLot(
            name,
            mode,
            minutes,
            now,
            now + timedelta(days=days),
            employee_id,
            also_mode if also_mode is not mode else None,
            increment_seconds=increment_seconds,
        )
        async with self._db.write() as connection:
            return await issue(connection, company_id, new, by=by, now=now)

    async def lots(self, company_id: int, employee_id: int | None = None) -> list[Lot]:
        """All packages of a company, or those that pay one employee's calls, in paying order."""
        async with self._db.read() as connection:
            return await lots_of(connection, company_id, employee_id)

    async def minutes_left(self, company_id: int, now: datetime) -> dict[int, int]:
        """Minutes that each employee may still start a call with; employees without a valid package are missing.

        Of a shared package every member sees the whole rest: whoever calls first uses it.
        """
        valid = (
            voice_package.c.company_id == company_id,
            voice_package.c.starts_at <= now,
            voice_package.c.expires_at > now,
        )
        rest = (
            select(account.c.package_id, func.sum(account.c.balance).label("minutes"))
            .join(voice_package, voice_package.c.id == account.c.package_id)
            .where(*valid, account.c.kind.in_((Kind.AVAILABLE.value, Kind.RESERVED.value)))
            .group_by(account.c.package_id)
        )
        own = select(voice_package.c.id, voice_package.c.employee_id).where(
            *valid, voice_package.c.employee_id.is_not(None)
        )
        shared = (
            select(package_member.c.package_id, package_member.c.employee_id)
            .join(voice_package, voice_package.c.id == package_member.c.package_id)
            .where(*valid)
        )
        found: dict[int, int] = defaultdict(int)
        async with self._db.read() as connection:
            minutes = {row.package_id: int(row.minutes) for row in (await connection.execute(rest)).all()}
            for query in (own, shared):
                for package_id, employee_id in (await connection.execute(query)).all():
                    found[employee_id] += minutes.get(package_id, 0)
        return dict(found)

    async def expire(self, now: datetime) -> list[Lot]:
        """Takes what is left of every package whose validity is over (SPEC §C3.3); the packages as they were."""
        over = (
            select(voice_package.c.company_id, voice_package.c.id)
            .where(voice_package.c.expires_at <= now, voice_package.c.expired.is_(False))
            .execution_options(all_companies=True)
        )
        gone: list[Lot] = []
        async with self._db.write() as connection:
            for company_id, package_id in (await connection.execute(over)).all():
                (lot,) = await lots_of(connection, company_id, package_id=package_id)
                if lot.minutes_left:
                    await book.post(
                        connection,
                        company_id=company_id,
                        txn=f"expire:{package_id}",
                        entry=Entry.EXPIRE,
                        lines={
                            book.lot(package_id, Kind.AVAILABLE): -lot.minutes_left,
                            book.lot(package_id, Kind.EXPIRED): lot.minutes_left,
                        },
                        at=now,
                    )
                await connection.execute(
                    update(voice_package)
                    .where(voice_package.c.company_id == company_id, voice_package.c.id == package_id)
                    .values(expired=True)
                )
                gone.append(lot)
        return gone


async def issue(connection: AsyncConnection, company_id: int, new: NewLot, *, by: int | None, now: datetime) -> int:
    """Brings a package into the books; returns its id."""
    row = await connection.execute(
        insert(voice_package)
        .values(
            company_id=company_id,
            employee_id=new.employee_id,
            name=new.name,
            mode=new.mode.value,
            also_mode=new.also_mode.value if new.also_mode else "",
            kind=new.kind.value,
            line=new.line,
            minutes_total=new.minutes,
            quantity=new.quantity,
            increment_seconds=new.increment_seconds,
            offering_id=new.offering_id,
            purchase_id=new.purchase_id,
            parent_id=new.parent_id,
            renews_id=new.renews_id,
            starts_at=new.starts_at,
            expires_at=new.expires_at,
            created_by=by,
            created_at=now,
        )
        .returning(voice_package.c.id)
    )
    package_id = int(row.scalar_one())
    await book.post(
        connection,
        company_id=company_id,
        txn=f"grant:{package_id}",
        entry=Entry.GRANT,
        lines=_issued(package_id, new.minutes),
        at=now,
        actor_id=by,
    )
    if new.employee_id is not None:
        await note(connection, company_id, package_id, "assigned", employee_id=new.employee_id, by=by, now=now)
    return package_id


async def add_minutes(
    connection: AsyncConnection,
    company_id: int,
    package_id: int,
    minutes: int,
    *,
    quantity: int,
    txn: str,
    by: int | None,
    now: datetime,
) -> None:
    """More of a shared package (加购): its pool and the number of employees it is for grow."""
    await book.post(
        connection,
        company_id=company_id,
        txn=txn,
        entry=Entry.ADD,
        lines=_issued(package_id, minutes),
        at=now,
        actor_id=by,
    )
    await connection.execute(
        update(voice_package)
        .where(voice_package.c.company_id == company_id, voice_package.c.id == package_id)
        .values(minutes_total=voice_package.c.minutes_total + minutes, quantity=voice_package.c.quantity + quantity)
    )


def _issued(package_id: int, minutes: int) -> dict[book.Account, int]:
    return {book.lot(package_id, Kind.ISSUED): -minutes, book.lot(package_id, Kind.AVAILABLE): minutes}


async def note(
    connection: AsyncConnection,
    company_id: int,
    package_id: int,
    what: str,
    *,
    employee_id: int | None = None,
    from_employee_id: int | None = None,
    by: int | None,
    now: datetime,
) -> None:
    """One line of a package's detail list: `assigned`, `unassigned` or `handed_over`."""
    await connection.execute(
        insert(package_log).values(
            company_id=company_id,
            package_id=package_id,
            what=what,
            employee_id=employee_id,
            from_employee_id=from_employee_id,
            actor_id=by,
            at=now,
        )
    )


async def lots_of(
    connection: AsyncConnection,
    company_id: int,
    employee_id: int | None = None,
    *,
    package_id: int | None = None,
    valid_at: datetime | None = None,
) -> list[Lot]:
    """Packages of a company, in paying order; of one employee, one package, or those valid at a time, if asked for."""
    where: list[ColumnElement[bool]] = [voice_package.c.company_id == company_id]
    if employee_id is not None:
        shared = select(package_member.c.package_id).where(
            package_member.c.company_id == company_id, package_member.c.employee_id == employee_id
        )
        where.append(or_(voice_package.c.employee_id == employee_id, voice_package.c.id.in_(shared)))
    if package_id is not None:
        where.append(voice_package.c.id == package_id)
    if valid_at is not None:
        where += [voice_package.c.starts_at <= valid_at, voice_package.c.expires_at > valid_at]
    rows = (await connection.execute(select(voice_package).where(*where))).all()
    ids = [row.id for row in rows] if employee_id is not None or package_id is not None else None
    minutes = await _minutes(connection, company_id, ids)
    members = await _members(connection, company_id, ids)
    lots = [
        Lot(
            id=row.id,
            mode=Mode(row.mode),
            also_mode=Mode(row.also_mode) if row.also_mode else None,
            minutes_total=row.minutes_total,
            minutes_left=minutes[row.id, Kind.AVAILABLE.value],
            starts_at=row.starts_at,
            expires_at=row.expires_at,
            created_at=row.created_at,
            increment_seconds=row.increment_seconds,
            company_id=row.company_id,
            kind=PackageKind(row.kind),
            employee_id=row.employee_id,
            members=tuple(members[row.id]),
            quantity=row.quantity,
            name=row.name,
            line=row.line,
            minutes_reserved=minutes[row.id, Kind.RESERVED.value],
            minutes_used=minutes[row.id, Kind.USED.value],
            offering_id=row.offering_id,
            purchase_id=row.purchase_id,
            parent_id=row.parent_id,
            renews_id=row.renews_id,
        )
        for row in rows
    ]
    return rules.in_paying_order(lots)


async def _minutes(
    connection: AsyncConnection, company_id: int, ids: Sequence[int] | None
) -> dict[tuple[int, str], int]:
    query = (
        select(account.c.package_id, account.c.kind, func.sum(account.c.balance).label("minutes"))
        .where(account.c.company_id == company_id, account.c.package_id.is_not(None))
        .group_by(account.c.package_id, account.c.kind)
    )
    if ids is not None:
        query = query.where(account.c.package_id.in_(ids))
    found: dict[tuple[int, str], int] = defaultdict(int)
    found.update({(row.package_id, row.kind): int(row.minutes) for row in (await connection.execute(query)).all()})
    return found


async def _members(connection: AsyncConnection, company_id: int, ids: Sequence[int] | None) -> dict[int, list[int]]:
    query = (
        select(package_member.c.package_id, package_member.c.employee_id)
        .where(package_member.c.company_id == company_id)
        .order_by(package_member.c.assigned_at, package_member.c.employee_id)
    )
    if ids is not None:
        query = query.where(package_member.c.package_id.in_(ids))
    found: dict[int, list[int]] = defaultdict(list)
    for package_id, employee_id in (await connection.execute(query)).all():
        found[package_id].append(employee_id)
    return found
