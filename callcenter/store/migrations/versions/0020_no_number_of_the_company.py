"""the company's own number shown goes: numbers are bound to seats, and nothing dialled with it any more"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("company", "display_number")


def downgrade() -> None:
    op.add_column("company", sa.Column("display_number", sa.String(length=32), server_default="", nullable=False))
