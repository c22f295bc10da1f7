"""The lines of waiting callers as Asterisk tells them: positions, honest waiting times, and what screens see."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Container, Iterable
from datetime import datetime, timedelta

from sqlalchemy import select

from callcenter.domain import events as ev
from callcenter.domain import queues as rules
from callcenter.domain.calls import Call
from callcenter.domain.entities import LiveQueue
from callcenter.domain.terms import AgentState, Direction
from callcenter.engine.bus import ClockSet
from callcenter.engine.core import Core
from callcenter.engine.directory import EVERYWHERE, Group, group_of_queue
from callcenter.engine.view import iso
from callcenter.store.missed import count_missed, count_unheard
from callcenter.store.tables.calls import call as call_table

log = logging.getLogger(__name__)

REST_SECONDS = 0.2
"""At most this often a group's entity is pushed: agents and callers come and go in bursts."""


class Lines:
    """Who waits where; touched only by the engine's own loop."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lines: dict[str, list[str]] = {}
        """Queue name -> ids of the calls in it, the next one first."""
        self._waits: dict[int, deque[tuple[datetime, float]]] = {}
        self._missed: dict[int, int] = {}
        self._unheard: dict[int, int] = {}
        self._uncounted: set[int] = set()
        self._returning: set[str] = set()
        """Calls on whose beginning the missed callers were counted again."""
        self._stale: set[int] = set()
        self._wake = asyncio.Event()
        self.callbacks_of: Callable[[int], int] = lambda group_id: 0
        """How many callers of a group wait to be called back."""
        core.bus.on(ClockSet, self._clock_set)

    def _clock_set(self, step: ClockSet) -> None:
        for waits in self._waits.values():
            moved = [(at + step.by, waited) for at, waited in waits]
            waits.clear()
            waits.extend(moved)

    # -- what Asterisk tells ---------------------------------------------------------------------------------------

    def joined(self, event: ev.QueueCallerJoined) -> None:
        call = self._call(event.channel)
        group_id = group_of_queue(event.queue)
        if call is None or group_id is None:
            return
        line = self._lines.setdefault(event.queue, [])
        if call.id not in line:
            line.insert(max(0, event.position - 1), call.id)
        call.queued_at = call.queued_at or self._core.now()
        if call.direction is Direction.INBOUND and call.answered_at is None:
            call.group_id = group_id
        self._moved(event.queue)

    def left(self, event: ev.QueueCallerLeft) -> None:
        line = self._lines.get(event.queue, [])
        call_id = self._core.registry.call_of_leg.get(event.channel.uniqueid, event.channel.uniqueid)
        if call_id not in line:
            return
        line.remove(call_id)
        call = self._core.registry.calls.get(call_id)
        if call is not None:
            self._place(call, None)
        self._moved(event.queue)

    def answered(self, event: ev.AgentConnected) -> None:
        """A caller's wait is over, which tells how long the next ones may expect to wait."""
        call = self._call(event.channel)
        group_id = group_of_queue(event.queue)
        if call is None or group_id is None or call.queued_at is None:
            return
        now = self._core.now()
        self._waits_of(group_id).append((now, (now - call.queued_at).total_seconds()))
        self._moved(event.queue)

    def reconcile(self, snapshot: ev.Snapshot) -> None:
        """After a login: exactly the callers whom Asterisk has in its queues, in its order."""
        before = set(self._lines)
        self._lines = {}
        now = self._core.now()
        for entry in sorted(snapshot.queue_entries, key=lambda one: one.position):
            call = self._core.registry.calls.get(self._core.registry.call_of_leg.get(entry.uniqueid, ""))
            group_id = group_of_queue(entry.queue)
            if call is None or group_id is None:
                continue
            call.queued_at = call.queued_at or now - timedelta(seconds=entry.waited)
            if call.answered_at is None:
                call.group_id = group_id
            self._lines.setdefault(entry.queue, []).append(call.id)
        for queue in before | set(self._lines):
            self._moved(queue)

    # -- what others ask -------------------------------------------------------------------------------------------

    def waits_in(self, queue: str) -> bool:
        """Whether somebody is in that queue right now."""
        return bool(self._lines.get(queue))

    def waiting_since(self) -> dict[int, datetime]:
        """Group id -> when the caller joined who has been in its line for longest."""
        found: dict[int, datetime] = {}
        for queue, line in self._lines.items():
            group_id = group_of_queue(queue)
            for call_id in line:
                call = self._core.registry.calls.get(call_id)
                if group_id is not None and call is not None and call.queued_at is not None:
                    found[group_id] = min(found.get(group_id, call.queued_at), call.queued_at)
        return found

    def entity(self, group: Group) -> LiveQueue:
        """The live entity `queue` of a group."""
        waiting = [call_id for queue in group.queues for call_id in self._lines.get(queue, ())]
        members = [one for one in self._core.registry.agents.values() if group.id in one.group_ids]
        busy = (AgentState.BUSY, AgentState.WORKING_AFTER_CALL)
        return {
            "id": group.id,
            "name": group.name,
            "waiting": len(waiting),
            "oldest_since": iso(self.waiting_since().get(group.id)),
            "expected_seconds": rules.expected_wait(self._waits.get(group.id, ()), self._core.now()),
            "callbacks": self.callbacks_of(group.id),
            "missed": self._missed.get(group.id, 0),
            "voicemails": self._unheard.get(group.id, 0),
            "agents": {
                "ready": sum(one.state is AgentState.READY and one.phone_ready for one in members),
                "busy": sum(one.state in busy for one in members),
                "total": len(members),
            },
            "member_ids": [one.employee_id for one in members],
        }

    # -- pushing ---------------------------------------------------------------------------------------------------

    def touch(self, *group_ids: int, counted: bool = False) -> None:
        """Something that the entities of these groups show has changed; `counted`: something in the database."""
        self._stale |= set(group_ids)
        if counted:
            self._uncounted |= set(group_ids)
        self._wake.set()

    def forget_all_but(self, group_ids: Container[int]) -> None:
        """Groups were deleted."""
        self._waits = {group_id: waits for group_id, waits in self._waits.items() if group_id in group_ids}

    def committed(self, calls: Iterable[Call]) -> None:
        """Whoever is being called, or talks, is missed no more: nobody else is to call them as well (P-18)."""
        for call in calls:
            if call.over or call.id in self._returning:
                continue
            if call.direction is Direction.OUTBOUND or call.answered_at is not None:
                self._returning.add(call.id)
                mine = self._groups_of(call.company_id)
                if any(self._missed.get(one) for one in mine):
                    self.touch(*mine, counted=True)

    def call_ended(self, call: Call) -> None:
        """A call ended: somebody may have been missed, or a missed caller reached."""
        self._returning.discard(call.id)
        for queue, line in self._lines.items():
            if call.id in line:  # its leave was not seen
                line.remove(call.id)
                self._moved(queue)
        self.touch(*self._groups_of(call.company_id), counted=True)

    async def load(self) -> None:
        """The last hour's waits, so that a restart does not make waiting times unknown."""
        since = self._core.now() - rules.WAITS_AGE
        query = (
            select(call_table.c.group_id, call_table.c.queued_at, call_table.c.answered_at)
            .where(call_table.c.queued_at >= since, call_table.c.answered_at.is_not(None))
            .order_by(call_table.c.answered_at)
            .execution_options(**EVERYWHERE)
        )
        async with self._core.database.read() as connection:
            for row in (await connection.execute(query)).all():
                if row.group_id is not None:
                    waited = (row.answered_at - row.queued_at).total_seconds()
                    self._waits_of(row.group_id).append((row.answered_at, waited))
        self.touch(*self._core.directory.groups, counted=True)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._publish()
            except Exception:
                log.exception("the queues could not be told")
            await asyncio.sleep(REST_SECONDS)

    async def _publish(self) -> None:
        stale, self._stale = self._stale, set()
        uncounted, self._uncounted = self._uncounted, set()
        await self._core.flush()
        groups = self._core.directory.groups
        for company_id in {groups[one].company_id for one in uncounted if one in groups}:
            async with self._core.database.read() as connection:
                missed = await count_missed(connection, company_id, self._core.now())
                unheard = await count_unheard(connection, company_id)
            for group in groups.values():
                if group.company_id == company_id:
                    self._missed[group.id] = missed.get(group.id, 0)
                    self._unheard[group.id] = unheard.get(group.id, 0)
        for group in groups.values():
            if group.id in stale:
                self._core.push.publish(group.company_id, [("queue", str(group.id), self.entity(group))])

    # -- inside ----------------------------------------------------------------------------------------------------

    def _groups_of(self, company_id: int) -> list[int]:
        return [one.id for one in self._core.directory.groups.values() if one.company_id == company_id]

    def _call(self, channel: ev.Channel) -> Call | None:
        found = self._core.registry.find(channel)
        return found[0] if found is not None else None

    def _waits_of(self, group_id: int) -> deque[tuple[datetime, float]]:
        return self._waits.setdefault(group_id, deque(maxlen=rules.WAITS_COUNTED))

    def _moved(self, queue: str) -> None:
        group_id = group_of_queue(queue)
        if group_id is None:
            return
        expected = rules.expected_wait(self._waits.get(group_id, ()), self._core.now())
        for index, call_id in enumerate(self._lines.get(queue, ())):
            call = self._core.registry.calls.get(call_id)
            if call is not None:
                self._place(call, index + 1, expected)
        self.touch(group_id)

    def _place(self, call: Call, position: int | None, expected: int | None = None) -> None:
        if (call.queue_position, call.expected_wait) != (position, expected):
            call.queue_position, call.expected_wait = position, expected
            if not call.over:
                self._core.take(call, [])
