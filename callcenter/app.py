"""The composition root: the only module that imports everything and puts it together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from callcenter import due
from callcenter.ami.link import AmiConfig, AmiLink
from callcenter.declared import declared
from callcenter.demo.network import DemoNetwork
from callcenter.domain import events as ev
from callcenter.domain.entities import EVENTS, POP, RECORDING_READY, VOICEMAIL, MessageLeft, OfCall, Refused
from callcenter.domain.numbers import display
from callcenter.engine import Core, Engine
from callcenter.engine.bus import TurnedAway
from callcenter.engine.clock import SteppingClock
from callcenter.engine.ports import Caller
from callcenter.features.notices.push import NoticePush
from callcenter.features.tasks.importing import Importer
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import Packages
from callcenter.ledger.reconcile import Reconciliation
from callcenter.ledger.settle import Settled, Settlement
from callcenter.pbx.ports import ABOUT_THE_PORT
from callcenter.pbx.render import make_private
from callcenter.pbx.stack import TelephonyStack
from callcenter.pbx.supervisor import Restarted, supervise
from callcenter.pbx.trunks import trunk_of
from callcenter.provisioning.keeper import TelephonyControl
from callcenter.recording.voicemail import Left, VoicemailWorker
from callcenter.recording.worker import RecordingWorker
from callcenter.settings import Settings
from callcenter.store import migrate
from callcenter.store.base import utcnow
from callcenter.store.database import Database
from callcenter.web import openapi, static
from callcenter.web.audit_log import AuditLog
from callcenter.web.auth import Auth
from callcenter.web.failures import REGISTRATION, SIGN_IN
from callcenter.web.kit import Route, Routes
from callcenter.web.listening import listen
from callcenter.web.live import LiveHub
from callcenter.web.server import build
from callcenter.web.services import Services
from crm_bridge.bridge import CrmBridge, Pop

log = logging.getLogger(__name__)

REFUSED_SECONDS = 2
BOOKS_SECONDS = 60
"""How often packages are expired, reminders are queued and fees are charged."""


def all_routes() -> list[Route]:
    """Every route of the product, those with a fixed path before those that a parameter would take from them."""
    return sorted((one for routes in declared(Routes) for one in routes.routes), key=_place)


def _place(route: Route) -> list[tuple[bool, str]]:
    return [(part.startswith("{"), part) for part in route.path.split("/")]


def api_document() -> bytes:
    """The OpenAPI document of the product as JSON: every route, and what the live link sends."""
    events = {one: one.data for one in EVENTS} | {POP: Pop}
    return openapi.build_document([one for one in all_routes() if one.tag != static.routes.tag], events)


class PortTaken(RuntimeError):
    """The web port is in use; the message says which setting to change."""


@dataclass(slots=True)
class App:
    """A running product: database, telephony, engine and web face."""

    settings: Settings
    database: Database
    stack: TelephonyStack
    engine: Engine
    packages: Packages
    link: AmiLink
    telephony: TelephonyControl
    services: Services
    worker: RecordingWorker
    messages: VoicemailWorker
    clock: SteppingClock
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://{self.settings.host}:{self.settings.port}"


def _wire(settings: Settings, database: Database, stack: TelephonyStack) -> App:
    hub = LiveHub()
    ledger = Packages(database)
    crm = CrmBridge(database, Caller, settings.default_region)
    records = records_of(settings)
    clock = SteppingClock(records.node)
    core = Core(
        database=database,
        packages=ledger,
        settlement=Settlement(database, settings.default_region),
        crm=crm,
        push=hub,
        clock=clock,
        region=settings.default_region,
    )
    engine = Engine(
        core,
        records,
        trunk=trunk_of(settings),
        reserve_minutes=settings.reserve_minutes,
        ring_seconds=settings.ring_seconds,
        agent_ring_seconds=settings.agent_ring_seconds,
        agent_lost_seconds=settings.agent_lost_seconds,
        callback_tries=settings.callback_tries,
        callback_retry_seconds=settings.callback_retry_seconds,
    )
    hub.snapshot = engine.snapshot_of
    host, _, port = (settings.ami_through or f"127.0.0.1:{settings.ami_port}").rpartition(":")
    link = AmiLink(AmiConfig(host, int(port), "engine", stack.pbx.secrets["ami_secret"]), engine.deliver)
    telephony = TelephonyControl(settings, stack.pbx, engine, link)

    def recorded(company_id: int, call_id: str, employee_id: int | None) -> None:
        hub.tell(company_id, RECORDING_READY, OfCall(call_id=call_id), employee_id)

    worker = RecordingWorker(
        database,
        stack.pbx.spool / "recordings",
        settings.recordings_dir,
        on_ready=recorded,
        format=settings.recording_format,
        workers=settings.recording_workers,
    )
    messages = VoicemailWorker(
        database,
        stack.pbx.spool / "voicemail",
        settings.recordings_dir,
        on_ready=lambda left: _message_left(hub, engine, left),
        format=settings.recording_format,
    )

    def settled(_: Settled) -> None:
        worker.nudge()
        messages.nudge()

    engine.core.bus.on(Settled, settled)
    engine.doors.exempt.add(settings.asterisk_host)
    services = Services(
        settings=settings,
        database=database,
        auth=Auth(database),
        audit=AuditLog(database),
        hub=hub,
        execute=engine.execute,
        telephony=telephony,
        live=engine,
        customers=crm,
        recordings=settings.recordings_dir,
        ports=(ledger, Reconciliation(database, records), Importer(database, settings.default_region)),
        sip_upstream=f"ws://127.0.0.1:{settings.pbx_http_port}/ws",
        network=DemoNetwork(stack.carrier) if settings.simulated_carrier else None,
    )

    def turned_away(who: TurnedAway) -> None:
        services.failures.note(REGISTRATION, who.company_id, who.account, who.address)

    engine.core.bus.on(TurnedAway, turned_away)
    return App(settings, database, stack, engine, ledger, link, telephony, services, worker, messages, clock)


def _message_left(hub: LiveHub, engine: Engine, left: Left) -> None:
    """Tells the group's agents, and whoever watches the company, of a new message."""
    data: MessageLeft = {
        "id": left.id,
        "call_id": left.call_id,
        "group_id": left.group_id,
        "number": left.number,
        "number_display": display(left.number),
        "customer_id": left.customer_id,
        "duration": left.duration,
    }
    members = [one for one in engine.core.directory.people.values() if left.group_id in one.group_ids]
    for one in members:
        hub.tell(left.company_id, VOICEMAIL, data, one.id)
    hub.tell(left.company_id, VOICEMAIL, data, None)
    if left.group_id is not None:
        engine.touch_group(left.group_id)


