"""A whole installation for tests: real PBX and simulated network, the product in a process of its own that may be
killed, and a switch in the AMI link."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import select, update

from callcenter.app import open_database
from callcenter.demo.client import Client, Live
from callcenter.demo.company import daytime_zone, make_customer, make_group
from callcenter.demo.free_ports import sandbox
from callcenter.demo.people import CUSTOMERS
from callcenter.domain.terms import Mode
from callcenter.features.numbers.seats import make_seat
from callcenter.features.people.accounts import make_company, make_department, make_employee
from callcenter.ledger.packages import Packages
from callcenter.pbx.carrier import Carrier
from callcenter.pbx.stack import TelephonyStack
from callcenter.settings import PROJECT_ROOT, Settings
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.inbound import agent_group
from callcenter.store.tables.packages import voice_package
from callcenter.store.tables.people import company, employee

T = TypeVar("T")

PASSWORD = "a-long-test-password"
INBOUND = "02160000001"
DISPLAY = "02160000000"


def direct_number(index: int) -> str:
    """What a customer sees when agent number `index` calls in direct mode."""
    return f"02161{index:06d}"


def telecom_number(index: int) -> str:
    """What both sides see when agent number `index` calls back."""
    return f"02162{index:06d}"


def outside_phone(index: int) -> str:
    """The outside phone bound to the seat of agent number `index`."""
    return f"13810000{index:03d}"


TONES = (550, 750, 850, 950, 1050, 1150, 1250, 1350)


async def until(what: Callable[[], Awaitable[T | None]], why: str, timeout: float = 20.0) -> T:
    """The first value of `what()` that is neither None nor False."""
    deadline = time.monotonic() + timeout
    while True:
        found = await what()
        if found is not None and found is not False:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout:.0f} s in vain: {why}")
        await asyncio.sleep(0.05)


class Switch:
    """A TCP relay in front of the manager interface that can be cut and joined again."""

    def __init__(self, listen: int, target: int) -> None:
        self._listen, self._target = listen, target
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self.cut_after: bytes = b""
        """Once the engine has sent this, the link is cut behind it."""
        self.stalled = False
        """Connections stay up and carry nothing: half-open."""

    async def join(self) -> None:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", self._listen)

    async def cut(self) -> None:
        """Breaks running connections and refuses new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        self._writers |= {writer, there_writer}
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await asyncio.gather(self._pump(reader, there_writer, True), self._pump(there_reader, writer))
        self._writers -= {writer, there_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, asks: bool = False) -> None:
        try:
            while data := await reader.read(65_536):
                while self.stalled:
                    await asyncio.sleep(0.05)
                writer.write(data)
                await writer.drain()
                if asks and self.cut_after and self.cut_after in data:
                    self.cut_after = b""
                    await asyncio.sleep(0.02)  # what was sent must reach Asterisk
                    await self.cut()
        finally:
            writer.close()


@dataclass(slots=True)
class Agent:
    """A signed-in agent with a scripted phone that plays `tone` and answers by itself."""

    login: str
    employee_id: int
    tone: int
    client: Client
    live: Live
    start: int = 0

    @property
    def phone(self) -> str:
        return f"agent-{self.employee_id}"

    async def ready(self) -> None:
        await self.client.put("/api/me/state", {"state": "ready"})

    async def away(self) -> None:
        await self.client.put("/api/me/state", {"state": "not_ready", "reason": "break"})

    async def state(self) -> str:
        entity: dict[str, Any] = self.live.entities["agent"][str(self.employee_id)]
        return str(entity["state"])

    async def wait_self(self, state: str) -> None:
        """Waits until the agent's own state is `state`."""
        key = str(self.employee_id)
        await self.live.wait(lambda live: live.entities["agent"][key]["state"] == state, why=f"{self.login} {state}")

    async def wait_state(self, call_id: str, *states: str, timeout: float = 20.0) -> dict[str, Any]:
        """The live call once it is in one of `states`."""

        def look(live: Live) -> dict[str, Any] | None:
            found: dict[str, Any] | None = live.entities.get("call", {}).get(call_id)
            return found if found and found["state"] in states else None

        found: dict[str, Any] = await self.live.wait(look, timeout, f"call {call_id} to be {states}")
        return found

    async def wait_ended(self, call_id: str, timeout: float = 20.0) -> dict[str, Any]:
        def look(live: Live) -> dict[str, Any] | None:
            ended = [seen.message["data"] for seen in live.events("call_ended")]
            return next((data for data in ended if data["call_id"] == call_id), None)

        found: dict[str, Any] = await self.live.wait(look, timeout, f"call {call_id} to end")
        return found

    async def next_pop(self, known: int, timeout: float = 20.0) -> dict[str, Any]:
        """The screen pop after the first `known` ones."""

        def look(live: Live) -> dict[str, Any] | None:
            pops = live.events("pop")
            return pops[known].message["data"] if len(pops) > known else None

        found: dict[str, Any] = await self.live.wait(look, timeout, "a screen pop")
        return found


