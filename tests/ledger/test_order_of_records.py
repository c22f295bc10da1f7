"""In whatever order what has happened is told, and however often: the same charges, fees and ends."""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from callcenter import due
from callcenter.domain.fees import months_due
from callcenter.domain.packages import minutes_for
from callcenter.features.numbers import direct_numbers
from callcenter.features.numbers.tables import number_fee
from callcenter.features.people.accounts import make_company
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.store.tables.books import cel_watermark, posting, reservation
from callcenter.store.tables.numbers import outside_number
from tests import stores
from tests.ledger.test_settlement import NOW, Books, Records
from tests.ledger.test_wallet import Money

CALLS = st.lists(st.integers(0, 290), min_size=2, max_size=5)


class Heap(Records):
    """Keeps the rows of each call until somebody says in which order Asterisk writes them."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.kept: dict[str, list[tuple[Any, ...]]] = defaultdict(list)

    def row(self, event: str, at: datetime, uid: str, call_id: str, role: str, channel: str, extra: str = "") -> None:
        self.kept[call_id].append((event, at, uid, call_id, role, channel, extra))

    def write(self, order: list[int]) -> None:
        """The next row of the call that is named, until there is none left of any; a call's own rows stay in order."""
        names = sorted(self.kept)
        for at in order:
            waiting = [one for one in names if self.kept[one]]
            if waiting:
                super().row(*self.kept[waiting[at % len(waiting)]].pop(0))
        for one in names:
            while self.kept[one]:
                super().row(*self.kept[one].pop(0))


async def _charged(talks: list[int], order: list[int], cuts: list[int], again: list[int]) -> None:
    with tempfile.TemporaryDirectory() as name:
        async with stores.database(Path(name) / "test.db") as database:
            books = Books(database, Path(name))
            heap = Heap(Path(name) / "master.db")
            package = await books.open(minutes=100)
            for index, talk in enumerate(talks):
                await books.start(f"call{index}")
                heap.outbound(f"call{index}", NOW + timedelta(seconds=index), talk)
            heap.write(order)
            rows = await books.cel.after(0)
            while rows:
                size = cuts.pop() if cuts else len(rows)
                await books.settlement.advance("pbx", rows[:size], NOW)
                rows = rows[size:]
            wanted = sum(minutes_for(talk) for talk in talks)
            assert await books.left(package) == book.Balances(100 - wanted, 0, wanted)
            assert sorted(await books.charged()) == sorted(minutes_for(talk) for talk in talks)
            before = await _all_postings(books)
            for last in again:  # the watermark was lost with the disk, or was put back by hand
                async with database.write() as connection:
                    await connection.execute(update(cel_watermark).values(last_id=last))
                await books.settle()
            assert await _all_postings(books) == before
            still = select(reservation.c.call_id).where(
                reservation.c.company_id == books.company_id, reservation.c.open
            )
            async with database.read() as connection:
                assert (await connection.execute(still)).first() is None


async def _all_postings(books: Books) -> list[tuple[Any, ...]]:
    query = select(posting.c.txn, posting.c.account_id, posting.c.amount).where(
        posting.c.company_id == books.company_id
    )
    async with books.database.read() as connection:
        return sorted(tuple(row) for row in (await connection.execute(query)).all())


@settings(max_examples=25, deadline=None)
@given(
    talks=CALLS,
    order=st.lists(st.integers(0, 4), max_size=40),
    cuts=st.lists(st.integers(1, 6), max_size=12),
    again=st.lists(st.integers(0, 40), max_size=3),
)
def test_the_order_in_which_calls_are_recorded_changes_no_charge(
    talks: list[int], order: list[int], cuts: list[int], again: list[int]
) -> None:
    asyncio.run(_charged(talks, order, cuts, again))


async def _fees(runs: list[int], leaves_after: int | None) -> None:
    """`runs`: hours after the dispatch at which the work was done, in that order."""
    start = datetime(2026, 1, 30, 15, 0, tzinfo=UTC)
    with tempfile.TemporaryDirectory() as name:
        async with stores.database(Path(name) / "test.db") as database:
            money = Money(database, await make_company(database, "甲"))
            await money.fill(10_000)
            (number_id,) = await money.dispatched(800, now=start)
            leaves: date | None = None
            if leaves_after is not None:
                mine = (outside_number.c.company_id == money.company_id, outside_number.c.id == number_id)
                async with database.write() as connection:
                    asked = update(outside_number).where(*mine)
                    await connection.execute(asked.values(state="assigned", leave_state="requested"))
                    row = await direct_numbers.review_leave(
                        connection, number_id, approve=True, by=1, now=start + timedelta(hours=leaves_after)
                    )
                leaves = (row.leaves_at + timedelta(hours=8)).date()
            for hours in runs:
                await due.run_due(database, start + timedelta(hours=hours))
            last = (start + timedelta(hours=max(runs) + 8)).date()
            query = select(number_fee.c.month).where(number_fee.c.company_id == money.company_id)
            async with database.read() as connection:
                paid = sorted((await connection.execute(query)).scalars())
            # The dispatch was on 30 January at 23:00 in Shanghai: January is paid with what was frozen.
            assert paid == [date(2026, 1, 1), *months_due(date(2026, 1, 1), last, leaves)]
            has = await money.has()
            assert (has.balance, has.frozen) == (10_000 - 800 * len(paid), 0)
            async with database.read() as connection:
                assert await book.balance(connection, money.company_id, book.money(Kind.SPENT)) == 800 * len(paid)


@settings(max_examples=20, deadline=None)
@given(
    runs=st.lists(st.integers(0, 24 * 400), min_size=1, max_size=6),
    leaves_after=st.none() | st.integers(0, 24 * 45),
)
def test_months_are_charged_once_whenever_the_work_is_done(runs: list[int], leaves_after: int | None) -> None:
    asyncio.run(_fees(runs, leaves_after))
