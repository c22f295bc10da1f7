"""Single AMI actions over a connection of their own: enough for the simulated network and for tests.

The engine's permanent link lives in `callcenter.ami`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Self

from callcenter.pbx.errors import CommandFailed, UnsafeValue

Headers = Mapping[str, str | Sequence[str]]
Message = dict[str, str]


class AmiConnection:
    """A signed-in AMI connection; `async with` it. Events that come meanwhile are kept in `events`."""

    def __init__(self, port: int, secret: str, *, events: bool = False, user: str = "engine") -> None:
        self._port, self._secret, self._user, self._want = port, secret, user, events
        self._last = 0
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._task: asyncio.Task[None] | None = None
        self.events: list[Message] = []
        """Every event, and every message of a list, in the order of arrival."""

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        await self._reader.readline()
        self._task = asyncio.create_task(self._read())
        mask = "on" if self._want else "off"
        answer = await self.action({"Action": "Login", "Username": self._user, "Secret": self._secret, "Events": mask})
        if answer.get("Response") != "Success":
            await self.__aexit__()
            raise CommandFailed(f"AMI on port {self._port} refused the sign-in: {answer.get('Message')}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._writer.close()
        await asyncio.gather(self._writer.wait_closed(), return_exceptions=True)

    async def action(self, headers: Headers, timeout: float = 10.0) -> Message:
        """Send one action and return its response."""
        self._last += 1
        action_id = str(self._last)
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[action_id] = future
        lines = [f"ActionID: {action_id}"]
        for name, value in headers.items():
            lines += [f"{name}: {one}" for one in ([value] if isinstance(value, str) else value)]
        if any("\r" in line or "\n" in line for line in lines):
            raise UnsafeValue("An AMI value holds a line break.")
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        await self._writer.drain()
        async with asyncio.timeout(timeout):
            return await future

    async def _read(self) -> None:
        while not self._reader.at_eof():
            try:
                raw = await self._reader.readuntil(b"\r\n\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            message: Message = {}
            for line in raw.decode("utf-8", "replace").split("\r\n"):
                name, colon, value = line.partition(":")
                if colon:
                    message[name] = value.strip()
            future = self._waiting.pop(message.get("ActionID", ""), None) if "Response" in message else None
            if future is not None and not future.done():
                future.set_result(message)
            elif "Event" in message:
                self.events.append(message)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(CommandFailed("AMI closed the connection."))
