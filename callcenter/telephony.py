"""Keeps Asterisk's configuration in step with the database: endpoints, queues, routes, browser credentials."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from pathlib import Path

from sqlalchemy import select

from callcenter import routes
from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain.events import LinkState
from callcenter.domain.trunks import TrunkReport
from callcenter.engine import Engine
from callcenter.engine.ports import Pbx
from callcenter.pbx import provision
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.trunks import kind_of, trunk_of
from callcenter.recording.prompts import prompt_file, prompt_folder
from callcenter.settings import Settings
from callcenter.store.tables import prompt
from callcenter.trunk_watch import TrunkWatch
from callcenter.web.errors import ApiError

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
"""AstDB families that hold nothing but what `routes.astdb` says."""
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

    async def provision(self) -> None:
        """Writes endpoints and queues as the directory has them; unchanged files reload nothing."""
        directory = self._engine.core.directory
        async with self._writing:
            specs = [
                provision.EndpointSpec(person.id, person.sip_secret, person.name)
                for person in directory.people.values()
                if person.active
            ]
            await provision.write_endpoints(self._instance, specs)
            await provision.write_queues(self._instance, routes.queue_specs(directory, await self._prompts()))

    async def changed(self) -> None:
        """People, groups, numbers or settings changed: the engine reads them, Asterisk follows."""
        await self._engine.refresh()
        await self.provision()
        await self.write_routes()

    async def write_routes(self) -> None:
        """Numbers, hours and waiting in AstDB; what has not changed since the last time is left alone."""
        if self._pbx.state is not LinkState.LIVE:
            return  # written at the next login
        wanted = routes.astdb(self._engine.core.directory, await self._prompts(), trunk_of(self._settings))
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

    # -- browser phones --------------------------------------------------------------------------------------------

    async def browser_credentials(self, employee_id: int) -> tuple[str, float]:
        """A fresh password that Asterisk accepts for this employee's browser; the one before ends at once."""
        password = secrets.token_urlsafe(24)
        entry = provision.web_credential_db_entry(employee_id, password)
        try:
            await self._pbx.send(actions.db_put(*entry))
        except AmiError:
            raise ApiError("phones_unavailable") from None
        self._expire_later(employee_id)
        return password, BROWSER_CREDENTIAL_SECONDS

    async def revoke_browser(self, employee_id: int) -> None:
        timer = self._expiries.pop(employee_id, None)
        if timer is not None:
            timer.cancel()
        family, key, _ = provision.web_credential_db_entry(employee_id, "")
        try:
            await self._pbx.send(actions.db_del(family, key))
        except AmiError as error:
            if error.code != "refused":  # refused: there was none
                log.warning("the browser credential of employee %s could not be revoked: %s", employee_id, error)

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
