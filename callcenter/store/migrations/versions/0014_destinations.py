"""where a company's calls may go, and how many"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_NEW = ("countries", "premium_open", "satellite_open", "calls_per_day", "calls_per_number", "forwarded_at_once")


def upgrade() -> None:
    op.add_column("company", sa.Column("countries", sa.JSON(), nullable=False, server_default="[]"))
    op.add_column("company", sa.Column("premium_open", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("company", sa.Column("satellite_open", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("company", sa.Column("calls_per_day", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("company", sa.Column("calls_per_number", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("company", sa.Column("forwarded_at_once", sa.Integer(), nullable=False, server_default="5"))


def downgrade() -> None:
    with op.batch_alter_table("company", schema=None) as batch_op:
        for name in reversed(_NEW):
            batch_op.drop_column(name)
