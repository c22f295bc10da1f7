"""Turns Asterisk's records into charges, exactly once.

Each batch of CEL rows is one database transaction: legs are put together, ended legs are charged, finished calls give
back what they did not use, and the watermark moves. Either all of it happened or none of it. The number of statements
does not grow with the number of calls in a batch.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.clock import Step
from callcenter.ledger import clock_steps
from callcenter.ledger.cel import CelRow
from callcenter.ledger.charging import Payers, charge
from callcenter.ledger.finishing import Settled as Settled
from callcenter.ledger.finishing import close_one, finish, legs_of
from callcenter.ledger.holds import holders_of
from callcenter.ledger.legs import CelLeg, absorb, load_legs, save_legs
from callcenter.store.among import among
from callcenter.store.database import Database
from callcenter.store.tables.books import cel_leg, cel_watermark

FLAG_AMI_ONLY = "ami_only"

_WATERMARK = select(cel_watermark.c.last_id).where(cel_watermark.c.node == bindparam("the_node"))
_MOVE_WATERMARK = (
    update(cel_watermark).where(cel_watermark.c.node == bindparam("the_node")).values(last_id=bindparam("last"))
)
_CALLS_OF = select(cel_leg.c.call_id).where(among(cel_leg.c.linkedid, "linked"), cel_leg.c.call_id != "")


class Settlement:
    def __init__(self, database: Database, region: str = "CN") -> None:
        self._db = database
        self._region = region

    async def watermark(self, node: str) -> int:
        """The last CEL id of that Asterisk whose effects are in the database."""
        async with self._db.glance() as connection:
            return await _watermark(connection, node)

    async def advance(self, node: str, rows: Sequence[CelRow], now: datetime) -> list[Settled]:
        """Takes in rows in order; rows at or below the watermark are ignored, so a replay changes nothing."""
        async with self._db.write() as connection:
            last = await _watermark(connection, node)
            fresh = [row for row in rows if row.id > last]
            if not fresh:
                return []
            legs = await load_legs(connection, {row.uniqueid for row in fresh})
            known = set(legs)
            for row in fresh:
                absorb(legs, row, node)
            payers = Payers(connection, await _steps(connection, node, legs.values()))
            ended = [leg for leg in legs.values() if leg.ended_at is not None]
            calls = {leg.call_id for leg in ended if leg.call_id}
            await payers.load(holder for one in calls for holder in holders_of(one))
            told = {row.uniqueid for row in fresh if row.event in ("ANSWER", "HANGUP")}
            await charge(payers, [leg for leg in ended if not leg.settled or leg.id in told], now)
            await save_legs(connection, legs.values(), known)
            calls |= await _calls_of(connection, {row.linkedid for row in fresh if row.event == "LINKEDID_END"})
            settled = await finish(payers, calls, legs, self._region, now) if calls else []
            await _move_watermark(connection, node, fresh[-1].id)
            return settled

    async def close_unrecorded(self, call_id: str, company_id: int, until: datetime, now: datetime) -> Settled | None:
        """Settles a call whose end Asterisk never recorded (it crashed): talk counts up to `until`, and is flagged."""
        async with self._db.write() as connection:
            legs = (await legs_of(connection, [call_id], {}))[call_id]
            steps = await _steps(connection, legs[0].node, legs) if legs else ()
            payers = Payers(connection, steps)
            for leg in legs:
                if leg.ended_at is None:
                    leg.ended_at = max(until, leg.answered_at or until)
            await charge(payers, [leg for leg in legs if not leg.settled], now)
            await save_legs(connection, legs, {leg.id for leg in legs})
            return await close_one(payers, call_id, company_id, legs, now, FLAG_AMI_ONLY)


async def _steps(connection: AsyncConnection, node: str, legs: Iterable[CelLeg]) -> Sequence[Step]:
    """Steps of the node's clock since the first of those legs was answered."""
    answered = [leg.answered_at for leg in legs if leg.answered_at is not None]
    return await clock_steps.load(connection, node, min(answered, default=None))


async def _watermark(connection: AsyncConnection, node: str) -> int:
    return int((await connection.execute(_WATERMARK, {"the_node": node})).scalar() or 0)


async def _move_watermark(connection: AsyncConnection, node: str, last_id: int) -> None:
    done = await connection.execute(_MOVE_WATERMARK, {"the_node": node, "last": last_id})
    if done.rowcount == 0:
        await connection.execute(insert(cel_watermark).values(node=node, last_id=last_id))


async def _calls_of(connection: AsyncConnection, linkedids: Collection[str]) -> set[str]:
    """The calls in those sets of linked channels, all of which are gone."""
    if not linkedids:
        return set()
    return set((await connection.execute(_CALLS_OF, {"linked": linkedids})).scalars())
