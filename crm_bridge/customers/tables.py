"""Customers, their numbers and tags."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from callcenter.domain.searching import search_key as name_key
from callcenter.store.base import UtcDateTime, company_column, metadata
from callcenter.store.searching import key_of

__all__ = ["COMPANIES", "customer", "customer_number", "customer_tag", "name_key"]

COMPANIES = 256
"""Companies whose statements are kept ready; more than these are built anew when they come again."""

customer = Table(
    "customer",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("kind", String(12), nullable=False),
    Column("name", String(200), nullable=False),
    # Enterprises are unlike by it (SPEC §E1.1); filled by itself on insert; a rename sets it.
    Column("name_key", String(200), nullable=False, default=key_of("name")),
    Column("owner_id", Integer, nullable=True, index=True),
    Column("level", String(32), nullable=False, server_default=""),
    Column("progress", String(32), nullable=False, server_default=""),
    Column("source", String(64), nullable=False, server_default=""),
    Column("company_name", String(200), nullable=False, server_default=""),
    Column("company_key", String(200), nullable=False, default=key_of("company_name"), server_default=""),
    Column("address", String(300), nullable=False, server_default=""),
    Column("remark", Text, nullable=False, server_default=""),
    # Since when this is a signed customer (SPEC §E4.2, §E14); null while nothing is signed.
    Column("signed_at", UtcDateTime, nullable=True),
    Column("created_by", Integer, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("last_contact_at", UtcDateTime, nullable=True),
    Index("ix_customer_company_name", "company_id", "name"),
    Index("ix_customer_company_kind_key", "company_id", "kind", "name_key"),
    Index("ix_customer_company_updated", "company_id", "updated_at"),
    # Calls name customers without a foreign key: the id of a deleted one must never be given out again.
    sqlite_autoincrement=True,
)

customer_number = Table(
    "customer_number",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("customer_id", ForeignKey("customer.id", ondelete="CASCADE"), nullable=False),
    Column("number", String(32), nullable=False),
    # Sent as keys after the answer (分机).
    Column("extension", String(8), nullable=False, server_default=""),
    Column("label", String(16), nullable=False, server_default="mobile"),
    Column("is_primary", Boolean, nullable=False, server_default="0"),
    UniqueConstraint("customer_id", "number"),
    # Both have all columns of the other: SQLite likes an index that answers alone so much that it would rather read a
    # whole company by the wrong one.
    Index("ix_customer_number_company_number", "company_id", "number", "customer_id"),
    Index("ix_customer_number_company_customer", "company_id", "customer_id", "number"),
)

customer_tag = Table(
    "customer_tag",
    metadata,
    Column("customer_id", ForeignKey("customer.id", ondelete="CASCADE"), primary_key=True),
    Column("tag", String(40), primary_key=True),
    company_column(),
    Index("ix_customer_tag_company_tag", "company_id", "tag"),
    Index("ix_customer_tag_company_customer", "company_id", "customer_id", "tag"),
)
