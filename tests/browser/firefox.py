"""Debian's Firefox, driven over WebDriver BiDi (https://w3c.github.io/webdriver-bidi/).

Playwright drives a Firefox of its own only, and Selenium wants a driver that Debian does not have; Firefox speaks BiDi
by itself, and a test needs few of its commands.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.live.installation import until

PREFERENCES: dict[str, str | int | bool] = {
    "intl.accept_languages": "zh-CN",
    "media.autoplay.blocking_policy": 0,
    "media.autoplay.default": 0,
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": True,
    "media.peerconnection.ice.loopback": True,
    "permissions.default.microphone": 1,
}
START_SECONDS = 90
"""How long a busy machine may take to start the browser."""
BIDI_FILE = "WebDriverBiDiServer.json"
ENTER = "\ue007"


class FirefoxError(Exception):
    """The browser refused a command, or the page's script failed."""


@dataclass(slots=True)
class Link:
    """One BiDi session: commands and their answers, which come in any order."""

    socket: ClientConnection
    ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    waiting: dict[int, asyncio.Future[dict[str, Any]]] = field(default_factory=dict)

    async def read(self) -> None:
        """Hands answers to who waits for them, until the browser is gone."""
        with contextlib.suppress(ConnectionClosed):
            async for text in self.socket:
                message = json.loads(text)
                waiter = self.waiting.pop(message.get("id") or 0, None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(message)
        for waiter in self.waiting.values():
            waiter.cancel()

    async def command(self, method: str, **params: Any) -> dict[str, Any]:
        """The result of a command; `FirefoxError` with the browser's words when it is refused."""
        number = next(self.ids)
        self.waiting[number] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"id": number, "method": method, "params": params}))
        answer = await self.waiting[number]
        if answer["type"] == "error":
            raise FirefoxError(f"{method}: {answer['error']}: {answer['message']}")
        result: dict[str, Any] = answer["result"]
        return result


@dataclass(slots=True)
class FirefoxPage:
    """One tab. Clicks and keys are a person's: they reach whatever is on top at that place."""

    link: Link
    context: str

    async def size(self, width: int, height: int) -> None:
        viewport = {"width": width, "height": height}
        await self.link.command("browsingContext.setViewport", context=self.context, viewport=viewport)

    async def goto(self, url: str) -> None:
        await self.link.command("browsingContext.navigate", context=self.context, url=url, wait="complete")

    async def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page, awaited, as far as JSON can carry it."""
        answer = await self.link.command(
            "script.evaluate",
            expression=f"Promise.resolve({expression}).then(found => JSON.stringify(found ?? null))",
            target={"context": self.context},
            awaitPromise=True,
        )
        if answer["type"] != "success":
            raise FirefoxError(answer["exceptionDetails"]["text"])
        return json.loads(answer["result"]["value"])

    async def wait(self, expression: str, why: str, timeout: float = 60) -> Any:
        """The first true value of the expression."""

        async def look() -> Any:
            return await self.evaluate(expression) or None

        return await until(look, why, timeout)

    async def text(self, test_id: str) -> str:
        """What can be read in the first such element; empty while there is none."""
        found: str = await self.evaluate(f"document.querySelector('{_selector(test_id)}')?.innerText ?? ''")
        return found

    async def reads(self, test_id: str, words: str) -> None:
        """Waits until the element says `words`."""

        async def look() -> bool:
            return words in await self.text(test_id)

        await until(look, f"{test_id} to say {words}", 60)

    async def click(self, test_id: str) -> None:
        """Clicks the middle of the element once it is there and enabled."""
        selector = _selector(test_id)
        await self.wait(f"!!document.querySelector('{selector}:not(:disabled)')", f"{test_id} to be there")
        found = await self.link.command(
            "browsingContext.locateNodes",
            context=self.context,
            locator={"type": "css", "value": selector},
            maxNodeCount=1,
        )
        element = {"sharedId": found["nodes"][0]["sharedId"]}
        await self._act(
            "pointer",
            {"type": "pointerMove", "x": 0, "y": 0, "origin": {"type": "element", "element": element}},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        )

    async def fill(self, test_id: str, text: str) -> None:
        """Clicks the field and types into it."""
        await self.click(test_id)
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self._act("key", *keys)

    async def picture(self, path: Path) -> None:
        shot = await self.link.command("browsingContext.captureScreenshot", context=self.context)
        path.write_bytes(base64.b64decode(shot["data"]))

    async def _act(self, kind: str, *actions: dict[str, Any]) -> None:
        source = {"type": kind, "id": kind, "actions": list(actions)}
        await self.link.command("input.performActions", context=self.context, actions=[source])


def _selector(test_id: str) -> str:
    return f'[data-testid="{test_id}"]'


def _program() -> str:
    return os.environ.get("CALLCENTER_FIREFOX") or shutil.which("firefox-esr") or "/usr/bin/firefox-esr"


@contextlib.asynccontextmanager
async def _speaker() -> AsyncIterator[dict[str, str]]:
    """A loudspeaker that nobody hears, as an environment for who plays there: Firefox runs no Web Audio without one.

    A machine with another sound server has a loudspeaker of its own.
    """
    if shutil.which("pulseaudio") is None:
        yield {}
        return
    with tempfile.TemporaryDirectory(prefix="speaker-") as folder:
        here = {"PULSE_SERVER": f"unix:{folder}/socket", "PULSE_RUNTIME_PATH": folder, "PULSE_STATE_PATH": folder}
        process = await asyncio.create_subprocess_exec(
            *("pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "--realtime=no"),
            *("--high-priority=no", "--load=module-null-sink"),
            f"--load=module-native-protocol-unix socket={folder}/socket auth-anonymous=1",
            env={**os.environ, **here, "HOME": folder},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

        async def ready() -> bool:
            assert process.returncode is None, "the loudspeaker ended at start"
            return Path(folder, "socket").exists()

        try:
            await until(ready, "the loudspeaker", START_SECONDS)
            yield here
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@contextlib.asynccontextmanager
async def firefox(folder: Path) -> AsyncIterator[FirefoxPage]:
    """A Firefox with a profile and a home of its own in `folder`, whose microphone plays a tone."""
    profile = folder / "profile"
    profile.mkdir(parents=True)
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in PREFERENCES.items()]
    (profile / "user.js").write_text("\n".join(lines))
    log = folder / "firefox.log"
    async with _speaker() as sound:
        with log.open("wb") as told:
            process = await asyncio.create_subprocess_exec(
                *(_program(), "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"),
                env={**os.environ, **sound, "HOME": str(folder)},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=told,
                stderr=told,
            )

        async def listening() -> dict[str, Any] | None:
            if process.returncode is not None:
                raise AssertionError(f"Firefox ended at start:\n{log.read_text('utf-8', 'replace')}")
            with contextlib.suppress(OSError, ValueError):
                found: dict[str, Any] = json.loads((profile / BIDI_FILE).read_text())
                return found
            return None

        try:
            where = await until(listening, "Firefox to listen", START_SECONDS)
            async with connect(f"ws://{where['ws_host']}:{where['ws_port']}/session", max_size=None) as socket:
                link = Link(socket)
                reader = asyncio.create_task(link.read())
                await link.command("session.new", capabilities={})
                tabs = await link.command("browsingContext.getTree")
                yield FirefoxPage(link, tabs["contexts"][0]["context"])
                await link.command("browser.close")
                await reader
        finally:
            await _ended(process)


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Waits for a browser that was asked to close; one that was not, or does not, is killed."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            await process.wait()
    if process.returncode is None:
        process.kill()
        await process.wait()
