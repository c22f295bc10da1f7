"""The bridge between calls and customers: who calls, what pops up, and what a finished call leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.calls import Call
from callcenter.domain.dial_tasks import seen
from callcenter.domain.terms import Direction
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.calls import call as call_table
from callcenter.store.tables.inbound import agent_group
from callcenter.web.identity import Identity
from callcenter.web.lists import Named
from callcenter.web.ports import CustomerBrief
from crm_bridge import timeline
from crm_bridge.customers import customers
from crm_bridge.customers.customers import Customer
from crm_bridge.customers.matching import match, match_all, touch
from crm_bridge.customers.tables import customer
from crm_bridge.timeline import TimelineItem

RECENT = 3
"""Contacts that a pop shows: enough to pick up the thread, few enough to read while the phone rings."""

C = TypeVar("C")


class Pop(msgspec.Struct):
    """The screen pop: what an agent needs to know before saying hello (SPEC §B5.1)."""

    call_id: str
    direction: Direction
    number: str
    number_display: str
    customer: Customer | None
    recent: list[TimelineItem]
    open_notes: list[TimelineItem]
    queue: Named | None


class CrmBridge(Generic[C]):
    """What the engine and the call log ask of the CRM.

    `caller(customer_id, name)` makes the engine's own value for a recognised customer, so that the CRM need not know
    the engine. Numbers without a country code are read as `region`'s. All methods ask for one company only.
    """

    def __init__(self, database: Database, caller: Callable[[int, str], C], region: str = "CN") -> None:
        self._db = database
        self._caller = caller
        self._region = region

    # -- what the engine asks ----------------------------------------------------------------------------------------

    async def who_is(self, company_id: int, number: str) -> C | None:
        """The customer with that number, by the rule of `matching`; None if nobody has it."""
        async with self._db.glance() as connection:
            row = await match(connection, company_id, number, region=self._region)
        return self._caller(row.id, row.name) if row is not None else None

    async def name_of(self, company_id: int, customer_id: int) -> C | None:
        query = select(customer.c.name).where(customer.c.company_id == company_id, customer.c.id == customer_id)
        async with self._db.glance() as connection:
            name: str | None = (await connection.execute(query)).scalar()
        return self._caller(customer_id, name) if name is not None else None

    async def owner_of(self, company_id: int, customer_id: int) -> int | None:
        """The employee who owns the customer, if anybody does."""
        query = select(customer.c.owner_id).where(customer.c.company_id == company_id, customer.c.id == customer_id)
        async with self._db.glance() as connection:
            owner: int | None = (await connection.execute(query)).scalar()
        return owner

    async def pop(self, call: Call, employee_id: int) -> dict[str, Any]:
        """The payload of the `pop` event for the agent whose phone rings, ready for JSON.

        The customer is the one the call was recognised as; failing that, whoever the number leads this agent to.
        """
        async with self._db.glance() as connection:
            customer_id = call.customer_id
            if customer_id is None and call.number:
                row = await match(
                    connection, call.company_id, call.number, region=self._region, employee_id=employee_id
                )
                customer_id = row.id if row is not None else None
            known = await customers.view(connection, call.company_id, customer_id) if customer_id else None
            recent: list[TimelineItem] = []
            waiting: list[TimelineItem] = []
            if known is not None:
                short = CustomerBrief(
                    known.id, known.name, known.kind, known.level, known.source, known.progress, known.company_name
                )
                recent = await timeline.items(connection, call.company_id, short, limit=RECENT, without_call=call.id)
                waiting = await timeline.open_notes(connection, call.company_id, known.id)
            queue = None
            if call.group_id is not None:
                named = select(agent_group.c.id, agent_group.c.name).where(
                    agent_group.c.company_id == call.company_id, agent_group.c.id == call.group_id
                )
                group = (await connection.execute(named)).first()
                queue = Named(group.id, group.name) if group is not None else None
        number = seen(call.number, hidden=call.hides_number, main_account=False, region=self._region)
        shown = Pop(
            call_id=call.id,
            direction=call.direction,
            number=number.number,
            number_display=number.display,
            customer=known,
            recent=recent,
            open_notes=waiting,
            queue=queue,
        )
        payload: dict[str, Any] = msgspec.to_builtins(shown)
        return payload

    async def call_ended(self, call: Call) -> None:
        """Dates the customer's last contact by an answered call; an unanswered one was no contact.

        A customer who was created while the call talked gets the call now: until its end the engine owned the row.
        """
        customer_id = call.customer_id
        found = None
        if customer_id is None and call.number:
            async with self._db.glance() as connection:
                found = await match(
                    connection,
                    call.company_id,
                    call.number,
                    region=self._region,
                    employee_id=call.employee_id,
                )
            customer_id = found.id if found is not None else None
        answered = call.answered_at is not None and call.ended_at is not None
        if customer_id is None or (found is None and not answered):
            return
        async with self._db.write() as connection:
            if found is not None:
                await connection.execute(
                    update(call_table)
                    .where(
                        call_table.c.company_id == call.company_id,
                        call_table.c.id == call.id,
                        call_table.c.customer_id.is_(None),
                    )
                    .values(customer_id=customer_id)
                )
            if answered and call.ended_at is not None:
                await touch(connection, call.company_id, customer_id, call.ended_at)

    # -- what the call log asks --------------------------------------------------------------------------------------

    async def briefs(self, company_id: int, ids: Sequence[int]) -> Mapping[int, CustomerBrief]:
        async with self._db.glance() as connection:
            return await customers.briefs(connection, company_id, ids)

    async def seen_by(self, me: Identity, customer_id: int) -> bool:
        """Whether the customer is in the person's scope; another company's never is."""
        query = select(customer.c.id).where(
            customer.c.company_id == me.company_id, customer.c.id == customer_id, customers.visible(me)
        )
        async with self._db.glance() as connection:
            return (await connection.execute(query)).first() is not None

    async def known_to(self, me: Identity, numbers: Collection[str]) -> Mapping[str, Named]:
        """The customers that the person sees behind those numbers (E.164); of several the one of `matching`."""
        async with self._db.glance() as connection:
            found = await match_all(
                connection, me.company_id, numbers, employee_id=me.employee_id, condition=customers.visible(me)
            )
        return {number: Named(row.id, row.name) for number, row in found.items()}

    async def pass_on(self, connection: AsyncConnection, company_id: int, from_id: int, to_id: int) -> int:
        """Gives the customers of one employee who have not signed to another, in the caller's transaction; how many."""
        mine = (customer.c.company_id == company_id, customer.c.owner_id == from_id)
        moved = await connection.execute(
            update(customer).where(*mine, customer.c.signed_at.is_(None)).values(owner_id=to_id, updated_at=utcnow())
        )
        return moved.rowcount

    async def owned(self, connection: AsyncConnection, company_id: int, owner_id: int) -> tuple[int, int]:
        """How many customers an employee has who have not signed, and who have."""
        signed = func.count(customer.c.signed_at)
        query = select(func.count(), signed).where(customer.c.company_id == company_id, customer.c.owner_id == owner_id)
        every, done = (await connection.execute(query)).one()
        return int(every) - int(done), int(done)

    async def named_like(self, company_id: int, text: str) -> list[int]:
        async with self._db.glance() as connection:
            return await customers.named_like(connection, company_id, text)
