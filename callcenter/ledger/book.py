"""Double-entry postings. Every business event is one transaction whose lines sum to zero in each unit.

The name of a transaction (`reserve:<call>`, `settle:<leg>` ...) is unique, so doing a thing again changes nothing. The
database refuses an account that would go below its floor, and refuses to change or delete a posting.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

from sqlalchemy import bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.among import among
from callcenter.store.many import Many, Row
from callcenter.store.tables.books import account, posting

NO_FLOOR = -(10**15)
"""Of the platform's side of the books, which mirrors what companies have."""


class Unit(StrEnum):
    MINUTE = "minute"
    FEN = "fen"
    POINT = "point"


class Kind(StrEnum):
    """Kinds of accounts; see `docs/decisions/0012-books.md` for what each business event moves."""

    # Minutes of one package:
    ISSUED = "issued"
    AVAILABLE = "available"
    RESERVED = "reserved"
    USED = "used"
    """One for each employee who used some."""
    EXPIRED = "expired"
    # Money of one company:
    PAID_IN = "paid_in"
    """The platform's side of what was recharged."""
    WALLET = "wallet"
    FROZEN = "frozen"
    AI_WALLET = "ai_wallet"
    SPENT = "spent"
    # Points of one company:
    POINTS_ISSUED = "points_issued"
    POINTS = "points"
    POINTS_USED = "points_used"


PLATFORM_SIDE = frozenset({Kind.ISSUED, Kind.PAID_IN, Kind.POINTS_ISSUED})


class Entry(StrEnum):
    """Business events."""

    GRANT = "grant"
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"
    EXPIRE = "expire"
    ADD = "add"
    RECHARGE = "recharge"
    PURCHASE = "purchase"
    SEATS = "seats"
    FREEZE = "freeze"
    THAW = "thaw"
    DISPATCH = "dispatch"
    NUMBER_FEE = "number_fee"
    POINTS = "points"
    AI_IN = "ai_in"
    AI_OUT = "ai_out"
    AI_CALL = "ai_call"
    AI_SEATS = "ai_seats"


@dataclass(frozen=True, slots=True)
class Account:
    """Names one account of a company; it is opened by its first posting."""

    owner: str
    kind: Kind
    unit: Unit
    package_id: int | None = None
    employee_id: int | None = None


@lru_cache(maxsize=4096)
def lot(package_id: int, kind: Kind) -> Account:
    """An account of a package; what was used has one for each employee, see `used`."""
    return Account(f"package:{package_id}", kind, Unit.MINUTE, package_id)


@lru_cache(maxsize=4096)
def used(package_id: int, employee_id: int) -> Account:
    """What one employee has used of a package, shared or not."""
    return Account(f"package:{package_id}:{employee_id}", Kind.USED, Unit.MINUTE, package_id, employee_id)


def money(kind: Kind) -> Account:
    """An account of the company's money, in fen."""
    return Account("company", kind, Unit.FEN)


def points(kind: Kind) -> Account:
    return Account("company", kind, Unit.POINT)


@dataclass(frozen=True, slots=True)
class Balances:
    """Minutes on the accounts of one package."""

    available: int
    reserved: int
    used: int


# Statements of the calls' way are built once: building one costs ten times as much as running it.
_BALANCES = (
    select(account.c.kind, func.sum(account.c.balance))
    .where(account.c.company_id == bindparam("company"), account.c.package_id == bindparam("package"))
    .group_by(account.c.kind)
)
_BALANCE = select(account.c.balance).where(
    account.c.company_id == bindparam("company"),
    account.c.owner == bindparam("owner"),
    account.c.kind == bindparam("kind"),
)
_POSTED = select(posting.c.txn).where(posting.c.company_id == bindparam("company"), among(posting.c.txn, "txns"))
_ACCOUNTS = select(account.c.owner, account.c.kind, account.c.id).where(
    account.c.company_id == bindparam("company"), among(account.c.owner, "owners")
)
_OPEN = insert(account).returning(account.c.id)
_POST = Many(
    insert(posting),
    ["company_id", "txn", "account_id", "amount", "kind", "call_id", "leg_id", "seconds", "actor_id", "note", "at"],
)
_MOVE = Many(
    update(account)
    .where(account.c.company_id == bindparam("company"), account.c.id == bindparam("account"))
    .values(balance=account.c.balance + bindparam("amount")),
    ["company", "account", "amount"],
)


async def balances(connection: AsyncConnection, company_id: int, package_id: int) -> Balances:
    rows = await connection.execute(_BALANCES, {"company": company_id, "package": package_id})
    found: dict[str, int] = {kind: int(total) for kind, total in rows.all()}
    return Balances(found.get("available", 0), found.get("reserved", 0), found.get("used", 0))


async def balance(connection: AsyncConnection, company_id: int, wanted: Account) -> int:
    """What is on one account; zero while nothing was ever posted to it."""
    names = {"company": company_id, "owner": wanted.owner, "kind": wanted.kind.value}
    return int((await connection.execute(_BALANCE, names)).scalar() or 0)


async def posted(connection: AsyncConnection, company_id: int, txn: str) -> bool:
    """Whether a transaction of that name is in the books already."""
    return (await connection.execute(_POSTED, {"company": company_id, "txns": [txn]})).first() is not None


