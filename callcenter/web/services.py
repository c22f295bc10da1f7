"""What handlers work with, handed in by `app`; the web face itself drives nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.commands import Command
from callcenter.ledger.packages import Packages
from callcenter.ledger.reconcile import Reconciliation
from callcenter.settings import Settings
from callcenter.store.database import Database
from callcenter.tasks.importing import Importer
from callcenter.web.audit_log import AuditLog
from callcenter.web.auth import Auth
from callcenter.web.call_rows import CustomerBrief
from callcenter.web.gate import Gate, limits_of
from callcenter.web.live import LiveHub


class Execute(Protocol):
    """The engine's door."""

    def __call__(self, command: Command) -> Awaitable[Any]: ...


class Telephony(Protocol):
    """What changes outside the database when an administrator edits people, groups or numbers."""

    async def changed(self) -> None:
        """Employees, groups, inbound numbers or company settings changed in the database."""

    async def browser_credentials(self, employee_id: int) -> tuple[str, float]:
        """A fresh short-lived password for an employee's browser phone, and its life in seconds."""

    async def revoke_browser(self, employee_id: int) -> None:
        """The browser phone may not register any more."""

    def phone_server(self) -> tuple[str, int]:
        """Host and UDP port that SIP phones register to."""


class Live(Protocol):
    def snapshot_of(self, company_id: int) -> dict[str, dict[str, dict[str, Any]]]: ...

    def call_of(self, company_id: int, call_id: str) -> dict[str, Any] | None: ...

    def agent_of(self, company_id: int, employee_id: int) -> dict[str, Any] | None: ...

    def shows_leaving_number(self, company_id: int, call_id: str) -> bool:
        """Whether a running call shows a number of ours that is being given back."""

    def touch_group(self, group_id: int) -> None:
        """What the live entity of a group counts has changed in the database."""


class Customers(Protocol):
    """What a call row needs to know of the CRM."""

    async def briefs(self, company_id: int, ids: Sequence[int]) -> Mapping[int, CustomerBrief]: ...

    async def named_like(self, company_id: int, text: str) -> list[int]:
        """Ids of customers whose name holds `text`, at most a few hundred."""

    async def pass_on(self, connection: AsyncConnection, company_id: int, from_id: int, to_id: int) -> int:
        """Gives the customers of one employee who have not signed to another, in the caller's transaction; how many."""

    async def owned(self, connection: AsyncConnection, company_id: int, owner_id: int) -> tuple[int, int]:
        """How many customers an employee has who have not signed, and who have."""


class BrowserPhones:
    """The browser phones connected right now, so that they end with the right to use them."""

    def __init__(self) -> None:
        self._open: dict[int, set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def connected(self, employee_id: int) -> Iterator[asyncio.Event]:
        """For as long as a phone is connected; the event is set when it has to go."""
        revoked = asyncio.Event()
        self._open.setdefault(employee_id, set()).add(revoked)
        try:
            yield revoked
        finally:
            phones = self._open[employee_id]
            phones.discard(revoked)
            if not phones:
                del self._open[employee_id]

    def revoke(self, employee_id: int) -> None:
        for revoked in self._open.get(employee_id, ()):
            revoked.set()


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
    demo_numbers: tuple[Mapping[str, str], ...] = ()
    phones: BrowserPhones = field(default_factory=BrowserPhones)
    gate: Gate = field(init=False)

    def __post_init__(self) -> None:
        self.gate = Gate(limits_of(self.settings), self.settings)

    async def end_phone(self, employee_id: int) -> None:
        """Takes the browser phone away: its password first, so that it cannot come back, then its connection."""
        await self.telephony.revoke_browser(employee_id)
        self.phones.revoke(employee_id)


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
