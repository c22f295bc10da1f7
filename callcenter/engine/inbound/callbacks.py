"""Calls back those who left a line by pressing 1, in the place they had (P-13).

An agent who becomes free is given either to the queue or to the oldest request (`domain/queues.py`). For a request the
agent is kept out of the queues and the call goes through the engine's own Dial, with a key of its own for every
attempt, so that no restart dials twice. What a caller asked for while no engine ran waits in AstDB.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.domain.commands import CancelCallback, Dial
from callcenter.domain.events import LinkState
from callcenter.domain.gates import inside
from callcenter.domain.numbers import normalise_or_raw
from callcenter.domain.queues import FollowUp, Request, Tried, follow_up, next_request, tried
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AgentState, CallbackState, Gate, Source
from callcenter.engine.bus import ClockSet
from callcenter.engine.core import Core
from callcenter.engine.directory import group_of_queue
from callcenter.engine.inbound.callback_store import CallbackStore, Open, Wish
from callcenter.engine.inbound.routing import Routing
from callcenter.engine.inbound.waiting import Lines

log = logging.getLogger(__name__)

FAMILY = "callback-asked"
LOOK_SECONDS = 1.0
AGENT_REST = timedelta(seconds=30)
"""How long an agent whose side failed is not given another request; live callers still ring."""
_OF_THE_NUMBER = frozenset(
    gate.value
    for gate in (
        Gate.BLACKLISTED,
        Gate.NUMBER_INVALID,
        Gate.DESTINATION_CLOSED,
        Gate.EMERGENCY_BY_HAND,
        Gate.OWN_NUMBER_BY_HAND,
    )
)


class Callbacks:
    def __init__(
        self,
        core: Core,
        lines: Lines,
        routing: Routing,
        dial: Callable[[Dial], Awaitable[str]],
        *,
        region: str,
        tries: int,
        pause: timedelta,
    ) -> None:
        self._core, self._lines, self._routing, self._dial = core, lines, routing, dial
        self._region, self._tries, self._pause = region, tries, pause
        self._store = CallbackStore(core.database)
        self._open: dict[int, Open] = {}
        self._resting: dict[int, datetime] = {}
        self._wake = asyncio.Event()
        self._work: set[asyncio.Task[None]] = set()
        self._collecting = asyncio.Lock()
        lines.callbacks_of = self.waiting_in
        core.bus.on(ClockSet, self._clock_set)

    def _clock_set(self, step: ClockSet) -> None:
        """Places in the line and pauses between attempts stay as long as they were."""
        self._resting = {who: until + step.by for who, until in self._resting.items()}
        for one in self._open.values():
            one.request = replace(
                one.request, queued_at=one.request.queued_at + step.by, next_try_at=one.request.next_try_at + step.by
            )
            self._start(self._save_open(one))

    async def _save_open(self, one: Open) -> None:
        if one.request.id in self._open:  # whoever closes it saves it
            await self._store.save(one)

    # -- what others ask -------------------------------------------------------------------------------------------

    def waiting_in(self, group_id: int) -> int:
        return sum(one.request.group_id == group_id for one in self._open.values())

    def take(self, agent: Agent) -> bool:
        """Gives a free agent the request whose turn it is; false when the agent belongs to the queues."""
        now = self._core.now()
        if not self._open or self._core.pbx is None or self._core.pbx.state is not LinkState.LIVE:
            return False
        if not self._routing.free(agent) or self._resting.get(agent.employee_id, now) > now:
            return False
        if self._core.directory.standing_gate(agent.company_id, agent.employee_id, now) is not None:
            return False  # may take calls, and make none
        waiting = [one.request for one in self._open.values() if one.state is CallbackState.WAITING]
        chosen = next_request(waiting, agent.group_ids, self._lines.waiting_since(), now, self._allowed)
        if chosen is None:
            return False
        found = self._open[chosen.id]
        found.state, found.employee_id = CallbackState.DIALLING, agent.employee_id
        self._routing.hold(agent)
        self._start(self._call_back(found, agent))
        return True

    async def cancel(self, command: CancelCallback) -> None:
        """Takes a request off the list; raises `Refusal` when it is not there or being dialled."""
        found = self._open.get(command.request_id)
        if found is None or found.company_id != command.company_id:
            raise Refusal("callback_over")
        if found.state is not CallbackState.WAITING:
            raise Refusal("callback_running")
        await self._close(found, CallbackState.CANCELLED)

    # -- what happens ----------------------------------------------------------------------------------------------

    def asked(self) -> None:
        """A caller pressed the key a moment ago."""
        self._start(self.collect())

    def call_ended(self, call: Call) -> None:
        """An attempt is over, or somebody who waits to be called back was talked with in another call."""
        mine = self._request_of(call)
        if mine is not None:
            self._start(self._attempted(mine, call))
        elif call.answered_at is not None:
            for one in list(self._open.values()):
                same = one.company_id == call.company_id and one.request.number == call.number
                if same and one.state is CallbackState.WAITING and call.answered_at > one.request.queued_at:
                    one.state = CallbackState.DONE  # at once: the agent of that very call is free from now on
                    self._start(self._close(one, CallbackState.DONE))

    async def run(self) -> None:
        while True:
            try:
                self._give_out()
            except Exception:
                log.exception("requests to be called back could not be given out")
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake.wait()
                self._wake.clear()
            except TimeoutError:
                pass

    def _give_out(self) -> None:
        """Idle agents, the longest idle first: a request may have become due while nobody changed state."""
        if not self._open:
            return
        ready = [one for one in self._core.registry.agents.values() if one.state is AgentState.READY]
        for agent in sorted(ready, key=lambda one: (one.since is not None, one.since)):
            self.take(agent)

    # -- where requests come from ----------------------------------------------------------------------------------

    async def load(self) -> None:
        """Open requests of the last engine; one that was being dialled is followed or judged by its call's row."""
        for one in await self._store.open_requests():
            self._open[one.request.id] = one
        for one in list(self._open.values()):
            if await self._store.reached_since(one):
                await self._close(one, CallbackState.DONE)
            elif one.state is CallbackState.DIALLING:
                await self._resume(one)

    async def _resume(self, one: Open) -> None:
        key = f"{one.employee_id}:{_key(one)}"
        one.call_id = one.call_id or await self._store.call_of_key(one.company_id, key)
        if one.call_id and one.call_id in self._core.registry.calls:
            return  # it runs; its end will be told
        ended = await self._store.end_of(one.company_id, one.call_id) if one.call_id else None
        outcome = Tried.AGENT_MISSED if ended is None else tried(*ended)
        await self._follow(one, outcome)

    async def collect(self) -> None:
        """Takes over what callers asked for from AstDB; each wish becomes one request, or none if there is one."""
        if self._core.pbx is None:
            return
        async with self._collecting:
            try:
                rows = await self._core.pbx.collect(actions.db_get_tree(FAMILY), "DBGetTreeComplete")
            except AmiError as error:
                if error.code != "refused":  # refused: there are none
                    log.warning("wishes to be called back could not be read: %s", error)
                return
            for row in rows:
                call_id = row.get("Key", "").rpartition("/")[2]
                wish = self._wish(call_id, row.get("Val", ""))
                if wish is not None:
                    await self._take_in(wish)
                if call_id:
                    await self._forget(call_id)
        self._wake.set()

    def _wish(self, call_id: str, value: str) -> Wish | None:
        """`<queue>:<Unix time>:<number>:<number called>` as the dialplan wrote it; None for a group that is gone."""
        queue, _, rest = value.partition(":")
        at, _, rest = rest.partition(":")
        number, _, called = rest.partition(":")
        group = self._core.directory.groups.get(group_of_queue(queue) or 0)
        number = normalise_or_raw(number, self._region)
        if group is None or not at.isdigit() or not number:
            return None  # also a caller who hides the number: there is nobody to call
        moment = datetime.fromtimestamp(int(at), self._core.now().tzinfo)
        call = self._core.registry.calls.get(call_id)
        return Wish(
            company_id=group.company_id,
            group_id=group.id,
            call_id=call_id,
            number=number,
            called=normalise_or_raw(called, self._region),
            # The engine's own clock where it saw the caller join: the same one that live callers are compared by.
            queued_at=call.queued_at if call is not None and call.queued_at is not None else moment,
        )

    async def _take_in(self, wish: Wish) -> None:
        known = await self._core.crm.who_is(wish.company_id, wish.number)
        made = await self._store.add(wish, known.customer_id if known is not None else None, self._core.now())
        if made is not None:
            self._open[made.request.id] = made
            self._lines.touch(wish.group_id)

    async def _forget(self, call_id: str) -> None:
        try:
            if self._core.pbx is not None:
                await self._core.pbx.send(actions.db_del(FAMILY, call_id))
        except AmiError as error:
            log.warning("the wish of call %s stays in AstDB for now: %s", call_id, error)

    # -- one attempt -----------------------------------------------------------------------------------------------

    async def _call_back(self, one: Open, agent: Agent) -> None:
        one.dials += 1
        one.call_id = None
        try:
            await self._store.save(one)
            call_id = await self._dial(
                Dial(
                    one.company_id,
                    agent.employee_id,
                    number=one.request.number,
                    key=_key(one),
                    customer_id=one.customer_id,
                    source=Source.QUEUE_CALLBACK,
                )
            )
        except Refusal as refusal:
            self._rest(agent)
            await self._follow(one, Tried.IMPOSSIBLE if refusal.code in _OF_THE_NUMBER else Tried.AGENT_MISSED)
        except Exception:
            log.exception("request %s could not be dialled", one.request.id)
            self._rest(agent)
            await self._follow(one, Tried.AGENT_MISSED)
        else:
            if one.state is CallbackState.DIALLING and one.call_id is None:  # it may have ended already
                one.call_id = call_id
                await self._store.save(one)
                if call_id not in self._core.registry.calls:
                    await self._resume(one)
        finally:
            self._routing.release(agent)

    async def _attempted(self, one: Open, call: Call) -> None:
        outcome = tried(call.answered_at is not None, call.end_reason)
        agent = self._core.registry.agents.get(one.employee_id or 0)
        if outcome is Tried.AGENT_MISSED and agent is not None:
            self._rest(agent)
        one.call_id = call.id
        await self._follow(one, outcome)

    async def _follow(self, one: Open, outcome: Tried) -> None:
        then: FollowUp = follow_up(one.request, outcome, self._core.now(), tries=self._tries, pause=self._pause)
        one.state = then.state
        request = one.request
        one.request = Request(
            request.id, request.group_id, request.number, request.queued_at, then.next_try_at, then.attempts
        )
        await self._settle(one)

    async def _close(self, one: Open, state: CallbackState) -> None:
        one.state = state
        await self._settle(one)

    async def _settle(self, one: Open) -> None:
        if one.state is not CallbackState.WAITING:
            self._open.pop(one.request.id, None)
        await self._store.save(one, self._core.now())
        self._lines.touch(one.request.group_id)
        self._wake.set()

    def _request_of(self, call: Call) -> Open | None:
        if call.source is not Source.QUEUE_CALLBACK:
            return None
        for one in self._open.values():
            if one.call_id == call.id:
                return one
            mine = one.company_id == call.company_id and one.employee_id == call.employee_id
            if mine and one.state is CallbackState.DIALLING and one.call_id is None:
                return one  # it ended before Dial had answered
        return None

    # -- who may be called now -------------------------------------------------------------------------------------

    def _allowed(self, request: Request) -> bool:
        """Inside the dial window and the hours of the number that was called, not on the blacklist, not talking."""
        one = self._open[request.id]
        directory, now = self._core.directory, self._core.now()
        rules = directory.companies.get(one.company_id)
        if rules is None or (one.company_id, request.number) in directory.blacklist:
            return False
        if not inside(rules.local_time(now), rules.window):
            return False
        number = directory.inbound.get(one.called)
        hours = directory.hours.get(number.hours_id or 0) if number is not None else None
        if hours is not None and not hours.open_at(now.astimezone(ZoneInfo(rules.time_zone))):
            return False
        # Somebody talks, or has just talked, with this caller.
        calls = self._core.registry.calls.values()
        return not any(
            call.company_id == one.company_id
            and call.number == request.number
            and (not call.over or (call.answered_at is not None and call.answered_at > request.queued_at))
            for call in calls
        )

    def _rest(self, agent: Agent) -> None:
        self._resting[agent.employee_id] = self._core.now() + AGENT_REST

    def _start(self, work: Awaitable[None]) -> None:
        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("a request to be called back met trouble")

        task = asyncio.create_task(guarded())
        self._work.add(task)
        task.add_done_callback(self._work.discard)


def _key(one: Open) -> str:
    """The idempotency key of the present attempt."""
    return f"callback:{one.request.id}:{one.dials}"
