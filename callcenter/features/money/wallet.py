"""The company's money: what it has, spending it, and every movement (SPEC §C8, §C11, §C12). Amounts in fen."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.features.money.tables import ai_entry, points_order, recharge
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind, Unit
from callcenter.store.tables.books import account, posting
from callcenter.store.tables.numbers import outside_number
from callcenter.store.tables.packages import purchase
from callcenter.store.tables.people import company

SHOWN = (Kind.WALLET, Kind.FROZEN, Kind.AI_WALLET)
"""Accounts whose movements a company is shown; the other side of each is the platform's."""

_TYPES = {
    "recharge": "recharge",
    "purchase": "purchase",
    "licences": "licence",
    "points": "points_order",
    "ai": "ai_entry",
    "number-freeze": "number_application",
    "number-thaw": "number_application",
    "number-dispatch": "direct_number",
    "number-fee": "direct_number",
}
"""First part of a transaction's name -> what its number is the id of."""
_NAMED_BY = {
    "recharge": recharge,
    "purchase": purchase,
    "points_order": points_order,
    "ai_entry": ai_entry,
    "direct_number": outside_number,
}
"""Of these the row has a number of its own; the others are known by their id."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a company has: fen, and points."""

    balance: int
    frozen: int
    ai_balance: int
    points: int

    @property
    def blocked(self) -> bool:
        """Below zero nobody of the company dials (SPEC §C11.3)."""
        return self.balance < 0


@dataclass(frozen=True, slots=True)
class Reference:
    """The row that a movement belongs to."""

    type: str
    id: int
    number: str


async def standing(connection: AsyncConnection, company_id: int) -> Standing:
    rows = await connection.execute(_balances().where(account.c.company_id == company_id))
    return _standing({row.kind: int(row.balance) for row in rows.all()})


async def standings(connection: AsyncConnection) -> dict[int, Standing]:
    """Company id -> what it has, for the operator; companies that never had an account are missing."""
    found: dict[int, dict[str, int]] = {}
    for row in (await connection.execute(_balances().execution_options(all_companies=True))).all():
        found.setdefault(row.company_id, {})[row.kind] = int(row.balance)
    return {company_id: _standing(kinds) for company_id, kinds in found.items()}


def _balances() -> Select[Any]:
    return select(account.c.company_id, account.c.kind, account.c.balance).where(
        account.c.owner == book.money(Kind.WALLET).owner
    )


def _standing(kinds: Mapping[str, int]) -> Standing:
    return Standing(*(kinds.get(one.value, 0) for one in (Kind.WALLET, Kind.FROZEN, Kind.AI_WALLET, Kind.POINTS)))


async def require(connection: AsyncConnection, company_id: int, amount: int, kind: Kind = Kind.WALLET) -> int:
    """The balance of an account that has to pay `amount`; refuses with `balance_too_low`."""
    balance = await book.balance(connection, company_id, book.money(kind))
    if amount > max(balance, 0):
        raise Refusal("balance_too_low", balance=balance, needed=amount)
    return balance


async def move(
    connection: AsyncConnection,
    company_id: int,
    source: Kind,
    target: Kind,
    amount: int,
    *,
    txn: str,
    entry: Entry,
    now: datetime,
    by: int | None = None,
    note: str = "",
    overdraw: bool = False,
) -> bool:
    """Moves money between two accounts of the company; false when that was done before."""
    return await book.post(
        connection,
        company_id=company_id,
        txn=txn,
        entry=entry,
        lines={book.money(source): -amount, book.money(target): amount},
        at=now,
        actor_id=by,
        note=note,
        overdraw=overdraw,
    )


async def spend(
    connection: AsyncConnection,
    company_id: int,
    amount: int,
    *,
    txn: str,
    entry: Entry,
    now: datetime,
    by: int | None,
    note: str = "",
) -> None:
    """Pays from the wallet; refuses with `balance_too_low`."""
    await require(connection, company_id, amount)
    await move(connection, company_id, Kind.WALLET, Kind.SPENT, amount, txn=txn, entry=entry, now=now, by=by, note=note)


async def require_verified(connection: AsyncConnection, company_id: int) -> Any:
    """The company's row; refuses with `company_unverified` (SPEC §C10.1, §C10.6)."""
    row = (await connection.execute(select(company).where(company.c.id == company_id))).one()
    if row.verification != "verified":
        raise Refusal("company_unverified")
    return row


def entries(company_id: int) -> Select[Any]:
    """Every movement with what was on its account afterwards; columns of `posting`, `account` and `balance_after`."""
    after = func.sum(posting.c.amount).over(partition_by=posting.c.account_id, order_by=posting.c.id)
    lines = (
        select(posting, account.c.kind.label("account"), after.label("balance_after"))
        .join(account, account.c.id == posting.c.account_id)
        .where(
            posting.c.company_id == company_id,
            account.c.company_id == company_id,
            account.c.unit == Unit.FEN.value,
            account.c.kind.in_([one.value for one in SHOWN]),
        )
        .subquery()
    )
    return select(lines)


async def references(connection: AsyncConnection, company_id: int, txns: Sequence[str]) -> dict[str, Reference]:
    """Name of a transaction -> the row it belongs to."""
    parsed: dict[str, tuple[str, int]] = {}
    for txn in txns:
        head, _, rest = txn.partition(":")
        row_id = rest.partition(":")[0]
        if head in _TYPES and row_id.isdigit():
            parsed[txn] = (_TYPES[head], int(row_id))
    numbers = await _numbers(connection, company_id, parsed)
    return {txn: Reference(type_, row_id, numbers.get((type_, row_id), "")) for txn, (type_, row_id) in parsed.items()}


async def _numbers(
    connection: AsyncConnection, company_id: int, parsed: Mapping[str, tuple[str, int]]
) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    for type_, table in _NAMED_BY.items():
        ids = {row_id for one, row_id in parsed.values() if one == type_}
        if ids:
            query = select(table.c.id, table.c.number).where(table.c.company_id == company_id, table.c.id.in_(ids))
            found |= {(type_, row.id): row.number for row in (await connection.execute(query)).all()}
    return found


def document_number(letter: str, now: datetime) -> str:
    """A number for a new document, e.g. `R2026010500482913`; unique by its eight random digits and the table's key."""
    return f"{letter}{now:%Y%m%d}{secrets.randbelow(10**8):08d}"


def same_request(row: Any, **asked: Any) -> None:
    """Refuses with `key_reused` when the row that a key stands for was made by a different request."""
    if any(getattr(row, name) != value for name, value in asked.items()):
        raise Refusal("key_reused")


async def keyed(connection: AsyncConnection, table: Any, company_id: int, key: str | None) -> Any:
    """The row that an earlier request with this key made, or None."""
    if key is None:
        return None
    query = select(table).where(table.c.company_id == company_id, table.c.key == key)
    return (await connection.execute(query)).first()
