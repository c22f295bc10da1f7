"""One test for each way in which panoramisk loses or doubles something; each fails without its containment."""

from __future__ import annotations

import asyncio

import pytest

from callcenter.ami import actions
from callcenter.ami.errors import ActionRefused, ActionTimeout, BadValue, LinkDown
from callcenter.ami.link import AmiLink
from callcenter.domain.events import (
    AmiEvent,
    ChannelCreated,
    ChannelEnded,
    LinkState,
    OriginateAnswered,
    QueueCallerJoined,
)
from tests.ami.fake import (
    PATIENCE,
    Connection,
    FakeAmi,
    Log,
    config,
    event,
    linked,
    newchannel,
)


def dial(channel_id: str = "call-1") -> actions.Action:
    return actions.originate(
        channel="PJSIP/alice", channel_id=channel_id, account=f"{channel_id}.agent", context="out", exten="s"
    )


def uniqueids(events: list[AmiEvent]) -> list[str]:
    return [event.channel.uniqueid for event in events if isinstance(event, ChannelCreated)]


async def test_an_unanswered_originate_is_not_sent_again_after_a_reconnect() -> None:
    """Without it: the protocol queues what was unanswered and sends it at `FullyBooted` of the next
    connection, so the customer's phone rings twice."""

    def silent_to_originate(connection: Connection, action: dict[str, str]) -> bool:
        return action["Action"] == "Originate"

    log = Log()
    async with FakeAmi(silent_to_originate) as server, linked(server, log) as link:
        sending = asyncio.create_task(link.send(dial()))
        await server.wait(lambda: len(server.named("Originate")) == 1)
        server.connections[0].drop()
        with pytest.raises(LinkDown):
            await sending
        await log.wait(lambda: log.states.count(LinkState.LIVE) == 2)
        await link.send(actions.ping())  # all that a reconnect sends by itself lies before this answer
        assert len(server.named("Originate")) == 1


async def test_what_waits_for_an_answer_fails_at_once_when_the_link_breaks() -> None:
    """Without it: the future stays pending for ever, or until the action's own timeout."""

    def silent(connection: Connection, action: dict[str, str]) -> bool:
        return action["Action"] == "Ping"

    log = Log()
    async with FakeAmi(silent) as server, linked(server, log) as link:
        sending = [asyncio.create_task(link.send(actions.ping(), timeout=3600)) for _ in range(3)]
        listing = asyncio.create_task(link.collect({"Action": "Ping"}, "PingComplete", timeout=3600))
        await server.wait(lambda: len(server.named("Ping")) == 4)
        server.connections[0].drop()
        async with asyncio.timeout(PATIENCE):
            results = await asyncio.gather(*sending, listing, return_exceptions=True)
        assert [getattr(result, "code", result) for result in results] == ["link_down"] * 4


async def test_a_chinese_name_split_across_tcp_segments_arrives_whole() -> None:
    """Without it: each segment is decoded by itself and loses the bytes at its edges: 张三李四 -> 三李四."""
    text = event("QueueCallerJoin", Uniqueid="1.1", Queue="张三李四", Position="1").encode()
    cut = text.index("张".encode()) + 1
    log = Log()
    async with FakeAmi() as server, linked(server, log) as link:
        server.connections[0].write(text[:cut])
        before = link.stats.bytes
        # The answer to a ping would close the block, so the next segment waits until this one has arrived.
        async with asyncio.timeout(PATIENCE):
            while link.stats.bytes == before:
                await asyncio.sleep(0)
        server.connections[0].write(text[cut:])
        await log.wait(lambda: bool(log.of(QueueCallerJoined)))
        (joined,) = log.of(QueueCallerJoined)
        assert isinstance(joined, QueueCallerJoined)
        assert joined.queue == "张三李四"


async def test_a_consumer_that_raises_neither_breaks_the_link_nor_loses_events() -> None:
    """Without it: the exception leaves `data_received`, asyncio closes the connection and the rest of the
    segment is gone."""
    log = Log()

    def deliver(item: AmiEvent) -> None:
        log(item)
        if isinstance(item, ChannelCreated):
            raise RuntimeError("a bug in the consumer")

    async with FakeAmi() as server:
        link = AmiLink(config(server.port), deliver)
        link.start()
        await link.wait_live(PATIENCE)
        server.connections[0].write("".join(newchannel(f"1.{n}") for n in range(5)))
        await log.wait(lambda: len(log.of(ChannelCreated)) == 5)
        await link.send(actions.ping())
        assert link.state is LinkState.LIVE
        assert link.stats.deliver_errors == 5
        assert len(server.connections) == 1
        await link.close()


