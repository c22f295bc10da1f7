"""Where a child begins: limits first, then the file. Nothing here may be called by the product itself.

The child has no secret in its environment and its own empty folder as the working directory. It needs no network.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from pathlib import Path

import msgspec

from callcenter.intake.limits import GIVEN, VERDICT, Limits, Order, Verdict

NICENESS = 10
"""Calls go before uploads."""
OPEN_FILES = 64


def main(order: str) -> None:
    """Runs one order in the current folder; the exit status is 0 when a verdict was written or ffmpeg was content."""
    wanted = msgspec.json.decode(order, type=Order)
    confine(wanted.limits)
    if wanted.kind == "ffmpeg":
        os.execv(wanted.command[0], wanted.command)  # noqa: S606  # no shell is wanted
    # Imported only now: what a library does when it is loaded is limited as well.
    if wanted.kind == "table":
        from callcenter.intake.table import judged
    elif wanted.kind == "pdf":
        from callcenter.intake.pdf import judged
    else:
        raise ValueError(f"unknown kind of file {wanted.kind!r}")
    try:
        verdict = judged(Path(GIVEN))
    except MemoryError:
        sys.exit(3)
    except RecursionError:
        verdict = Verdict("unreadable", "nested too deeply")
    Path(VERDICT).write_bytes(msgspec.json.encode(verdict))


def confine(limits: Limits) -> None:
    """Takes from this process what it does not need; there is no way back."""
    for what, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.work_seconds),
        (resource.RLIMIT_FSIZE, limits.output),
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(what)
        lowest = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (lowest, lowest))
    with contextlib.suppress(OSError):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        # Should the machine itself run out of memory, this process goes, not a call.
        Path("/proc/self/oom_score_adj").write_text("1000")
