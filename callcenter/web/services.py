"""What handlers work with, handed in by `app`; the web face itself drives nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from callcenter.domain.commands import Command
from callcenter.ledger.packages import Packages
from callcenter.settings import Settings
from callcenter.store.database import Database
from callcenter.web.audit_log import AuditLog
from callcenter.web.auth import Auth
from callcenter.web.call_rows import CustomerBrief
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


class Customers(Protocol):
    """What a call row needs to know of the CRM."""

    async def briefs(self, company_id: int, ids: Sequence[int]) -> Mapping[int, CustomerBrief]: ...

    async def named_like(self, company_id: int, text: str) -> list[int]:
        """Ids of customers whose name holds `text`, at most a few hundred."""


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
    sip_upstream: str
    """WebSocket URL of Asterisk's own SIP transport."""
    demo_numbers: tuple[Mapping[str, str], ...] = ()


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
