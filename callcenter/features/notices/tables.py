"""What people have to be told."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Integer, String, Table, UniqueConstraint

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

notice = Table(
    "notice",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("employee_id", Integer, nullable=True),
    Column("kind", String(24), nullable=False),
    Column("key", String(120), nullable=False),
    Column("data", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("read_at", UtcDateTime, nullable=True),
    UniqueConstraint("key"),
)
