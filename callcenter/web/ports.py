"""What the web face needs of the rest of the product, as narrow protocols; `app` hands in the real ones."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any, Literal, Protocol

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.commands import Command
from callcenter.domain.endings import CallsEnd
from callcenter.domain.entities import LiveEntities
from callcenter.domain.trunks import TrunkReport
from callcenter.web.identity import Identity
from callcenter.web.lists import Named


class CustomerBrief(msgspec.Struct):
    """What a call row tells of its customer."""

    id: int
    name: str
    kind: Literal["personal", "enterprise"]
    level: str
    source: str
    progress: str
    company_name: str = ""
    """The company that the customer is with."""


class Execute(Protocol):
    """The engine's door."""

    def __call__(self, command: Command) -> Awaitable[Any]: ...


class Telephony(Protocol):
    """What changes outside the database when an administrator edits people, groups or numbers."""

    async def changed(self) -> None:
        """Employees, groups, inbound numbers or company settings changed in the database."""

    async def browser_credentials(self, employee_id: int) -> tuple[str, float]:
        """A fresh short-lived password for an employee's browser phone, and its life in seconds."""

    async def end_phones(
        self,
        employee_id: int,
        *,
        calls: CallsEnd,
        browser: bool,
        desk: bool,
        ended: Callable[[], None] | None = None,
    ) -> None:
        """Ends what lets an employee telephone: the browser's password, the desk phone's registration.

        `cut` hangs up running legs first, `finish` waits in the background for the running call, `leave` does not look
        at calls. `ended` is called when the phones have ended, perhaps long after this returns.
        """

    def trunk_report(self) -> TrunkReport:
        """How we stand with the carrier."""

    def phone_server(self) -> tuple[str, int]:
        """Host and UDP port that SIP phones register to."""


class Live(Protocol):
    def snapshot_of(self, company_id: int) -> LiveEntities: ...

    def call_of(self, company_id: int, call_id: str) -> Mapping[str, Any] | None: ...

    def agent_of(self, company_id: int, employee_id: int) -> Mapping[str, Any] | None: ...

    def shows_leaving_number(self, company_id: int, call_id: str) -> bool:
        """Whether a running call shows a number of ours that is being given back."""

    def touch_group(self, group_id: int) -> None:
        """What the live entity of a group counts has changed in the database."""


class Customers(Protocol):
    """What a call row needs to know of the CRM."""

    async def briefs(self, company_id: int, ids: Sequence[int]) -> Mapping[int, CustomerBrief]: ...

    async def seen_by(self, me: Identity, customer_id: int) -> bool:
        """Whether the person sees that customer: what a request names must be visible to who asks."""

    async def known_to(self, me: Identity, numbers: Collection[str]) -> Mapping[str, Named]:
        """Number (E.164) -> the customer behind it, of those that the person sees."""

    async def named_like(self, company_id: int, text: str) -> list[int]:
        """Ids of customers whose name holds `text`, at most a few hundred."""

    async def pass_on(self, connection: AsyncConnection, company_id: int, from_id: int, to_id: int) -> int:
        """Gives the customers of one employee who have not signed to another, in the caller's transaction; how many."""

    async def owned(self, connection: AsyncConnection, company_id: int, owner_id: int) -> tuple[int, int]:
        """How many customers an employee has who have not signed, and who have."""


class SimulatedNetwork(Protocol):
    """The phone network of a demonstration, as far as a page may play with it."""

    @property
    def numbers(self) -> tuple[Mapping[str, str], ...]:
        """What can be dialled: `number`, `display`, and what happens then, in `what_zh` and `what_en`."""

    async def call_in(self, number: str) -> str:
        """Somebody calls `number` (as the trunk writes it) and talks for a minute; returns who, written likewise.

        Raises Refusal `phones_unavailable`, or `too_many_requests` when its callers are all on calls.
        """
