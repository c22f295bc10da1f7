"""Addresses that register with wrong passwords wait: Asterisk refuses everything that comes from them for a while.

Asterisk tells of every refused request (its security events); what it keeps under `ps_acls/acl` in AstDB it asks before
anything else of a request is looked at (`asterisk-conf/pbx/sorcery.conf`), so no reload is needed and calls go on.

A UDP packet's address can be forged, so nobody may be kept out in whose name somebody else only claims to speak: the
trunk, this machine and every address from which a phone of ours is registered never wait.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain import events as ev
from callcenter.domain.agents import employee_of
from callcenter.domain.events import LinkState
from callcenter.engine.bus import TurnedAway
from callcenter.engine.core import Core

log = logging.getLogger(__name__)

FAMILY = "ps_acls/acl"
TRIES = 20
WINDOW_SECONDS = 300.0
FIRST_WAIT, LONGEST_WAIT = 300.0, 3600.0
MOST_WAITING = 45
"""Each is compared with the sender of every SIP request; this many cost half a millisecond."""
PER_OBJECT = 15
"""A line of AMI has 1024 bytes."""
REMEMBERED = 5000
"""Addresses that are counted; with forged ones there is no end."""
_AT = re.compile(r"@\[?([0-9A-Fa-f:.]+?)\]?(?::\d+)?(?:;|$)")


class Doors:
    def __init__(self, core: Core, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._core = core
        self._clock = clock
        self._tries: OrderedDict[str, tuple[float, int]] = OrderedDict()
        """Address -> (since when it is counted, how many)."""
        self._waits: OrderedDict[str, float] = OrderedDict()
        """Address -> how long its last wait was; the next one is twice as long."""
        self._waiting: dict[str, float] = {}
        """Address -> when its wait ends."""
        self._written: dict[str, str] = {}
        self._wake = asyncio.Event()
        self.exempt: set[str] = {"127.0.0.1", "::1"}
        """Addresses that never wait; the composition root adds the trunk's."""
        core.bus.on(ev.RegistrationRefused, self.happened)

    @property
    def waiting(self) -> list[str]:
        """Who waits now."""
        now = self._clock()
        return sorted(one for one, until in self._waiting.items() if until > now)

    def happened(self, event: ev.RegistrationRefused) -> None:
        """Counts a refused request; cheap, because a flood of them comes through here."""
        who = employee_of(event.account)
        person = self._core.directory.people.get(who[0]) if who is not None else None
        company_id = person.company_id if person is not None else None
        self._core.bus.tell(TurnedAway(company_id, event.account, event.address))
        now = self._clock()
        since, count = self._tries.pop(event.address, (now, 0))
        if now - since > WINDOW_SECONDS:
            since, count = now, 0
        self._tries[event.address] = (since, count + 1)
        while len(self._tries) > REMEMBERED:
            self._tries.popitem(last=False)
        if count + 1 >= TRIES and event.address not in self._waiting and not self._is_ours(event.address):
            self._wait(event.address, now)

    def _wait(self, address: str, now: float) -> None:
        seconds = min(LONGEST_WAIT, 2 * self._waits.pop(address, FIRST_WAIT / 2))
        self._waits[address] = seconds
        while len(self._waits) > REMEMBERED:
            self._waits.popitem(last=False)
        del self._tries[address]
        self._waiting[address] = now + seconds
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[min(self._waiting, key=lambda one: self._waiting[one])]
        log.warning("%s was refused %d times and waits %.0f s", address, TRIES, seconds)
        self._wake.set()

    def _is_ours(self, address: str) -> bool:
        """Whether the trunk, this machine or a registered phone is there."""
        with suppress(ValueError):
            if ip_address(address).is_loopback and address in self.exempt:
                return True
        if address in self.exempt:
            return True
        for agent in self._core.registry.agents.values():
            for _, uri in agent.contacts:
                found = _AT.search(uri)
                if found is not None and found[1] == address:
                    return True
        return False

    def logged_in(self) -> None:
        """Asterisk keeps what an earlier engine wrote: it is written anew."""
        self._written = {}
        self._wake.set()

    async def run(self) -> None:
        """Keeps Asterisk's list in step until cancelled."""
        while True:
            now = self._clock()
            left = min(self._waiting.values(), default=now + LONGEST_WAIT) - now
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, left)):
                    await self._wake.wait()
            self._wake.clear()
            try:
                await self._write()
            except Exception:
                log.exception("addresses that wait could not be told to Asterisk")

    async def _write(self) -> None:
        now = self._clock()
        self._waiting = {one: until for one, until in self._waiting.items() if until > now}
        pbx = self._core.pbx
        if pbx is None or pbx.state is not LinkState.LIVE:
            return
        wanted = entries(sorted(self._waiting))
        try:
            for key in await self._there() - wanted.keys():
                with suppress(AmiError):  # refused: it is gone
                    await pbx.send(actions.db_del(FAMILY, key))
            for key, value in wanted.items():
                if self._written.get(key) != value:
                    await pbx.send(actions.db_put(FAMILY, key, value))
        except AmiError as error:
            log.warning("addresses that wait are told to Asterisk at the next login: %s", error)
        else:
            self._written = wanted

    async def _there(self) -> set[str]:
        if self._written or self._core.pbx is None:
            return set(self._written)
        try:
            rows = await self._core.pbx.collect(actions.db_get_tree(FAMILY), "DBGetTreeComplete")
        except AmiError as error:
            if error.code == "refused":  # refused: there is none
                return set()
            raise
        return {row.get("Key", "").rpartition("/")[2] for row in rows} - {""}


def entries(addresses: list[str]) -> dict[str, str]:
    """Keys and values in AstDB with which Asterisk refuses these addresses; nothing that is no address gets in."""
    checked = [str(ip_address(one)) for one in addresses]
    groups = [checked[at : at + PER_OBJECT] for at in range(0, len(checked), PER_OBJECT)]
    return {
        f"waiting-{index}": json.dumps({"deny": ",".join(f"{one}/{_bits(one)}" for one in group)})
        for index, group in enumerate(groups)
    }


def _bits(address: str) -> int:
    return ip_address(address).max_prefixlen
