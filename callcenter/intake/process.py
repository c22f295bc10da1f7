"""Starts a child for one file and waits for it; what it does to itself is told, never felt."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from pathlib import Path

import msgspec

import callcenter
from callcenter.intake.limits import Order

log = logging.getLogger(__name__)

_ROOT = Path(callcenter.__file__).resolve().parent.parent
_BEGIN = "import sys; sys.path.append(sys.argv[1]); from callcenter.intake.child import main; main(sys.argv[2])"
_KEPT = ("LD_LIBRARY_PATH",)
"""Of the product's environment; an interpreter may not start without it."""


class Died(Exception):
    """The child was killed, crashed or took too long; the message says which."""


async def run(order: Order, folder: Path) -> int:
    """Runs an order in `folder` and returns the child's exit status; raises `Died`.

    The child is isolated from the user's own Python (`-I`) and leads a process group, which ends with it.
    """
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TMPDIR": str(folder)}
    environment |= {name: os.environ[name] for name in _KEPT if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        _BEGIN,
        str(_ROOT),
        msgspec.json.encode(order).decode(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(order.limits.seconds):
            status = await process.wait()
    except TimeoutError:
        raise Died(f"it took longer than {order.limits.seconds:.0f} s") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if status < 0:
        raise Died(f"it was ended by {signal.Signals(-status).name}")
    return status
