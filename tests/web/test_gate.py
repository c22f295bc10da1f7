"""Connections are bounded in all, per address and per person; what is unfinished ends; whoever asks is answered."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError

from callcenter import machine
from callcenter.ledger.packages import Packages
from callcenter.web import gate as module
from callcenter.web.gate import Limits
from tests.web.support import PASSWORD, Site, World, served, token_of, until

HALF = b"GET /api/me HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture
def limits() -> Limits:
    return Limits(total=40, per_address=40)


@pytest.fixture
async def small(
    template: Path, world: World, tmp_path: Path, limits: Limits, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Site]:
    """A site that holds 40 connections."""
    monkeypatch.setattr("callcenter.web.services.limits_of", lambda settings: limits)
    async with served(template, world, tmp_path) as site:
        yield site


def narrow(site: Site, **values: Any) -> None:
    site.services.gate.limits = replace(site.services.gate.limits, **values)


@contextlib.asynccontextmanager
async def half_open(site: Site, count: int, said: bytes = HALF) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections that each sent `said` and nothing more."""
    port = int(site.url.rpartition(":")[2])
    made = []
    try:
        for _ in range(count):
            pair = await asyncio.open_connection("127.0.0.1", port)
            pair[1].write(said)
            made.append(pair)
        yield [reader for reader, _ in made]
    finally:
        for _, writer in made:
            writer.transport.abort()


async def closed(readers: list[asyncio.StreamReader]) -> None:
    for reader in readers:
        with contextlib.suppress(ConnectionError):
            async with asyncio.timeout(10):
                await reader.read()


async def test_hundreds_of_half_open_connections_keep_nobody_out(small: Site) -> None:
    gate = small.services.gate
    async with half_open(small, 300), small.browser() as browser:
        assert (await browser.sign_in("own-agent")).status == 200
        assert (await browser.get("/api/me")).status == 200
        await until(lambda: gate.connections <= 40, "the connections to be bounded")
        assert gate.turned_away["per_address"] + gate.turned_away["total"] >= 250
    await until(lambda: gate.connections <= 1, "the attack to be forgotten")


async def test_a_request_that_never_ends_is_ended(small: Site) -> None:
    narrow(small, header_seconds=0.3)
    async with half_open(small, 5) as slow, half_open(small, 5, b"") as silent:
        await closed(slow + silent)
    assert small.services.gate.turned_away["no_request"] == 10
    assert small.services.gate.connections == 0


async def test_a_body_that_dribbles_is_refused_and_one_that_comes_is_taken(small: Site) -> None:
    narrow(small, body_seconds=0.3, body_bytes_per_second=1e9)
    head = b"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n\r\n{"
    async with half_open(small, 1, head) as (reader,):
        async with asyncio.timeout(10):
            assert b"408" in await reader.readline()
            assert b"request_timeout" in await reader.read()
    narrow(small, body_seconds=30.0)
    async with small.browser() as browser:
        assert (await browser.sign_in("own-agent")).status == 200


async def test_a_body_may_take_its_time_as_long_as_it_comes(small: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(small, body_seconds=0.05, body_bytes_per_second=20.0)
    body = f'{{"login":"own-agent","password":"{PASSWORD}"}}'.encode()
    head = f"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    port = int(small.url.rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head.encode())
    for start in range(0, len(body), 8):
        writer.write(body[start : start + 8])
        await asyncio.sleep(0.02)
    assert b"200" in await reader.readline()
    writer.close()


async def test_a_full_house_of_running_requests_refuses_calmly_and_recovers(small: Site) -> None:
    """Nothing is idle: forty live sockets talk, so the newcomer is turned away, until one goes."""
    headers = {"Cookie": f"cc_session={token_of('own', 'agent')}"}
    narrow(small, total=5)
    async with small.browser() as browser:
        sockets = [await browser.http.ws_connect(small.url + "/live", headers=headers) for _ in range(5)]
        with pytest.raises(ClientError):
            await browser.get("/healthz")
        assert small.services.gate.turned_away["total_refused"] >= 1
        await sockets[0].close()
        await until(lambda: small.services.gate.connections < 5, "the connection to be free")
        assert (await browser.get("/healthz")).status == 200
        for one in sockets[1:]:
            await one.close()


async def test_one_address_leaves_room_for_others(small: Site) -> None:
    narrow(small, per_address=10)
    async with half_open(small, 100):
        await until(lambda: small.services.gate.connections == 10, "the address to be bounded")
        with socket.socket() as other:
            other.setblocking(False)
            other.bind(("127.0.0.2", 0))
            loop = asyncio.get_running_loop()
            await loop.sock_connect(other, ("127.0.0.1", int(small.url.rpartition(":")[2])))
            await loop.sock_sendall(other, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert b"200 OK" in await loop.sock_recv(other, 100)
        assert small.services.gate.connections == 11


async def test_one_person_has_a_bounded_number_of_requests_at_once(
    small: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow(small, per_person=3)
    inside, go_on = asyncio.Semaphore(0), asyncio.Event()
    identify = small.services.port(Packages).lots

    async def slow(*args: Any, **named: Any) -> Any:
        inside.release()
        await go_on.wait()
        return await identify(*args, **named)

    monkeypatch.setattr(small.services.port(Packages), "lots", slow)
    async with small.browser("agent") as agent, small.browser("other") as colleague:
        waiting = [asyncio.create_task(agent.get("/api/me/minutes")) for _ in range(3)]
        for _ in waiting:
            await inside.acquire()
        refused = await agent.get("/api/me")
        assert (refused.status, refused.code) == (429, "too_many_requests")
        assert refused.headers["Retry-After"] == "1"
        assert (await colleague.get("/api/me")).status == 200
        go_on.set()
        assert {answer.status for answer in await asyncio.gather(*waiting)} == {200}
        assert (await agent.get("/api/me")).status == 200


def test_a_reserve_of_descriptors_is_never_given_to_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    from callcenter.settings import Settings

    for limit in (1024, 4096, 20_000, 1_048_576):
        monkeypatch.setattr(machine, "descriptor_limit", lambda limit=limit: limit)
        found = module.limits_of(Settings())
        assert 16 <= found.per_address < found.total <= module.MOST
        assert 2 * found.total + module.RESERVE <= limit, "a bridged phone takes two"
    assert module.limits_of(Settings(max_connections=7, max_connections_per_address=3)).total == 7
