"""Purchases, assignments, calls, ends, departures and fees in any order: the books stay sound after every step."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from callcenter.domain.gates import GateClosed
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Mode, PackageKind
from callcenter.features.packages import assign
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import NewLot, Packages, issue
from callcenter.ledger.settle import Settlement
from callcenter.store.database import Database
from callcenter.store.tables.books import account, cel_watermark, posting
from tests import stores
from tests.ledger.test_settlement import Records

START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
PEOPLE = 3
STEP = st.tuples(
    st.sampled_from(["own", "shared", "top_up", "dial", "extend", "give_back", "hang_up", "replay", "days", "depart"])
    | st.sampled_from(["recharge", "buy", "fee", "freeze", "thaw"]),
    st.integers(0, 5),
    st.integers(1, 40),
)


@dataclass
class Town:
    """A company, its people, its packages and the calls that run."""

    database: Database
    records: Records
    cel: CelFile
    company_id: int = 0
    people: list[int] = field(default_factory=list)
    now: datetime = START
    packages: list[int] = field(default_factory=list)
    running: dict[str, datetime] = field(default_factory=dict)
    numbers: itertools.count[int] = field(default_factory=itertools.count)
    frozen: int = 0

    def __post_init__(self) -> None:
        self.holds = Packages(self.database)
        self.settlement = Settlement(self.database)

    async def open(self) -> None:
        self.company_id = await make_company(self.database, "甲")
        for index in range(PEOPLE):
            made = await make_employee(
                self.database, self.company_id, login=f"a{index}", name="甲", role_code="agent", password="12345678"
            )
            self.people.append(made.employee_id)

    # -- steps -----------------------------------------------------------------------------------------------------

    async def own(self, who: int, amount: int) -> None:
        await self._issue(amount, employee_id=self.people[who % PEOPLE])

    async def shared(self, who: int, amount: int) -> None:
        await self._issue(amount, kind=PackageKind.SHARED, quantity=PEOPLE)
        async with self.database.write() as connection:
            await assign.assign(
                connection, self.company_id, self.packages[-1], self.people[: 1 + who % PEOPLE], by=1, now=self.now
            )

    async def top_up(self, who: int, amount: int) -> None:
        if self.packages:
            parent = self.packages[who % len(self.packages)]
            await self._issue(amount, employee_id=self.people[who % PEOPLE], kind=PackageKind.TOP_UP, parent_id=parent)

    async def _issue(
        self,
        minutes: int,
        *,
        employee_id: int | None = None,
        kind: PackageKind = PackageKind.NON_SHARED,
        quantity: int = 1,
        parent_id: int | None = None,
    ) -> None:
        end = self.now + timedelta(days=1 + minutes % 5)
        new = NewLot(
            "包", Mode.DIRECT, minutes, self.now, end, employee_id, kind=kind, quantity=quantity, parent_id=parent_id
        )
        async with self.database.write() as connection:
            self.packages.append(await issue(connection, self.company_id, new, by=None, now=self.now))

    async def dial(self, who: int, amount: int) -> None:
        call_id = f"call{next(self.numbers)}"
        await self.holds.reserve(
            company_id=self.company_id,
            employee_id=self.people[who % PEOPLE],
            mode=Mode.DIRECT,
            call_id=call_id,
            minutes=amount,
            now=self.now,
        )
        self.running[call_id] = self.now

    async def extend(self, who: int, amount: int) -> None:
        if self.running:
            await self.holds.extend(
                company_id=self.company_id, call_id=self._one(who), minutes=amount, now=self.now, urgent=amount % 2 == 0
            )

    async def give_back(self, who: int, amount: int) -> None:
        if self.running:
            await self.holds.give_back(
                company_id=self.company_id, call_id=self._one(who), keep=amount % 4, now=self.now
            )

    async def hang_up(self, who: int, amount: int) -> None:
        """The call talked that many quarter minutes; Asterisk's records are taken in."""
        if not self.running:
            return
        call_id = self._one(who)
        self.records.outbound(call_id, self.running.pop(call_id), 15 * (amount - 1))
        await self.replay(0, 0)
        # Nobody wrote the call's own row here, so what it held is given back by hand, as settlement does.
        await self.holds.release(company_id=self.company_id, call_id=call_id, now=self.now)

    async def replay(self, who: int, amount: int) -> None:
        """Takes in what is new; with an odd amount all from some earlier row on, as if the watermark had been lost."""
        last = await self.settlement.watermark("pbx")
        if amount % 2:
            last = min(last, 7 * who)
            async with self.database.write() as connection:
                await connection.execute(update(cel_watermark).values(last_id=last))
        await self.settlement.advance("pbx", await self.cel.after(last), self.now)

    async def days(self, who: int, amount: int) -> None:
        self.now += timedelta(hours=6 * amount % 60)
        await self.holds.expire(self.now)

    async def depart(self, who: int, amount: int) -> None:
        gone, heir = self.people[who % PEOPLE], self.people[(who + 1) % PEOPLE]
        async with self.database.write() as connection:
            await assign.hand_over_all(connection, self.company_id, gone, heir, by=1, now=self.now)

    async def recharge(self, who: int, amount: int) -> None:
        await self._money(Entry.RECHARGE, Kind.PAID_IN, Kind.WALLET, amount)

    async def buy(self, who: int, amount: int) -> None:
        await self._money(Entry.PURCHASE, Kind.WALLET, Kind.SPENT, amount)

    async def fee(self, who: int, amount: int) -> None:
        await self._money(Entry.NUMBER_FEE, Kind.WALLET, Kind.SPENT, amount, overdraw=True)

    async def freeze(self, who: int, amount: int) -> None:
        await self._money(Entry.FREEZE, Kind.WALLET, Kind.FROZEN, amount)
        self.frozen += amount

    async def thaw(self, who: int, amount: int) -> None:
        await self._money(Entry.THAW, Kind.FROZEN, Kind.WALLET, min(amount, self.frozen))
        self.frozen -= min(amount, self.frozen)

    async def _money(self, entry: Entry, source: Kind, to: Kind, amount: int, *, overdraw: bool = False) -> None:
        txn = f"{entry.value}:{next(self.numbers)}"
        for _ in range(2):  # saying it twice is saying it once
            async with self.database.write() as connection:
                await book.post(
                    connection,
                    company_id=self.company_id,
                    txn=txn,
                    entry=entry,
                    lines={book.money(source): -amount, book.money(to): amount},
                    at=self.now,
                    overdraw=overdraw,
                )

    def _one(self, who: int) -> str:
        return sorted(self.running)[who % len(self.running)]

    # -- what must hold --------------------------------------------------------------------------------------------

    async def check(self) -> None:
        mine = (account.c.company_id == self.company_id,)
        sums = (
            select(account.c.unit, func.sum(posting.c.amount))
            .join(posting, posting.c.account_id == account.c.id)
            .where(*mine)
            .group_by(account.c.unit)
        )
        kept = (
            select(account.c.kind, account.c.balance, func.coalesce(func.sum(posting.c.amount), 0).label("posted"))
            .outerjoin(posting, posting.c.account_id == account.c.id)
            .where(*mine)
            .group_by(account.c.id)
        )
        async with self.database.glance() as connection:
            assert {unit: int(total) for unit, total in (await connection.execute(sums)).all()}.keys() <= {
                "minute",
                "fen",
            }
            assert all(int(total) == 0 for _, total in (await connection.execute(sums)).all())
            for row in (await connection.execute(kept)).all():
                assert row.balance == row.posted
                assert row.balance >= 0 or row.kind in (Kind.ISSUED.value, Kind.PAID_IN.value, Kind.WALLET.value)
        for lot in await self.holds.lots(self.company_id):
            async with self.database.glance() as connection:
                gone = await book.balance(connection, self.company_id, book.lot(lot.id, Kind.EXPIRED))
            assert lot.minutes_left + lot.minutes_reserved + lot.minutes_used + gone == lot.minutes_total

    async def fingerprint(self) -> list[tuple[int, int]]:
        query = select(account.c.id, account.c.balance).where(account.c.company_id == self.company_id)
        async with self.database.glance() as connection:
            return sorted((row.id, row.balance) for row in (await connection.execute(query)).all())


async def _live(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        async with stores.database(Path(name) / "test.db") as database:
            path = Path(name) / "master.db"
            town = Town(database, Records(path), CelFile(path, "pbx"))
            await town.open()
            for what, who, amount in steps:
                step: Callable[[int, int], Awaitable[None]] = getattr(town, what)
                with contextlib.suppress(GateClosed, Refusal, IntegrityError):  # refused: nothing has happened
                    await step(who, amount)
                await town.check()
            while town.running:
                await town.hang_up(0, 7)
            before = await town.fingerprint()
            await town.replay(0, 1)
            assert await town.fingerprint() == before, "taking all records in again changes nothing"
            assert all(lot.minutes_reserved == 0 for lot in await town.holds.lots(town.company_id))
            await town.check()


@settings(max_examples=25, deadline=None)
@given(st.lists(STEP, min_size=5, max_size=30))
def test_the_books_are_sound_after_every_step(steps: list[tuple[str, int, int]]) -> None:
    asyncio.run(_live([("own", 0, 20), ("shared", 2, 15), ("recharge", 0, 30), *steps]))
