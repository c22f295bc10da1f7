"""Keeps Asterisk's queues in step with the agents' states.

An agent who becomes READY is added to the queues of the groups; anybody else is taken out. The queues try their members
in the order of adding (`strategy=linear`), so that order *is* the group's strategy: longest idle, round robin or fewest
calls (`domain/queues.py`), and it stays so while no engine runs. A member's penalty is its level in the group.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain import events as ev
from callcenter.domain.agents import Agent, employee_of
from callcenter.domain.queues import Member, ring_order
from callcenter.domain.terms import AgentState, Direction, QueueStrategy
from callcenter.engine.bus import ClockSet
from callcenter.engine.core import Core
from callcenter.engine.directory import Group, group_of_queue
from callcenter.engine.inbound.waiting import Lines
from callcenter.store.tables.calls import call as call_table

log = logging.getLogger(__name__)

Place = tuple[str, int]
"""Interface and penalty of a member."""


class Routing:
    """Sends queue changes to Asterisk one after the other, in the order the states changed."""

    def __init__(self, core: Core, lines: Lines) -> None:
        self._core = core
        self._lines = lines
        self._members: dict[str, list[Place]] = {}
        self._inside: dict[str, set[int]] = {}
        """Queue -> employees in it, of the same members."""
        """Queue -> its members in Asterisk, in the order they were added."""
        self._turns: dict[tuple[int, int], datetime] = {}
        """(group, employee) -> when the group last rang the agent."""
        self._taken: dict[tuple[int, int], int] = {}
        """(group, employee) -> calls the agent took today."""
        self._days: dict[int, date] = {}
        self._held: set[int] = set()
        self._work: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        core.bus.on(ClockSet, self._clock_set)

    def _clock_set(self, step: ClockSet) -> None:
        """Whose turn it was must not lie in the future, or that agent waits for it to come."""
        self._turns = {key: at + step.by for key, at in self._turns.items()}

    async def run(self) -> None:
        while True:
            action = await self._work.get()
            if self._core.pbx is None or self._core.pbx.state is not ev.LinkState.LIVE:
                continue  # the snapshot at the next login puts everything right
            try:
                await self._core.pbx.send(action)
            except AmiError as error:
                if error.code != "refused":
                    log.warning("a queue change failed: %s", error)

    # -- who is in which queue -------------------------------------------------------------------------------------

    def follow(self, agent: Agent) -> None:
        """Puts one agent into the right queues."""
        wanted = agent.state is AgentState.READY and agent.employee_id not in self._held
        for group in self._core.directory.groups.values():
            if (wanted and group.id in agent.group_ids) or self._is_in(agent, group):
                self._arrange(group)
        self._lines.touch(*agent.group_ids)

    def follow_all(self) -> None:
        """Groups, levels or strategies changed."""
        groups = self._core.directory.groups
        for queue in list(self._members):
            if group_of_queue(queue) not in groups:
                self._set(queue, [])
        # The id of a deleted group may be given to a new one, which begins anew.
        self._taken = {key: count for key, count in self._taken.items() if key[0] in groups}
        self._turns = {key: at for key, at in self._turns.items() if key[0] in groups}
        self._lines.forget_all_but(groups)
        for group in groups.values():
            self._arrange(group)
        self._lines.touch(*groups)

    def free(self, agent: Agent) -> bool:
        """Whether the agent could be rung right now by somebody else than the queue."""
        return (
            agent.state is AgentState.READY
            and agent.phone_ready
            and agent.call_id is None
            and agent.employee_id not in self._held
            and not any(True for _ in self._core.registry.calls_of(agent.employee_id))
        )

    def hold(self, agent: Agent) -> None:
        """Keeps a READY agent out of all queues: somebody else is about to ring this phone."""
        self._held.add(agent.employee_id)
        self.follow(agent)

    def release(self, agent: Agent) -> None:
        if agent.employee_id in self._held:
            self._held.discard(agent.employee_id)
            self.follow(agent)

    def reconcile(self, snapshot: ev.Snapshot) -> None:
        """After a login: Asterisk's members against what they should be, in the right order."""
        self._members = {}
        for member in snapshot.queue_members:
            place = (f"PJSIP/{_endpoint(member.interface)}", member.penalty)
            self._members.setdefault(member.queue, []).append(place)
        self._inside = {queue: _employees(places) for queue, places in self._members.items()}
        self.follow_all()

    def _arrange(self, group: Group) -> None:
        wanted = self._wanted(group)
        for queue in group.queues:
            # Who still waits in the queue of an earlier strategy is served to the end.
            self._set(queue, wanted if queue == group.queue or self._lines.waits_in(queue) else [])

    def _is_in(self, agent: Agent, group: Group) -> bool:
        return any(agent.employee_id in self._inside.get(queue, ()) for queue in group.queues)

    def _wanted(self, group: Group) -> list[Place]:
        ready = [
            agent
            for agent in self._core.registry.agents.values()
            if group.id in agent.group_ids and agent.state is AgentState.READY and agent.employee_id not in self._held
        ]
        if group.strategy is QueueStrategy.FEWEST_CALLS:
            self._today(group.company_id)
        members = [
            Member(
                agent.employee_id,
                agent.since or datetime.min.replace(tzinfo=UTC),
                self._taken.get((group.id, agent.employee_id), 0),
                self._turns.get((group.id, agent.employee_id)),
            )
            for agent in ready
        ]
        agents = self._core.registry.agents
        return [
            (f"PJSIP/{agents[one].endpoint}", group.levels.get(one, 1)) for one in ring_order(group.strategy, members)
        ]

    def _set(self, queue: str, wanted: list[Place]) -> None:
        """Makes a queue's members be these, in this order, with as few changes as the order allows."""
        have = self._members.get(queue, [])
        asked = set(wanted)
        kept = [place for place in have if place in asked]
        if self._lines.waits_in(queue):
            # A caller goes through the members by their place; whoever is there already keeps it meanwhile.
            there = set(kept)
            wanted = [*kept, *(place for place in wanted if place not in there)]
        same = 0
        while same < len(kept) and kept[same] == wanted[same]:
            same += 1
        staying = set(kept[:same])
        for place in have:
            if place not in staying:
                self._work.put_nowait(actions.queue_remove(queue, place[0]))
        for interface, penalty in wanted[same:]:
            found = employee_of(interface)
            name = f"agent-{found[0]}" if found else ""
            self._work.put_nowait(actions.queue_add(queue, interface, name, penalty=penalty))
        if wanted:
            self._members[queue] = list(wanted)
            self._inside[queue] = _employees(wanted)
        else:
            self._members.pop(queue, None)
            self._inside.pop(queue, None)

    # -- turns and counts ------------------------------------------------------------------------------------------

    def rang(self, event: ev.AgentCalled) -> None:
        """The queue rings an agent: that was the agent's turn."""
        key = _key(event.queue, event.interface)
        if key is not None:
            self._turns[key] = self._core.now()

    def line_left(self, queue: str) -> None:
        """A caller left; once nobody waits any more the order may change again."""
        group = self._core.directory.groups.get(group_of_queue(queue) or 0)
        if group is not None and not self._lines.waits_in(queue):
            self._arrange(group)

    def answered(self, event: ev.AgentConnected) -> None:
        """An agent took a call of a group."""
        key = _key(event.queue, event.interface)
        group = self._core.directory.groups.get(key[0]) if key is not None else None
        if key is not None and group is not None:
            self._today(group.company_id)
            self._taken[key] = self._taken.get(key, 0) + 1

    def _today(self, company_id: int) -> None:
        """Counts begin anew at the company's midnight."""
        today = self._local_day(company_id)
        if self._days.get(company_id) == today:
            return
        self._days[company_id] = today
        groups = self._core.directory.groups
        self._taken = {
            key: count
            for key, count in self._taken.items()
            if (group := groups.get(key[0])) is not None and group.company_id != company_id
        }

    def _local_day(self, company_id: int) -> date:
        rules = self._core.directory.companies[company_id]
        return self._core.now().astimezone(ZoneInfo(rules.time_zone)).date()

    async def load(self) -> None:
        """Today's counts and turns, so that a restart treats nobody unfairly."""
        for company_id, rules in self._core.directory.companies.items():
            self._days[company_id] = today = self._local_day(company_id)
            midnight = datetime.combine(today, time(), ZoneInfo(rules.time_zone)).astimezone(UTC)
            query = (
                select(
                    call_table.c.group_id,
                    call_table.c.employee_id,
                    func.count(),
                    func.max(call_table.c.answered_at, type_=call_table.c.answered_at.type),
                )
                .where(
                    call_table.c.company_id == company_id,
                    call_table.c.started_at >= midnight,
                    call_table.c.direction == Direction.INBOUND.value,
                    call_table.c.answered_at.is_not(None),
                )
                .group_by(call_table.c.group_id, call_table.c.employee_id)
            )
            async with self._core.database.read() as connection:
                for group_id, employee_id, count, last in (await connection.execute(query)).all():
                    if group_id is not None and employee_id is not None:
                        self._taken[group_id, employee_id] = count
                        self._turns[group_id, employee_id] = last


def _key(queue: str, interface: str) -> tuple[int, int] | None:
    group_id, who = group_of_queue(queue), employee_of(interface)
    return (group_id, who[0]) if group_id is not None and who is not None else None


def _employees(places: Iterable[Place]) -> set[int]:
    return {who[0] for interface, _ in places if (who := employee_of(interface))}


def _endpoint(interface: str) -> str:
    with contextlib.suppress(IndexError):
        return interface.split("/", 1)[1]
    return interface
