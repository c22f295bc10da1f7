"""What the CRM's handlers use of the services that the composition root hands in."""

from __future__ import annotations

from typing import Protocol

from callcenter.settings import Settings
from callcenter.store.database import Database
from callcenter.web.audit_log import AuditLog


class Services(Protocol):
    """A narrow view, so that the CRM does not depend on telephony and ledger by way of a type."""

    @property
    def settings(self) -> Settings: ...

    @property
    def database(self) -> Database: ...

    @property
    def audit(self) -> AuditLog: ...
