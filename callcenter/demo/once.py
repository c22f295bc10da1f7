"""`./dev demo --once`: boots everything, makes calls both ways with scripted phones, and checks every effect."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from sqlalchemy import update

from callcenter import app as application
from callcenter.demo.client import Client, Live
from callcenter.demo.company import daytime_zone, make_demo
from callcenter.demo.free_ports import sandbox
from callcenter.demo.people import CUSTOMERS, INBOUND, OFFERINGS
from callcenter.features.people.accounts import Account
from callcenter.pbx.tones import hears
from callcenter.settings import Settings
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company

CUSTOMER, CUSTOMER_HZ = "13800000001", 600
CALLER, CALLER_HZ = "13900000001", 650
BUSY, NO_ANSWER = "13800000021", "13800000020"
AGENT_HZ = (550, 750)
LONG_TALK_SECONDS = 61.0
LENGTH_TOLERANCE = 0.3


class DemoFailed(RuntimeError):
    """Something that a call must leave behind was not there."""


@dataclass(slots=True)
class Checks:
    rows: list[tuple[str, bool, str]] = field(default_factory=list)

    def add(self, what: str, good: object, detail: object = "") -> None:
        self.rows.append((what, bool(good), str(detail)))

    @property
    def good(self) -> bool:
        return all(good for _, good, _ in self.rows)


@dataclass(slots=True)
class Desk:
    """One agent: signed in, ready, with a scripted phone on the desk."""

    client: Client
    live: Live
    endpoint: str
    employee_id: int


async def once(settings: Settings) -> int:
    """0 when every effect of the calls was seen, else 1; prints a table either way."""
    console = Console()
    checks = Checks()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="callcenter-once-") as folder:
        throwaway = sandbox(Path(folder), settings, ring_seconds=4, log_level="WARNING")
        async with application.running(throwaway, stop_telephony=True) as app:
            console.print(f"• running after {time.monotonic() - started:.1f} s")
            await _calls(app, checks, console)
    table = Table(title="What the calls left behind", title_justify="left")
    for heading in ("", "check", "seen"):
        table.add_column(heading)
    for what, good, detail in checks.rows:
        table.add_row("[green]✓[/]" if good else "[red]✗[/]", what, detail)
    console.print(table)
    console.print(f"{'All seen' if checks.good else 'Not all seen'} in {time.monotonic() - started:.0f} s.")
    return 0 if checks.good else 1


async def _calls(app: application.App, checks: Checks, console: Console) -> None:
    demo = await make_demo(app.database, app.packages, CUSTOMERS, inbound=INBOUND, offerings=OFFERINGS)
    async with app.database.write() as connection:
        await connection.execute(update(company).values(time_zone=daytime_zone(utcnow()), wrap_up_seconds=0))
    await app.telephony.changed()
    first, second, supervisor, _ = demo.accounts
    async with Client(app.url) as one, Client(app.url) as two, Client(app.url) as boss:
        # Only the second takes calls: the first must be free for its own outbound call.
        desks = [
            await _desk(app, one, first, AGENT_HZ[0], "not_ready"),
            await _desk(app, two, second, AGENT_HZ[1], "ready"),
        ]
        await boss.sign_in(supervisor.login, supervisor.password)
        board = await boss.live()
        console.print("• two agents are at their desks; calling out, calling in, busy, no answer ...")
        long_call, *others = await asyncio.gather(_outbound(desks[0]), _inbound_then_failures(app, desks[1], checks))
        inbound_call, busy_call, silent_call = others[0]
        await app.stack.carrier.quiet(15)
        rows = {call: await _final(boss, call) for call in (long_call, inbound_call, busy_call, silent_call)}
        _check_log(checks, rows[long_call], rows[inbound_call], rows[busy_call], rows[silent_call])
        await _check_audio(app, checks, desks)
        await _check_recordings(boss, checks, {"outbound": long_call, "inbound": inbound_call})
        _check_board(checks, board, long_call, inbound_call)
        left = (await one.get("/api/me/minutes"))["minutes_left"]
        checks.add("package charged exactly", left == 998, f"{left} of 1000 minutes left")


async def _desk(app: application.App, client: Client, account: Account, hz: int, state: str) -> Desk:
    me = await client.sign_in(account.login, account.password)
    await client.put("/api/me/device", {"device": "sip"})
    person = app.engine.core.directory.people[me["id"]]
    endpoint = f"agent-{person.id}"
    await app.stack.carrier.add_phone(endpoint, person.sip_secret, hz, answer_after=1.5)
    live = await client.live()
    await live.wait(lambda one: one.entities["agent"][str(person.id)]["registered"], why="the phone to register")
    await client.put("/api/me/state", {"state": state, "reason": "other" if state == "not_ready" else ""})
    return Desk(client, live, endpoint, person.id)


async def _outbound(desk: Desk) -> str:
    """A call of 61 s from the click to the agent's hang-up."""
    call_id = await desk.client.dial(CUSTOMER)
    await desk.live.wait(lambda one: _state(one, call_id) == "talking", 20, "the customer to answer")
    await asyncio.sleep(LONG_TALK_SECONDS)
    await desk.client.post(f"/api/calls/{call_id}/hangup")
    await desk.live.wait(lambda one: one.events("call_ended"), why="the end of the call")
    return call_id


