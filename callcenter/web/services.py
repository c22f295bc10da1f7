"""What handlers work with, handed in by `app`; the web face itself drives nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from callcenter.intake.places import Places
from callcenter.intake.room import Intake
from callcenter.settings import Settings
from callcenter.store.database import Database
from callcenter.web.access import Access
from callcenter.web.audit_log import AuditLog
from callcenter.web.auth import Auth
from callcenter.web.failures import FailureLog
from callcenter.web.gate import Gate, limits_of
from callcenter.web.live import LiveHub
from callcenter.web.ports import Customers, Execute, Live, SimulatedNetwork, Telephony
from callcenter.web.sockets import OpenSockets

PHONES_PER_PERSON = 2
"""A page that is loaded anew overlaps with its old self; a third would be somebody who takes Asterisk's sessions."""
LIVE_PER_PERSON = 10
"""Windows of one person that move by themselves."""

T = TypeVar("T")


@dataclass(slots=True)
class Services:
    settings: Settings
    database: Database
    auth: Auth
    audit: AuditLog
    hub: LiveHub
    execute: Execute
    telephony: Telephony
    live: Live
    customers: Customers
    recordings: Path
    sip_upstream: str
    """WebSocket URL of Asterisk's own SIP transport."""
    ports: Sequence[object] = ()
    """What features work with that the web face knows nothing of; they ask for it by its type."""
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

    def port(self, kind: type[T]) -> T:
        """What `app` handed in of that type; LookupError when it did not."""
        for one in self.ports:
            if isinstance(one, kind):
                return one
        raise LookupError(f"nobody handed in a {kind.__name__}")


SERVICES: web.AppKey[Services] = web.AppKey("services", Services)
