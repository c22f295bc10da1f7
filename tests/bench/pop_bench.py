"""How long after the INVITE from the trunk the agent's screen knows who calls, in a company with a million customers.

The callers are customers drawn at random; a pop that does not name the right one fails the bench. The agent's phone
rings and the caller gives up, so that the next one can call.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from sqlalchemy import func, select

from callcenter.demo.client import Live
from callcenter.store.base import utcnow
from callcenter.store.tables.people import employee
from crm_bridge.customers.tables import customer, customer_number, name_key
from tests.bench.figures import Figure, Options, figure, percentile, spread
from tests.bench.rig import desk, installation, no_call, settle_down
from tests.bench.sip import RINGING, Network
from tests.live.installation import INBOUND, Installation

GOAL_MS = 50.0
WARM_UP = 10
PAUSE = 0.15
PREFIXES = ("130", "135", "138", "139", "150", "158", "186", "188")
FAMILY, GIVEN = "王李张刘陈杨黄赵周吴徐孙马朱胡林郭何高罗", "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉"


def number_of(index: int) -> str:
    """The mobile number of the customer number `index`: all different, and spread over the index as real ones are."""
    scattered = index * 7_654_321 % 100_000_000
    return f"{PREFIXES[index % len(PREFIXES)]}{scattered:08d}"


async def fill(made: Installation, count: int) -> int:
    """Puts `count` customers with one mobile number each into the company; the first one's id.

    Rows go in without the indexes, which are made anew at the end: minutes less, and the same in the end.
    """
    path = str(made.settings.data_dir / "callcenter.db")
    async with made.database.read() as connection:
        highest = select(func.max(customer.c.id)).where(customer.c.company_id == made.company_id)
        first = int((await connection.execute(highest)).scalar() or 0) + 1
        people = select(func.min(employee.c.id)).where(employee.c.company_id == made.company_id)
        owner = int((await connection.execute(people)).scalar_one())
    await asyncio.to_thread(_insert, path, made.company_id, first, count, owner)
    return first


def _insert(path: str, company_id: int, first: int, count: int, owner: int) -> None:
    now = utcnow().strftime("%Y-%m-%d %H:%M:%S.%f")
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as database:
        names = ", ".join(f"'{table.name}'" for table in (customer, customer_number))
        found = database.execute(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL AND tbl_name IN ({names})"
        ).fetchall()
        for name, _ in found:
            database.execute(f'DROP INDEX "{name}"')
        people = (_person(index) for index in range(count))
        database.executemany(
            "INSERT INTO customer (id, company_id, kind, name, name_key, owner_id, created_at, updated_at)"
            " VALUES (?, ?, 'personal', ?, ?, ?, ?, ?)",
            ((first + index, company_id, name, name_key(name), owner, now, now) for index, name in enumerate(people)),
        )
        database.executemany(
            "INSERT INTO customer_number (company_id, customer_id, number, label, is_primary)"
            " VALUES (?, ?, ?, 'mobile', 1)",
            ((company_id, first + index, f"+86{number_of(index)}") for index in range(count)),
        )
        for _, statement in found:
            database.execute(statement)
        database.commit()
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _person(index: int) -> str:
    return FAMILY[index % 20] + GIVEN[index // 20 % 25] + GIVEN[index // 500 % 25]


@dataclass(slots=True)
class Tap:
    """Another manager connection that notes when Asterisk tells of a queue's call to an agent, and of its ringing."""

    called: asyncio.Queue[float] = field(default_factory=asyncio.Queue)
    ringing: asyncio.Queue[float] = field(default_factory=asyncio.Queue)

    async def read(self, reader: asyncio.StreamReader) -> None:
        while True:
            block = await reader.readuntil(b"\r\n\r\n")
            now = time.monotonic()
            if block.startswith(b"Event: AgentCalled"):
                self.called.put_nowait(now)
            elif block.startswith(b"Event: Newstate") and b"\r\nChannelStateDesc: Ringing\r\n" in block:
                self.ringing.put_nowait(now)


@contextlib.asynccontextmanager
async def tapped(port: int, secret: str) -> AsyncIterator[Tap]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"Action: Login\r\nUsername: engine\r\nSecret: {secret}\r\nEvents: on\r\n\r\n".encode())
    tap = Tap()
    task = asyncio.create_task(tap.read(reader))
    try:
        yield tap
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        writer.close()


@dataclass(slots=True)
class Times:
    """Seconds after the INVITE left."""

    pop: list[float] = field(default_factory=list)
    called: list[float] = field(default_factory=list)
    ringing: list[float] = field(default_factory=list)


async def _one(network: Network, tap: Tap, live: Live, caller: str, customer_id: int) -> tuple[float, float, float]:
    began, call = network.call(INBOUND, caller)
    try:
        pop = (await live.wait(lambda one: one.events("pop"), 15, "the pop"))[0]
        shown = pop.message["data"]["customer"]
        if shown is None or shown["id"] != customer_id:
            raise RuntimeError(f"{caller} is customer {customer_id}, but the pop shows {shown}")
        async with asyncio.timeout(5):
            return pop.at - began, await tap.called.get() - began, await tap.ringing.get() - began
    finally:
        await network.give_up(call)


async def _measure(count: int, customers: int) -> tuple[Times, float]:
    first, filled = 0, 0.0

    async def prepare(made: Installation) -> None:
        nonlocal first, filled
        began = time.monotonic()
        first = await fill(made, customers)
        filled = time.monotonic() - began

    chosen = random.Random(20_260_105).sample(range(customers), min(customers, WARM_UP + count))
    times = Times()
    async with installation(1, prepare) as made, desk(made, 0, RINGING) as (client, live, phone):
        network = Network(made.settings.sip_port, made.stack.pbx.secrets["trunk_secret"])
        await network.open()
        try:
            async with tapped(made.settings.ami_port, made.stack.pbx.secrets["ami_secret"]) as tap:
                await client.put("/api/me/state", {"state": "ready"})
                await settle_down(1.0)
                for turn, index in enumerate(chosen):
                    pop, called, ringing = await _one(network, tap, live, number_of(index), first + index)
                    await phone.quiet.wait()
                    await no_call(live)
                    await settle_down(PAUSE)
                    if turn >= WARM_UP:
                        times.pop.append(pop)
                        times.called.append(called)
                        times.ringing.append(ringing)
        finally:
            network.close()
    return times, filled


def run(options: Options | None = None) -> Figure:
    wanted = options or Options()
    times, filled = asyncio.run(_measure(wanted.pops, wanted.customers))
    after = [pop - ringing for pop, ringing in zip(times.pop, times.ringing, strict=True)]
    note = (
        f"p99 of {len(times.pop)} calls among {wanted.customers} customers (put in within {filled:.0f} s), the "
        f"baseline is the goal; INVITE to pop {spread(times.pop)}; of that Asterisk until AgentCalled "
        f"{spread(times.called)}, until it tells that the phone rings {spread(times.ringing)}; ours after that "
        f"{spread(after)}"
    )
    return figure("pop", percentile(times.pop, 0.99) * 1000, GOAL_MS, "ms", f"<={GOAL_MS:.0f} ms", note)
