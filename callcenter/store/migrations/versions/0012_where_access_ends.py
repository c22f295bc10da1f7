"""what becomes of the call of somebody whose access ends, and where people have signed in from"""

import sqlalchemy as sa
from alembic import op

from callcenter.store.base import BigId, UtcDateTime

revision = "0012"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("company", schema=None) as batch_op:
        batch_op.add_column(sa.Column("access_end", sa.String(12), server_default="after_call", nullable=False))
    op.create_table(
        "sign_in_address",
        sa.Column("id", BigId, nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("employee_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_sign_in_address_company_id")),
        sa.ForeignKeyConstraint(["employee_id"], ["employee.id"], name=op.f("fk_sign_in_address_employee_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_address")),
        sa.UniqueConstraint("employee_id", "address", name=op.f("uq_sign_in_address_employee_id_address")),
    )
    op.create_index("ix_sign_in_address_company_id", "sign_in_address", ["company_id"])


def downgrade() -> None:
    op.drop_table("sign_in_address")
    with op.batch_alter_table("company", schema=None) as batch_op:
        batch_op.drop_column("access_end")
