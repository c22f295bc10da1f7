"""Seats, the outside numbers they show, and the numbers that are a company's own."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from callcenter.store.base import UtcDateTime, company_column, metadata

seat = Table(
    "seat",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("code", String(16), nullable=False),
    Column("employee_id", ForeignKey("employee.id"), nullable=True, unique=True),
    Column("bound_phone", String(32), nullable=False, server_default=""),
    Column("mode", String(16), nullable=False, server_default="direct"),
    Column("leg_order", String(16), nullable=False, server_default="agent_first"),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "code"),
)

outside_number = Table(
    "outside_number",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("region", String(64), nullable=False, server_default=""),
    Column("state", String(16), nullable=False, server_default="active"),
    Column("seat_id", ForeignKey("seat.id"), nullable=True),
    Column("last_shown_at", UtcDateTime, nullable=True),
    # Of a number that the platform has dispatched:
    Column("application_id", Integer, nullable=True),
    Column("employee_id", Integer, nullable=True),
    Column("iccid", String(32), nullable=False, server_default=""),
    Column("identity_key", String(64), nullable=False, server_default="", index=True),
    Column("monthly_fee", BigInteger, nullable=True),
    Column("dispatched_at", UtcDateTime, nullable=True),
    Column("activated_at", UtcDateTime, nullable=True),
    # Empty, or what became of a request to give the number back: `requested`, `approved`.
    Column("leave_state", String(10), nullable=False, server_default=""),
    Column("leave_reason", String(200), nullable=False, server_default=""),
    Column("leaves_at", UtcDateTime, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("seat_id", "kind"),
)

Index(
    "uq_outside_number_in_use",
    outside_number.c.number,
    unique=True,
    sqlite_where=outside_number.c.state != "retired",
    postgresql_where=outside_number.c.state != "retired",
)
"""One that was given back may be somebody else's later."""

company_number = Table(
    "company_number",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False),
    # waiting, confirmed or refused by the operator (store/own_numbers.py).
    Column("state", String(10), nullable=False, server_default="waiting"),
    Column("reason", String(200), nullable=False, server_default=""),
    Column("asked_by", Integer, nullable=True),
    Column("asked_at", UtcDateTime, nullable=False),
    Column("decided_by", Integer, nullable=True),
    Column("decided_at", UtcDateTime, nullable=True),
    UniqueConstraint("company_id", "number"),
)