async def test_events_are_delivered_one_at_a_time_and_in_order() -> None:
    """Without it: what a consumer causes to be emitted overtakes the event it is still working on."""
    seen: list[str] = []
    log = Log()
    link: AmiLink

    def deliver(item: AmiEvent) -> None:
        if isinstance(item, ChannelCreated):
            seen.append(f"begin {item.channel.uniqueid}")
            if item.channel.uniqueid == "1.0":
                link.on_events([ChannelCreated(item.channel.__class__("inner"))])
            seen.append(f"end {item.channel.uniqueid}")
        log(item)

    async with FakeAmi() as server:
        link = AmiLink(config(server.port), deliver)
        link.start()
        await link.wait_live(PATIENCE)
        server.connections[0].write(newchannel("1.0") + newchannel("1.1"))
        await log.wait(lambda: len(log.of(ChannelCreated)) == 3)
        await link.close()
    assert seen == ["begin 1.0", "end 1.0", "begin 1.1", "end 1.1", "begin inner", "end inner"]


async def test_an_action_without_an_answer_times_out_and_its_late_answer_is_dropped() -> None:
    """Without it: the caller waits for ever."""
    held: list[tuple[Connection, dict[str, str]]] = []

    def late(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] == "DBPut":
            held.append((connection, action))
            return True
        return False

    log = Log()
    async with FakeAmi(late) as server, linked(server, log) as link:
        with pytest.raises(ActionTimeout) as caught:
            await link.send(actions.db_put("did", "1", "q-1"), timeout=0.05)
        assert caught.value.code == "action_timeout"
        server.answer(*held[0])
        await link.send(actions.ping())
        assert (link.stats.action_timeouts, link.stats.late_answers) == (1, 1)


async def test_sending_while_the_link_is_down_fails_at_once() -> None:
    """Without it: the action waits for an answer on a connection that is not there."""
    log = Log()
    link = AmiLink(config(1), log)
    with pytest.raises(LinkDown):
        await link.send(actions.ping(), timeout=3600)
    async with FakeAmi() as server, linked(server, log) as link:
        server._server.close()  # type: ignore[union-attr]
        server.connections[0].drop()
        await log.wait(lambda: LinkState.LOST in log.states)
        with pytest.raises(LinkDown) as caught:
            await link.send(actions.ping(), timeout=3600)
        assert caught.value.code == "link_down"
        assert server.named("Ping") == []


async def test_a_half_open_link_is_noticed_and_replaced() -> None:
    """Without it: pings are sent and nobody minds that no answer comes; the dashboard stands still."""

    def dead(connection: Connection, action: dict[str, str]) -> bool:
        return connection is server.connections[0] and action["Action"] == "Ping"

    log = Log()
    async with (
        FakeAmi(dead) as server,
        linked(server, log, ping_interval=0.02, ping_timeout=0.05),
    ):
        await log.wait(lambda: log.states.count(LinkState.LIVE) == 2)
        assert LinkState.LOST in log.states
        lost = next(item for item in log.events if getattr(item, "state", None) is LinkState.LOST)
        assert "ping unanswered" in getattr(lost, "detail", "")


async def test_a_busy_peer_is_not_taken_for_a_dead_one() -> None:
    """Without it: under load, when the ping's answer is far behind in the stream, the link drops itself and
    makes the load worse with a new snapshot."""
    asked = 0

    def busy(connection: Connection, action: dict[str, str]) -> bool:
        nonlocal asked
        if action["Action"] != "Ping":
            return False
        asked += 1
        if asked < 4:
            connection.write(newchannel(f"1.{asked}"))  # bytes, but no answer
            return True
        return False

    log = Log()
    async with FakeAmi(busy) as server, linked(server, log, ping_interval=0.02, ping_timeout=0.5) as link:
        await server.wait(lambda: len(server.named("Ping")) >= 5)
        assert LinkState.LOST not in log.states
        assert link.stats.action_timeouts == 3


async def test_a_wrong_secret_is_reported_and_tried_again_slowly() -> None:
    """Without it: the login's failure sets a flag that nobody reads and actions go out unauthenticated."""
    from callcenter.ami.errors import AuthFailed

    log = Log()
    async with FakeAmi() as server:
        link = AmiLink(config(server.port, secret="wrong", backoff=(0.01, 0.5)), log)
        link.start()
        with pytest.raises(AuthFailed) as caught:
            await link.wait_live(PATIENCE)
        assert caught.value.code == "auth_failed"
        assert "Authentication failed" in str(caught.value)
        await log.wait(lambda: LinkState.LOST in log.states)
        assert link.detail.startswith("auth_failed: ")
        assert LinkState.SYNCING not in log.states
        assert [action["Action"] for action in server.actions] == ["Login"]
        server.secret = "wrong"  # the administrator corrects manager.conf
        await log.wait(lambda: LinkState.LIVE in log.states)
        await link.wait_live(PATIENCE)
        await link.close()


