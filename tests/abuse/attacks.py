"""Attacks on the running product: on loopback, bounded in time and number. Each ends what it opened."""

from __future__ import annotations

import asyncio
import contextlib
import io
import secrets
import socket
import time
import zipfile
from collections.abc import Awaitable, Callable
from typing import Any

import websockets
from aiohttp import ClientError, ClientSession, ClientTimeout, FormData

from callcenter.demo.client import Client
from tests.intake import files
from tests.live.installation import PASSWORD, Installation
from tests.pbx.raw_sip import RawSip

Attack = Callable[[Installation, float], Awaitable[None]]

ATTACKER = "127.0.0.66"
"""Another address of this machine: the same for the product as another machine's."""
HALF_OPEN = 1500
SLOW = 300
SOCKETS = 150
SIP_PER_SECOND = 200


async def descriptors(made: Installation, seconds: float) -> None:
    """Half-open TCP connections that never ask for anything, more than descriptors were in a default process."""
    await _connections(made, seconds, HALF_OPEN, b"")


async def slow_requests(made: Installation, seconds: float) -> None:
    """Requests whose headers and bodies come one byte at a time."""
    head = b"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n"
    await _connections(made, seconds, SLOW, head)


async def _connections(made: Installation, seconds: float, count: int, first: bytes) -> None:
    end, opened = time.monotonic() + seconds, list[asyncio.StreamWriter]()
    try:
        while time.monotonic() < end:
            if len(opened) < count:
                with contextlib.suppress(OSError, TimeoutError):
                    async with asyncio.timeout(1):
                        _, writer = await asyncio.open_connection(
                            made.settings.host, made.settings.port, local_addr=(ATTACKER, 0)
                        )
                    writer.write(first)
                    opened.append(writer)
                if len(opened) % 50:
                    continue
            for writer in opened if first else ():
                if not writer.is_closing():
                    writer.write(secrets.token_hex(1).encode())
            opened = [writer for writer in opened if not writer.is_closing()]
            await asyncio.sleep(0.1)
    finally:
        for writer in opened:
            writer.transport.abort()


async def sockets(made: Installation, seconds: float) -> None:
    """One agent opens live pages and browser phones by the hundred."""
    async with Client(made.url) as client:
        await client.sign_in("agent0", PASSWORD)
        cookies = "; ".join(f"{one.key}={one.value}" for one in client.http.cookie_jar)
        headers = {"Cookie": cookies}
        url = made.url.replace("http", "ws", 1)
        end, opened = time.monotonic() + seconds, list[Any]()
        try:
            while time.monotonic() < end:
                for path, protocols in (("/live", None), ("/sip", ["sip"])):
                    with contextlib.suppress(OSError, TimeoutError, websockets.WebSocketException):
                        opened.append(
                            await websockets.connect(
                                url + path,
                                subprotocols=protocols,  # type: ignore[arg-type]
                                additional_headers=headers,
                                origin=made.url,  # type: ignore[arg-type]
                                open_timeout=2,
                            )
                        )
                if len(opened) >= 2 * SOCKETS:
                    await asyncio.sleep(0.2)
        finally:
            await asyncio.gather(*(one.close() for one in opened), return_exceptions=True)


async def bombs(made: Installation, seconds: float) -> None:
    """Workbooks that unpack to gigabytes, or claim as many cells, and tables that are one line; over and over."""
    heavy = (
        ("far.xlsx", files.corners()),
        ("bomb.xlsx", _zip_bomb()),
        ("line.csv", b"13800000001," * 1_000_000),
    )
    async with Client(made.url) as client:
        await client.sign_in("admin", PASSWORD)
        task = await client.post("/api/dial-tasks", {"name": f"压力 {secrets.token_hex(4)}", "claim": "self"})
        end = time.monotonic() + seconds

        async def upload(name: str, content: bytes) -> None:
            while time.monotonic() < end:
                form = FormData(quote_fields=False)
                form.add_field("file", io.BytesIO(content), filename=name)
                with contextlib.suppress(ClientError, OSError, TimeoutError):
                    path = f"{made.url}/api/dial-tasks/{task['id']}/imports"
                    async with client.http.post(path, data=form, timeout=ClientTimeout(total=60)) as answer:
                        await answer.read()
                await asyncio.sleep(0.2)

        await asyncio.gather(*(upload(*one) for one in heavy * 2))


def _zip_bomb() -> bytes:
    """A workbook whose one sheet is 300 MB of spaces."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        with book.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            for _ in range(300):
                sheet.write(b" " * 1_000_000)
    return content.getvalue()


async def registers(made: Installation, seconds: float) -> None:
    """REGISTER requests with agents' names and wrong passwords."""
    await _sip(made, seconds, "REGISTER")


async def invites(made: Installation, seconds: float) -> None:
    """INVITE requests that name the trunk, agents and nobody, to every kind of number."""
    await _sip(made, seconds, "INVITE")


async def _sip(made: Installation, seconds: float, method: str) -> None:
    names = ("trunk-1", "agent-1", "agent-2", "nobody", "1000", "admin")
    numbers = ("02160000001", "13800000001", "0014155552671", "1,2", "%2C1", "9" * 300)
    end, turn = time.monotonic() + seconds, 0
    host, port = made.settings.asterisk_host, made.settings.sip_port
    async with RawSip(port, host=ATTACKER, pbx_host=host) as client:
        while time.monotonic() < end:
            begun = time.monotonic()
            for _ in range(SIP_PER_SECOND // 10):
                turn += 1
                client.fire(method, names[turn % len(names)], uri_user=numbers[turn % len(numbers)])
            await asyncio.sleep(max(0.0, 0.1 - (time.monotonic() - begun)))


async def wrong_passwords(made: Installation, seconds: float) -> None:
    """Guesses of everybody's password from one address behind the proxy."""
    headers = {"Origin": made.url, "X-Forwarded-For": "198.51.100.77"}
    end = time.monotonic() + seconds
    async with ClientSession(timeout=ClientTimeout(total=15), headers=headers) as http:

        async def guess(number: int) -> None:
            while time.monotonic() < end:
                body = {"login": f"agent{number % 20}", "password": secrets.token_hex(8)}
                with contextlib.suppress(ClientError, OSError, TimeoutError):
                    async with http.post(f"{made.url}/api/session", json=body) as answer:
                        await answer.read()
                await asyncio.sleep(0.02)

        await asyncio.gather(*(guess(number) for number in range(10)))


def require_another_address() -> None:
    """Loopback has more than one address on Linux; raises OSError where it has not."""
    with socket.socket() as probe:
        probe.bind((ATTACKER, 0))


ATTACKS: dict[str, Attack] = {
    "descriptors": descriptors,
    "slow_requests": slow_requests,
    "sockets": sockets,
    "bombs": bombs,
    "register_flood": registers,
    "invite_flood": invites,
    "wrong_passwords": wrong_passwords,
}
