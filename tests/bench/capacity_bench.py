"""How many calls a second the product carries, against the same Asterisk with the same dialplan and nobody attached.

The mix: calls out by click, calls in through a queue; of the calls out some are held and resumed, some are passed on.
SIPp plays the phone network, the agents' phones and the callers, without audio. With the product attached the calls
are clicked and moved over its HTTP interface, metered, settled and pushed; without it a script sends the same AMI
actions. A call counts when its customer was bridged according to Asterisk's own records; a rate is carried when at
least 99.9 % of the calls and of the moves succeed.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from callcenter.ami import actions
from callcenter.app import open_database
from callcenter.demo.client import Client
from callcenter.demo.free_ports import sandbox
from callcenter.ledger.packages import Packages
from callcenter.pbx import control as recipe
from callcenter.pbx.actions import Action, dial_out_action
from callcenter.pbx.ami_once import AmiConnection
from callcenter.pbx.stack import TelephonyStack
from callcenter.store.tables.people import employee
from tests.bench.figures import Figure, Options, figure
from tests.bench.traffic import Registrar, Sipp, free_port
from tests.live.installation import DISPLAY, INBOUND, Installation, Switch

CALLERS, TAKERS = 240, 160
"""Agents who click, and agents who take calls from the queue."""
TALK_MS = 2500
REST = 1.0
"""Seconds from the end of a call to the agent's next one."""
SECONDS = 10.0
FIRST_RATE, STEP, PRECISION = 8.0, 1.5, 1.08
INBOUND_SHARE = 0.4
HOLD_EVERY, TRANSFER_EVERY = 4, 5
MOVED_ON = 1 / TRANSFER_EVERY - 1 / (TRANSFER_EVERY * HOLD_EVERY)
SUCCESS = 0.999
LATE = 1.0
CUSTOMER, THIRD = "13800000001", "13800000002"


@dataclass(slots=True)
class Probe:
    """One rate tried for some seconds."""

    rate: float
    calls: int = 0
    moves: int = 0
    failed_moves: int = 0
    errors: dict[str, int] = field(default_factory=dict)
    bridged: int = 0
    late: float = 0.0
    """Seconds by which the last click came after its time."""

    @property
    def carried(self) -> bool:
        return (
            self.late < LATE
            and self.bridged >= SUCCESS * self.calls
            and self.failed_moves <= (1 - SUCCESS) * self.moves
        )

    def note(self, error: BaseException) -> None:
        name = str(error)[:60] or type(error).__name__
        self.errors[name] = self.errors.get(name, 0) + 1


class Caller(Protocol):
    """An agent who clicks; `dial` answers with what the moves need."""

    async def dial(self, number: str) -> str: ...

    async def hold(self, call: str) -> None: ...

    async def resume(self, call: str) -> None: ...

    async def transfer(self, call: str) -> None: ...


