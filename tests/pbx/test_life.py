"""Starting, adopting, restarting and refusing to start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import stat
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from callcenter.pbx import provision
from callcenter.pbx.errors import BinaryMissing, CommandFailed, PortTaken, RunFolderNotWritable, StartFailed
from callcenter.pbx.fetch import installed
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.render import DIALPLANS
from callcenter.pbx.stack import TelephonyStack, pbx_instance
from callcenter.pbx.supervisor import Restarted, supervise
from tests.pbx.support import Ami, telephony_settings, until

pytestmark = pytest.mark.live


def pbx_in(folder: Path, stack: TelephonyStack) -> AsteriskInstance:
    return pbx_instance(stack.install, telephony_settings(folder))


async def test_a_clean_start_logs_no_error_and_no_warning(tmp_path: Path, stack: TelephonyStack) -> None:
    settings = telephony_settings(tmp_path)
    async with TelephonyStack(settings) as fresh:
        await provision.write_endpoints(fresh.pbx, [provision.EndpointSpec(7, "desk-secret-7", "张三")])
        await provision.write_queues(fresh.pbx, ["q-7"])
        for instance in (fresh.pbx, fresh.carrier.instance):
            bad = [line for line in instance.log_file.read_text("utf-8").splitlines() if _is_bad(line)]
            assert not bad
        loaded = await fresh.pbx.cli("module show like bridge_native_rtp")
        assert "0 modules loaded" in loaded
        assert "opus" in await fresh.pbx.cli("core show codecs audio")
        assert "agent-7-web" in await fresh.pbx.cli("pjsip show endpoints")
        assert "linear" in await fresh.pbx.cli("queue show q-7")


async def test_no_dialplan_catches_everything() -> None:
    for path in [*DIALPLANS.glob("*.conf")]:
        assert not re.search(r"^\s*exten\s*=>?\s*_\.", path.read_text("utf-8"), re.MULTILINE), path


async def test_it_outlives_the_program_that_started_it_and_is_adopted(tmp_path: Path, stack: TelephonyStack) -> None:
    settings = telephony_settings(tmp_path)
    script = (
        "import asyncio, msgspec, sys\n"
        "from callcenter.settings import Settings\n"
        "from callcenter.pbx.fetch import ensure\n"
        "from callcenter.pbx.stack import pbx_instance\n"
        "settings = msgspec.json.decode(sys.argv[1], type=Settings, dec_hook=lambda kind, value: kind(value))\n"
        "asyncio.run(pbx_instance(ensure(settings), settings).start())\n"
    )
    encoded = msgspec.json.encode(settings, enc_hook=str).decode()
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", script, encoded)
    assert await parent.wait() == 0

    pbx = pbx_instance(stack.install, settings)
    pid = pbx.pid()
    try:
        assert pid is not None
        assert await pbx.start() is True, "the running one is adopted, not started again"
        assert pbx.pid() == pid
        changed = pbx_instance(stack.install, msgspec.structs.replace(settings, agent_ring_seconds=7))
        assert await changed.start() is False, "other settings: the idle one is started anew"
        assert pbx.pid() not in (None, pid)
        assert "System uptime" in await pbx.cli("core show uptime")
    finally:
        await pbx.stop()
    assert pbx.pid() is None
    with pytest.raises(CommandFailed):
        await pbx.cli("core show uptime")


async def test_a_stale_pidfile_is_not_trusted(tmp_path: Path, stack: TelephonyStack) -> None:
    pbx = pbx_in(tmp_path, stack)
    pbx.run_dir.mkdir(parents=True)
    pbx.pidfile.write_text(str(os.getpid()))
    assert pbx.pid() is None and not pbx.adopt()
    await pbx.stop()  # must not end us


@pytest.mark.parametrize("kind", ["udp", "tcp"])
async def test_a_taken_port_is_named_with_its_setting(tmp_path: Path, stack: TelephonyStack, kind: str) -> None:
    settings = telephony_settings(tmp_path)
    port, setting = (settings.sip_port, "sip_port") if kind == "udp" else (settings.ami_port, "ami_port")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM) as other:
        other.bind(("127.0.0.1", port))
        if kind == "tcp":
            other.listen()
        with pytest.raises(PortTaken, match=str(port)) as caught:
            await pbx_instance(stack.install, settings).start()
    assert (caught.value.code, caught.value.setting) == ("port_taken", setting)
    assert f"`{setting}`" in str(caught.value)


async def test_a_broken_configuration_is_reported_with_the_log(tmp_path: Path, stack: TelephonyStack) -> None:
    broken = replace(stack.install, module_dir=tmp_path / "nowhere")
    pbx = pbx_instance(broken, telephony_settings(tmp_path))
    try:
        with pytest.raises(StartFailed, match=r"could not load .*chan_pjsip.so.* Its last words: .*ERROR"):
            await pbx.start(timeout=5)
        assert pbx.pid() is None
    finally:
        await pbx.stop()


async def test_missing_binaries_and_unwritable_folders_have_their_own_code(
    tmp_path: Path, stack: TelephonyStack
) -> None:
    with pytest.raises(BinaryMissing, match="setting `asterisk`") as missing:
        installed(tmp_path / "asterisk")
    assert missing.value.code == "asterisk_binary_missing"
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(RunFolderNotWritable, match="data_dir") as unwritable:
        await pbx_in(blocked, stack).start()
    assert unwritable.value.code == "run_folder_not_writable"


async def test_secrets_are_random_kept_and_private(tmp_path: Path, stack: TelephonyStack) -> None:
    first, second = pbx_in(tmp_path / "a", stack), pbx_in(tmp_path / "b", stack)
    assert first.secrets == first.secrets
    assert first.secrets["ami_secret"] != second.secrets["ami_secret"]
    assert stat.S_IMODE((first.run_dir / "secrets.json").stat().st_mode) == 0o600
    assert stat.S_IMODE((stack.pbx.etc / "manager.conf").stat().st_mode) == 0o600


async def test_the_supervisor_brings_a_killed_pbx_back(tmp_path: Path, stack: TelephonyStack) -> None:
    pbx = pbx_in(tmp_path, stack)
    await pbx.start()
    reports: list[Restarted] = []

    async def report(restarted: Restarted) -> None:
        reports.append(restarted)

    watcher = asyncio.create_task(supervise(pbx, report, interval=0.05, back_off=(0.1,)))
    try:
        first = pbx.pid()
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await until(lambda: reports, "a restart is reported")
        assert reports[0] == Restarted("pbx", 1, "the process ended")
        assert pbx.pid() not in (None, first)
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
        await pbx.stop()


async def test_a_large_log_is_rotated(stack: TelephonyStack, ami: Ami) -> None:
    assert not await stack.pbx.rotate_logs()
    assert await stack.pbx.rotate_logs(limit=0)
    assert (stack.pbx.log_file.parent / "messages.log.0").exists()


def _is_bad(line: str) -> bool:
    return bool(re.search(r"\b(ERROR|WARNING)\b", line))
