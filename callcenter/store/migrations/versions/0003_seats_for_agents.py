"""seats for the agents of companies that dialled without any; they go on showing their display number"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

company = sa.table("company", sa.column("id"), sa.column("display_number"), sa.column("caller_id_policy"))
role = sa.table("role", sa.column("id"), sa.column("permissions", sa.JSON()))
employee = sa.table("employee", sa.column("id"), sa.column("company_id"), sa.column("role_id"))
seat = sa.table(
    "seat", *(sa.column(name) for name in ("company_id", "code", "employee_id")), sa.column("created_at", sa.DateTime())
)


def upgrade() -> None:
    connection = op.get_bind()
    # A display number alone opens no gate under the policy `bound`.
    shown = company.c.display_number != ""
    connection.execute(sa.update(company).where(shown).values(caller_id_policy="rotation"))
    dialling = {
        row.id for row in connection.execute(sa.select(role)).all() if "calls.dial" in (row.permissions or ())
    }
    people = sa.select(employee).order_by(employee.c.company_id, employee.c.id)
    made: dict[int, int] = {}
    for row in connection.execute(people).all():
        if row.role_id in dialling:
            made[row.company_id] = made.get(row.company_id, 8000) + 1
            values = {"company_id": row.company_id, "code": str(made[row.company_id]), "employee_id": row.id}
            connection.execute(sa.insert(seat).values(**values, created_at=datetime.now(UTC).replace(tzinfo=None)))


def downgrade() -> None:
    op.get_bind().execute(sa.delete(seat))
