"""Start a process that outlives us, and recognise it later without trusting its number alone."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

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


def is_running(pid: int, config: Path) -> bool:
    """True if process `pid` lives and is the Asterisk of `config`, not a later process with the same id."""
    process = Path("/proc") / str(pid)
    try:
        arguments = (process / "cmdline").read_bytes().split(b"\0")
        state = (process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    # Between fork and exec it is still the shell, which carries the same arguments.
    return state not in "ZX" and os.fsencode(config) in arguments and b"-rx" not in arguments
