"""Customers: list, find by number, create, change, delete, timeline."""

from __future__ import annotations

from typing import Annotated

import msgspec

from callcenter.domain.refusals import Refusal
from callcenter.store.base import utcnow
from callcenter.web.kit import Context, Listing, Paging, Query, Routes
from callcenter.web.seen_numbers import is_main_account
from callcenter.web.typed_numbers import number_of
from crm_bridge import timeline
from crm_bridge.customers import customers as store
from crm_bridge.customers import filing
from crm_bridge.customers.customers import Customer, CustomerQuery
from crm_bridge.customers.filing import CustomerChange, NewCustomer
from crm_bridge.customers.matching import match
from crm_bridge.services import Services
from crm_bridge.timeline import TimelineItem

routes = Routes("customers")


class NumberQuery(Query, kw_only=True):
    number: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Match(msgspec.Struct):
    number: str
    customer: Customer | None


@routes.add(
    "GET",
    "/api/customers",
    permission="customers.view",
    data="scoped",
    summary="Customers of employees in my scope, and those we talked to",
    query=CustomerQuery,
    answers=Listing[Customer],
)
async def listing(services: Services, context: Context) -> Listing[Customer]:
    wanted: CustomerQuery = context.query
    async with services.database.read() as connection:
        items, total = await store.page(connection, context.me, wanted, services.settings.default_region)
    return Listing(items, total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/customers",
    permission="customers.edit",
    data="scoped",
    summary="Create a customer; recent calls from its numbers become its calls",
    body=NewCustomer,
    answers=Customer,
    status=201,
    errors=("duplicate", "number_invalid", "owner_unknown"),
)
async def create(services: Services, context: Context) -> Customer:
    region = services.settings.default_region
    async with services.database.write() as connection:
        customer_id = await filing.create(connection, context.me, context.body, utcnow(), region)
    await _audit(services, context, "customer.created", customer_id)
    return await _one(services, context, customer_id)


@routes.add(
    "GET",
    "/api/customers/match",
    permission="customers.view",
    data="scoped",
    summary="The customer in my scope that a number belongs to, mine first",
    query=NumberQuery,
    answers=Match,
    errors=("number_invalid",),
)
async def matching(services: Services, context: Context) -> Match:
    wanted: NumberQuery = context.query
    region, me = services.settings.default_region, context.me
    async with services.database.read() as connection:
        number = (await number_of(connection, me.company_id, wanted.number, region)).e164
        row = await match(
            connection, me.company_id, number, region=region, employee_id=me.employee_id, condition=store.visible(me)
        )
        return Match(number, await store.view(connection, me.company_id, row.id) if row is not None else None)


@routes.add(
    "GET",
    "/api/customers/{id}",
    permission="customers.view",
    data="scoped",
    summary="One customer",
    answers=Customer,
    errors=("not_found",),
)
async def one(services: Services, context: Context) -> Customer:
    async with services.database.read() as connection:
        await store.require(connection, context.me, context.params["id"])
    return await _one(services, context, context.params["id"])


@routes.add(
    "PATCH",
    "/api/customers/{id}",
    permission="customers.edit",
    data="scoped",
    summary="Change the fields that are sent; numbers and tags are replaced as a whole",
    body=CustomerChange,
    answers=Customer,
    errors=("not_found", "forbidden", "duplicate", "number_invalid", "owner_unknown"),
)
async def change(services: Services, context: Context) -> Customer:
    customer_id = context.params["id"]
    region = services.settings.default_region
    async with services.database.write() as connection:
        changed = await filing.change(connection, context.me, customer_id, context.body, utcnow(), region)
    if changed:
        await _audit(services, context, "customer.changed", customer_id, fields=changed)
    return await _one(services, context, customer_id)


@routes.add(
    "DELETE",
    "/api/customers/{id}",
    permission="customers.delete",
    data="scoped",
    summary="Delete a customer with its notes; its calls stay in the call log",
    status=204,
    errors=("not_found", "forbidden"),
)
async def remove(services: Services, context: Context) -> None:
    customer_id = context.params["id"]
    async with services.database.write() as connection:
        name = await filing.remove(connection, context.me, customer_id)
    await _audit(services, context, "customer.deleted", customer_id, name=name)


@routes.add(
    "GET",
    "/api/customers/{id}/timeline",
    permission="customers.view",
    data="scoped",
    summary="Calls and notes of a customer, the newest first",
    query=Paging,
    answers=Listing[TimelineItem],
    errors=("not_found",),
)
async def history(services: Services, context: Context) -> Listing[TimelineItem]:
    paging: Paging = context.query
    async with services.database.read() as connection:
        row = await store.require(connection, context.me, context.params["id"])
        total = await timeline.count(connection, context.company_id, row.id)
        items = await timeline.items(
            connection,
            context.company_id,
            store.brief(row),
            limit=paging.page_size,
            offset=paging.offset,
            main_account=is_main_account(context.me),
        )
    return Listing(items, total, paging.page, paging.page_size)


async def _one(services: Services, context: Context, customer_id: int) -> Customer:
    async with services.database.read() as connection:
        found = await store.view(connection, context.company_id, customer_id)
    if found is None:
        raise Refusal("not_found")
    return found


async def _audit(services: Services, context: Context, action: str, customer_id: int, **details: object) -> None:
    await services.audit.add(
        context.company_id, context.me.employee_id, action, str(customer_id), context.ip, **details
    )
