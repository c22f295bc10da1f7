"""an interval of business hours says which of its times is which: {"start", "end"} instead of a pair"""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

HOURS = sa.table("business_hours", sa.column("id"), sa.column("weekly", sa.JSON), sa.column("holidays", sa.JSON))


def upgrade() -> None:
    _rewrite(lambda pair: {"start": pair[0], "end": pair[1]})


def downgrade() -> None:
    _rewrite(lambda one: [one["start"], one["end"]])


def _rewrite(turn: Callable[[Any], Any]) -> None:
    connection = op.get_bind()
    change = sa.update(HOURS).where(HOURS.c.id == sa.bindparam("row"))
    change = change.values(weekly=sa.bindparam("week"), holidays=sa.bindparam("dates"))
    for row in connection.execute(sa.select(HOURS)).mappings().all():
        week = {day: [turn(one) for one in spans] for day, spans in row["weekly"].items()}
        dates = [{**one, "intervals": [turn(span) for span in one.get("intervals", [])]} for one in row["holidays"]]
        connection.execute(change, {"row": row["id"], "week": week, "dates": dates})
