"""Steps of the wall clock that engines noticed (docs/decisions/0018)."""

from __future__ import annotations

from sqlalchemy import Column, Float, Index, String, Table

from callcenter.store.base import BigId, UtcDateTime, metadata

clock_step = Table(
    "clock_step",
    metadata,
    Column("id", BigId, primary_key=True),
    # Whose records are stamped with that clock, as in `cel_watermark`.
    Column("node", String(120), nullable=False),
    Column("boot_id", String(40), nullable=False),
    Column("at_before", UtcDateTime, nullable=False),
    Column("at_after", UtcDateTime, nullable=False),
    Column("seconds", Float, nullable=False),
    Index("ix_clock_step_node", "node", "id"),
)

clock_seen = Table(
    "clock_seen",
    metadata,
    Column("node", String(120), primary_key=True),
    Column("boot_id", String(40), nullable=False),
    # Wall clock less the time since that start of the machine, in seconds, and what the wall clock showed then.
    Column("ahead", Float, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
