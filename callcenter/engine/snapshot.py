"""Puts the registry right after a login: what Asterisk has now, what its records say, and what nobody saw."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import select

from callcenter.ami.errors import AmiError
from callcenter.domain import call_rules
from callcenter.domain import events as ev
from callcenter.domain.agents import employee_of
from callcenter.domain.calls import TALKING, Call, Leg, Move
from callcenter.domain.facts import ConsultationFailed, Fact
from callcenter.domain.terms import Device, EndReason, Role
from callcenter.engine.bus import CallOver
from callcenter.engine.core import Core
from callcenter.engine.inbound.desk import Inbound
from callcenter.engine.metering import Metering
from callcenter.engine.patience import patiently
from callcenter.ledger import witness
from callcenter.ledger.finishing import FLAG_CEL_ONLY
from callcenter.ledger.legs import CelLeg
from callcenter.ledger.settle import Settled
from callcenter.store.tables.books import cel_leg
from callcenter.store.tables.calls import call as call_table
from callcenter.store.tables.calls import journal

log = logging.getLogger(__name__)

LONG_AGO = timedelta(days=1)
GRACE_SECONDS = 3.0
"""How long a vanished call may wait for Asterisk's records (or late events) before it is closed without them."""


class Reconciler:
    def __init__(self, core: Core, metering: Metering, inbound: Inbound) -> None:
        self._core = core
        self._metering = metering
        self._inbound = inbound
        self._late: set[asyncio.Task[None]] = set()
        self._told: set[str] = set()
        """Legs whose failure the agent was told of after the link came back."""
        core.bus.on(CallOver, lambda ended: self.never_dialled(ended.call))
        core.bus.on(Settled, self.settled)

    async def on_snapshot(self, snapshot: ev.Snapshot) -> None:
        """What is in the snapshot lives; what is not is over, with the times that Asterisk recorded."""
        self._phones(snapshot)
        await self._metering.settle()
        alive = {channel.uniqueid for channel in snapshot.channels}
        for channel in sorted(snapshot.channels, key=lambda channel: not channel.account.endswith(".customer")):
            await self._alive(channel)
        for call in list(self._core.registry.calls.values()):
            if call.waits_for_agent:
                continue  # nothing of it is in Asterisk yet; call_through.py ends it in time
            if not call.over and not any(leg_id in alive for leg_id in call.legs):
                if not await self.close_from_row(call):
                    self._later(partial(self._vanished, call))
                continue
            failed = await self._failed_consultation(call)
            for leg in list(call.legs.values()):
                if not leg.over and leg.id not in alive:
                    self._end_leg(call, leg, await self._record(leg.id))
            self._core.take(call, failed)
        self._inbound.reconcile(snapshot)
        await self._core.flush()

    def _phones(self, snapshot: ev.Snapshot) -> None:
        found: dict[int, set[tuple[Device, str]]] = {}
        for contact in snapshot.contacts:
            who = employee_of(contact.endpoint)
            if who is not None and contact.reachable:
                found.setdefault(who[0], set()).add((who[1], contact.uri))
        for agent in self._core.registry.agents.values():
            contacts = frozenset(found.get(agent.employee_id, set()))
            if contacts != agent.contacts:
                agent.contacts = contacts
                self._core.agent_changed(agent, False)

    async def _alive(self, channel: ev.Channel) -> None:
        core = self._core
        found = core.registry.adopt(channel, core.directory, core.now())
        if found is None:
            return
        call, leg, facts = found
        leg.bridge = channel.bridge
        leg.place = _place(channel, leg)
        record = await self._record(leg.id)
        if channel.up and leg.state not in TALKING:
            answered = record.answered_at if record and record.answered_at else core.now()
            if leg.state in (call_rules.S.INITIATED, call_rules.S.QUEUED, call_rules.S.ALERTING):
                facts = [*facts, *call_rules.move_leg(call, leg, Move.ANSWER, answered)]
        elif leg.place == "held" and leg.state is call_rules.S.CONNECTED:
            facts = [*facts, *call_rules.move_leg(call, leg, Move.HOLD, core.now())]
        elif leg.place == "talking" and leg.state is call_rules.S.HELD:
            facts = [*facts, *call_rules.move_leg(call, leg, Move.RESUME, core.now())]
        elif channel.ringing:
            facts = [*facts, *call_rules.move_leg(call, leg, Move.RING, core.now())]
        if leg.role is Role.AGENT and channel.up:
            facts = [*facts, *call_rules.mute(call, leg, await self._muted(leg))]
        core.take(call, facts)

    async def _muted(self, leg: Leg) -> bool:
        """Whether an earlier engine muted the leg: Asterisk remembers."""
        if self._core.pbx is None:
            return False
        try:
            answer = await self._core.pbx.send({"Action": "Getvar", "Channel": leg.channel, "Variable": "MUTED"})
        except AmiError:
            return leg.muted
        return bool(answer.get("Value") == "on")

    async def _vanished(self, call: Call) -> None:
        """No channel of this call is left: its end comes from Asterisk's records, or from the last evidence."""
        await asyncio.sleep(GRACE_SECONDS)
        await self._metering.settle()
        if call.over or call.id not in self._core.registry.calls:
            return
        if not await self.close_from_row(call):
            until = await self._last_evidence(call)
            log.warning("call %s: Asterisk has no record of its end; closed by the last evidence", call.id)
            self._core.take(call, call_rules.close(call, until, EndReason.LOST))
            await self._core.flush()
            await self.settle_without_records(call, until)

    async def settle_without_records(self, call: Call, until: datetime) -> None:
        """Settles a call that Asterisk will never write a record for, and gives its minutes back.

        What the engine itself has seen of its legs counts then.
        """
        core = self._core
        async with core.database.write() as connection:
            await witness.fill_in(connection, self._metering.node, call.company_id, call.id)
        settled = await core.settlement.close_unrecorded(call.id, call.company_id, until, core.now())
        await self._metering.refresh_minutes(call.company_id)
        if settled is not None:
            await core.call_settled(settled)
        await core.flush()

    async def close_from_row(self, call: Call) -> bool:
        """Ends a live call with what settlement wrote; false when the records have no end for it."""
        query = select(call_table).where(
            call_table.c.company_id == call.company_id, call_table.c.id == call.id, call_table.c.billing == "settled"
        )
        async with self._core.database.read() as connection:
            row = (await connection.execute(query)).first()
        if row is None or row.ended_at is None:
            return False
        call.answered_at = call.answered_at or row.answered_at
        reason = EndReason(row.end_reason) if row.end_reason else EndReason.LOST
        self._core.take(call, call_rules.close(call, row.ended_at, reason))
        await self._core.flush()
        return True

    def settled(self, settled: Settled) -> None:
        """Charges are final; a call that is still alive here missed its own end and is given time to see it."""
        call = self._core.registry.calls.get(settled.call_id)
        if call is not None and not call.over:
            self._later(partial(self._vanished, call))
        elif call is None and settled.found:
            self._later(partial(self._file, settled.company_id, settled.call_id))

    async def file_found(self) -> None:
        """After a start: calls that only Asterisk saw and that the last engine could not put to their customers."""
        since = self._core.now() - LONG_AGO
        for company_id in self._core.directory.companies:
            query = select(call_table.c.id).where(
                call_table.c.company_id == company_id,
                call_table.c.started_at >= since,
                call_table.c.flag == FLAG_CEL_ONLY,
                call_table.c.customer_id.is_(None),
            )
            async with self._core.database.read() as connection:
                found = list((await connection.execute(query)).scalars())
            for call_id in found:
                await self._file(company_id, call_id)

    async def _file(self, company_id: int, call_id: str) -> None:
        """A call that came and went while nobody listened leaves on its customer what every call leaves there."""
        ended = await self._core.writer.ended_call(company_id, call_id, charged=True)
        if ended is not None:
            await self._core.crm.call_ended(ended)

    def never_dialled(self, call: Call) -> None:
        """A call that ended before it had a channel: Asterisk writes no record for it."""
        if not call.legs:
            self._later(partial(self.settle_without_records, call, self._core.now()))

    def _end_leg(self, call: Call, leg: Leg, record: CelLeg | None) -> None:
        core = self._core
        ended = record.ended_at if record and record.ended_at else core.now()
        leg.cause = record.cause if record else None
        move = Move.END if leg.state in TALKING else Move.FAIL
        core.take(call, call_rules.move_leg(call, leg, move, ended))

    async def _failed_consultation(self, call: Call) -> list[Fact]:
        """What the dialplan said to nobody: a third party was dialled and could not be had, by Asterisk's records."""
        query = select(cel_leg.c.id, cel_leg.c.cause).where(
            cel_leg.c.call_id == call.id,
            cel_leg.c.role == Role.THIRD.value,
            cel_leg.c.answered_at.is_(None),
            cel_leg.c.ended_at.is_not(None),
        )
        async with self._core.database.glance() as connection:
            rows = (await connection.execute(query)).all()
        over = {leg.id for leg in call.legs.values() if leg.over}
        unheard = [row for row in rows if row.id not in over | self._told]
        self._told |= {row.id for row in unheard}
        if not unheard or not call.alive(Role.AGENT):
            return []
        # Who rang until nobody waited any longer was cleared like any other leg.
        status = "NOANSWER" if unheard[-1].cause in (None, 0, 16) else ""
        return [ConsultationFailed(call.id, call_rules.third_failure(status, unheard[-1].cause or 0))]

    async def _record(self, leg_id: str) -> CelLeg | None:
        async with self._core.database.read() as connection:
            row = (await connection.execute(select(cel_leg).where(cel_leg.c.id == leg_id))).first()
        return CelLeg.from_row(row) if row is not None else None

    async def _last_evidence(self, call: Call) -> datetime:
        query = (
            select(journal.c.at)
            .where(journal.c.company_id == call.company_id, journal.c.call_id == call.id)
            .order_by(journal.c.seq.desc())
            .limit(1)
        )
        async with self._core.database.read() as connection:
            seen: datetime | None = (await connection.execute(query)).scalar()
        known = [moment for moment in (seen, call.answered_at, call.started_at) if moment is not None]
        return max(known)

    def _later(self, work: Callable[[], Awaitable[None]]) -> None:
        """Does it beside the inbox; a database that is away meanwhile is waited for."""
        task = asyncio.create_task(patiently(work))
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def _place(channel: ev.Channel, leg: Leg) -> str:
    """Where the dialplan has the leg now: it may have been moved while nobody listened."""
    if channel.context == "leg-talking":
        return "talking"
    if channel.context == "leg-consulting":
        return "consulting"
    if channel.context == "leg-held":
        return "waiting" if leg.role is Role.AGENT and leg.place != "held" else "held"
    return leg.place