class Clicker:
    """Through the product."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def dial(self, number: str) -> str:
        return await self._client.dial(number)

    async def hold(self, call: str) -> None:
        await self._client.post(f"/api/calls/{call}/move", {"move": "hold"})

    async def resume(self, call: str) -> None:
        await self._client.post(f"/api/calls/{call}/move", {"move": "resume"})

    async def transfer(self, call: str) -> None:
        await self._client.post(f"/api/calls/{call}/transfer", {"number": THIRD})


class Script:
    """By AMI actions alone."""

    def __init__(self, ami: AmiConnection, phone: str) -> None:
        self._ami, self._phone = ami, phone

    async def dial(self, number: str) -> str:
        call_id = f"{time.time_ns():x}"
        action = dial_out_action(
            call_id=call_id,
            agent_channel=f"PJSIP/{self._phone}",
            number=number,
            display_number=DISPLAY,
            ring_seconds=45,
            limit_seconds=300,
        )
        await self._send(action)
        return call_id

    async def hold(self, call: str) -> None:
        agent, customer = await self._legs(call)
        await self._all(recipe.hold(customer, agent))

    async def resume(self, call: str) -> None:
        agent, customer = await self._legs(call)
        await self._all(recipe.resume(customer, agent))

    async def transfer(self, call: str) -> None:
        agent, customer = await self._legs(call)
        await self._all(recipe.blind_transfer(customer, agent, THIRD, display_number=DISPLAY, limit_seconds=300))

    async def _legs(self, call: str) -> tuple[str, str]:
        found = []
        for name in ("CHANNEL(name)", "DIALEDPEERNAME"):
            answer = await self._ami.action({"Action": "Getvar", "Channel": call, "Variable": name})
            found.append(answer.get("Value", ""))
        return found[0], found[1]

    async def _all(self, wanted: recipe.Actions) -> None:
        for action in wanted:
            await self._send(action)

    async def _send(self, action: Action) -> None:
        answer = await self._ami.action(action)
        if answer.get("Response") != "Success":
            raise RuntimeError(answer.get("Message", "refused"))


@dataclass(slots=True)
class Rig:
    made: Installation
    sipp: Sipp
    people: list[tuple[int, str]]
    """Employee id and login, callers first."""

    @property
    def pbx_port(self) -> int:
        return self.made.settings.sip_port

    def bridged_since(self, row: int) -> int:
        """Customers who talked with somebody, by Asterisk's records after that row."""
        path = self.made.stack.pbx.cel_database
        query = (
            "SELECT COUNT(DISTINCT uniqueid) FROM cel WHERE AcctId > ? AND eventtype = 'BRIDGE_ENTER' "
            "AND accountcode LIKE '%.customer'"
        )
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as records:
            return int(records.execute(query, (row,)).fetchone()[0])

    def last_row(self) -> int:
        path = self.made.stack.pbx.cel_database
        with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as records:
            return int(records.execute("SELECT COALESCE(MAX(AcctId), 0) FROM cel").fetchone()[0])

    async def quiet(self) -> None:
        """Waits until the PBX has no channel left."""
        deadline = time.monotonic() + 60
        while "0 active channels" not in await self.made.stack.pbx.cli("core show channels count"):
            if time.monotonic() > deadline:
                raise TimeoutError("calls of a probe did not end")
            await asyncio.sleep(0.3)


@contextlib.asynccontextmanager
async def _rig() -> AsyncIterator[Rig]:
    """A PBX whose trunk leads to SIPp and whose agents' phones are SIPp's as well."""
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as name:
        folder = Path(name)
        network, phones = free_port(), free_port()
        settings = sandbox(folder, log_level="WARNING", trunk_host=f"127.0.0.1:{network}", rtp_count=2400)
        stack = TelephonyStack(settings, keep_running=True)
        database = await open_database(settings)
        made = Installation(folder, settings, stack, database, Packages(database), Switch(0, settings.ami_port))
        sipp = Sipp(stack.install, folder)
        try:
            await made.seed(CALLERS + TAKERS)
            async with sipp.answering(network, TALK_MS):
                await stack.start()
                await made.start_engine()  # writes the phones and queues
                people = await _register(made, phones)
                async with sipp.answering(phones):
                    yield Rig(made, sipp, people)
        finally:
            await _end(made)


async def _end(made: Installation) -> None:
    for client in made.clients:
        await client.__aexit__()
    await made.stop_engine()
    await made.database.close()
    await made.stack.pbx.stop()


async def _register(made: Installation, phones: int) -> list[tuple[int, str]]:
    registrar = Registrar(made.settings.sip_port, phones)
    await registrar.open()
    query = (
        select(employee.c.id, employee.c.login, employee.c.sip_secret)
        .where(employee.c.company_id == made.company_id, employee.c.login.startswith("agent"))
        .order_by(employee.c.id)
    )
    async with made.database.read() as connection:
        rows = (await connection.execute(query)).all()
    for row in rows:
        await registrar.register(f"agent-{row.id}", row.sip_secret)
    registrar.close()
    return [(row.id, row.login) for row in rows]


# -- probing -------------------------------------------------------------------------------------------------------


async def _probe(rig: Rig, callers: list[Caller], rate: float) -> Probe:
    probe = Probe(rate)
    before = rig.last_row()
    inbound = round(rate * INBOUND_SHARE * SECONDS)
    outbound = round(rate * (1 - INBOUND_SHARE) * SECONDS)
    await asyncio.gather(
        rig.sipp.call_in(rig.pbx_port, INBOUND, rate=max(0.1, rate * INBOUND_SHARE), count=inbound, talk_ms=TALK_MS),
        _click(probe, callers, outbound),
    )
    await rig.quiet()
    probe.calls = inbound + outbound
    await asyncio.sleep(1.0)  # the last records
    probe.bridged = rig.bridged_since(before)
    return probe


