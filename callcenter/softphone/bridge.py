"""Carries SIP frames between a browser's WebSocket and Asterisk's, both with subprotocol `sip` (RFC 7118).

The browser never reaches Asterisk itself: the session is checked before the first frame, and a SIP identity other than
the session's own is refused frame by frame.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Sequence

from aiohttp import WSMsgType, web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

MAX_FRAME = 65_536
"""Bytes of one SIP message; Asterisk's own limit is the same."""
DIALOGS = 200
"""Calls of Asterisk that one browser is remembered to take part in; the oldest is forgotten first."""

LONGEST = 2000
"""Characters of an address or of credentials: far more than any phone sends, and soon read."""

Headers = list[tuple[str, str]]

_QUOTED = r'"(?:[^"\\]|\\.)*"'
_URI = r"sips?:(?P<{0}>[^@:;?<>\s\"]+)@[A-Za-z0-9.\-_\[\]:]+(?:[;?][^<>@\s\"]*)?"
_ADDRESS = re.compile(
    rf"(?:(?:{_QUOTED}|[^<>\",;@]*)[ \t]*<{_URI.format('a')}>|{_URI.format('b')})(?:[ \t]*;[^<>@,\"]*)?", re.IGNORECASE
)
_DIGEST = re.compile(r"Digest[ \t]+(.*)", re.IGNORECASE)
_PARAMETER = re.compile(rf"[ \t]*([A-Za-z0-9_*\-]+)[ \t]*=[ \t]*({_QUOTED}|[^\s\",;=]+)[ \t]*(?:,|$)")
_COMPACT = {"f": "from", "t": "to", "i": "call-id", "l": "content-length"}


class UpstreamDown(Exception):
    """Asterisk's WebSocket cannot be reached."""


class Speaker:
    """Who may speak on one browser's socket: the session's own phone, and nobody else.

    Asterisk reads a message more freely than people write it: several messages in one frame, folded lines, lone CR or
    LF, a second From. Whatever could be read in two ways is refused, so that both sides always see the same sender.
    """

    def __init__(self, username: str) -> None:
        self.username = username
        self._dialogs: dict[str, str] = {}
        """Call-ID of what Asterisk started -> the user it called this browser by (the random one of its Contact)."""

    def heard(self, frame: str) -> None:
        """Remembers under which name Asterisk calls this browser: its requests in that dialog come From that name."""
        parsed = _parse(frame)
        if parsed is None or not parsed[0].startswith("INVITE "):
            return
        called, dialog = _user(_values(parsed[1], "to")), _values(parsed[1], "call-id")
        if called is not None and len(dialog) == 1:
            self._dialogs.pop(dialog[0], None)
            self._dialogs[dialog[0]] = called
            while len(self._dialogs) > DIALOGS:
                del self._dialogs[next(iter(self._dialogs))]

    def is_own(self, frame: str) -> bool:
        """Whether a frame from the browser speaks for the session's own phone only."""
        if not frame.strip("\r\n"):
            return True  # a keep-alive (RFC 5626)
        parsed = _parse(frame)
        if parsed is None:
            return False
        first, headers = parsed
        if first.startswith("SIP/2.0 "):
            return True  # answers Asterisk, whose From it repeats
        sender = _user(_values(headers, "from"))
        if sender is None or not all(_authorised(value, self.username) for value in _credentials(headers)):
            return False
        return sender == self.username or self._in_dialog(headers, sender)

    def _in_dialog(self, headers: Headers, sender: str) -> bool:
        """Whether it is a request in a dialog that Asterisk started, under the name by which Asterisk called."""
        to, dialog = _values(headers, "to"), _values(headers, "call-id")
        if len(to) != 1 or len(dialog) != 1 or ";tag=" not in to[0].lower():
            return False
        return self._dialogs.get(dialog[0]) == sender


def _parse(frame: str) -> tuple[str, Headers] | None:
    """First line and headers of exactly one SIP message; None when it is not unmistakably one."""
    head, end, body = frame.partition("\r\n\r\n")
    lines = head.split("\r\n")
    if not end or any(line[:1] in ("", " ", "\t") or re.search(r"[\x00-\x08\x0a-\x1f\x7f]", line) for line in lines):
        return None
    headers: Headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.strip(" \t").lower()
        if not colon or not name:
            return None
        headers.append((_COMPACT.get(name, name), value.strip(" \t")))
    lengths = _values(headers, "content-length")
    # Asterisk takes what follows the announced length for the next message, which nobody here would have read.
    if len(lengths) > 1 or (lengths or ["0"]) != [str(len(body.encode("utf-8", "surrogatepass")))]:
        return None
    return lines[0], headers


def _values(headers: Headers, name: str) -> list[str]:
    return [value for known, value in headers if known == name]


def _user(values: Sequence[str]) -> str | None:
    """The user part of the one address; None when there are several, or it is no plain SIP address."""
    if len(values) != 1 or len(values[0]) > LONGEST:
        return None
    found = _ADDRESS.fullmatch(values[0])
    return (found["a"] or found["b"]) if found else None


def _credentials(headers: Headers) -> list[str]:
    return _values(headers, "authorization") + _values(headers, "proxy-authorization")


def _authorised(value: str, username: str) -> bool:
    """Whether digest credentials name exactly one user, the given one."""
    digest = _DIGEST.fullmatch(value)
    if digest is None or len(value) > LONGEST:
        return False
    names: list[str] = []
    at, text = 0, digest[1]
    while at < len(text):
        parameter = _PARAMETER.match(text, at)
        if parameter is None:
            return False
        if parameter[1].lower().startswith("username"):
            names.append(f"{parameter[1].lower()}={parameter[2].strip(chr(34))}")
        at = parameter.end()
    return names == [f"username={username}"]


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


async def bridge(
    browser: web.WebSocketResponse, upstream: ClientConnection, username: str, revoked: asyncio.Event
) -> str:
    """Carries frames both ways until one side ends or `revoked` is set.

    Says what ended it: `browser`, `upstream`, `foreign_identity` or `revoked`.
    """
    speaker = Speaker(username)
    tasks = [
        asyncio.create_task(_to_asterisk(browser, upstream, speaker)),
        asyncio.create_task(_to_browser(browser, upstream, speaker)),
        asyncio.create_task(_revoked(revoked)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(Exception):
            await upstream.close()
    ended = [task.result() for task in tasks if task in done and not task.cancelled() and task.exception() is None]
    return ended[0] if ended else "browser"


async def _to_asterisk(browser: web.WebSocketResponse, upstream: ClientConnection, speaker: Speaker) -> str:
    async for message in browser:
        if message.type is not WSMsgType.TEXT:
            return "browser"
        if not speaker.is_own(message.data):
            return "foreign_identity"
        await upstream.send(message.data)
    return "browser"


async def _to_browser(browser: web.WebSocketResponse, upstream: ClientConnection, speaker: Speaker) -> str:
    with contextlib.suppress(WebSocketException, ConnectionError):
        async for frame in upstream:
            text = frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
            speaker.heard(text)
            await browser.send_str(text)
    return "upstream"


async def _revoked(revoked: asyncio.Event) -> str:
    await revoked.wait()
    return "revoked"
