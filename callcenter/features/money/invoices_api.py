"""Invoices that the company asks from the platform for what it has paid in (V-30; SPEC §C13). Money in fen."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import web
from sqlalchemy import select

from callcenter.domain.refusals import Refusal
from callcenter.features.money import invoices as ledger
from callcenter.features.money.tables import invoice_request, recharge
from callcenter.store.base import utcnow
from callcenter.store.documents import Documents
from callcenter.web import uploads
from callcenter.web.kit import Context, Listing, Routes
from callcenter.web.lists import Named, Period, page_of, people
from callcenter.web.services import Services

routes = Routes("invoices")

State = Literal["reviewing", "invoiced", "rejected"]


class InvoiceView(msgspec.Struct, kw_only=True):
    id: int
    created_at: datetime
    applicant: Named | None
    kind: Literal["ordinary", "special"]
    amount: int
    title: str
    urgent: bool
    remark: str
    courier: str
    courier_number: str
    state: Literal["reviewing", "invoiced", "rejected"]
    answer: str
    finished_at: datetime | None
    file: bool


class OpenRecharge(msgspec.Struct):
    id: int
    number: str
    amount: int
    created_at: datetime


class InvoiceQuery(Period, kw_only=True):
    state: State | None = None
    kind: Literal["ordinary", "special"] | None = None


class InvoiceForm(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """`recharge_ids`: ids with commas between, or a JSON list; `fields`: JSON, see `invoices.FIELDS`."""

    recharge_ids: Annotated[str, msgspec.Meta(min_length=1, max_length=5000)]
    kind: Literal["ordinary", "special"]
    title: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    fields: Annotated[str, msgspec.Meta(max_length=10_000)] = "{}"
    urgent: bool = False
    remark: Annotated[str, msgspec.Meta(max_length=200)] = ""


def view_of(row: Any, names: dict[int, Named]) -> InvoiceView:
    return InvoiceView(
        id=row.id,
        created_at=row.created_at,
        applicant=names.get(row.applicant_id),
        kind=row.kind,
        amount=row.amount,
        title=row.title,
        urgent=bool(row.urgent),
        remark=row.remark,
        courier=row.courier,
        courier_number=row.courier_number,
        state=row.state,
        answer=row.answer,
        finished_at=row.finished_at,
        file=bool(row.file_name),
    )


@routes.add(
    "GET",
    "/api/invoices",
    permission="wallet.view",
    data="company",
    summary="Invoices that were asked for, the newest first",
    query=InvoiceQuery,
    answers=Listing[InvoiceView],
)
async def listing(services: Services, context: Context) -> Listing[InvoiceView]:
    wanted: InvoiceQuery = context.query
    query = select(invoice_request).where(
        invoice_request.c.company_id == context.company_id, *wanted.on(invoice_request.c.created_at)
    )
    if wanted.state is not None:
        query = query.where(invoice_request.c.state == wanted.state)
    if wanted.kind is not None:
        query = query.where(invoice_request.c.kind == wanted.kind)
    async with services.database.read() as connection:
        rows, total = await page_of(connection, query, wanted, invoice_request.c.id.desc())
        names = await people(connection, context.company_id)
    return Listing([view_of(row, names) for row in rows], total, wanted.page, wanted.page_size)


@routes.add(
    "GET",
    "/api/invoices/open-recharges",
    permission="wallet.view",
    data="company",
    summary="Approved recharges that are not invoiced yet",
    answers=list[OpenRecharge],
)
async def open_recharges(services: Services, context: Context) -> list[OpenRecharge]:
    query = ledger.open_recharges(context.company_id).order_by(recharge.c.id.desc())
    async with services.database.read() as connection:
        rows = (await connection.execute(query)).all()
    return [OpenRecharge(row.id, row.number, row.amount, row.created_at) for row in rows]


@routes.add(
    "POST",
    "/api/invoices",
    permission="wallet.spend",
    data="company",
    summary="Ask for an invoice: a form with recharge_ids, kind, title, fields (JSON), urgent, remark, file `letter`",
    answers=InvoiceView,
    status=201,
    errors=("invalid", "recharge_not_open", "invoice_field_missing", "letter_missing", "document_invalid"),
    upload=True,
)
async def ask(services: Services, context: Context) -> InvoiceView:
    given, files = await uploads.read_form(context.request, InvoiceForm, "letter")
    ids, fields = _ids(given.recharge_ids), _fields(given.fields)
    documents = Documents(services.settings.data_dir)
    name = await uploads.keep(services, context, files.get("letter"))
    try:
        async with services.database.write() as connection:
            row = await ledger.ask(
                connection,
                context.company_id,
                ids,
                kind=given.kind,
                title=given.title.strip(),
                fields=fields,
                urgent=given.urgent,
                remark=given.remark.strip(),
                letter_name=name,
                by=context.me.employee_id,
                now=utcnow(),
            )
            me = context.me
            await services.audit.write(
                connection, me.company_id, me.employee_id, "invoice.asked", str(row.id), context.ip, amount=row.amount
            )
            names = await people(connection, context.company_id)
    except BaseException:
        documents.drop(name)
        raise
    return view_of(row, names)


@routes.add(
    "GET",
    "/api/invoices/{id}/file",
    permission="wallet.view",
    data="company",
    summary="The invoice itself",
    errors=("not_found",),
    raw=True,
)
async def file(services: Services, context: Context) -> web.StreamResponse:
    mine = (invoice_request.c.company_id == context.company_id, invoice_request.c.id == context.params["id"])
    async with services.database.read() as connection:
        row = (await connection.execute(select(invoice_request).where(*mine))).first()
    if row is None:
        raise Refusal("not_found")
    return uploads.attachment(Documents(services.settings.data_dir), row.file_name, f"invoice-{row.id}")


def _ids(text: str) -> list[int]:
    try:
        return [int(part) for part in text.strip().strip("[]").split(",")]
    except ValueError:
        raise Refusal("invalid", reason="recharge_ids are numbers with commas between") from None


def _fields(text: str) -> dict[str, str]:
    try:
        return msgspec.json.decode(text or "{}", type=dict[str, Annotated[str, msgspec.Meta(max_length=200)]])
    except (msgspec.ValidationError, msgspec.DecodeError) as error:
        raise Refusal("invalid", reason=f"fields: {error}") from None
