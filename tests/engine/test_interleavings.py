"""Asterisk's events in any order, twice or not at all, with commands in between: the engine's state stays sound.

The streams are recorded from a real Asterisk, one for each way a call can go. Hypothesis drops, doubles and reorders
their events and lets people do things in the middle. Whatever arrives: no exception, no leg that belongs to nobody, one
end for each call, and no agent who stays busy with a call that is over.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callcenter.ami.parse import Framer, parse_event
from callcenter.domain import agents as agent_rules
from callcenter.domain import call_rules
from callcenter.domain import events as ev
from callcenter.domain.agents import Agent, employee_of
from callcenter.domain.calls import Call
from callcenter.domain.facts import CallAnswered, CallEnded
from callcenter.domain.terms import AgentState, CallState, Device, Direction, EndReason, Role
from callcenter.engine import Core
from callcenter.engine.directory import CompanyRules, Directory, Group

FOLDER = Path(__file__).parent.parent / "ami" / "streams"
STREAMS = sorted([FOLDER / "calls.ami", *(FOLDER / "control").glob("*.ami"), *(FOLDER / "live").glob("*.ami")])
START = datetime(2026, 1, 5, 10, 0, tzinfo=UTC)
ROLES = {role.value for role in Role}
EXAMPLES = 60
"""For each of the streams; together they are some thousands of interleavings."""


@dataclass(frozen=True, slots=True)
class Choose:
    """An agent chooses a state in the middle of everything."""

    agent: int
    state: AgentState


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What is done to a stream: positions are taken modulo its length."""

    dropped: frozenset[int]
    doubled: frozenset[int]
    delayed: dict[int, int]
    choices: dict[int, Choose]


@cache
def recorded(path: Path) -> tuple[ev.AmiEvent, ...]:
    blocks = Framer().feed(path.read_bytes() + b"\r\n\r\n")
    return tuple(event for event in map(parse_event, blocks) if event is not None)


def channels_of(event: ev.AmiEvent) -> list[ev.Channel]:
    found = (getattr(event, name, None) for name in ("channel", "target", "source"))
    return [channel for channel in found if isinstance(channel, ev.Channel)]


def part_of(channel: ev.Channel) -> tuple[str, str] | None:
    """Call id and role by the account code, as the dialplan sets it."""
    call_id, _, role = channel.account.rpartition(".")
    return (call_id, role) if call_id and role in ROLES else None


class OneGroup(Directory):
    """Every number of ours leads to the same group."""

    def group_of_number(self, number: str) -> Group | None:
        return self.groups[1]


class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    """An engine without its outside: events go in, state can be looked at."""

    core: Core
    clock: Clock
    seen: dict[str, str] = field(default_factory=dict)
    """Channel -> call, for every channel that told its call before that call was over."""
    calls: dict[str, Call] = field(default_factory=dict)

    @classmethod
    def before(cls, events: Iterable[ev.AmiEvent]) -> World:
        """With the agents, groups and clicked calls that the stream is about."""
        clock = Clock()
        outside = {name: Mock() for name in ("database", "packages", "settlement", "crm", "push")}
        world = cls(Core(**outside, clock=clock), clock)
        core = world.core
        core.directory = OneGroup()
        core.directory.companies[1] = Mock(spec=CompanyRules, wrap_up_seconds=30, recording=True, unanswered_limit=0)
        core.directory.groups[1] = Mock(spec=Group, id=1, company_id=1)
        channels = [channel for event in events for channel in channels_of(event)]
        callers = {channel.uniqueid for channel in channels if channel.account == f"{channel.uniqueid}.customer"}
        for channel in channels:
            world._meet(channel, callers)
        return world

    def _meet(self, channel: ev.Channel, callers: set[str]) -> None:
        employee = employee_of(channel.name)
        agents = self.core.registry.agents
        if employee is not None and employee[0] not in agents:
            made = Agent(employee[0], 1, f"agent {employee[0]}", device=Device.SIP, state=AgentState.READY)
            agents[employee[0]] = made
        part = part_of(channel)
        if part is None or part[0] in self.calls or part[0] in callers:
            return  # who calls in makes the call
        call_id = part[0]
        clicked = employee is not None and channel.uniqueid == call_id
        owner = employee[0] if clicked and employee is not None else next(iter(agents), None)
        call = Call(call_id, 1, Direction.OUTBOUND, "+8613800000001", self.clock.now, employee_id=owner)
        call.state, call.state_since = CallState.DIALING_AGENT, self.clock.now
        self.calls[call_id] = self.core.registry.calls[call_id] = call

    def play(self, events: list[ev.AmiEvent | Choose]) -> None:
        for event in events:
            self.clock.now += timedelta(milliseconds=20)
            if isinstance(event, Choose):
                self._choose(event)
                continue
            for channel in channels_of(event):
                part = part_of(channel)
                far_half = channel.name.endswith(";2")  # of a Local channel: nobody's leg
                if part is not None and not far_half and part[0] in self.core.registry.calls:
                    self.seen[channel.uniqueid] = part[0]
            self.core.handle(event)
            self.calls |= self.core.registry.calls
            for call in [call for call in self.core.registry.calls.values() if call.over]:
                self.core.registry.forget(call)  # as the engine does after the commit

    def _choose(self, choice: Choose) -> None:
        agents = list(self.core.registry.agents.values())
        if not agents:
            return
        agent = agents[choice.agent % len(agents)]
        changed = agent_rules.choose(agent, choice.state, "", self.clock.now)
        self.core.agent_changed(agent, changed)

    def resync(self) -> None:
        """What the snapshot of an idle Asterisk does: calls that are not there are over."""
        for call in list(self.core.registry.calls.values()):
            self.core.take(call, call_rules.close(call, self.clock.now, EndReason.LOST))
            self.core.registry.forget(call)

    def require_sound(self) -> None:
        facts = [entry.fact for entry in self.core.outbox.noted.entries]
        for uniqueid, call_id in self.seen.items():
            assert uniqueid in self.calls[call_id].legs, f"the leg {uniqueid} belongs to nobody"
        for call in self.calls.values():
            mine = [fact for fact in facts if fact.call_id == call.id]
            assert call.over
            assert call.ended_at is not None
            assert call.disposition is not None
            assert sum(isinstance(fact, CallEnded) for fact in mine) == 1
            assert sum(isinstance(fact, CallAnswered) for fact in mine) == (call.answered_at is not None)
            for leg in call.legs.values():
                assert leg.over
                assert leg.ended_at is not None
                assert leg.answered_at is None or leg.answered_at <= leg.ended_at
        assert not self.core.registry.calls
        assert not self.core.registry.call_of_leg
        for agent in self.core.registry.agents.values():
            assert agent.call_id is None, f"agent {agent.employee_id} is busy with nothing"
            assert agent.state is not AgentState.BUSY


