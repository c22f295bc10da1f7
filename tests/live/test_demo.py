"""`./dev demo --once` is what a newcomer trusts: it must see every effect and leave nothing running."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.settings import PROJECT_ROOT

pytestmark = pytest.mark.live


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short path: the name of Asterisk's control socket has a limit."""
    with tempfile.TemporaryDirectory(prefix="cc-") as made:
        yield Path(made)


async def test_the_demo_sees_every_effect_and_stops_all(folder: Path) -> None:
    """All that it starts works below its temporary folder; another demo may run beside it."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "callcenter.cli",
        "demo",
        "--once",
        cwd=PROJECT_ROOT,
        env=os.environ | {"TMPDIR": str(folder)},
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
        if entry.name.isdigit() and os.fsencode(folder) in _command_line(entry)
    ]
    assert running == []


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
