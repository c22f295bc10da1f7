"""Names the agent whose phone a known customer's call rings before the queue: the owner, or who talked last (P-17)."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import select

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain import events as ev
from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.domain.terms import Sticky
from callcenter.engine.core import Core
from callcenter.engine.directory import Group, group_of_queue
from callcenter.engine.inbound.routing import Routing
from callcenter.store.tables.calls import call as call_table

log = logging.getLogger(__name__)

VARIABLE = "OWN_AGENT"
NOBODY = "none"
HOLD_SECONDS = 2.0
"""How long the agent is kept out of the queues until that phone rings; then Asterisk itself knows that it is taken."""


class OwnAgent:
    def __init__(self, core: Core, routing: Routing) -> None:
        self._core = core
        self._routing = routing
        self._work: set[asyncio.Task[None]] = set()
        self._held_for: dict[str, Agent] = {}

    def asked(self, event: ev.OwnAgentAsked) -> None:
        """The dialplan waits half a second for the answer; without one the call goes to the queue."""
        found = self._core.registry.find(event.channel)
        group = self._core.directory.groups.get(group_of_queue(event.queue) or 0)
        if found is None or group is None:
            return
        call = found[0]
        call.queued_at = call.queued_at or self._core.now()
        task = asyncio.create_task(self._answer(call, group, event.channel.name))
        self._work.add(task)
        task.add_done_callback(self._work.discard)

    def let_go(self, call: Call) -> None:
        """The agent's phone has had its time to ring, or the call is over."""
        agent = self._held_for.pop(call.id, None)
        if agent is not None:
            self._routing.release(agent)

    async def _answer(self, call: Call, group: Group, channel: str) -> None:
        agent = None
        try:
            agent = await self._choose(call, group)
            if agent is not None:
                self._routing.hold(agent)
                self._held_for[call.id] = agent
                asyncio.get_running_loop().call_later(HOLD_SECONDS, self.let_go, call)
            name = agent.endpoint if agent is not None else NOBODY
            if self._core.pbx is not None:
                await self._core.pbx.send(actions.setvar(VARIABLE, name, channel))
        except AmiError as error:
            log.info("call %s: its own agent could not be named: %s", call.id, error)
        except Exception:
            log.exception("call %s: its own agent could not be found", call.id)

    async def _choose(self, call: Call, group: Group) -> Agent | None:
        employee_id = await self._owner(call) if group.sticky is Sticky.OWNER else None
        if employee_id is None and group.sticky is not Sticky.NONE:
            employee_id = await self._last_agent(call)
        agent = self._core.registry.agents.get(employee_id or 0)
        if agent is None or agent.company_id != call.company_id or not self._routing.free(agent):
            return None
        return agent

    async def _owner(self, call: Call) -> int | None:
        customer_id = call.customer_id
        if customer_id is None:
            known = await self._core.crm.who_is(call.company_id, call.number)
            customer_id = known.customer_id if known is not None else None
        return await self._core.crm.owner_of(call.company_id, customer_id) if customer_id is not None else None

    async def _last_agent(self, call: Call) -> int | None:
        """Who talked with this number last, in either direction; callers who hide theirs are strangers each."""
        if not call.number:
            return None
        query = (
            select(call_table.c.employee_id)
            .where(
                call_table.c.company_id == call.company_id,
                call_table.c.number == call.number,
                call_table.c.answered_at.is_not(None),
                call_table.c.employee_id.is_not(None),
            )
            .order_by(call_table.c.started_at.desc())
            .limit(1)
        )
        async with self._core.database.read() as connection:
            found: int | None = (await connection.execute(query)).scalar()
        return found
