"""Records `streams/` from a real Asterisk: `python -m tests.ami.record`.

`calls.ami` is what our own manager.conf lets through; `everything.ami` is the same calls unfiltered.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from pathlib import Path

from callcenter.ami import actions
from callcenter.ami.link import AmiLink
from callcenter.domain.events import (
    AgentConnected,
    AmiEvent,
    ChannelEnded,
    OriginateAnswered,
    QueueCallerAbandoned,
    QueueCallerJoined,
)
from callcenter.pbx.stack import TelephonyStack
from tests.ami.fake import Log
from tests.ami.real import PHONE, QUEUE, asterisk, config

STREAMS = Path(__file__).parent / "streams"


async def tap(stack: TelephonyStack, path: Path) -> asyncio.Task[None]:
    """Writes every byte Asterisk sends to a second client of its own; returns once that is logged in."""
    reader, writer = await asyncio.open_connection("127.0.0.1", stack.settings.ami_port)
    secret = stack.pbx.secrets["ami_secret"]
    writer.write(f"Action: Login\r\nUsername: engine\r\nSecret: {secret}\r\nEvents: on\r\n\r\n".encode())
    data = await reader.readuntil(b"Fully Booted\r\n\r\n")

    async def read() -> None:
        nonlocal data
        try:
            while chunk := await reader.read(1 << 16):
                data += chunk
        finally:
            writer.close()
            path.write_bytes(data)

    return asyncio.create_task(read())


def dial(call: str, number: str, channel: str = f"PJSIP/{PHONE}") -> actions.Action:
    """A click-to-dial call as the engine makes it."""
    return actions.originate(
        channel=channel,
        channel_id=call,
        account=f"{call}.agent",
        context="dial-out",
        exten=number,
        caller_id='"售后" <4001>',
        variables={
            "__CALL_ID": call,
            "TRUNK": "trunk-1",
            "DISPLAY_NUMBER": "4001",
            "RING_SECONDS": "3",
            "RECORD": "no",
        },
    )


def over(log: Log, call: str) -> bool:
    """True once the call's first channel has ended."""
    return any(isinstance(event, ChannelEnded) and event.channel.uniqueid == call for event in log.events)


def count(log: Log, kind: type[AmiEvent]) -> int:
    return len(log.of(kind))


async def make_calls(stack: TelephonyStack) -> None:
    """Answered, busy, rejected, unanswered and failed dials; a queue call that connects and one that gives up."""
    log = Log()
    link = AmiLink(config(stack), log)
    link.start()
    await link.wait_live(10)
    for number in ("13800000001", "13800000021", "13800000022", "13800000020", "13800000030"):
        call = f"c-{number[-2:]}"
        await link.send(dial(call, number))
        if number.endswith("01"):
            await log.wait(lambda: count(log, OriginateAnswered) == 1)
            await asyncio.sleep(1)
            await link.send(actions.hangup(call))
        await log.wait(lambda call=call: over(log, call))  # type: ignore[misc]
    await link.send(dial("c-none", "13800000001", "PJSIP/nobody"))
    await log.wait(lambda: count(log, OriginateAnswered) == 6)

    await link.send(actions.db_put("did", "4008", QUEUE))
    await link.send(actions.queue_add(QUEUE, f"PJSIP/{PHONE}", "王五（客服）"))
    await stack.carrier.call_in("4008", "13900000001", seconds=2)
    await log.wait(lambda: count(log, AgentConnected) == 1)
    await asyncio.sleep(2.5)
    await link.send(actions.queue_pause(f"PJSIP/{PHONE}", True, QUEUE))
    caller = await stack.carrier.call_in("4008", "13900000002")
    await log.wait(lambda: count(log, QueueCallerJoined) == 2)
    await asyncio.sleep(1)
    await stack.carrier.hangup(caller.channel_id)
    await log.wait(lambda: count(log, QueueCallerAbandoned) == 1)
    await asyncio.sleep(0.5)
    await link.close()


async def record(name: str, filtered: bool) -> None:
    with tempfile.TemporaryDirectory(prefix="ami-record-") as folder:
        async with asterisk(Path(folder)) as stack:
            if not filtered:
                conf = stack.pbx.etc / "manager.conf"
                text = re.sub(r"(?m)^eventfilter.*\n", "", conf.read_text())
                conf.write_text(re.sub(r"(?m)^read = .*", "read = all", text))
                await stack.pbx.cli("manager reload")
            reading = await tap(stack, STREAMS / f"{name}.ami")
            await make_calls(stack)
            reading.cancel()
            await asyncio.wait([reading])


if __name__ == "__main__":
    asyncio.run(record("calls", filtered=True))
    asyncio.run(record("everything", filtered=False))
