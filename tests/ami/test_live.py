"""The link against a real Asterisk: what no imitation can prove."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from callcenter.ami import actions
from callcenter.ami.errors import ActionRefused, AuthFailed, LinkDown
from callcenter.ami.link import AmiConfig, AmiLink
from callcenter.domain.events import (
    BridgeEntered,
    ChannelEnded,
    LinkState,
    OriginateAnswered,
    Snapshot,
    SystemShutdown,
)
from callcenter.pbx.stack import TelephonyStack
from tests.ami.fake import PATIENCE, Log
from tests.ami.real import PHONE, QUEUE, asterisk, config
from tests.ami.record import dial

pytestmark = pytest.mark.live
ECHO = "13800000050"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TelephonyStack]:
    folder: Path = tmp_path_factory.mktemp("ami-live")
    async with asterisk(folder) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def live(stack: TelephonyStack) -> AsyncIterator[tuple[AmiLink, Log]]:
    log = Log()
    link = AmiLink(config(stack), log)
    link.start()
    await link.wait_live(PATIENCE)
    yield link, log
    await link.close()


def ended(log: Log, uniqueid: str) -> bool:
    return any(isinstance(event, ChannelEnded) and event.channel.uniqueid == uniqueid for event in log.events)


async def test_a_call_is_seen_from_dial_to_hangup_and_in_the_next_snapshot(
    stack: TelephonyStack, live: tuple[AmiLink, Log]
) -> None:
    link, log = live
    await link.send(dial("live-1", ECHO))
    await log.wait(lambda: len(log.of(BridgeEntered)) == 2)
    assert log.of(OriginateAnswered) == [OriginateAnswered("live-1", ok=True, reason=4)]

    second = Log()
    other = AmiLink(config(stack), second)
    other.start()
    await other.wait_live(PATIENCE)
    (snapshot,) = second.of(Snapshot)
    assert isinstance(snapshot, Snapshot)
    assert {channel.account for channel in snapshot.channels} == {"live-1.agent", "live-1.customer"}
    assert {channel.linkedid for channel in snapshot.channels} == {"live-1"}
    assert len({channel.bridge for channel in snapshot.channels} - {""}) == 1
    assert all(channel.up for channel in snapshot.channels)
    assert [(contact.endpoint, contact.reachable) for contact in snapshot.contacts] == [(PHONE, True)]
    assert snapshot.queues == (QUEUE,)
    await other.close()

    await link.send(actions.hangup("live-1"))
    await log.wait(lambda: ended(log, "live-1"))
    await log.wait(lambda: len(log.of(ChannelEnded)) == 2)
    assert link.stats.unparsed == 0


async def test_a_dial_that_cannot_start_answers_with_the_id_of_its_call(live: tuple[AmiLink, Log]) -> None:
    link, log = live
    await link.send(dial("live-2", ECHO, "PJSIP/nobody"))
    await log.wait(lambda: bool(log.of(OriginateAnswered)))
    assert log.of(OriginateAnswered) == [OriginateAnswered("live-2", ok=False, reason=0)]


async def test_a_hostile_value_reaches_the_channel_verbatim_and_sets_nothing_else(
    live: tuple[AmiLink, Log],
) -> None:
    link, log = live
    hostile = 'a,LEAK=1 "q",LEAK=2 (x,LEAK=3 [y] \\ ${EXTEN} 张三；LEAK=4'
    action = dial("live-3", ECHO)
    action["Variable"] = [*action["Variable"], actions.variable("NOTE", hostile)]
    await link.send(action)
    await log.wait(lambda: bool(log.of(OriginateAnswered)))
    assert (await link.send(actions.getvar("NOTE", "live-3"))).get("Value") == hostile
    assert (await link.send(actions.getvar("LEAK", "live-3"))).get("Value") == ""
    await link.send(actions.setvar("OTHER", hostile, "live-3"))
    assert (await link.send(actions.getvar("OTHER", "live-3"))).get("Value") == hostile
    await link.send(actions.hangup("live-3"))
    await log.wait(lambda: ended(log, "live-3"))


async def test_the_longest_line_we_allow_is_taken_whole(live: tuple[AmiLink, Log]) -> None:
    link, _ = live
    value = "x" * (actions.MAX_LINE - len("Value: "))
    await link.send(actions.setvar("LONG", value))
    assert (await link.send(actions.getvar("LONG"))).get("Value") == value


async def test_a_refusal_carries_asterisks_own_words(live: tuple[AmiLink, Log]) -> None:
    link, _ = live
    with pytest.raises(ActionRefused, match="No such channel"):
        await link.send(actions.hangup("nobody"))


async def test_queue_members_are_added_paused_and_removed(live: tuple[AmiLink, Log]) -> None:
    link, _ = live
    interface = f"PJSIP/{PHONE}"
    await link.send(actions.queue_add(QUEUE, interface, "王五（客服）"))
    await link.send(actions.queue_pause(interface, True, QUEUE, "午休"))
    rows = await link.collect({"Action": "QueueStatus", "Queue": QUEUE}, "QueueStatusComplete")
    members = [(row["Name"], row["Paused"], row["PausedReason"]) for row in rows if row["Event"] == "QueueMember"]
    assert members == [("王五（客服）", "1", "午休")]
    await link.send(actions.queue_remove(QUEUE, interface))


async def test_the_database_and_limits_are_written(live: tuple[AmiLink, Log]) -> None:
    link, log = live
    await link.send(actions.db_put("test", "k", "值"))
    assert (await link.collect({"Action": "DBGet", "Family": "test", "Key": "k"}, "DBGetComplete"))[0]["Val"] == "值"
    await link.send(actions.db_del("test", "k"))
    with pytest.raises(ActionRefused):
        await link.send(actions.db_del("test", "k"))
    await link.send(dial("live-4", ECHO))
    await log.wait(lambda: len(log.of(BridgeEntered)) == 2)
    await link.send(actions.play_dtmf("live-4", "5"))
    await link.send(actions.absolute_timeout("live-4", 1))
    await log.wait(lambda: ended(log, "live-4"))


async def test_a_wrong_secret_is_refused(stack: TelephonyStack) -> None:
    good = config(stack)
    link = AmiLink(AmiConfig(good.host, good.port, good.username, "wrong"), Log())
    link.start()
    with pytest.raises(AuthFailed, match="Authentication failed"):
        await link.wait_live(PATIENCE)
    await link.close()


async def test_an_asterisk_that_hangs_is_noticed_and_found_again(stack: TelephonyStack) -> None:
    """A stopped process keeps its TCP connections open: the half-open link of real life."""
    log = Log()
    link = AmiLink(config(stack, ping_interval=0.1, ping_timeout=0.3, action_timeout=1.0), log)
    link.start()
    await link.wait_live(PATIENCE)
    pid = stack.pbx.pid()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        await log.wait(lambda: LinkState.LOST in log.states)
        with pytest.raises(LinkDown):
            await link.send(actions.ping())
    finally:
        os.kill(pid, signal.SIGCONT)
    await log.wait(lambda: log.states.count(LinkState.LIVE) == 2)
    await link.close()


async def test_a_restart_of_asterisk_is_survived(stack: TelephonyStack) -> None:
    log = Log()
    link = AmiLink(config(stack), log)
    link.start()
    await link.wait_live(PATIENCE)
    await stack.pbx.stop()
    await log.wait(lambda: LinkState.LOST in log.states)
    assert len(log.of(SystemShutdown)) == 1
    await stack.pbx.start()
    async with asyncio.timeout(PATIENCE):
        await log.wait(lambda: log.states.count(LinkState.LIVE) == 2)
    assert len(log.of(Snapshot)) == 2
    assert link.stats.reconnects == 1
    await link.close()
