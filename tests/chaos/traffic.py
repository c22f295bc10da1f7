"""Calls of every kind, one after the other, by agents who go on whatever breaks."""

from __future__ import annotations

import asyncio
import contextlib
import random
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from callcenter.demo.client import Client, Failed
from callcenter.domain.terms import Mode
from callcenter.pbx.errors import PbxError
from tests.chaos.site import ACCESS, Part, part_of
from tests.live.installation import INBOUND, PASSWORD, Installation, outside_phone

ANSWERING = ("13800000001", "13800000002", "13800000003", "13800000030", "13800000031")
SILENT = ("13800000021", "13800000022", "13800000024")
CALLERS = ("13800000002", "13800000003", "13900000001", "13911112222")
THIRD = "13800000030"
"""Answers after a second and hangs up five seconds later, so that nobody is left talking for ever."""
MIXED = (Mode.DIRECT, Mode.DIRECT, Mode.CALLBACK, Mode.CALL_THROUGH)
MOVED = 0.35
"""Which part of the calls is held, consulted about, made a talk of three or passed on."""
TROUBLE = (aiohttp.ClientError, OSError, TimeoutError)


@dataclass(slots=True)
class Traffic:
    """What was asked for and what the product said to it."""

    made: Installation
    wanted: int
    random: random.Random
    accepted: list[str] = field(default_factory=list)
    """Ids of calls that the product took."""
    keys: dict[str, str] = field(default_factory=dict)
    """Idempotency key -> the call it was answered with."""
    doubled: list[str] = field(default_factory=list)
    """Keys that were answered with two different calls."""
    modes: Counter[str] = field(default_factory=Counter)
    moves: Counter[str] = field(default_factory=Counter)
    """What was done to talking calls, and taken by the product."""
    refused: Counter[str] = field(default_factory=Counter)
    inbound: int = 0
    """Callers who dialled the company's number."""

    async def run(self, agents: int, deadline: float) -> None:
        """Lets that many agents work until enough calls were taken or the event loop's clock says `deadline`."""
        work = {Part.MIXED: self._mixed, Part.LINE: self._on_line, Part.INBOUND: self._wait_for_callers}
        async with asyncio.TaskGroup() as group:
            for index in range(agents):
                group.create_task(self._agent(index, work[part_of(index)], deadline))
                if part_of(index) is Part.INBOUND:
                    group.create_task(self._call_in(deadline))

    def _goes_on(self, deadline: float) -> bool:
        return len(self.accepted) < self.wanted and asyncio.get_running_loop().time() < deadline

    async def _agent(self, index: int, work: Callable[[Client, int], Awaitable[None]], deadline: float) -> None:
        """One agent's day: whatever goes wrong, the agent signs in again and works on."""
        while self._goes_on(deadline):
            client = Client(self.made.url)
            try:
                await client.sign_in(f"agent{index}", PASSWORD)
                if client.me["device"] != "sip":
                    await client.put("/api/me/device", {"device": "sip"})
                while self._goes_on(deadline):
                    await work(client, index)
            except (Failed, *TROUBLE) as error:
                self._note(error)
                await asyncio.sleep(0.5)
            finally:
                await client.__aexit__()

    # -- agents who dial -------------------------------------------------------------------------------------------

    async def _mixed(self, client: Client, index: int) -> None:
        await self._away(client)
        await self._call(client, index, self.random.choice(MIXED))

    async def _on_line(self, client: Client, index: int) -> None:
        """An agent whose phone stays connected; a line that broke is opened again by the next click."""
        await self._away(client)
        if not await self._call(client, index, Mode.POINT):
            await client.put("/api/me/line")
            await asyncio.sleep(1.5)

    async def _away(self, client: Client) -> None:
        await client.put("/api/me/state", {"state": "not_ready", "reason": "break"})

    async def _call(self, client: Client, index: int, mode: Mode) -> bool:
        """One call from the click to the hang-up; false when the product refused it."""
        number = self.random.choice(ANSWERING if self.random.random() < 0.8 else SILENT)
        call_id = await self._dial(client, number, mode)
        if call_id is None:
            await asyncio.sleep(0.5)
            return False
        if mode is Mode.CALL_THROUGH:
            await self._call_access(index)
        if self.random.random() < MOVED:
            with contextlib.suppress(Failed):
                await self._move(client, call_id)
        await asyncio.sleep(self.random.uniform(0.5, 5.0))
        try:
            await client.post(f"/api/calls/{call_id}/hangup")
        except Failed as error:
            self._note(error)
        await asyncio.sleep(0.2)
        return True

    async def _dial(self, client: Client, number: str, mode: Mode) -> str | None:
        """Dials; an answer that was lost is asked for again with the same key, as a page does."""
        key = uuid.uuid4().hex
        for _ in range(20):
            try:
                body = {"number": number, "mode": mode.value}
                answer = await client.post("/api/calls", body, **{"Idempotency-Key": key})
            except TROUBLE:
                await asyncio.sleep(0.5)
                continue
            except Failed as error:
                self._note(error)
                return None
            call_id = str(answer["call_id"])
            if self.keys.setdefault(key, call_id) != call_id:
                self.doubled.append(key)
            self.accepted.append(call_id)
            self.modes[mode.value] += 1
            return call_id
        return None

    async def _call_access(self, index: int) -> None:
        """The agent calls the access number from the outside phone, as the screen says."""
        await asyncio.sleep(0.2)
        with contextlib.suppress(PbxError, *TROUBLE):
            await self.made.carrier.call_in(ACCESS, outside_phone(index), 750, seconds=20, ring_seconds=10)

    async def _move(self, client: Client, call_id: str) -> None:
        """Once the call talks: hold, consult, a talk of three, or pass it on."""
        for _ in range(25):
            found = (await client.get(f"/api/calls/{call_id}"))["call"]
            if found["ended_at"] is not None:
                return
            if found["answered_at"] is not None:
                break
            await asyncio.sleep(0.3)
        kind = self.random.choice(("hold", "cancel", "complete", "conference", "transfer"))
        path = f"/api/calls/{call_id}"
        if kind == "hold":
            await client.post(f"{path}/move", {"move": "hold"})
            await asyncio.sleep(1.0)
            await client.post(f"{path}/move", {"move": "resume"})
        elif kind == "transfer":
            await client.post(f"{path}/transfer", {"number": THIRD})
            await asyncio.sleep(3.0)
        else:
            await client.post(f"{path}/consult", {"number": THIRD})
            await asyncio.sleep(2.5)
            await client.post(f"{path}/move", {"move": kind})
            await asyncio.sleep(1.0)
        self.moves[kind] += 1

    # -- agents who are called -------------------------------------------------------------------------------------

    async def _wait_for_callers(self, client: Client, _: int) -> None:
        """Ready, all the time; an engine that came back asks nobody to say so again, but no harm is done by it."""
        await client.put("/api/me/state", {"state": "ready"})
        await asyncio.sleep(2.0)

    async def _call_in(self, deadline: float) -> None:
        """One caller after the other; some are impatient."""
        while self._goes_on(deadline):
            caller, seconds = self.random.choice(CALLERS), self.random.randint(2, 6)
            with contextlib.suppress(PbxError, *TROUBLE):
                call = await self.made.carrier.call_in(INBOUND, caller, 650, seconds=seconds, ring_seconds=8)
                self.inbound += 1
                await asyncio.sleep(seconds + self.random.uniform(1.0, 4.0))
                await self.made.carrier.hangup(call.channel_id)
            await asyncio.sleep(self.random.uniform(0.5, 3.0))

    def _note(self, error: BaseException) -> None:
        self.refused[str(getattr(error, "code", "") or type(error).__name__)] += 1

    def story(self) -> dict[str, Any]:
        """What was done, beside the figures of the verdict."""
        return {
            "modes": dict(sorted(self.modes.items())),
            "moves": dict(sorted(self.moves.items())),
            "inbound": self.inbound,
            "refused": dict(self.refused.most_common()),
        }
