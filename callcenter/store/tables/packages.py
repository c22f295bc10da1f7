"""Voice packages: what is sold, who bought what, and who uses it. Minutes are whole, money is in fen (1/100 yuan)."""

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
    Text,
    UniqueConstraint,
)

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

offering = Table(
    "offering",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("offer", String(10), nullable=False, server_default="regular"),
    Column("mode", String(16), nullable=False),
    Column("also_mode", String(16), nullable=False, server_default=""),
    Column("line", String(32), nullable=False, server_default=""),
    Column("minutes", Integer, nullable=False),
    Column("days", Integer, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("list_price", BigInteger, nullable=False),
    Column("per_employee", Integer, nullable=False, server_default="0"),
    Column("offered_from", UtcDateTime, nullable=True),
    Column("offered_until", UtcDateTime, nullable=True),
    Column("increment_seconds", Integer, nullable=False, server_default="60"),
    Column("on_sale", Boolean, nullable=False, server_default="1"),
    Column("description", Text, nullable=False, server_default=""),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("minutes > 0 AND days > 0 AND price >= 0 AND list_price >= price", name="sane"),
)

coupon = Table(
    "coupon",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("code", String(32), nullable=False, unique=True),
    Column("company_id", Integer, nullable=True),
    Column("amount", BigInteger, nullable=False),
    Column("reason", String(200), nullable=False, server_default=""),
    Column("expires_at", UtcDateTime, nullable=True),
    Column("used_by_order", Integer, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("amount > 0", name="amount_positive"),
)

purchase = Table(
    "purchase",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("number", String(32), nullable=False, unique=True),
    Column("action", String(10), nullable=False),
    Column("offering_id", ForeignKey("offering.id"), nullable=False),
    Column("name", String(100), nullable=False),
    Column("kind", String(12), nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("discount", BigInteger, nullable=False, server_default="0"),
    Column("paid", BigInteger, nullable=False),
    Column("coupon_id", ForeignKey("coupon.id"), nullable=True),
    Column("parent_id", ForeignKey("purchase.id"), nullable=True),
    Column("buyer_id", Integer, nullable=False),
    Column("valid_until", UtcDateTime, nullable=False),
    Column("key", String(64), nullable=False),
    # What was asked for under that key, in short: the same key with another request is an error.
    Column("request", String(64), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "key"),
    Index("ix_purchase_company_created", "company_id", "created_at"),
    CheckConstraint("quantity > 0 AND paid >= 0 AND paid = total - discount", name="sane"),
)

purchase_line = Table(
    "purchase_line",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("purchase_id", ForeignKey("purchase.id"), nullable=False, index=True),
    Column("employee_id", Integer, nullable=True),
    Column("package_id", ForeignKey("voice_package.id"), nullable=True),
    Column("offering_id", ForeignKey("offering.id"), nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("at_offer_price", Boolean, nullable=False, server_default="0"),
)

voice_package = Table(
    "voice_package",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    # Null: shared by its members, or not assigned yet.
    Column("employee_id", ForeignKey("employee.id"), nullable=True, index=True),
    Column("name", String(100), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("also_mode", String(16), nullable=False, server_default=""),
    Column("kind", String(16), nullable=False, server_default="non_shared"),
    Column("line", String(32), nullable=False, server_default=""),
    Column("minutes_total", Integer, nullable=False),
    Column("quantity", Integer, nullable=False, server_default="1"),
    Column("increment_seconds", Integer, nullable=False, server_default="60"),
    Column("offering_id", ForeignKey("offering.id"), nullable=True),
    Column("purchase_id", ForeignKey("purchase.id"), nullable=True, index=True),
    Column("parent_id", ForeignKey("voice_package.id"), nullable=True),
    Column("renews_id", ForeignKey("voice_package.id"), nullable=True),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("expired", Boolean, nullable=False, server_default="0"),
    Column("created_by", Integer, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Index("ix_voice_package_expiry", "expired", "expires_at"),
    CheckConstraint("minutes_total > 0", name="minutes_positive"),
    CheckConstraint("increment_seconds > 0", name="increment_positive"),
    CheckConstraint("quantity > 0", name="quantity_positive"),
)

package_member = Table(
    "package_member",
    metadata,
    Column("package_id", ForeignKey("voice_package.id"), primary_key=True),
    Column("employee_id", ForeignKey("employee.id"), primary_key=True),
    company_column(),
    Column("assigned_by", Integer, nullable=True),
    Column("assigned_at", UtcDateTime, nullable=False),
)

package_log = Table(
    "package_log",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("package_id", ForeignKey("voice_package.id"), nullable=False, index=True),
    Column("what", String(12), nullable=False),
    Column("employee_id", Integer, nullable=True),
    Column("from_employee_id", Integer, nullable=True),
    Column("actor_id", Integer, nullable=True),
    Column("at", UtcDateTime, nullable=False),
)
