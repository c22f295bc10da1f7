"""A database of the first release is brought up to date and its agents dial as before."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

from alembic import command
from sqlalchemy import func, inspect, select, text

from callcenter.domain.hours import Hours, parse
from callcenter.ledger import book
from callcenter.ledger.packages import Packages
from callcenter.store import migrate
from callcenter.store.database import Database
from callcenter.store.tables.books import posting
from callcenter.store.tables.inbound import business_hours
from callcenter.store.tables.numbers import company_number, seat
from callcenter.store.tables.people import company, role
from tests import stores

OLD_ROWS = """
insert into company (id, name, display_number, created_at) values
    (1, '甲', '02160000000', '2026-01-01 00:00:00.000000'), (2, '乙', '', '2026-01-01 00:00:00.000000');
insert into role (id, company_id, code, name_zh, name_en, permissions, scope) values
    (1, 1, 'agent', '坐席', 'Agent', '["calls.dial"]', 'self'), (2, 1, 'admin', '管理员', 'Admin', '[]', 'company');
insert into employee (id, company_id, role_id, login, name, password_hash, sip_secret, created_at) values
    (1, 1, 1, 'a', '甲一', 'x', 's', '2026-01-01 00:00:00.000000'),
    (2, 1, 2, 'b', '甲二', 'x', 's', '2026-01-01 00:00:00.000000'),
    (3, 1, 1, 'c', '甲三', 'x', 's', '2026-01-01 00:00:00.000000')
"""


OLD_BOOKS = """
insert into voice_package (id, company_id, employee_id, name, mode, minutes_total, starts_at, expires_at, created_at)
    values (5, 1, 1, '畅享包', 'direct', 100, '2026-01-01', '2026-02-01', '2026-01-01 00:00:00.000000');
insert into account (id, company_id, package_id, kind, minutes) values
    (1, 1, 5, 'issued', -100), (2, 1, 5, 'available', 93), (3, 1, 5, 'reserved', 5), (4, 1, 5, 'used', 2);
insert into posting (company_id, txn, account_id, minutes, kind, call_id, at) values
    (1, 'grant:5', 1, -100, 'grant', null, '2026-01-01'), (1, 'grant:5', 2, 100, 'grant', null, '2026-01-01'),
    (1, 'reserve:c', 2, -7, 'reserve', 'c', '2026-01-02'), (1, 'reserve:c', 3, 7, 'reserve', 'c', '2026-01-02'),
    (1, 'settle:l', 3, -2, 'settle', 'c', '2026-01-02'), (1, 'settle:l', 4, 2, 'settle', 'c', '2026-01-02');
insert into reservation (call_id, company_id, package_id, employee_id, minutes, open, created_at)
    values ('c', 1, 5, 1, 7, true, '2026-01-02')
"""


OLD_HOURS = """
insert into business_hours (id, company_id, name, weekly, holidays) values
    (1, 1, '工作日', '{"1": [["09:00", "12:00"], ["13:30", "24:00"]], "2": []}',
     '[{"date": "2026-10-01", "name": "国庆节", "intervals": []},
       {"date": "2026-10-10", "name": "调休", "intervals": [["10:00", "16:00"]]}]'),
    (2, 2, '从不', '{}', '[]')
"""


async def _first_release(folder: Path, *rows: str) -> Database:
    """A database as the first release left it."""
    database = Database(await stores.stores.kind.empty(folder / "old.db"))
    await _bring_to(database, "0001", *rows)
    return database


async def _bring_to(database: Database, revision: str, *rows: str) -> None:
    """Upgrades to that revision and puts rows in as they were then."""
    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(migrate.config_for(sync), revision))
        for statement in ";".join(rows).split(";"):
            await connection.execute(text(statement))


async def test_the_books_are_taken_over_to_the_minute(tmp_path: Path) -> None:
    database = await _first_release(tmp_path, OLD_ROWS, OLD_BOOKS)
    await migrate.upgrade(database)
    now = datetime(2026, 1, 3, tzinfo=UTC)
    packages = Packages(database)
    (lot,) = await packages.lots(1, 1)
    assert (lot.minutes_left, lot.minutes_reserved, lot.minutes_used) == (93, 5, 2)
    held = await packages.held(1, "c")
    assert held is not None and held.minutes == 5
    more = await packages.extend(company_id=1, call_id="c", minutes=3, now=now)
    assert more is not None and more.minutes == 8
    await packages.release(company_id=1, call_id="c", now=now)
    async with database.read() as connection:
        assert await book.balances(connection, 1, 5) == book.Balances(98, 0, 2)
        mine = await connection.execute(select(func.sum(posting.c.amount)).where(posting.c.company_id == 1))
        assert mine.scalar_one() == 0
    await database.close()


async def test_administrators_gain_the_money_and_those_of_the_first_company_the_platform(tmp_path: Path) -> None:
    second = "insert into role (id, company_id, code, name_zh, name_en, permissions, scope) values "
    second += """(3, 2, 'admin', '管理员', 'Admin', '["packages.grant", "audit.view"]', 'company')"""
    database = await _first_release(tmp_path, OLD_ROWS, second)
    await migrate.upgrade(database)
    query = select(role.c.id, role.c.permissions).execution_options(all_companies=True)
    async with database.read() as connection:
        held = {row.id: set(row.permissions) for row in (await connection.execute(query)).all()}
    tasks = {"tasks.own", "tasks.all"}
    assert held[1] == {"calls.dial", "tasks.own", "tasks.dial"}, "who dials, dials tasks as well"
    assert held[2] == {"wallet.view", "wallet.spend", "platform.manage", "packages.grant"} | tasks
    assert held[3] == {"audit.view", "wallet.view", "wallet.spend"} | tasks
    await database.close()


async def test_agents_get_seats_and_show_their_companys_numbers_in_turn(tmp_path: Path) -> None:
    database = await _first_release(tmp_path, OLD_ROWS)
    await migrate.upgrade(database)
    async with database.read() as connection:
        seats = await connection.execute(select(seat.c.code, seat.c.employee_id).where(seat.c.company_id == 1))
        policies = await connection.execute(select(company.c.caller_id_policy).order_by(company.c.id))
        assert seats.all() == [("8001", 1), ("8002", 3)]
        assert list(policies.scalars()) == ["rotation", "bound"]
        columns = await connection.run_sync(lambda sync: {one["name"] for one in inspect(sync).get_columns("company")})
        assert "display_number" not in columns
        own = select(company_number.c.number, company_number.c.state).where(company_number.c.company_id == 1)
        assert (await connection.execute(own)).all() == [("+862160000000", "confirmed")], "the number stays theirs"
    await database.close()


async def test_business_hours_read_the_same_after_their_intervals_became_objects(tmp_path: Path) -> None:
    database = await _first_release(tmp_path, OLD_ROWS)
    await _bring_to(database, "0018", OLD_HOURS)
    await migrate.upgrade(database)
    query = select(business_hours).order_by(business_hours.c.id).execution_options(all_companies=True)
    async with database.read() as connection:
        first, second = (await connection.execute(query)).all()
    assert parse(first.weekly, first.holidays) == Hours(
        {1: ((9 * 60, 12 * 60), (13 * 60 + 30, 24 * 60)), 2: ()},
        {date(2026, 10, 1): (), date(2026, 10, 10): ((10 * 60, 16 * 60),)},
    )
    assert [one.get("name") for one in first.holidays] == ["国庆节", "调休"]
    assert parse(second.weekly, second.holidays) == Hours()
    await database.close()
