"""Starts a child and waits for it; what happens to it is told, never felt."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

import msgspec

import callcenter
from callcenter.intake.limits import Order

_ROOT = Path(callcenter.__file__).resolve().parent.parent
_BEGIN = (
    "import sys; sys.path.append(sys.argv[1]); from importlib import import_module; "
    "import_module(sys.argv[2]).main(sys.argv[3])"
)
_KEPT = ("LD_LIBRARY_PATH",)
"""Of the product's environment; an interpreter may not start without it."""


class Died(Exception):
    """The child was killed, crashed or took too long; the message says which."""


async def run(order: Order, folder: Path) -> int:
    """Runs an order in `folder` and returns the child's exit status; raises `Died`."""
    child = await begin("callcenter.intake.child", msgspec.json.encode(order).decode(), folder)
    try:
        async with asyncio.timeout(order.limits.seconds):
            status = await child.wait()
    except TimeoutError:
        raise Died(f"it took longer than {order.limits.seconds:.0f} s") from None
    finally:
        await end(child)
    if status < 0:
        raise Died(f"it was ended by {signal.Signals(-status).name}")
    return status


async def begin(module: str, argument: str, folder: Path, *, feed: bool = False) -> asyncio.subprocess.Process:
    """Starts `main(argument)` of a module of ours, with `folder` as its working directory.

    The child is isolated from the user's own Python (`-I`), has nothing of the product's environment, and leads a
    process group that ends with it. With `feed` its standard input is ours to write.
    """
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TMPDIR": str(folder)}
    environment |= {name: os.environ[name] for name in _KEPT if name in os.environ}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-c",
        _BEGIN,
        str(_ROOT),
        module,
        argument,
        stdin=asyncio.subprocess.PIPE if feed else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=folder,
        env=environment,
        start_new_session=True,
    )


async def end(child: asyncio.subprocess.Process) -> None:
    """Kills a child that still runs, and all that it started."""
    if child.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.wait()
