"""A scripted AMI server on loopback, for what a real Asterisk does not do on command: die half-open,
stay silent, split segments, drop us after the login. Where it need not misbehave it answers as Asterisk 22 does."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from callcenter.ami.link import AmiConfig, AmiLink
from callcenter.domain.events import AmiEvent, LinkChanged, LinkState

FULLY_BOOTED = "Event: FullyBooted\r\nPrivilege: system,all\r\nStatus: Fully Booted\r\nUptime: 12\r\n\r\n"
PATIENCE = 10.0
"""Seconds after which a fact that does not come fails the test; nothing ever waits for it to pass."""


def event(name: str, **fields: str) -> str:
    """An AMI event as Asterisk writes it."""
    lines = [f"Event: {name}", "Privilege: call,all", *(f"{key}: {value}" for key, value in fields.items())]
    return "\r\n".join(lines) + "\r\n\r\n"


def newchannel(uniqueid: str, name: str = "PJSIP/alice-00000001") -> str:
    return event("Newchannel", Channel=name, ChannelState="0", Uniqueid=uniqueid, Linkedid=uniqueid)


@dataclass
class Connection:
    """One client of the fake, as the server sees it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    actions: list[dict[str, str]] = field(default_factory=list)

    def write(self, text: str | bytes) -> None:
        self.writer.write(text if isinstance(text, bytes) else text.encode())

    def drop(self) -> None:
        self.writer.transport.abort()


Script = Callable[[Connection, dict[str, str]], bool]
"""Sees each action first; True means it dealt with it (perhaps by saying nothing)."""


class FakeAmi:
    """Listens on a free port of 127.0.0.1; `script` may take over any action."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.connections: list[Connection] = []
        self.secret = "s3cret"
        self.booted = True
        self.channels: list[str] = []
        """Rows that CoreShowChannels answers with, as header lines."""
        self._changed = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> FakeAmi:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self.connections:
            connection.drop()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    @property
    def actions(self) -> list[dict[str, str]]:
        """Every action of every connection."""
        return [action for connection in self.connections for action in connection.actions]

    def named(self, name: str) -> list[dict[str, str]]:
        return [action for action in self.actions if action["Action"] == name]

    async def wait(self, fact: Callable[[], bool]) -> None:
        """Returns once `fact` holds; it is looked at whenever an action or a connection comes."""
        async with asyncio.timeout(PATIENCE), self._changed:
            await self._changed.wait_for(fact)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(reader, writer)
        self.connections.append(connection)
        await self._tell()
        connection.write("Asterisk Call Manager/11.0.0\r\n")
        try:
            while True:
                text = (await reader.readuntil(b"\r\n\r\n")).decode()
                pairs = (line.split(": ", 1) for line in text.strip().split("\r\n"))
                action = {pair[0]: pair[1] for pair in pairs}
                action.setdefault("Action", action.get("action", ""))
                connection.actions.append(action)
                if not (self.script and self.script(connection, action)):
                    self.answer(connection, action)
                await self._tell()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def answer(self, connection: Connection, action: dict[str, str]) -> None:
        """What Asterisk answers."""
        name, tag = action["Action"], f"ActionID: {action['ActionID']}\r\n"
        if name == "Login":
            if action["Secret"] != self.secret:
                connection.write(f"Response: Error\r\n{tag}Message: Authentication failed\r\n\r\n")
                connection.writer.close()
                return
            connection.write(f"Response: Success\r\n{tag}Message: Authentication accepted\r\n\r\n")
            if self.booted:
                connection.write(FULLY_BOOTED)
        elif name == "CoreShowChannels":
            rows = "".join(f"Event: CoreShowChannel\r\n{tag}{row}\r\n\r\n" for row in self.channels)
            connection.write(listed(tag, "Channels will follow", rows, "CoreShowChannelsComplete"))
        elif name == "PJSIPShowContacts":
            connection.write(f"Response: Error\r\n{tag}Message: No Contacts found\r\n\r\n")
        elif name == "QueueStatus":
            connection.write(listed(tag, "Queue status will follow", "", "QueueStatusComplete"))
        elif name == "Originate":
            connection.write(f"Response: Success\r\n{tag}Message: Originate successfully queued\r\n\r\n")
        else:
            connection.write(f"Response: Success\r\n{tag}Ping: Pong\r\n\r\n")


def listed(tag: str, message: str, rows: str, end: str) -> str:
    head = f"Response: Success\r\n{tag}EventList: start\r\nMessage: {message}\r\n\r\n"
    return f"{head}{rows}Event: {end}\r\n{tag}EventList: Complete\r\nListItems: 0\r\n\r\n"


class Log:
    """Remembers what the link delivered and wakes whoever waits for it."""

    def __init__(self) -> None:
        self.events: list[AmiEvent] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def __call__(self, event: AmiEvent) -> None:
        self.events.append(event)
        for fact, future in self._waiting:
            if not future.done() and fact():
                future.set_result(None)

    @property
    def states(self) -> list[LinkState]:
        return [event.state for event in self.events if isinstance(event, LinkChanged)]

    def of(self, *kinds: type[AmiEvent]) -> list[AmiEvent]:
        return [event for event in self.events if isinstance(event, kinds)]

    async def wait(self, fact: Callable[[], bool]) -> None:
        if fact():
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((fact, future))
        async with asyncio.timeout(PATIENCE):
            await future


def config(port: int, **changes: object) -> AmiConfig:
    """Patient about everything (a test that needs a deadline sets a short one) but quick to reconnect."""
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "username": "callcenter",
        "secret": "s3cret",
        "ping_interval": 30.0,
        "ping_timeout": 30.0,
        "action_timeout": PATIENCE,
        "connect_timeout": PATIENCE,
        "backoff": (0.01, 0.05),
    }
    return AmiConfig(**(values | changes))  # type: ignore[arg-type]


@contextlib.asynccontextmanager
async def linked(server: FakeAmi, log: Log, **changes: object) -> AsyncIterator[AmiLink]:
    """A started link that is LIVE; closed at the end."""
    link = AmiLink(config(server.port, **changes), log)
    link.start()
    try:
        await link.wait_live(PATIENCE)
        yield link
    finally:
        await link.close()
