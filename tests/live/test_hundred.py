"""A hundred callers at once on one shared package that pays for a hundred and fifty minutes.

SIPp plays the agents' phones and the customers, without audio, so that a hundred calls are no burden for the machine;
gates, holds, limits and charges are the product's and Asterisk's own. A minute lasts `TEST_MINUTE_SECONDS` seconds,
10 unless it is set: 60 shows the same at its true length.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert, select, update

from callcenter.app import open_database
from callcenter.demo.client import Client
from callcenter.demo.free_ports import sandbox
from callcenter.domain.terms import Mode, PackageKind
from callcenter.ledger import book
from callcenter.ledger.packages import NewLot, Packages, issue
from callcenter.pbx.stack import TelephonyStack
from callcenter.store.base import utcnow
from callcenter.store.tables.books import posting
from callcenter.store.tables.calls import call
from callcenter.store.tables.packages import package_member, voice_package
from callcenter.store.tables.people import employee
from tests.bench.traffic import Registrar, Sipp, free_port
from tests.live.installation import Installation, Switch, until

pytestmark = pytest.mark.live

CALLERS, MINUTES = 100, 150
MINUTE = int(os.environ.get("TEST_MINUTE_SECONDS", "10"))
CUSTOMER = "13800000001"


@dataclass(frozen=True, slots=True)
class Floor:
    """A hundred agents at their phones, and the one package that they have."""

    made: Installation
    agents: list[Client]
    package_id: int

    async def books(self) -> book.Balances:
        async with self.made.database.glance() as connection:
            return await book.balances(connection, self.made.company_id, self.package_id)


@pytest.fixture
async def hundred(tmp_path: Path) -> AsyncIterator[Floor]:
    network, phones = free_port(), free_port()
    settings = sandbox(tmp_path, log_level="WARNING", trunk_host=f"127.0.0.1:{network}", rtp_count=1000)
    stack = TelephonyStack(settings, keep_running=True)
    database = await open_database(settings)
    made = Installation(tmp_path, settings, stack, database, Packages(database), Switch(0, settings.ami_port))
    sipp = Sipp(stack.install, tmp_path)
    try:
        await made.seed(CALLERS)
        package_id = await _share(made)
        async with sipp.answering(network):
            await stack.start()
            await made.start_engine()
            await _register(made, phones)
            async with sipp.answering(phones):
                agents = [await _seated(made, index) for index in range(CALLERS)]
                yield Floor(made, agents, package_id)
    finally:
        for client in made.clients:
            await client.__aexit__()
        await made.stop_engine()
        await made.database.close()
        await made.stack.pbx.stop()


@pytest.mark.feature("P-54", "V-06")
async def test_a_hundred_callers_use_a_shared_package_to_the_last_minute(hundred: Floor) -> None:
    made = hundred.made
    watching = asyncio.create_task(_watch(hundred))
    calls = await asyncio.gather(*(agent.dial(CUSTOMER) for agent in hundred.agents))
    assert len(set(calls)) == CALLERS
    ended = await until(lambda: _ended(made), "all calls to be settled", 2 * MINUTE + 60)
    watching.cancel()
    assert Counter(row.end_reason for row in ended) == {"minutes_used_up": CALLERS}
    assert await hundred.books() == book.Balances(0, 0, MINUTES)
    assert sorted(row.id for row in ended) == sorted(calls)
    assert sum(row.minutes_charged for row in ended) == MINUTES
    assert await _given_back(hundred) == [], "nobody was cut who still held a minute"
    legs = await _compared(made)
    assert len(legs) == CALLERS
    assert {leg["why"] for leg in legs} == {""}, "Asterisk's own file says the same"
    assert sum(leg["recorded_minutes"] for leg in legs) == MINUTES
    for leg in legs:
        paid = leg["charged_minutes"] * MINUTE
        assert paid - 0.5 <= _talked(made, leg["leg_id"]) < paid + 1, "cut at the paid second, and not before"
    with pytest.raises(asyncio.CancelledError):
        await watching


async def _watch(floor: Floor) -> None:
    """At no moment is a minute more or less in the books than was bought."""
    while True:
        now = await floor.books()
        assert now.available + now.reserved + now.used == MINUTES, now
        assert min(now.available, now.reserved, now.used) >= 0, now
        await asyncio.sleep(0.2)


async def _share(made: Installation) -> int:
    """Gives everybody a share of one package, and nothing else."""
    now = utcnow()
    everybody = select(employee.c.id).where(
        employee.c.company_id == made.company_id, employee.c.login.startswith("agent")
    )
    new = NewLot(
        "共享包",
        Mode.DIRECT,
        MINUTES,
        now,
        now + timedelta(days=1),
        kind=PackageKind.SHARED,
        quantity=CALLERS,
        increment_seconds=MINUTE,
    )
    async with made.database.write() as connection:
        own = voice_package.c.company_id == made.company_id
        await connection.execute(update(voice_package).where(own).values(expires_at=now))
        package_id = await issue(connection, made.company_id, new, by=None, now=now)
        members = [
            {"package_id": package_id, "employee_id": one, "company_id": made.company_id, "assigned_at": now}
            for one in (await connection.execute(everybody)).scalars()
        ]
        await connection.execute(insert(package_member), members)
    return package_id


async def _register(made: Installation, port: int) -> None:
    query = select(employee.c.id, employee.c.sip_secret).where(
        employee.c.company_id == made.company_id, employee.c.login.startswith("agent")
    )
    async with made.database.read() as connection:
        rows = (await connection.execute(query)).all()
    registrar = Registrar(made.settings.sip_port, port)
    await registrar.open()
    for row in rows:
        await registrar.register(f"agent-{row.id}", row.sip_secret)
    registrar.close()


async def _seated(made: Installation, index: int) -> Client:
    client = await made.client(f"agent{index}")
    await client.put("/api/me/state", {"state": "not_ready", "reason": "break"})
    return client


async def _ended(made: Installation) -> list[Any] | None:
    """All calls of the day once the last of them is settled."""
    columns = (call.c.id, call.c.end_reason, call.c.minutes_charged, call.c.billing)
    query = select(*columns).where(call.c.company_id == made.company_id)
    async with made.database.glance() as connection:
        rows = list((await connection.execute(query)).all())
    return rows if len(rows) >= CALLERS and all(row.billing == "settled" for row in rows) else None


async def _given_back(floor: Floor) -> list[str]:
    """Calls that ended with minutes which they held and had not begun."""
    query = select(posting.c.txn).where(
        posting.c.company_id == floor.made.company_id,
        posting.c.kind == book.Entry.RELEASE.value,
        posting.c.txn.startswith("release:"),
    )
    async with floor.made.database.glance() as connection:
        return sorted(set((await connection.execute(query)).scalars()))


def _talked(made: Installation, leg_id: str) -> float:
    """Seconds from answer to hangup of an outside leg, as Asterisk itself wrote them down."""
    with closing(sqlite3.connect(f"file:{made.stack.pbx.cel_database}?mode=ro", uri=True)) as records:
        rows = records.execute("SELECT eventtype, eventtime FROM cel WHERE uniqueid = ?", (leg_id,)).fetchall()
    times = {event: float(when) for event, when in rows}
    return times["HANGUP"] - times["ANSWER"]


async def _compared(made: Installation) -> list[dict[str, Any]]:
    """Every leg of today beside what was charged for it, as the reconciliation page shows it."""
    admin = await made.client("admin")
    zone = ZoneInfo((await admin.get("/api/settings/company"))["time_zone"])
    today: datetime = utcnow().astimezone(zone)
    found = await admin.get(f"/api/reconciliation/legs?day={today.date()}&flagged=false")
    legs: list[dict[str, Any]] = found["items"]
    return legs
