"""Recharges of a company: offline with a proof, online with a code that lives 15 minutes (SPEC §C8). Money in fen."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.features.money import bank_account, wallet
from callcenter.features.money import recharges as ledger
from callcenter.features.money.tables import recharge
from callcenter.providers.payment import PaymentProvider, provider_for
from callcenter.store.base import utcnow
from callcenter.store.documents import Documents
from callcenter.web import uploads
from callcenter.web.kit import PUBLIC, Body, Context, Routes
from callcenter.web.lists import Named, Period, page_of, people
from callcenter.web.services import Services

routes = Routes("recharges")

Amount = Annotated[int, msgspec.Meta(ge=1, le=10**11)]
Remark = Annotated[str, msgspec.Meta(max_length=200)]


class RechargeView(msgspec.Struct, kw_only=True):
    id: int
    number: str
    channel: Literal["offline", "alipay", "wechat", "bank"]
    amount: int
    state: Literal["pending", "approved", "rejected", "void"]
    remark: str
    proof: bool
    reject_reason: str
    created_at: datetime
    reviewed_at: datetime | None
    applicant: Named | None
    invoiced: bool
    pay_code: str | None
    """What the payer scans, while it waits to be paid; the simulator's codes begin with SIMULATED."""
    code_expires_at: datetime | None


class RechargeList(msgspec.Struct):
    """`total_approved`: fen of the approved recharges that match, whatever the page."""

    items: list[RechargeView]
    total: int
    page: int
    page_size: int
    total_approved: int


class RechargeQuery(Period, kw_only=True):
    state: Literal["pending", "approved", "rejected", "void"] | None = None
    invoiced: Literal["yes", "no"] | None = None


class OfflineForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    amount: Amount
    remark: Remark = ""
    channel: Literal["offline", "bank"] = "offline"


class NewOnline(Body, kw_only=True):
    channel: Literal["alipay", "wechat"]
    amount: Amount


class PaymentState(msgspec.Struct):
    state: str


def view_of(row: Any, names: dict[int, Named]) -> RechargeView:
    waiting = row.state == ledger.PENDING and bool(row.pay_code)
    return RechargeView(
        id=row.id,
        number=row.number,
        channel=row.channel,
        amount=row.amount,
        state=row.state,
        remark=row.remark,
        proof=bool(row.proof_name),
        reject_reason=row.reject_reason,
        created_at=row.created_at,
        reviewed_at=row.reviewed_at,
        applicant=names.get(row.applicant_id),
        invoiced=row.invoice_id is not None,
        pay_code=row.pay_code if waiting else None,
        code_expires_at=row.code_expires_at if waiting else None,
    )


@routes.add(
    "GET",
    "/api/recharges",
    permission="wallet.view",
    data="company",
    summary="Recharges of the company; the total counts approved ones only",
    query=RechargeQuery,
    answers=RechargeList,
)
async def listing(services: Services, context: Context) -> RechargeList:
    wanted: RechargeQuery = context.query
    query = select(recharge).where(recharge.c.company_id == context.company_id, *wanted.on(recharge.c.created_at))
    if wanted.state is not None:
        query = query.where(recharge.c.state == wanted.state)
    if wanted.invoiced is not None:
        missing = recharge.c.invoice_id.is_(None)
        query = query.where(missing if wanted.invoiced == "no" else ~missing)
    found = query.where(recharge.c.state == ledger.APPROVED).subquery()
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, recharge.c.id.desc())
        approved = (await connection.execute(select(func.sum(found.c.amount)))).scalar()
        names = await people(connection, context.company_id)
    items = [view_of(row, names) for row in rows]
    return RechargeList(items, total, wanted.page, wanted.page_size, int(approved or 0))


@routes.add(
    "POST",
    "/api/recharges",
    permission="wallet.spend",
    data="company",
    summary="A transfer made outside, with its proof: a form with amount (fen), remark, channel and the file `proof`."
    " Sent again with the same Idempotency-Key header, it is the same recharge",
    answers=RechargeView,
    status=201,
    errors=("invalid", "bank_unavailable", "document_missing", "document_invalid", "key_missing", "key_reused"),
    upload=True,
)
async def apply(services: Services, context: Context) -> RechargeView:
    key, company_id = context.any_idempotency_key, context.company_id
    given, files = await uploads.read_form(context.request, OfflineForm, "proof")
    if "proof" not in files:
        raise Refusal("document_missing")
    if given.channel == "bank":
        await _require_bank_transfer(services, given)
    documents = Documents(services.settings.data_dir)
    name = await uploads.keep(services, context, files["proof"])
    asked: dict[str, Any] = {"channel": given.channel, "amount": given.amount, "remark": given.remark.strip()}
    try:
        async with services.database.write() as connection:
            row = await wallet.keyed(connection, recharge, company_id, key)
            if row is None:
                row = await ledger.apply(
                    connection,
                    company_id,
                    **asked,
                    proof_name=name,
                    key=key,
                    by=context.me.employee_id,
                    now=utcnow(),
                )
                await _audit(services, connection, context, "recharge.applied", row)
            wallet.same_request(row, **asked)
            names = await people(connection, company_id)
    except BaseException:
        documents.drop(name)
        raise
    if row.proof_name != name:
        documents.drop(name)  # the first one's is kept
    return view_of(row, names)


