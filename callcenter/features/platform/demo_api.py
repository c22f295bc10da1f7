"""The simulated phone network in the page: numbers to dial, and a button that lets somebody call in."""

from __future__ import annotations

import msgspec
from sqlalchemy import case, select

from callcenter.domain.numbers import dialable, display
from callcenter.domain.refusals import Refusal
from callcenter.store.tables.inbound import group_member, inbound_number
from callcenter.web.kit import SIGNED_IN, Context, Routes
from callcenter.web.ports import SimulatedNetwork
from callcenter.web.services import Services
from callcenter.web.typed_numbers import e164_of

routes = Routes("demo")


class DemoNumber(msgspec.Struct):
    """`what_zh` and `what_en` say what happens when it is called."""

    number: str
    display: str
    what_zh: str
    what_en: str


class CallingIn(msgspec.Struct):
    caller: str
    """Who calls, as people read it."""
    number: str
    """The company's number that was called, as people read it."""


@routes.add(
    "GET",
    "/api/demo/numbers",
    permission=SIGNED_IN,
    data="none",
    summary="Numbers of the simulated phone network; not found with a real trunk",
    answers=list[DemoNumber],
    errors=("not_found",),
)
async def numbers(services: Services, context: Context) -> list[DemoNumber]:
    return [DemoNumber(**one) for one in _network(services).numbers]


@routes.add(
    "POST",
    "/api/demo/calls",
    permission="calls.dial",
    data="own",
    summary="Let somebody of the simulated phone network call my company; not found with a real trunk",
    answers=CallingIn,
    errors=("not_found", "no_inbound_number", "phones_unavailable", "too_many_requests"),
)
async def call_in(services: Services, context: Context) -> CallingIn:
    network = _network(services)
    number = await _leads_to(services, context.company_id, context.me.employee_id)
    if number is None:
        raise Refusal("no_inbound_number")
    region = services.settings.default_region
    caller = await network.call_in(dialable(number, region))
    return CallingIn(display(e164_of(caller, region)), display(number))


def _network(services: Services) -> SimulatedNetwork:
    if services.network is None:
        raise Refusal("not_found")
    return services.network


async def _leads_to(services: Services, company_id: int, employee_id: int) -> str | None:
    """A number of the company that rings a group, one of the person's own groups if there is such a number."""
    mine = select(group_member.c.group_id).where(
        group_member.c.company_id == company_id, group_member.c.employee_id == employee_id
    )
    own_first = case((inbound_number.c.group_id.in_(mine), 0), else_=1)
    wanted = select(inbound_number.c.number).where(inbound_number.c.company_id == company_id)
    async with services.database.read() as connection:
        found = await connection.execute(wanted.order_by(own_first, inbound_number.c.id).limit(1))
        return found.scalar()
