"""A program that has no descriptors left sees nothing, and concludes nothing: Asterisk and its calls go on."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from callcenter import machine
from callcenter.ledger.cel import CelFile
from callcenter.pbx.actions import dial_out_action
from callcenter.pbx.errors import CannotAsk, CommandFailed, StateUnknown
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.process import Gone, Running, Unknown, find, look
from callcenter.pbx.stack import TelephonyStack, pbx_instance
from callcenter.pbx.supervisor import Restarted, supervise
from callcenter.settings import PROJECT_ROOT
from tests.pbx.support import Ami, telephony_settings, until

pytestmark = pytest.mark.live

# Supervises the PBX of given settings with every descriptor used up, and says what came of it.
STARVED_SUPERVISOR = """
import asyncio, json, os, resource, sys
import msgspec, uvloop
from callcenter.pbx.errors import CannotAsk, StateUnknown
from callcenter.pbx.fetch import ensure
from callcenter.pbx.stack import pbx_instance
from callcenter.pbx.supervisor import supervise
from callcenter.settings import Settings

settings = msgspec.json.decode(sys.argv[1], type=Settings, dec_hook=lambda kind, value: kind(value))
pbx = pbx_instance(ensure(settings), settings)
told = {"seen": [], "asked": 0, "restarts": [], "stopped": ""}

async def report(what):
    told["restarts"].append(what.reason)

async def main():
    asyncio.get_running_loop()
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    watcher = asyncio.create_task(supervise(pbx, report, interval=0.02, back_off=(0.01,), check_every=0.02))
    for _ in range(40):
        await asyncio.sleep(0.05)
        told["seen"].append(type(pbx.sight()).__name__)
        try:
            await pbx.cli("core show uptime")
        except CannotAsk:
            told["asked"] += 1
    try:
        await pbx.stop()
    except StateUnknown:
        told["stopped"] = "unknown"
    watcher.cancel()
    for one in held:
        os.close(one)
    print(json.dumps(told))

(asyncio if sys.argv[2] == "asyncio" else uvloop).run(main())
"""


@asynccontextmanager
async def talking(stack: TelephonyStack, ami: Ami, call_id: str) -> AsyncIterator[str]:
    """A call that talks; answers with the agent's channel id."""
    channel = await ami.originate(
        dial_out_action(call_id=call_id, agent_channel="PJSIP/agent-12", number="13800000001", record=False)
    )
    await until(lambda: ami.seen("BridgeEnter", Uniqueid=call_id), "the call to talk")
    yield channel


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
async def test_a_supervisor_without_descriptors_leaves_a_talking_asterisk_alone(
    stack: TelephonyStack, ami: Ami, loop: str
) -> None:
    before = stack.pbx.pid()
    async with talking(stack, ami, f"starved-{loop}") as channel:
        encoded = msgspec.json.encode(stack.settings, enc_hook=str).decode()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", STARVED_SUPERVISOR, encoded, loop, stdout=asyncio.subprocess.PIPE, cwd=PROJECT_ROOT
        )
        told = json.loads((await child.communicate())[0])
        assert set(told["seen"]) == {"Unknown"}
        assert told["asked"] == 40, "every question failed for want of descriptors, and none counted as silence"
        assert told["restarts"] == []
        assert told["stopped"] == "unknown", "what is not seen is not stopped"
        assert stack.pbx.pidfile.read_text("ascii") == str(before)
        assert stack.pbx.pid() == before
        assert not ami.seen("Hangup", Uniqueid=channel), "the call talks on"


async def test_death_is_seen_without_a_descriptor_and_nothing_else_is(tmp_path: Path, stack: TelephonyStack) -> None:
    config = tmp_path / "asterisk.conf"
    ended = await asyncio.create_subprocess_exec("/bin/true")
    await ended.wait()
    assert look(ended.pid, config) == Gone()
    assert look(os.getpid(), config) == Gone(), "a process with other arguments is another's"
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    pid = stack.pbx.pid()
    assert pid is not None
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        seen, gone, found = look(pid, config), look(ended.pid, config), find(config)
        sighted = stack.pbx.sight()
        with pytest.raises(StateUnknown):
            stack.pbx.pid()
        with pytest.raises(CannotAsk):
            await stack.pbx.cli("core show uptime")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert isinstance(seen, Unknown)
    assert isinstance(found, Unknown)
    assert isinstance(sighted, Unknown)
    assert gone == Gone()