async def open_database(settings: Settings) -> Database:
    """The database at its newest schema."""
    make_private(settings.data_dir)
    database = Database(settings.resolved_database_url)
    await migrate.upgrade(database)
    return database


def records_of(settings: Settings) -> CelFile:
    """What the PBX of this installation records, whether or not it runs."""
    path = settings.data_dir / "pbx" / "log" / "master.db"
    return CelFile(path, str(path))


@contextlib.asynccontextmanager
async def running(settings: Settings, *, stop_telephony: bool) -> AsyncIterator[App]:
    """The whole product, serving, until the block ends.

    With `stop_telephony` false Asterisk is left running at the end: talking calls go on.
    """
    require_free_port(settings)
    database = await open_database(settings)
    stack = TelephonyStack(settings, keep_running=not stop_telephony)
    async with contextlib.AsyncExitStack() as cleanup:
        cleanup.push_async_callback(database.close)
        await cleanup.enter_async_context(stack)
        app = _wire(settings, database, stack)
        await app.services.port(Importer).recover()
        cleanup.push_async_callback(app.services.port(Importer).close)
        await app.engine.start(app.link)
        cleanup.push_async_callback(app.engine.stop)
        await app.telephony.provision()
        app.link.start()
        cleanup.push_async_callback(app.link.close)
        cleanup.push_async_callback(_cancel, app.tasks)
        _background(app, app.worker.run())
        _background(app, app.messages.run())
        _background(app, _watch_link(app))
        _background(app, app.telephony.trunk.run())
        _background(app, app.services.access.run())
        _background(app, app.services.failures.run())
        _background(app, _tell_refused(app))
        _background(app, _keep_books(app))
        _background(app, NoticePush(database, app.services.hub).run())
        _background(app, supervise(stack.pbx, _restarted))
        if settings.simulated_carrier:
            _background(app, supervise(stack.carrier.instance, _restarted))
        runner = await _serve(app)
        cleanup.push_async_callback(runner.cleanup)
        await app.link.wait_live(30)
        await app.telephony.on_live()
        yield app


