"""What somebody wrote down about a customer."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

note = Table(
    "note",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("customer_id", ForeignKey("customer.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("employee_id", Integer, nullable=True),
    Column("call_id", String(64), nullable=True),
    Column("text", Text, nullable=False),
    Column("open", Boolean, nullable=False, server_default="0"),
    Column("at", UtcDateTime, nullable=False),
    Index("ix_note_company_customer_at", "company_id", "customer_id", "at"),
    sqlite_autoincrement=True,
)
