"""How many may come in at once, and how long they may take: connections in all, per address and per person.

Descriptors are what Asterisk's supervisor, the database and recordings need as well, so the web face never takes all of
them. When it is full the longest idle connection goes, and a new one is refused only when none is idle: whoever waits
for nothing (a browser between two requests, somebody who sends half a request) never keeps out who wants something.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from callcenter import machine
from callcenter.domain.refusals import Refusal
from callcenter.settings import Settings
from callcenter.web.peer import counted_as, is_trusted

log = logging.getLogger(__name__)

RESERVE = 256
"""Descriptors that are never given to connections: database, Asterisk's console, recordings, logs."""
MOST = 10_000
LOG_SECONDS = 30.0


class BodyTooSlow(TimeoutError):
    """The rest of a request's body did not come in time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of connections, requests at once, and seconds."""

    total: int
    per_address: int
    per_person: int = 60
    """Requests of one person that run at once."""
    header_seconds: float = 15.0
    """For the first request of a connection to be there."""
    idle_seconds: float = 75.0
    """Between two requests; longer than proxies keep a connection (nginx: 60 s)."""
    unread_seconds: float = 60.0
    """For the other end to take something of an answer that is under way."""
    body_seconds: float = 20.0
    body_bytes_per_second: float = 2048.0
    """Beyond `body_seconds` a body must at least come this fast."""


