"""a number that was given back may be dispatched again: numbers are unique among those in use"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_IN_USE = sa.text("state != 'retired'")


def upgrade() -> None:
    with op.batch_alter_table("outside_number", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("uq_outside_number_number"), type_="unique")
    op.create_index("uq_outside_number_in_use", "outside_number", ["number"], unique=True,
                    sqlite_where=_IN_USE, postgresql_where=_IN_USE)


def downgrade() -> None:
    op.drop_index("uq_outside_number_in_use", table_name="outside_number")
    with op.batch_alter_table("outside_number", schema=None) as batch_op:
        batch_op.create_unique_constraint(op.f("uq_outside_number_number"), ["number"])
