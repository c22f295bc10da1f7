"""How many answered outside legs a second are settled from Asterisk's records, against bare inserts of the same rows.

Settling reads the records from Asterisk's own file, puts the legs together, charges them to a package, gives back what
was held too much and makes the calls final; the baseline writes only the rows that this leaves behind, ready made, with
`sqlite3` alone, into the same tables and in batches of the same size, each committed. Both are done again in a
database that remembers a hundred times as many calls. Afterwards the books must hold exactly what was talked.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select

from callcenter.domain.packages import minutes_for
from callcenter.domain.terms import Mode
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import book
from callcenter.ledger.cel import BATCH, CelFile
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settlement
from callcenter.store import migrate
from callcenter.store.database import Database
from callcenter.store.tables.books import posting
from callcenter.store.tables.calls import call
from tests.bench.figures import Figure, Options, figure

GOAL = ">= 0.5, zero drift, flat"
FEW, MANY = 10_000, 1_000_000
CALLS = 20_000
HELD = 5
PACKAGE_MINUTES = 100_000_000
START = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
NODE = "pbx"
ROWS_PER_CALL = 11
CUSTOMER_CHANNEL, AGENT_CHANNEL = "PJSIP/trunk-1-00000001", "PJSIP/agent-1-00000001"


def run(options: Options) -> Figure:
    return asyncio.run(_run(options))


async def _run(options: Options) -> Figure:
    small = await _measure(min(FEW, options.past_calls))
    large = await _measure(options.past_calls)
    note = (
        f"{CALLS:,} answered legs, each {_micro(small.ours)} us with {min(FEW, options.past_calls):,} past calls and "
        f"{_micro(large.ours)} us with {options.past_calls:,} ({large.ours / small.ours:.2f} times); the bare inserts "
        f"{_micro(small.bare)} and {_micro(large.bare)} us; drift {small.drift + large.drift} minutes"
    )
    return figure("ledger", 1 / small.ours, 1 / small.bare, "legs/s", GOAL, note)


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.0f}"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds for one leg, and minutes by which the books are wrong afterwards."""

    ours: float
    bare: float
    drift: int


async def _measure(past: int) -> Cost:
    with tempfile.TemporaryDirectory(prefix="callcenter-ledger-") as name:
        folder = Path(name)
        database = Database(f"sqlite+aiosqlite:///{folder / 'callcenter.db'}")
        try:
            await migrate.upgrade(database)
            company_id, employee_id, package_id = await _company(database)
            await asyncio.to_thread(_history, folder, company_id, employee_id, package_id, past)
            await asyncio.to_thread(_calls, folder, company_id, employee_id, package_id)
            ours = await _settle(database, folder)
            drift = await _drift(database, company_id, package_id, past)
            bare = await asyncio.to_thread(_bare, folder, company_id)
            return Cost(ours / CALLS, bare / CALLS, drift)
        finally:
            await database.close()


async def _company(database: Database) -> tuple[int, int, int]:
    company_id = await make_company(database, "测速")
    made = await make_employee(
        database, company_id, login="agent", name="坐席", role_code="agent", password="not-used-1"
    )
    package_id = await Packages(database).grant(
        company_id=company_id,
        employee_id=made.employee_id,
        name="测速包",
        mode=Mode.DIRECT,
        minutes=PACKAGE_MINUTES,
        days=3000,
        now=START,
    )
    return company_id, made.employee_id, package_id


def _talk(index: int) -> int:
    """Seconds that the call number `index` talks."""
    return 5 + index * 37 % 200


