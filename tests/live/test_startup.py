"""What an operator gets wrong: each ends with one sentence that says what to do, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from pathlib import Path

import msgspec
import pytest

from callcenter.demo.free_ports import sandbox
from callcenter.settings import PROJECT_ROOT, Settings
from tests.live.installation import Installation, until

pytestmark = pytest.mark.live


async def _serve(settings: Settings, *extra: str, timeout: float = 60, **env: str) -> tuple[int, str]:
    """Exit code and output of `callcenter serve` with these settings."""
    values = {
        f"CALLCENTER_{name.upper()}": str(value)
        for name, value in msgspec.structs.asdict(settings).items()
        if value != getattr(Settings(), name)
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callcenter.cli",
        *extra,
        "serve",
        cwd=PROJECT_ROOT,
        env={**os.environ, **values, **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), timeout)
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    text = output.decode()
    assert "Traceback" not in text, text
    return process.returncode, text


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return sandbox(tmp_path)


async def test_an_unknown_setting_is_named(settings: Settings) -> None:
    code, text = await _serve(settings, CALLCENTER_PROT="1")
    assert code == 1
    assert "CALLCENTER_PROT names no setting" in text


async def test_a_setting_of_the_wrong_kind_is_named(settings: Settings) -> None:
    code, text = await _serve(settings, CALLCENTER_PORT="many")
    assert code == 1
    assert re.search(r"Bad setting.*port", text)


async def test_a_missing_settings_file_is_named(settings: Settings) -> None:
    code, text = await _serve(settings, "--config", "/nowhere/callcenter.toml")
    assert code == 1
    assert "/nowhere/callcenter.toml does not exist" in text


async def test_a_missing_asterisk_is_said(settings: Settings) -> None:
    code, text = await _serve(msgspec.structs.replace(settings, asterisk="/nowhere/asterisk"))
    assert code == 1
    assert "/nowhere/asterisk" in text


@pytest.mark.parametrize("name", ["port", "sip_port", "ami_port", "pbx_http_port"])
async def test_a_taken_port_is_named_with_its_setting(settings: Settings, name: str) -> None:
    kind = socket.SOCK_DGRAM if name == "sip_port" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as other:
        other.bind(("127.0.0.1", getattr(settings, name)))
        if kind == socket.SOCK_STREAM:
            other.listen()
        code, text = await _serve(settings)
    assert code == 1
    assert _processes_of(settings) == [], "a failed start leaves nothing running"
    assert str(getattr(settings, name)) in text
    assert name.upper() in text.upper()


def _processes_of(settings: Settings) -> list[str]:
    """Command lines of processes that run from this installation's folder."""
    folder = str(settings.data_dir).encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            line = (entry / "cmdline").read_bytes() if entry.name.isdigit() else b""
        except OSError:
            continue
        if folder in line:
            found.append(line.decode(errors="replace"))
    return found


async def test_a_wrong_ami_secret_is_said_and_heals_by_itself(site: Installation) -> None:
    """Asterisk is given another secret while it runs: the page says that the phones are away, nothing breaks."""
    agent = await site.agent(0)
    manager = site.stack.pbx.etc / "manager.conf"
    right = manager.read_text("utf-8")
    secret = site.stack.pbx.secrets["ami_secret"]
    assert secret in right
    manager.write_text(right.replace(secret, "x" * len(secret)), "utf-8")
    await site.stack.pbx.cli("manager reload")
    await site.switch.cut()
    await site.switch.join()

    async def said() -> bool:
        return "auth_failed" in site.log_tail(60)

    await until(said, "the log to name the wrong secret", 20)
    await agent.live.wait(
        lambda live: live.entities["system"]["phones"]["phones"] != "live", why="the page to say that phones are away"
    )
    assert secret not in site.log_tail(500)
    manager.write_text(right, "utf-8")
    await site.stack.pbx.cli("manager reload")
    await agent.live.wait(
        lambda live: live.entities["system"]["phones"]["phones"] == "live", 40, "the link to be live again"
    )
