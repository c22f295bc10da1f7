"""Asks the product, every few seconds, what it holds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.demo.client import Client
from callcenter.pbx.instance import AsteriskInstance

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
    operator: Client
    """Signed in as who runs the installation."""
    pbx: AsteriskInstance
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
        pid = self.pbx.pid()
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) if pid else 0
        return Sample(
            asyncio.get_running_loop().time() - self.began,
            held["memory_bytes"] / MEGABYTE,
            pages * 4096 / MEGABYTE,
            held["open_files"],
            held["tasks"],
        )

    async def at_rest(self, seconds: float, like: Sample | None = None) -> Sample:
        """What is held when nobody works: once it stays the same (and is no more than `like`), or time is over."""
        last = await self.look()
        deadline = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(3.0)
            fresh = await self.look()
            if (fresh.open_files, fresh.tasks) == (last.open_files, last.tasks) and (
                like is None or max(fresh.open_files - like.open_files, fresh.tasks - like.tasks) <= 0
            ):
                return fresh
            last = fresh
        return last