@routes.add(
    "POST",
    "/api/recharges/online",
    permission="wallet.spend",
    data="company",
    summary="A code to pay with; void after 15 minutes. Needs an Idempotency-Key header",
    body=NewOnline,
    answers=RechargeView,
    status=201,
    errors=("key_missing", "key_reused", "payment_unavailable"),
)
async def online(services: Services, context: Context) -> RechargeView:
    given: NewOnline = context.body
    key, company_id, now = context.idempotency_key, context.company_id, utcnow()
    provider = _provider(services)
    async with services.database.read() as connection:
        row = await wallet.keyed(connection, recharge, company_id, key)
    if row is None:
        number = wallet.document_number("R", now)
        # The provider is asked outside the transaction: it may be slow.
        code = await provider.make_code(given.channel, given.amount, number, now)
        async with services.database.write() as connection:
            row = await wallet.keyed(connection, recharge, company_id, key)
            if row is None:
                row = await ledger.begin_online(
                    connection,
                    company_id,
                    number=number,
                    channel=given.channel,
                    amount=given.amount,
                    code=code,
                    key=key,
                    by=context.me.employee_id,
                    now=now,
                )
                await _audit(services, connection, context, "recharge.begun", row)
    wallet.same_request(row, channel=given.channel, amount=given.amount)
    async with services.database.read() as connection:
        names = await people(connection, company_id)
    return view_of(row, names)


@routes.add(
    "GET",
    "/api/recharges/{id}",
    permission="wallet.view",
    data="company",
    summary="One recharge; ask again to see whether it was paid or reviewed",
    answers=RechargeView,
    errors=("not_found",),
)
async def one(services: Services, context: Context) -> RechargeView:
    async with services.database.read() as connection:
        row = await _row(connection, context)
        return view_of(row, await people(connection, context.company_id))


@routes.add(
    "GET",
    "/api/recharges/{id}/proof",
    permission="wallet.view",
    data="company",
    summary="The proof that was uploaded with a recharge",
    errors=("not_found",),
    raw=True,
)
async def proof(services: Services, context: Context) -> web.StreamResponse:
    async with services.database.read() as connection:
        row = await _row(connection, context)
    return uploads.attachment(Documents(services.settings.data_dir), row.proof_name, f"proof-{row.number}")


@routes.add(
    "POST",
    "/api/payments/simulator/{pay_code}",
    permission=PUBLIC,
    data="none",
    summary="SIMULATOR of a payment provider: says that the code was paid. Not found unless the settings use it",
    answers=PaymentState,
    errors=("not_found", "payment_expired"),
)
async def simulate(services: Services, context: Context) -> PaymentState:
    code, now = str(context.params["pay_code"]), utcnow()
    provider = provider_for(services.settings.payment_provider)
    if provider is None or not provider.simulated:
        raise Refusal("not_found")
    async with services.database.write() as connection:
        waiting = await ledger.of_code(connection, code)
        payment = await provider.verify({"code": code}, waiting.amount if waiting is not None else 0, now)
        if waiting is None or payment is None:
            raise Refusal("not_found")
        row = await ledger.paid(connection, payment)
    if row.state == ledger.VOID:
        raise Refusal("payment_expired")
    await services.telephony.changed()  # who was below zero may dial again
    return PaymentState(row.state)


async def _require_bank_transfer(services: Services, given: OfflineForm) -> None:
    """Account data were shown, and the remark says whose transfer it is (SPEC §C8.3); the receipt is every proof's."""
    if not given.remark.strip():
        raise Refusal("invalid", reason="a bank transfer needs a remark")
    async with services.database.read() as connection:
        if not (await bank_account.current(connection)).complete:
            raise Refusal("bank_unavailable")


def _provider(services: Services) -> PaymentProvider:
    found = provider_for(services.settings.payment_provider)
    if found is None:
        raise Refusal("payment_unavailable")
    return found


async def _row(connection: AsyncConnection, context: Context) -> Any:
    mine = (recharge.c.company_id == context.company_id, recharge.c.id == context.params["id"])
    row = (await connection.execute(select(recharge).where(*mine))).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def _audit(services: Services, connection: AsyncConnection, context: Context, action: str, row: Any) -> None:
    await services.audit.write(
        connection, context.company_id, context.me.employee_id, action, row.number, context.ip, amount=row.amount
    )
