"""Direct numbers of the platform: applications, monthly fees, and what happened to each number."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, Date, ForeignKey, Integer, String, Table, UniqueConstraint

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

number_application = Table(
    "number_application",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("quantity", Integer, nullable=False),
    Column("dispatched", Integer, nullable=False, server_default="0"),
    Column("region", String(64), nullable=False, server_default=""),
    # Fen for one number: frozen with the application, taken when the number is dispatched.
    Column("fee", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("answer", String(200), nullable=False, server_default=""),
    Column("applicant_id", Integer, nullable=False),
    # The request's idempotency key; null where none was asked for.
    Column("key", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "key"),
    CheckConstraint("quantity > 0 AND dispatched >= 0 AND dispatched <= quantity", name="sane"),
)

number_fee = Table(
    "number_fee",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("number_id", ForeignKey("outside_number.id"), nullable=False),
    Column("number", String(32), nullable=False),
    Column("month", Date, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("number_id", "month"),
)

number_log = Table(
    "number_log",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("number_id", ForeignKey("outside_number.id"), nullable=False, index=True),
    Column("what", String(16), nullable=False),
    Column("employee_id", Integer, nullable=True),
    Column("actor_id", Integer, nullable=True),
    Column("note", String(200), nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
)
