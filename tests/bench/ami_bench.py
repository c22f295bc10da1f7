"""How fast AMI bytes become committed facts on people's screens, against bare panoramisk dispatching the same bytes.

Ours: framing and parsing, the calls' and agents' state, the journal and the rows in a real SQLite file, the push to
connected clients. The baseline parses the same bytes with panoramisk and calls a function that does nothing.

The bytes are a recorded stream of real calls, repeated under ever new call ids, channels, agents and callers. Both
sides take turns in one process; the median of the rounds counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import re
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

from panoramisk.manager import Manager
from panoramisk.message import Message
from sqlalchemy import func, select

from callcenter.ami.link import AmiConfig, AmiLink
from callcenter.ami.parse import DELIMITER
from callcenter.ami.wire import GuardedProtocol
from callcenter.app import open_database
from callcenter.demo.company import DemoCustomer, make_customer, make_group
from callcenter.domain import agents as agent_rules
from callcenter.domain.calls import Call
from callcenter.domain.events import AmiEvent, LinkState
from callcenter.domain.terms import AgentState, Direction, Scope
from callcenter.engine import Core, Engine
from callcenter.engine.bus import CallOver
from callcenter.engine.ports import Caller, Crm
from callcenter.engine.restoring import restore
from callcenter.features.people.accounts import make_company, make_department, make_employee
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settled, Settlement
from callcenter.settings import Settings
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.calls import call as call_table
from callcenter.store.tables.calls import journal
from callcenter.web.identity import Identity
from callcenter.web.live import Client, LiveHub
from crm_bridge.bridge import CrmBridge
from tests.bench.figures import Figure, Options, figure, median

STREAM = Path(__file__).parent.parent / "ami" / "streams" / "calls.ami"
SEGMENT = 1 << 16
ROUNDS = 5
AGENTS = 20
SUPERVISORS = 2
"""Clients that see everything; beside them every agent's own screen is connected."""
CUSTOMERS = 200
FINISH_SECONDS = 120.0

DID = "02160000001"
OUTBOUND = {"c-01": "13800000001", "c-21": "13800000021", "c-22": "13800000022", "c-20": "13800000020"}
OUTBOUND["c-30"] = "13800000030"
CALLS_PER_TURN = len(OUTBOUND) + 2

_NAMES = re.compile(
    rb"PJSIP/(?P<endpoint>agent-1|trunk-1)-(?P<channel>[0-9a-f]{8})|(?P<dialled>c-(?:none|\d\d))|"
    rb"pbx-(?P<second>\d{10})\.(?P<number>\d+)|(?P<caller>1390000000[12])|(?P<did>: 4008\b)|(?P<queue>\bq-1\b)"
)
_TURN_SECONDS = 16
"""The recording lasts less: uniqueids of two turns, which begin with the second, never meet."""


def agent_of(turn: int) -> int:
    """The employee whose phone takes part in that repetition; ids of a new database begin with 1."""
    return turn % AGENTS + 1


def call_id(turn: int, name: str) -> str:
    """An id as the engine makes one for a click: 31 hexadecimal digits."""
    return f"{0x19A0_0000_000 + turn:011x}{name.removeprefix('c-').rjust(20, '0')}"


def repetition(recorded: bytes, turn: int) -> bytes:
    """The recording as other calls: every id, channel, agent and caller is another one."""

    def rename(found: re.Match[bytes]) -> bytes:
        if endpoint := found["endpoint"]:
            name = b"trunk-1" if endpoint == b"trunk-1" else b"agent-%d" % agent_of(turn)
            return b"PJSIP/%s-%08x" % (name, turn * 16 + int(found["channel"], 16))
        if dialled := found["dialled"]:
            return call_id(turn, dialled.decode()).encode()
        if second := found["second"]:
            return b"pbx-%d.%d" % (int(second) + turn * _TURN_SECONDS, int(found["number"]) + turn * 16)
        if caller := found["caller"]:
            return b"139%07d%s" % (turn % 10_000_000, caller[-1:])
        return b": " + DID.encode() if found["did"] else b"q-1"

    return _NAMES.sub(rename, recorded)


@dataclass(frozen=True, slots=True)
class Workload:
    """Bytes in segments as a busy socket gives them, and what is in them."""

    segments: list[bytes]
    events: int
    turns: int


def workload(least: int) -> Workload:
    """At least so many events, all of different calls."""
    blocks = STREAM.read_bytes().split(DELIMITER)
    events = [block + DELIMITER for block in blocks if block.startswith(b"Event: ")]
    turns = -(-least // len(events))
    recorded = b"".join(events)
    data = b"".join(repetition(recorded, turn) for turn in range(turns))
    segments = [data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT)]
    return Workload(segments, len(events) * turns, turns)