async def test_close_during_the_reconnect_delay_never_reconnects() -> None:
    """Without it: the timer that is already set connects again and leaves an orphan that eats the events."""
    log = Log()
    async with FakeAmi() as server, linked(server, log, backoff=(0.05, 0.05)) as link:
        server.connections[0].drop()
        await log.wait(lambda: LinkState.LOST in log.states)
        await link.close()
        assert link.state is LinkState.CLOSED
        await asyncio.sleep(0.2)  # four times the delay: the absence of a fact has no event to wait for
        assert len(server.connections) == 1
        assert log.states[-1] is LinkState.CLOSED
        with pytest.raises(LinkDown):
            link._manager.connect()  # not even by a timer of panoramisk's


async def test_events_that_carry_the_id_of_a_pending_action_still_arrive() -> None:
    """Without it: OriginateResponse is taken for a part of an answer and the engine never learns that the
    dial failed."""

    def outcome_first(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] == "Originate":
            tag = action["ActionID"]
            connection.write(
                event("OriginateResponse", ActionID=tag, Response="Failure", Reason="5", Uniqueid="call-1")
            )
        return False

    log = Log()
    async with FakeAmi(outcome_first) as server, linked(server, log) as link:
        answer = await link.send(dial())
        assert "queued" in answer.message
        assert log.of(OriginateAnswered) == [OriginateAnswered("call-1", ok=False, reason=5)]


async def test_a_refused_list_ends_at_once() -> None:
    """Without it: panoramisk waits for the end of a list that was refused."""

    def refuse(connection: Connection, action: dict[str, str]) -> bool:
        if action["Action"] == "Nonsense":
            connection.write(
                f"Response: Error\r\nActionID: {action['ActionID']}\r\nMessage: Invalid/unknown command\r\n\r\n"
            )
            return True
        return False

    log = Log()
    async with FakeAmi(refuse) as server, linked(server, log) as link:
        with pytest.raises(ActionRefused, match="unknown command"):
            await link.collect({"Action": "Nonsense"}, "NonsenseComplete", timeout=3600)


async def test_originate_is_always_asynchronous() -> None:
    """Without it: Asterisk blocks the connection until the phone answers, and panoramisk may die of the
    missing key."""
    log = Log()
    async with FakeAmi() as server, linked(server, log) as link:
        await link.send({"Action": "originate", "Channel": "PJSIP/a", "Exten": "1"})
        await link.send({"Action": "Originate", "Channel": "PJSIP/a", "Exten": "1", "ASYNC": "false"})
        await link.send({"action": "Originate", "Channel": "PJSIP/a", "Exten": "1"})
        dialled = [action for action in server.actions if action["Action"].lower() == "originate"]
        assert [action.get("Async") for action in dialled] == ["true", "true", "true"]
        assert all("ASYNC" not in action for action in dialled)


@pytest.mark.parametrize(
    "value",
    [
        "张三\r\n\r\nAction: Originate\r\nChannel: PJSIP/premium",
        "张三\nAction: Hangup",
        "张三\rX: y",
        "张三\0",
        "A" * 1100 + "Action: Hangup",
        "\ud800",
    ],
    ids=["new action", "new header", "CR", "NUL", "overlong line", "half a character"],
)
async def test_a_value_cannot_become_a_header_or_an_action(value: str) -> None:
    """Without it: a customer's name that holds a line break is an action of its own. A line longer than
    Asterisk's buffer is discarded or cut, and half a character makes panoramisk drop the action silently."""
    log = Log()
    async with FakeAmi() as server, linked(server, log) as link:
        before = len(server.actions)
        for action in (
            {"Action": "Setvar", "Variable": "X", "Value": value},
            {"Action": "Setvar", "Variable": "X", "Value": ["fine", value]},
            {"Action": "Setvar", value: "X"},
        ):
            with pytest.raises(BadValue) as caught:
                await link.send(action)
            assert caught.value.code == "bad_value"
        await link.send(actions.ping())
        assert [action["Action"] for action in server.actions[before:]] == ["Ping"]


async def test_an_event_without_its_headers_is_counted_and_not_delivered() -> None:
    """Without it: a missing header reads as '' and a channel without an id enters the state."""
    log = Log()
    async with FakeAmi() as server, linked(server, log) as link:
        server.connections[0].write(event("Newchannel") + event("Hangup", Cause="16") + newchannel("1.1"))
        await log.wait(lambda: bool(log.of(ChannelCreated)))
        assert uniqueids(log.events) == ["1.1"]
        assert log.of(ChannelEnded) == []
        assert link.stats.unparsed == 2


async def test_the_same_dial_cannot_be_under_way_twice() -> None:
    """Without it: the second action replaces the first one that waits under the same id."""

    def silent(connection: Connection, action: dict[str, str]) -> bool:
        return action["Action"] == "Originate"

    log = Log()
    async with FakeAmi(silent) as server, linked(server, log) as link:
        first = asyncio.create_task(link.send(dial()))
        await server.wait(lambda: len(server.named("Originate")) == 1)
        with pytest.raises(BadValue):
            await link.send(dial())
        server.answer(server.connections[0], server.named("Originate")[0])
        await first
        assert len(server.named("Originate")) == 1
