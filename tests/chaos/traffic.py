"""Calls of every kind, one after the other, by agents who go on whatever breaks."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import aiohttp
from sqlalchemy import Select, insert, select

from callcenter.demo.client import Client, Failed
from callcenter.domain.terms import Mode, PackageKind
from callcenter.ledger.packages import NewLot, issue
from callcenter.store.base import utcnow
from callcenter.store.ledger_tables import package_member
from callcenter.store.tables import employee
from tests.live.installation import PASSWORD, Installation

ANSWERING = ("13800000001", "13800000002", "13800000030", "13800000031")
SILENT = ("13800000021", "13800000022", "13800000024")
SHARED_MINUTES, OWN_MINUTES = 5000, 1000


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
    refused: dict[str, int] = field(default_factory=dict)

    async def run(self, agents: int, deadline: float) -> None:
        """Lets that many agents work until enough calls were taken or the event loop's clock says `deadline`."""
        await asyncio.gather(*(self._agent(index, deadline) for index in range(agents)))

    async def _agent(self, index: int, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        while len(self.accepted) < self.wanted and loop.time() < deadline:
            client = Client(self.made.url)
            try:
                await client.sign_in(f"agent{index}", PASSWORD)
                await client.put("/api/me/device", {"device": "sip"})
                await client.put("/api/me/state", {"state": "not_ready", "reason": "break"})
                while len(self.accepted) < self.wanted and loop.time() < deadline:
                    await self._call(client)
            except (Failed, aiohttp.ClientError, OSError, TimeoutError) as error:
                self._note(error)
                await asyncio.sleep(0.5)
            finally:
                await client.__aexit__()

    async def _call(self, client: Client) -> None:
        number = self.random.choice(ANSWERING if self.random.random() < 0.8 else SILENT)
        mode = self.random.choice([Mode.DIRECT, Mode.DIRECT, Mode.CALLBACK])
        call_id = await self._dial(client, number, mode)
        if call_id is None:
            await asyncio.sleep(0.5)
            return
        await asyncio.sleep(self.random.uniform(1.5, 7.0))
        try:
            await client.post(f"/api/calls/{call_id}/hangup")
        except Failed as error:
            self._note(error)
        await asyncio.sleep(0.3)

    async def _dial(self, client: Client, number: str, mode: Mode) -> str | None:
        """Dials; an answer that was lost is asked for again with the same key, as a page does."""
        key = uuid.uuid4().hex
        for _ in range(20):
            try:
                body = {"number": number, "mode": mode.value}
                answer = await client.post("/api/calls", body, **{"Idempotency-Key": key})
            except (aiohttp.ClientError, OSError, TimeoutError):
                await asyncio.sleep(0.5)
                continue
            except Failed as error:
                self._note(error)
                return None
            call_id = str(answer["call_id"])
            if self.keys.setdefault(key, call_id) != call_id:
                self.doubled.append(key)
            self.accepted.append(call_id)
            return call_id
        return None

    def _note(self, error: BaseException) -> None:
        name = str(getattr(error, "code", "") or type(error).__name__)
        self.refused[name] = self.refused.get(name, 0) + 1


async def stock(made: Installation) -> None:
    """Half of the agents share one package for all modes, the others have their own."""
    now = utcnow()
    async with made.database.glance() as connection:
        people = [row for row in (await connection.execute(_people(made))).scalars()]
    half = people[::2]
    new = NewLot(
        "共享包",
        Mode.DIRECT,
        SHARED_MINUTES,
        now,
        now + timedelta(days=30),
        also_mode=Mode.CALLBACK,
        kind=PackageKind.SHARED,
        quantity=len(half),
    )
    async with made.database.write() as connection:
        package_id = await issue(connection, made.company_id, new, by=None, now=now)
        await connection.execute(
            insert(package_member),
            [
                {"package_id": package_id, "employee_id": one, "company_id": made.company_id, "assigned_at": now}
                for one in half
            ],
        )
    for one in half:
        await made.expire(one)
    for one in people[1::2]:
        await made.grant(one, OWN_MINUTES, mode=Mode.DIRECT, also_mode=Mode.CALLBACK)


def _people(made: Installation) -> Select[Any]:
    return (
        select(employee.c.id)
        .where(employee.c.company_id == made.company_id, employee.c.login.startswith("agent"))
        .order_by(employee.c.id)
    )
