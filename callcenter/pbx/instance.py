"""One running Asterisk: its folder, its process, its console.

The process is started detached, so calls survive a restart of the program that started it; the next program finds it
again through the pidfile (`adopt`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import re
import secrets
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.pbx.errors import BinaryMissing, CommandFailed, PortTaken, RunFolderNotWritable, StartFailed
from callcenter.pbx.fetch import AsteriskInstall
from callcenter.pbx.process import is_running, start_detached
from callcenter.pbx.render import TEMPLATES, copy_dialplans, make_private, render_folder, write_atomic
from callcenter.pbx.sounds import lay_out
from callcenter.pbx.tones import write_beeps

log = logging.getLogger(__name__)

# A Unix socket's path may have 107 bytes; beyond this the socket moves to a short folder under the temporary folder.
_LONGEST_SOCKET_FOLDER = 90
WARN_TONE_HZ = 880
_SECRET_NAMES = ("ami_secret", "trunk_secret", "lock_secret")


@dataclass(frozen=True)
class Port:
    """A port the instance needs, and the setting that changes it."""

    number: int
    setting: str
    kind: str = "udp"
    host: str = "127.0.0.1"


@dataclass
class AsteriskInstance:
    """An Asterisk in `run_dir` playing `role` ("pbx" or "carrier"); `values` fill the templates of that role."""

    install: AsteriskInstall
    run_dir: Path
    role: str
    values: Mapping[str, str]
    ports: Sequence[Port] = ()
    dialplans: Path | None = None
    blocks: Mapping[str, str] = field(default_factory=dict)
    generated: Sequence[str] = ()
    """Configuration files that others write; they are made empty if absent, because an #include must exist."""

    @property
    def etc(self) -> Path:
        return self.run_dir / "etc"

    @property
    def spool(self) -> Path:
        return self.run_dir / "spool"

    @property
    def log_file(self) -> Path:
        return self.run_dir / "log" / "messages.log"

    @property
    def cel_database(self) -> Path:
        return self.run_dir / "log" / "master.db"

    @property
    def pidfile(self) -> Path:
        return self.run_dir / "asterisk.pid"

    @property
    def socket_dir(self) -> Path:
        folder = self.run_dir / "run"
        if len(os.fsencode(folder)) <= _LONGEST_SOCKET_FOLDER:
            return folder
        digest = hashlib.sha256(os.fsencode(self.run_dir.resolve())).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"callcenter-{os.getuid()}-{digest}"

    @property
    def secrets(self) -> dict[str, str]:
        """Random secrets of this run folder, made at first use and readable by the owner only."""
        path = self.run_dir / "secrets.json"
        known: dict[str, str] = {}
        if path.exists():
            known = json.loads(path.read_text("utf-8"))
        missing = [name for name in _SECRET_NAMES if name not in known]
        if missing:
            known |= {name: secrets.token_urlsafe(24) for name in missing}
            self._make_run_dir()
            write_atomic(path, json.dumps(known, indent=1))
        return known

    # -- life ------------------------------------------------------------------------------------------------------

    def pid(self) -> int | None:
        """Process id of the live Asterisk of this run folder, or None."""
        try:
            pid = int(self.pidfile.read_text("ascii"))
        except (OSError, ValueError):
            return None
        return pid if self._is_ours(pid) else None

    def adopt(self) -> bool:
        """True if a live Asterisk of this run folder was found; it is then controlled as if started here."""
        return self.pid() is not None

    async def start(self, timeout: float = 30.0) -> bool:
        """Make sure Asterisk runs and is ready; returns True if one that already ran was adopted.

        One that runs with other settings or templates is started anew, unless it has calls.
        """
        if self.adopt():
            await self.ready(timeout)
            if self._is_up_to_date() or not await self._is_idle():
                return True
            await self.stop()
        self.render()
        self.check_ports()
        self._spawn()
        await self.ready(timeout)
        await self._check_modules()
        return False

    def render(self) -> None:
        """Write the whole configuration folder; generated files (endpoints, queues) keep their content."""
        self._make_run_dir()
        values = {
            **self.values,
            **self.secrets,
            "etc_dir": str(self.etc),
            "run_dir": str(self.run_dir),
            "socket_dir": str(self.socket_dir),
            "module_dir": str(self.install.module_dir),
            "data_dir": str(lay_out(self.install.data_dir.absolute(), self.run_dir / "share")),
            "system_name": self.role,
        }
        render_folder(self.role, self.etc, values, self.install.module_dir, self.blocks)
        if self.dialplans is not None:
            copy_dialplans(self.dialplans, self.etc)
        for name in self.generated:
            if not (self.etc / name).exists():
                write_atomic(self.etc / name, "; generated\n")
        write_atomic(self._fingerprint_file, self._fingerprint())
        write_beeps(self.run_dir / "sounds" / "warn.wav", WARN_TONE_HZ)
        _create_wal_database(self.cel_database)

    def _is_up_to_date(self) -> bool:
        """Whether the running Asterisk was started from the present templates and settings."""
        try:
            return self._fingerprint_file.read_text("ascii") == self._fingerprint()
        except OSError:
            return False

    async def _is_idle(self) -> bool:
        idle = "0 active channels" in await self.cli("core show channels count")
        if not idle:
            log.warning("Asterisk (%s) has calls; changed settings apply after its next restart", self.role)
        return idle

    @property
    def _fingerprint_file(self) -> Path:
        return self.run_dir / "fingerprint"

    def _fingerprint(self) -> str:
        templates = [path.read_text("utf-8") for path in sorted((TEMPLATES / self.role).glob("*.conf"))]
        facts = [self.install.command, str(self.install.module_dir), dict(self.values), dict(self.blocks), templates]
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()

    def check_ports(self) -> None:
        """Raise `PortTaken` for the first needed port that another program holds."""
        for port in self.ports:
            kind = socket.SOCK_DGRAM if port.kind == "udp" else socket.SOCK_STREAM
            with socket.socket(socket.AF_INET, kind) as probe:
                if port.kind == "tcp":
                    # As Asterisk does, so connections that linger after a restart are no hindrance.
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((port.host, port.number))
                except OSError as error:
                    raise PortTaken(
                        f"{port.kind.upper()} port {port.number} on {port.host} cannot be used ({error.strerror}). "
                        f"End the program that holds it, or change the setting `{port.setting}`.",
                        port=port.number,
                        setting=port.setting,
                    ) from None

    async def ready(self, timeout: float = 30.0) -> None:
        """Wait until Asterisk is fully booted; raises `StartFailed` with its last log lines."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.pid() is None:
                raise StartFailed(f"Asterisk ({self.role}) ended while starting. {self._last_lines()}")
            with contextlib.suppress(CommandFailed):
                if "fully booted" in await self.cli("core waitfullybooted", deadline - time.monotonic()):
                    return
            await asyncio.sleep(0.05)
        raise StartFailed(f"Asterisk ({self.role}) was not ready after {timeout:.0f} s. {self._last_lines()}")

    async def _check_modules(self) -> None:
        """Refuse to run without a required module; Asterisk itself goes on when the file cannot be opened."""
        wanted = re.findall(r"^require = (\S+)", (self.etc / "modules.conf").read_text("utf-8"), re.MULTILINE)
        running = await self.cli("module show")
        missing = [name for name in wanted if not re.search(rf"^{re.escape(name)}\s.*Running", running, re.MULTILINE)]
        if missing:
            await self.stop()
            raise StartFailed(f"Asterisk ({self.role}) could not load {', '.join(missing)}. {self._last_lines()}")

    async def stop(self, timeout: float = 10.0) -> None:
        """End this Asterisk, calls included: first politely, then for certain. Nothing else is touched."""
        pid = self.pid()
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            if not await self._wait_gone(pid, timeout):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                await self._wait_gone(pid, 5.0)
        self.pidfile.unlink(missing_ok=True)

    async def _wait_gone(self, pid: int, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if not self._is_ours(pid):
                return True
            await asyncio.sleep(0.02)
        return not self._is_ours(pid)

    # -- console ---------------------------------------------------------------------------------------------------

    async def cli(self, command: str, timeout: float = 10.0) -> str:
        """The output of a console command; raises `CommandFailed` when Asterisk does not answer."""
        argv = [*self.install.command, "-C", str(self.etc / "asterisk.conf"), "-rx", command]
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            async with asyncio.timeout(max(timeout, 0.1)):
                out, error = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise CommandFailed(f"Asterisk ({self.role}) did not answer `{command}` in {timeout:.0f} s.") from None
        if process.returncode != 0:
            text = (error or out).decode("utf-8", "replace").strip()
            raise CommandFailed(f"Asterisk ({self.role}) did not take `{command}`: {text}")
        return out.decode("utf-8", "replace")

    async def reload(self, module: str) -> str:
        """Reload one module by name (`res_pjsip`, `app_queue`) or the `dialplan`; talking calls go on."""
        if module == "dialplan":
            return await self.cli("dialplan reload")
        return await self.cli(f"module reload {module}.so")

    async def open_recordings(self) -> int:
        """How many recordings are being written now; a file may be read once its recording is closed."""
        # A recording holds a reference to its module until it has closed its files.
        printed = await self.cli("module show like app_mixmonitor.so")
        found = re.search(r"^app_mixmonitor\.so\s.*?\s(\d+)\s+Running", printed, re.MULTILINE)
        return int(found[1]) if found else 0

    async def rotate_logs(self, limit: int = 20_000_000, keep: int = 5) -> bool:
        """Rotate the log when it is larger than `limit` bytes and delete all but `keep` old ones."""
        if not self.log_file.exists() or self.log_file.stat().st_size < limit:
            return False
        await self.cli("logger rotate")
        for old in self.log_file.parent.glob("*.log.*"):
            if old.suffix[1:].isdigit() and int(old.suffix[1:]) >= keep:
                old.unlink(missing_ok=True)
        return True

    # -- inside ----------------------------------------------------------------------------------------------------

    def _make_run_dir(self) -> None:
        folders = ["", "etc", "etc/agi-bin", "log", "var", "var/keys", "cache", "spool", "spool/recordings"]
        folders += ["spool/heard", "sounds"]
        try:
            for folder in folders:
                make_private(self.run_dir / folder)
            self.socket_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.socket_dir.stat().st_uid != os.getuid():
                raise PermissionError(f"{self.socket_dir} belongs to another user")
            with tempfile.TemporaryFile(dir=self.run_dir):
                pass
        except OSError as error:
            raise RunFolderNotWritable(
                f"The run folder {self.run_dir} cannot be written: {error}. Correct its owner or rights, or change "
                "the setting `data_dir`."
            ) from None

    def _spawn(self) -> None:
        if not Path(self.install.command[-1]).exists():
            raise BinaryMissing(
                f"{self.install.command[-1]} does not exist. Run `python -m callcenter.pbx.fetch` to get it again."
            )
        argv = [*self.install.command, "-f", "-C", str(self.etc / "asterisk.conf")]
        started = start_detached(argv, self.run_dir / "log" / "console.log", self.run_dir)
        if isinstance(started, str):
            raise StartFailed(f"Asterisk ({self.role}) could not be started: {started}")
        write_atomic(self.pidfile, str(started))

    def _is_ours(self, pid: int) -> bool:
        return is_running(pid, self.etc / "asterisk.conf")

    def _last_lines(self, count: int = 5) -> str:
        lines: list[str] = []
        for path in (self.run_dir / "log" / "console.log", self.log_file):
            with contextlib.suppress(OSError):
                found = [line for line in path.read_text("utf-8", "replace").splitlines() if line.strip()]
                bad = [line for line in found if "ERROR" in line or "WARNING" in line]
                lines += (bad or found)[-count:]
        return "Its last words: " + " | ".join(lines[-count:]) if lines else "It wrote nothing to its log."


def _create_wal_database(path: Path) -> None:
    """An empty SQLite file in WAL mode, so that readers never block Asterisk's writes; existing data stays.

    It says who called whom, so nobody else may read it; SQLite gives its -wal and -shm the same rights.
    """
    for one in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if one == path or one.exists():
            one.touch(mode=0o600)
            one.chmod(0o600)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA user_version=1")
        connection.commit()
