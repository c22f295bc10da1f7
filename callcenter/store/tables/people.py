"""Companies and their people: departments, roles, employees, sessions, and what was done (the audit log)."""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Integer, String, Table, UniqueConstraint

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
