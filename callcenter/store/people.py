"""Whose account is there: employees who left keep their rows, because calls, charges and the audit log name them."""

from __future__ import annotations

from sqlalchemy import ColumnElement

from callcenter.store.tables.people import employee

DEPARTED, DELETED = "departed", "deleted"
"""Left, and listed among those who left (SPEC §A4.4); then deleted there: only records still know the name."""


def is_staff() -> ColumnElement[bool]:
    """Employees who have not left."""
    return employee.c.account_state.not_in((DEPARTED, DELETED))


def is_listed() -> ColumnElement[bool]:
    """Employees whom the company still manages, those who left included."""
    return employee.c.account_state != DELETED
