"""The web face of a whole product for tests: real application, database and engine, and no Asterisk behind them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientSession, CookieJar, web_app
from sqlalchemy import func, insert, select, update
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from callcenter.app import all_routes
from callcenter.demo.company import DemoCustomer, make_customer
from callcenter.domain.events import LinkState
from callcenter.domain.numbers import normalise
from callcenter.domain.terms import Mode, OrderAction
from callcenter.domain.trunks import TrunkReport, TrunkState
from callcenter.engine import Core, Engine
from callcenter.engine.ports import Caller
from callcenter.features.money.tables import invoice_request, recharge, stray_payment
from callcenter.features.numbers.tables import number_application
from callcenter.features.packages import catalogue, orders
from callcenter.features.packages.quotes import Wanted
from callcenter.features.people.accounts import make_company
from callcenter.features.tasks.importing import Importer
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import Packages
from callcenter.ledger.reconcile import Reconciliation
from callcenter.ledger.settle import Settlement
from callcenter.recording.prompts import prompt_file, prompt_folder
from callcenter.settings import Settings
from callcenter.store import own_numbers
from callcenter.store.base import metadata, utcnow
from callcenter.store.database import Database
from callcenter.store.people import verify
from callcenter.store.tables.calls import call, call_waveform, leg
from callcenter.store.tables.inbound import (
    agent_group,
    blacklist,
    business_hours,
    callback_request,
    group_member,
    inbound_number,
    prompt,
    voicemail,
)
from callcenter.store.tables.numbers import company_number, outside_number, seat
from callcenter.store.tables.packages import offering
from callcenter.store.tables.people import audit, department, employee, role, web_session
from callcenter.store.tables.tasks import dial_task, dial_task_import, dial_task_number
from callcenter.web import openapi, static
from callcenter.web.audit_log import AuditLog
from callcenter.web.auth import COOKIE, Auth, hash_password
from callcenter.web.listening import listen
from callcenter.web.live import LiveHub
from callcenter.web.server import build
from callcenter.web.services import Services
from crm_bridge.bridge import CrmBridge
from crm_bridge.notes.tables import note
from tests import stores
from tests.intake.files import picture

PASSWORD = "right-horse-battery"
OWN, FOREIGN = "本域", "外域"
"""Every name in a company's rows begins with one of these, so that a foreign row in an answer can be seen."""
ROLES = ("agent", "supervisor", "admin")
PNG = picture()
DOCUMENT = f"{'0' * 32}.png"
"""The uploaded paper of every row that has one."""


class QuietPbx:
    """STAND-IN for the AMI link, for tests that need no telephony: always live, and keeps what it was sent.

    What Asterisk really does with an action is proven in `tests/live` and `tests/pbx`.
    """

    def __init__(self) -> None:
        self.state = LinkState.LIVE
        self.sent: list[dict[str, Any]] = []
        self.resyncs: list[str] = []

    def resync(self, reason: str) -> None:
        self.resyncs.append(reason)

    async def send(self, action: Mapping[str, Any], timeout: float | None = None) -> Any:
        self.sent.append(dict(action))
        return {"Response": "Success"}

    async def collect(
        self, action: Mapping[str, Any], end_event: str, timeout: float | None = None
    ) -> list[dict[str, str]]:
        """Nothing is kept in this Asterisk's database."""
        return []

    def originated(self) -> list[dict[str, Any]]:
        return [one for one in self.sent if one.get("Action") == "Originate"]


class NoTelephony:
    """STAND-IN for everything outside the database; the engine still reads the directory after each change."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self.revoked: list[int] = []
        self.ended: list[tuple[int, str, bool, bool]] = []
        """(employee, what becomes of calls, browser phone, desk phone) for each end of somebody's phones."""

    async def changed(self) -> None:
        if self.engine is not None:
            await self.engine.refresh()

    async def browser_credentials(self, employee_id: int) -> tuple[str, float]:
        return f"secret-of-{employee_id}", 3600.0

    async def end_phones(
        self,
        employee_id: int,
        *,
        calls: str,
        browser: bool,
        desk: bool,
        ended: Callable[[], None] | None = None,
    ) -> None:
        """As if nobody were in a call."""
        self.ended.append((employee_id, calls, browser, desk))
        if browser:
            self.revoked.append(employee_id)
        if ended is not None:
            ended()

    def trunk_report(self) -> TrunkReport:
        return TrunkReport(TrunkState.REJECTED, 401, utcnow())

    def phone_server(self) -> tuple[str, int]:
        return "127.0.0.1", 5160


