"""Keeps Asterisk's queues in step with the agents' states.

An agent who becomes READY is added to the queues of the groups at the end; anybody else is taken out. The queues ring
their members in the order of adding (`strategy=linear`), so the first is always the one who has been idle longest,
and it stays so while no engine runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from typing import Any

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain import events as ev
from callcenter.domain.agents import Agent, employee_of
from callcenter.domain.terms import AgentState
from callcenter.engine.core import Core

log = logging.getLogger(__name__)


class Routing:
    """Sends queue changes to Asterisk one after the other, in the order the states changed."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._members: dict[tuple[str, str], None] = {}
        """(queue, interface) pairs that Asterisk has, in the order they were added."""
        self._work: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()

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

    def follow(self, agent: Agent) -> None:
        """Puts one agent into the right queues."""
        wanted = self._wanted(agent)
        mine = [pair for pair in self._members if self._owner(pair[1]) == agent.employee_id]
        for pair in mine:
            if pair not in wanted:
                self._remove(pair)
        for pair in wanted:
            if pair not in self._members:
                self._add(pair, agent)

    def reconcile(self, snapshot: ev.Snapshot) -> None:
        """After a login: Asterisk's members against what they should be, in the right order."""
        have = [(member.queue, f"PJSIP/{_endpoint(member.interface)}") for member in snapshot.queue_members]
        agents = sorted(
            (agent for agent in self._core.registry.agents.values() if agent.state is AgentState.READY),
            key=lambda agent: (agent.since is None, agent.since),
        )
        wanted = [(pair, agent) for agent in agents for pair in self._wanted(agent)]
        self._members = dict.fromkeys(have)
        if [pair for pair, _ in wanted] == have:
            return
        for pair in have:
            self._remove(pair)
        for pair, agent in wanted:
            self._add(pair, agent)

    def _wanted(self, agent: Agent) -> list[tuple[str, str]]:
        if agent.state is not AgentState.READY:
            return []
        groups = self._core.directory.groups
        interface = f"PJSIP/{agent.endpoint}"
        return [(groups[group_id].queue, interface) for group_id in agent.group_ids if group_id in groups]

    def _add(self, pair: tuple[str, str], agent: Agent) -> None:
        self._members[pair] = None
        self._work.put_nowait(actions.queue_add(pair[0], pair[1], f"agent-{agent.employee_id}"))

    def _remove(self, pair: tuple[str, str]) -> None:
        self._members.pop(pair, None)
        self._work.put_nowait(actions.queue_remove(*pair))

    @staticmethod
    def _owner(interface: str) -> int | None:
        found = employee_of(interface)
        return found[0] if found else None


def _endpoint(interface: str) -> str:
    with contextlib.suppress(IndexError):
        return interface.split("/", 1)[1]
    return interface
