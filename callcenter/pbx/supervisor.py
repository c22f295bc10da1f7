"""Keep an Asterisk alive: watch it, start it again with growing pauses, keep its logs small."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callcenter.pbx.errors import CannotAsk, CommandFailed, PbxError
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.process import Gone

log = logging.getLogger(__name__)

BACK_OFF = (1.0, 2.0, 4.0, 8.0, 16.0, 30.0)
STEADY_AFTER = 60.0
"""Seconds an Asterisk must live for the next failure to count as a first one."""
CHECK_EVERY = 10.0
HUNG_AFTER = 3


@dataclass(frozen=True)
class Restarted:
    """The supervisor tried to bring an Asterisk back; `error` is empty when it succeeded."""

    role: str
    attempt: int
    reason: str
    error: str = ""


async def supervise(
    instance: AsteriskInstance,
    on_restart: Callable[[Restarted], Awaitable[None]],
    *,
    interval: float = 0.5,
    back_off: tuple[float, ...] = BACK_OFF,
    check_every: float = CHECK_EVERY,
) -> None:
    """Watch `instance` until cancelled; it must have been started. Every restart, failed or not, is reported."""
    loop = asyncio.get_running_loop()
    attempt = 0
    alive_since = last_check = loop.time()
    silent = 0
    while True:
        await asyncio.sleep(interval)
        # Not seen is not gone: without descriptors we see nothing, and Asterisk talks on.
        gone = isinstance(instance.sight(), Gone)
        if not gone and loop.time() - last_check >= check_every:
            last_check = loop.time()
            silent = await _silence(instance, silent)
        if not gone and silent < HUNG_AFTER:
            if attempt and loop.time() - alive_since >= STEADY_AFTER:
                attempt = 0
            continue
        reason = "the process ended" if gone else "it did not answer on its console"
        pause = back_off[min(attempt, len(back_off) - 1)]
        attempt += 1
        silent = 0
        log.error("Asterisk (%s): %s; starting it again in %.0f s", instance.role, reason, pause)
        await asyncio.sleep(pause)
        error = await _restart(instance, hung=not gone)
        alive_since = last_check = loop.time()
        await on_restart(Restarted(instance.role, attempt, reason, error))


async def _silence(instance: AsteriskInstance, before: int) -> int:
    """How often in a row Asterisk was asked and did not answer; what we could not ask changes nothing."""
    try:
        await instance.cli("core show uptime", timeout=5.0)
    except CommandFailed as error:
        log.warning("%s", error)
        return before + 1
    except CannotAsk as error:
        log.warning("%s", error)
        return before
    try:
        await instance.rotate_logs()
    except (PbxError, OSError) as error:
        log.warning("the logs of Asterisk (%s) could not be rotated: %s", instance.role, error)
    return 0


async def _restart(instance: AsteriskInstance, *, hung: bool) -> str:
    """Start anew, a hung one after it was ended; returns what went wrong, or an empty text."""
    try:
        if hung:
            await instance.stop(timeout=3.0)
        await instance.start()
    except (PbxError, OSError) as error:
        log.exception("Asterisk (%s) could not be started again", instance.role)
        return str(error)
    return ""
