"""Find an Asterisk to run: an installed one, or a private one unpacked without root.

`python -m callcenter.pbx.fetch [settings]` makes sure one is there and prints what it is. Stable Debian ships no
Asterisk but unstable does, so its packages are downloaded through a private apt state (nothing on the machine changes,
signatures are checked as usual) and unpacked into one folder, where they run through their own loader.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from callcenter.pbx.errors import BinaryMissing, FetchError, PbxError
from callcenter.settings import Settings, SettingsError, load

PACKAGES = ("asterisk", "asterisk-moh-opsound-gsm", "sip-tester")
SUITE = "unstable"
MINIMUM_MAJOR = 20
MARKER = "install.json"
NEEDED_MB = 600

Progress = Callable[[str], None]


@dataclass(frozen=True)
class AsteriskInstall:
    """One Asterisk that can be started; `command` and `sipp` are argument prefixes."""

    command: tuple[str, ...]
    module_dir: Path
    data_dir: Path
    version: str
    sipp: tuple[str, ...] = ()


def ensure(settings: Settings, progress: Progress = lambda line: None) -> AsteriskInstall:
    """The Asterisk to use, downloaded first if need be; raises `BinaryMissing` or `FetchError`."""
    if settings.asterisk:
        return installed(Path(settings.asterisk))
    found = private(settings.asterisk_cache)
    if found is None:
        download(settings.asterisk_cache, progress)
        found = private(settings.asterisk_cache)
    if found is None:
        raise FetchError(f"The Asterisk unpacked in {settings.asterisk_cache} does not run. Remove that folder.")
    return found


def installed(binary: Path) -> AsteriskInstall:
    """The machine's own Asterisk at `binary`, checked for its version."""
    version = _version((str(binary),))
    if version is None:
        raise BinaryMissing(
            f"The setting `asterisk` names {binary}, which does not run. Correct the path, or leave the setting "
            "empty to use a private Asterisk."
        )
    if int(version.split(".")[0]) < MINIMUM_MAJOR:
        raise BinaryMissing(
            f"{binary} is Asterisk {version}; {MINIMUM_MAJOR} or newer is needed. Leave the setting `asterisk` "
            "empty to use a private one."
        )
    prefix = binary.resolve().parent.parent
    lib = prefix / "lib"
    modules = [*lib.glob("*/asterisk/modules"), lib / "asterisk/modules", prefix / "lib64/asterisk/modules"]
    data = [prefix / "share/asterisk", Path("/var/lib/asterisk"), Path("/usr/share/asterisk")]
    module_dir = next((path for path in modules if (path / "chan_pjsip.so").exists()), None)
    data_dir = next((path for path in data if (path / "documentation").is_dir()), None)
    if module_dir is None or data_dir is None:
        raise BinaryMissing(
            f"{binary} has no PJSIP modules or no data folder beside it. Leave the setting `asterisk` empty."
        )
    sipp = shutil.which("sipp")
    return AsteriskInstall((str(binary),), module_dir, data_dir, version, (sipp,) if sipp else ())


def private(cache: Path) -> AsteriskInstall | None:
    """The newest complete private Asterisk under `cache`, or None."""
    folders = [marker.parent for marker in cache.glob(f"asterisk-*/{MARKER}")]
    for prefix in sorted(folders, key=lambda path: (path / MARKER).stat().st_mtime, reverse=True):
        try:
            lib = prefix / json.loads((prefix / MARKER).read_text("utf-8"))["lib"]
            version = str(json.loads((prefix / MARKER).read_text("utf-8"))["version"])
        except (ValueError, KeyError):
            continue
        loader = next(lib.glob("ld-linux-*.so.*"), None)
        if loader is None or not (prefix / "usr/sbin/asterisk").exists():
            continue
        # Through its own loader the program sees its own C library; the library path is not inherited by the
        # programs it starts, which belong to the machine.
        run = (str(loader), "--library-path", f"{lib}:{lib / 'pulseaudio'}")
        return AsteriskInstall(
            command=(*run, str(prefix / "usr/sbin/asterisk")),
            module_dir=lib / "asterisk/modules",
            data_dir=prefix / "usr/share/asterisk",
            version=version,
            sipp=(*run, str(prefix / "usr/bin/sipp")),
        )
    return None


