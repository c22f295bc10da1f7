"""On PostgreSQL too, what is read in a write transaction stays so until it ends, whoever else writes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from callcenter.domain.gates import GateClosed
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Gate, OrderAction
from callcenter.features.money import recharges
from callcenter.features.packages.quotes import Wanted
from callcenter.features.people.accounts import make_company
from callcenter.ledger import book
from callcenter.ledger.book import Kind
from callcenter.ledger.packages import Packages
from callcenter.store import migrate
from callcenter.store.base import metadata
from callcenter.store.database import Database
from callcenter.store.tables.books import account, posting
from callcenter.store.tables.packages import voice_package
from callcenter.store.tables.people import login_failure
from tests.ledger.test_orders import NOW, Buyer
from tests.ledger.test_settlement import Books
from tests.stores import stores


@pytest.mark.feature("P-51")
async def test_a_hundred_calls_at_once_never_hold_more_than_one_package_has(
    database: Database, another: Database, tmp_path: Path
) -> None:
    books = Books(database, tmp_path)
    package = await books.open(minutes=20)
    both = [books, _beside(books, another, tmp_path)]
    held = await asyncio.gather(
        *(both[index % 2].start(f"call{index}", minutes=5) for index in range(100)), return_exceptions=True
    )
    refused = [one for one in held if isinstance(one, GateClosed)]
    minutes = [one for one in held if isinstance(one, int)]
    assert len(refused) + len(minutes) == 100 and sum(minutes) == 20
    assert {one.gate for one in refused} == {Gate.MINUTES_USED_UP}
    assert await books.left(package) == book.Balances(0, 20, 0)


def _beside(books: Books, database: Database, folder: Path) -> Books:
    (folder / "beside").mkdir()
    made = Books(database, folder / "beside")
    made.company_id, made.employee_id = books.company_id, books.employee_id
    return made


async def test_a_trial_is_bought_once_by_two_processes(database: Database, another: Database) -> None:
    buyer = await Buyer(database).open(9000)
    second = Buyer(another)
    second.company_id, second.people = buyer.company_id, buyer.people
    wanted = Wanted(await buyer.offering(offer="trial"), OrderAction.NEW, 1)
    orders = ((buyer, "a"), (second, "b"), (buyer, "c"), (second, "d"))
    found = await asyncio.gather(
        *(who.place(wanted, paid=1000, key=key) for who, key in orders), return_exceptions=True
    )
    refused = [one.code for one in found if isinstance(one, Refusal)]
    assert refused == ["trial_used"] * 3
    assert (await buyer.count(), await buyer.balance()) == (1, 8000)


async def test_a_recharge_that_two_reviewers_approve_at_once_arrives_once(
    database: Database, another: Database
) -> None:
    company_id = await make_company(database, "甲")
    async with database.write() as connection:
        asked = await recharges.apply(
            connection, company_id, channel="bank", amount=5000, remark="", proof_name="p.png", by=1, now=NOW
        )

    async def review(where: Database) -> None:
        async with where.write() as connection:
            await recharges.review(connection, asked.id, approve=True, reason="", by=1, now=NOW)

    found = await asyncio.gather(*(review(one) for one in (database, another) * 3), return_exceptions=True)
    assert [one.code for one in found if isinstance(one, Refusal)] == ["recharge_reviewed"] * 5
    async with database.read() as connection:
        assert await book.balance(connection, company_id, book.money(Kind.WALLET)) == 5000


async def test_what_is_read_in_one_block_is_of_one_moment(database: Database, another: Database) -> None:
    count = select(func.count()).select_from(login_failure)
    async with database.read() as connection:
        before = (await connection.execute(count)).scalar_one()
        async with another.write() as writer:
            await writer.execute(insert(login_failure).values(key="x", at=NOW))
        assert (await connection.execute(count)).scalar_one() == before
    async with database.glance() as connection:
        assert (await connection.execute(count)).scalar_one() == before + 1


async def test_the_books_refuse_what_they_refuse_on_sqlite(database: Database, tmp_path: Path) -> None:
    """No account goes below its floor, and no posting is changed or deleted."""
    books = Books(database, tmp_path)
    await books.open(minutes=20)
    mine = account.c.company_id == books.company_id
    for wrong in (
        update(account).where(mine).values(balance=account.c.floor - 1),
        update(posting).where(posting.c.company_id == books.company_id).values(amount=1),
        posting.delete().where(posting.c.company_id == books.company_id),
        update(voice_package).where(voice_package.c.company_id == books.company_id).values(minutes_total=0),
    ):
        with pytest.raises(IntegrityError):
            async with database.write() as connection:
                await connection.execute(wrong)
    assert await books.sum_of_postings() == 0


async def test_the_migrations_make_what_the_tables_say(tmp_path: Path) -> None:
    """Also when two processes start at once on an empty database."""
    url = await stores.postgres.empty(tmp_path / "new.db")
    first, second = Database(url), Database(url)
    try:
        await asyncio.gather(migrate.upgrade(first), migrate.upgrade(second))
        async with first.migrate() as connection:
            found = await connection.run_sync(
                lambda sync: compare_metadata(MigrationContext.configure(sync, opts={"compare_type": True}), metadata)
            )
        assert found == []
        assert await Packages(second).lots(1, 1) == []
    finally:
        await first.close()
        await second.close()
        await stores.postgres.drop(tmp_path / "new.db")
