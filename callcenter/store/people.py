"""Whose account is there, and whose real name is verified.

Employees who left keep their rows, because calls, charges and the audit log name them.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store.tables.people import employee

DEPARTED, DELETED = "departed", "deleted"
"""Left, and listed among those who left (SPEC §A4.4); then deleted there: only records still know the name."""
VERIFIED, UNVERIFIED = "verified", "unverified"


def is_staff() -> ColumnElement[bool]:
    """Employees who have not left."""
    return employee.c.account_state.not_in((DEPARTED, DELETED))


def is_listed() -> ColumnElement[bool]:
    """Employees whom the company still manages, those who left included."""
    return employee.c.account_state != DELETED


async def verify(connection: AsyncConnection, company_id: int, *employee_ids: int, real_name: str = "") -> None:
    """The one way to a verified real name: a provider has checked `real_name`, or whoever runs the installation has
    seen the papers and the account's own name is right."""
    values = {"verification": VERIFIED} | ({"name": real_name} if real_name else {})
    mine = (employee.c.company_id == company_id, employee.c.id.in_(employee_ids))
    await connection.execute(update(employee).where(*mine).values(**values))
