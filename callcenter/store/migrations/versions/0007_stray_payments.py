"""payments that came for a code that had run out; customers who have signed"""

import sqlalchemy as sa
from alembic import op

from callcenter.store.base import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "stray_payment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("recharge_id", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("paid_at", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=10), server_default="open", nullable=False),
        sa.Column("note", sa.String(length=200), server_default="", nullable=False),
        sa.Column("actor_id", sa.Integer(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("amount > 0", name=op.f("ck_stray_payment_amount_positive")),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_stray_payment_company_id")),
        sa.ForeignKeyConstraint(["recharge_id"], ["recharge.id"], name=op.f("fk_stray_payment_recharge_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stray_payment")),
        sa.UniqueConstraint("recharge_id", name=op.f("uq_stray_payment_recharge_id")),
    )
    op.create_index(op.f("ix_stray_payment_company_id"), "stray_payment", ["company_id"])
    op.add_column("customer", sa.Column("signed_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("customer", "signed_at")
    op.drop_table("stray_payment")
