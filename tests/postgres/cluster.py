"""A private PostgreSQL for tests: its own folder, port and password, started and stopped by us, by process id.

PostgreSQL refuses to run as root, so a root's cluster belongs to the user `postgres` (or `nobody`).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

READY_SECONDS = 30.0
STOP_SECONDS = 30.0
PLACES = "/usr/lib/postgresql"
"""Where Debian keeps the servers, outside the PATH."""
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # What dies in tests are processes, never the machine: what was written to the system is kept.
    "fsync": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}
_PR_SET_PDEATHSIG = 1


class NoPostgres(RuntimeError):
    """There are no PostgreSQL binaries on this machine; the message says what to do."""


def binaries() -> Path:
    """The folder with `initdb` and `postgres`, the newest one of Debian's, 13 or later."""
    found = shutil.which("initdb")
    if found and (place := Path(found).resolve().parent).joinpath("postgres").exists():
        return place
    places = [one.parent for one in Path(PLACES).glob("*/bin/initdb") if one.parts[-3].isdigit()]
    newest = max(places, key=lambda one: int(one.parts[-2]), default=None)
    if newest is None:
        raise NoPostgres(
            "These tests need a PostgreSQL server. Run them with ./dev test, which installs it, "
            "or install it yourself: apt-get install postgresql-15"
        )
    return newest


def _owner() -> str | None:
    """Whom the server runs as; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    known = {one.pw_name for one in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in known), None)


def _dies_with_us() -> None:
    """In the child: when the tests are killed, their server stops as well."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


class Cluster:
    """One running server. Starting and stopping block for a moment; `restart` too."""

    def __init__(self, **settings: str) -> None:
        self._bin = binaries()
        self._owner = _owner()
        self._settings = {**SETTINGS, **settings}
        self._password = secrets.token_hex(16)
        self._folder = Path(tempfile.mkdtemp(prefix="callcenter-postgres-"))
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0
        if self._owner is not None:
            shutil.chown(self._folder, self._owner)

    def url(self, database: str) -> str:
        """SQLAlchemy's address of one of its databases."""
        return f"postgresql+asyncpg://callcenter:{self._password}@127.0.0.1:{self.port}/{database}"

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def create(self) -> None:
        """Makes the cluster and starts it on a free port."""
        given = self._folder / "password"
        given.write_text(self._password, "ascii")
        if self._owner is not None:
            shutil.chown(given, self._owner)
        options = ("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions")
        made = subprocess.run(
            [self._bin / "initdb", "-D", self._data, "-U", "callcenter", f"--pwfile={given}", *options],
            **self._as_owner(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        given.unlink()
        if made.returncode:
            raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
        for last in (False, False, True):
            self.port = _free_port()
            try:
                self.start()
            except RuntimeError:  # somebody else took the port meanwhile
                if last:
                    raise
            else:
                return

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        log = (self._folder / "server.log").open("ab")
        options = [f"--{name}={value}" for name, value in {**self._settings, "port": str(self.port)}.items()]
        self._process = subprocess.Popen(
            [self._bin / "postgres", "-D", self._data, *options],
            **self._as_owner(),
            preexec_fn=_dies_with_us,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop(hard=True)
                raise RuntimeError(f"PostgreSQL did not start:\n{self.log_tail()}")
            time.sleep(0.05)

    def stop(self, *, hard: bool = False) -> None:
        """Stops the server, `hard` as if it had crashed; stopped is stopped."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGQUIT if hard else signal.SIGINT)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def restart(self, *, hard: bool = False, down_seconds: float = 0.0) -> None:
        """Ends every connection and comes back on the same port."""
        self.stop(hard=hard)
        time.sleep(down_seconds)
        self.start()

    def remove(self) -> None:
        """Stops the server and deletes all that it kept."""
        self.stop(hard=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def log_tail(self, lines: int = 20) -> str:
        return "\n".join((self._folder / "server.log").read_text("utf-8", "replace").splitlines()[-lines:])

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _as_owner(self) -> dict[str, Any]:
        owner = {} if self._owner is None else {"user": self._owner, "group": _group(self._owner), "extra_groups": []}
        return {"cwd": "/", "env": {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"}, **owner}

    def _answers(self) -> bool:
        asked = subprocess.run(
            [self._bin / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)], stdin=subprocess.DEVNULL
        )
        return asked.returncode == 0


@contextlib.contextmanager
def cluster(**settings: str) -> Iterator[Cluster]:
    """A running server for the time of the block."""
    made = Cluster(**settings)
    try:
        made.create()
        yield made
    finally:
        made.remove()


def _group(owner: str) -> int:
    return pwd.getpwnam(owner).pw_gid


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
