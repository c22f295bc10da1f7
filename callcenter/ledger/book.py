"""Double-entry postings in whole minutes. Every business event is one transaction whose lines sum to zero.

The name of a transaction (`reserve:<call>`, `settle:<leg>` ...) is unique, so doing a thing again changes nothing;
the database itself refuses an account that would go below zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.tables import account, posting


class Kind(StrEnum):
    """Accounts of one package lot."""

    ISSUED = "issued"
    AVAILABLE = "available"
    RESERVED = "reserved"
    USED = "used"


class Entry(StrEnum):
    """Business events."""

    GRANT = "grant"
    RESERVE = "reserve"
    SETTLE = "settle"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Balances:
    """Minutes on the accounts of one package."""

    available: int
    reserved: int
    used: int


async def open_accounts(connection: AsyncConnection, company_id: int, package_id: int) -> None:
    """Opens the accounts of a new package, all at zero."""
    await connection.execute(
        insert(account),
        [{"company_id": company_id, "package_id": package_id, "kind": kind.value, "minutes": 0} for kind in Kind],
    )


async def balances(connection: AsyncConnection, company_id: int, package_id: int) -> Balances:
    rows = await connection.execute(
        select(account.c.kind, account.c.minutes).where(
            account.c.company_id == company_id, account.c.package_id == package_id
        )
    )
    found: dict[str, int] = {kind: minutes for kind, minutes in rows.all()}
    return Balances(found.get("available", 0), found.get("reserved", 0), found.get("used", 0))


async def posted(connection: AsyncConnection, company_id: int, txn: str) -> bool:
    """Whether a transaction of that name is in the books already."""
    query = select(posting.c.id).where(posting.c.company_id == company_id, posting.c.txn == txn).limit(1)
    return (await connection.execute(query)).first() is not None


async def post(
    connection: AsyncConnection,
    *,
    company_id: int,
    package_id: int,
    txn: str,
    entry: Entry,
    lines: Mapping[Kind, int],
    at: datetime,
    call_id: str | None = None,
    leg_id: str | None = None,
    seconds: int = 0,
) -> bool:
    """Posts one transaction; false when it was posted before. Raises when the lines do not sum to zero.

    An account that would go below zero makes the database raise `IntegrityError`; callers ask for the balance in the
    same write transaction, so that this is the last line of defence and not the rule.
    """
    if sum(lines.values()) != 0:
        raise ValueError(f"{txn}: a transaction must sum to zero")
    if await posted(connection, company_id, txn):
        return False
    ids = await connection.execute(
        select(account.c.kind, account.c.id).where(
            account.c.company_id == company_id, account.c.package_id == package_id
        )
    )
    account_of: dict[str, int] = {kind: id_ for kind, id_ in ids.all()}
    for kind, minutes in lines.items():
        if minutes == 0:
            continue
        account_id = account_of[kind.value]
        await connection.execute(
            insert(posting).values(
                company_id=company_id,
                txn=txn,
                account_id=account_id,
                minutes=minutes,
                kind=entry.value,
                call_id=call_id,
                leg_id=leg_id,
                seconds=seconds,
                at=at,
            )
        )
        await connection.execute(
            update(account)
            .where(account.c.company_id == company_id, account.c.id == account_id)
            .values(minutes=account.c.minutes + minutes)
        )
    return True
