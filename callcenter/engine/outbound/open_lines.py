"""Open lines (点拨): an agent's phone that stays connected between calls (P-07; dialplans/12-line.conf).

The channel of an open line has the account code `line.<employee id>` and belongs to no call. Its state is read from
Asterisk's events and, after a restart, from the snapshot; it is stored nowhere else.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Coroutine
from typing import Any

from callcenter.ami import actions as ami
from callcenter.ami.errors import AmiError
from callcenter.ami.parse import ORIGINATE_ID
from callcenter.domain import events as ev
from callcenter.domain.agents import Agent, employee_of
from callcenter.domain.commands import CloseLine, Command, OpenLine
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import AgentState, Gate, LineState, Role
from callcenter.engine.bus import AgentChanged, OpenLineHappened, OriginateFailed
from callcenter.engine.core import Core
from callcenter.pbx.actions import open_line_action

log = logging.getLogger(__name__)

ACCOUNT = "line."


class OpenLines:
    def __init__(self, core: Core, *, ring_seconds: int) -> None:
        self._core = core
        self._ring_seconds = ring_seconds
        self._ids: dict[int, str] = {}
        """Employee id -> unique id of the line's channel."""
        self._late: set[asyncio.Task[None]] = set()
        core.bus.on(OpenLineHappened, self.happened)
        core.bus.on(OriginateFailed, self.failed)
        core.bus.on(AgentChanged, self.follow)

    # -- what people ask for -----------------------------------------------------------------------------------------

    async def open(self, command: OpenLine) -> LineState:
        """Rings the agent's phone once; a line that is open or opening stays as it is."""
        core = self._core
        agent = self._agent(command)
        if agent.line is not LineState.CLOSED:
            return agent.line
        for good, gate in (
            (agent.state is not AgentState.LOGGED_OUT, Gate.NOT_LOGGED_IN),
            (core.pbx is not None and core.pbx.state is ev.LinkState.LIVE, Gate.PHONES_UNAVAILABLE),
            (agent.employee_id in core.directory.seats, Gate.NO_SEAT),
            (agent.phone_ready, Gate.PHONE_NOT_REGISTERED),
            (agent.call_id is None, Gate.ALREADY_DIALLING),
        ):
            if not good:
                raise Refusal(gate.value)
        assert core.pbx is not None
        line_id = f"line-{agent.employee_id}-{secrets.token_hex(8)}"
        self._ids[agent.employee_id] = line_id
        self._set(agent, LineState.OPENING)
        await core.flush()
        action = open_line_action(line_id, agent.employee_id, agent.endpoint, self._ring_seconds)
        try:
            await core.pbx.send({**action, "ActionID": ORIGINATE_ID + line_id})
        except AmiError as error:
            if error.code != "action_timeout":
                self._set(agent, LineState.CLOSED)
                await core.flush()
                raise Refusal(Gate.PHONES_UNAVAILABLE.value) from error
        return agent.line

    async def close(self, command: CloseLine) -> LineState:
        """Hangs the agent's phone up, and with it a call that runs on the line; a closed line is no error."""
        agent = self._agent(command)
        await self._hang_up(agent)
        return agent.line

    def _agent(self, command: Command) -> Agent:
        agent = self._core.registry.agents.get(command.employee_id)
        if agent is None or agent.company_id != command.company_id:
            raise Refusal(Gate.NOT_AN_AGENT.value)
        return agent

    async def _hang_up(self, agent: Agent) -> None:
        channel = agent.line_channel or self._ids.get(agent.employee_id, "")
        if agent.line is LineState.CLOSED or not channel or self._core.pbx is None:
            return
        try:
            await self._core.pbx.send(ami.hangup(channel))
        except AmiError as error:
            if error.code != "refused":  # refused: it is gone already
                raise Refusal(Gate.PHONES_UNAVAILABLE.value) from error
        # At once, not with the channel's last event: whoever opens a line now asks for a new one.
        self._set(agent, LineState.CLOSED)
        await self._core.flush()

    # -- what Asterisk tells -----------------------------------------------------------------------------------------

    def happened(self, what: OpenLineHappened) -> None:
        """An event of a channel whose account code begins with `line.`."""
        channel, event = what.channel, what.event
        agent = self._owner(channel)
        if agent is None or channel.name.startswith("Surrogate/"):
            return
        known = self._ids.setdefault(agent.employee_id, channel.uniqueid)
        if known != channel.uniqueid:
            return  # of an earlier line
        match event:
            case ev.ChannelEnded():
                self._set(agent, LineState.CLOSED)
            case ev.LegPlaced():
                agent.line_channel = channel.name
                self._set(agent, LineState.OPEN)
            case ev.ChannelHeld():
                self._pass_on(agent, ev.ChannelHeld)
            case ev.ChannelResumed():
                self._pass_on(agent, ev.ChannelResumed)
            case _:
                pass

    def _pass_on(self, agent: Agent, kind: type[ev.ChannelHeld] | type[ev.ChannelResumed]) -> None:
        """Hold pressed on the phone means the call that runs on its line: the room keeps it from the call's own leg."""
        call = self._core.registry.calls.get(agent.call_id or "")
        mine = [leg for leg in call.alive(Role.AGENT) if leg.channel.startswith("Local/")] if call is not None else []
        for leg in mine:
            account = f"{agent.call_id}.{Role.AGENT.value}"
            self._core.handle(kind(ev.Channel(leg.id, name=leg.channel, account=account)))

    def failed(self, what: OriginateFailed) -> None:
        """The phone could not be rung, so that no channel's end will tell."""
        for employee_id, known in self._ids.items():
            agent = self._core.registry.agents.get(employee_id)
            if known == what.id and agent is not None and agent.line is LineState.OPENING:
                self._set(agent, LineState.CLOSED)
                return

    def reconcile(self, snapshot: ev.Snapshot) -> None:
        """After a login: the lines that Asterisk has, and no others."""
        found: dict[int, ev.Channel] = {}
        for channel in snapshot.channels:
            agent = self._owner(channel)
            if agent is not None:
                found[agent.employee_id] = channel
        for agent in self._core.registry.agents.values():
            channel_ = found.get(agent.employee_id)
            if channel_ is None:
                self._set(agent, LineState.CLOSED)
                continue
            self._ids[agent.employee_id] = channel_.uniqueid
            agent.line_channel = channel_.name
            self._set(agent, LineState.OPEN if channel_.up else LineState.OPENING)

    def follow(self, changed: AgentChanged) -> None:
        """An agent who is logged out, or has chosen another phone, has no open line."""
        agent = changed.agent
        if agent.line is LineState.CLOSED:
            return
        who = employee_of(agent.line_channel) if agent.line_channel else None
        if agent.state is AgentState.LOGGED_OUT or (who is not None and who[1] is not agent.device):
            self._later(self._hang_up(agent))

    def _owner(self, channel: ev.Channel) -> Agent | None:
        number = channel.account.removeprefix(ACCOUNT)
        if not channel.account.startswith(ACCOUNT) or not number.isdigit():
            return None
        return self._core.registry.agents.get(int(number))

    def _set(self, agent: Agent, state: LineState) -> None:
        if state is LineState.CLOSED:
            agent.line_channel = ""
            self._ids.pop(agent.employee_id, None)
        if agent.line is not state:
            agent.line = state
            self._core.agent_changed(agent, False)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
