"""Charges come from Asterisk's records, exactly once, whatever happens in between."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, insert, select
from sqlalchemy.exc import IntegrityError

from callcenter.domain.gates import GateClosed
from callcenter.domain.terms import Gate, Mode
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settlement
from callcenter.store.database import Database
from callcenter.store.tables.books import account, posting
from callcenter.store.tables.calls import call
from tests import stores

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
C16_2 = [(11, 1), (0, 0), (15, 1), (0, 0), (66, 2), (13, 1), (94, 2), (0, 0), (260, 5), (0, 0)]


class Records:
    """Writes CEL rows into a real file as Asterisk does."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS cel (AcctId INTEGER PRIMARY KEY, eventtype, eventtime, cidnum, dnid, context,"
            " exten, channame, accountcode, peeraccount, uniqueid, linkedid, peer, eventextra)"
        )

    def row(self, event: str, at: datetime, uid: str, call_id: str, role: str, channel: str, extra: str = "") -> None:
        self._db.execute(
            "INSERT INTO cel (eventtype, eventtime, cidnum, context, exten, channame, accountcode, uniqueid, linkedid,"
            " eventextra) VALUES (?, ?, '', 'dial-out', 's', ?, ?, ?, ?, ?)",
            (event, f"{at.timestamp():.6f}", channel, f"{call_id}.{role}", uid, call_id, extra),
        )

    def outbound(self, call_id: str, start: datetime, talk: float) -> None:
        """One direct call; `talk` of 0 is a call that was not answered."""
        agent, customer = call_id, f"{call_id}-b"
        trunk = "PJSIP/trunk-1-00000001"
        self.row("CHAN_START", start, agent, call_id, "agent", "PJSIP/agent-1-00000001")
        self.row("ANSWER", start + timedelta(seconds=1), agent, call_id, "agent", "PJSIP/agent-1-00000001")
        self.row("CHAN_START", start + timedelta(seconds=1), customer, call_id, "customer", trunk)
        answered = start + timedelta(seconds=3)
        if talk:
            self.row("ANSWER", answered, customer, call_id, "customer", trunk)
            self.row("BRIDGE_ENTER", answered, customer, call_id, "customer", trunk)
        end = answered + timedelta(seconds=talk)
        self.row("HANGUP", end, customer, call_id, "customer", trunk, '{"hangupcause":16}')
        self.row("HANGUP", end, agent, call_id, "agent", "PJSIP/agent-1-00000001", '{"hangupcause":16}')
        self.row("LINKEDID_END", end, agent, call_id, "agent", "PJSIP/agent-1-00000001")


