"""what employees scan to verify their real names"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verification_code",
        sa.Column("employee_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), server_default="waiting", nullable=False),
        sa.Column("problem", sa.String(length=32), server_default="", nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("expires_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_verification_code_company_id")),
        sa.ForeignKeyConstraint(["employee_id"], ["employee.id"], name=op.f("fk_verification_code_employee_id")),
        sa.PrimaryKeyConstraint("employee_id", name=op.f("pk_verification_code")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_verification_code_token_hash")),
    )
    op.create_index(op.f("ix_verification_code_company_id"), "verification_code", ["company_id"])


def downgrade() -> None:
    op.drop_table("verification_code")
