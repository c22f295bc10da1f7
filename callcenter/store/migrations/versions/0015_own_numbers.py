"""numbers that a company entered wait for the operator; those in use until now are taken for confirmed"""

import sqlalchemy as sa
from alembic import op

from callcenter.domain.numbers import normalise_or_raw
from callcenter.store.base import UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    made = op.create_table(
        "company_number",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("company_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("state", sa.String(10), nullable=False, server_default="waiting"),
        sa.Column("reason", sa.String(200), nullable=False, server_default=""),
        sa.Column("asked_by", sa.Integer(), nullable=True),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.Integer(), nullable=True),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["company_id"], ["company.id"], name=op.f("fk_company_number_company_id_company")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_company_number")),
        sa.UniqueConstraint("company_id", "number", name=op.f("uq_company_number_company_id_number")),
    )
    op.create_index(op.f("ix_company_number_company_id"), "company_number", ["company_id"])
    _keep_what_is_used(made)


def _keep_what_is_used(made: sa.Table) -> None:
    connection = op.get_bind()
    company = sa.table("company", *(sa.column(one) for one in ("id", "display_number", "access_number")),
                       sa.column("created_at", UtcDateTime()))
    outside = sa.table("outside_number", *(sa.column(one) for one in ("company_id", "number", "state")))
    inbound = sa.table("inbound_number", *(sa.column(one) for one in ("company_id", "number")))
    opened = {row.id: row.created_at for row in connection.execute(sa.select(company))}
    used = {(row.company_id, row.number)
            for row in connection.execute(sa.select(outside).where(outside.c.state != "retired"))}
    used |= {(row.company_id, row.number) for row in connection.execute(sa.select(inbound))}
    for row in connection.execute(sa.select(company)):
        used |= {(row.id, normalise_or_raw(one)) for one in (row.display_number, row.access_number) if one}
    rows = [{"company_id": company_id, "number": number, "state": "confirmed", "asked_at": opened[company_id],
             "decided_at": opened[company_id]} for company_id, number in sorted(used) if company_id in opened]
    if rows:
        op.bulk_insert(made, rows)


def downgrade() -> None:
    op.drop_table("company_number")
