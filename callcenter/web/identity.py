"""Who asks, and which rows that person may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from callcenter.domain.terms import Scope


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in employee with the rights of the moment; read anew for every request."""

    employee_id: int
    company_id: int
    login: str
    name: str
    role: str
    role_name_zh: str
    role_name_en: str
    permissions: frozenset[str]
    scope: Scope
    department_id: int | None
    visible: frozenset[int] | None
    """Employees whose rows are in the data scope; None means the whole company."""
    session: str = ""
    """Digest of the session's token: names the session and opens none."""
    session_ends: datetime | None = None

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def sees(self, employee_id: int | None) -> bool:
        """Whether rows of that employee are in scope. Rows of nobody belong to the company's scope only."""
        if self.visible is None:
            return True
        return employee_id is not None and employee_id in self.visible
