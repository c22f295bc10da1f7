"""SIPp as everybody around the PBX: the phone network, the agents' phones and the callers. Loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callcenter.pbx.fetch import AsteriskInstall
from tests.pbx.sip_client import digest_answer, header, register

SCENARIOS = Path(__file__).parent / "sipp"
NEVER_MS = 600_000


@dataclass(frozen=True, slots=True)
class Sipp:
    """Runs SIPp scenarios; what is started ends with its block."""

    install: AsteriskInstall
    folder: Path
    host: str = "127.0.0.1"

    @contextlib.asynccontextmanager
    async def answering(self, port: int, talk_ms: int = NEVER_MS) -> AsyncIterator[None]:
        """Parties on `port` who take every call and hang up after `talk_ms`.

        A trunk must answer before the PBX asks for the first time whether it is there: it asks again half a minute
        later, and calls nobody until then.
        """
        process = await self._start("answers", talk_ms, f"answers-{port}", "-p", str(port))
        try:
            while not _is_bound(port):
                if process.returncode is not None:
                    raise RuntimeError(f"SIPp ended at once; port {port} may be taken.")
                await asyncio.sleep(0.05)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def call_in(self, pbx_port: int, number: str, *, rate: float, count: int, talk_ms: int) -> None:
        """`count` callers dial `number` at `rate` per second; returns when the last has hung up."""
        if count < 1:
            return
        # SIPp knows whole calls in a period of milliseconds.
        options = ["-s", number, "-r", "1", "-rp", str(max(1, round(1000 / rate))), "-m", str(count)]
        options += ["-timeout", f"{round(count / rate + talk_ms / 1000) + 40}s", f"{self.host}:{pbx_port}"]
        process = await self._start("calls_in", talk_ms, f"in-{free_port()}", "-p", str(free_port()), *options)
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.kill()

    async def _start(self, name: str, talk_ms: int, file: str, *options: str) -> asyncio.subprocess.Process:
        scenario = self.folder / f"{file}.xml"
        scenario.write_text((SCENARIOS / f"{name}.xml").read_text("utf-8").replace("TALK_MS", str(talk_ms)), "utf-8")
        if not self.install.sipp:
            raise RuntimeError("There is no SIPp here: install the Debian package sip-tester.")
        return await asyncio.create_subprocess_exec(
            *self.install.sipp,
            *("-sf", str(scenario), "-i", self.host, "-mi", self.host, "-nostdin", "-aa"),
            *options,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )


class Registrar(asyncio.DatagramProtocol):
    """Registers phones from the port on which SIPp takes their calls afterwards.

    The PBX calls a phone where its registration came from, whatever the phone says its address is.
    """

    def __init__(self, pbx_port: int, phones_port: int) -> None:
        self._pbx, self._phones = ("127.0.0.1", pbx_port), phones_port
        self._answers: asyncio.Queue[str] = asyncio.Queue()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        here = ("127.0.0.1", self._phones)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=here)

    def close(self) -> None:
        self._transport.close()

    def datagram_received(self, data: bytes, _: Any) -> None:
        message = data.decode()
        if message.startswith("SIP/2.0"):  # and no OPTIONS of the PBX, which asks again
            self._answers.put_nowait(message)

    async def register(self, user: str, password: str) -> None:
        contact = f"sip:{user}@127.0.0.1:{self._phones}"
        self._send(register(user, "UDP", contact, 1))
        proof = digest_answer(header(await self._final(), "WWW-Authenticate"), "REGISTER", "sip:pbx", user, password)
        self._send(register(user, "UDP", contact, 2, proof))
        assert " 200 " in (await self._final()).splitlines()[0]

    async def _final(self) -> str:
        async with asyncio.timeout(5):
            while True:
                answer = await self._answers.get()
                if not answer.startswith("SIP/2.0 1"):
                    return answer

    def _send(self, message: str) -> None:
        self._transport.sendto(message.encode(), self._pbx)


def _is_bound(port: int) -> bool:
    """Whether somebody holds the UDP port. Asked of the kernel: who binds it to find out may be in SIPp's way."""
    lines = Path("/proc/net/udp").read_text("ascii").splitlines()[1:]
    return any(int(line.split()[1].partition(":")[2], 16) == port for line in lines)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


__all__ = ["Registrar", "Sipp", "free_port"]
