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
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from callcenter.pbx.errors import (
    BinaryMissing,
    CannotAsk,
    CommandFailed,
    PbxError,
    RunFolderNotWritable,
    StartFailed,
    StateUnknown,
)
from callcenter.pbx.fetch import AsteriskInstall
from callcenter.pbx.ports import Port, require_free
from callcenter.pbx.process import Gone, Running, Sighting, Unknown, find, look, start_detached
from callcenter.pbx.render import TEMPLATES, copy_dialplans, make_private, render_folder, write_atomic
from callcenter.pbx.sounds import lay_out
from callcenter.pbx.tones import write_beeps

log = logging.getLogger(__name__)

# A Unix socket's path may have 107 bytes; beyond this the socket moves to a short folder under the temporary folder.
_LONGEST_SOCKET_FOLDER = 90
WARN_TONE_HZ = 880
_SECRET_NAMES = ("ami_secret", "trunk_secret", "lock_secret")


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

    def sight(self) -> Sighting:
        """Whether this run folder's Asterisk lives; one whose pidfile was lost is found by its arguments.

        `Unknown` when it could not be seen: whoever asks leaves everything as it is then.
        """
        try:
            noted = int(self.pidfile.read_text("ascii"))
        except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: cut short by a full disk
            return self._lost()
        except OSError as error:
            return Unknown(f"{self.pidfile} cannot be read: {error.strerror}")
        seen = look(noted, self._config) if noted > 0 else Gone()
        return self._lost() if isinstance(seen, Gone) else seen

    def pid(self) -> int | None:
        """Process id of the live Asterisk of this run folder, or None; raises `StateUnknown` when it cannot be seen."""
        match self.sight():
            case Running(pid):
                return pid
            case Gone():
                return None
            case Unknown(why):
                raise StateUnknown(f"Whether Asterisk ({self.role}) runs cannot be seen: {why}.")

    def adopt(self) -> bool:
        """True if a live Asterisk of this run folder was found; it is then controlled as if started here."""
        return self.pid() is not None

    async def start(self, timeout: float = 30.0) -> bool:
        """Make sure Asterisk runs and is ready; returns True if one that already ran was adopted.

        One that runs with other settings or templates is started anew, unless it has calls; so is one that does not
        answer. Raises `StateUnknown` when it cannot be seen whether one runs: a second one is never started.
        """
        if await self._settled_pid() is not None:
            if await self._adopted_answers(timeout) and (self._is_up_to_date() or not await self._is_idle()):
                return True
            await self.stop()
        self.render()
        require_free(self.ports)
        self._spawn()
        await self.ready(timeout)
        await self._check_modules()
        return False

    async def _settled_pid(self, patience: float = 2.0) -> int | None:
        """The process id once it can be told; a moment between two programs passes by itself."""
        deadline = time.monotonic() + patience
        while True:
            try:
                return self.pid()
            except StateUnknown:
                if time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.1)

    async def _adopted_answers(self, timeout: float) -> bool:
        try:
            await self.ready(timeout)
        except StartFailed as error:
            log.error("Asterisk (%s) was left behind by an earlier run and is ended: %s", self.role, error)
            return False
        return True

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
        except FileNotFoundError:
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

    async def ready(self, timeout: float = 30.0) -> None:
        """Wait until Asterisk is fully booted; raises `StartFailed` with its last log lines, or `CannotAsk`."""
        deadline = time.monotonic() + timeout
        trouble: PbxError | None = None
        while time.monotonic() < deadline:
            seen = self.sight()
            if isinstance(seen, Gone):
                raise StartFailed(f"Asterisk ({self.role}) ended while starting. {self._last_lines()}")
            trouble = None
            try:
                if "fully booted" in await self.cli("core waitfullybooted", deadline - time.monotonic()):
                    return
            except CommandFailed:
                pass
            except CannotAsk as cannot:
                trouble = cannot
            await asyncio.sleep(0.05)
        if trouble is not None:
            raise trouble
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
        """End this Asterisk, calls included: first politely, then for certain. Nothing else is touched.

        The pidfile goes only when its process was seen dead; otherwise raises `StateUnknown` and leaves it.
        """
        while (pid := await self._settled_pid()) is not None:
            await self._end(pid, timeout)
        self.pidfile.unlink(missing_ok=True)

    async def _end(self, pid: int, timeout: float) -> None:
        for number, patience in ((signal.SIGTERM, timeout), (signal.SIGKILL, 5.0)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
            if await self._wait_gone(pid, patience):
                return
        raise StateUnknown(f"Asterisk ({self.role}), process {pid}, was not seen to end.")

    async def _wait_gone(self, pid: int, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while not isinstance(look(pid, self._config), Gone):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    # -- console ---------------------------------------------------------------------------------------------------

    async def cli(self, command: str, timeout: float = 10.0) -> str:
        """The output of a console command; raises `CommandFailed` when Asterisk does not answer, and `CannotAsk` when
        we could not even ask.
        """
        argv = [*self.install.command, "-C", str(self._config), "-rx", command]
        try:
            process = await asyncio.create_subprocess_exec(
                *argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except (OSError, RuntimeError) as error:  # RuntimeError: no thread could be started to wait for the process
            raise CannotAsk(f"Asterisk ({self.role}) cannot be asked `{command}`: {error}.") from error
        try:
            async with asyncio.timeout(max(timeout, 0.1)):
                out, complaint = await process.communicate()
        except TimeoutError:
            process.kill()
            await process.wait()
            raise CommandFailed(f"Asterisk ({self.role}) did not answer `{command}` in {timeout:.0f} s.") from None
        if process.returncode != 0:
            text = (complaint or out).decode("utf-8", "replace").strip()
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
        argv = [*self.install.command, "-f", "-C", str(self._config)]
        started = start_detached(argv, self.run_dir / "log" / "console.log", self.run_dir)
        if isinstance(started, str):
            raise StartFailed(f"Asterisk ({self.role}) could not be started: {started}")
        write_atomic(self.pidfile, str(started))

    @property
    def _config(self) -> Path:
        """What Asterisk is started with, and known by among all processes."""
        return (self.etc / "asterisk.conf").absolute()

    def _lost(self) -> Sighting:
        """One that runs although no pidfile names it; the pidfile is written anew."""
        found = find(self._config)
        if isinstance(found, Running):
            log.warning("Asterisk (%s) runs as process %d without its pidfile", self.role, found.pid)
            with contextlib.suppress(OSError):
                write_atomic(self.pidfile, str(found.pid))
        return found

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

    Who called whom is nobody else's business; what SQLite puts beside the file takes its mode.
    """
    path.touch(mode=0o600)
    for name in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if name.exists():
            name.chmod(0o600)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA user_version=1")
        connection.commit()
