"""What people do beside the telephone: pages that come and go, lists that are put in and taken out."""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import dataclass

from callcenter.demo.client import Client, Failed
from tests.chaos.traffic import TROUBLE
from tests.live.installation import PASSWORD, Installation

AT_ONCE = 4
READ = ("/api/calls", "/api/customers", "/api/employees", "/api/dial-tasks", "/api/me/minutes", "/api/notices")
ROWS = 200


@dataclass(slots=True)
class Pages:
    made: Installation
    random: random.Random
    opened: int = 0
    imported: int = 0

    async def run(self, deadline: float) -> None:
        """Some people look at their pages until the event loop's clock says `deadline`, one puts lists in."""
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._visit(deadline))
            group.create_task(self._import(deadline))

    async def _visit(self, deadline: float) -> None:
        """Sign in, watch the live page for a while, read some lists, leave; again and again."""
        loop = asyncio.get_running_loop()
        while loop.time() < deadline:
            with contextlib.suppress(Failed, *TROUBLE):
                async with Client(self.made.url) as client:
                    await client.sign_in("supervisor", PASSWORD)
                    await client.live()
                    self.opened += 1
                    for path in self.random.sample(READ, 3):
                        with contextlib.suppress(Failed):
                            await client.get(path)
                        await asyncio.sleep(self.random.uniform(0.5, 3.0))
                    await client.delete("/api/session")
            await asyncio.sleep(self.random.uniform(0.5, 2.0))

    async def _import(self, deadline: float) -> None:
        """A task with a fresh list, and its removal, every half minute."""
        loop = asyncio.get_running_loop()
        async with Client(self.made.url) as client:
            await client.sign_in("supervisor", PASSWORD)
            while loop.time() < deadline:
                with contextlib.suppress(Failed, *TROUBLE):
                    task = await client.post("/api/dial-tasks", {"name": f"名单{self.imported}", "claim": "self"})
                    first = self.random.randrange(10**6)
                    lines = "\n".join(f"137{(first + index) % 10**8:08d}" for index in range(ROWS))
                    await client.post(f"/api/dial-tasks/{task['id']}/imports", {"text": lines})
                    self.imported += 1
                    await asyncio.sleep(10.0)
                    await client.delete(f"/api/dial-tasks/{task['id']}")
                await asyncio.sleep(20.0)
