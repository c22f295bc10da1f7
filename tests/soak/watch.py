"""Asks the product, every few seconds, what it holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.demo.client import Client
from tests.live.installation import Installation

EVERY_SECONDS = 5.0
MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sample:
    """`at` is in seconds since the watch began; memory is resident."""

    at: float
    memory_mb: float
    pbx_memory_mb: float
    open_files: int
    tasks: int


@dataclass(slots=True)
class Watch:
    made: Installation
    operator: Client
    """Signed in as who runs the installation."""
    samples: list[Sample] = field(default_factory=list)
    began: float = 0.0

    async def run(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        self.began = loop.time()
        while loop.time() < deadline:
            self.samples.append(await self.look())
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> Sample:
        held = await self.operator.get("/api/platform/process")
        pid = self.made.stack.pbx.pid()
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) if pid else 0
        return Sample(
            asyncio.get_running_loop().time() - self.began,
            held["memory_bytes"] / MEGABYTE,
            pages * 4096 / MEGABYTE,
            held["open_files"],
            held["tasks"],
        )

    async def at_rest(self, seconds: float, like: Sample | None = None) -> Sample:
        """What is held when nobody works: once it stays the same, or is what it was in `like`, or time is over."""
        last = await self.look()
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(3.0)
            fresh = await self.look()
            against = last if like is None else like
            if (fresh.open_files, fresh.tasks) == (against.open_files, against.tasks):
                return fresh
            last = fresh
        return last

    def after(self, seconds: float) -> list[Sample]:
        return [one for one in self.samples if one.at >= seconds]