@dataclass(slots=True)
class Screen:
    """A connected client: reads its queue as the socket's sender does and counts."""

    client: Client
    messages: int = 0
    size: int = 0
    snapshots: int = 0

    async def read(self, hub: LiveHub) -> None:
        client = self.client
        while True:
            await client.ready.wait()
            client.ready.clear()
            if client.behind:
                self.snapshots += 1
                hub.reset(client)
            while client.queue:
                self.messages += 1
                self.size += len(client.queue.popleft().decode())


class CardIndex:
    """The CRM's place taken by a dictionary, so that only the engine's own work is measured."""

    def __init__(self) -> None:
        self._known = {f"+86139{number:07d}1": Caller(number + 1, f"客户{number}") for number in range(CUSTOMERS)}

    async def who_is(self, company_id: int, number: str) -> Caller | None:
        return self._known.get(number)

    async def name_of(self, company_id: int, customer_id: int) -> Caller | None:
        return None

    async def owner_of(self, company_id: int, customer_id: int) -> int | None:
        return None

    async def pop(self, call: Call, employee_id: int) -> dict[str, Any]:
        return {"call_id": call.id, "number": call.number, "customer": call.customer_name}

    async def call_ended(self, call: Call) -> None:
        pass


@dataclass(slots=True)
class Pipeline:
    """The product from the bytes to the screens, without Asterisk and HTTP around it."""

    database: Database
    core: Core
    hub: LiveHub
    company_id: int
    screens: list[Screen] = field(default_factory=list)

    @classmethod
    async def open(cls, folder: Path, with_crm: bool) -> Pipeline:
        settings = Settings(data_dir=folder)
        database = await open_database(settings)
        company_id = await _people(database)
        hub = LiveHub()
        crm: Crm = CrmBridge(database, Caller, settings.default_region) if with_crm else CardIndex()
        packages, settlement = Packages(database), Settlement(database)
        core = Core(database=database, packages=packages, settlement=settlement, crm=crm, push=hub, clock=utcnow)
        engine = Engine(core, CelFile(folder / "none.db", "none"))
        hub.snapshot = engine.snapshot_of
        await restore(core)
        # Of the engine's rooms those that events pass through: Asterisk's records have no part in this stream.
        for kind in (CallOver, Settled):
            core.bus._told.pop(kind)
        for agent in core.registry.agents.values():
            core.agent_changed(agent, agent_rules.choose(agent, AgentState.READY, "", core.now()))
        await core.flush()
        made = cls(database, core, hub, company_id)
        made.connect()
        return made

    def connect(self) -> None:
        for number in range(1, AGENTS + SUPERVISORS + 1):
            agent = number <= AGENTS
            rights = frozenset[str]() if agent else frozenset({"live.view"})
            scope, visible = (Scope.SELF, frozenset({number})) if agent else (Scope.COMPANY, None)
            me = Identity(number, self.company_id, "", "", "", "", "", rights, scope, None, visible)
            screen = Screen(Client(me))
            self.hub.join(screen.client, None)
            self.screens.append(screen)

    def expect(self, turns: int) -> None:
        """The calls that agents have clicked: the engine knows them before Asterisk tells of them."""
        now = datetime.now(UTC)
        for turn in range(turns):
            for name, number in OUTBOUND.items():
                one = call_id(turn, name)
                self.core.registry.calls[one] = Call(
                    id=one,
                    company_id=self.company_id,
                    direction=Direction.OUTBOUND,
                    number=f"+86{number}",
                    started_at=now,
                    state_since=now,
                    employee_id=agent_of(turn),
                    company_number="02160000000",
                    recorded=True,
                )

    async def work(self, load: Workload) -> float:
        """Seconds from the first byte until the last call is over, committed and told."""
        link = AmiLink(AmiConfig("127.0.0.1", 1, "", ""), self.core.deliver)
        link._state = LinkState.LIVE  # as after a login: events are delivered, not held
        protocol = GuardedProtocol(link, link.stats)
        protocol.connection_made(Mock(spec=asyncio.Transport))
        tasks = [asyncio.create_task(screen.read(self.hub)) for screen in self.screens]
        tasks.append(asyncio.create_task(self.core.run()))
        calls = self.core.registry.calls
        began = time.perf_counter()
        for segment in load.segments:
            protocol.data_received(segment)
            await asyncio.sleep(0)
        while (self.core._inbox or calls) and time.perf_counter() - began < FINISH_SECONDS:
            await asyncio.sleep(0.001)
        took = time.perf_counter() - began
        await self.core.flush()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return took

    async def done(self) -> tuple[int, int]:
        """Calls that are in the database with their end, and facts in the journal."""
        ended = select(func.count()).where(
            call_table.c.company_id == self.company_id, call_table.c.ended_at.is_not(None)
        )
        facts = select(func.count()).where(journal.c.company_id == self.company_id)
        async with self.database.read() as connection:
            return (await connection.execute(ended)).scalar_one(), (await connection.execute(facts)).scalar_one()