positions = st.integers(0, 400)
disturbances = st.builds(
    Disturbance,
    dropped=st.frozensets(positions, max_size=12),
    doubled=st.frozensets(positions, max_size=12),
    delayed=st.dictionaries(positions, st.integers(1, 25), max_size=12),
    choices=st.dictionaries(
        positions,
        st.builds(
            Choose,
            st.integers(0, 5),
            st.sampled_from([AgentState.READY, AgentState.NOT_READY, AgentState.LOGGED_OUT]),
        ),
        max_size=6,
    ),
)


def disturbed(events: tuple[ev.AmiEvent, ...], what: Disturbance) -> list[ev.AmiEvent | Choose]:
    """The stream with events gone, doubled and late, and with people's choices in between."""
    length = len(events)
    places: list[tuple[float, ev.AmiEvent | Choose]] = []
    dropped = {at % length for at in what.dropped}
    doubled = {at % length for at in what.doubled}
    delayed = {at % length: by for at, by in what.delayed.items()}
    for index, event in enumerate(events):
        if index in dropped:
            continue
        place = index + delayed.get(index, 0) + 0.5 * (index in delayed)
        places.append((place, event))
        if index in doubled:
            places.append((place + 0.25, event))
    places += [(at % length + 0.75, choice) for at, choice in what.choices.items()]
    places.sort(key=lambda one: one[0])
    return [event for _, event in places]


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_recorded_stream_as_it_was_ends_every_call_without_help(path: Path) -> None:
    events = recorded(path)
    world = World.before(events)
    world.play(list(events))
    assert not world.core.registry.calls
    world.require_sound()


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
@given(what=disturbances)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_events_that_are_late_doubled_or_lost_leave_nothing_behind(path: Path, what: Disturbance) -> None:
    events = recorded(path)
    world = World.before(events)
    world.play(disturbed(events, what))
    world.resync()
    world.require_sound()


@given(seed=st.randoms(use_true_random=False), names=st.lists(st.sampled_from(STREAMS), min_size=2, max_size=4))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_several_calls_at_once_do_not_mix(seed: object, names: list[Path]) -> None:
    """Different streams share agents: their calls run through each other in time."""
    shuffle: list[ev.AmiEvent] = []
    queues = [list(recorded(path)) for path in dict.fromkeys(names)]
    whole = [event for queue in queues for event in queue]
    while any(queues):
        queue = seed.choice([queue for queue in queues if queue])  # type: ignore[attr-defined]
        shuffle.append(queue.pop(0))
    world = World.before(whole)
    world.play(list(shuffle))
    world.resync()
    world.require_sound()
