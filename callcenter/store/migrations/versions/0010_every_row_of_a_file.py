"""every row of a file of numbers ends as a success, or failed with its reason, or skipped with a word"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_TEXTS = (("number", 100, None), ("name", 100, ""), ("company", 200, ""), ("remark", 500, ""))


def upgrade() -> None:
    with op.batch_alter_table("dial_task_import", schema=None) as batch_op:
        batch_op.add_column(sa.Column("blacklist", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("skipped", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("notes", sa.JSON(), server_default="[]", nullable=False))
        batch_op.add_column(sa.Column("reasons", sa.JSON(), server_default="{}", nullable=False))
        batch_op.add_column(sa.Column("reason", sa.String(length=40), server_default="", nullable=False))
    op.execute("UPDATE dial_task_import SET reason = 'stopped' WHERE state = 'failed'")
    with op.batch_alter_table("dial_task_failed_row", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason", sa.String(length=40), server_default="", nullable=False))
        batch_op.add_column(sa.Column("sheet", sa.String(length=100), server_default="", nullable=False))
        for name, length, default in _TEXTS:
            batch_op.alter_column(name, existing_type=sa.String(length=length), type_=sa.Text(),
                                  existing_nullable=False, existing_server_default=default)
    with op.batch_alter_table("dial_task_number", schema=None) as batch_op:
        batch_op.alter_column("remark", existing_type=sa.String(length=500), type_=sa.String(length=4000),
                              existing_nullable=False, existing_server_default="")


def downgrade() -> None:
    with op.batch_alter_table("dial_task_number", schema=None) as batch_op:
        batch_op.alter_column("remark", existing_type=sa.String(length=4000), type_=sa.String(length=500),
                              existing_nullable=False, existing_server_default="")
    with op.batch_alter_table("dial_task_failed_row", schema=None) as batch_op:
        for name, length, default in _TEXTS:
            batch_op.alter_column(name, existing_type=sa.Text(), type_=sa.String(length=length),
                                  existing_nullable=False, existing_server_default=default)
        batch_op.drop_column("sheet")
        batch_op.drop_column("reason")
    with op.batch_alter_table("dial_task_import", schema=None) as batch_op:
        for name in ("reason", "reasons", "notes", "skipped", "blacklist"):
            batch_op.drop_column(name)