async def _people(database: Database) -> int:
    company_id = await make_company(database, "测试公司")
    sales = await make_department(database, company_id, "销售部")
    agents = []
    for number in range(AGENTS):
        made = await make_employee(
            database,
            company_id,
            login=f"agent{number}",
            name=f"坐席{number}",
            role_code="agent",
            department_id=sales,
            password="a-long-bench-password",
            device="sip",
        )
        agents.append(made.employee_id)
    await make_group(database, company_id, "售前", agents, [DID])
    async with database.write() as connection:
        for number in range(CUSTOMERS):
            who = DemoCustomer("personal", f"客户{number}", (f"139{number:07d}1",), ("老客户",))
            await make_customer(connection, company_id, agents[number % AGENTS], who, utcnow())
    return company_id


@contextlib.contextmanager
def settled_memory() -> Iterator[None]:
    """For both sides alike what the engine does when it starts: what is loaded is not searched for garbage again."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True, slots=True)
class Round:
    seconds: float
    calls: int
    facts: int
    messages: int
    snapshots: int


async def _ours(load: Workload, folder: Path, with_crm: bool) -> Round:
    pipeline = await Pipeline.open(folder, with_crm)
    try:
        with settled_memory():
            pipeline.expect(load.turns)
            seconds = await pipeline.work(load)
        calls, facts = await pipeline.done()
    finally:
        await pipeline.database.close()
    if calls != load.turns * CALLS_PER_TURN:
        raise RuntimeError(f"of {load.turns * CALLS_PER_TURN} calls only {calls} have reached the database")
    screens = pipeline.screens
    return Round(seconds, calls, facts, sum(one.messages for one in screens), sum(one.snapshots for one in screens))


def ours(load: Workload, with_crm: bool = False) -> Round:
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as folder:
        return asyncio.run(_ours(load, Path(folder), with_crm))


async def _parsed_only(load: Workload) -> float:
    def nothing(event: AmiEvent) -> None:
        pass

    link = AmiLink(AmiConfig("127.0.0.1", 1, "", ""), nothing)
    link._state = LinkState.LIVE
    protocol = GuardedProtocol(link, link.stats)
    protocol.connection_made(Mock(spec=asyncio.Transport))
    return _feed(protocol, load)


async def _bare(load: Workload) -> float:
    def callback(manager: Manager, message: Message) -> None:
        pass

    manager = Manager(loop=asyncio.get_running_loop())
    manager.register_event("*", callback)
    protocol = manager.config["protocol_factory"]()
    protocol.connection_made(Mock(spec=asyncio.Transport))
    # What Manager.connection_made would set, without a server.
    protocol.factory, protocol.encoding = manager, "utf8"
    return _feed(protocol, load)


def _feed(protocol: asyncio.Protocol, load: Workload) -> float:
    with settled_memory():
        began = time.perf_counter()
        for segment in load.segments:
            protocol.data_received(segment)
        return time.perf_counter() - began


def bare(load: Workload) -> float:
    return asyncio.run(_bare(load))


def parsed_only(load: Workload) -> float:
    return asyncio.run(_parsed_only(load))


def run(options: Options | None = None) -> Figure:
    wanted = options or Options()
    load = workload(wanted.events)
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # panoramisk formats nothing then: the baseline at its best
    whole: list[Round] = []
    alone: list[float] = []
    parsed: list[float] = []
    try:
        for _ in range(ROUNDS):
            whole.append(ours(load))
            alone.append(bare(load))
            parsed.append(parsed_only(load))
        little = workload(wanted.events // 10)
        with_crm = ours(little, with_crm=True)
    finally:
        logging.disable(level)
    last = whole[-1]
    rates = sorted(round(load.events / one.seconds) for one in whole)
    note = (
        f"median of {ROUNDS} alternating rounds ({rates[0]} to {rates[-1]} events/s); each {load.events} events, "
        f"{last.calls} calls ended in the database, {last.facts} facts in the journal, {last.messages} messages "
        f"({last.snapshots} of them snapshots for one that fell behind) to {AGENTS + SUPERVISORS} clients; "
        f"our parsing alone {load.events / median(parsed):.0f}; customers come from a dictionary, and with the "
        f"CRM's own look-ups, pops and contact dates in the same database it is "
        f"{little.events / with_crm.seconds:.0f} events/s"
    )
    return figure(
        "ami",
        load.events / median([one.seconds for one in whole]),
        load.events / median(alone),
        "events/s",
        ">=0.5, then >=1.0",
        note,
    )
