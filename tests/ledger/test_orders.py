"""Orders in the books: all of an order or nothing of it, however many are placed at the same time."""

from __future__ import annotations

import asyncio
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import OrderAction, PackageKind
from callcenter.features.packages import catalogue, orders
from callcenter.features.packages.quotes import Wanted
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.packages import Lot, lots_of
from callcenter.store.database import Database
from callcenter.store.tables.books import account
from callcenter.store.tables.packages import coupon, purchase
from callcenter.store.tables.people import employee
from tests import stores

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


class Buyer:
    """A company with three verified employees and a wallet."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.company_id = 0
        self.people: list[int] = []
        self.keys = 0

    async def open(self, fen: int) -> Buyer:
        self.company_id = await make_company(self.database, "甲")
        for index in range(3):
            made = await make_employee(
                self.database, self.company_id, login=f"a{index}", name="甲", role_code="agent", password="12345678"
            )
            self.people.append(made.employee_id)
        async with self.database.write() as connection:
            await book.post(
                connection,
                company_id=self.company_id,
                txn="money",
                entry=Entry.RECHARGE,
                lines={book.money(Kind.PAID_IN): -fen, book.money(Kind.WALLET): fen},
                at=NOW,
            )
        return self

    async def offering(self, **fields: Any) -> int:
        terms = {"name": "包", "kind": "non_shared", "offer": "regular", "mode": "direct", "minutes": 100, "days": 30}
        terms |= {"price": 1000, "list_price": 1000, "per_employee": 0} | fields
        async with self.database.write() as connection:
            return await catalogue.add_offering(connection, terms, NOW)

    async def place(self, wanted: Wanted, *, paid: int, key: str = "", now: datetime = NOW) -> int:
        self.keys += 1
        key = key or f"key-{self.keys}"
        async with self.database.write() as connection:
            order_id, _ = await orders.place(
                connection,
                self.company_id,
                self.people[0],
                wanted,
                key=key,
                request=hashlib.sha256(repr(wanted).encode()).hexdigest(),
                expected_paid=paid,
                now=now,
            )
            return order_id

    async def lots(self) -> list[Lot]:
        async with self.database.read() as connection:
            return await lots_of(connection, self.company_id)

    async def count(self) -> int:
        mine = purchase.c.company_id == self.company_id
        async with self.database.read() as connection:
            query = select(func.count()).select_from(purchase).where(mine)
            return int((await connection.execute(query)).scalar_one())

    async def balance(self, kind: Kind = Kind.WALLET) -> int:
        async with self.database.read() as connection:
            return await book.balance(connection, self.company_id, book.money(kind))


async def _outcomes(*work: Any) -> list[str]:
    """`done` or the code of the refusal, in any order."""
    found = await asyncio.gather(*work, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and not isinstance(one, Refusal):
            raise one
    return sorted(one.code if isinstance(one, Refusal) else "done" for one in found)


async def test_one_coupon_pays_for_one_of_two_orders(database: Database) -> None:
    buyer = await Buyer(database).open(5000)
    offering = await buyer.offering()
    async with database.write() as connection:
        await catalogue.make_coupon(connection, buyer.company_id, 300, "", None, NOW)
        code = (await connection.execute(select(coupon.c.code).where(_mine(buyer)))).scalar_one()
    wanted = Wanted(offering, OrderAction.NEW, 1, coupon=code.lower())
    assert await _outcomes(*(buyer.place(wanted, paid=700) for _ in range(3))) == ["coupon_used", "coupon_used", "done"]
    assert (await buyer.count(), len(await buyer.lots()), await buyer.balance()) == (1, 1, 4300)


def _mine(buyer: Buyer) -> Any:
    return coupon.c.company_id == buyer.company_id


async def test_a_trial_is_bought_once_also_at_the_same_time(database: Database) -> None:
    buyer = await Buyer(database).open(5000)
    wanted = Wanted(await buyer.offering(offer="trial"), OrderAction.NEW, 1)
    assert await _outcomes(*(buyer.place(wanted, paid=1000) for _ in range(3))) == ["done", "trial_used", "trial_used"]
    assert (await buyer.count(), await buyer.balance()) == (1, 4000)


async def test_one_key_is_one_order_also_at_the_same_time(database: Database) -> None:
    buyer = await Buyer(database).open(5000)
    wanted = Wanted(await buyer.offering(), OrderAction.NEW, 1)
    ids = await asyncio.gather(*(buyer.place(wanted, paid=1000, key="same") for _ in range(4)))
    assert len(set(ids)) == 1 and await buyer.balance() == 4000
    with pytest.raises(Refusal, match="key_reused"):
        await buyer.place(Wanted(wanted.offering_id, OrderAction.NEW, 2), paid=2000, key="same")


async def test_a_refused_order_leaves_nothing(database: Database) -> None:
    """Refused after its rows were written: the wallet is asked last."""
    buyer = await Buyer(database).open(1999)
    wanted = Wanted(await buyer.offering(kind="fixed"), OrderAction.NEW, 2, tuple(buyer.people[:2]))
    with pytest.raises(Refusal, match="balance_too_low"):
        await buyer.place(wanted, paid=2000)
    assert (await buyer.count(), await buyer.lots(), await buyer.balance()) == (0, [], 1999)


async def test_an_employee_who_has_left_is_not_renewed_for(database: Database) -> None:
    buyer = await Buyer(database).open(5000)
    offering = await buyer.offering()
    await buyer.place(Wanted(offering, OrderAction.NEW, 1, (buyer.people[1],)), paid=1000)
    (lot,) = await buyer.lots()
    async with database.write() as connection:
        gone = (employee.c.company_id == buyer.company_id, employee.c.id == buyer.people[1])
        await connection.execute(update(employee).where(*gone).values(account_state="departed"))
    with pytest.raises(Refusal, match="employee_unknown"):
        await buyer.place(Wanted(offering, OrderAction.RENEW, 1, package_id=lot.id), paid=1000)


async def test_a_package_that_is_over_is_renewed_from_now_on_and_cannot_be_added_to(database: Database) -> None:
    buyer = await Buyer(database).open(9000)
    offering = await buyer.offering(kind="shared")
    await buyer.place(Wanted(offering, OrderAction.NEW, 2, tuple(buyer.people[:2])), paid=2000)
    (first,) = await buyer.lots()
    later = first.expires_at + timedelta(days=3)
    with pytest.raises(Refusal, match="package_expired"):
        await buyer.place(Wanted(offering, OrderAction.ADD, 1, package_id=first.id), paid=1000, now=later)
    await buyer.place(Wanted(offering, OrderAction.RENEW, 2, package_id=first.id), paid=2000, now=later)
    renewed = (await buyer.lots())[-1]
    assert (renewed.starts_at, renewed.members) == (later, first.members)


Step = tuple[str, int]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["new", "shared", "add", "renew", "top_up"]), st.integers(1, 3)), max_size=8
    )
)
async def test_whatever_is_bought_the_books_agree_with_the_rows(
    steps: list[Step], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Every unit sums to zero, what was paid was spent, and each package has the minutes that its row names."""
    async with stores.database(tmp_path_factory.mktemp("books") / "test.db") as database:
        buyer = await Buyer(database).open(100_000)
        own, shared = await buyer.offering(), await buyer.offering(kind="shared")
        paid = 0
        for what, quantity in steps:
            pools = [one for one in await buyer.lots() if one.kind is PackageKind.SHARED]
            people = tuple(buyer.people[:quantity])
            wanted = {
                "new": Wanted(own, OrderAction.NEW, quantity, people[:1]),
                "shared": Wanted(shared, OrderAction.NEW, quantity, people),
                "add": Wanted(shared, OrderAction.ADD, quantity, package_id=pools[0].id if pools else None),
                "renew": Wanted(
                    shared, OrderAction.RENEW, pools[0].quantity if pools else 1, package_id=pools[0].id if pools else 1
                ),
                "top_up": Wanted(own, OrderAction.TOP_UP, 1, people[:1], pools[0].id if pools else 1),
            }[what]
            cost = wanted.quantity * 1000
            try:
                await buyer.place(wanted, paid=cost)
            except Refusal as refused:
                assert not pools and refused.code in ("package_unknown", "offering_differs", "employee_not_on_package")
                continue
            paid += cost
        assert (await buyer.balance(), await buyer.balance(Kind.SPENT)) == (100_000 - paid, paid)
        for lot in await buyer.lots():
            assert lot.minutes_left == lot.minutes_total and len(lot.members) <= lot.quantity
        sums = (
            select(account.c.unit, func.sum(account.c.balance))
            .where(account.c.company_id == buyer.company_id)
            .group_by(account.c.unit)
        )
        async with database.read() as connection:
            assert all(total == 0 for _, total in (await connection.execute(sums)).all())