def limits_of(settings: Settings) -> Limits:
    """A bridged phone needs two descriptors (the browser's and Asterisk's), so each connection counts as two."""
    spare = machine.descriptor_limit() - RESERVE
    total = settings.max_connections or max(16, min(MOST, spare // 2))
    return Limits(total, settings.max_connections_per_address or max(8, total // 2))


@dataclass(slots=True, eq=False)
class _Connection:
    transport: asyncio.Transport
    address: str
    running: int = 0
    late: asyncio.TimerHandle | None = None
    """Ends it when no request has come."""


class Gate:
    """The books of one listening web face; lives in the event loop's thread."""

    def __init__(self, limits: Limits, settings: Settings) -> None:
        self.limits = limits
        self._trusted = settings.proxy_networks
        self._open: dict[Any, _Connection] = {}
        self._by_address: dict[str, dict[Any, _Connection]] = {}
        self._fresh: dict[Any, _Connection] = {}
        """Have not sent a request yet, the oldest first."""
        self._idle: dict[Any, _Connection] = {}
        """Wait between two requests, the longest first."""
        self._requests: Counter[str] = Counter()
        self._people: Counter[int] = Counter()
        self.turned_away: Counter[str] = Counter()
        """Why connections were refused or closed, and how many."""
        self._logged = -LOG_SECONDS

    # -- connections -----------------------------------------------------------------------------------------------

    def attach(self, server: web.Server) -> None:
        """Sees every connection of a server from now on."""
        made, lost = server.connection_made, server.connection_lost

        def opened(handler: Any, transport: asyncio.Transport) -> None:
            made(handler, transport)
            self._opened(handler, transport)

        def closed(handler: Any, error: BaseException | None = None) -> None:
            self._forget(handler)
            lost(handler, error)

        setattr(server, "connection_made", opened)  # noqa: B010  # a hook, not a method of ours
        setattr(server, "connection_lost", closed)  # noqa: B010

    @property
    def connections(self) -> int:
        return len(self._open)

    def _opened(self, handler: Any, transport: asyncio.Transport) -> None:
        name = transport.get_extra_info("peername")
        near = str(name[0]) if isinstance(name, tuple) and name else ""
        # All who come through a proxy share its address: they are counted by request.
        address = "" if is_trusted(near, self._trusted) else counted_as(near)
        own = self._by_address.get(address, {}) if address else {}
        if len(own) >= self.limits.per_address and not self._make_room(own, "per_address"):
            transport.abort()
            return
        if len(self._open) >= self.limits.total and not self._make_room(self._open, "total"):
            transport.abort()
            return
        with contextlib.suppress(OSError, AttributeError):
            # A connection whose other end takes nothing of an answer is ended by the system.
            unread = int(self.limits.unread_seconds * 1000)
            transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, unread)
        made = _Connection(transport, address)
        loop = asyncio.get_running_loop()
        made.late = loop.call_later(self.limits.header_seconds, self._end, handler, "no_request")
        self._open[handler] = self._fresh[handler] = made
        if address:
            self._by_address.setdefault(address, {})[handler] = made

    def _make_room(self, among: dict[Any, _Connection], why: str) -> bool:
        """Closes the longest waiting of these connections; those that have asked for nothing yet go first."""
        for waiting in (self._fresh, self._idle):
            victim = next((one for one in waiting if one in among), None)
            if victim is not None:
                self._end(victim, why)
                return True
        self._turned(f"{why}_refused")
        return False

    def _end(self, handler: Any, why: str) -> None:
        found = self._open.get(handler)
        if found is None or found.running:
            return
        self._forget(handler)
        self._turned(why)
        found.transport.abort()

    def _forget(self, handler: Any) -> None:
        found = self._open.pop(handler, None)
        if found is None:
            return
        self._fresh.pop(handler, None)
        self._idle.pop(handler, None)
        if found.late is not None:
            found.late.cancel()
        own = self._by_address.get(found.address)
        if own is not None:
            own.pop(handler, None)
            if not own:
                del self._by_address[found.address]

    # -- requests --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def request(self, request: web.Request, address: str) -> Iterator[None]:
        """While a request is answered; raises `too_many_requests` when its address has too many."""
        counted = counted_as(address)
        if self._requests[counted] >= self.limits.per_address:
            self._turned("requests_per_address")
            raise Refusal("too_many_requests", retry_after=1)
        self._requests[counted] += 1
        handler = request.protocol
        found = self._open.get(handler)
        if found is not None:
            found.running += 1
            self._fresh.pop(handler, None)
            self._idle.pop(handler, None)
            if found.late is not None:
                found.late.cancel()
                found.late = None
        try:
            with self._body_in_time(request):
                yield
        finally:
            self._drop(self._requests, counted)
            if found is not None and handler in self._open:
                found.running -= 1
                if not found.running:
                    self._idle[handler] = found

    @contextlib.contextmanager
    def person(self, employee_id: int) -> Iterator[None]:
        """While a person's request runs; raises `too_many_requests`."""
        if self._people[employee_id] >= self.limits.per_person:
            self._turned("requests_per_person")
            raise Refusal("too_many_requests", retry_after=1)
        self._people[employee_id] += 1
        try:
            yield
        finally:
            self._drop(self._people, employee_id)

    @contextlib.contextmanager
    def _body_in_time(self, request: web.Request) -> Iterator[None]:
        """Whoever reads the body gets `BodyTooSlow` once it comes too slowly."""
        if not request.can_read_body:
            yield
            return
        loop, content = asyncio.get_running_loop(), request.content
        began = loop.time()
        timer: asyncio.TimerHandle

        def look() -> None:
            nonlocal timer
            if content.is_eof():
                return
            allowed = self.limits.body_seconds + content.total_bytes / self.limits.body_bytes_per_second
            left = began + allowed - loop.time()
            if left > 0:
                timer = loop.call_later(left, look)
            else:
                self._turned("slow_body")
                content.set_exception(BodyTooSlow())

        timer = loop.call_later(self.limits.body_seconds, look)
        try:
            yield
        finally:
            timer.cancel()

    @staticmethod
    def _drop(counter: Counter[Any], key: Any) -> None:
        counter[key] -= 1
        if counter[key] <= 0:
            del counter[key]

    def _turned(self, why: str) -> None:
        self.turned_away[why] += 1
        now = time.monotonic()
        if now - self._logged >= LOG_SECONDS:
            self._logged = now
            told = ", ".join(f"{name} {count}" for name, count in sorted(self.turned_away.items()))
            log.warning("connections and requests turned away since the start: %s; %d are open", told, len(self._open))
