"""Keeps Asterisk's configuration in step with the database: endpoints, queues, routes, browser credentials."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import select

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain.agents import employee_of
from callcenter.domain.endings import CallsEnd
from callcenter.domain.events import LinkState
from callcenter.domain.refusals import Refusal
from callcenter.domain.trunks import TrunkReport
from callcenter.engine import Engine
from callcenter.engine.agents.registrations import with_expiry
from callcenter.engine.ports import Pbx
from callcenter.pbx import provision
from callcenter.pbx.errors import PbxError
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.trunks import kind_of, trunk_of
from callcenter.provisioning import astdb
from callcenter.provisioning.trunk_watch import TrunkWatch
from callcenter.recording.prompts import prompt_file, prompt_folder
from callcenter.settings import Settings
from callcenter.store.base import utcnow
from callcenter.store.tables.inbound import prompt
from callcenter.store.tables.people import web_session

log = logging.getLogger(__name__)

FAMILIES = (
    "called",
    "access",
    "did",
    "did-company",
    "did-record",
    "did-priority",
    "did-hours",
    "did-closed",
    "hours",
    "queue-timeout",
    "queue-greeting",
    "queue-widen",
    "queue-sticky",
    "queue-overflow",
    "forward-limit",
    "prompt",
)
"""AstDB families that hold nothing but what `astdb.astdb` says."""
CONTACTS = "registrar/contact"
"""Where Asterisk keeps what is registered, by `<account>;@<digest of the address>`."""
FINISH_LOOK_SECONDS = 0.3
BROWSER_CREDENTIAL_SECONDS = 3600.0
"""How long a browser's SIP password is good for registering; it fetches a new one before that."""


