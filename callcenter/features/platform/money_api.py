"""The operator's desk: reviews recharges and answers invoice requests. Money in fen."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import select

from callcenter.domain.refusals import Refusal
from callcenter.features.money import invoices as invoice_ledger
from callcenter.features.money import recharges as recharge_ledger
from callcenter.features.money.invoices_api import InvoiceView, State
from callcenter.features.money.invoices_api import view_of as invoice_view
from callcenter.features.money.recharges_api import RechargeView
from callcenter.features.money.recharges_api import view_of as recharge_view
from callcenter.features.money.tables import invoice_request, recharge
from callcenter.store.base import utcnow
from callcenter.store.documents import Documents
from callcenter.store.tables.people import company, employee
from callcenter.web import uploads
from callcenter.web.kit import Body, Context, Listing, Routes
from callcenter.web.lists import Named, Period, page_of
from callcenter.web.services import Services

routes = Routes("platform")

EVERYWHERE = {"all_companies": True}
Reason = Annotated[str, msgspec.Meta(max_length=200)]
Courier = Annotated[str, msgspec.Meta(max_length=60)]


class CompanyRecharge(RechargeView, kw_only=True):
    company: Named


class CompanyInvoice(InvoiceView, kw_only=True):
    company: Named
    fields: dict[str, str]
    letter: bool


class RechargeQuery(Period, kw_only=True):
    state: Literal["pending", "approved", "rejected", "void"] | None = None


class InvoiceQuery(Period, kw_only=True):
    state: State | None = None


class Review(Body, kw_only=True):
    approve: bool
    reason: Reason = ""


class AnswerForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    state: Literal["invoiced", "rejected"]
    answer: Reason = ""
    courier: Courier = ""
    courier_number: Courier = ""


@routes.add(
    "GET",
    "/api/platform/recharges",
    permission="platform.manage",
    data="platform",
    summary="Recharges of all companies",
    query=RechargeQuery,
    answers=Listing[CompanyRecharge],
)
async def recharges(services: Services, context: Context) -> Listing[CompanyRecharge]:
    wanted: RechargeQuery = context.query
    query = _with_names(recharge, recharge.c.applicant_id).where(*wanted.on(recharge.c.created_at))
    if wanted.state is not None:
        query = query.where(recharge.c.state == wanted.state)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, recharge.c.id.desc(), everywhere=True)
    return Listing([_recharge(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/platform/recharges/{id}/review",
    permission="platform.manage",
    data="platform",
    summary="Approve an offline recharge, or reject it with a reason",
    body=Review,
    answers=CompanyRecharge,
    errors=("not_found", "recharge_reviewed", "invalid"),
)
async def review(services: Services, context: Context) -> CompanyRecharge:
    given: Review = context.body
    if not given.approve and not given.reason.strip():
        raise Refusal("invalid", reason="say why it is rejected - at `$.reason`")
    async with services.database.write() as connection:
        row = await recharge_ledger.review(
            connection,
            context.params["id"],
            approve=given.approve,
            reason=given.reason.strip(),
            by=context.me.employee_id,
            now=utcnow(),
        )
        await _audit(services, connection, context, "recharge.reviewed", row.number, state=row.state, amount=row.amount)
    await services.telephony.changed()  # who was below zero may dial again
    async with services.database.read() as connection:
        query = _with_names(recharge, recharge.c.applicant_id).where(recharge.c.id == row.id)
        return _recharge((await connection.execute(query.execution_options(**EVERYWHERE))).one())


@routes.add(
    "GET",
    "/api/platform/recharges/{id}/proof",
    permission="platform.manage",
    data="platform",
    summary="The proof of a recharge",
    errors=("not_found",),
    raw=True,
)
async def proof(services: Services, context: Context) -> web.StreamResponse:
    row = await _one(services, recharge, context)
    return uploads.attachment(Documents(services.settings.data_dir), row.proof_name, f"proof-{row.number}")


@routes.add(
    "GET",
    "/api/platform/invoices",
    permission="platform.manage",
    data="platform",
    summary="Invoice requests of all companies",
    query=InvoiceQuery,
    answers=Listing[CompanyInvoice],
)
async def invoices(services: Services, context: Context) -> Listing[CompanyInvoice]:
    wanted: InvoiceQuery = context.query
    query = _with_names(invoice_request, invoice_request.c.applicant_id)
    query = query.where(*wanted.on(invoice_request.c.created_at))
    if wanted.state is not None:
        query = query.where(invoice_request.c.state == wanted.state)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, invoice_request.c.id.desc(), everywhere=True)
    return Listing([_invoice(row) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "GET",
    "/api/platform/invoices/{id}/letter",
    permission="platform.manage",
    data="platform",
    summary="The letter of authorisation of an invoice request",
    errors=("not_found",),
    raw=True,
)
async def letter(services: Services, context: Context) -> web.StreamResponse:
    row = await _one(services, invoice_request, context)
    return uploads.attachment(Documents(services.settings.data_dir), row.letter_name, f"letter-{row.id}")


@routes.add(
    "POST",
    "/api/platform/invoices/{id}/answer",
    permission="platform.manage",
    data="platform",
    summary="Invoiced or rejected: a form with state, answer, courier, courier_number and maybe the invoice as `file`",
    answers=CompanyInvoice,
    errors=("not_found", "invoice_answered", "document_invalid", "invalid"),
    upload=True,
)
async def answer(services: Services, context: Context) -> CompanyInvoice:
    given, files = await uploads.read_form(context.request, AnswerForm, "file")
    if given.state == "rejected" and not given.answer.strip():
        raise Refusal("invalid", reason="say why it is rejected")
    documents = Documents(services.settings.data_dir)
    name = await uploads.keep(services, context, files.get("file"))
    try:
        async with services.database.write() as connection:
            row = await invoice_ledger.answer(
                connection,
                context.params["id"],
                state=given.state,
                text=given.answer.strip(),
                courier=given.courier.strip(),
                courier_number=given.courier_number.strip(),
                file_name=name,
                now=utcnow(),
            )
            await _audit(services, connection, context, "invoice.answered", str(row.id), state=row.state)
    except BaseException:
        documents.drop(name)
        raise
    async with services.database.read() as connection:
        query = _with_names(invoice_request, invoice_request.c.applicant_id).where(invoice_request.c.id == row.id)
        return _invoice((await connection.execute(query.execution_options(**EVERYWHERE))).one())


def _with_names(table: Any, applicant: Any) -> Any:
    return (
        select(table, company.c.name.label("company_name"), employee.c.name.label("applicant_name"))
        .join(company, company.c.id == table.c.company_id)
        .outerjoin(employee, employee.c.id == applicant)
    )


def _recharge(row: Any) -> CompanyRecharge:
    view = recharge_view(row, {row.applicant_id: Named(row.applicant_id, row.applicant_name or "")})
    return CompanyRecharge(**msgspec.structs.asdict(view), company=Named(row.company_id, row.company_name))


def _invoice(row: Any) -> CompanyInvoice:
    view = invoice_view(row, {row.applicant_id: Named(row.applicant_id, row.applicant_name or "")})
    named = Named(row.company_id, row.company_name)
    return CompanyInvoice(
        **msgspec.structs.asdict(view), company=named, fields=row.fields, letter=bool(row.letter_name)
    )


async def _one(services: Services, table: Any, context: Context) -> Any:
    query = select(table).where(table.c.id == context.params["id"]).execution_options(**EVERYWHERE)
    async with services.database.read() as connection:
        row = (await connection.execute(query)).first()
    if row is None:
        raise Refusal("not_found")
    return row


async def _audit(services: Services, connection: Any, context: Context, action: str, what: str, **details: Any) -> None:
    me = context.me
    await services.audit.write(connection, me.company_id, me.employee_id, action, what, context.ip, **details)