class FakeSip:
    """STAND-IN for Asterisk's SIP WebSocket: keeps what it hears and says what a test wants."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.connections: list[ServerConnection] = []
        self.url = ""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[FakeSip]:
        async with serve(self._serve, "127.0.0.1", 0, subprotocols=[Subprotocol("sip")]) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.url = f"ws://127.0.0.1:{port}/ws"
            yield self

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        async for frame in connection:
            self.heard.put_nowait(frame if isinstance(frame, str) else frame.decode())


class Network:
    """A simulated phone network that knows one number and calls nobody."""

    numbers = ({"number": "13800000001", "display": "138 0000 0001", "what_zh": "接听", "what_en": "answers"},)

    async def call_in(self, number: str) -> str:
        return "13900000001"


@dataclass(slots=True)
class Company:
    """Ids of what one company has; `ids` are the agent's, `other` a colleague's outside the agent's and the
    supervisor's data scope."""

    id: int
    people: dict[str, int] = field(default_factory=dict)
    departments: dict[str, int] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)
    other: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class World:
    own: Company
    foreign: Company


@dataclass(slots=True)
class Site:
    """A served product."""

    url: str
    database: Database
    services: Services
    engine: Engine
    pbx: QuietPbx
    telephony: NoTelephony
    world: World

    @property
    def hub(self) -> LiveHub:
        return self.services.hub

    @contextlib.asynccontextmanager
    async def browser(self, role: str = "", company: str = "own") -> AsyncIterator[Browser]:
        """Somebody's browser; a `role` is signed in already, by the session that the world was made with."""
        cookies = {COOKIE: token_of(company, role)} if role else None
        async with ClientSession(cookie_jar=CookieJar(unsafe=True), cookies=cookies) as http:
            yield Browser(self.url, http)


