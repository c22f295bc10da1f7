"""The engine's tables. Rows that a company owns carry `company_id`; the guard refuses queries that forget it."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

company = Table(
    "company",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(200), nullable=False),
    Column("time_zone", String(64), nullable=False, server_default="Asia/Shanghai"),
    Column("dial_start", String(5), nullable=False, server_default="08:30"),
    Column("dial_end", String(5), nullable=False, server_default="21:30"),
    Column("wrap_up_seconds", Integer, nullable=False, server_default="30"),
    Column("valid_call_seconds", Integer, nullable=False, server_default="30"),
    Column("unanswered_limit", Integer, nullable=False, server_default="3"),
    Column("recording", Boolean, nullable=False, server_default="1"),
    Column("caller_id_policy", String(16), nullable=False, server_default="bound"),
    Column("access_number", String(32), nullable=False, server_default=""),
    Column("call_through_seconds", Integer, nullable=False, server_default="60"),
    Column("supervision_shown", Boolean, nullable=False, server_default="0"),
    # Where its calls may go besides the home country (ISO 3166 codes), and how many; 0 is no limit. The operator alone
    # opens premium and satellite numbers (domain/destinations.py).
    Column("countries", JSON, nullable=False, default=list, server_default="[]"),
    Column("premium_open", Boolean, nullable=False, server_default="0"),
    Column("satellite_open", Boolean, nullable=False, server_default="0"),
    Column("calls_per_day", Integer, nullable=False, server_default="0"),
    Column("calls_per_number", Integer, nullable=False, server_default="0"),
    # Calls that employees' own phones take at once when a line overflows; nobody's minutes pay for them.
    Column("forwarded_at_once", Integer, nullable=False, server_default="5"),
    Column("access_end", String(12), nullable=False, server_default="after_call"),
    # What the platform has checked, and what it has licensed. Null: no limit, as in an installation of one's own.
    Column("verification", String(12), nullable=False, server_default="verified"),
    Column("script_state", String(12), nullable=False, server_default="approved"),
    Column("dialling_suspended", Boolean, nullable=False, server_default="0"),
    Column("licences", Integer, nullable=True),
    Column("valid_until", UtcDateTime, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
)

department = Table(
    "department",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("name", String(100), nullable=False),
    Column("parent_id", ForeignKey("department.id"), nullable=True),
    Column("head_id", Integer, nullable=True),
)

role = Table(
    "role",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("code", String(32), nullable=False),
    Column("name_zh", String(64), nullable=False),
    Column("name_en", String(64), nullable=False),
    Column("permissions", JSON, nullable=False),
    Column("scope", String(20), nullable=False),
    UniqueConstraint("company_id", "code"),
)

employee = Table(
    "employee",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("department_id", ForeignKey("department.id"), nullable=True),
    Column("role_id", ForeignKey("role.id"), nullable=False),
    Column("superior_id", Integer, nullable=True),
    Column("login", String(64), nullable=False, unique=True),
    Column("name", String(64), nullable=False),
    Column("phone", String(32), nullable=False, server_default=""),
    Column("password_hash", String(200), nullable=False),
    Column("account_state", String(16), nullable=False, server_default="active"),
    Column("verification", String(16), nullable=False, server_default="unverified"),
    Column("device", String(16), nullable=False, server_default="browser"),
    Column("sip_secret", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

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

web_session = Table(
    "web_session",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    company_column(),
    Column("employee_id", ForeignKey("employee.id"), nullable=False, index=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("ip", String(64), nullable=False, server_default=""),
    Column("user_agent", String(300), nullable=False, server_default=""),
    Column("client", String(8), nullable=False, server_default="web"),
)

login_failure = Table(
    "login_failure",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("key", String(128), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
)

verification_code = Table(
    "verification_code",
    metadata,
    # What an employee scans to verify the own real name (SPEC §A4.2): the newest alone, and only its hash.
    Column("employee_id", ForeignKey("employee.id"), primary_key=True, autoincrement=False),
    company_column(),
    Column("token_hash", String(64), nullable=False, unique=True),
    Column("state", String(12), nullable=False, server_default="waiting"),
    Column("problem", String(32), nullable=False, server_default=""),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

sign_in_address = Table(
    "sign_in_address",
    metadata,
    # Where an employee has signed in from: who guesses from elsewhere locks nobody out who comes from there.
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("employee_id", ForeignKey("employee.id"), nullable=False),
    Column("address", String(64), nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    UniqueConstraint("employee_id", "address"),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("actor_id", Integer, nullable=True),
    Column("action", String(64), nullable=False),
    Column("object", String(128), nullable=False, server_default=""),
    Column("details", JSON, nullable=False),
    Column("ip", String(64), nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False, index=True),
)

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
    # The number of a dial task that was dialled, and with it the task (`task_tables`).
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

cel_watermark = Table(
    "cel_watermark",
    metadata,
    Column("node", String(120), primary_key=True),
    Column("last_id", BigId, nullable=False),
)

cel_leg = Table(
    "cel_leg",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("node", String(120), nullable=False),
    Column("linkedid", String(64), nullable=False, index=True),
    Column("call_id", String(64), nullable=False, server_default="", index=True),
    Column("role", String(10), nullable=False, server_default=""),
    Column("channel", String(80), nullable=False, server_default=""),
    Column("context", String(80), nullable=False, server_default=""),
    Column("exten", String(80), nullable=False, server_default=""),
    Column("caller_number", String(40), nullable=False, server_default=""),
    Column("started_at", UtcDateTime, nullable=True),
    Column("answered_at", UtcDateTime, nullable=True),
    Column("ended_at", UtcDateTime, nullable=True),
    Column("bridged_at", UtcDateTime, nullable=True),
    Column("cause", Integer, nullable=True),
    # The dialplan context in which the channel ended: how an unanswered caller left (domain/queues.py, LEFT_FROM).
    Column("last_context", String(40), nullable=False, server_default=""),
    Column("settled", Boolean, nullable=False, server_default="0"),
)