async def test_an_asterisk_whose_pidfile_is_lost_is_adopted_and_ended(tmp_path: Path, stack: TelephonyStack) -> None:
    settings = telephony_settings(tmp_path)
    pbx = pbx_instance(stack.install, settings)
    await pbx.start()
    try:
        pid = pbx.pid()
        for lost in (None, "", "999999999"):
            pbx.pidfile.unlink()
            if lost is not None:
                pbx.pidfile.write_text(lost)
            again = pbx_instance(stack.install, settings)
            assert await again.start() is True, "found by its arguments, so neither a second one nor a taken port"
            assert again.sight() == Running(pid or 0)
            assert pbx.pidfile.read_text("ascii") == str(pid)
        pbx.pidfile.unlink()
    finally:
        await pbx.stop()
    assert isinstance(pbx.sight(), Gone)
    assert not pbx.pidfile.exists()


async def test_a_leftover_that_does_not_answer_is_ended_by_the_next_start(
    tmp_path: Path, stack: TelephonyStack
) -> None:
    settings = telephony_settings(tmp_path)
    pbx = pbx_instance(stack.install, settings)
    await pbx.start()
    try:
        (pbx.socket_dir / "asterisk.ctl").unlink()  # its console cannot be reached any more
        first = pbx.pid()
        assert await pbx_instance(stack.install, settings).start(timeout=8) is False
        assert pbx.pid() not in (None, first)
    finally:
        await pbx.stop()


async def test_a_console_that_is_silent_three_times_is_started_anew(
    tmp_path: Path, stack: TelephonyStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The counterpart: what Asterisk itself does not answer still counts."""
    pbx = pbx_instance(stack.install, telephony_settings(tmp_path))
    done = threading.Event()
    asked: list[str] = []

    async def silent(self: AsteriskInstance, command: str, timeout: float = 10.0) -> str:
        asked.append(command)
        raise CommandFailed("nothing was heard")

    async def start(self: AsteriskInstance, timeout: float = 30.0) -> bool:
        done.set()
        return False

    async def stop(self: AsteriskInstance, timeout: float = 10.0) -> None:
        asked.append("stopped")

    monkeypatch.setattr(AsteriskInstance, "cli", silent)
    monkeypatch.setattr(AsteriskInstance, "start", start)
    monkeypatch.setattr(AsteriskInstance, "stop", stop)
    monkeypatch.setattr(AsteriskInstance, "sight", lambda self: Running(1))
    reports: list[Restarted] = []

    async def report(what: Restarted) -> None:
        reports.append(what)

    watcher = asyncio.create_task(supervise(pbx, report, interval=0.01, back_off=(0.01,), check_every=0.01))
    try:
        await until(lambda: reports, "a restart")
        assert asked[:4] == ["core show uptime"] * 3 + ["stopped"]
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def test_a_start_raises_the_limit_of_open_files_and_makes_files_private() -> None:
    script = (
        "import os, resource\nfrom callcenter import machine\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))\n"
        "print(machine.raise_descriptor_limit(), machine.descriptor_limit(), hard)\n"
        "machine.private_files()\nprint(os.umask(0))\n"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE, cwd=PROJECT_ROOT
    )
    raised, now, hard, mask = map(int, (await child.communicate())[0].split())
    assert raised == now == min(hard if hard > 0 else machine.MOST_DESCRIPTORS, machine.MOST_DESCRIPTORS)
    assert mask == 0o077


async def test_records_that_cannot_be_opened_are_not_no_records(stack: TelephonyStack, ami: Ami) -> None:
    async with talking(stack, ami, "recorded"):
        pass
    records = CelFile(stack.pbx.cel_database, "pbx")
    assert await records.after(0)  # opened once, so the thread that reads is there
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            await records.after(0)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
