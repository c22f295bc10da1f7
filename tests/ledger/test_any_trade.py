"""Everything that is bought, frozen, transferred and paid back, in any order: the books say what the documents say.

The documents (recharges, orders, licences, points, applications, fees) are added up here and put beside the
balances after every step; every step is done twice under one key, and the second time changes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import tempfile
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from callcenter import due
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import OrderAction
from callcenter.features.money import ai_wallet, licences, points, prices, recharges, wallet
from callcenter.features.money.tables import ai_entry, licence_purchase, points_order, recharge
from callcenter.features.numbers import direct_numbers
from callcenter.features.numbers.direct_numbers import Dispatched
from callcenter.features.numbers.seats import make_seat
from callcenter.features.numbers.tables import number_application, number_fee
from callcenter.features.packages import assign, catalogue, orders
from callcenter.features.packages.quotes import Wanted, quote
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.ledger.packages import Packages
from callcenter.providers.payment import Paid, PayCode
from callcenter.store.database import Database
from callcenter.store.tables.books import account
from callcenter.store.tables.numbers import outside_number
from callcenter.store.tables.packages import coupon, purchase, purchase_line, voice_package
from callcenter.store.tables.people import company, employee
from tests import stores

START = datetime(2026, 1, 30, 2, 0, tzinfo=UTC)
PEOPLE = 3
BOSS = 1
FEE = 800
KINDS = {
    "own": {"kind": "non_shared", "price": 700, "list_price": 700},
    "pool": {"kind": "shared", "price": 900, "list_price": 900},
    "each": {"kind": "fixed", "price": 500, "list_price": 500},
    "limited": {"kind": "non_shared", "offer": "limited", "price": 300, "list_price": 650, "per_employee": 2},
    "trial": {"kind": "non_shared", "offer": "trial", "price": 10, "list_price": 10},
}
STEP = st.tuples(
    st.sampled_from(["pay", "pay", "buy", "buy", "renew", "add", "top_up", "coupon", "assign", "leave", "days"])
    | st.sampled_from(["transfer", "ai_call", "points", "licences", "apply", "dispatch", "refuse", "stray", "give_up"]),
    st.integers(0, 5),
    st.integers(1, 40),
)


@dataclass
class Trade:
    """A company that buys, and the operator who sells."""

    database: Database
    company_id: int = 0
    people: list[int] = field(default_factory=list)
    offerings: list[int] = field(default_factory=list)
    coupons: list[str] = field(default_factory=list)
    now: datetime = START
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    async def open(self) -> None:
        self.company_id = await make_company(self.database, "甲")
        for index in range(PEOPLE):
            made = await make_employee(
                self.database, self.company_id, login=f"a{index}", name="甲", role_code="agent", password="12345678"
            )
            self.people.append(made.employee_id)
            await make_seat(self.database, self.company_id, None)
        common = {"mode": "direct", "minutes": 20, "days": 3}
        async with self.database.write() as connection:
            values = {"licences": 10, "verification": "verified", "script_state": "approved"}
            valid = values | {"valid_until": START + timedelta(days=200)}
            await connection.execute(update(company).where(company.c.id == self.company_id).values(**valid))
            await prices.change(
                connection, {**prices.DEFAULTS, "number_month": FEE, "ai_seat_year": 30, "employee_seat": 20}
            )
            for name, one in KINDS.items():
                given = {"name": name, "offer": "regular", "per_employee": 0} | common | one
                self.offerings.append(await catalogue.add_offering(connection, given, self.now))

    async def do(self, work: Callable[..., Awaitable[Any]], *args: Any, **more: Any) -> Any:
        async with self.database.write() as connection:
            return await work(connection, *args, **more)

    def _who(self) -> dict[str, Any]:
        return {"key": f"key{next(self.numbers)}", "by": BOSS, "now": self.now}

    # -- money in ----------------------------------------------------------------------------------------------------

    async def pay(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        """An online payment, told at once; every fifth is for another amount, every seventh too late."""
        key, fen = f"R{next(self.numbers)}", 2000 * amount
        code = PayCode(f"C{key}", self.now + timedelta(minutes=15))
        row = await self.do(
            recharges.begin_online, self.company_id, number=key, channel="wechat", amount=fen, code=code, key=key,
            by=BOSS, now=self.now,
        )  # fmt: skip
        late = timedelta(minutes=15 if amount % 7 == 0 else 0)
        paid = Paid(row.pay_code, fen - (amount % 5 == 0), self.now + late)
        if who % 2:
            await due.run_due(self.database, self.now + timedelta(minutes=20))  # closed before it was told
        return lambda: self.do(recharges.paid, paid)

    async def stray(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        return lambda: self.do(
            recharges.settle_stray, amount % 4 + 1, book=who % 2 == 0, note="", by=BOSS, now=self.now
        )

    # -- packages ----------------------------------------------------------------------------------------------------

    async def buy(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        at = amount % len(self.offerings)
        named = self.people[: 1 + who % PEOPLE]
        quantity = len(named) + (amount % 3 if at < 2 else 0)
        return await self._order(
            Wanted(self.offerings[at], OrderAction.NEW, quantity, tuple(named), None, self._code(who))
        )

    async def renew(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        lot = await self._lot(amount)
        quantity = lot.quantity if lot.kind == "shared" else 1
        return await self._order(Wanted(lot.offering_id, OrderAction.RENEW, quantity, (), lot.id, self._code(who)))

    async def add(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        lot = await self._lot(amount)
        return await self._order(Wanted(lot.offering_id, OrderAction.ADD, 1 + who % 2, (), lot.id))

    async def top_up(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        lot = await self._lot(amount)
        named = (self.people[who % PEOPLE],)
        return await self._order(Wanted(self.offerings[amount % 3], OrderAction.TOP_UP, 1, named, lot.id))

    async def coupon(self, who: int, amount: int) -> None:
        made = await self.do(catalogue.make_coupon, self.company_id, 50 * amount, "", None, self.now)
        async with self.database.read() as connection:
            code = select(coupon.c.code).where(coupon.c.id == made).execution_options(all_companies=True)
            self.coupons.append((await connection.execute(code)).scalar_one())

    def _code(self, who: int) -> str:
        return self.coupons[who % len(self.coupons)] if self.coupons and who > 2 else ""

    async def _order(self, wanted: Wanted) -> Callable[[], Awaitable[Any]]:
        found = await self.do(quote, self.company_id, wanted, self.now)
        key = f"key{next(self.numbers)}"
        return lambda: self.do(
            orders.place, self.company_id, BOSS, wanted, key=key, request="r", expected_paid=found.paid, now=self.now
        )

    async def _lot(self, amount: int) -> Any:
        query = select(voice_package).where(voice_package.c.company_id == self.company_id)
        async with self.database.read() as connection:
            rows = (await connection.execute(query.order_by(voice_package.c.id))).all()
        if not rows:
            raise Refusal("package_unknown")
        return rows[amount % len(rows)]

    async def assign(self, who: int, amount: int) -> None:
        lot = await self._lot(amount)
        await self.do(assign.assign, self.company_id, lot.id, [self.people[who % PEOPLE]], by=BOSS, now=self.now)

    async def leave(self, who: int, amount: int) -> None:
        """Somebody leaves, with or without an heir; there is always somebody left."""
        gone = self.people[who % PEOPLE]
        if amount % 3 == 0 and gone != self.people[0]:
            mine = (employee.c.company_id == self.company_id, employee.c.id == gone)
            if amount % 2:
                await self.do(assign.hand_over_all, self.company_id, gone, self.people[0], by=BOSS, now=self.now)
            async with self.database.write() as connection:
                await connection.execute(update(employee).where(*mine).values(account_state="departed"))

    async def days(self, who: int, amount: int) -> None:
        self.now += timedelta(hours=7 * amount)
        for _ in range(2):
            await Packages(self.database).expire(self.now)
            await due.run_due(self.database, self.now)

    # -- everything else ---------------------------------------------------------------------------------------------

    async def transfer(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        more = self._who()
        way = "in" if who % 2 else "out"
        return lambda: self.do(ai_wallet.transfer, self.company_id, way, 10 * amount, **more)

    async def ai_call(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        call_id = f"ai{next(self.numbers)}"
        return lambda: self.do(
            ai_wallet.charge_call,
            self.company_id,
            call_id=call_id,
            seconds=20 * (amount - 1),
            unit_price=7,
            now=self.now,
        )

    async def points(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        quantity, more = 1 + who % 2, self._who()
        pack = {"pack": "p2800", "quantity": quantity, "expected": 19_800 * quantity}
        return lambda: self.do(points.buy, self.company_id, **pack, **more)

    async def licences(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        kind, standard = (("ai", None), ("employee", None), ("search", 5))[who % 3]
        found = await self.do(licences.quote, self.company_id, kind, amount, standard, self.now)
        more = self._who()
        return lambda: self.do(licences.buy, self.company_id, kind, amount, standard, expected=found.paid, **more)

    async def apply(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        more = self._who()
        return lambda: self.do(direct_numbers.apply, self.company_id, 1 + amount % PEOPLE, "", **more)

    async def dispatch(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        given = [Dispatched(f"+86216{next(self.numbers):07d}", "", "") for _ in range(1 + who % 2)]
        return lambda: self.do(direct_numbers.dispatch, amount % 3 + 1, given, FEE + 10 * who, by=BOSS, now=self.now)

    async def refuse(self, who: int, amount: int) -> Callable[[], Awaitable[Any]]:
        return lambda: self.do(direct_numbers.refuse, amount % 3 + 1, "", by=BOSS, now=self.now)

    async def give_up(self, who: int, amount: int) -> None:
        """A number is given back; it pays to the end of its month and no further."""
        mine = (outside_number.c.company_id == self.company_id, outside_number.c.dispatched_at.is_not(None))
        async with self.database.write() as connection:
            rows = (await connection.execute(select(outside_number).where(*mine))).all()
            if rows and rows[who % len(rows)].leave_state == "":
                row = rows[who % len(rows)]
                asked = update(outside_number).where(*mine, outside_number.c.id == row.id)
                await connection.execute(asked.values(leave_state="requested", state="assigned"))
                await direct_numbers.review_leave(connection, row.id, approve=True, by=BOSS, now=self.now)

    # -- what must hold ----------------------------------------------------------------------------------------------

    async def check(self) -> None:
        async with self.database.glance() as connection:
            mine = account.c.company_id == self.company_id
            sums = select(account.c.unit, func.sum(account.c.balance)).where(mine).group_by(account.c.unit)
            assert {unit: int(total) for unit, total in (await connection.execute(sums)).all() if total} == {}
            has = await wallet.standing(connection, self.company_id)
            spent = await book.balance(connection, self.company_id, book.money(Kind.SPENT))

            async def total(table: Any, column: Any, *where: Any) -> int:
                query = select(func.sum(column)).where(table.c.company_id == self.company_id, *where)
                return int((await connection.execute(query)).scalar() or 0)

            paid_in = await total(recharge, recharge.c.amount, recharge.c.state == "approved")
            bought = await total(purchase, purchase.c.paid)
            bought += await total(licence_purchase, licence_purchase.c.paid)
            bought += await total(points_order, points_order.c.paid)
            fees = await total(number_fee, number_fee.c.amount)
            into, out, calls = [
                await total(ai_entry, ai_entry.c.amount, ai_entry.c.kind == one) for one in ("in", "out", "call")
            ]
            waiting = (number_application.c.quantity - number_application.c.dispatched) * number_application.c.fee
            frozen = await total(number_application, waiting, number_application.c.state == "pending")
            assert has.frozen == frozen
            assert has.ai_balance == into - out - calls >= 0
            assert spent == bought + fees + calls
            assert has.balance == paid_in - bought - fees - frozen - has.ai_balance - calls
            assert has.points == await total(points_order, points_order.c.points_each * points_order.c.quantity)
            assert await total(purchase, purchase.c.total - purchase.c.discount - purchase.c.paid) == 0
            # One coupon is one order's, and takes off no more than it is worth.
            used = select(purchase.c.coupon_id, func.count()).where(
                purchase.c.company_id == self.company_id, purchase.c.coupon_id.is_not(None)
            )
            assert all(count == 1 for _, count in (await connection.execute(used.group_by(purchase.c.coupon_id))).all())
            # Nobody had the offer price more often than it is offered; nobody tried twice.
            offered = select(purchase_line.c.employee_id, func.count()).where(
                purchase_line.c.company_id == self.company_id, purchase_line.c.at_offer_price
            )
            rows = (await connection.execute(offered.group_by(purchase_line.c.employee_id))).all()
            assert all(count <= 2 for _, count in rows)
            tried = (purchase.c.company_id == self.company_id, purchase.c.name == "trial")
            assert int((await connection.execute(select(func.count()).where(*tried))).scalar_one()) <= 1
            months = select(number_fee.c.number_id, number_fee.c.month).where(
                number_fee.c.company_id == self.company_id
            )
            paid = (await connection.execute(months)).all()
            assert len(paid) == len(set(map(tuple, paid)))
            lines = select(purchase_line.c.package_id, func.count()).where(
                purchase_line.c.company_id == self.company_id
            )
            units: dict[int, int] = defaultdict(int)
            units.update(
                {row[0]: row[1] for row in await connection.execute(lines.group_by(purchase_line.c.package_id))}
            )
        for lot in await Packages(self.database).lots(self.company_id):
            assert lot.minutes_total == 20 * units[lot.id], "every unit of every order is there"
            assert len(lot.users) <= lot.quantity
            assert lot.minutes_left == (0 if lot.expires_at <= self.now else lot.minutes_total)

    async def fingerprint(self) -> list[tuple[int, int]]:
        query = select(account.c.id, account.c.balance).where(account.c.company_id == self.company_id)
        async with self.database.glance() as connection:
            return sorted((row.id, row.balance) for row in (await connection.execute(query)).all())


async def _live(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        async with stores.database(Path(name) / "test.db") as database:
            trade = Trade(database)
            await trade.open()
            for what, who, amount in steps:
                step: Callable[[int, int], Awaitable[Any]] = getattr(trade, what)
                with contextlib.suppress(Refusal):  # refused: nothing has happened
                    again = await step(who, amount)
                    if again is not None:
                        await again()
                        before = await trade.fingerprint()
                        with contextlib.suppress(Refusal):
                            await again()
                        assert await trade.fingerprint() == before, f"{what}, pressed twice"
                await trade.check()


@settings(max_examples=15, deadline=None)
@given(st.lists(STEP, min_size=8, max_size=40))
def test_the_books_say_what_the_documents_say(steps: list[tuple[str, int, int]]) -> None:
    asyncio.run(_live([("pay", 0, 39), ("pay", 0, 39), ("apply", 0, 2), *steps]))
