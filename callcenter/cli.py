"""`callcenter serve | stop | demo | migrate | adduser | reconcile | unit | openapi`: an installation's commands."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import json
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import msgspec

from callcenter import app as application
from callcenter import machine
from callcenter.ami.errors import AmiError
from callcenter.demo import interactive
from callcenter.demo.once import DemoFailed, once
from callcenter.deploy import stopping, unit
from callcenter.domain.numbers import BadNumber, normalise
from callcenter.features.numbers.seats import make_seat
from callcenter.features.people.accounts import first_company, has_company, make_company, make_employee
from callcenter.ledger import reconcile
from callcenter.pbx.errors import PbxError
from callcenter.pbx.trunks import kind_of
from callcenter.settings import Settings, SettingsError, load
from callcenter.store.base import utcnow
from callcenter.store.errors import DatabaseUnavailable
from callcenter.web.permissions import BUILTIN


def main(argv: list[str] | None = None) -> int:
    """Runs one command; prints one sentence that says what to do when it cannot."""
    options = _parser().parse_args(argv)
    machine.private_files()
    try:
        settings = load(options.config)
        kind_of(settings)  # a carrier that there is not is told before anything is started
    except SettingsError as error:
        return _fail(str(error))
    logging.basicConfig(
        # What other commands say is an answer to whoever typed them; a log before it would bury it.
        level=settings.log_level.upper() if options.command == "serve" else "WARNING",
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    if options.command in ("serve", "demo"):
        machine.raise_descriptor_limit()
        machine.keep_memory_together()
    try:
        return int(_run(options.run(settings, options)) or 0)
    except (PbxError, AmiError, application.PortTaken, DemoFailed) as error:
        return _fail(str(error))
    except DatabaseUnavailable:
        return _fail("The database cannot be reached. Start its server, or correct the setting database_url.")
    except OSError as error:
        if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOMEM):
            raise
        return _fail(f"The system has nothing left to start with: {error.strerror}. Raise its limit of open files.")
    except KeyboardInterrupt:
        return 130


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    try:
        import uvloop
    except ImportError:
        return asyncio.run(work)
    return uvloop.run(work)


def _fail(message: str) -> int:
    print(f"✗ {message}", file=sys.stderr)
    return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="callcenter", description="An asyncio call centre over Asterisk.")
    parser.add_argument("--config", type=Path, help="settings file (TOML)")
    commands = parser.add_subparsers(dest="command", required=True)
    serve = commands.add_parser("serve", help="run the product")
    serve.set_defaults(run=_serve)
    stop = commands.add_parser(
        "stop", help="take no new calls, wait for the running ones, then end the product and Asterisk"
    )
    stop.add_argument("--minutes", type=float, default=30, help="how long to wait for running calls (default 30)")
    stop.set_defaults(run=_stop)
    service = commands.add_parser("unit", help="print a systemd unit that runs the product with these settings")
    service.set_defaults(run=_unit)
    document = commands.add_parser("openapi", help="print the OpenAPI document of the product")
    document.set_defaults(run=_openapi)
    show = commands.add_parser("demo", help="run it with a simulated phone network and demo people")
    show.add_argument("--once", action="store_true", help="make one call each way, check every effect, stop")
    show.set_defaults(run=_demo)
    migrate = commands.add_parser("migrate", help="bring the database to the newest schema")
    migrate.set_defaults(run=_migrate)
    check = commands.add_parser("reconcile", help="Asterisk's own records beside what was charged, day by day")
    check.add_argument("--days", type=int, default=7, help="how many days back, today included (default 7)")
    check.add_argument("--json", action="store_true")
    check.set_defaults(run=_reconcile)
    add = commands.add_parser("adduser", help="add an employee; the first one also makes the company")
    add.add_argument("login")
    add.add_argument("--name", default="")
    add.add_argument("--role", choices=[one.code for one in BUILTIN], default="admin")
    add.add_argument("--company", default="")
    add.add_argument("--number", default="", help="the outside number that customers see when this agent calls")
    add.set_defaults(run=_adduser)
    return parser


async def until_stopped(stop: asyncio.Event | None = None) -> None:
    """Waits for SIGINT or SIGTERM, or for `stop`."""
    stop = stop or asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


async def _serve(settings: Settings, options: argparse.Namespace) -> int:
    async with application.running(settings, stop_telephony=False) as app, stopping.reachable(app) as stop:
        print(f"Serving on {app.url}", flush=True)
        await until_stopped(stop)
    return 0


async def _stop(settings: Settings, options: argparse.Namespace) -> int:
    """Exit code 1 when calls were cut because they did not end in time."""
    cut = await stopping.stop(settings, max(0.0, options.minutes) * 60, lambda line: print(line, flush=True))
    return int(cut > 0)


async def _unit(settings: Settings, options: argparse.Namespace) -> int:
    print(unit.rendered(options.config), end="")
    return 0


async def _openapi(settings: Settings, options: argparse.Namespace) -> int:
    sys.stdout.buffer.write(application.api_document())
    return 0


async def _demo(settings: Settings, options: argparse.Namespace) -> int:
    if options.once:
        return await once(settings)
    return await interactive.serve(settings, until_stopped)


async def _migrate(settings: Settings, options: argparse.Namespace) -> int:
    database = await application.open_database(settings)
    await database.close()
    print("The database is at the newest schema.")
    return 0


async def _reconcile(settings: Settings, options: argparse.Namespace) -> int:
    """Exit code 1 when a leg was charged otherwise than Asterisk recorded it."""
    database = await application.open_database(settings)
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.push_async_callback(database.close)
        found = await reconcile.report(database, application.records_of(settings), max(1, options.days), utcnow())
    if options.json:
        print(json.dumps([msgspec.to_builtins(line) for line in found], ensure_ascii=False))
    else:
        print(reconcile.as_table(found))
    return int(any(line.drift for line in found))


async def _adduser(settings: Settings, options: argparse.Namespace) -> int:
    if options.number:
        try:
            normalise(options.number, settings.default_region)
        except BadNumber:
            return _fail(f"{options.number} is not a telephone number.")
    database = await application.open_database(settings)
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.push_async_callback(database.close)
        if not await has_company(database):
            await make_company(database, options.company or "我的公司", time_zone=settings.time_zone)
        company_id = await first_company(database)
        account = await make_employee(
            database, company_id, login=options.login, name=options.name or options.login, role_code=options.role
        )
        may_dial = next("calls.dial" in one.permissions for one in BUILTIN if one.code == options.role)
        if may_dial:
            await make_seat(database, company_id, account.employee_id, direct=options.number)
    print(f"{account.login} ({account.role}) with the password {account.password}")
    if may_dial and not options.number:
        print("Bind an outside number to the seat (管理 → 坐席与号码) before the first call.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