@dataclass(frozen=True, slots=True)
class Transaction:
    """One business event: lines that sum to zero in each unit, under a name that is unique for ever."""

    company_id: int
    txn: str
    entry: Entry
    lines: Mapping[Account, int]
    at: datetime
    call_id: str | None = None
    leg_id: str | None = None
    seconds: int = 0
    actor_id: int | None = None
    note: str = ""


async def post(
    connection: AsyncConnection,
    *,
    company_id: int,
    txn: str,
    entry: Entry,
    lines: Mapping[Account, int],
    at: datetime,
    call_id: str | None = None,
    leg_id: str | None = None,
    seconds: int = 0,
    actor_id: int | None = None,
    note: str = "",
    overdraw: bool = False,
) -> bool:
    """Posts one transaction; false when it was posted before. Raises when the lines of a unit do not sum to zero.

    An account that would go below its floor makes the database raise `IntegrityError`; callers ask for the balance in
    the same write transaction, so that this is the last line of defence and not the rule. With `overdraw` the wallet
    may go below zero (the monthly fee of numbers, SPEC §C11.3).
    """
    one = Transaction(company_id, txn, entry, lines, at, call_id, leg_id, seconds, actor_id, note)
    return bool(await post_all(connection, [one], overdraw=overdraw))


async def post_all(
    connection: AsyncConnection, transactions: Sequence[Transaction], *, overdraw: bool = False
) -> list[Transaction]:
    """Posts many at once, with a handful of statements for each company; those that were not in the books yet."""
    for one in transactions:
        _balanced(one.txn, one.lines)
    by_company: dict[int, dict[str, Transaction]] = defaultdict(dict)
    for one in transactions:
        by_company[one.company_id].setdefault(one.txn, one)
    posted_now: list[Transaction] = []
    for company_id, wanted in by_company.items():
        names = {"company": company_id, "txns": wanted}
        known = set((await connection.execute(_POSTED, names)).scalars())
        fresh = [one for txn, one in wanted.items() if txn not in known]
        if fresh:
            await _write(connection, company_id, fresh, overdraw=overdraw)
        posted_now += fresh
    return posted_now


async def _write(connection: AsyncConnection, company_id: int, fresh: Sequence[Transaction], *, overdraw: bool) -> None:
    lines = [(one, target, amount) for one in fresh for target, amount in one.lines.items() if amount]
    if not lines:
        return
    ids = await _open(connection, company_id, dict.fromkeys(target for _, target, _ in lines))
    await _POST.run(connection, [_row(one, ids[target], amount) for one, target, amount in lines])
    moved: dict[int, int] = defaultdict(int)
    for _, target, amount in lines:
        if target.kind is not Kind.WALLET:
            moved[ids[target]] += amount
    await _MOVE.run(connection, [(company_id, one, amount) for one, amount in moved.items() if amount])
    for _, target, amount in lines:
        if target.kind is Kind.WALLET:
            await _move_wallet(connection, company_id, ids[target], amount, overdraw=overdraw)


def _row(one: Transaction, account_id: int, amount: int) -> Row:
    """As `_POST` wants it."""
    of_a_call = (one.call_id, one.leg_id, one.seconds)
    return (one.company_id, one.txn, account_id, amount, one.entry.value, *of_a_call, one.actor_id, one.note, one.at)


def _balanced(txn: str, lines: Mapping[Account, int]) -> None:
    sums: dict[Unit, int] = defaultdict(int)
    for one, amount in lines.items():
        sums[one.unit] += amount
    if any(sums.values()):
        raise ValueError(f"{txn}: a transaction must sum to zero")


async def _move_wallet(
    connection: AsyncConnection, company_id: int, account_id: int, amount: int, *, overdraw: bool
) -> None:
    # Who is below zero may not spend, but what makes the debt smaller is never refused.
    lowest = account.c.balance + amount if overdraw or amount > 0 else account.c.balance
    await connection.execute(
        update(account)
        .where(account.c.company_id == company_id, account.c.id == account_id)
        .values(balance=account.c.balance + amount, floor=_least(connection, lowest))
    )


def _least(connection: AsyncConnection, amount: Any) -> Any:
    """The smaller of an amount and zero; SQLite calls it `min`."""
    least = func.min if connection.dialect.name == "sqlite" else func.least
    return least(amount, 0)


async def _open(connection: AsyncConnection, company_id: int, wanted: Iterable[Account]) -> dict[Account, int]:
    """The ids of those accounts, opened where they are missing."""
    accounts = list(wanted)
    names = {"company": company_id, "owners": {one.owner for one in accounts}}
    rows = (await connection.execute(_ACCOUNTS, names)).all()
    found: dict[tuple[str, str], int] = {(row.owner, row.kind): row.id for row in rows}
    for one in accounts:
        if (one.owner, one.kind.value) not in found:
            row = {
                "company_id": company_id,
                "owner": one.owner,
                "kind": one.kind.value,
                "unit": one.unit.value,
                "package_id": one.package_id,
                "employee_id": one.employee_id,
                "floor": NO_FLOOR if one.kind in PLATFORM_SIDE else 0,
            }
            found[one.owner, one.kind.value] = int((await connection.execute(_OPEN, row)).scalar_one())
    return {one: found[one.owner, one.kind.value] for one in accounts}