def _text(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")


# -- what was before -----------------------------------------------------------------------------------------------

_NUMBERS = "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :count)"
_WHEN = "strftime('%Y-%m-%d %H:%M:%S', :start, '-' || (:count - i) || ' seconds') || '.000000'"


def _history(folder: Path, company_id: int, employee_id: int, package_id: int, count: int) -> None:
    """Settled calls of one minute each, as the product leaves them."""
    names = {
        "count": count,
        "company": company_id,
        "employee": employee_id,
        "package": package_id,
        "start": START.strftime("%Y-%m-%d %H:%M:%S"),
        "customer": CUSTOMER_CHANNEL,
        "agent": AGENT_CHANNEL,
        "node": NODE,
    }
    with _opened(folder) as database:
        used = _account(database, company_id, package_id, employee_id, "used")
        held = _account(database, company_id, package_id, None, "reserved")
        free = _account(database, company_id, package_id, None, "available")
        database.execute("BEGIN")
        for statement in (
            "INSERT INTO call (id, company_id, direction, mode, source, employee_id, number, company_number, state,"
            " billing, talk_seconds, minutes_charged, started_at, ended_at)"
            f" SELECT 'old-' || i, :company, 'outbound', 'direct', 'manual', :employee, '+8613800000001', '', 'ended',"
            f" 'settled', 30, 1, {_WHEN}, {_WHEN} FROM n",
            "INSERT INTO cel_leg (id, node, linkedid, call_id, role, channel, started_at, answered_at, ended_at,"
            f" settled) SELECT 'old-' || i || 'c', :node, 'old-' || i, 'old-' || i, 'customer', :customer, {_WHEN},"
            f" {_WHEN}, {_WHEN}, 1 FROM n",
            "INSERT INTO cel_leg (id, node, linkedid, call_id, role, channel, started_at, answered_at, ended_at,"
            f" settled) SELECT 'old-' || i, :node, 'old-' || i, 'old-' || i, 'agent', :agent, {_WHEN}, {_WHEN},"
            f" {_WHEN}, 1 FROM n",
            "INSERT INTO reservation (call_id, company_id, package_id, employee_id, minutes, open, created_at)"
            f" SELECT 'old-' || i, :company, :package, :employee, {HELD}, 0, {_WHEN} FROM n",
            "INSERT INTO reservation_part (call_id, package_id, company_id, place)"
            " SELECT 'old-' || i, :package, :company, 1 FROM n",
        ):
            database.execute(f"{_NUMBERS} {statement}", names)
        for txn, account_id, amount in (
            ("reserve", free, -HELD),
            ("reserve", held, HELD),
            ("settle", held, -1),
            ("settle", used, 1),
            ("release", held, 1 - HELD),
            ("release", free, HELD - 1),
        ):
            database.execute(
                f"{_NUMBERS} INSERT INTO posting (company_id, txn, account_id, amount, kind, call_id, at)"
                f" SELECT :company, '{txn}:old-' || i, {account_id}, {amount}, '{txn}', 'old-' || i, {_WHEN} FROM n",
                names,
            )
        database.execute("UPDATE account SET balance = balance - ? WHERE id = ?", (count, free))
        database.execute("UPDATE account SET balance = balance + ? WHERE id = ?", (count, used))
        database.execute("COMMIT")
        database.execute("ANALYZE")


def _account(database: sqlite3.Connection, company_id: int, package_id: int, employee_id: int | None, kind: str) -> int:
    owner = f"package:{package_id}" + (f":{employee_id}" if employee_id else "")
    row = (company_id, owner, kind, "minute", package_id, employee_id)
    database.execute(
        "INSERT INTO account (company_id, owner, kind, unit, package_id, employee_id) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        row,
    )
    found = database.execute(
        "SELECT id FROM account WHERE company_id = ? AND owner = ? AND kind = ?", (company_id, owner, kind)
    )
    return int(found.fetchone()[0])


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[sqlite3.Connection]:
    with contextlib.closing(sqlite3.connect(folder / "callcenter.db", isolation_level=None, timeout=60)) as database:
        database.execute("PRAGMA synchronous=NORMAL")
        yield database


# -- what is measured ----------------------------------------------------------------------------------------------


def _calls(folder: Path, company_id: int, employee_id: int, package_id: int) -> None:
    """Calls that hold minutes, and Asterisk's records of how they went."""
    with _opened(folder) as database:
        free = _account(database, company_id, package_id, None, "available")
        held = _account(database, company_id, package_id, None, "reserved")
        database.execute("BEGIN")
        for index in range(CALLS):
            name, at = f"new-{index}", _text(START + timedelta(seconds=index))
            database.execute(
                "INSERT INTO call (id, company_id, direction, mode, source, employee_id, number, company_number, state,"
                " started_at, ended_at) VALUES (?, ?, 'outbound', 'direct', 'manual', ?, '+8613800000001', '',"
                " 'ended', ?, ?)",
                (name, company_id, employee_id, at, at),
            )
            database.execute(
                "INSERT INTO reservation (call_id, company_id, package_id, employee_id, minutes, open, created_at)"
                " VALUES (?, ?, ?, ?, ?, 1, ?)",
                (name, company_id, package_id, employee_id, HELD, at),
            )
            database.execute("INSERT INTO reservation_part VALUES (?, ?, ?, 1)", (name, package_id, company_id))
            for account_id, amount in ((free, -HELD), (held, HELD)):
                database.execute(
                    "INSERT INTO posting (company_id, txn, account_id, amount, kind, call_id, at)"
                    " VALUES (?, ?, ?, ?, 'reserve', ?, ?)",
                    (company_id, f"reserve:{name}", account_id, amount, name, at),
                )
        database.execute("UPDATE account SET balance = balance - ? WHERE id = ?", (CALLS * HELD, free))
        database.execute("UPDATE account SET balance = balance + ? WHERE id = ?", (CALLS * HELD, held))
        database.execute("COMMIT")
    _records(folder / "master.db")


def _records(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as records:
        records.execute("PRAGMA journal_mode=WAL")
        records.execute(
            "CREATE TABLE cel (AcctId INTEGER PRIMARY KEY, eventtype, eventtime, cidnum, dnid, context, exten,"
            " channame, accountcode, peeraccount, uniqueid, linkedid, peer, eventextra)"
        )
        records.execute("BEGIN")
        for index in range(CALLS):
            name, start = f"new-{index}", START + timedelta(seconds=index)
            answered = start + timedelta(seconds=3)
            ended = answered + timedelta(seconds=_talk(index))
            for event, at, leg, role in (
                ("CHAN_START", start, name, "agent"),
                ("ANSWER", start + timedelta(seconds=1), name, "agent"),
                ("CHAN_START", start + timedelta(seconds=1), f"{name}c", "customer"),
                ("ANSWER", answered, f"{name}c", "customer"),
                ("BRIDGE_ENTER", answered, f"{name}c", "customer"),
                ("BRIDGE_ENTER", answered, name, "agent"),
                ("BRIDGE_EXIT", ended, f"{name}c", "customer"),
                ("HANGUP", ended, f"{name}c", "customer"),
                ("BRIDGE_EXIT", ended, name, "agent"),
                ("HANGUP", ended, name, "agent"),
                ("LINKEDID_END", ended, name, "agent"),
            ):
                channel = CUSTOMER_CHANNEL if role == "customer" else AGENT_CHANNEL
                records.execute(
                    "INSERT INTO cel (eventtype, eventtime, cidnum, context, exten, channame, accountcode, uniqueid,"
                    " linkedid, eventextra) VALUES (?, ?, '', 'dial-out', 's', ?, ?, ?, ?, ?)",
                    (event, f"{at.timestamp():.6f}", channel, f"{name}.{role}", leg, name, '{"hangupcause":16}'),
                )
        records.execute("COMMIT")


async def _settle(database: Database, folder: Path) -> float:
    """Seconds until every record has been taken in."""
    records, settlement = CelFile(folder / "master.db", NODE), Settlement(database)
    began = time.perf_counter()
    while rows := await records.after(await settlement.watermark(NODE)):
        await settlement.advance(NODE, rows, START + timedelta(days=1))
    return time.perf_counter() - began


async def _drift(database: Database, company_id: int, package_id: int, past: int) -> int:
    """Minutes by which the books or the log are wrong."""
    talked = sum(minutes_for(_talk(index)) for index in range(CALLS))
    async with database.read() as connection:
        found = await book.balances(connection, company_id, package_id)
        all_postings = select(func.coalesce(func.sum(posting.c.amount), 0)).where(posting.c.company_id == company_id)
        logged = select(func.sum(call.c.minutes_charged)).where(
            call.c.company_id == company_id, call.c.id.startswith("new-"), call.c.billing == "settled"
        )
        sums = int((await connection.execute(all_postings)).scalar_one())
        charged = int((await connection.execute(logged)).scalar_one() or 0)
    wanted = talked + past
    left = PACKAGE_MINUTES - wanted - found.available
    return abs(found.used - wanted) + abs(found.reserved) + abs(left) + abs(sums) + abs(charged - talked)


def _bare(folder: Path, company_id: int) -> float:
    """Seconds for the same rows under other names: two legs and four postings for each call."""
    with _opened(folder) as database:
        legs = database.execute("SELECT * FROM cel_leg WHERE id LIKE 'new-%' ORDER BY rowid").fetchall()
        lines = database.execute(
            "SELECT * FROM posting WHERE call_id LIKE 'new-%' AND kind IN ('settle', 'release') ORDER BY id"
        ).fetchall()
        of_a_leg, of_a_line = len(legs[0]), len(lines[0])
        legs = [(f"x{row[0]}", row[1], f"x{row[2]}", f"x{row[3]}", *row[4:]) for row in legs]
        lines = [(None, row[1], f"x{row[2]}", *row[3:6], f"x{row[6]}", *row[7:]) for row in lines]
        insert_leg = f"INSERT INTO cel_leg VALUES ({', '.join('?' * of_a_leg)})"
        insert_line = f"INSERT INTO posting VALUES ({', '.join('?' * of_a_line)})"
        calls = BATCH // ROWS_PER_CALL
        began = time.perf_counter()
        for at in range(0, CALLS, calls):
            database.execute("BEGIN IMMEDIATE")
            database.executemany(insert_leg, legs[at * 2 : (at + calls) * 2])
            database.executemany(insert_line, lines[at * 4 : (at + calls) * 4])
            database.execute("COMMIT")
        return time.perf_counter() - began
