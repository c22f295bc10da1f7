"""Carries SIP frames between a browser's WebSocket and Asterisk's, both with subprotocol `sip` (RFC 7118).

The browser never reaches Asterisk itself: the session is checked before the first frame, and a SIP identity other than
the session's own is refused frame by frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import re

from aiohttp import WSMsgType, web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

MAX_FRAME = 65_536
"""Bytes of one SIP message; Asterisk's own limit is the same."""

_FROM = re.compile(r"^(?:from|f)[ \t]*:[^\r\n]*?sips?:([^@>;\s]*)@", re.IGNORECASE | re.MULTILINE)
_USERNAME = re.compile(r'^(?:proxy-)?authorization[ \t]*:[^\r\n]*?username="([^"]*)"', re.IGNORECASE | re.MULTILINE)


class UpstreamDown(Exception):
    """Asterisk's WebSocket cannot be reached."""


def is_own(frame: str, username: str) -> bool:
    """Whether a frame from the browser speaks for `username` only.

    Requests must come from that user; responses answer Asterisk and carry its From.
    """
    if frame.startswith("SIP/2.0 "):
        return True
    head = frame.partition("\r\n\r\n")[0]
    if not frame.strip():
        return True  # a keep-alive (RFC 5626)
    sender = _FROM.search(head)
    if sender is None:
        return False
    # In a dialog that Asterisk started, the browser's requests carry its own address in From as well.
    return sender.group(1) == username and all(name == username for name in _USERNAME.findall(head))


async def open_upstream(url: str) -> ClientConnection:
    """Connects to Asterisk's SIP WebSocket; raises `UpstreamDown`."""
    try:
        return await connect(
            url,
            subprotocols=[Subprotocol("sip")],
            max_size=MAX_FRAME,
            open_timeout=5,
            ping_interval=None,
            compression=None,
            proxy=None,
        )
    except (OSError, TimeoutError, WebSocketException) as error:
        raise UpstreamDown(str(error)) from None


async def bridge(browser: web.WebSocketResponse, upstream: ClientConnection, username: str) -> str:
    """Carries frames both ways until one side ends; says which: `browser`, `upstream` or `foreign_identity`."""
    up = asyncio.create_task(_to_asterisk(browser, upstream, username))
    down = asyncio.create_task(_to_browser(browser, upstream))
    done, pending = await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    with contextlib.suppress(Exception):
        await upstream.close()
    ended = "browser"
    for task in done:
        if not task.cancelled() and task.exception() is None:
            ended = task.result()
    return ended


async def _to_asterisk(browser: web.WebSocketResponse, upstream: ClientConnection, username: str) -> str:
    async for message in browser:
        if message.type is not WSMsgType.TEXT:
            return "browser"
        if not is_own(message.data, username):
            return "foreign_identity"
        await upstream.send(message.data)
    return "browser"


async def _to_browser(browser: web.WebSocketResponse, upstream: ClientConnection) -> str:
    with contextlib.suppress(WebSocketException, ConnectionError):
        async for frame in upstream:
            text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
            await browser.send_str(text)
    return "upstream"
