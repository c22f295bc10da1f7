"""Somebody sets the wall clock: what the engine remembers moves along, and the step is kept exactly once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from callcenter.demo.company import make_group
from callcenter.domain import agents as agent_rules
from callcenter.domain import events as ev
from callcenter.domain.clock import Step
from callcenter.domain.terms import AgentState
from callcenter.engine import Core
from callcenter.engine.agents.registrations import _later
from callcenter.engine.clock import SteppingClock
from callcenter.engine.watch import ClockWatch
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import clock_steps
from callcenter.ledger.clock_steps import Seen
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settlement
from callcenter.store.database import Database
from callcenter.store.tables.clock import clock_step
from tests.engine.test_core import Board, Nobody

HOUR = timedelta(hours=1)
NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


class Machine:
    """A machine whose clock somebody sets."""

    def __init__(self) -> None:
        self.uptime = 1000.0
        self.set_by = 0.0

    def clock(self, boot: str = "boot") -> SteppingClock:
        return SteppingClock("pbx", wall=self.wall, steady=lambda: self.uptime, boot=boot)

    def wall(self) -> float:
        return NOW.timestamp() - 1000.0 + self.uptime + self.set_by


@pytest.fixture
def machine() -> Machine:
    return Machine()


async def opened(database: Database, clock: SteppingClock) -> Core:
    core = Core(
        database=database,
        packages=Packages(database),
        settlement=Settlement(database),
        crm=Nobody(),
        push=Board(),
        clock=clock,
    )
    await ClockWatch(core).load()
    return core


@pytest.fixture
async def agent_id(database: Database) -> int:
    company_id = await make_company(database, "甲")
    agent = await make_employee(database, company_id, login="a", name="甲", role_code="agent", password="12345678")
    await make_group(database, company_id, "组", [agent.employee_id], ["02160000001"])
    return agent.employee_id


def inbound(uid: str) -> ev.Channel:
    return ev.Channel(uid, name=f"PJSIP/trunk-1-{uid}", account=f"{uid}.customer", exten="02160000001")


async def steps(database: Database) -> list[float]:
    async with database.read() as connection:
        query = select(clock_step.c.seconds).order_by(clock_step.c.id)
        return [round(one) for one in (await connection.execute(query)).scalars()]


def test_the_clock_tells_of_a_step_and_not_of_time_that_passes(machine: Machine) -> None:
    clock, told = machine.clock(), []
    clock.on_step = lambda step, seen: told.append((step, seen))
    machine.uptime += 5000  # asleep for long
    assert clock() == NOW + timedelta(seconds=5000)
    assert (told, clock.calm) == ([], True)
    machine.uptime += 1
    machine.set_by = 3600
    assert clock() == NOW + timedelta(seconds=8601)
    assert [(step.seconds, step.latest_before) for step, _ in told] == [(3600, NOW + timedelta(seconds=5001))]
    assert not clock.calm
    machine.uptime += 601
    assert clock.calm


def test_small_steps_add_up(machine: Machine) -> None:
    clock, told = machine.clock(), []
    clock.on_step = lambda step, seen: told.append(step.seconds)
    for _ in range(3):
        machine.set_by += 1.5
        clock()
    assert told == [3.0]


async def test_a_talk_begins_when_asterisk_says_not_when_a_busy_engine_reads_of_it(
    database: Database, agent_id: int, machine: Machine
) -> None:
    core = await opened(database, machine.clock())

    def answered(uid: str, late: float) -> datetime:
        channel = replace(inbound(uid), told_at=machine.wall() - late)
        core.handle(ev.AccountChanged(channel))
        core.handle(ev.ChannelStateChanged(replace(channel, up=True)))
        moment = core.registry.calls[uid].legs[uid].answered_at
        assert moment is not None
        return moment

    now = core.now()
    assert answered("c1", 3) == now - timedelta(seconds=3)
    # What lies ahead or far back is of a clock that was set.
    assert answered("c2", -1) == answered("c3", 3600) == now
    machine.set_by = 5
    now = core.now()
    assert answered("c4", 3) == now, "before or after the step: nobody can tell"
    machine.uptime += 61
    assert answered("c5", 3) == core.now() - timedelta(seconds=3)


async def test_running_calls_and_agents_move_along_with_the_clock(
    database: Database, agent_id: int, machine: Machine
) -> None:
    core = await opened(database, machine.clock())
    core.handle(ev.AccountChanged(inbound("c1")))
    agent = core.registry.agents[agent_id]
    agent_rules.choose(agent, AgentState.READY, "", core.now())
    agent_rules.begin_call(agent, "c0", core.now())
    agent_rules.end_call(agent, "c0", core.now(), timedelta(seconds=30))
    await core.flush()
    machine.uptime += 1
    machine.set_by = 3600
    now = core.now()
    assert core.registry.calls["c1"].started_at == now - timedelta(seconds=1)
    assert agent.since == now - timedelta(seconds=1)
    assert not agent_rules.wrap_up_due(agent, now)
    await core.flush()
    machine.uptime += 10
    machine.set_by = -3600
    now = core.now()
    assert core.registry.calls["c1"].started_at == now - timedelta(seconds=11)
    machine.uptime += 30
    assert agent_rules.wrap_up_due(agent, core.now())
    await core.flush()
    assert await steps(database) == [3600, -7200]


async def test_a_step_while_no_engine_ran_is_found_by_the_next_one(
    database: Database, agent_id: int, machine: Machine
) -> None:
    first = await opened(database, machine.clock())
    first.handle(ev.AccountChanged(inbound("c1")))
    await first.flush()
    machine.uptime += 60
    machine.set_by = -3600
    second = await opened(database, machine.clock())
    assert second.registry.calls["c1"].started_at == second.now() - timedelta(seconds=60)
    assert await steps(database) == [-3600]
    third = await opened(database, machine.clock())
    assert third.registry.calls["c1"].started_at == third.now() - timedelta(seconds=60)
    assert await steps(database) == [-3600]


async def test_a_machine_that_was_started_anew_has_no_step(database: Database, agent_id: int, machine: Machine) -> None:
    await opened(database, machine.clock())
    machine.uptime = 5
    await opened(database, machine.clock(boot="another"))
    assert await steps(database) == []


async def test_two_engines_of_one_machine_keep_a_step_once(database: Database, agent_id: int, machine: Machine) -> None:
    one, other = await opened(database, machine.clock()), await opened(database, machine.clock())
    machine.uptime += 1
    machine.set_by = 3600
    for core in (one, other):
        core.now()
        await core.flush()
    assert await steps(database) == [3600]


async def test_only_steps_that_may_matter_are_loaded(database: Database) -> None:
    """A step back hides the ones after it behind earlier stamps; their order is what counts."""
    ahead = 0.0
    made = [Step(NOW, NOW - HOUR, -3600), Step(NOW - HOUR + timedelta(seconds=9), NOW - HOUR / 2, 1791)]
    async with database.write() as connection:
        for step in made:
            ahead += step.seconds
            assert await clock_steps.note(connection, step, Seen("pbx", "boot", ahead, step.at_after))
        assert not await clock_steps.note(connection, made[-1], Seen("pbx", "boot", ahead, made[-1].at_after))
    async with database.read() as connection:
        assert await clock_steps.load(connection, "pbx", NOW - timedelta(seconds=5)) == made
        assert await clock_steps.load(connection, "pbx", NOW + timedelta(seconds=5)) == []
        assert await clock_steps.load(connection, "pbx", None) == ()
        assert await clock_steps.load(connection, "another", NOW - HOUR) == []


def test_a_registration_is_good_for_longer_and_anything_else_is_left_alone() -> None:
    assert _later('{"uri":"sip:a","expiration_time":"100"}', 3600) == '{"uri":"sip:a","expiration_time":"3700"}'
    assert _later("sip:a", 3600) == _later("{}", 3600) == _later("[1]", 3600) == ""
