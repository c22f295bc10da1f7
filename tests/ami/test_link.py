"""The life of the link: states in order, the snapshot before its events, and what ends a connection."""

from __future__ import annotations

import asyncio
import time

import pytest

from callcenter.ami import actions, snapshot
from callcenter.ami.errors import LinkDown
from callcenter.ami.link import AmiLink
from callcenter.domain.events import (
    ChannelCreated,
    ChannelEnded,
    LinkChanged,
    LinkState,
    Snapshot,
    SystemShutdown,
)
from tests.ami.fake import (
    FULLY_BOOTED,
    PATIENCE,
    Connection,
    FakeAmi,
    Log,
    config,
    event,
    linked,
    listed,
    newchannel,
)

C, A, S, L = LinkState.CONNECTING, LinkState.AUTHENTICATING, LinkState.SYNCING, LinkState.LIVE
ROW = "Channel: PJSIP/alice-00000001\r\nChannelState: 6\r\nUniqueid: 9.1\r\nLinkedid: 9.1\r\nBridgeId: b-1"


async def test_the_states_come_in_order_and_end_with_closed() -> None:
    log = Log()
    async with FakeAmi() as server, linked(server, log):
        server.connections[0].drop()
        await log.wait(lambda: log.states.count(L) == 2)
    assert log.states == [C, A, S, L, LinkState.LOST, C, A, S, L, LinkState.CLOSED]


async def test_events_that_come_during_the_snapshot_follow_it_in_order() -> None:
    def interrupt(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] == "CoreShowChannels":
            connection.write(newchannel("1.1"))
        if action["Action"] == "QueueStatus":
            connection.write(newchannel("1.2") + event("Hangup", Uniqueid="1.1", Cause="16"))
        return False

    log = Log()
    async with FakeAmi(interrupt) as server:
        server.channels = [ROW]
        async with linked(server, log) as link:
            server.connections[0].write(newchannel("1.3"))
            await log.wait(lambda: len(log.of(ChannelCreated)) == 3)
            assert link.stats.delivered == len(log.events)
    kinds = [item.state if isinstance(item, LinkChanged) else type(item) for item in log.events]
    created, ended = ChannelCreated, ChannelEnded
    assert kinds == [C, A, S, Snapshot, created, created, ended, L, created, LinkState.CLOSED]
    (found,) = log.of(Snapshot)
    assert isinstance(found, Snapshot)
    (channel,) = found.channels
    assert (channel.uniqueid, channel.bridge, channel.up, channel.ringing) == ("9.1", "b-1", True, False)


async def test_a_booting_asterisk_is_waited_for() -> None:
    log = Log()
    async with FakeAmi() as server:
        server.booted = False
        link = AmiLink(config(server.port, ping_interval=0.02), log)
        link.start()
        await server.wait(lambda: len(server.named("Ping")) >= 2)  # alive, and nothing was asked yet
        assert link.state is S
        assert server.named("CoreShowChannels") == []
        server.connections[0].write(FULLY_BOOTED)
        await link.wait_live(PATIENCE)
        await link.close()


async def test_an_asterisk_that_never_boots_is_said_so() -> None:
    log = Log()
    async with FakeAmi() as server:
        server.booted = False
        link = AmiLink(config(server.port, ping_interval=0.01, boot_timeout=0.05), log)
        link.start()
        await log.wait(lambda: LinkState.LOST in log.states)
        assert "FullyBooted" in link.detail
        await link.close()


