"""Keeps asking Asterisk how the trunk is, so that a wrong password is a sentence on a page and not a line in a log."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from callcenter.ami.errors import AmiError
from callcenter.domain.events import LinkState
from callcenter.domain.trunks import TrunkReport, TrunkState
from callcenter.engine.ports import Clock, Pbx
from callcenter.pbx.trunks import TRUNK

log = logging.getLogger(__name__)

WATCH_SECONDS = 3.0
LOG_TAIL = 65_536
"""Bytes of Asterisk's log in which its last word about the registration is looked for."""

_ANSWER = re.compile(r"response '(\d{3})' received from '[^']*' on registration attempt")
_SILENCE = "No response received from"
_ATTEMPT = re.compile(r".*on registration attempt.*")


class TrunkWatch:
    """`report` is the newest answer; `run` asks for ever."""

    def __init__(self, pbx: Pbx, log_file: Path, clock: Clock, *, registers: bool, simulated: bool) -> None:
        self._pbx = pbx
        self._log_file = log_file
        self._now = clock
        self._registers = registers
        self.report = TrunkReport(TrunkState.WAITING, None, clock(), simulated)

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("the trunk's state could not be read")
            await asyncio.sleep(WATCH_SECONDS)

    async def look(self) -> None:
        state, code = TrunkState.WAITING, None
        if self._pbx.state is LinkState.LIVE:
            try:
                state, code = await self._ask()
            except AmiError:
                state = TrunkState.WAITING
        before = self.report
        if (before.state, before.code) != (state, code):
            self.report = TrunkReport(state, code, self._now(), before.simulated)
            say = log.warning if state in (TrunkState.REJECTED, TrunkState.UNREACHABLE) else log.info
            say("the trunk is %s%s", state.value, f" ({code})" if code else "")

    async def _ask(self) -> tuple[TrunkState, int | None]:
        if not self._registers:
            asked = {"Action": "PJSIPShowEndpoint", "Endpoint": TRUNK}
            return contact_state(await self._pbx.collect(asked, "EndpointDetailComplete")), None
        asked = {"Action": "PJSIPShowRegistrationsOutbound"}
        rows = await self._pbx.collect(asked, "OutboundRegistrationDetailComplete")
        said = next((row.get("Status", "") for row in rows if row.get("ObjectName") == f"{TRUNK}-registration"), "")
        if said == "Registered":
            return TrunkState.REGISTERED, None
        code = await asyncio.to_thread(self._last_answer)
        if code == 0:
            return TrunkState.UNREACHABLE, None
        return (TrunkState.REJECTED, code) if said.startswith("Rejected") or code else (TrunkState.WAITING, None)

    def _last_answer(self) -> int | None:
        """What Asterisk wrote last about an attempt to register: a SIP status, 0 for no answer, None for nothing.

        Its events and actions tell that a registration failed but not why.
        """
        try:
            with self._log_file.open("rb") as file:
                file.seek(max(0, self._log_file.stat().st_size - LOG_TAIL))
                text = file.read().decode("utf-8", "replace")
        except OSError:
            return None
        return last_answer(text)


def last_answer(log_text: str) -> int | None:
    """As `TrunkWatch` reads a log: the status of the newest refused registration, 0 for silence, None without any."""
    lines = _ATTEMPT.findall(log_text)
    if not lines:
        return None
    if _SILENCE in lines[-1]:
        return 0
    found = _ANSWER.search(lines[-1])
    return int(found[1]) if found else None


def contact_state(rows: Sequence[Mapping[str, str]]) -> TrunkState:
    """A trunk that does not register answers when one of its addresses does."""
    said = [row.get("Status", "") for row in rows if row.get("Event") == "ContactStatusDetail"]
    if "Reachable" in said:
        return TrunkState.REACHABLE
    return TrunkState.UNREACHABLE if "Unreachable" in said else TrunkState.WAITING