@dataclass(slots=True)
class Installation:
    folder: Path
    settings: Settings
    stack: TelephonyStack
    database: Database
    packages: Packages
    switch: Switch
    company_id: int = 0
    group_id: int = 0
    process: asyncio.subprocess.Process | None = None
    agents: dict[str, Agent] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)
    starts: int = 0
    """How often the product was started; connections of an earlier start are dead."""
    environment: dict[str, str] = field(default_factory=dict)
    """What the product's process, and the PBX that it starts, find in their environment besides the settings."""

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.port}"

    @property
    def carrier(self) -> Carrier:
        return self.stack.carrier

    # -- the product's process -------------------------------------------------------------------------------------

    async def start_engine(self, timeout: float = 30.0) -> None:
        """Starts `callcenter serve`, which adopts the running Asterisks, and waits until its link is live."""
        values = {
            f"CALLCENTER_{name.upper()}": str(value)
            for name, value in msgspec.structs.asdict(self.settings).items()
            if value != getattr(Settings(), name)
        }
        self.starts += 1
        log = (self.folder / "serve.log").open("ab")
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "callcenter.cli",
            "serve",
            cwd=PROJECT_ROOT,
            env={**os.environ, **self.environment, **values},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()

        async def serving() -> bool:
            assert self.process is not None
            if self.process.returncode is not None:
                raise AssertionError(f"the product ended at start:\n{self.log_tail()}")
            text = (self.folder / "serve.log").read_text("utf-8", "replace")
            return text.count("Serving on") >= self.starts

        await until(serving, "the product to serve", timeout)

    async def stop_engine(self, number: int = signal.SIGTERM) -> None:
        if self.process is None or self.process.returncode is not None:
            return
        self.process.send_signal(number)
        await asyncio.wait_for(self.process.wait(), 40)

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log_lines()[-lines:])

    def log_lines(self) -> list[str]:
        """Everything that the product wrote since the installation was made, whichever test was running."""
        return (self.folder / "serve.log").read_text("utf-8", "replace").splitlines()

    # -- people ----------------------------------------------------------------------------------------------------

    async def seed(self, agents: int) -> None:
        """A company open at this hour, with agents who have 1000 minutes each."""
        self.company_id = await make_company(self.database, "测试公司")
        async with self.database.write() as connection:
            await connection.execute(
                update(company)
                .where(company.c.id == self.company_id)
                .values(time_zone=daytime_zone(utcnow()), wrap_up_seconds=0)
            )
        sales = await make_department(self.database, self.company_id, "销售部")
        people = []
        for index in range(agents):
            made = await make_employee(
                self.database,
                self.company_id,
                login=f"agent{index}",
                name=f"坐席{index}",
                role_code="agent",
                department_id=sales,
                password=PASSWORD,
                device="sip",
            )
            people.append(made.employee_id)
            await make_seat(
                self.database,
                self.company_id,
                made.employee_id,
                direct=direct_number(index),
                telecom=telecom_number(index),
                phone=outside_phone(index),
            )
            await self.grant(made.employee_id)
        for role in ("supervisor", "admin"):
            await make_employee(
                self.database,
                self.company_id,
                login=role,
                name=role,
                role_code=role,
                department_id=sales,
                password=PASSWORD,
            )
        self.group_id = await make_group(self.database, self.company_id, "售前", people, [INBOUND])
        async with self.database.write() as connection:
            await connection.execute(
                update(agent_group).where(agent_group.c.company_id == self.company_id).values(ring_seconds=5)
            )
            for person in CUSTOMERS:
                await make_customer(connection, self.company_id, people[0], person, utcnow())

    async def grant(
        self,
        employee_id: int,
        minutes: int = 1000,
        increment_seconds: int = 60,
        days: int = 30,
        mode: Mode = Mode.DIRECT,
        also_mode: Mode | None = None,
    ) -> int:
        return await self.packages.grant(
            company_id=self.company_id,
            employee_id=employee_id,
            name="测试包",
            mode=mode,
            also_mode=also_mode,
            minutes=minutes,
            days=days,
            now=utcnow(),
            increment_seconds=increment_seconds,
        )

    async def expire(self, employee_id: int) -> None:
        """All packages of an employee end now."""
        lots = (voice_package.c.company_id == self.company_id, voice_package.c.employee_id == employee_id)
        async with self.database.write() as connection:
            await connection.execute(update(voice_package).where(*lots).values(expires_at=utcnow()))

    async def agent(
        self, index: int, answer_after: float | None = 0.2, *, login: str = "", tone_index: int | None = None
    ) -> Agent:
        """Agent number `index` (or `login`), signed in, not ready, no call, with a phone that behaves as asked."""
        login = login or f"agent{index}"
        tone = TONES[index if tone_index is None else tone_index]
        found = self.agents.get(login)
        if found is None:
            client = await self.client(login)
            query = select(employee.c.id, employee.c.sip_secret).where(
                employee.c.company_id == self.company_id, employee.c.login == login
            )
            async with self.database.read() as connection:
                row = (await connection.execute(query)).one()
            await client.put("/api/me/device", {"device": "sip"})
            await self.carrier.add_phone(f"agent-{row.id}", row.sip_secret, tone, answer_after)
            found = Agent(login, row.id, tone, client, await client.live())
            found.start = self.starts
            self.agents[login] = found
        if found.start != self.starts:
            await self.reconnect(found)
        await self.carrier.set_phone(found.phone, answer_after=answer_after)
        await found.away()
        await self.registered(found)
        return found

    async def registered(self, agent: Agent) -> None:
        key = str(agent.employee_id)
        try:
            # Longer than Asterisk takes to ask a phone again that did not answer once.
            await agent.live.wait(lambda live: live.entities["agent"][key]["registered"], 40, "the phone to register")
        except TimeoutError as late:
            shown = agent.live.entities["agent"][key]
            contacts = await self.stack.pbx.cli("pjsip show contacts")
            raise AssertionError(f"{agent.phone} is not registered: the page shows {shown}\n{contacts}") from late

    async def client(self, login: str) -> Client:
        client = Client(self.url)
        self.clients.append(client)
        await client.sign_in(login, PASSWORD)
        return client

    async def reconnect(self, agent: Agent) -> None:
        """A fresh live connection, as a browser makes one when the product was away."""
        agent.live = await agent.client.live()
        agent.start = self.starts

    # -- what a call left behind -------------------------------------------------------------------------------------

    async def settled(self, client: Client, call_id: str, timeout: float = 30.0) -> dict[str, Any]:
        """The call's details once its charges are final."""

        async def look() -> dict[str, Any] | None:
            from callcenter.store.tables.calls import call

            query = select(call.c.billing).where(call.c.company_id == self.company_id, call.c.id == call_id)
            async with self.database.read() as connection:
                if (await connection.execute(query)).scalar() != "settled":
                    return None
            found: dict[str, Any] = await client.get(f"/api/calls/{call_id}")
            return found

        return await until(look, f"call {call_id} to be settled", timeout)

    async def recorded(self, client: Client, call_id: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            found: dict[str, Any] = await client.get(f"/api/calls/{call_id}")
            return found if found["call"]["recording"]["state"] in ("ready", "failed") else None

        return await until(look, f"the recording of {call_id}", 40)

    async def close(self) -> None:
        for client in self.clients:
            await client.__aexit__()
        await self.stop_engine()
        await self.switch.cut()
        await self.database.close()
        await self.stack.stop()


@contextlib.asynccontextmanager
async def installed(
    folder: Path, agents: int, *, environment: dict[str, str] | None = None, **changes: Any
) -> AsyncIterator[Installation]:
    """A running installation in `folder`; everything it started ends with the block.

    With an `environment` of its own the product starts the PBX, which so lives in it as well; the simulated network,
    which is another machine, does not.
    """
    settings = sandbox(folder, **changes)
    through = settings.ami_port + 1000
    settings = msgspec.structs.replace(settings, ami_through=f"127.0.0.1:{through}")
    database = await open_database(settings)
    stack = TelephonyStack(settings, keep_running=True)
    made = Installation(folder, settings, stack, database, Packages(database), Switch(through, settings.ami_port))
    made.environment = environment or {}
    try:
        await made.seed(agents)
        await (stack.carrier if environment else stack).start()
        await made.switch.join()
        await made.start_engine()
        yield made
    finally:
        await made.close()
