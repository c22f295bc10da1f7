"""an agent who does not answer several calls in a row is set to not ready; a task says who is rung first"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("company", sa.Column("unanswered_limit", sa.Integer(), nullable=False, server_default="3"))
    op.add_column("agent_state", sa.Column("unanswered", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("dial_task", sa.Column("leg_order", sa.String(16), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("dial_task") as batch:
        batch.drop_column("leg_order")
    with op.batch_alter_table("agent_state") as batch:
        batch.drop_column("unanswered")
    with op.batch_alter_table("company") as batch:
        batch.drop_column("unanswered_limit")