class Books:
    """A company with one employee, a ledger and Asterisk's records."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.packages = Packages(database)
        self.settlement = Settlement(database)
        self.records = Records(folder / "master.db")
        self.cel = CelFile(folder / "master.db", "pbx")
        self.company_id = 0
        self.employee_id = 0

    async def open(self, minutes: int = 100, increment: int = 60) -> int:
        self.company_id = await make_company(self.database, "甲")
        made = await make_employee(
            self.database, self.company_id, login="a", name="甲", role_code="agent", password="12345678"
        )
        self.employee_id = made.employee_id
        return await self.grant(minutes, increment=increment)

    async def grant(self, minutes: int, *, increment: int = 60, days: int = 30, employee: int | None = None) -> int:
        return await self.packages.grant(
            company_id=self.company_id,
            employee_id=employee or self.employee_id,
            name="畅享包",
            mode=Mode.DIRECT,
            minutes=minutes,
            days=days,
            now=NOW,
            increment_seconds=increment,
        )

    async def start(self, call_id: str, minutes: int = 5, now: datetime = NOW, employee: int | None = None) -> int:
        """Reserves and writes the log row, as the engine does before it dials; the minutes held."""
        held = await self.packages.reserve(
            company_id=self.company_id,
            employee_id=employee or self.employee_id,
            mode=Mode.DIRECT,
            call_id=call_id,
            minutes=minutes,
            now=now,
        )
        async with self.database.write() as connection:
            await connection.execute(
                insert(call).values(
                    id=call_id,
                    company_id=self.company_id,
                    direction="outbound",
                    mode="direct",
                    source="manual",
                    employee_id=self.employee_id,
                    number="+8613800000001",
                    state="dialing_agent",
                    started_at=now,
                )
            )
        return held.minutes

    async def settle(self, replay_from: int | None = None) -> int:
        last = await self.settlement.watermark("pbx") if replay_from is None else replay_from
        settled = await self.settlement.advance("pbx", await self.cel.after(last), NOW)
        return len(settled)

    async def left(self, package_id: int) -> book.Balances:
        async with self.database.read() as connection:
            return await book.balances(connection, self.company_id, package_id)

    async def charged(self) -> list[int]:
        query = select(call.c.minutes_charged).where(call.c.company_id == self.company_id).order_by(call.c.started_at)
        async with self.database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def sum_of_postings(self) -> int:
        query = select(func.coalesce(func.sum(posting.c.amount), 0)).where(posting.c.company_id == self.company_id)
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())


@pytest.fixture
def books(database: Database, tmp_path: Path) -> Books:
    return Books(database, tmp_path)


async def _calls(books: Books, talks: Sequence[int]) -> None:
    for index, talk in enumerate(talks):
        start = NOW + timedelta(minutes=10 * index)
        await books.start(f"call{index}", now=start)
        books.records.outbound(f"call{index}", start, talk)
        await books.settle()


@pytest.mark.feature("V-01", "V-02")
async def test_the_printed_list_of_ten_calls_costs_twelve_minutes(books: Books) -> None:
    """SPEC C16-2; unanswered calls of the list cost nothing."""
    package = await books.open()
    await _calls(books, [talk for talk, _ in C16_2])
    assert await books.charged() == [minutes for _, minutes in C16_2]
    assert await books.left(package) == book.Balances(available=88, reserved=0, used=12)


async def test_reading_the_same_records_again_charges_nothing(books: Books) -> None:
    package = await books.open()
    await _calls(books, [61, 12])
    await books.settle(replay_from=0)
    assert await books.left(package) == book.Balances(97, 0, 3)
    # Even a lost watermark does not charge twice: each leg's transaction has a name that exists once.
    async with books.database.write() as connection:
        from callcenter.store.tables.books import cel_watermark

        await connection.execute(cel_watermark.delete())
    await books.settle()
    assert await books.left(package) == book.Balances(97, 0, 3)


async def test_records_may_arrive_cut_at_any_row(books: Books) -> None:
    package = await books.open()
    await books.start("call0")
    books.records.outbound("call0", NOW, 61)
    for row in await books.cel.after(0):
        await books.settlement.advance("pbx", [row], NOW)
    assert await books.left(package) == book.Balances(98, 0, 2)


@pytest.mark.feature("V-04")
async def test_a_package_that_is_used_up_is_refused_with_its_reason(books: Books) -> None:
    await books.open(minutes=1)
    await _calls(books, [12])
    with pytest.raises(GateClosed) as refused:
        await books.start("again")
    assert refused.value.gate is Gate.MINUTES_USED_UP


async def test_without_a_package_the_reason_is_another(books: Books) -> None:
    await books.open()
    other = await make_employee(
        books.database, books.company_id, login="b", name="乙", role_code="agent", password="12345678"
    )
    with pytest.raises(GateClosed) as refused:
        await books.start("call", employee=other.employee_id)
    assert refused.value.gate is Gate.NO_PACKAGE


@pytest.mark.feature("V-05")
async def test_two_employees_consume_only_their_own_minutes(books: Books) -> None:
    mine = await books.open(minutes=10)
    other = await make_employee(
        books.database, books.company_id, login="b", name="乙", role_code="agent", password="12345678"
    )
    theirs = await books.grant(10, employee=other.employee_id)
    await books.start("call0")
    await books.start("call1", employee=other.employee_id)
    books.records.outbound("call0", NOW, 61)
    books.records.outbound("call1", NOW, 200)
    await books.settle()
    assert (await books.left(mine)).used == 2
    assert (await books.left(theirs)).used == 4


async def test_the_package_that_expires_first_pays(books: Books) -> None:
    later = await books.open(minutes=10)
    sooner = await books.grant(10, days=7)
    await _calls(books, [12])
    assert (await books.left(sooner)).used == 1
    assert (await books.left(later)).used == 0


async def test_more_minutes_than_are_left_are_never_held(books: Books) -> None:
    package = await books.open(minutes=3)
    assert await books.start("call0", minutes=5) == 3
    more = await books.packages.extend(company_id=books.company_id, call_id="call0", minutes=5, now=NOW)
    assert more is None
    assert await books.left(package) == book.Balances(0, 3, 0)


async def test_an_extension_holds_what_is_there_and_is_paid_from(books: Books) -> None:
    package = await books.open(minutes=7)
    await books.start("call0", minutes=5)
    more = await books.packages.extend(company_id=books.company_id, call_id="call0", minutes=5, now=NOW)
    assert more is not None
    assert more.minutes == 7
    books.records.outbound("call0", NOW, 6 * 60 + 5)
    await books.settle()
    assert await books.left(package) == book.Balances(0, 0, 7)


async def test_talk_beyond_all_minutes_is_flagged_and_never_overdraws(books: Books) -> None:
    package = await books.open(minutes=2)
    await books.start("call0")
    books.records.outbound("call0", NOW, 500)
    await books.settle()
    assert await books.left(package) == book.Balances(0, 0, 2)
    async with books.database.read() as connection:
        flag = await connection.execute(select(call.c.flag).where(call.c.company_id == books.company_id))
        assert flag.scalar_one() == "overrun"


async def test_a_call_that_asterisk_forgot_is_settled_by_the_last_evidence(books: Books) -> None:
    package = await books.open()
    await books.start("call0")
    books.records.row("CHAN_START", NOW, "call0-b", "call0", "customer", "PJSIP/trunk-1-1")
    books.records.row("ANSWER", NOW, "call0-b", "call0", "customer", "PJSIP/trunk-1-1")
    await books.settle()
    until = NOW + timedelta(seconds=70)
    settled = await books.settlement.close_unrecorded("call0", books.company_id, until, until)
    assert settled is not None
    assert settled.minutes_charged == 2
    assert await books.left(package) == book.Balances(98, 0, 2)
    again = await books.settlement.close_unrecorded("call0", books.company_id, until + timedelta(hours=1), until)
    assert again is None
    assert await books.left(package) == book.Balances(98, 0, 2)


async def test_records_that_come_after_a_call_was_closed_are_charged_once(books: Books) -> None:
    """Closed without its answer, because Asterisk could not write for a while; then the rows are there after all."""
    package = await books.open()
    await books.start("call0")
    trunk = "PJSIP/trunk-1-1"
    books.records.row("CHAN_START", NOW, "call0-b", "call0", "customer", trunk)
    await books.settle()
    closed = await books.settlement.close_unrecorded("call0", books.company_id, NOW + timedelta(seconds=9), NOW)
    assert closed is not None and closed.minutes_charged == 0
    assert await books.left(package) == book.Balances(100, 0, 0)
    books.records.row("ANSWER", NOW, "call0-b", "call0", "customer", trunk)
    books.records.row("HANGUP", NOW + timedelta(seconds=70), "call0-b", "call0", "customer", trunk)
    await books.settle()
    assert await books.left(package) == book.Balances(98, 0, 2)
    assert await books.charged() == [2] and await books.sum_of_postings() == 0
    await books.settle(replay_from=0)
    books.records.row("HANGUP", NOW + timedelta(seconds=300), "call0-b", "call0", "customer", trunk)
    await books.settle()
    assert await books.left(package) == book.Balances(98, 0, 2) and await books.charged() == [2]


async def test_the_database_itself_refuses_an_overdraft(books: Books) -> None:
    package = await books.open(minutes=1)
    with pytest.raises(IntegrityError):
        async with books.database.write() as connection:
            await book.post(
                connection,
                company_id=books.company_id,
                txn="theft",
                entry=Entry.SETTLE,
                lines={book.lot(package, Kind.AVAILABLE): -2, book.used(package, 1): 2},
                at=NOW,
            )


async def test_a_transaction_that_does_not_sum_to_zero_is_refused(books: Books) -> None:
    package = await books.open()
    async with books.database.write() as connection:
        with pytest.raises(ValueError, match="sum to zero"):
            await book.post(
                connection,
                company_id=books.company_id,
                txn="x",
                entry=Entry.SETTLE,
                lines={book.lot(package, Kind.AVAILABLE): -2, book.used(package, 1): 1},
                at=NOW,
            )


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    talks=st.lists(st.integers(0, 400), min_size=1, max_size=6),
    minutes=st.integers(1, 30),
    replays=st.lists(st.integers(0, 40), max_size=3),
)
async def test_whatever_is_called_and_replayed_the_books_balance(
    tmp_path_factory: pytest.TempPathFactory, talks: list[int], minutes: int, replays: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("books")
    async with stores.database(folder / "test.db") as database:
        books = Books(database, folder)
        package = await books.open(minutes=minutes)
        for index, talk in enumerate(talks):
            try:
                held = await books.start(f"call{index}")
            except GateClosed:
                continue
            books.records.outbound(f"call{index}", NOW, min(talk, held * 60))
            await books.settle()
        for replay in replays:
            await books.settle(replay_from=replay)
        left = await books.left(package)
        assert left.reserved == 0
        assert left.available + left.used == minutes
        assert left.available >= 0
        assert await books.sum_of_postings() == 0
        async with database.read() as connection:
            query = select(account.c.balance).where(account.c.company_id == books.company_id)
            assert sum((await connection.execute(query)).scalars()) == 0


@pytest.mark.feature("P-51")
async def test_many_calls_at_once_never_hold_more_than_one_package_has(books: Books) -> None:
    package = await books.open(minutes=20)
    held = await asyncio.gather(
        *(books.start(f"call{index}", minutes=5) for index in range(100)), return_exceptions=True
    )
    minutes = [one for one in held if isinstance(one, int)]
    refused = [one for one in held if isinstance(one, GateClosed)]
    assert len(minutes) + len(refused) == 100
    assert sum(minutes) == 20
    assert {one.gate for one in refused} == {Gate.MINUTES_USED_UP}
    assert await books.left(package) == book.Balances(0, 20, 0)
    for index in range(100):
        if isinstance(held[index], int):
            books.records.outbound(f"call{index}", NOW, 59)
    while await books.settle():
        pass
    assert await books.left(package) == book.Balances(20 - len(minutes), 0, len(minutes))