def download(cache: Path, progress: Progress = lambda line: None) -> Path:
    """Fetch and unpack the packages; returns the new prefix. An interrupted run leaves nothing half-done."""
    for tool in ("apt-get", "apt-config", "dpkg"):
        if shutil.which(tool) is None:
            raise FetchError(
                f"This machine has no {tool}, so a private Asterisk cannot be fetched. Install Asterisk "
                f"{MINIMUM_MAJOR} or newer and set `asterisk` to its path."
            )
    try:
        cache.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(cache).free // 2**20
        work = Path(tempfile.mkdtemp(prefix="fetch-", dir=cache))
    except OSError as error:
        raise FetchError(f"{cache} cannot be written: {error}. Set `asterisk_cache` to another folder.") from None
    try:
        if free < NEEDED_MB:
            raise FetchError(f"{cache} has {free} MB free; {NEEDED_MB} MB are needed. Free some space.")
        archives = _download_archives(work, progress)
        prefix = work / "prefix"
        _unpack(archives, prefix, progress)
        return _publish(prefix, cache)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _download_archives(work: Path, progress: Progress) -> list[Path]:
    errors = []
    for mirror in _mirrors():
        config = _private_apt(work, mirror)
        env = {**os.environ, "APT_CONFIG": str(config), "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
        progress("reading the package index")
        result = _run(["apt-get", "-q", "update"], env)
        if result.returncode == 0:
            progress("downloading Asterisk and its libraries (about 95 MB)")
            install = ["apt-get", "-q", "-y", "-d", "install", "--no-install-recommends", *PACKAGES]
            result = _run(install, env)
        archives = sorted((work / "cache/archives").glob("*.deb"))
        if result.returncode == 0 and archives:
            return archives
        lines = (result.stderr or result.stdout).strip().splitlines()
        errors.append(next((line for line in lines if line.startswith("E:")), lines[-1] if lines else "no answer"))
    detail = f" apt says: {errors[0]}" if errors else " No Debian mirror is configured for apt."
    raise FetchError(
        "Asterisk could not be downloaded. Check that `apt-get update` works on this machine, or install Asterisk "
        f"{MINIMUM_MAJOR}+ and set `asterisk` to its path.{detail}"
    )


def _mirrors() -> list[str]:
    """Mirror addresses from the machine's own apt configuration; works with empty package lists too."""
    printed = _run(["apt-get", "--print-uris", "update"], {**os.environ, "LC_ALL": "C"}).stdout
    found = re.findall(r"^'(\S+?)/dists/(\S+?)/InRelease'", printed, re.MULTILINE)
    # A security archive has no unstable suite; keep the order of the machine's own lists.
    return list(dict.fromkeys(url for url, suite in found if "security" not in f"{url}/{suite}"))


def _private_apt(work: Path, mirror: str) -> Path:
    """An apt configuration of our own: the machine's proxies and keys, but its own lists, cache and status."""
    for folder in ("state/lists/partial", "cache/archives/partial", "etc"):
        (work / folder).mkdir(parents=True, exist_ok=True)
    (work / "status").touch()  # empty: nothing counts as installed, so every library is fetched
    (work / "etc/sources.list").write_text(f"deb {mirror} {SUITE} main\n", "utf-8")
    dump = _run(["apt-config", "dump"], {**os.environ, "LC_ALL": "C"}).stdout
    # Hooks of the machine (clean-ups, indexers) must not run for a private state.
    kept = [line for line in dump.splitlines() if not re.match(r"(APT::Update::|DPkg::)\S*Invoke", line)]
    user = str(os.getuid()) if os.getuid() else "root"
    own = {
        "Dir::State": work / "state",
        "Dir::State::lists": work / "state/lists",
        "Dir::State::status": work / "status",
        "Dir::Cache": work / "cache",
        "Dir::Cache::archives": work / "cache/archives",
        "Dir::Cache::pkgcache": "",
        "Dir::Cache::srcpkgcache": "",
        "Dir::Log": work / "cache",
        "Dir::Etc::sourcelist": work / "etc/sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Dir::Etc::main": "/dev/null",
        "Dir::Etc::parts": "/dev/null",
        "APT::Sandbox::User": user,
        "APT::Get::List-Cleanup": "false",
        "Acquire::Languages": "none",
        "Acquire::Retries": "3",
        "Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled": "false",
    }
    config = work / "etc/apt.conf"
    config.write_text("\n".join([*kept, *(f'{key} "{value}";' for key, value in own.items())]) + "\n", "utf-8")
    return config


def _unpack(archives: list[Path], prefix: Path, progress: Progress) -> None:
    progress(f"unpacking {len(archives)} packages")
    prefix.mkdir()
    for archive in archives:
        result = _run(["dpkg", "-x", str(archive), str(prefix)], dict(os.environ))
        if result.returncode != 0:
            raise FetchError(f"{archive.name} could not be unpacked ({result.stderr.strip()}). Run this again.")


def _publish(prefix: Path, cache: Path) -> Path:
    """Check that the unpacked Asterisk runs, then rename it into place in one step."""
    loader = next(prefix.glob("usr/lib/*-linux-gnu*/ld-linux-*.so.*"), None)
    if loader is None:
        raise FetchError("The packages hold no loader for this processor. Set `asterisk` to an installed one.")
    lib = loader.parent
    run = (str(loader), "--library-path", f"{lib}:{lib / 'pulseaudio'}", str(prefix / "usr/sbin/asterisk"))
    version = _version(run)
    if version is None:
        raise FetchError("The unpacked Asterisk does not run on this machine. Set `asterisk` to an installed one.")
    sounds = prefix / "usr/share/asterisk/sounds"
    # The package leaves this link to a script that runs at installation.
    english = next(sounds.glob("en_*"), None)
    if english is not None and not (sounds / "en").exists():
        (sounds / "en").symlink_to(english.name)
    marker = {"version": version, "lib": str(lib.relative_to(prefix))}
    (prefix / MARKER).write_text(json.dumps(marker), "utf-8")
    target = cache / f"asterisk-{version}"
    if target.exists() and not (target / MARKER).exists():
        shutil.rmtree(target)
    try:
        prefix.rename(target)
    except OSError:
        if not (target / MARKER).exists():  # else another run was faster and its result is as good
            raise
    return target


def _version(command: tuple[str, ...]) -> str | None:
    try:
        printed = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=20, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"Asterisk (?:certified/)?(\d+\.[\w.]+)", printed)
    return match[1] if match else None


def _run(command: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, env=env)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", f"E: {error}")


def main() -> int:
    try:
        install = ensure(
            load(Path(sys.argv[1]) if sys.argv[1:] else None),
            lambda line: print(f"• {line}", file=sys.stderr, flush=True),
        )
    except (PbxError, SettingsError) as error:
        print(f"✗ {error}", file=sys.stderr)
        return 1
    print(f"Asterisk {install.version} is ready ({install.module_dir.parent}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())
