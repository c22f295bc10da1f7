"""A call made through the API that tests move about, and what it left behind."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from callcenter.demo.client import Client, Failed
from tests.live.installation import Agent, Installation, until

CUSTOMER, CUSTOMER_HZ = "13800000003", 800
THIRD, THIRD_HZ = "13800000002", 700


async def leg_of(agent: Agent, call_id: str, role: str, **wanted: Any) -> dict[str, Any]:
    """The call's leg of that role once it is as wanted."""

    def look(live: Any) -> dict[str, Any] | None:
        call = live.entities["call"].get(call_id)
        for leg in (call or {}).get("legs", ()):
            if leg["role"] == role and all(leg[key] == value for key, value in wanted.items()):
                found: dict[str, Any] = leg
                return found
        return None

    found: dict[str, Any] = await agent.live.wait(look, 15, f"the {role} to be {wanted}")
    return found


async def move(agent: Agent, call_id: str, move: str) -> None:
    await agent.client.post(f"/api/calls/{call_id}/move", {"move": move})


async def talking(site: Installation, index: int = 0) -> tuple[Agent, str]:
    agent = await site.agent(index)
    call_id = await agent.client.dial(CUSTOMER)
    await agent.wait_state(call_id, "talking")
    return agent, call_id


async def consulting(site: Installation) -> tuple[Agent, str]:
    agent, call_id = await talking(site)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": THIRD})
    await leg_of(agent, call_id, "third", state="connected")
    await leg_of(agent, call_id, "customer", place="held")
    return agent, call_id


async def over(site: Installation, agent: Agent, call_id: str) -> dict[str, Any]:
    """The call's final details; it is off the dashboard and its agent is free."""
    board = await (await site.client("supervisor")).live()
    await board.wait(lambda live: call_id not in live.entities["call"], 20, "the call to leave the dashboard")
    found = await site.settled(agent.client, call_id)
    await site.carrier.quiet(20)
    listed = await agent.client.get("/api/calls?page_size=200")
    assert [row["id"] for row in listed["items"]].count(call_id) == 1
    left = await agent.client.get("/api/me/minutes")
    assert left["minutes_reserved"] == 0
    await told_once(agent.client, found)
    for leg in found["legs"]:
        assert leg["minutes"] == outside_minutes(site, leg["id"]), leg
    return found


async def told_once(client: Client, found: dict[str, Any]) -> None:
    """The call is on its customer's timeline, once."""
    customer = found["call"]["customer"]
    if customer is not None:
        items = (await client.get(f"/api/customers/{customer['id']}/timeline"))["items"]
        assert [item["call"]["id"] for item in items if item["kind"] == "call"].count(found["call"]["id"]) == 1


def outside_minutes(site: Installation, uniqueid: str) -> int:
    """What a channel that was dialled over a trunk costs at a minute's increment, by Asterisk's own records alone."""
    with closing(sqlite3.connect(f"file:{site.stack.pbx.cel_database}?mode=ro", uri=True)) as records:
        rows = records.execute(
            "SELECT eventtype, eventtime, channame, exten FROM cel WHERE uniqueid = ? ORDER BY AcctId", (uniqueid,)
        ).fetchall()
    times = {event: float(when) for event, when, _, _ in rows}
    dialled = rows and rows[0][2].startswith("PJSIP/trunk-") and rows[0][3] == "s"  # a caller dials a number
    if not dialled or "ANSWER" not in times:
        return 0
    return math.ceil(max(1, int(times["HANGUP"] - times["ANSWER"])) / 60)


async def recorded_over(site: Installation, call_id: str, role: str) -> None:
    """Waits for Asterisk's own record of the end of a leg, whoever else sees it."""

    async def look() -> bool:
        with closing(sqlite3.connect(f"file:{site.stack.pbx.cel_database}?mode=ro", uri=True)) as records:
            ends = "SELECT 1 FROM cel WHERE eventtype = 'HANGUP' AND accountcode = ?"
            return records.execute(ends, (f"{call_id}.{role}",)).fetchone() is not None

    await until(look, f"the {role}'s leg to end")


def minutes(found: dict[str, Any]) -> dict[str, int]:
    return {leg["role"]: leg["minutes"] for leg in found["legs"]}


async def refused(client: Client, path: str, body: dict[str, Any]) -> str:
    with pytest.raises(Failed) as failed:
        await client.post(path, body)
    return str(failed.value.code)
