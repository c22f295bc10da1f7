"""The engine: one ordered inbox of events, one place where they meet the domain, and everything else after the commit.

Order of things for every batch: events move calls and agents; the facts are committed; only then they are told
(`engine/outbox.py`).
A command changes the same state between two awaits of the same loop, so there are no locks around it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from callcenter.domain import agents as agent_rules
from callcenter.domain import call_rules, quality
from callcenter.domain import events as ev
from callcenter.domain.agents import Agent
from callcenter.domain.calls import Call
from callcenter.domain.clock import Step
from callcenter.domain.entities import CALL_SETTLED, CONSULT_FAILED, CallSettled, ConsultFailed, Data, Event, Phones
from callcenter.domain.facts import (
    AgentAlerted,
    AgentMissed,
    CallAnswered,
    CallEnded,
    ConsultationFailed,
    Fact,
    LegMoved,
    Unexpected,
)
from callcenter.domain.terms import AgentState, Device, EndReason, LegOrder, Role
from callcenter.engine.agents.presence import Presence
from callcenter.engine.bus import (
    AgentChanged,
    Bus,
    CallOver,
    ClockSet,
    LegHappened,
    LineHappened,
    OpenLineHappened,
    OriginateFailed,
)
from callcenter.engine.clock import Stamps, move_all
from callcenter.engine.directory import Directory, Person, read_directory
from callcenter.engine.outbox import Outbox
from callcenter.engine.patience import patiently
from callcenter.engine.ports import Clock, Crm, Pbx, Push
from callcenter.engine.registry import Registry
from callcenter.engine.writer import Entry, Writer
from callcenter.ledger.clock_steps import Seen
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settled, Settlement
from callcenter.store.database import Database

log = logging.getLogger(__name__)

_OF_ITS_BIRTH: Final = (ev.ChannelCreated, ev.AccountChanged)
_OF_A_CHANNEL: Final = (
    *_OF_ITS_BIRTH,
    ev.ChannelStateChanged,
    ev.BridgeEntered,
    ev.BridgeLeft,
    ev.ChannelHeld,
    ev.ChannelResumed,
    ev.ChannelEnded,
    ev.LegPlaced,
    ev.ConsultFailed,
)
"""What may move a call; what an event of any other kind means is told apart in `Core.handle`."""
_OF_A_LINE: Final = (
    ev.QueueCallerJoined,
    ev.QueueCallerLeft,
    ev.AgentCalled,
    ev.AgentConnected,
    ev.OwnAgentAsked,
    ev.CallbackAsked,
)
"""What concerns a line of waiting callers (`engine/inbound/desk.py`)."""

BATCH = 2000
RESYNC_REST = timedelta(seconds=30)
"""At most this often an event that does not fit makes the link log in anew."""


class Core:
    """State, inbox and commit. Commands, metering and routing are mixed in by `Engine`."""

    def __init__(
        self,
        *,
        database: Database,
        packages: Packages,
        settlement: Settlement,
        crm: Crm,
        push: Push,
        clock: Clock,
        region: str = "CN",
    ) -> None:
        self.database = database
        self.packages = packages
        self.settlement = settlement
        self.crm = crm
        self.push = push
        self.now = clock
        self.bus = Bus()
        self.pbx: Pbx | None = None
        self.directory = Directory()
        self.registry = Registry(region)
        self.writer = Writer(database)
        self.minutes: dict[int, int] = {}
        shared: dict[str, Any] = {"directory": lambda: self.directory, "clock": lambda: self.now()}
        self.outbox = Outbox(self.writer, crm, push, self.registry, self.minutes, told=self.bus.tell, **shared)
        self.presence = Presence(self.registry, changed=self.agent_changed, say=self.say, **shared)
        self.link_state = ev.LinkState.CONNECTING
        self.closing = False
        """The installation is about to stop: what runs goes on, nothing new begins."""
        self.unexpected = 0
        self._resynced: datetime | None = None
        self.events_seen = 0
        self._stamps = Stamps()
        self.bus.on(ClockSet, lambda _: self._stamps.stepped(self.now()))
        self.reading = asyncio.Lock()
        """Held while the directory is read and swapped in, and while something it holds is changed elsewhere."""
        self._inbox: deque[ev.AmiEvent] = deque()
        self._wake = asyncio.Event()

    # -- what companies are ----------------------------------------------------------------------------------------

    async def refresh(self) -> None:
        """Reads the directory again after somebody changed employees, groups, numbers or settings."""
        async with self.reading:
            self.directory = await read_directory(self.database, self.registry.region)
            now = self.now()
            for person in self.directory.people.values():
                self._take_person(person, now)
        for company_id in self.directory.companies:
            fresh = await self.packages.minutes_left(company_id, now)
            for agent in self.registry.agents.values():
                left = fresh.get(agent.employee_id, 0)  # whoever has no valid package any more is missing
                if agent.company_id == company_id and self.minutes.get(agent.employee_id) != left:
                    self.minutes[agent.employee_id] = left
                    self.agent_changed(agent, False)
        await self.flush()

    def _take_person(self, person: Person, now: datetime) -> None:
        """Lets an employee's agent follow the directory; who may not dial any more is logged out."""
        agent = self.registry.agents.get(person.id)
        dials = person.may_dial and person.active
        if agent is None and not dials:
            return
        if agent is None:
            agent = self.registry.agents[person.id] = Agent(person.id, person.company_id, person.name, since=now)
        agent.name, agent.department_id = person.name, person.department_id
        agent.group_ids, agent.device = person.group_ids, person.device
        if not dials and agent.state is not AgentState.LOGGED_OUT:
            agent.call_id = None
            self.agent_changed(agent, agent_rules.choose(agent, AgentState.LOGGED_OUT, "", now))
        self.outbox.noted.agents[person.id] = agent

    # -- inbox ---------------------------------------------------------------------------------------------------

    def deliver(self, event: ev.AmiEvent) -> None:
        """Takes an event in order; called by the AMI link, never blocks."""
        self._inbox.append(event)
        self._wake.set()

    async def run(self) -> None:
        """Works the inbox until cancelled. Nothing that an event holds can stop it."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._inbox:
                for _ in range(min(len(self._inbox), BATCH)):
                    event = self._inbox.popleft()
                    if isinstance(event, ev.Snapshot):
                        await self.flush()
                        await patiently(partial(self.bus.execute, event))
                        continue
                    try:
                        self.handle(event)
                    except Exception:
                        self.unexpected += 1
                        log.exception("an event could not be applied: %s", type(event).__name__)
                await self.flush()

    def handle(self, event: ev.AmiEvent) -> None:
        """Moves calls and agents by one event."""
        self.events_seen += 1
        now = self._stamps.moment(event, self.now())
        if isinstance(event, _OF_A_CHANNEL):  # nearly all of them
            self._apply(event.channel, event, now)
            return
        match event:
            case ev.AgentCalled(target=channel) | ev.AgentConnected(target=channel):
                self._adopt(channel, now)
            case ev.DialBegan() | ev.DialEnded():
                self._dialled(event, now)
            case ev.QueueCallerJoined(channel=channel):
                self._apply(channel, event, now)
            case ev.ContactChanged():
                self._contact(event)
            case ev.QualityMeasured():
                self._measured(event, now)
            case ev.OriginateAnswered(ok=False):
                self._not_dialled(event, now)
            case ev.LinkChanged():
                self._link(event)
            case ev.RegistrationRefused():
                self.bus.tell(event)
            case _:
                pass
        if isinstance(event, _OF_A_LINE):
            self.bus.tell(LineHappened(event))

    def _adopt(self, channel: ev.Channel, now: datetime) -> tuple[Call, str] | None:
        found = self.registry.adopt(channel, self.directory, now)
        if found is None:
            return None
        call, leg, facts = found
        if facts:
            self.take(call, facts)
        return call, leg.id

    def _not_dialled(self, event: ev.OriginateAnswered, now: datetime) -> None:
        call = self.registry.calls.get(event.call_id)
        if call is not None and not call.legs:
            reason = EndReason.AGENT_BUSY if event.reason == 5 else EndReason.AGENT_UNREACHABLE
            if call.leg_order is LegOrder.CUSTOMER_FIRST:
                reason = EndReason.NETWORK_FAILED
            self.take(call, call_rules.close(call, now, reason))
        else:
            self.bus.tell(OriginateFailed(event.call_id))

    def _dialled(self, event: ev.DialBegan | ev.DialEnded, now: datetime) -> None:
        """Who dials tells its call as well, should its own events have been lost."""
        if event.source is not None:
            self._adopt(event.source, now)
        self._adopt(event.target, now)
        if isinstance(event, ev.DialEnded):
            self._apply(event.target, event, now)

    def _apply(self, channel: ev.Channel, event: ev.AmiEvent, now: datetime) -> None:
        found = self._adopt(channel, now)
        if found is None:
            if channel.account.startswith("line."):
                self.bus.tell(OpenLineHappened(channel, event))
            return
        if isinstance(event, _OF_ITS_BIRTH):
            return
        call, leg_id = found
        facts = call_rules.apply(call, leg_id, event, now)
        if facts:  # without one there is nothing to commit and nothing to tell
            self.take(call, facts)
        self.bus.tell(LegHappened(call, leg_id, event))

    def _measured(self, event: ev.QualityMeasured, now: datetime) -> None:
        """What Asterisk measured on a phone's leg, told as the leg ends."""
        found = self.registry.find(event.channel)
        if found is None:
            return
        call, leg = found
        line = quality.Line(event.loss, event.jitter_ms, event.round_trip_ms)
        self.outbox.noted.measured.append(
            {
                "company_id": call.company_id,
                "call_id": call.id,
                "leg_id": leg.id,
                "employee_id": leg.employee_id,
                "measured_by": "pbx",
                "loss": line.loss,
                "jitter_ms": line.jitter_ms,
                "round_trip_ms": line.round_trip_ms,
                "mos": quality.mos(line),
                "worst_mos": quality.mos(line),
                "at": now,
            }
        )

    def _contact(self, event: ev.ContactChanged) -> None:
        who = agent_rules.employee_of(event.endpoint)
        agent = self.registry.agents.get(who[0]) if who else None
        if agent is None or who is None:
            return
        device: Device = who[1]
        # By address: a page that was loaded anew registers before Asterisk says that the old one is gone.
        contact = {(device, event.uri)}
        contacts = agent.contacts | contact if event.reachable else agent.contacts - contact
        if contacts != agent.contacts:
            agent.contacts = contacts
            self.agent_changed(agent, False)

    def _link(self, event: ev.LinkChanged) -> None:
        self.link_state = event.state
        if event.state is ev.LinkState.LOST:
            log.warning("the AMI link is lost: %s", event.detail)
        for company_id in self.directory.companies:
            self.push.publish(company_id, [("system", "phones", Phones(phones=event.state))])

    # -- facts ---------------------------------------------------------------------------------------------------

    def take(self, call: Call, facts: list[Fact]) -> None:
        """Notes facts for the next commit and lets agents follow their calls."""
        now = self.now()
        for fact in facts:
            if isinstance(fact, Unexpected):
                self._misfit(fact)
                continue
            self.outbox.noted.entries.append(Entry(call.company_id, now, fact))
            match fact:
                case AgentAlerted(employee_id=employee_id):
                    self.outbox.noted.pops.append((call, employee_id))
                case AgentMissed(employee_id=employee_id):
                    self.presence.missed(call, employee_id)
                case CallAnswered(employee_id=employee_id):
                    self.presence.takes(call, employee_id)
                case ConsultationFailed(reason=reason):
                    told = ConsultFailed(call_id=call.id, reason=reason)
                    self.say(call.company_id, CONSULT_FAILED, told, _asker(call))
                case LegMoved(leg_id=leg_id, after=after) if call.answered_at is not None:
                    self.presence.leg_moved(call, leg_id, after)
                case CallEnded():
                    self.outbox.noted.ended.append(call)
                    self.presence.ended(call)
                    self.bus.tell(CallOver(call))
                case _:
                    pass
        self.outbox.noted.calls[call.id] = call

    def _misfit(self, fact: Unexpected) -> None:
        """Asterisk is never wrong: when an event does not fit, what we believe is read anew, but not in a storm."""
        self.unexpected += 1
        log.warning("call %s: unexpected %s on leg %s", fact.call_id, fact.what, fact.leg_id)
        now = self.now()
        if self.pbx is not None and (self._resynced is None or now - self._resynced >= RESYNC_REST):
            self._resynced = now
            self.pbx.resync(fact.what)

    async def call_settled(self, settled: Settled) -> None:
        """The charges of a call are final."""
        self.bus.tell(settled)
        data: CallSettled = {
            "call_id": settled.call_id,
            "talk_seconds": settled.talk_seconds,
            "minutes_charged": settled.minutes_charged,
        }
        self.push.event(settled.company_id, CALL_SETTLED, data, settled.employee_id)
        await self.flush()

    def say(
        self, company_id: int, name: Event[Data], data: Data, employee_id: int | None, *, watched: bool = False
    ) -> None:
        """Notes a passing event for one employee's screens, and if `watched` for those of whoever watches this
        employee; it goes out after the next commit."""
        self.outbox.noted.said.append((company_id, name, data, employee_id, watched))

    def pop(self, call: Call, employee_id: int) -> None:
        """Asks for a screen pop with the next commit."""
        self.outbox.noted.pops.append((call, employee_id))

    def agent_changed(self, agent: Agent, state_changed: bool) -> None:
        """Notes an agent for the next commit; a change of state is also kept in its history."""
        self.outbox.noted.agents[agent.employee_id] = agent
        if state_changed:
            self.outbox.noted.states[agent.employee_id] = agent
            self.bus.tell(AgentChanged(agent))

    def stepped(self, step: Step, seen: Seen, began: datetime | None = None) -> None:
        """The wall clock was set: what we remember of running calls and agents moves along, in one commit with it.

        `began` is the moment this engine was started, where the step lies before it: what is younger stays.
        """
        young = {id(one) for one in self.registry.agents.values() if began and one.since and began <= one.since}
        agents = [one for one in self.registry.agents.values() if id(one) not in young]
        calls = [one for one in self.registry.calls.values() if not one.over]
        move_all(calls, agents, step.by)
        self.outbox.noted.steps.append((step, seen))
        self.outbox.noted.calls |= {one.id: one for one in calls}
        self.outbox.noted.agents |= {one.employee_id: one for one in agents}
        self._resynced = None
        self.bus.tell(ClockSet(step.by))

    async def flush(self) -> None:
        """Commits what is noted and tells it."""
        await self.outbox.flush()


def _asker(call: Call) -> int | None:
    """The agent who consulted: the one who is in the call."""
    return next((leg.employee_id for leg in call.alive(Role.AGENT) if leg.employee_id), call.employee_id)
