"""`./dev demo`: runs until stopped and tells a newcomer where to click."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import time
from pathlib import Path
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table
from sqlalchemy import update

from callcenter import app as application
from callcenter.demo.company import daytime_zone, make_demo
from callcenter.demo.people import CUSTOMERS, INBOUND, OFFERINGS
from callcenter.domain.gates import inside
from callcenter.features.people.accounts import has_company
from callcenter.settings import Settings
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.store.tables.people import company


async def serve(settings: Settings, until_stopped: Callable[[], Awaitable[None]]) -> int:
    """Runs the demo; Asterisk, the simulated network and the web face all stop with it."""
    console = Console()
    async with application.running(settings, stop_telephony=True) as app:
        logins = await _people(app, settings.data_dir / "demo.json")
        note = await _open_window(app.database)
        await app.telephony.changed()
        _print(console, app.url, logins, note)
        await until_stopped()
        console.print("\nStopping ...")
    return 0


async def _people(app: application.App, file: Path) -> list[dict[str, str]]:
    """The demo company, made at the first start; its random passwords stay in the data folder, mode 0600."""
    if file.exists() and await has_company(app.database):
        found: list[dict[str, str]] = json.loads(file.read_text("utf-8"))
        return found
    demo = await make_demo(app.database, app.packages, CUSTOMERS, inbound=INBOUND, offerings=OFFERINGS)
    logins = [
        {"role": one.role, "login": one.login, "name": one.name, "password": one.password} for one in demo.accounts
    ]
    file.touch(mode=0o600)
    file.write_text(json.dumps(logins, ensure_ascii=False), "utf-8")
    return logins


async def _open_window(database: Database) -> str:
    """Outside 08:30-21:30 in Shanghai the demo's company moves to a time zone where it is day, and says so."""
    now = utcnow()
    zone = "Asia/Shanghai"
    note = ""
    if not inside(now.astimezone(ZoneInfo(zone)).time(), (time(8, 30), time(20, 0))):
        zone = daytime_zone(now)
        note = f"It is outside dialling hours in Shanghai, so the demo company is in the time zone {zone} for now."
    async with database.write() as connection:
        await connection.execute(update(company).values(time_zone=zone))
    return note


def _print(console: Console, url: str, logins: list[dict[str, str]], note: str) -> None:
    """One short screen: where to go, who to be, what to do; the numbers to dial are in the page itself."""
    people = Table(box=None, padding=(0, 2), show_header=False)
    for one in logins:
        people.add_row(one["role"], f"[bold]{one['login']}[/]", one["password"], one["name"])
    console.print(f"\n[bold green]The call centre is running:[/] [bold]{url}[/]\n")
    console.print(people)
    console.print("\nSign in as agent and allow the microphone. The card of demo numbers on the right")
    console.print("says whom you can dial, and its button 有人来电 lets somebody call you.")
    if note:
        console.print(f"[yellow]{note}[/]")
    console.print("Ctrl+C stops everything.\n")
