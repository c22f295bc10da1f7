"""Ends a running installation and cuts nobody off: no new calls, the running ones to their end, then Asterisk too.

The running program listens on a socket in a folder that only its user may enter. `callcenter stop` says there how long
it is ready to wait, and is told every second how many calls run. Who goes away in between (Ctrl+C) has changed their
mind: new calls are taken again.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from callcenter.app import App
from callcenter.pbx.errors import PbxError
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.stack import TelephonyStack
from callcenter.settings import Settings

TELL_SECONDS = 1.0
Say = Callable[[str], None]


def _door(pbx: AsteriskInstance) -> Path:
    return pbx.socket_dir / "program.ctl"


@contextlib.asynccontextmanager
async def reachable(app: App) -> AsyncIterator[asyncio.Event]:
    """While the block runs, `callcenter stop` reaches this program; the event is set when it has to end."""
    ended = asyncio.Event()
    door = _door(app.stack.pbx)
    door.unlink(missing_ok=True)  # left behind by one that was killed; two never run at a time

    async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ValueError):
            if await _drained(app, float(await reader.readline()), writer):
                app.stack.keep_running = False
                ended.set()
                await asyncio.Event().wait()  # whoever asked sees the connection end with this program
        writer.close()

    server = await asyncio.start_unix_server(asked, door)
    try:
        yield ended
    finally:
        server.close()
        door.unlink(missing_ok=True)


async def _drained(app: App, seconds: float, writer: asyncio.StreamWriter) -> bool:
    """True once no call runs or the time is over; false, and all as before, when whoever asked has gone."""
    deadline = time.monotonic() + seconds
    try:
        await _close(app, True)
        while True:
            calls = sum(not call.over for call in app.engine.core.registry.calls.values())
            done = not calls or time.monotonic() >= deadline
            writer.write(json.dumps({"calls": calls, "done": done}).encode() + b"\n")
            await writer.drain()
            if done:
                return True
            await asyncio.sleep(TELL_SECONDS)
    except OSError:
        await _close(app, False)
        return False


async def _close(app: App, closing: bool) -> None:
    """The engine starts nothing new, and callers are told that the line is out of order."""
    app.engine.core.closing = closing
    with contextlib.suppress(PbxError):  # an Asterisk that does not answer takes no calls
        await _refuse_callers(app.stack.pbx, closing)


async def _refuse_callers(pbx: AsteriskInstance, refuse: bool) -> None:
    await pbx.cli(f"dialplan set global CLOSING {'yes' if refuse else 'no'}")


async def stop(settings: Settings, seconds: float, say: Say) -> int:
    """Ends the installation of these settings, running calls after `seconds` at the latest; how many were cut.

    Works as well when the program has gone and only Asterisk was left behind.
    """
    stack = TelephonyStack(settings)
    try:
        reader, writer = await asyncio.open_unix_connection(_door(stack.pbx))
    except (FileNotFoundError, ConnectionRefusedError):
        return await _stop_asterisk(stack, seconds, say)
    writer.write(f"{seconds}\n".encode())
    cut, told = 0, -1
    async for line in reader:
        news = json.loads(line)
        if news["done"]:
            cut = news["calls"]
        elif news["calls"] != told:
            told = news["calls"]
            say(_waiting(told))
    writer.close()
    say(_ended(cut))
    return cut


async def _stop_asterisk(stack: TelephonyStack, seconds: float, say: Say) -> int:
    """Ends an Asterisk that no program drives, after its calls."""
    left = 0
    if stack.pbx.pid() is not None:
        deadline = time.monotonic() + seconds
        told = -1
        with contextlib.suppress(PbxError):
            await _refuse_callers(stack.pbx, True)
            while (left := await _calls(stack.pbx)) and time.monotonic() < deadline:
                if left != told:
                    told = left
                    say(_waiting(left))
                await asyncio.sleep(TELL_SECONDS)
    await stack.stop()
    say(_ended(left))
    return left


async def _calls(pbx: AsteriskInstance) -> int:
    found = re.search(r"^(\d+) active call", await pbx.cli("core show channels count"), re.MULTILINE)
    return int(found[1]) if found else 0


def _waiting(calls: int) -> str:
    return f"No new calls are taken. Waiting for {calls} running; Ctrl+C goes on as before."


def _ended(cut: int) -> str:
    return f"Stopped, Asterisk too; {cut} running calls were cut." if cut else "Stopped, Asterisk too; no call was cut."
