"""extensions beside numbers, and keys under which names are found in any width"""

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

SLICE = 2000


def _key(text: str | None) -> str:
    """As it was when this was written; the product's own rule may change."""
    return "".join(unicodedata.normalize("NFKC", text or "").casefold().split())[:200]


def upgrade() -> None:
    op.add_column("customer_number", sa.Column("extension", sa.String(8), nullable=False, server_default=""))
    op.add_column("dial_task_number", sa.Column("extension", sa.String(8), nullable=False, server_default=""))
    op.add_column("customer", sa.Column("company_key", sa.String(200), nullable=False, server_default=""))
    op.add_column("dial_task_number", sa.Column("search_key", sa.String(200), nullable=False, server_default=""))
    _fill("customer", "company_key", ["company_name"])
    _fill("dial_task_number", "search_key", ["name", "company"])


def _fill(table: str, key: str, columns: list[str]) -> None:
    connection = op.get_bind()
    rows = sa.table(table, sa.column("id"), sa.column(key), *(sa.column(one) for one in columns))
    last = 0
    while True:
        query = sa.select(rows).where(rows.c.id > last).order_by(rows.c.id).limit(SLICE)
        found = connection.execute(query).mappings().all()
        if not found:
            return
        last = found[-1]["id"]
        values = [{"row": one["id"], "made": _key("\n".join(one[name] or "" for name in columns))} for one in found]
        wanted = [one for one in values if one["made"]]
        if wanted:
            change = sa.update(rows).where(rows.c.id == sa.bindparam("row")).values({key: sa.bindparam("made")})
            connection.execute(change, wanted)


def downgrade() -> None:
    for table, column in (("dial_task_number", "search_key"), ("customer", "company_key"),
                          ("dial_task_number", "extension"), ("customer_number", "extension")):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column(column)
