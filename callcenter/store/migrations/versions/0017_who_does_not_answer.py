"""an agent who does not answer several calls in a row is set to not ready"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("company", sa.Column("unanswered_limit", sa.Integer(), nullable=False, server_default="3"))
    op.add_column("agent_state", sa.Column("unanswered", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("agent_state") as batch:
        batch.drop_column("unanswered")
    with op.batch_alter_table("company") as batch:
        batch.drop_column("unanswered_limit")