async def _inbound_then_failures(app: application.App, desk: Desk, checks: Checks) -> tuple[str, str, str]:
    await app.stack.carrier.call_in(INBOUND, CALLER, CALLER_HZ, seconds=8)
    pop = (await desk.live.wait(lambda one: one.events("pop"), 20, "the screen pop"))[0]
    data = pop.message["data"]
    call_id = data["call_id"]
    await desk.live.wait(lambda one: _state(one, call_id) == "talking", 20, "the agent's phone to answer")
    talking = next(
        seen.at
        for seen in desk.live.seen
        if seen.message["type"] == "delta"
        and any(item[1] == call_id and item[2].get("state") == "talking" for item in seen.message["set"])
    )
    name = (data["customer"] or {}).get("name")
    checks.add("pop before answer", pop.at < talking, f"{name}, {talking - pop.at:.2f} s before")
    checks.add("pop shows the right customer and open note", name == "李建国" and data["open_notes"], name)
    await desk.live.wait(lambda one: one.events("call_ended"), 20, "the caller to hang up")
    await desk.client.put("/api/me/state", {"state": "not_ready", "reason": "other"})
    others = [await _until_over(desk, number) for number in (BUSY, NO_ANSWER)]
    return call_id, others[0], others[1]


async def _until_over(desk: Desk, number: str) -> str:
    call_id = await desk.client.dial(number)
    await desk.live.wait(
        lambda one: any(seen.message["data"]["call_id"] == call_id for seen in one.events("call_ended")),
        20,
        f"the call to {number} to end",
    )
    return call_id


async def _final(boss: Client, call_id: str) -> dict[str, Any]:
    """The call's row once its charges are final and its recording is done."""

    async def done() -> dict[str, Any] | None:
        found: dict[str, Any] = await boss.get(f"/api/calls/{call_id}")
        row = found["call"]
        settled = any(entry["kind"] in ("release", "settle") for entry in found["entries"])
        if row["direction"] == "outbound" and not settled:
            return None
        if row["disposition"] == "ANSWERED" and row["recording"]["state"] in ("none", "pending"):
            return None
        return found

    return await _eventually(done, 30, f"call {call_id} to be settled and recorded")


async def _eventually(what: Callable[[], Awaitable[dict[str, Any] | None]], timeout: float, why: str) -> dict[str, Any]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = await what()
        if found is not None:
            return found
        await asyncio.sleep(0.2)
    raise DemoFailed(f"Waited {timeout:.0f} s for {why}. Run the demo again; if it stays so, see the log above.")


def _check_log(
    checks: Checks, out: dict[str, Any], inward: dict[str, Any], busy: dict[str, Any], silent: dict[str, Any]
) -> None:
    rows = {"outbound": out["call"], "inbound": inward["call"], "busy": busy["call"], "no answer": silent["call"]}
    wanted = {
        "outbound": ("ANSWERED", 2),
        "inbound": ("ANSWERED", 0),
        "busy": ("BUSY", 0),
        "no answer": ("NO ANSWER", 0),
    }
    for name, row in rows.items():
        disposition, minutes = wanted[name]
        good = row["disposition"] == disposition and row["minutes_charged"] == minutes
        detail = f"{row['disposition']}, {row['talk_seconds']} s, {row['minutes_charged']} min, {row['end_reason']}"
        checks.add(f"log and charge: {name}", good, detail)
    checks.add(
        "outbound talked 61 s", out["call"]["talk_seconds"] >= 61, f"{out['call']['talk_seconds']} s = 2 minutes"
    )


async def _check_audio(app: application.App, checks: Checks, desks: list[Desk]) -> None:
    carrier = app.stack.carrier
    for what, party, hz in (
        ("customer hears agent (outbound)", CUSTOMER, AGENT_HZ[0]),
        ("agent hears customer (outbound)", desks[0].endpoint, CUSTOMER_HZ),
        ("caller hears agent (inbound)", CALLER, AGENT_HZ[1]),
        ("agent hears caller (inbound)", desks[1].endpoint, CALLER_HZ),
    ):
        files = carrier.heard(party)
        good = any([await asyncio.to_thread(hears, file, hz) for file in files])
        checks.add(what, good, f"{hz} Hz in {len(files)} recording(s)")


async def _check_recordings(boss: Client, checks: Checks, calls: dict[str, str]) -> None:
    for name, call_id in calls.items():
        found = await boss.get(f"/api/calls/{call_id}")
        leg = next(one for one in found["legs"] if one["role"] == "customer")
        talked = _seconds(leg["answered_at"], leg["ended_at"])
        length = found["call"]["recording"]["duration"] or 0.0
        audio = await boss.get(f"/api/calls/{call_id}/recording")
        # On a machine without time Asterisk drops sound: then the product has to say so itself.
        told = found["recording_missing"] or 0.0
        good = abs(length + told - talked) <= LENGTH_TOLERANCE and len(audio) > 1000
        said = f", and it says that {told:.1f} s are missing" if told else ""
        checks.add(f"recording: {name}", good, f"{length:.2f} s of {talked:.2f} s talk, {len(audio) // 1024} KiB{said}")


def _check_board(checks: Checks, board: Live, *calls: str) -> None:
    for call_id in calls:
        states = [
            item[2]["state"]
            for seen in board.seen
            if seen.message["type"] == "delta"
            for item in seen.message["set"]
            if item[0] == "call" and item[1] == call_id
        ]
        gone = any(["call", call_id] in seen.message["del"] for seen in board.seen if seen.message["type"] == "delta")
        checks.add(f"dashboard follows {call_id[:12]}", "talking" in states and gone, " → ".join(dict.fromkeys(states)))


def _state(live: Live, call_id: str) -> str:
    found = live.entities.get("call", {}).get(call_id)
    return found["state"] if found else ""


def _seconds(start: str, end: str) -> float:
    return (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
