"""Money of a company as time passes: codes that end, months that are due, seats that last a year."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import DatabaseError

from callcenter import due
from callcenter.domain.refusals import Refusal
from callcenter.features.money import ai_wallet, licences, points, prices, recharges, wallet
from callcenter.features.numbers import direct_numbers
from callcenter.features.numbers.direct_numbers import Dispatched
from callcenter.features.numbers.seats import make_seat
from callcenter.features.numbers.tables import number_fee
from callcenter.features.people.accounts import make_company
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.providers.payment import Paid, SimulatedPayments
from callcenter.store.database import Database
from callcenter.store.tables.books import posting
from callcenter.store.tables.numbers import outside_number
from callcenter.store.tables.people import company

NOW = datetime(2026, 1, 20, 2, 0, tzinfo=UTC)
BOSS = 1


class Money:
    """A company with a wallet; every call is one transaction."""

    def __init__(self, database: Database, company_id: int) -> None:
        self.database = database
        self.company_id = company_id

    async def do(self, work: Any, *args: Any, **values: Any) -> Any:
        async with self.database.write() as connection:
            return await work(connection, *args, **values)

    async def fill(self, amount: int) -> None:
        await self.do(
            wallet.move, self.company_id, Kind.PAID_IN, Kind.WALLET, amount,
            txn=f"test:{amount}:{await self.postings()}", entry=Entry.RECHARGE, now=NOW,
        )  # fmt: skip

    async def has(self) -> wallet.Standing:
        async with self.database.read() as connection:
            return await wallet.standing(connection, self.company_id)

    async def postings(self) -> int:
        query = select(func.count()).select_from(posting).where(posting.c.company_id == self.company_id)
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def balanced(self) -> bool:
        query = select(func.sum(posting.c.amount)).where(posting.c.company_id == self.company_id)
        async with self.database.read() as connection:
            return not (await connection.execute(query)).scalar()

    async def dispatched(self, fee: int, count: int = 1, now: datetime = NOW) -> list[int]:
        """Numbers of that monthly fee, asked for and dispatched at `now`."""
        await self.do(prices.change, {**prices.DEFAULTS, "number_month": fee})
        for _ in range(count):
            await make_seat(self.database, self.company_id, None)
        row = await self.do(direct_numbers.apply, self.company_id, count, "上海", key=None, by=BOSS, now=now)
        given = [Dispatched(f"+86216000{row.id:02d}{index:02d}", "8986", "") for index in range(count)]
        await self.do(direct_numbers.dispatch, row.id, given, None, by=BOSS, now=now)
        query = select(outside_number.c.id).where(
            outside_number.c.company_id == self.company_id, outside_number.c.application_id == row.id
        )
        async with self.database.read() as connection:
            return list((await connection.execute(query)).scalars())


@pytest.fixture
async def money(database: Database) -> Money:
    return Money(database, await make_company(database, "甲"))


async def _code(money: Money, amount: int, key: str = "k") -> Any:
    code = await SimulatedPayments().make_code("wechat", amount, "R1", NOW)
    return await money.do(
        recharges.begin_online, money.company_id, number=f"R-{key}", channel="wechat", amount=amount, code=code,
        key=key, by=BOSS, now=NOW,
    )  # fmt: skip


@pytest.mark.feature("V-22")
@pytest.mark.parametrize(
    ("later", "state", "balance"),
    [
        (timedelta(minutes=14, seconds=59), "approved", 10_000),
        (timedelta(minutes=15), "void", 0),
        (timedelta(minutes=15, seconds=1), "void", 0),
    ],
)
async def test_a_pay_code_lives_a_quarter_of_an_hour(money: Money, later: timedelta, state: str, balance: int) -> None:
    """C16-15. The provider may tell of the payment twice; it arrives once."""
    row = await _code(money, 10_000)
    for _ in range(2):
        closed = await money.do(recharges.paid, Paid(row.pay_code, 10_000, NOW + later))
        assert closed.state == state
    assert (await money.has()).balance == balance
    assert await money.balanced()


async def test_a_payment_of_another_amount_is_void(money: Money) -> None:
    row = await _code(money, 10_000)
    assert (await money.do(recharges.paid, Paid(row.pay_code, 1, NOW))).state == "void"
    assert (await money.has()).balance == 0


async def test_codes_that_nobody_paid_are_closed(money: Money) -> None:
    row = await _code(money, 10_000)
    await due.run_due(money.database, NOW + timedelta(minutes=14))
    async with money.database.read() as connection:
        assert (await recharges.of_code(connection, row.pay_code)).state == "pending"
    await due.run_due(money.database, NOW + timedelta(minutes=15))
    async with money.database.read() as connection:
        assert (await recharges.of_code(connection, row.pay_code)).state == "void"


@pytest.mark.feature("V-24")
async def test_the_monthly_fee_is_taken_though_the_wallet_cannot_pay_it(money: Money) -> None:
    """C16-14: wallet 5.00, fee 8.00, so -3.00; once, however often the work runs."""
    await money.fill(1300)
    await money.dispatched(800)
    assert await money.has() == wallet.Standing(500, 0, 0, 0)
    assert not await due.run_due(money.database, NOW), "the month of the dispatch is paid"
    first = datetime(2026, 1, 31, 16, 0, tzinfo=UTC)  # midnight of 1 February in Shanghai
    assert not await due.run_due(money.database, first - timedelta(seconds=1))
    assert await due.run_due(money.database, first)
    for _ in range(3):
        assert not await due.run_due(money.database, first + timedelta(days=27))
    has = await money.has()
    assert has.balance == -300 and has.blocked
    assert await money.balanced()
    with pytest.raises(Refusal) as refused:
        await money.do(
            wallet.spend, money.company_id, 1, txn="x", entry=Entry.SEATS, now=NOW, by=BOSS
        )  # fmt: skip
    assert refused.value.code == "balance_too_low"
    await money.fill(300)
    assert not (await money.has()).blocked


@pytest.mark.feature("V-25")
async def test_months_missed_while_nothing_ran_are_made_up_one_by_one(money: Money) -> None:
    await money.fill(100_000)
    await money.dispatched(800, count=2)
    await due.run_due(money.database, datetime(2026, 4, 10, tzinfo=UTC))
    query = (
        select(number_fee.c.month, func.count(), func.sum(number_fee.c.amount))
        .where(number_fee.c.company_id == money.company_id)
        .group_by(number_fee.c.month)
        .order_by(number_fee.c.month)
    )
    async with money.database.read() as connection:
        rows = (await connection.execute(query)).all()
    assert [(row[0].month, row[1], row[2]) for row in rows] == [(month, 2, 1600) for month in (1, 2, 3, 4)]
    assert (await money.has()).balance == 100_000 - 4 * 1600


@pytest.mark.feature("T-08")
async def test_a_number_that_leaves_pays_and_works_to_the_end_of_the_month(money: Money) -> None:
    await money.fill(10_000)
    (number_id,) = await money.dispatched(800)
    mine = (outside_number.c.company_id == money.company_id, outside_number.c.id == number_id)
    async with money.database.write() as connection:
        await connection.execute(update(outside_number).where(*mine).values(state="active", employee_id=None))
        row = await direct_numbers.find(connection, money.company_id, number_id)
        await direct_numbers.ask_to_leave(connection, row, "", by=BOSS, now=NOW)
        row = await direct_numbers.review_leave(connection, number_id, approve=True, by=BOSS, now=NOW)
    last = datetime(2026, 1, 31, 16, 0, tzinfo=UTC)
    assert row.leaves_at == last, "midnight of the 1st where the company is"
    await due.run_due(money.database, last - timedelta(seconds=1))
    async with money.database.read() as connection:
        assert (await direct_numbers.find(connection, money.company_id, number_id)).state == "active"
    assert await due.run_due(money.database, last)
    async with money.database.read() as connection:
        assert (await direct_numbers.find(connection, money.company_id, number_id)).state == "retired"
    await due.run_due(money.database, last + timedelta(days=40))
    assert (await money.has()).balance == 10_000 - 800, "only the first month was paid"


async def test_a_part_may_be_dispatched_and_the_rest_comes_back(money: Money) -> None:
    await money.fill(5000)
    for _ in range(3):
        await make_seat(money.database, money.company_id, None)
    row = await money.do(direct_numbers.apply, money.company_id, 3, "", key="a", by=BOSS, now=NOW)
    assert await money.has() == wallet.Standing(5000 - 2400, 2400, 0, 0)
    given = [Dispatched("+862160009000", "", "")]
    await money.do(direct_numbers.dispatch, row.id, given, 900, by=BOSS, now=NOW)
    assert await money.has() == wallet.Standing(5000 - 2400, 1600, 0, 0)
    await money.do(direct_numbers.refuse, row.id, "没有更多", by=BOSS, now=NOW)
    assert await money.has() == wallet.Standing(5000 - 800, 0, 0, 0)
    with pytest.raises(Refusal, match="application_closed"):
        await money.do(direct_numbers.refuse, row.id, "", by=BOSS, now=NOW)


@pytest.mark.feature("V-32")
async def test_ai_seats_last_a_year_from_the_purchase(money: Money) -> None:
    await money.fill(1_000_000)
    await money.do(
        licences.buy, money.company_id, "ai", 2, None, expected=600_000, key="a", by=BOSS, now=NOW
    )  # fmt: skip
    await money.do(ai_wallet.transfer, money.company_id, "in", 1000, key="t", by=BOSS, now=NOW)

    async def charge(reference: str, now: datetime) -> Any:
        return await money.do(
            ai_wallet.charge_call, money.company_id, call_id=reference, seconds=61, unit_price=30, now=now
        )  # fmt: skip

    assert (await charge("a", NOW)).amount == 60, "usable at once"
    almost = NOW.replace(year=2027) - timedelta(seconds=1)
    assert (await charge("b", almost)).amount == 60
    with pytest.raises(Refusal, match="no_ai_seat"):
        await charge("c", NOW.replace(year=2027))
    async with money.database.read() as connection:
        assert await licences.valid_ai_seats(connection, money.company_id, almost) == 2
        assert await licences.valid_ai_seats(connection, money.company_id, NOW.replace(year=2027)) == 0


@pytest.mark.feature("V-29")
async def test_an_ai_call_is_charged_once_by_started_minutes(money: Money) -> None:
    await money.fill(310_000)
    await money.do(licences.buy, money.company_id, "ai", 1, None, expected=300_000, key="a", by=BOSS, now=NOW)
    await money.do(ai_wallet.transfer, money.company_id, "in", 1000, key="t", by=BOSS, now=NOW)
    for _ in range(2):
        row = await money.do(
            ai_wallet.charge_call, money.company_id, call_id="x", seconds=121, unit_price=20, now=NOW
        )  # fmt: skip
        assert (row.kind, row.amount, row.seconds, row.unit_price) == ("call", 60, 121, 20)
    assert (
        await money.do(ai_wallet.charge_call, money.company_id, call_id="y", seconds=0, unit_price=20, now=NOW) is None
    )
    assert (await money.has()).ai_balance == 940
    with pytest.raises(Refusal, match="balance_too_low"):
        await money.do(ai_wallet.charge_call, money.company_id, call_id="z", seconds=60, unit_price=941, now=NOW)
    await money.do(ai_wallet.transfer, money.company_id, "out", 940, key="u", by=BOSS, now=NOW)
    assert await money.has() == wallet.Standing(310_000 - 300_000 - 60, 0, 0, 0)
    assert await money.balanced()


async def test_nothing_is_sold_that_the_wallet_cannot_pay(money: Money) -> None:
    await money.fill(29_999)
    with pytest.raises(Refusal, match="balance_too_low"):
        await money.do(points.buy, money.company_id, "p20000", 1, expected=30_000, key="p", by=BOSS, now=NOW)
    with pytest.raises(Refusal, match="balance_too_low"):
        await money.do(licences.buy, money.company_id, "ai", 1, None, expected=300_000, key="l", by=BOSS, now=NOW)
    with pytest.raises(Refusal, match="balance_too_low"):
        await money.do(ai_wallet.transfer, money.company_id, "in", 30_000, key="t", by=BOSS, now=NOW)
    # And the database itself would not let it happen.
    with pytest.raises(DatabaseError):
        await money.do(
            wallet.move, money.company_id, Kind.WALLET, Kind.SPENT, 30_000, txn="z", entry=Entry.SEATS, now=NOW
        )  # fmt: skip
    assert await money.has() == wallet.Standing(29_999, 0, 0, 0)
    async with money.database.read() as connection:
        assert await book.balance(connection, money.company_id, book.points(Kind.POINTS)) == 0


@pytest.mark.feature("V-26")
@pytest.mark.feature("V-27")
async def test_search_accounts_first_by_standard_then_by_the_tier_of_this_quantity(money: Money) -> None:
    """C16-9 and C16-10: 5 accounts for 365 days, then 19 more when 320 days are left."""
    await money.fill(1_000_000)
    valid = update(company).where(company.c.id == money.company_id).values(valid_until=NOW + timedelta(days=365))
    async with money.database.write() as connection:
        await connection.execute(valid)
    row = await money.do(
        licences.buy, money.company_id, "search", 5, 5, expected=298_000, key="a", by=BOSS, now=NOW
    )  # fmt: skip
    assert (row.before, row.quantity, row.after, row.paid) == (0, 5, 5, 298_000)
    later = NOW + timedelta(days=45)
    with pytest.raises(Refusal, match="price_changed"):
        await money.do(licences.buy, money.company_id, "search", 19, None, expected=1, key="b", by=BOSS, now=later)
    row = await money.do(
        licences.buy, money.company_id, "search", 19, None, expected=466_411, key="b", by=BOSS, now=later
    )  # fmt: skip
    assert (row.before, row.quantity, row.after, row.unit_price) == (5, 19, 24, 28_000)
    assert (await money.has()).balance == 1_000_000 - 298_000 - 466_411
    # 24 + 6 accounts are more than 29 altogether; the tier is still that of the six.
    async with money.database.read() as connection:
        found = await licences.quote(connection, money.company_id, "search", 6, None, later)
    assert found.unit_price == 28_000
