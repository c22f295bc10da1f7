"""Start a process that outlives us, and recognise it later without trusting its number alone."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
_NO_SUCH = (errno.ENOENT, errno.ESRCH)
_KERNEL_THREAD = 0x00200000

# Recordings and logs are nobody else's business (umask), and every call needs several file descriptors. The shell
# starts the program in the background, prints its id and ends: the program so becomes nobody's child, neither ends
# with us nor stays behind as a zombie of ours.
_SCRIPT = 'umask 077; ulimit -Sn 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"; "$@" </dev/null >"$0" 2>&1 & echo $!'


def start_detached(argv: Sequence[str], console: Path, folder: Path) -> int | str:
    """The id of a new process in a session of its own, its output going to `console`; or what went wrong."""
    started = subprocess.run(
        ["/bin/sh", "-c", _SCRIPT, str(console), *argv],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        cwd=folder,
    )
    printed = started.stdout.strip()
    return int(printed) if started.returncode == 0 and printed.isdigit() else started.stderr.strip()


@dataclass(frozen=True, slots=True)
class Running:
    """The Asterisk of this configuration lives."""

    pid: int


@dataclass(frozen=True, slots=True)
class Gone:
    """It was seen that there is no such process."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be seen, for a reason of our own (no descriptors, no memory); nothing may be concluded from it."""

    why: str


Sighting = Running | Gone | Unknown


def look(pid: int, config: Path) -> Sighting:
    """Whether process `pid` lives and is the Asterisk of `config`, not a later process with the same id."""
    try:
        os.kill(pid, 0)  # needs no descriptor, so death is seen also by whoever has none left
    except ProcessLookupError:
        return Gone()
    except (OSError, OverflowError):
        pass  # somebody else's process, perhaps with this id: its arguments tell
    process = PROC / str(pid)
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        fields = (process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()
        state, flags = fields[0], int(fields[6])
    except OSError as error:
        return Gone() if error.errno in _NO_SUCH else Unknown(f"process {pid} cannot be looked at: {error.strerror}")
    except (IndexError, ValueError):
        return Unknown(f"the state of process {pid} cannot be read")
    if state in "ZX" or flags & _KERNEL_THREAD:
        return Gone()
    if arguments == [b""]:
        return Unknown(f"process {pid} is about to become another program")
    # Between fork and exec it is still the shell, which carries the same arguments.
    return Running(pid) if os.fsencode(config) in arguments and b"-rx" not in arguments else Gone()


def find(config: Path) -> Sighting:
    """The Asterisk of `config` among all processes of this user; for when no pidfile leads to it."""
    unseen: Unknown | None = None
    try:
        ids = [int(one.name) for one in PROC.iterdir() if one.name.isdigit()]
    except OSError as error:
        return Unknown(f"processes cannot be listed: {error.strerror}")
    for pid in ids:
        try:
            if (PROC / str(pid)).stat().st_uid != os.geteuid():
                continue
        except OSError:
            continue  # needs no descriptor: it has just ended
        seen = look(pid, config)
        if isinstance(seen, Running):
            return seen
        if isinstance(seen, Unknown):
            unseen = seen
    return unseen or Gone()
