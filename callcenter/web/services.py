"""What handlers work with, handed in by `app`; the web face itself drives nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.commands import Command
from callcenter.domain.entities import LiveEntities
from callcenter.domain.trunks import TrunkReport
from callcenter.intake.places import Places
from callcenter.intake.room import Intake
from callcenter.ledger.packages import Packages
from callcenter.ledger.reconcile import Reconciliation
from callcenter.settings import Settings
from callcenter.store.database import Database
from callcenter.tasks.importing import Importer
from callcenter.web.access import Access
from callcenter.web.audit_log import AuditLog
from callcenter.web.auth import Auth
from callcenter.web.call_rows import CustomerBrief, Named
from callcenter.web.failures import FailureLog
from callcenter.web.gate import Gate, limits_of
from callcenter.web.identity import Identity
from callcenter.web.live import LiveHub
from callcenter.web.sockets import OpenSockets

PHONES_PER_PERSON = 2
"""A page that is loaded anew overlaps with its old self; a third would be somebody who takes Asterisk's sessions."""
LIVE_PER_PERSON = 10
"""Windows of one person that move by themselves."""

CallsEnd = Literal["cut", "finish", "leave"]


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

        Raises ApiError `phones_unavailable`, or `too_many_requests` when its callers are all on calls.
        """


@dataclass(slots=True)
class Services:
    settings: Settings
    database: Database
    auth: Auth
    packages: Packages
    audit: AuditLog
    hub: LiveHub
    execute: Execute
    telephony: Telephony
    live: Live
    customers: Customers
    recordings: Path
    reconciliation: Reconciliation
    imports: Importer
    sip_upstream: str
    """WebSocket URL of Asterisk's own SIP transport."""
    network: SimulatedNetwork | None = None
    """The simulated phone network; none with a real trunk."""
    intake: Intake = field(default_factory=Intake)
    exports: Places = field(default_factory=Places)
    """Spreadsheets that are being written or wait for it."""
    phones: OpenSockets = field(default_factory=lambda: OpenSockets(PHONES_PER_PERSON))
    """The browser phones connected right now."""
    live_sockets: OpenSockets = field(default_factory=lambda: OpenSockets(LIVE_PER_PERSON))
    failures: FailureLog = field(init=False)
    gate: Gate = field(init=False)
    access: Access = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(limits_of(self.settings), self.settings)
        self.access = Access(self)
        self.failures = FailureLog(self.database)
        self.auth.on_failed = self.failures.note_sign_in


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