@dataclass(slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    raw: bytes
    json: Any

    @property
    def code(self) -> str:
        return str(self.json["error"]["code"]) if isinstance(self.json, dict) and "error" in self.json else ""


class Browser:
    def __init__(self, url: str, http: ClientSession) -> None:
        self.url = url
        self.http = http

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Answer:
        if body is not None:
            options["json"] = body
        async with self.http.request(method, self.url + path, allow_redirects=False, **options) as answer:
            return await self._read(answer)

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def sign_in(self, login: str, password: str = PASSWORD, **options: Any) -> Answer:
        return await self.ask("POST", "/api/session", {"login": login, "password": password}, **options)

    @staticmethod
    async def _read(answer: ClientResponse) -> Answer:
        raw = await answer.read()
        value = await answer.json() if raw and answer.content_type == "application/json" else None
        return Answer(answer.status, answer.headers.copy(), raw, value)


def token_of(company: str, role: str) -> str:
    return f"test-session-{company}-{role}"


# -- the world ---------------------------------------------------------------------------------------------------------


async def make_world(path: Path) -> World:
    """Two companies with people of every role and rows of every kind."""
    database = Database(await stores.stores.kind.migrated(path))
    try:
        hashed = hash_password(PASSWORD)  # one for all: Argon2 is slow on purpose
        own = await _company(database, "own", OWN, "1380001", hashed)
        return World(own, await _company(database, "foreign", FOREIGN, "1380002", hashed))
    finally:
        await database.close()


async def _company(database: Database, code: str, mark: str, numbers: str, hashed: str) -> Company:
    # The first company runs the installation, the other is one of its customers.
    made = Company(await make_company(database, f"{mark}公司", operates=code == "own"))
    made.ids["company"] = made.other["company"] = made.id
    async with database.write() as connection:
        rooms: dict[str, int | None] = {"": None}
        for name, parent in (("root", ""), ("sales", "root"), ("team", "sales"), ("service", "root")):
            values = {"company_id": made.id, "name": f"{mark}{name}", "parent_id": rooms[parent]}
            row = await connection.execute(insert(department).values(**values).returning(department.c.id))
            made.departments[name] = rooms[name] = int(row.scalar_one())
        found = await connection.execute(select(role).where(role.c.company_id == made.id))
        roles = {row.code: row.id for row in found.all()}
        for name, role_code, room in (
            ("admin", "admin", None),
            ("supervisor", "supervisor", "sales"),
            ("agent", "agent", "team"),
            ("other", "agent", "service"),
        ):
            row = await connection.execute(
                insert(employee)
                .values(
                    company_id=made.id,
                    department_id=made.departments[room] if room else None,
                    role_id=roles[role_code],
                    login=f"{code}-{name}",
                    name=f"{mark}{name}",
                    password_hash=hashed,
                    sip_secret=f"{code}-{name}-sip-secret",
                    created_at=utcnow(),
                )
                .returning(employee.c.id)
            )
            made.people[name] = int(row.scalar_one())
            if name != "admin":
                await verify(connection, made.id, made.people[name])
            await connection.execute(
                insert(web_session).values(
                    token_hash=hashlib.sha256(token_of(code, name).encode()).hexdigest(),
                    company_id=made.id,
                    employee_id=made.people[name],
                    created_at=utcnow(),
                    expires_at=utcnow() + timedelta(hours=1),
                )
            )
        for index, (owner, ids) in enumerate((("agent", made.ids), ("other", made.other))):
            typed = f"{numbers}000{index}"
            await _rows(connection, made, ids, code, mark, made.people[owner], owner, typed)
        # An empty department, so that one can be deleted, and whom a body may name.
        empty = insert(department).values(company_id=made.id, name=f"{mark}empty").returning(department.c.id)
        made.ids["department"] = made.other["department"] = int((await connection.execute(empty)).scalar_one())
    for owner, ids in (("agent", made.ids), ("other", made.other)):
        ids["package"] = await Packages(database).grant(
            company_id=made.id,
            employee_id=made.people[owner],
            name=f"{mark}包",
            mode=Mode.DIRECT,
            minutes=100,
            days=30,
            now=utcnow(),
        )
        ids["employee"] = made.people[owner]
    await _order(database, made, own=code == "own")
    async with database.write() as connection:
        for index, (owner, ids) in enumerate((("agent", made.ids), ("other", made.other))):
            await _money_rows(connection, made, ids, mark, made.people[owner], f"{numbers}100{index}")
    return made


async def _order(database: Database, made: Company, *, own: bool) -> None:
    """An order of a package that costs nothing. What is for sale is nobody's row: to a stranger's id belongs none."""
    async with database.write() as connection:
        known = (await connection.execute(select(func.min(offering.c.id)))).scalar()
        terms = {"kind": "non_shared", "offer": "regular", "mode": "direct", "minutes": 100, "days": 30}
        prices = {"name": "畅享包", "price": 0, "list_price": 0}
        sold = known or await catalogue.add_offering(connection, terms | prices, utcnow())
        wanted = Wanted(sold, OrderAction.NEW, 1)
        made.ids["order"], _ = await orders.place(
            connection,
            made.id,
            made.people["admin"],
            wanted,
            key="of-the-world",
            request="",
            expected_paid=0,
            now=utcnow(),
        )
    made.other["order"] = made.ids["order"]
    made.ids["offering"] = made.other["offering"] = sold if own else 999_999


async def _rows(
    connection: Any, made: Company, ids: dict[str, Any], code: str, mark: str, owner: int, name: str, typed: str
) -> None:
    """One row of every kind that belongs to an employee, or to the company in that employee's name."""
    number, now = normalise(typed), utcnow()
    ids["number_text"] = number
    kept = DemoCustomer("personal", f"{mark}客户{name}", (typed,), (f"{mark}标签",), open_note=f"{mark}便签{name}")
    ids["customer"] = await make_customer(connection, made.id, owner, kept, now)
    ids["note"] = (await connection.execute(select(func.max(note.c.id)).where(note.c.company_id == made.id))).scalar()
    ids["call_id"] = f"{code}-{name}-call"
    await connection.execute(
        insert(call).values(**call_values(made.id, owner, ids["call_id"], number, now), customer_id=ids["customer"])
    )
    await connection.execute(
        update(call)
        .where(call.c.company_id == made.id, call.c.id == ids["call_id"])
        .values(note=f"{mark}备注", recording_state="ready", recording_path=f"{ids['call_id']}.opus")
    )
    await connection.execute(
        insert(leg).values(
            id=f"{ids['call_id']}-b",
            company_id=made.id,
            call_id=ids["call_id"],
            role="customer",
            number=number,
            state="null",
        )
    )
    body = {
        "duration": 3.0,
        "peaks": {"customer": [0.1], "agent": [0.2]},
        "silence_share": 0.1,
        "level_db": {"customer": -20.0, "agent": None},
        "format": "opus",
    }
    await connection.execute(insert(call_waveform).values(call_id=ids["call_id"], company_id=made.id, body=body))
    group = insert(agent_group).values(company_id=made.id, name=f"{mark}组{name}").returning(agent_group.c.id)
    ids["group"] = int((await connection.execute(group)).scalar_one())
    await connection.execute(insert(group_member).values(company_id=made.id, group_id=ids["group"], employee_id=owner))
    await own_numbers.claim(connection, made.id, [f"+8621{typed[-8:]}"], by=None, now=now, sure=True)
    led = insert(inbound_number).values(company_id=made.id, number=f"+8621{typed[-8:]}", group_id=ids["group"])
    ids["number"] = int((await connection.execute(led.returning(inbound_number.c.id))).scalar_one())
    await _inbound_rows(connection, made, ids, mark, name, now)
    listed = insert(blacklist).values(
        company_id=made.id, number=f"+86159{typed[-8:]}", reason=f"{mark}原因", created_at=now
    )
    ids["blacklist"] = int((await connection.execute(listed.returning(blacklist.c.id))).scalar_one())
    await connection.execute(
        insert(audit).values(
            company_id=made.id, actor_id=owner, action="test.row", object=f"{mark}对象", details={}, at=now
        )
    )


async def _money_rows(connection: Any, made: Company, ids: dict[str, Any], mark: str, owner: int, typed: str) -> None:
    """A recharge with its proof, an invoice request with its papers, an application, a number given to the owner."""
    now, admin = utcnow(), made.people["admin"]

    async def add(what: str, table: Any, **values: Any) -> None:
        row = insert(table).values(company_id=made.id, created_at=now, **values).returning(table.c.id)
        ids[what] = int((await connection.execute(row)).scalar_one())

    paper = {"applicant_id": admin, "remark": f"{mark}附言", "amount": 100}
    await add(
        "recharge", recharge, number=f"R{typed}", channel="offline", state="pending", proof_name=DOCUMENT, **paper
    )
    ids["stray_payment"] = await _stray(connection, made.id, admin, typed, now)
    papers = {"letter_name": DOCUMENT, "file_name": DOCUMENT, "fields": {}, "title": f"{mark}抬头"}
    await add("invoice", invoice_request, kind="ordinary", state="invoiced", **papers, **paper)
    await add(
        "application", number_application, quantity=1, region=f"{mark}地", fee=0, state="pending", applicant_id=admin
    )
    given = {"number": normalise(typed), "kind": "direct", "state": "assigned", "region": f"{mark}地"}
    await add("direct_number", outside_number, employee_id=owner, monthly_fee=0, dispatched_at=now, **given)


async def _stray(connection: Any, company_id: int, admin: int, typed: str, now: datetime) -> int:
    """Money that came for a code that had run out."""
    code = {
        "number": f"V{typed}",
        "channel": "alipay",
        "amount": 100,
        "state": "void",
        "pay_code": f"SIMULATED-{typed}",
    }
    meant = insert(recharge).values(company_id=company_id, applicant_id=admin, created_at=now, **code)
    recharge_id = (await connection.execute(meant.returning(recharge.c.id))).scalar_one()
    row = insert(stray_payment).values(company_id=company_id, recharge_id=recharge_id, amount=100, paid_at=now)
    return int((await connection.execute(row.returning(stray_payment.c.id))).scalar_one())


async def _inbound_rows(
    connection: Any, made: Company, ids: dict[str, Any], mark: str, name: str, now: datetime
) -> None:
    """Hours, a voicemail and a request to be called back of the owner's group."""
    values = {"company_id": made.id, "code": f"{mark}{name}"[:16], "employee_id": made.people[name], "created_at": now}
    ids["seat"] = int((await connection.execute(insert(seat).values(**values).returning(seat.c.id))).scalar_one())
    number = f"{ids['number_text']}0"
    values = {"company_id": made.id, "number": number, "kind": "direct", "seat_id": ids["seat"], "created_at": now}
    await own_numbers.claim(connection, made.id, [str(values["number"])], by=None, now=now, sure=True)
    claimed = select(company_number.c.id).where(
        company_number.c.company_id == made.id, company_number.c.number == str(values["number"])
    )
    ids["claim"] = int((await connection.execute(claimed)).scalar_one())
    row = insert(outside_number).values(**values).returning(outside_number.c.id)
    ids["outside_number"] = int((await connection.execute(row)).scalar_one())
    hours = insert(business_hours).values(company_id=made.id, name=f"{mark}时间{name}", weekly={}, holidays=[])
    ids["hours"] = int((await connection.execute(hours.returning(business_hours.c.id))).scalar_one())
    message = insert(voicemail).values(
        company_id=made.id,
        call_id=ids["call_id"],
        group_id=ids["group"],
        number=ids["number_text"],
        customer_id=ids["customer"],
        state="ready",
        path=f"{ids['call_id']}.opus",
        duration=3.0,
        at=now,
    )
    ids["voicemail"] = int((await connection.execute(message.returning(voicemail.c.id))).scalar_one())
    request = insert(callback_request).values(
        company_id=made.id,
        group_id=ids["group"],
        number=ids["number_text"],
        customer_id=ids["customer"],
        queued_at=now,
        next_try_at=now + timedelta(days=1),
        open_key=f"{ids['group']}:{ids['number_text']}",
    )
    ids["callback"] = int((await connection.execute(request.returning(callback_request.c.id))).scalar_one())
    await _task_rows(connection, made, ids, mark, made.people[name], now)
    if name == "agent":
        spoken = {"kind": "greeting", "name": f"{mark}问候语", "duration": 1.0, "created_at": now}
        row = insert(prompt).values(company_id=made.id, **spoken).returning(prompt.c.id)
        ids["prompt"] = prompt_file(Path(), int((await connection.execute(row)).scalar_one()), now).name


async def _task_rows(connection: Any, made: Company, ids: dict[str, Any], mark: str, owner: int, now: datetime) -> None:
    """A dial task of the owner's, a file that was imported into it, and its one number, which is the owner's to dial.

    The task of the colleague out of scope is secret: there is nothing in it for others.
    """
    secret = owner == made.people["other"]
    values = {
        "company_id": made.id,
        "name": f"{mark}任务{owner}",
        "secret": secret,
        "claim": "assigned" if secret else "self",
    }
    task = insert(dial_task).values(**values, creator_id=owner, created_at=now).returning(dial_task.c.id)
    ids["dial_task"] = int((await connection.execute(task)).scalar_one())
    mine = {"company_id": made.id, "task_id": ids["dial_task"], "created_at": now}
    done = {"file_name": f"{mark}.xlsx", "state": "done", "total": 1, "success": 1, "operator_id": owner}
    row = insert(dial_task_import).values(**mine, **done).returning(dial_task_import.c.id)
    ids["task_import"] = int((await connection.execute(row)).scalar_one())
    named = {
        "number": f"+86158{ids['number_text'][-8:]}",
        "name": f"{mark}联系人",
        "assignee_id": owner,
        "assigned_at": now,
    }
    number = insert(dial_task_number).values(**mine, **named, import_id=ids["task_import"])
    ids["task_number"] = int((await connection.execute(number.returning(dial_task_number.c.id))).scalar_one())


def call_values(company_id: int, employee_id: int | None, call_id: str, number: str, at: datetime) -> dict[str, Any]:
    """An answered outbound call of half a minute."""
    return {
        "id": call_id,
        "company_id": company_id,
        "direction": "outbound",
        "mode": "direct",
        "source": "manual",
        "employee_id": employee_id,
        "number": number,
        "company_number": "02160000000",
        "state": "ended",
        "started_at": at - timedelta(minutes=1),
        "answered_at": at - timedelta(seconds=40),
        "ended_at": at - timedelta(seconds=10),
        "disposition": "ANSWERED",
        "end_reason": "customer_hung_up",
        "talk_seconds": 30,
        "billing": "settled",
    }


# -- serving it --------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def served(
    template: Path, world: World, folder: Path, *, sip_upstream: str = "ws://127.0.0.1:9/ws", **changes: Any
) -> AsyncIterator[Site]:
    """The real application over a copy of the world, on a free loopback port."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "callcenter.db"
    settings = Settings(data_dir=folder, recordings_dir=folder / "recordings", **changes)
    settings.recordings_dir.mkdir(exist_ok=True)
    for one in (world.own, world.foreign):
        for ids in (one.ids, one.other):
            (settings.recordings_dir / f"{ids['call_id']}.opus").write_bytes(bytes(range(256)) * 8)
        announcement = prompt_folder(settings) / one.ids["prompt"]
        announcement.parent.mkdir(exist_ok=True)
        announcement.write_bytes(bytes(64))
    (folder / "documents").mkdir(exist_ok=True)
    (folder / "documents" / DOCUMENT).write_bytes(PNG)
    database = Database(await stores.stores.kind.copy(template, path))
    hub, ledger, pbx, telephony = LiveHub(), Packages(database), QuietPbx(), NoTelephony()
    crm = CrmBridge(database, Caller)
    core = Core(database=database, packages=ledger, settlement=Settlement(database), crm=crm, push=hub, clock=utcnow)
    engine = Engine(core, CelFile(folder / "master.db", "test"))
    telephony.engine = engine
    hub.snapshot = engine.snapshot_of
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
        ports=(
            ledger,
            Reconciliation(database, CelFile(settings.data_dir / "master.db", "pbx")),
            Importer(database, settings.default_region),
        ),
        sip_upstream=sip_upstream,
        network=Network(),
    )
    routes = all_routes()
    application = build(services, routes)
    application[openapi.DOCUMENT] = openapi.build_document([one for one in routes if one.tag != static.routes.tag])
    await engine.start(pbx)
    core.link_state = LinkState.LIVE
    runner = await listen(application, "127.0.0.1", 0, 0.1)
    try:
        port = runner.addresses[0][1]
        yield Site(f"http://127.0.0.1:{port}", database, services, engine, pbx, telephony, world)
    finally:
        await runner.cleanup()
        await services.port(Importer).close()
        await engine.stop()
        # aiohttp remembers the last thousand handlers it wrapped, and with them everything that a site is made of.
        web_app._cached_build_middleware.cache_clear()
        await database.close()
        await stores.stores.kind.drop(path)


async def fingerprint(database: Database, company_id: int) -> dict[str, Any]:
    """All rows of a company, to see that nothing touched them."""
    found: dict[str, Any] = {}
    async with database.read() as connection:
        for table in metadata.sorted_tables:
            if "company_id" in table.c:
                query = select(table).where(table.c.company_id == company_id)
                found[table.name] = sorted(map(repr, (await connection.execute(query)).all()))
    return found


async def until(check: Callable[[], Any], what: str, timeout: float = 5.0) -> Any:
    """The first true answer of `check`."""
    deadline = asyncio.get_running_loop().time() + timeout
    while True:
        found = check()
        if found:
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"waited {timeout:.0f} s for {what}")
        await asyncio.sleep(0.01)
