"""Calls, their legs and recordings, the states of agents, and the journal of what happened."""

from __future__ import annotations

from sqlalchemy import JSON, Column, Float, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

call = Table(
    "call",
    metadata,
    Column("id", String(64), primary_key=True),
    company_column(),
    Column("direction", String(10), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("source", String(16), nullable=False),
    Column("employee_id", Integer, nullable=True),
    Column("customer_id", Integer, nullable=True),
    Column("group_id", Integer, nullable=True),
    Column("number", String(32), nullable=False),
    Column("company_number", String(32), nullable=False, server_default=""),
    Column("state", String(20), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("answered_at", UtcDateTime, nullable=True),
    Column("ended_at", UtcDateTime, nullable=True),
    Column("disposition", String(16), nullable=True),
    Column("end_reason", String(32), nullable=True),
    Column("paid_until", UtcDateTime, nullable=True),
    Column("package_id", Integer, nullable=True),
    Column("leg_order", String(16), nullable=False, server_default="agent_first"),
    Column("caller_id_reason", String(16), nullable=False, server_default=""),
    Column("queued_at", UtcDateTime, nullable=True),
    # The number of a dial task that was dialled, and with it the task (`tables/tasks.py`).
    Column("task_number_id", Integer, nullable=True),
    # Written by settlement, from Asterisk's own records:
    Column("talk_seconds", Integer, nullable=False, server_default="0"),
    Column("minutes_charged", Integer, nullable=False, server_default="0"),
    Column("billing", String(16), nullable=False, server_default="open"),
    Column("flag", String(32), nullable=False, server_default=""),
    # Written by the agent after the call:
    Column("result", String(32), nullable=True),
    Column("note", Text, nullable=True),
    Column("connected_mark", String(16), nullable=True),
    # Written by the recording worker:
    Column("recording_state", String(10), nullable=False, server_default="none"),
    Column("recording_path", String(300), nullable=False, server_default=""),
    Column("recording_duration", Float, nullable=True),
    Column("recording_tries", Integer, nullable=False, server_default="0"),
    Index("ix_call_company_started", "company_id", "started_at"),
    Index("ix_call_company_employee_started", "company_id", "employee_id", "started_at"),
    Index("ix_call_company_customer_started", "company_id", "customer_id", "started_at"),
    Index("ix_call_company_number_started", "company_id", "number", "started_at"),
    Index("ix_call_recording_state", "recording_state"),
    Index("ix_call_billing", "billing"),
)

Index(
    "ix_call_company_task_number",
    call.c.company_id,
    call.c.task_number_id,
    sqlite_where=call.c.task_number_id.is_not(None),
    postgresql_where=call.c.task_number_id.is_not(None),
)
"""Of the calls of dial tasks only: the others pay nothing for it."""

call_waveform = Table(
    "call_waveform",
    metadata,
    Column("call_id", ForeignKey("call.id"), primary_key=True),
    company_column(),
    Column("body", JSON, nullable=False),
)

consult_recording = Table(
    "consult_recording",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("call_id", ForeignKey("call.id"), nullable=False, index=True),
    Column("leg_id", String(64), nullable=False),
    Column("path", String(300), nullable=False),
    Column("duration", Float, nullable=False),
    UniqueConstraint("call_id", "leg_id"),
)

leg = Table(
    "leg",
    metadata,
    Column("id", String(64), primary_key=True),
    company_column(),
    Column("call_id", ForeignKey("call.id"), nullable=False, index=True),
    Column("role", String(10), nullable=False),
    Column("employee_id", Integer, nullable=True),
    Column("number", String(32), nullable=False, server_default=""),
    Column("channel", String(80), nullable=False, server_default=""),
    Column("state", String(12), nullable=False),
    Column("started_at", UtcDateTime, nullable=True),
    Column("answered_at", UtcDateTime, nullable=True),
    Column("ended_at", UtcDateTime, nullable=True),
    Column("cause", Integer, nullable=True),
    Column("place", String(12), nullable=False, server_default=""),
)

call_quality = Table(
    "call_quality",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("call_id", ForeignKey("call.id"), nullable=False),
    Column("leg_id", String(64), nullable=False, server_default=""),
    Column("employee_id", Integer, nullable=True),
    Column("measured_by", String(10), nullable=False),
    Column("loss", Float, nullable=False),
    Column("jitter_ms", Float, nullable=False),
    Column("round_trip_ms", Float, nullable=True),
    Column("mos", Float, nullable=False),
    Column("worst_mos", Float, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("call_id", "leg_id", "measured_by"),
    Index("ix_call_quality_company_call", "company_id", "call_id"),
)

journal = Table(
    "journal",
    metadata,
    Column("seq", BigId, primary_key=True),
    company_column(),
    Column("at", UtcDateTime, nullable=False),
    Column("call_id", String(64), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("body", JSON, nullable=False),
)

command_key = Table(
    "command_key",
    metadata,
    company_column(primary_key=True),
    Column("key", String(80), primary_key=True),
    Column("employee_id", Integer, nullable=False),
    Column("request", String(200), nullable=False),
    Column("call_id", String(64), nullable=True),
    Column("error", String(40), nullable=True),
    Column("at", UtcDateTime, nullable=False),
)

agent_state = Table(
    "agent_state",
    metadata,
    Column("employee_id", ForeignKey("employee.id"), primary_key=True),
    company_column(),
    Column("state", String(20), nullable=False),
    Column("reason", String(32), nullable=False, server_default=""),
    Column("since", UtcDateTime, nullable=False),
    Column("after_state", String(20), nullable=False, server_default="ready"),
    Column("after_reason", String(32), nullable=False, server_default=""),
    Column("wrap_up_ends_at", UtcDateTime, nullable=True),
    # Calls in a row that rang in vain at the agent, who was READY.
    Column("unanswered", Integer, nullable=False, server_default="0"),
)

agent_state_log = Table(
    "agent_state_log",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("employee_id", ForeignKey("employee.id"), nullable=False, index=True),
    Column("state", String(20), nullable=False),
    Column("reason", String(32), nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
    # Who put the agent into it, when it was neither the agent nor the course of calls.
    Column("by_id", Integer, nullable=True),
)
