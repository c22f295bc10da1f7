"""What this process asks of the machine before anything else: descriptors for everybody, files for nobody else."""

from __future__ import annotations

import logging
import os
import resource

log = logging.getLogger(__name__)

MOST_DESCRIPTORS = 1_048_576
"""Where the hard limit is higher (containers allow a thousand million), programs that walk over it take seconds."""


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


def private_files() -> None:
    """From now on what this process and its children write is readable by its user alone."""
    os.umask(0o077)
