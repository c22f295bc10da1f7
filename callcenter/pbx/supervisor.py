"""Keep an Asterisk alive: watch it, start it again with growing pauses, keep its logs small."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from callcenter.pbx.errors import CommandFailed, PbxError
from callcenter.pbx.instance import AsteriskInstance

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
) -> None:
    """Watch `instance` until cancelled; it must have been started. Every restart, failed or not, is reported."""
    loop = asyncio.get_running_loop()
    attempt = 0
    alive_since = last_check = loop.time()
    silent = 0
    while True:
        await asyncio.sleep(interval)
        reason = "" if instance.pid() is not None else "the process ended"
        if not reason and loop.time() - last_check >= CHECK_EVERY:
            last_check = loop.time()
            silent = 0 if await _answers(instance) else silent + 1
            if silent >= HUNG_AFTER:
                reason = "it did not answer on its console"
        if not reason:
            if attempt and loop.time() - alive_since >= STEADY_AFTER:
                attempt = 0
            continue
        pause = back_off[min(attempt, len(back_off) - 1)]
        attempt += 1
        silent = 0
        log.error("Asterisk (%s): %s; starting it again in %.0f s", instance.role, reason, pause)
        await asyncio.sleep(pause)
        error = await _restart(instance)
        alive_since = last_check = loop.time()
        await on_restart(Restarted(instance.role, attempt, reason, error))


async def _answers(instance: AsteriskInstance) -> bool:
    try:
        await instance.cli("core show uptime", timeout=5.0)
        await instance.rotate_logs()
    except CommandFailed as error:
        log.warning("%s", error)
        return False
    return True


async def _restart(instance: AsteriskInstance) -> str:
    """Stop what is left and start anew; returns what went wrong, or an empty text."""
    try:
        await instance.stop(timeout=3.0)
        await instance.start()
    except (PbxError, OSError) as error:
        log.exception("Asterisk (%s) could not be started again", instance.role)
        return str(error)
    return ""
