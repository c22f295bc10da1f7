"""What callers meet: groups, hours, inbound numbers, the blacklist, announcements, messages, callbacks."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, Float, ForeignKey, Index, Integer, String, Table, UniqueConstraint

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

agent_group = Table(
    "agent_group",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("name", String(100), nullable=False),
    Column("strategy", String(16), nullable=False, server_default="longest_idle"),
    Column("ring_seconds", Integer, nullable=False, server_default="20"),
    Column("max_wait_seconds", Integer, nullable=False, server_default="120"),
    Column("max_length", Integer, nullable=False, server_default="0"),
    Column("greeting", String(12), nullable=False, server_default="ringback"),
    Column("announce_seconds", Integer, nullable=False, server_default="0"),
    Column("weight", Integer, nullable=False, server_default="0"),
    Column("widen_seconds", Integer, nullable=False, server_default="0"),
    Column("sticky", String(16), nullable=False, server_default="none"),
    Column("sticky_seconds", Integer, nullable=False, server_default="15"),
    Column("overflow", String(12), nullable=False, server_default="hang_up"),
    Column("overflow_group_id", Integer, nullable=True),
    Column("overflow_number", String(32), nullable=False, server_default=""),
    Column("callback_offered", Boolean, nullable=False, server_default="0"),
    UniqueConstraint("company_id", "name"),
)

business_hours = Table(
    "business_hours",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("name", String(100), nullable=False),
    Column("weekly", JSON, nullable=False),
    Column("holidays", JSON, nullable=False),
    UniqueConstraint("company_id", "name"),
)

group_member = Table(
    "group_member",
    metadata,
    Column("group_id", ForeignKey("agent_group.id"), primary_key=True),
    Column("employee_id", ForeignKey("employee.id"), primary_key=True),
    company_column(),
    Column("level", Integer, nullable=False, server_default="1"),
)

inbound_number = Table(
    "inbound_number",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False, unique=True),
    Column("group_id", ForeignKey("agent_group.id"), nullable=False),
    Column("priority", Integer, nullable=False, server_default="0"),
    Column("hours_id", Integer, nullable=True),
    Column("closed_action", String(12), nullable=False, server_default="hang_up"),
)

blacklist = Table(
    "blacklist",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False),
    Column("reason", String(200), nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "number"),
)

voicemail = Table(
    "voicemail",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("call_id", ForeignKey("call.id"), nullable=False, unique=True),
    Column("group_id", Integer, nullable=True),
    Column("number", String(32), nullable=False),
    Column("customer_id", Integer, nullable=True),
    Column("state", String(10), nullable=False, server_default="pending"),
    Column("path", String(300), nullable=False, server_default=""),
    Column("duration", Float, nullable=True),
    Column("heard_by", Integer, nullable=True),
    Column("heard_at", UtcDateTime, nullable=True),
    Column("at", UtcDateTime, nullable=False),
)

callback_request = Table(
    "callback_request",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("group_id", Integer, nullable=False),
    Column("number", String(32), nullable=False),
    Column("customer_id", Integer, nullable=True),
    Column("asked_in", String(64), nullable=False, server_default=""),
    Column("queued_at", UtcDateTime, nullable=False),
    Column("state", String(12), nullable=False, server_default="waiting"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # Every dial ever sent for it; part of the dial's idempotency key.
    Column("dials", Integer, nullable=False, server_default="0"),
    Column("next_try_at", UtcDateTime, nullable=False),
    Column("last_call_id", String(64), nullable=True),
    Column("employee_id", Integer, nullable=True),
    Column("ended_at", UtcDateTime, nullable=True),
    # While the request is open: `<group>:<number>`, so that one caller waits once in a line. Empty (NULL) afterwards.
    Column("open_key", String(60), nullable=True),
    UniqueConstraint("company_id", "open_key"),
    Index("ix_callback_request_state", "company_id", "state"),
    # The id is part of the dials' idempotency keys, which outlive the row.
    sqlite_autoincrement=True,
)

prompt = Table(
    "prompt",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("kind", String(16), nullable=False),
    Column("name", String(100), nullable=False),
    Column("duration", Float, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "kind"),
)