async def _click(probe: Probe, callers: list[Caller], count: int) -> None:
    """Clicks at an even rate, whether or not the ones before have ended; agents take turns."""
    free: asyncio.Queue[Caller] = asyncio.Queue()
    for one in callers:
        free.put_nowait(one)
    began = time.monotonic()
    running = []
    for index in range(count):
        due = began + index * SECONDS / count
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        caller = await free.get()
        probe.late = max(0.0, time.monotonic() - due)
        running.append(asyncio.create_task(_one(probe, caller, free, index)))
    await asyncio.gather(*running)


async def _one(probe: Probe, caller: Caller, free: asyncio.Queue[Caller], index: int) -> None:
    began = time.monotonic()
    try:
        call = await caller.dial(CUSTOMER)
    except Exception as error:
        probe.note(error)
    else:
        await asyncio.sleep(1.0)
        if index % HOLD_EVERY == 0:
            await _move(probe, caller.hold(call))
            await asyncio.sleep(0.6)
            await _move(probe, caller.resume(call))
        elif index % TRANSFER_EVERY == 0:
            await _move(probe, caller.transfer(call))
    # The network hangs up after its time; the agent is free a moment later.
    await asyncio.sleep(max(0.0, began + TALK_MS / 1000 + REST - time.monotonic()))
    free.put_nowait(caller)


async def _move(probe: Probe, move: Awaitable[None]) -> None:
    probe.moves += 1
    try:
        await move
    except Exception as error:
        probe.failed_moves += 1
        probe.note(error)


async def _highest(rig: Rig, callers: list[Caller], say: Callable[[Probe], None]) -> float:
    """The highest rate carried, to within the precision; a rate that failed is tried a second time."""

    async def carried(rate: float) -> bool:
        for _ in range(2):
            probe = await _probe(rig, callers, rate)
            say(probe)
            if probe.carried:
                return True
        return False

    low, high = 0.0, FIRST_RATE
    while await carried(high):
        low, high = high, high * STEP
    while low and high / low > PRECISION:
        middle = (low * high) ** 0.5
        if await carried(middle):
            low = middle
        else:
            high = middle
    return low


# -- the two sides -------------------------------------------------------------------------------------------------


async def _with_product(rig: Rig, say: Callable[[Probe], None]) -> float:
    made = rig.made
    callers: list[Caller] = []
    for index, (_, login) in enumerate(rig.people):
        client = await made.client(login)
        await client.put("/api/me/device", {"device": "sip"})
        if index < CALLERS:
            await client.put("/api/me/state", {"state": "not_ready", "reason": "break"})
            callers.append(Clicker(client))
        else:
            await client.put("/api/me/state", {"state": "ready"})
    await (await made.client("supervisor")).live()
    return await _highest(rig, callers, say)


async def _bare(rig: Rig, say: Callable[[Probe], None]) -> float:
    """The product is not running; the queue's members are those that it would have."""
    made = rig.made
    async with AmiConnection(made.settings.ami_port, made.stack.pbx.secrets["ami_secret"]) as ami:
        for employee_id, _ in rig.people[CALLERS:]:
            await ami.action(actions.queue_add(f"q-{made.group_id}", f"PJSIP/agent-{employee_id}", str(employee_id)))
        callers: list[Caller] = [Script(ami, f"agent-{employee_id}") for employee_id, _ in rig.people[:CALLERS]]
        return await _highest(rig, callers, say)


async def _measure(say: Callable[[Probe], None]) -> tuple[float, float]:
    async with _rig() as rig:
        ours = await _with_product(rig, say)
        for client in rig.made.clients:
            await client.__aexit__()
        rig.made.clients.clear()
        await rig.made.stop_engine()
        bare = await _bare(rig, say)
    return ours, bare


def run(options: Options | None = None) -> Figure:
    probes: list[Probe] = []
    ours, bare = asyncio.run(_measure(probes.append))
    if not ours or not bare:
        raise RuntimeError(f"not even {FIRST_RATE:g} calls/s were carried: {probes[-1]}")
    note = (
        f"{INBOUND_SHARE:.0%} in through a queue, the rest out by click, of those {1 / HOLD_EVERY:.0%} held and "
        f"resumed and {MOVED_ON:.0%} passed on; {TALK_MS / 1000:g} s of talk, {SECONDS:g} s for each rate, no audio; "
        f"{len(probes)} probes; SIPp and the script share the machine"
    )
    return figure("capacity", ours, bare, "calls/s", ">=0.9", note)