def _background(app: App, work: Coroutine[Any, Any, None]) -> None:
    app.tasks.append(asyncio.create_task(work))


async def _serve(app: App) -> web.AppRunner:
    routes = all_routes()
    application = build(app.services, routes)
    application[openapi.DOCUMENT] = api_document()
    try:
        return await listen(application, app.settings.host, app.settings.port, 2)
    except OSError as error:
        if error.errno not in ABOUT_THE_PORT:
            raise
        raise _port_taken(app.settings) from None


def require_free_port(settings: Settings) -> None:
    """Raises `PortTaken` before anything else is started; telephony must not run for a web face that cannot."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            if error.errno not in ABOUT_THE_PORT:
                raise
            raise _port_taken(settings) from None


def _port_taken(settings: Settings) -> PortTaken:
    return PortTaken(
        f"Port {settings.port} on {settings.host} is in use. Stop the other program or set "
        "CALLCENTER_PORT to a free port."
    )


async def _watch_link(app: App) -> None:
    """After each new login of the link, Asterisk gets what it may have missed."""
    before = app.link.state
    while True:
        await asyncio.sleep(0.2)
        now = app.link.state
        if now is ev.LinkState.LIVE and before is not ev.LinkState.LIVE:
            with contextlib.suppress(Exception):
                await app.telephony.on_live()
        before = now


async def _keep_books(app: App) -> None:
    """What time alone does to the books; once a minute, and at once after a start.

    What has ended stays ended, so a clock that was set a moment ago is given time to be put right.
    """
    while True:
        if not app.clock.calm:
            await asyncio.sleep(BOOKS_SECONDS)
            continue
        try:
            if await due.run_due(app.database, utcnow()):
                await app.telephony.changed()
        except Exception:
            log.exception("the books could not be brought up to date; they will be tried again")
        await asyncio.sleep(BOOKS_SECONDS)


async def _tell_refused(app: App) -> None:
    """The operator's pages are told how many were refused at the doors; the trunk's addresses are never kept out."""
    before: Refused | None = None
    operator = None
    while True:
        with contextlib.suppress(OSError):
            host = app.settings.trunk_host.rpartition(":")[0] or app.settings.trunk_host
            if host:
                found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), None)
                app.engine.doors.exempt |= {str(one[4][0]) for one in found}
        for _ in range(30):
            await asyncio.sleep(REFUSED_SECONDS)
            services, doors = app.services, app.engine.doors
            told: Refused = {
                "sign_ins": services.failures.counts[SIGN_IN],
                "registrations": services.failures.counts[REGISTRATION],
                "connections": sum(services.gate.turned_away.values()),
                "waiting": doors.waiting,
            }
            operator = operator or min(app.engine.core.directory.companies, default=None)
            if told != before and operator is not None:
                before = told
                services.hub.publish(operator, [("system", "refused", told)])


async def _restarted(what: Restarted) -> None:
    if what.error:
        log.error("Asterisk (%s) did not come back: %s", what.role, what.error)
    else:
        log.warning("Asterisk (%s) was started again because %s", what.role, what.reason)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
