"""The double-entry books, minutes that running calls hold, and what Asterisk's own records (CEL) say.

Minutes are whole, money is in fen (1/100 yuan), points are whole. Only `callcenter.ledger` writes here.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

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

account = Table(
    "account",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("owner", String(64), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("unit", String(8), nullable=False),
    Column("package_id", ForeignKey("voice_package.id"), nullable=True, index=True),
    Column("employee_id", Integer, nullable=True),
    Column("balance", BigInteger, nullable=False, server_default="0"),
    # How far below zero the rule for this account lets it go; the books move it, never a caller.
    Column("floor", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("company_id", "owner", "kind"),
    CheckConstraint("balance >= floor", name="never_overdrawn"),
    CheckConstraint("floor <= 0", name="floor_not_above_zero"),
)

posting = Table(
    "posting",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("txn", String(120), nullable=False),
    Column("account_id", ForeignKey("account.id"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("call_id", String(64), nullable=True, index=True),
    Column("leg_id", String(64), nullable=True),
    Column("seconds", Integer, nullable=False, server_default="0"),
    Column("actor_id", Integer, nullable=True),
    Column("note", String(200), nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("txn", "account_id"),
    Index("ix_posting_company_at", "company_id", "at"),
)

reservation = Table(
    "reservation",
    metadata,
    Column("call_id", String(64), primary_key=True),
    company_column(),
    Column("package_id", ForeignKey("voice_package.id"), nullable=False, index=True),
    Column("employee_id", Integer, nullable=False),
    Column("mode", String(16), nullable=False, server_default="direct"),
    Column("minutes", Integer, nullable=False),
    Column("extensions", Integer, nullable=False, server_default="0"),
    Column("open", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("minutes >= 0", name="minutes_not_negative"),
    Index("ix_reservation_open", "open"),
)

reservation_part = Table(
    "reservation_part",
    metadata,
    Column("call_id", ForeignKey("reservation.call_id"), primary_key=True),
    Column("package_id", ForeignKey("voice_package.id"), primary_key=True),
    company_column(),
    Column("place", Integer, nullable=False),
)
