"""Tables of the books and of everything that is sold: packages, orders, the wallet, numbers, points, invoices.

Minutes are whole, money is in fen (1/100 yuan), points are whole. Only `callcenter.ledger` writes here.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata

# -- the books -----------------------------------------------------------------------------------------------------

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

# -- what is sold, and what was bought -----------------------------------------------------------------------------

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

# -- money ---------------------------------------------------------------------------------------------------------

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

number_application = Table(
    "number_application",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("quantity", Integer, nullable=False),
    Column("dispatched", Integer, nullable=False, server_default="0"),
    Column("region", String(64), nullable=False, server_default=""),
    # Fen for one number: frozen with the application, taken when the number is dispatched.
    Column("fee", BigInteger, nullable=False),
    Column("state", String(10), nullable=False),
    Column("answer", String(200), nullable=False, server_default=""),
    Column("applicant_id", Integer, nullable=False),
    # The request's idempotency key; null where none was asked for.
    Column("key", String(64), nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("company_id", "key"),
    CheckConstraint("quantity > 0 AND dispatched >= 0 AND dispatched <= quantity", name="sane"),
)

number_fee = Table(
    "number_fee",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("number_id", ForeignKey("outside_number.id"), nullable=False),
    Column("number", String(32), nullable=False),
    Column("month", Date, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    UniqueConstraint("number_id", "month"),
)

number_log = Table(
    "number_log",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("number_id", ForeignKey("outside_number.id"), nullable=False, index=True),
    Column("what", String(16), nullable=False),
    Column("employee_id", Integer, nullable=True),
    Column("actor_id", Integer, nullable=True),
    Column("note", String(200), nullable=False, server_default=""),
    Column("at", UtcDateTime, nullable=False),
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
