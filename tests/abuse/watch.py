"""What people notice while the product is attacked: calls that break and sign-ins that take long."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientError, ClientSession, ClientTimeout

from tests.live.installation import PASSWORD, Agent, Installation, until

CUSTOMERS = ("13800000001", "13800000002", "13800000003", "13800000004")
TALKING = 20
"""Calls that talk throughout."""
SIGN_IN_SECONDS = 0.25
"""Between two sign-ins."""
RECOVERY_SECONDS = 30.0
SOMEBODY = "203.0.113.9"
"""The address from which honest people come, as the proxy tells it."""


@dataclass(slots=True)
class Seen:
    """Of one attack: sign-ins (seconds, or None for one that failed) and the calls that talked when it began."""

    sign_ins: list[float | None] = field(default_factory=list)
    calls: dict[int, str] = field(default_factory=dict)
    pid: int | None = None

    @property
    def p95_ms(self) -> float | None:
        """None when a sign-in failed: there is no time that it took."""
        took = [one for one in self.sign_ins if one is not None]
        if len(took) < 2 or len(took) < len(self.sign_ins):
            return None
        return round(statistics.quantiles(took, n=20)[-1] * 1000, 1)


class Floor:
    """A call centre at work: `TALKING` agents in calls."""

    def __init__(self, made: Installation, agents: list[Agent]) -> None:
        self.made = made
        self.agents = agents

    async def busy(self) -> None:
        """Waits until every agent talks; calls that came to their own end are made anew."""
        for number, agent in enumerate(self.agents):
            if self._talking(agent) is None:
                await until(lambda one=agent: self._free(one), f"{agent.login} to be free")  # type: ignore[misc]
                await agent.client.dial(CUSTOMERS[number % len(CUSTOMERS)])
        for agent in self.agents:
            await agent.live.wait(lambda _, one=agent: self._talking(one), 30, f"{agent.login} to talk")  # type: ignore[misc]

    async def _free(self, agent: Agent) -> bool:
        return not any(call["employee"] and call["employee"]["id"] == agent.employee_id for call in self._calls(agent))

    def _calls(self, agent: Agent) -> list[dict[str, Any]]:
        return list(agent.live.entities.get("call", {}).values())

    def _talking(self, agent: Agent) -> str | None:
        mine = (one for one in self._calls(agent) if one["employee"] and one["employee"]["id"] == agent.employee_id)
        return next((str(one["id"]) for one in mine if one["state"] == "talking"), None)

    async def lost(self, seen: Seen) -> int:
        """Calls that talked when the attack began and do not talk in Asterisk any more."""
        shown = await self.made.stack.pbx.cli("core show channels concise")
        return sum(call_id not in shown for call_id in seen.calls.values())

    @contextlib.asynccontextmanager
    async def watched(self) -> AsyncIterator[Seen]:
        """Signs in over and over while the block runs."""
        seen = Seen(pid=self.made.stack.pbx.pid())
        seen.calls = {one.employee_id: found for one in self.agents if (found := self._talking(one)) is not None}
        assert len(seen.calls) >= TALKING, "too few calls talk"
        signing = asyncio.create_task(self._sign_in(seen))
        try:
            yield seen
        finally:
            signing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await signing

    async def _sign_in(self, seen: Seen) -> None:
        while True:
            seen.sign_ins.append(await sign_in(self.made, self.agents[len(seen.sign_ins) % len(self.agents)].login))
            await asyncio.sleep(SIGN_IN_SECONDS)

    async def recovered(self, seen: Seen) -> bool:
        """The same Asterisk runs, people sign in, pages follow, and a new call talks and ends."""
        deadline = time.monotonic() + RECOVERY_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError, TimeoutError, ClientError, OSError):
                if await sign_in(self.made, self.agents[0].login) is None or self.made.stack.pbx.pid() != seen.pid:
                    continue
                spare = await self.made.agent(len(self.agents), tone_index=0)
                call_id = await spare.client.dial(CUSTOMERS[0])
                await spare.wait_state(call_id, "talking")
                await spare.client.post(f"/api/calls/{call_id}/hangup")
                await spare.wait_ended(call_id)
                return True
            await asyncio.sleep(0.5)
        return False


async def sign_in(made: Installation, login: str) -> float | None:
    """Seconds that a person's sign-in took, through a connection of its own; None when it failed."""
    begun = time.monotonic()
    headers = {"Origin": made.url, "X-Forwarded-For": SOMEBODY, "X-Request": uuid.uuid4().hex}
    try:
        async with (
            ClientSession(timeout=ClientTimeout(total=15)) as http,
            http.post(
                f"{made.url}/api/session",
                json={"login": login, "password": PASSWORD, "client": "phone"},
                headers=headers,
            ) as answer,
        ):
            await answer.read()
            return time.monotonic() - begun if answer.status == 200 else None
    except (ClientError, OSError, TimeoutError):
        return None
