"""A small HTTP and live client: what a browser does, for scripts and tests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import urlencode

from aiohttp import ClientSession, ClientWebSocketResponse, CookieJar, WSMsgType


class Failed(Exception):
    """The server refused; `code` is the API's error code."""

    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.body = body
        self.code = body.get("error", {}).get("code", "") if isinstance(body, dict) else ""
        super().__init__(f"{status} {self.code}")


@dataclass(slots=True)
class Seen:
    """One live message with the moment it arrived (monotonic seconds)."""

    at: float
    message: dict[str, Any]


@dataclass(slots=True)
class Live:
    """A live connection that keeps everything it was told."""

    seen: list[Seen] = field(default_factory=list)
    entities: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    def events(self, name: str) -> list[Seen]:
        return [one for one in self.seen if one.message.get("type") == "event" and one.message["name"] == name]

    async def wait(self, what: Callable[[Live], Any], timeout: float = 15.0, why: str = "") -> Any:
        """The first true value of `what(self)`; raises TimeoutError naming `why`."""
        deadline = time.monotonic() + timeout
        async with self.changed:
            while True:
                found = what(self)
                if found:
                    return found
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"waited {timeout:.0f} s for {why or 'a live message'}")
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(left):
                        await self.changed.wait()

    def absorb(self, message: dict[str, Any]) -> None:
        if message["type"] == "snapshot":
            self.entities = {kind: dict(items) for kind, items in message["entities"].items()}
        elif message["type"] == "delta":
            for kind, key, value in message["set"]:
                self.entities.setdefault(kind, {})[key] = value
            for kind, key in message["del"]:
                self.entities.get(kind, {}).pop(key, None)


class Client:
    """One signed-in person."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._http = ClientSession(cookie_jar=CookieJar(unsafe=True), headers={"Origin": url})
        self._tasks: list[asyncio.Task[None]] = []
        self.me: dict[str, Any] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.close()

    async def sign_in(self, login: str, password: str) -> dict[str, Any]:
        self.me = await self.post("/api/session", {"login": login, "password": password})
        return self.me

    async def request(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The JSON answer; raises `Failed` for any error status."""
        data = json.dumps(body).encode() if body is not None else None
        async with self._http.request(method, self.url + path, data=data, headers=headers) as answer:
            raw = await answer.read()
            value = json.loads(raw) if raw and answer.content_type == "application/json" else raw
            if answer.status >= 400:
                raise Failed(answer.status, value)
            return value

    async def get(self, path: str) -> Any:
        return await self.request("GET", path)

    async def get_query(self, path: str, **query: str) -> Any:
        return await self.get(f"{path}?{urlencode(query)}")

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return await self.request("POST", path, body, **headers)

    async def put(self, path: str, body: Any = None) -> Any:
        return await self.request("PUT", path, body)

    async def delete(self, path: str) -> Any:
        return await self.request("DELETE", path)

    async def dial(self, number: str, **more: Any) -> str:
        """Click-to-dial; the call id."""
        answer = await self.post("/api/calls", {"number": number, **more}, **{"Idempotency-Key": uuid.uuid4().hex})
        return str(answer["call_id"])

    @property
    def http(self) -> ClientSession:
        """The session underneath, for what is not JSON."""
        return self._http

    async def live(self, resume: dict[str, Any] | None = None) -> Live:
        """Opens the live connection and returns once the first message is there."""
        socket = await self._http.ws_connect(self.url.replace("http", "ws", 1) + "/live")
        await socket.send_json({"type": "hello", "resume": resume})
        live = Live()
        self._tasks.append(asyncio.create_task(_listen(socket, live)))
        await live.wait(lambda one: one.seen, why="the first live message")
        return live


async def _listen(socket: ClientWebSocketResponse, live: Live) -> None:
    try:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                continue
            body = json.loads(message.data)
            async with live.changed:
                live.seen.append(Seen(time.monotonic(), body))
                live.absorb(body)
                live.changed.notify_all()
    finally:
        await socket.close()
