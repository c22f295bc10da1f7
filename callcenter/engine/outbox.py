"""What changed since the last commit: noted in passing, committed together, and only then told to anybody."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.domain.clock import Step
from callcenter.domain.entities import CALL_ENDED, POP, Changed, Event
from callcenter.domain.terms import Role
from callcenter.engine import view
from callcenter.engine.bus import Committed
from callcenter.engine.directory import Directory
from callcenter.engine.patience import patiently
from callcenter.engine.ports import Clock, Crm, Push
from callcenter.engine.registry import Registry
from callcenter.engine.writer import Entry, Writer
from callcenter.ledger.clock_steps import Seen

log = logging.getLogger(__name__)

RETRY_COMMIT_SECONDS = 0.5


@dataclass(slots=True)
class Batch:
    """What goes into one commit, and what is told after it."""

    entries: list[Entry] = field(default_factory=list)
    calls: dict[str, Call] = field(default_factory=dict)
    agents: dict[int, Agent] = field(default_factory=dict)
    states: dict[int, Agent] = field(default_factory=dict)
    pops: list[tuple[Call, int]] = field(default_factory=list)
    ended: list[Call] = field(default_factory=list)
    said: list[tuple[int, Event[Any], Any, int | None, bool]] = field(default_factory=list)
    """Company, name, data and employee of passing events, and whether who watches the employee is told as well."""
    measured: list[Mapping[str, Any]] = field(default_factory=list)
    """Rows of `call_quality`."""
    steps: list[tuple[Step, Seen]] = field(default_factory=list)
    """Steps of the clock, with what it showed after them."""

    def __bool__(self) -> bool:
        return bool(
            self.entries
            or self.calls
            or self.agents
            or self.states
            or self.pops
            or self.ended
            or self.said
            or self.measured
            or self.steps
        )


class Outbox:
    """Commits and tells; `noted` is what the next commit takes."""

    def __init__(
        self,
        writer: Writer,
        crm: Crm,
        push: Push,
        registry: Registry,
        minutes: Mapping[int, int],
        *,
        told: Callable[[object], None],
        directory: Callable[[], Directory],
        clock: Clock,
    ) -> None:
        self.noted = Batch()
        self._told = told
        self._writer = writer
        self._crm = crm
        self._push = push
        self._registry = registry
        self._minutes = minutes
        self._directory = directory
        self._now = clock
        self._flushing = asyncio.Lock()

    async def flush(self) -> None:
        """Commits what is noted and tells it. A database that refuses for a moment is asked again: facts wait."""
        async with self._flushing:
            if not self.noted:
                return
            batch, self.noted = self.noted, Batch()
            await self._recognise(batch)
            await self._commit(batch)
            self._publish(batch)
            self._told(Committed(batch.calls.values()))
        await self._tell(batch)

    async def _commit(self, batch: Batch) -> None:
        refused = 0
        while True:
            try:
                await self._writer.commit(
                    batch.entries,
                    batch.calls.values(),
                    batch.agents.values(),
                    batch.states.values(),
                    batch.measured,
                    batch.steps,
                )
                return
            except Exception:
                # Told once: a full disk lasts, and the log may be on it.
                log.log(
                    logging.DEBUG if refused else logging.ERROR,
                    "the database does not take the facts; they are kept and tried again",
                    exc_info=True,
                )
                refused += 1
                await asyncio.sleep(RETRY_COMMIT_SECONDS)

    async def _recognise(self, batch: Batch) -> None:
        """Finds the customer behind calls that have none yet, before anybody is told of them."""
        for call in batch.calls.values():
            if call.customer_id is None and call.number and not call.over:
                with contextlib.suppress(Exception):
                    known = await self._crm.who_is(call.company_id, call.number)
                    if known is not None:
                        call.customer_id, call.customer_name = known.customer_id, known.name

    def _publish(self, batch: Batch) -> None:
        """The new state of calls and agents, to everybody who sees them."""
        changed: dict[int, list[Changed]] = {}
        gone: dict[int, list[tuple[str, str]]] = {}
        directory = self._directory()
        for call in batch.calls.values():
            if call.over:
                gone.setdefault(call.company_id, []).append(("call", call.id))
            else:
                shown = view.call_entity(call, directory)
                changed.setdefault(call.company_id, []).append(("call", call.id, shown))
        for agent in batch.agents.values():
            entity = view.agent_entity(agent, directory, self._minutes.get(agent.employee_id, 0))
            changed.setdefault(agent.company_id, []).append(("agent", str(agent.employee_id), entity))
        for company_id in changed.keys() | gone.keys():
            self._push.publish(company_id, changed.get(company_id, ()), gone.get(company_id, ()))

    async def _tell(self, batch: Batch) -> None:
        """What passes: words for one agent, screen pops, ends of calls. The CRM may fail; calls go on without it."""
        for company_id, name, data, employee_id, watched in batch.said:
            self._push.event(company_id, name, data, employee_id, watched=watched)
        for call, employee_id in batch.pops:
            with contextlib.suppress(Exception):
                data = await self._crm.pop(call, employee_id)
                self._push.event(call.company_id, POP, data, employee_id)
        for call in batch.ended:
            for employee_id in sorted(_had(call)):
                self._push.event(call.company_id, CALL_ENDED, view.ended_event(call, self._now()), employee_id)
            with contextlib.suppress(Exception):
                await patiently(partial(self._crm.call_ended, call))
            self._registry.forget(call)


def _had(call: Call) -> set[int]:
    """Agents whose call it was to the end: whom it rang last, and who took it over."""
    took = {leg.employee_id for leg in call.legs.values() if leg.role is Role.AGENT and leg.answered_at is not None}
    return {one for one in (call.employee_id, *took) if one is not None} - call.left
