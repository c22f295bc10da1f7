"""Recharges: offline with a proof that the platform reviews, online by a code that lives 15 minutes (SPEC §C8)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.due import Due
from callcenter.features.money import wallet
from callcenter.features.money.tables import recharge, stray_payment
from callcenter.features.notices import notices
from callcenter.ledger.book import Entry, Kind
from callcenter.providers.payment import Paid, PayCode
from callcenter.store.database import Database

PENDING, APPROVED, REJECTED, VOID = "pending", "approved", "rejected", "void"
OPEN, BOOKED, REFUNDED = "open", "booked", "refunded"
"""What became of money that came for nothing."""


async def apply(
    connection: AsyncConnection,
    company_id: int,
    *,
    channel: str,
    amount: int,
    remark: str,
    proof_name: str,
    by: int,
    now: datetime,
    key: str | None = None,
) -> Any:
    """A transfer that was made outside; nothing is in the wallet until the platform approves it (§C8.2)."""
    values = {"channel": channel, "amount": amount, "remark": remark, "proof_name": proof_name, "key": key}
    return await _insert(connection, company_id, wallet.document_number("R", now), by, now, values)


async def begin_online(
    connection: AsyncConnection,
    company_id: int,
    *,
    number: str,
    channel: str,
    amount: int,
    code: PayCode,
    key: str,
    by: int,
    now: datetime,
) -> Any:
    """A recharge that waits for the payment of its code."""
    values = {
        "channel": channel,
        "amount": amount,
        "pay_code": code.code,
        "code_expires_at": code.expires_at,
        "key": key,
    }
    return await _insert(connection, company_id, number, by, now, values)


async def _insert(
    connection: AsyncConnection, company_id: int, number: str, by: int, now: datetime, values: dict[str, Any]
) -> Any:
    row = await connection.execute(
        insert(recharge)
        .values(company_id=company_id, number=number, state=PENDING, applicant_id=by, created_at=now, **values)
        .returning(recharge)
    )
    return row.one()


async def review(
    connection: AsyncConnection, recharge_id: int, *, approve: bool, reason: str, by: int, now: datetime
) -> Any:
    """The platform's word on an offline recharge. Refuses with `recharge_reviewed` when it was given before."""
    query = select(recharge).where(recharge.c.id == recharge_id).execution_options(all_companies=True)
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("not_found")
    if row.state != PENDING or row.pay_code:
        raise Refusal("recharge_reviewed", state=row.state)
    values = {"reviewer_id": by, "reject_reason": "" if approve else reason}
    return await _close(connection, row, APPROVED if approve else REJECTED, now, by, values)


async def paid(connection: AsyncConnection, payment: Paid) -> Any:
    """Brings an online payment into the wallet. Paid after its time, or in another amount, it is void (§C8.3).

    The answer's `state` says what became of it; the notice may come any number of times, and late: what was paid in
    time counts though the code was closed meanwhile. Money that came for nothing is kept as a stray payment until the
    operator books it or pays it back.
    """
    row = await of_code(connection, payment.code)
    if row is None:
        raise Refusal("not_found")
    if row.state not in (PENDING, VOID):
        return row
    good = payment.at < row.code_expires_at and payment.amount == row.amount
    if row.state == VOID and (not good or await _strayed(connection, row)):
        await _stray(connection, row, payment)
        return row
    if not good:
        await _stray(connection, row, payment)
    state = APPROVED if good else VOID
    return await _close(connection, row, state, payment.at, None, {}, before=row.state)


async def settle_stray(
    connection: AsyncConnection, stray_id: int, *, book: bool, note: str, by: int, now: datetime
) -> Any:
    """Books a stray payment to the company's wallet, as the recharge that it was meant for, or notes that it was paid
    back. Refuses with `not_found` and `payment_settled`.
    """
    query = select(stray_payment).where(stray_payment.c.id == stray_id).execution_options(all_companies=True)
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("not_found")
    done = await connection.execute(
        update(stray_payment)
        .where(
            stray_payment.c.company_id == row.company_id,
            stray_payment.c.id == row.id,
            stray_payment.c.state == OPEN,
        )
        .values(state=BOOKED if book else REFUNDED, note=note, actor_id=by, settled_at=now)
        .returning(stray_payment)
    )
    settled = done.first()
    if settled is None:
        raise Refusal("payment_settled", state=row.state)
    mine = (recharge.c.company_id == row.company_id, recharge.c.id == row.recharge_id)
    meant = (await connection.execute(select(recharge).where(*mine))).one()
    if book:
        # What came is what is booked, whatever the code had asked for.
        await _close(connection, meant, APPROVED, now, by, {"amount": row.amount, "reviewer_id": by}, before=VOID)
    else:
        told = {"number": meant.number, "amount": row.amount, "reason": note}
        await notices.queue(connection, row.company_id, "recharge_refunded", f"stray:{row.id}", told, at=now)
    return settled


async def _strayed(connection: AsyncConnection, row: Any) -> bool:
    """Whether money for this recharge is the operator's to decide already."""
    known = select(stray_payment.c.id).where(
        stray_payment.c.company_id == row.company_id, stray_payment.c.recharge_id == row.id
    )
    return (await connection.execute(known)).first() is not None


async def _stray(connection: AsyncConnection, row: Any, payment: Paid) -> None:
    if not await _strayed(connection, row):
        values = {"company_id": row.company_id, "recharge_id": row.id, "amount": payment.amount, "paid_at": payment.at}
        await connection.execute(insert(stray_payment).values(**values))


async def void_unpaid(connection: AsyncConnection, now: datetime) -> int:
    """Closes online recharges whose code nobody paid in time; how many."""
    over = (recharge.c.state == PENDING, recharge.c.code_expires_at.is_not(None), recharge.c.code_expires_at <= now)
    done = await connection.execute(
        update(recharge).where(*over).values(state=VOID, reviewed_at=now).execution_options(all_companies=True)
    )
    return done.rowcount


async def of_code(connection: AsyncConnection, code: str) -> Any:
    """The online recharge that a pay code belongs to, of whichever company."""
    query = select(recharge).where(recharge.c.pay_code == code, recharge.c.pay_code != "")
    return (await connection.execute(query.execution_options(all_companies=True))).first()


async def _close(
    connection: AsyncConnection,
    row: Any,
    state: str,
    now: datetime,
    by: int | None,
    values: dict[str, Any],
    *,
    before: str = PENDING,
) -> Any:
    """Gives a pending recharge its final state; approved, its money arrives and the company is told."""
    done = await connection.execute(
        update(recharge)
        .where(recharge.c.company_id == row.company_id, recharge.c.id == row.id, recharge.c.state == before)
        .values(state=state, reviewed_at=now, **values)
        .returning(recharge)
    )
    closed = done.one()
    if state == APPROVED:
        await wallet.move(
            connection,
            row.company_id,
            Kind.PAID_IN,
            Kind.WALLET,
            closed.amount,
            txn=f"recharge:{row.id}",
            entry=Entry.RECHARGE,
            now=now,
            by=by,
        )
    if state != VOID:
        kind = "recharge_done" if state == APPROVED else "recharge_rejected"
        told = {"number": row.number, "amount": closed.amount, "reason": closed.reject_reason}
        await notices.queue(connection, row.company_id, kind, f"recharge:{row.id}", told, at=now)
    return closed


async def run_due(database: Database, now: datetime) -> bool:
    """Codes that nobody paid in time are void."""
    async with database.write() as connection:
        await void_unpaid(connection, now)
    return False


DUE = Due("recharges", run_due)
