"""A running installation to measure: a real PBX, and the product serving in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from sqlalchemy import select

from callcenter.app import open_database
from callcenter.demo.client import Client, Live
from callcenter.demo.free_ports import sandbox
from callcenter.ledger.packages import Packages
from callcenter.pbx.stack import TelephonyStack
from callcenter.store.tables.people import employee
from tests.bench.sip import Phone
from tests.live.installation import Installation, Switch

Prepare = Callable[[Installation], Awaitable[None]]


@contextlib.asynccontextmanager
async def installation(agents: int, prepare: Prepare | None = None) -> AsyncIterator[Installation]:
    """As the live tests' one, but nothing stands between the product and the PBX, and nothing is logged for debugging.

    `prepare` fills the database before the product starts. Everything that was started ends with the block.
    """
    with tempfile.TemporaryDirectory(prefix="callcenter-bench-") as name:
        folder = Path(name)
        settings = sandbox(folder, log_level="WARNING")
        stack = TelephonyStack(settings, keep_running=True)
        database = await open_database(settings)
        switch = Switch(0, settings.ami_port)
        made = Installation(folder, settings, stack, database, Packages(database), switch)
        try:
            await made.seed(agents)
            if prepare is not None:
                await prepare(made)
            await stack.start()
            await made.start_engine()
            yield made
        finally:
            await made.close()


@contextlib.asynccontextmanager
async def desk(made: Installation, index: int, reply: str) -> AsyncIterator[tuple[Client, Live, Phone]]:
    """Agent number `index` signed in before a live screen, with a phone that treats calls as `reply` says."""
    login = f"agent{index}"
    client = await made.client(login)
    query = select(employee.c.id, employee.c.sip_secret).where(
        employee.c.company_id == made.company_id, employee.c.login == login
    )
    async with made.database.read() as connection:
        row = (await connection.execute(query)).one()
    phone = Phone(f"agent-{row.id}", row.sip_secret, made.settings.sip_port, reply)
    await phone.open()
    try:
        live = await client.live()
        key = str(row.id)
        await live.wait(lambda one: one.entities["agent"][key]["registered"], why="the phone to register")
        yield client, live, phone
    finally:
        phone.close()


async def no_call(live: Live) -> None:
    """Waits until the engine has told that no call is left."""
    await live.wait(lambda one: not one.entities.get("call"), why="the call to be over")
    live.seen.clear()


async def settle_down(seconds: float) -> None:
    """Lets what a call leaves behind (records, charges, the queue's next round) pass before the next one."""
    await asyncio.sleep(seconds)
