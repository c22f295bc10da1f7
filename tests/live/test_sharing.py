"""Many talk on one shared package that runs out: every minute is used, none twice, and nobody is cut too early."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import insert

from callcenter.domain.terms import Mode, PackageKind
from callcenter.ledger import book
from callcenter.ledger.packages import NewLot, issue
from callcenter.store.base import utcnow
from callcenter.store.tables.packages import package_member
from tests.live.installation import Agent, Installation

pytestmark = pytest.mark.live

CALLERS, MINUTES, INCREMENT = 6, 9, 10
"""Nine minutes of ten seconds each: six callers begin one, three of them a second."""


@pytest.fixture
async def sharers(site: Installation) -> AsyncIterator[tuple[list[Agent], int]]:
    """Agents who have nothing but a share of one package, and its id."""
    agents = [await site.agent(index) for index in range(CALLERS)]
    now = utcnow()
    new = NewLot(
        "共享包",
        Mode.DIRECT,
        MINUTES,
        now,
        now + timedelta(days=1),
        kind=PackageKind.SHARED,
        quantity=CALLERS,
        increment_seconds=INCREMENT,
    )
    for agent in agents:
        await site.expire(agent.employee_id)
    async with site.database.write() as connection:
        package_id = await issue(connection, site.company_id, new, by=None, now=now)
        members = [
            {
                "package_id": package_id,
                "employee_id": one.employee_id,
                "company_id": site.company_id,
                "assigned_at": now,
            }
            for one in agents
        ]
        await connection.execute(insert(package_member), members)
    try:
        yield agents, package_id
    finally:
        for agent in agents:
            await site.grant(agent.employee_id)


@pytest.mark.feature("V-06", "P-51", "P-54")
async def test_a_shared_package_is_used_to_the_last_minute_and_no_further(
    site: Installation, sharers: tuple[list[Agent], int]
) -> None:
    agents, package_id = sharers
    calls = await asyncio.gather(*(agent.client.dial("13800000001") for agent in agents))
    ended = await asyncio.gather(*(agent.wait_ended(one, 60) for agent, one in zip(agents, calls, strict=True)))
    assert {one["end_reason"] for one in ended} == {"minutes_used_up"}
    found = [await site.settled(agent.client, one) for agent, one in zip(agents, calls, strict=True)]
    async with site.database.glance() as connection:
        assert await book.balances(connection, site.company_id, package_id) == book.Balances(0, 0, MINUTES)
    minutes = [one["call"]["minutes_charged"] for one in found]
    assert sum(minutes) == MINUTES
    for one in found:
        paid = one["call"]["minutes_charged"] * INCREMENT
        assert paid - 0.2 <= _talk(one) < paid + 1, "cut on the paid second, not before"
    for agent in agents:
        assert (await agent.client.get("/api/me/minutes"))["minutes_left"] == 0
    compared = await _compared(site)
    for call_id, charged in zip(calls, minutes, strict=True):
        assert compared[call_id] == (charged, charged, ""), "Asterisk's own file says the same"


async def _compared(site: Installation) -> dict[str, tuple[int, int, str]]:
    """Call -> minutes recorded, minutes charged, and why they differ, as the page shows today."""
    admin = await site.client("admin")
    zone = ZoneInfo((await admin.get("/api/settings/company"))["time_zone"])
    today = utcnow().astimezone(zone).date()
    legs = (await admin.get(f"/api/reconciliation/legs?day={today}&flagged=false"))["items"]
    return {leg["call_id"]: (leg["recorded_minutes"], leg["charged_minutes"], leg["why"]) for leg in legs}


def _talk(found: dict[str, Any]) -> float:
    leg = next(one for one in found["legs"] if one["role"] == "customer")
    ended, answered = datetime.fromisoformat(leg["ended_at"]), datetime.fromisoformat(leg["answered_at"])
    return (ended - answered).total_seconds()
