"""Invoices that a company asks from the platform for its recharges (SPEC §C13). Amounts in fen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.features.money.tables import invoice_request, recharge
from callcenter.store.tables.people import company

REVIEWING, INVOICED, REJECTED = "reviewing", "invoiced", "rejected"
FIELDS = {
    "ordinary": ("tax_number", "email"),
    "special": (
        "tax_number",
        "address",
        "phone",
        "bank",
        "bank_account",
        "receiver",
        "receiver_phone",
        "receiver_address",
    ),
}
"""What each type of invoice must say (§C13.2): the ordinary one is sent by mail, the special one by courier."""


def open_recharges(company_id: int) -> Select[Any]:
    """Approved recharges that no invoice is asked for (§C13.1)."""
    return select(recharge).where(
        recharge.c.company_id == company_id, recharge.c.state == "approved", recharge.c.invoice_id.is_(None)
    )


async def ask(
    connection: AsyncConnection,
    company_id: int,
    recharge_ids: Sequence[int],
    *,
    kind: str,
    title: str,
    fields: Mapping[str, str],
    urgent: bool,
    remark: str,
    letter_name: str,
    by: int,
    now: datetime,
) -> Any:
    """Asks for one invoice over whole recharges; its amount is their sum and cannot be chosen (§C13.1).

    Refuses with `recharge_not_open`, `invoice_field_missing` and `letter_missing` (another name than the company's).
    """
    missing = [name for name in FIELDS[kind] if not fields.get(name, "").strip()]
    if missing:
        raise Refusal("invoice_field_missing", fields=missing)
    name = (await connection.execute(select(company.c.name).where(company.c.id == company_id))).scalar_one()
    if title != name and not letter_name:
        raise Refusal("letter_missing", company=name)
    wanted = set(recharge_ids)
    chosen = open_recharges(company_id).where(recharge.c.id.in_(wanted)).subquery()
    found, amount = (await connection.execute(select(func.count(), func.sum(chosen.c.amount)))).one()
    if not wanted or found != len(wanted):
        raise Refusal("recharge_not_open")
    made = await connection.execute(
        insert(invoice_request)
        .values(
            company_id=company_id,
            kind=kind,
            amount=int(amount),
            title=title,
            fields={key: fields[key].strip() for key in FIELDS[kind]},
            urgent=urgent,
            remark=remark,
            letter_name=letter_name,
            state=REVIEWING,
            applicant_id=by,
            created_at=now,
        )
        .returning(invoice_request)
    )
    row = made.one()
    mine = (recharge.c.company_id == company_id, recharge.c.id.in_(wanted))
    await connection.execute(update(recharge).where(*mine).values(invoice_id=row.id))
    return row


async def answer(
    connection: AsyncConnection,
    invoice_id: int,
    *,
    state: str,
    text: str,
    courier: str,
    courier_number: str,
    file_name: str,
    now: datetime,
) -> Any:
    """The platform's answer; the recharges of a rejected request may be invoiced again."""
    query = select(invoice_request).where(invoice_request.c.id == invoice_id).execution_options(all_companies=True)
    row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("not_found")
    if row.state != REVIEWING:
        raise Refusal("invoice_answered", state=row.state)
    mine = (invoice_request.c.company_id == row.company_id, invoice_request.c.id == row.id)
    values = {"answer": text, "courier": courier, "courier_number": courier_number, "file_name": file_name}
    changed = update(invoice_request).where(*mine).values(state=state, finished_at=now, **values)
    if state == REJECTED:
        free = (recharge.c.company_id == row.company_id, recharge.c.invoice_id == row.id)
        await connection.execute(update(recharge).where(*free).values(invoice_id=None))
    return (await connection.execute(changed.returning(invoice_request))).one()
