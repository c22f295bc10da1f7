"""Minutes that calls hold: of one package after the other, of a pool that many share, and past a package's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import DatabaseError, IntegrityError

from callcenter.domain.gates import GateClosed
from callcenter.domain.terms import Gate, Mode, PackageKind
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.holds import Reservation
from callcenter.ledger.packages import NewLot, Packages, issue
from callcenter.store.database import Database
from callcenter.store.tables.books import posting
from callcenter.store.tables.packages import package_member

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


class Pool:
    """A company whose people share packages."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.packages = Packages(database)
        self.company_id = 0
        self.people: list[int] = []

    async def open(self, people: int) -> None:
        self.company_id = await make_company(self.database, "甲")
        for index in range(people):
            made = await make_employee(
                self.database, self.company_id, login=f"a{index}", name="甲", role_code="agent", password="12345678"
            )
            self.people.append(made.employee_id)

    async def shared(self, minutes: int, members: list[int], days: int = 30) -> int:
        new = NewLot(
            "共享包",
            Mode.DIRECT,
            minutes,
            NOW,
            NOW + timedelta(days=days),
            kind=PackageKind.SHARED,
            quantity=len(members),
        )
        async with self.database.write() as connection:
            package_id = await issue(connection, self.company_id, new, by=None, now=NOW)
            rows = [
                {"package_id": package_id, "employee_id": one, "company_id": self.company_id, "assigned_at": NOW}
                for one in members
            ]
            await connection.execute(insert(package_member), rows)
        return package_id

    async def own(self, minutes: int, days: int = 30, employee: int = 0) -> int:
        return await self.packages.grant(
            company_id=self.company_id,
            employee_id=self.people[employee],
            name="畅享包",
            mode=Mode.DIRECT,
            minutes=minutes,
            days=days,
            now=NOW,
        )

    async def reserve(self, call: str, minutes: int = 5, employee: int = 0, now: datetime = NOW) -> Reservation:
        return await self.packages.reserve(
            company_id=self.company_id,
            employee_id=self.people[employee],
            mode=Mode.DIRECT,
            call_id=call,
            minutes=minutes,
            now=now,
        )

    async def extend(self, call: str, minutes: int = 5, *, urgent: bool = True) -> Reservation | None:
        return await self.packages.extend(
            company_id=self.company_id, call_id=call, minutes=minutes, now=NOW, urgent=urgent
        )

    async def give_back(self, call: str, keep: int) -> Reservation | None:
        return await self.packages.give_back(company_id=self.company_id, call_id=call, keep=keep, now=NOW)

    async def left(self, package_id: int) -> book.Balances:
        async with self.database.read() as connection:
            return await book.balances(connection, self.company_id, package_id)


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Pool]:
    yield Pool(database)


async def test_a_call_goes_on_with_the_next_package(pool: Pool) -> None:
    await pool.open(1)
    first, second = await pool.own(3, days=7), await pool.own(100)
    held = await pool.reserve("c")
    assert (held.package_id, held.minutes) == (first, 3)
    more = await pool.extend("c")
    assert more is not None
    assert (more.package_id, more.minutes) == (second, 8)
    assert (await pool.left(first), await pool.left(second)) == (book.Balances(0, 3, 0), book.Balances(95, 5, 0))
    await pool.packages.release(company_id=pool.company_id, call_id="c", now=NOW)
    assert (await pool.left(first), await pool.left(second)) == (book.Balances(3, 0, 0), book.Balances(100, 0, 0))


async def test_minutes_are_given_back_from_the_last_package_first(pool: Pool) -> None:
    await pool.open(1)
    first, second = await pool.own(3, days=7), await pool.own(100)
    await pool.reserve("c")
    await pool.extend("c")
    kept = await pool.give_back("c", keep=2)
    assert kept is not None and kept.minutes == 2
    assert (await pool.left(first), await pool.left(second)) == (book.Balances(1, 2, 0), book.Balances(100, 0, 0))
    assert (await pool.give_back("c", keep=9)) == kept
    more = await pool.extend("c", 1)
    assert more is not None and more.minutes == 3


async def test_whoever_is_not_on_a_shared_package_cannot_use_it(pool: Pool) -> None:
    await pool.open(2)
    await pool.shared(100, pool.people[:1])
    assert (await pool.reserve("c")).minutes == 5
    with pytest.raises(GateClosed) as refused:
        await pool.reserve("d", employee=1)
    assert refused.value.gate is Gate.NO_PACKAGE
    assert await pool.packages.minutes_left(pool.company_id, NOW) == {pool.people[0]: 100}


@pytest.mark.feature("P-51")
async def test_a_hundred_callers_at_once_share_what_is_left(pool: Pool) -> None:
    """150 minutes: each of the hundred holds its first one, nobody holds two while another has none."""
    await pool.open(100)
    package = await pool.shared(150, pool.people)
    held = await asyncio.gather(*(pool.reserve(f"c{at}", employee=at) for at in range(100)))
    assert [one.minutes for one in held] == [1] * 100
    # Nobody takes a second minute early while fewer are left than callers; whoever needs one now gets it.
    waiting = await pool.extend("c0", urgent=False)
    assert waiting is not None and waiting.minutes == 1
    more = await asyncio.gather(*(pool.extend(f"c{at}") for at in range(100)))
    assert sum(1 for one in more if one is not None) == 50
    assert await pool.left(package) == book.Balances(0, 150, 0)


async def test_what_is_left_at_the_end_of_a_package_is_gone(pool: Pool) -> None:
    """C16-5, and a call that runs over the end keeps what it holds and returns the rest to nobody."""
    await pool.open(1)
    package = await pool.own(500, days=1)
    await pool.reserve("c")
    end = NOW + timedelta(days=1)
    gone = await pool.packages.expire(end)
    assert [(one.id, one.minutes_left) for one in gone] == [(package, 495)]
    assert await pool.packages.expire(end) == []
    assert await pool.left(package) == book.Balances(0, 5, 0)
    await pool.packages.release(company_id=pool.company_id, call_id="c", now=end)
    assert await pool.left(package) == book.Balances(0, 0, 0)
    with pytest.raises(GateClosed):
        await pool.reserve("d", now=end)


async def test_no_posting_can_be_changed_or_deleted(pool: Pool) -> None:
    await pool.open(1)
    await pool.own(10)
    mine = posting.c.company_id == pool.company_id
    for statement in (update(posting).where(mine).values(amount=1), delete(posting).where(mine)):
        with pytest.raises(DatabaseError, match="immutable"):
            async with pool.database.write() as connection:
                await connection.execute(statement)
    async with pool.database.read() as connection:
        assert sorted((await connection.execute(select(posting.c.amount).where(mine))).scalars()) == [-10, 10]


async def test_the_wallet_goes_below_zero_only_for_what_may_do_that(pool: Pool) -> None:
    await pool.open(1)
    moves = [("in", 500, False), ("fee", -800, True), ("buy", -100, False), ("in2", 200, False), ("in3", 1000, False)]
    refused = []
    for txn, amount, overdraw in moves:
        other = Kind.PAID_IN if amount > 0 else Kind.SPENT
        try:
            async with pool.database.write() as connection:
                await book.post(
                    connection,
                    company_id=pool.company_id,
                    txn=txn,
                    entry=Entry.RECHARGE,
                    lines={book.money(Kind.WALLET): amount, book.money(other): -amount},
                    at=NOW,
                    overdraw=overdraw,
                )
        except IntegrityError:
            refused.append(txn)
    assert refused == ["buy"]
    async with pool.database.read() as connection:
        assert await book.balance(connection, pool.company_id, book.money(Kind.WALLET)) == 900