async def test_a_refused_channel_list_is_no_empty_snapshot() -> None:
    """An empty snapshot would tell the engine that every call is over."""

    def refuse(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] != "CoreShowChannels":
            return False
        connection.write(f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Permission denied\r\n\r\n")
        return True

    log = Log()
    async with FakeAmi(refuse) as server:
        link = AmiLink(config(server.port), log)
        link.start()
        await log.wait(lambda: LinkState.LOST in log.states)
        assert "Permission denied" in link.detail
        assert log.of(Snapshot) == []
        await link.close()


async def test_missing_modules_leave_their_part_of_the_snapshot_empty() -> None:
    def without_queues(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] not in ("QueueStatus", "PJSIPShowContacts"):
            return False
        connection.write(
            f"Response: Error\r\nActionID: {action['ActionID']}\r\n"
            f"Message: Invalid/unknown command: {action['Action']}.\r\n\r\n"
        )
        return True

    log = Log()
    async with FakeAmi(without_queues) as server, linked(server, log):
        assert log.of(Snapshot) == [Snapshot()]


async def test_queues_and_their_members_are_in_the_snapshot() -> None:
    def queues(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] != "QueueStatus":
            return False
        tag = f"ActionID: {action['ActionID']}\r\n"
        rows = (
            f"Event: QueueParams\r\n{tag}Queue: 售后\r\nMax: 0\r\n\r\n"
            f"Event: QueueMember\r\n{tag}Queue: 售后\r\nName: 张三\r\nLocation: PJSIP/alice\r\nPaused: 1\r\n\r\n"
        )
        connection.write(listed(tag, "Queue status will follow", rows, "QueueStatusComplete"))
        return True

    log = Log()
    async with FakeAmi(queues) as server, linked(server, log):
        (found,) = log.of(Snapshot)
        assert isinstance(found, Snapshot)
        assert found.queues == ("售后",)
        assert [(m.queue, m.interface, m.paused) for m in found.queue_members] == [("售后", "PJSIP/alice", True)]


async def test_a_link_that_breaks_during_the_snapshot_starts_over() -> None:
    """Half a snapshot is not delivered, nor are the events that waited behind it."""

    def break_once(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] == "QueueStatus" and len(server.connections) == 1:
            connection.write(newchannel("1.1"))
            connection.writer.close()
            return True
        return False

    log = Log()
    async with FakeAmi(break_once) as server:
        link = AmiLink(config(server.port), log)
        link.start()
        await log.wait(lambda: L in log.states)
        assert log.states == [C, A, S, LinkState.LOST, C, A, S, L]
        assert len(log.of(Snapshot)) == 1
        assert log.of(ChannelCreated) == []
        assert link.stats.discarded == 1
        await link.close()


async def test_a_link_that_breaks_with_the_last_answer_does_not_become_live(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The answer and the end of the connection may arrive in one turn of the event loop."""
    take = snapshot.take

    async def take_and_break(collect: snapshot.Collect) -> Snapshot:
        found = await take(collect)
        if len(server.connections) == 1:
            link._manager.protocol.connection_lost(None)
        return found

    monkeypatch.setattr(snapshot, "take", take_and_break)
    log = Log()
    async with FakeAmi() as server:
        link = AmiLink(config(server.port), log)
        link.start()
        await log.wait(lambda: L in log.states)
        assert log.states == [C, A, S, LinkState.LOST, C, A, S, L]
        await link.close()


async def test_asterisk_may_come_up_later_than_we_do() -> None:
    log = Log()
    server = FakeAmi()
    await server.listen()
    await server.stop()
    link = AmiLink(config(server.port), log)
    link.start()
    await log.wait(lambda: len(log.states) == 2)  # the first try has failed
    assert log.states == [C, C]
    with pytest.raises(LinkDown, match="not live after"):
        await link.wait_live(0.01)
    await server.listen()
    await link.wait_live(PATIENCE)
    await link.close()
    await server.stop()


async def test_a_server_that_never_answers_the_login_is_left() -> None:
    def mute(connection: Connection, action: dict[str, str]) -> bool:
        return len(server.connections) == 1

    log = Log()
    async with FakeAmi(mute) as server, linked(server, log, action_timeout=0.1):
        assert log.states == [C, A, LinkState.LOST, C, A, S, L]


async def test_a_peer_that_has_become_slow_is_waited_for_longer_each_time() -> None:
    """With the same patience every time the link would come and go for ever, and Asterisk log in and out."""

    def slow(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] != "Login":
            return False
        asyncio.get_running_loop().call_later(0.25, server.answer, connection, action)
        return True

    log = Log()
    async with FakeAmi(slow) as server, linked(server, log, action_timeout=0.1):
        assert log.states[-1] is L
        assert len(server.named("Login")) > 1


async def test_an_answer_that_came_while_we_stood_still_counts() -> None:
    """After a long step of our own loop the answer is there, and so is the alarm that says it is late."""

    def stall(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] == "Ping":
            server.answer(connection, action)
            time.sleep(0.3)  # what stands still is the loop that both sides live in
            return True
        return False

    log = Log()
    async with FakeAmi(stall) as server, linked(server, log) as link:
        assert (await link.send(actions.ping(), timeout=0.1)).get("Response") == "Success"
        assert link.stats.action_timeouts == 0


async def test_a_shutdown_is_delivered_before_the_loss() -> None:
    """panoramisk takes the event itself for the loss and hangs up before the rest is read."""
    log = Log()
    async with FakeAmi() as server, linked(server, log):
        server.connections[0].write(event("Shutdown", Shutdown="Cleanly", Restart="True") + newchannel("1.1"))
        server.connections[0].writer.close()
        await log.wait(lambda: LinkState.LOST in log.states)
        kinds = [type(item) for item in log.events[5:7]]
        assert kinds == [SystemShutdown, ChannelCreated]


@pytest.mark.parametrize("state", [C, A, S, L])
async def test_close_ends_the_link_in_every_state(state: LinkState) -> None:
    def stall(connection: Connection, action: dict[str, str]) -> bool:
        return (state, action["Action"]) in ((A, "Login"), (S, "CoreShowChannels"))

    log = Log()
    async with FakeAmi(stall) as server:
        link = AmiLink(config(server.port), log)
        link.start()
        await log.wait(lambda: state in log.states)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(link.close(), link.close())
        assert log.states[-1] is LinkState.CLOSED
        assert log.states.count(LinkState.CLOSED) == 1
        delivered = len(log.events)
        for connection in server.connections:
            connection.write(newchannel("1.1"))
        with pytest.raises(LinkDown):
            await link.wait_live(PATIENCE)
        with pytest.raises(RuntimeError):
            link.start()
        assert len(log.events) == delivered
    others = [task for task in asyncio.all_tasks() if task.get_name() == "ami-link"]
    assert others == []


async def test_a_cancelled_sender_leaves_nothing_behind() -> None:
    def silent(connection: Connection, action: dict[str, str]) -> bool:
        return action["Action"] == "Getvar"

    log = Log()
    async with FakeAmi(silent) as server, linked(server, log) as link:
        sending = asyncio.create_task(link.send(actions.getvar("X")))
        await server.wait(lambda: bool(server.named("Getvar")))
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert link._manager.protocol.responses == {}
        await link.send(actions.ping())


async def test_a_repeated_header_of_an_answer_is_kept() -> None:
    def output(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] != "Command":
            return False
        connection.write(
            f"Response: Success\r\nActionID: {action['ActionID']}\r\nMessage: Command output follows\r\n"
            "Output: 一\r\nOutput: \r\nOutput: 三: 3\r\n\r\n"
        )
        return True

    log = Log()
    async with FakeAmi(output) as server, linked(server, log) as link:
        answer = await link.send({"Action": "Command", "Command": "core show version"})
        assert answer.all("Output") == ["一", "", "三: 3"]
        assert answer.get("Output") == "一"
        assert (answer.get("Nothing", "-"), answer.all("Nothing")) == ("-", [])


async def test_an_oversized_block_is_dropped_and_the_stream_goes_on() -> None:
    log = Log()
    async with FakeAmi() as server, linked(server, log) as link:
        giant = "Event: Newchannel\r\nUniqueid: 6.6\r\nX: " + "x" * (3 << 20) + "\r\n\r\n"
        server.connections[0].write(giant + newchannel("1.1"))
        await log.wait(lambda: bool(log.of(ChannelCreated)))
        (created,) = log.of(ChannelCreated)
        assert isinstance(created, ChannelCreated)
        assert created.channel.uniqueid == "1.1"
        assert link.stats.oversized == 1
        assert link.state is L
