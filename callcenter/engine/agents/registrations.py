"""Keeps phones registered when the wall clock is set forward.

Asterisk notes by its wall clock until when a phone is registered. Set forward it takes every phone for gone, although
the phone, which counts by its own clock, registers anew only minutes later. So the notes are moved along with the
clock, before Asterisk next tidies up (every 30 s). A phone that is really gone is noticed all the same: each is asked
every 15 s whether it is there.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
from datetime import timedelta

from callcenter.ami import actions
from callcenter.ami.errors import AmiError
from callcenter.domain.events import LinkState
from callcenter.engine.bus import ClockSet
from callcenter.engine.core import Core

log = logging.getLogger(__name__)

FAMILY = "registrar"
UNTIL = "expiration_time"


class Registrations:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._owed = timedelta(0)
        """By how much the notes are still to be moved."""
        self._wake = asyncio.Event()
        core.bus.on(ClockSet, self._clock_set)

    def _clock_set(self, step: ClockSet) -> None:
        # Set back, they stand for too long, which does no harm.
        if step.by > timedelta(0):
            self._owed += step.by
            self._wake.set()

    def logged_in(self) -> None:
        """The link is up again: what could not be done meanwhile is done now."""
        if self._owed:
            self._wake.set()

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._move()
            except Exception:
                log.exception("registrations could not be moved along with the clock")

    async def _move(self) -> None:
        pbx = self._core.pbx
        if pbx is None or pbx.state is not LinkState.LIVE:
            return
        try:
            rows = await pbx.collect(actions.db_get_tree(FAMILY), "DBGetTreeComplete")
            by, self._owed = math.ceil(self._owed.total_seconds()), timedelta(0)
            for row in rows:
                family, _, key = row.get("Key", "").lstrip("/").partition("/contact/")
                value = _later(row.get("Val", ""), by)
                if family == FAMILY and key and value:
                    await pbx.send(actions.db_put(f"{FAMILY}/contact", key, value))
        except AmiError as error:
            if error.code != "refused":  # refused: nobody is registered
                log.warning("registrations could not be moved along with the clock: %s", error)


def _later(note: str, seconds: int) -> str:
    """A contact as Asterisk keeps it, good for so many seconds more; empty when it is none."""
    try:
        until = int(json.loads(note)[UNTIL])
    except (ValueError, TypeError, KeyError):
        return ""
    return with_expiry(note, until + seconds)


def with_expiry(note: str, until: int) -> str:
    """A contact as Asterisk keeps it (JSON of texts), good until that Unix time; empty when it is none."""
    try:
        contact = json.loads(note)
        contact[UNTIL] = str(until)
    except (ValueError, TypeError):
        return ""
    return json.dumps(contact, separators=(",", ":"))
