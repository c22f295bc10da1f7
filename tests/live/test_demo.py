"""`./dev demo --once` is what a newcomer trusts: it must see every effect and leave nothing running."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from callcenter.settings import PROJECT_ROOT

pytestmark = pytest.mark.live


async def test_the_demo_sees_every_effect_and_stops_all() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callcenter.cli",
        "demo",
        "--once",
        cwd=PROJECT_ROOT,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 200)
    text = output.decode()
    assert process.returncode == 0, text
    assert "All seen" in text
    assert "✗" not in text
    running = [
        entry.name
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and b"callcenter-once-" in _command_line(entry)
    ]
    assert running == []


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
