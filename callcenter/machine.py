"""What this process asks of the machine before anything else: descriptors for everybody, files for nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import logging
import os
import resource
from pathlib import Path
from typing import NamedTuple

log = logging.getLogger(__name__)

MOST_DESCRIPTORS = 1_048_576
"""Where the hard limit is higher (containers allow a thousand million), programs that walk over it take seconds."""

_M_ARENA_MAX = -8
"""From glibc's malloc.h."""


def raise_descriptor_limit() -> int:
    """Raises the soft limit of open files to the hard one; answers with what holds now, and logs it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        log.info("open files: the limit was raised from %d to %d", soft, wanted)
        return wanted
    log.info("open files: the limit is %d", soft)
    return soft if soft != resource.RLIM_INFINITY else MOST_DESCRIPTORS


def descriptor_limit() -> int:
    """How many files and connections this process may have open at once."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return MOST_DESCRIPTORS if soft == resource.RLIM_INFINITY else soft


def keep_memory_together() -> None:
    """Lets all threads allocate from two arenas: with one for each, what one thread frees no other may use again, and a
    program that works for weeks holds several times what it needs. Elsewhere than in glibc there are none."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)


def private_files() -> None:
    """From now on what this process and its children write is readable by its user alone."""
    os.umask(0o077)


class Usage(NamedTuple):
    """What this process holds at this moment."""

    memory_bytes: int
    """Resident memory."""
    open_files: int
    """Files, connections and pipes."""
    tasks: int
    """Work that the running event loop has not finished."""


def usage() -> Usage:
    """What this process holds now; called within its event loop."""
    resident_pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    open_files = sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # less the one that lists them
    return Usage(resident_pages * resource.getpagesize(), open_files, len(asyncio.all_tasks()))
