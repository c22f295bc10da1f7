"""Steps of the wall clock in the database, beside the records whose stamps they bend (docs/decisions/0018)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.clock import LEAST_SECONDS, Step
from callcenter.store.tables.clock import clock_seen, clock_step

KEPT = 200
"""How many of the latest steps are looked at: nobody sets a clock that often while one call lasts."""

# Built once: every settlement asks.
_LATEST = (
    select(clock_step.c.at_before, clock_step.c.at_after, clock_step.c.seconds)
    .where(clock_step.c.node == bindparam("the_node"))
    .order_by(clock_step.c.id.desc())
    .limit(KEPT)
)
_SEEN = select(clock_seen).where(clock_seen.c.node == bindparam("the_node"))
_SEE = (
    update(clock_seen)
    .where(clock_seen.c.node == bindparam("the_node"))
    .values(boot_id=bindparam("the_boot"), ahead=bindparam("the_lead"), at=bindparam("now"))
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a node's clock showed at some look; `ahead` is the wall clock less the seconds since the machine started."""

    node: str
    boot_id: str
    ahead: float
    at: datetime


async def load(connection: AsyncConnection, node: str, since: datetime | None) -> Sequence[Step]:
    """Steps of a node's clock that may lie after a moment stamped `since`, in the order in which they happened."""
    if since is None:
        return ()
    rows = (await connection.execute(_LATEST, {"the_node": node})).all()
    steps = [Step(row.at_before, row.at_after, row.seconds) for row in reversed(rows)]
    while steps and max(steps[0].at_before, steps[0].at_after) < since:
        del steps[0]
    return steps


async def last_seen(connection: AsyncConnection, node: str) -> Seen | None:
    """What the node's clock showed when it was looked at last, by whichever engine."""
    row = (await connection.execute(_SEEN, {"the_node": node})).first()
    return Seen(row.node, row.boot_id, row.ahead, row.at) if row is not None else None


async def see(connection: AsyncConnection, now: Seen) -> None:
    """Notes that the clock was looked at; one that was set meanwhile is the business of `note`."""
    before = await last_seen(connection, now.node)
    if before is None or before.boot_id != now.boot_id or not _stepped(before, now):
        await _keep(connection, now)


async def _keep(connection: AsyncConnection, now: Seen) -> None:
    names = {"the_node": now.node, "the_boot": now.boot_id, "the_lead": now.ahead, "now": now.at}
    if (await connection.execute(_SEE, names)).rowcount == 0:
        await connection.execute(
            insert(clock_seen).values(node=now.node, boot_id=now.boot_id, ahead=now.ahead, at=now.at)
        )


async def note(connection: AsyncConnection, step: Step, now: Seen) -> bool:
    """Keeps a step once: another engine of that machine may have noticed it as well; false then."""
    before = await last_seen(connection, now.node)
    if before is not None and before.boot_id == now.boot_id and not _stepped(before, now):
        return False
    await connection.execute(
        insert(clock_step).values(
            node=now.node,
            boot_id=now.boot_id,
            at_before=step.at_before,
            at_after=step.at_after,
            seconds=step.seconds,
        )
    )
    await _keep(connection, now)
    return True


def _stepped(before: Seen, now: Seen) -> bool:
    return abs(now.ahead - before.ahead) > LEAST_SECONDS