class TelephonyControl:
    """The web face's way to everything outside the database."""

    def __init__(self, settings: Settings, instance: AsteriskInstance, engine: Engine, pbx: Pbx) -> None:
        self._settings = settings
        self._instance = instance
        self._engine = engine
        self._pbx = pbx
        self._routes: dict[str, str] = {}
        self._writing = asyncio.Lock()
        self._expiries: dict[int, asyncio.TimerHandle] = {}
        self.trunk = TrunkWatch(
            pbx,
            instance.log_file,
            engine.core.now,
            registers=kind_of(settings).registers,
            simulated=settings.simulated_carrier,
        )
        self._accounts: dict[int, provision.EndpointSpec] = {}
        self._finishing: dict[int, provision.EndpointSpec] = {}
        """Accounts that stay as they are until the running call is over: its BYE has to prove itself too."""
        self._owed: dict[int, bool] = {}
        """Employees whose phones Asterisk could not be told to end; whether the desk phone as well."""
        self._watchers: set[asyncio.Task[None]] = set()

    async def provision(self) -> None:
        """Writes endpoints and queues as the directory has them; unchanged files reload nothing."""
        directory = self._engine.core.directory
        async with self._writing:
            specs = {
                person.id: provision.EndpointSpec(person.id, person.sip_secret, person.name)
                for person in directory.people.values()
                if person.active and person.may_dial
            } | self._finishing
            await provision.write_endpoints(self._instance, specs.values())
            self._accounts = specs
            await provision.write_queues(self._instance, astdb.queue_specs(directory, await self._prompts()))

    async def changed(self) -> None:
        """People, groups, numbers or settings changed: the engine reads them, Asterisk follows."""
        await self._engine.refresh()
        await self.provision()
        await self.write_routes()

    async def write_routes(self) -> None:
        """Numbers, hours and waiting in AstDB; what has not changed since the last time is left alone."""
        if self._pbx.state is not LinkState.LIVE:
            return  # written at the next login
        wanted = astdb.astdb(self._engine.core.directory, await self._prompts(), trunk_of(self._settings))
        try:
            for key in await self._written() - wanted.keys():
                await self._delete(key)
            for key, value in wanted.items():
                if self._routes.get(key) != value:
                    family, name = key.split("/", 1)
                    await self._pbx.send(actions.db_put(family, name, value))
            self._routes = wanted
        except AmiError as error:
            log.warning("inbound routes could not be written now: %s", error)

    async def _written(self) -> set[str]:
        """Keys of ours that Asterisk has; after a start they may be those of numbers that are gone by now."""
        if self._routes:
            return set(self._routes)
        found: set[str] = set()
        for family in FAMILIES:
            with contextlib.suppress(AmiError):  # refused: there is none
                rows = await self._pbx.collect(actions.db_get_tree(family), "DBGetTreeComplete")
                found |= {row["Key"].lstrip("/") for row in rows if row.get("Key")}
        return found

    async def _delete(self, key: str) -> None:
        try:
            await self._pbx.send(actions.db_del(*key.split("/", 1)))
        except AmiError as error:
            if error.code != "refused":  # refused: it was gone already
                raise

    async def _prompts(self) -> dict[tuple[int, str], Path]:
        """Companies' own announcements whose file is there."""
        folder = prompt_folder(self._settings)
        async with self._engine.core.database.read() as connection:
            rows = await connection.execute(select(prompt).execution_options(all_companies=True))
            wanted = {(row.company_id, row.kind): prompt_file(folder, row.id, row.created_at) for row in rows.all()}
        return {key: path for key, path in wanted.items() if path.is_file()}

    async def on_live(self) -> None:
        """After every login of the link. Asterisk may be a fresh one, so everything is written again."""
        self._routes = {}
        await self.provision()
        await self.write_routes()
        for employee_id, desk in list(self._owed.items()):
            await self._end_now(employee_id, browser=True, desk=desk)
        await self._tidy_credentials()

    # -- browser phones --------------------------------------------------------------------------------------------

    async def browser_credentials(self, employee_id: int) -> tuple[str, float]:
        """A fresh password that Asterisk accepts for this employee's browser; the one before ends at once."""
        password = secrets.token_urlsafe(24)
        entry = provision.web_credential_db_entry(employee_id, password)
        try:
            await self._pbx.send(actions.db_put(*entry))
        except AmiError:
            raise Refusal("phones_unavailable") from None
        self._expire_later(employee_id)
        return password, BROWSER_CREDENTIAL_SECONDS

    # -- the end of somebody's phones ------------------------------------------------------------------------------

    async def end_phones(
        self,
        employee_id: int,
        *,
        calls: CallsEnd,
        browser: bool,
        desk: bool,
        ended: Callable[[], None] | None = None,
    ) -> None:
        """See `callcenter.web.services.Telephony`. What already is being finished is cut when that is wanted now."""
        if calls == "finish":
            await self._hang_up(employee_id, talking=False)
            if self._engine.talks(employee_id):
                self._finish(employee_id, browser, desk, ended)
                return
        if calls == "cut":
            self._finishing.pop(employee_id, None)
            await self._hang_up(employee_id, talking=True)
        await self._end_now(employee_id, browser=browser, desk=desk)
        if ended is not None:
            ended()

    def _finish(self, employee_id: int, browser: bool, desk: bool, ended: Callable[[], None] | None) -> None:
        if employee_id in self._accounts:
            self._finishing.setdefault(employee_id, self._accounts[employee_id])

        async def watch() -> None:
            while True:
                await asyncio.sleep(FINISH_LOOK_SECONDS)
                if not self._engine.talks(employee_id):
                    break
            self._finishing.pop(employee_id, None)
            await self._end_now(employee_id, browser=browser, desk=desk)
            if ended is not None:
                ended()

        task = asyncio.create_task(watch())
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _hang_up(self, employee_id: int, *, talking: bool) -> None:
        """Ends the employee's legs; without `talking` only those that still ring."""
        for channel in self._engine.channels_of(employee_id, talking=talking):
            try:
                await self._pbx.send(actions.hangup(channel))
            except AmiError as error:
                if error.code != "refused":  # refused: it was over already
                    log.warning("a leg of employee %s could not be hung up: %s", employee_id, error)

    async def _end_now(self, employee_id: int, *, browser: bool, desk: bool) -> None:
        """The browser's password, the desk phone's account and what is registered; what fails is owed."""
        try:
            if desk:
                await self.changed()  # the account is gone, or has another password
            if browser:
                await self._revoke_browser(employee_id)
            if desk:
                await self._unregister(employee_id)
        except (AmiError, PbxError) as error:
            log.warning("the phones of employee %s will be ended when Asterisk is back: %s", employee_id, error)
            self._owed[employee_id] = desk or self._owed.get(employee_id, False)
        else:
            self._owed.pop(employee_id, None)

    async def _unregister(self, employee_id: int) -> None:
        """Lets what is registered under the employee's accounts expire: Asterisk forgets it within seconds.

        Deleted by us it would vanish without a word, and the same phone's next registration would be told to nobody.
        """
        names = (provision.phone_endpoint(employee_id), provision.web_endpoint(employee_id))
        for key, note in (await self._tree(CONTACTS)).items():
            if key.partition(";")[0] in names and (ended := with_expiry(note, 1)):
                await self._pbx.send(actions.db_put(CONTACTS, key, ended))

    async def _tidy_credentials(self) -> None:
        """Passwords of browsers that an earlier engine gave out: they end with their session, or after their time."""
        now = utcnow()
        query = select(web_session.c.employee_id).where(web_session.c.expires_at > now)
        async with self._engine.core.database.read() as connection:
            signed_in = set((await connection.execute(query.execution_options(all_companies=True))).scalars())
        directory = self._engine.core.directory
        for name in await self._tree(provision.WEB_CREDENTIAL_FAMILY):
            who = employee_of(name)
            employee_id = who[0] if who is not None else 0
            person = directory.people.get(employee_id)
            entitled = person is not None and person.active and person.may_dial and employee_id in signed_in
            if not entitled and employee_id not in self._finishing:
                await self.revoke_browser(employee_id)
            elif employee_id not in self._expiries:
                self._expire_later(employee_id)

    async def _tree(self, family: str) -> dict[str, str]:
        """Keys and values of a family in AstDB."""
        try:
            rows = await self._pbx.collect(actions.db_get_tree(family), "DBGetTreeComplete")
        except AmiError as error:
            if error.code == "refused":  # refused: there is none
                return {}
            raise
        found = {row.get("Key", "").lstrip("/"): row.get("Val", "") for row in rows}
        return {key.removeprefix(f"{family}/"): value for key, value in found.items() if key.startswith(f"{family}/")}

    async def revoke_browser(self, employee_id: int) -> None:
        """The browser phone may not register any more; what cannot be told now is told at the next login."""
        try:
            await self._revoke_browser(employee_id)
        except AmiError as error:
            log.warning("the browser credential of employee %s is revoked later: %s", employee_id, error)
            self._owed.setdefault(employee_id, False)

    async def _revoke_browser(self, employee_id: int) -> None:
        timer = self._expiries.pop(employee_id, None)
        if timer is not None:
            timer.cancel()
        family, key, _ = provision.web_credential_db_entry(employee_id, "")
        try:
            await self._pbx.send(actions.db_del(family, key))
        except AmiError as error:
            if error.code != "refused":  # refused: there was none
                raise

    def _expire_later(self, employee_id: int) -> None:
        earlier = self._expiries.pop(employee_id, None)
        if earlier is not None:
            earlier.cancel()
        loop = asyncio.get_running_loop()
        self._expiries[employee_id] = loop.call_later(
            BROWSER_CREDENTIAL_SECONDS, lambda: loop.create_task(self.revoke_browser(employee_id))
        )

    def trunk_report(self) -> TrunkReport:
        return self.trunk.report

    def phone_server(self) -> tuple[str, int]:
        return self._settings.asterisk_host, self._settings.sip_port
