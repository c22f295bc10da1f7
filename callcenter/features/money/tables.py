"""Recharges, invoices, licences, points, AI minutes and prices. Money is in fen (1/100 yuan), points are whole."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
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

from callcenter.store.base import UtcDateTime, company_column, metadata

recharge = Table(
    "recharge",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False, unique=True),
    Column("channel", String(10), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("remark", String(200), nullable=False, server_default=""),
    Column("proof_name", String(200), nullable=False, server_default=""),
    Column("pay_code", String(300), nullable=False, server_default=""),
    Column("code_expires_at", UtcDateTime, nullable=True),
    Column("reject_reason", String(200), nullable=False, server_default=""),
    Column("applicant_id", Integer, nullable=False),
    Column("reviewer_id", Integer, nullable=True),
    Column("reviewed_at", UtcDateTime, nullable=True),
    Column("invoice_id", ForeignKey("invoice_request.id"), nullable=True),
    # The request's idempotency key; null where none was asked for.
    Column("key", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "key"),
    CheckConstraint("amount > 0", name="amount_positive"),
    Index("ix_recharge_company_created", "company_id", "created_at"),
)

# Money that the provider took for a code that had run out, or in another amount: somebody has to decide.
stray_payment = Table(
    "stray_payment",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("recharge_id", ForeignKey("recharge.id"), nullable=False, unique=True),
    Column("amount", BigInteger, nullable=False),
    Column("paid_at", UtcDateTime, nullable=False),
    Column("state", String(10), nullable=False, server_default="open"),
    Column("note", String(200), nullable=False, server_default=""),
    Column("actor_id", Integer, nullable=True),
    Column("settled_at", UtcDateTime, nullable=True),
    CheckConstraint("amount > 0", name="amount_positive"),
)

invoice_request = Table(
    "invoice_request",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("kind", String(10), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("title", String(200), nullable=False),
    Column("fields", JSON, nullable=False),
    Column("urgent", Boolean, nullable=False, server_default="0"),
    Column("remark", String(200), nullable=False, server_default=""),
    Column("letter_name", String(200), nullable=False, server_default=""),
    Column("state", String(10), nullable=False),
    Column("answer", String(200), nullable=False, server_default=""),
    Column("courier", String(60), nullable=False, server_default=""),
    Column("courier_number", String(60), nullable=False, server_default=""),
    Column("file_name", String(200), nullable=False, server_default=""),
    Column("applicant_id", Integer, nullable=False),
    Column("finished_at", UtcDateTime, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
)

licence_purchase = Table(
    "licence_purchase",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("kind", String(10), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("before", Integer, nullable=False),
    Column("after", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("valid_until", UtcDateTime, nullable=True),
    Column("buyer_id", Integer, nullable=False),
    # The request's idempotency key; null where none was asked for.
    Column("key", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "key"),
    CheckConstraint("quantity > 0 AND after = before + quantity", name="sane"),
)

points_order = Table(
    "points_order",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False, unique=True),
    Column("name", String(100), nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("points_each", Integer, nullable=False),
    Column("gift_points", Integer, nullable=False, server_default="0"),
    Column("quantity", Integer, nullable=False),
    Column("paid", BigInteger, nullable=False),
    Column("before", BigInteger, nullable=False),
    Column("after", BigInteger, nullable=False),
    Column("state", String(10), nullable=False, server_default="normal"),
    Column("buyer_id", Integer, nullable=False),
    # The request's idempotency key; null where none was asked for.
    Column("key", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "key"),
)

# Money that moved between the wallet and the AI wallet, and what AI calls took from the latter.
ai_entry = Table(
    "ai_entry",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False, unique=True),
    Column("kind", String(4), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("unit_price", BigInteger, nullable=True),
    Column("seconds", Integer, nullable=True),
    Column("call_id", String(64), nullable=True),
    Column("actor_id", Integer, nullable=True),
    # The request's idempotency key; null where none was asked for.
    Column("key", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "key"),
    UniqueConstraint("company_id", "call_id"),
    CheckConstraint("amount > 0", name="amount_positive"),
)

price = Table(
    "price",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("body", JSON, nullable=False),
)

platform_setting = Table(
    "platform_setting",
    metadata,
    Column("code", String(32), primary_key=True),
    Column("body", JSON, nullable=False),
)
"""What the operator sets for all companies, by its name."""
