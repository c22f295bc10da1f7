"""A desk phone with sound: a SIP user agent over UDP that is no browser, plays a tone, keeps what it hears, and has the
keys a real one has (hold, resume, hang up)."""

from __future__ import annotations

import asyncio
import math
import re
import secrets
import struct
import wave
from pathlib import Path
from typing import Any

from tests.pbx.sip_client import DeskPhone, header

FRAME = 160
"""Samples of 20 ms at 8 kHz."""


def _expand(code: int) -> int:
    """One A-law byte (G.711) as a 16-bit sample."""
    code ^= 0x55
    exponent, mantissa = (code & 0x70) >> 4, code & 0x0F
    sample = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return sample if code & 0x80 else -sample


_DECODED = [_expand(code) for code in range(256)]


def _compress(sample: int) -> int:
    return min(range(256), key=lambda code: abs(_DECODED[code] - sample))


def _tone(hz: int) -> bytes:
    """One second of it; whole periods, so that it may be repeated."""
    return bytes(_compress(int(8000 * math.sin(2 * math.pi * hz * index / 8000))) for index in range(8000))


class _Media(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.heard = bytearray()

    def datagram_received(self, data: bytes, _: Any) -> None:
        if len(data) > 12 and data[1] & 0x7F == 8:
            self.heard += data[12:]


class TalkingPhone(DeskPhone):
    """Registers, answers whatever rings, talks. What it sends while it holds is nothing, as a real phone does."""

    def __init__(self, user: str, password: str, pbx_port: int, tone_hz: int) -> None:
        super().__init__(user, password, pbx_port)
        self._sound = _tone(tone_hz)
        self._number = 10
        self._holding = False
        self._talker: asyncio.Task[None] | None = None
        self.rang = 0
        """How many INVITEs arrived."""

    async def open(self) -> None:
        await super().open()
        self.media.close()
        loop = asyncio.get_running_loop()
        self.media, self._ear = await loop.create_datagram_endpoint(_Media, local_addr=("127.0.0.1", 0))

    def close(self) -> None:
        self._silence()
        super().close()

    def datagram_received(self, data: bytes, address: Any) -> None:
        message = data.decode()
        fresh = message.startswith("INVITE") and "tag=" not in header(message, "To")
        super().datagram_received(data, address)
        if message.startswith("INVITE"):
            self._talk_to(message)
            self.rang += fresh
            if fresh:
                self._ear.heard.clear()
                self._holding = False
        elif message.startswith("BYE"):
            self._silence()

    async def hold(self) -> None:
        self._holding = True
        await self._press("sendonly")

    async def resume(self) -> None:
        await self._press("sendrecv")
        self._holding = False

    async def _press(self, direction: str) -> None:
        self._number += 1
        await self.set_direction(direction, self._number)

    async def hang_up(self) -> None:
        target = re.search(r"<(sip:[^>]+)>", header(self.invite, "Contact"))
        assert target
        self._number += 1
        lines = [
            f"BYE {target[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport",
            "Max-Forwards: 70",
            f"From: {header(self.invite, 'To')};tag=phone",
            f"To: {header(self.invite, 'From')}",
            f"Call-ID: {header(self.invite, 'Call-ID')}",
            f"CSeq: {self._number} BYE",
        ]
        self._send("\r\n".join([*lines, *self._body("")]))
        await self.status()
        self._silence()

    def keep(self, path: Path) -> Path:
        """Writes what was heard in the last call to a file."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            samples = [_DECODED[code] for code in self._ear.heard]
            file.writeframes(struct.pack(f"<{len(samples)}h", *samples))
        return path

    @property
    def seconds_heard(self) -> float:
        return len(self._ear.heard) / 8000

    def _talk_to(self, invite: str) -> None:
        port = re.search(r"^m=audio (\d+)", invite, re.MULTILINE)
        host = re.search(r"^c=IN IP4 ([\d.]+)", invite, re.MULTILINE)
        if port and host:
            self._silence()
            self._talker = asyncio.create_task(self._talk((host[1], int(port[1]))))

    def _silence(self) -> None:
        if self._talker is not None:
            self._talker.cancel()
            self._talker = None

    async def _talk(self, target: tuple[str, int]) -> None:
        ssrc, sequence, stamp, at = secrets.randbits(32), 0, 0, 0
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self._holding:
                head = struct.pack("!BBHII", 0x80, 8, sequence & 0xFFFF, stamp & 0xFFFFFFFF, ssrc)
                self.media.sendto(head + self._sound[at : at + FRAME], target)
            sequence, stamp, at = sequence + 1, stamp + FRAME, (at + FRAME) % 8000
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))
