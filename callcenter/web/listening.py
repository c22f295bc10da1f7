"""The listening socket: the application behind its gate."""

from __future__ import annotations

from aiohttp import web

from callcenter.web.services import SERVICES

BACKLOG = 1024


async def listen(application: web.Application, host: str, port: int, shutdown_timeout: float) -> web.AppRunner:
    """Serves `application` on `host`:`port`; raises OSError when it cannot."""
    gate = application[SERVICES].gate
    runner = web.AppRunner(
        application,
        access_log=None,
        shutdown_timeout=shutdown_timeout,
        keepalive_timeout=gate.limits.idle_seconds,
        lingering_time=5.0,
    )
    await runner.setup()
    assert runner.server is not None
    gate.attach(runner.server)
    try:
        site = web.TCPSite(runner, host, port, backlog=BACKLOG)
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner
