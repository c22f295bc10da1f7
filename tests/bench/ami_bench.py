"""How fast AMI bytes become delivered typed events, against bare panoramisk dispatching the same bytes.

Both sides read the recorded stream of real calls as TCP segments of 64 KiB, on the same machine in the same run,
in turns; the best of three counts. Run it with `python -m tests.bench.ami_bench`.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

from panoramisk.manager import Manager
from panoramisk.message import Message

from callcenter.ami.link import AmiConfig, AmiLink
from callcenter.ami.parse import DELIMITER
from callcenter.ami.wire import GuardedProtocol
from callcenter.domain.events import AmiEvent, LinkState

STREAMS = Path(__file__).parent.parent / "ami" / "streams"
EVENTS = 100_000
SEGMENT = 1 << 16
ROUNDS = 3

Deliver = Callable[[AmiEvent], None]


def nothing(event: AmiEvent) -> None:
    """The consumer when only our half of the pipeline is measured."""


def workload(name: str) -> tuple[list[bytes], int]:
    """The recorded events over and over, cut into segments, and how many events that is."""
    blocks = (STREAMS / f"{name}.ami").read_bytes().split(DELIMITER)
    events = [block + DELIMITER for block in blocks if block.startswith(b"Event: ")]
    times = -(-EVENTS // len(events))
    data = b"".join(events) * times
    return [data[at : at + SEGMENT] for at in range(0, len(data), SEGMENT)], len(events) * times


async def _ours(segments: list[bytes], deliver: Deliver) -> float:
    link = AmiLink(AmiConfig("127.0.0.1", 1, "", ""), deliver)
    link._state = LinkState.LIVE  # as after a login: events are delivered, not held
    protocol = GuardedProtocol(link, link.stats)
    protocol.connection_made(Mock(spec=asyncio.Transport))
    began = time.perf_counter()
    for segment in segments:
        protocol.data_received(segment)
    return time.perf_counter() - began


async def _bare(segments: list[bytes]) -> float:
    def callback(manager: Manager, message: Message) -> None:
        pass

    manager = Manager(loop=asyncio.get_running_loop())
    manager.register_event("*", callback)
    protocol = manager.config["protocol_factory"]()
    protocol.connection_made(Mock(spec=asyncio.Transport))
    # What Manager.connection_made would set, without a server.
    protocol.factory, protocol.encoding = manager, "utf8"
    began = time.perf_counter()
    for segment in segments:
        protocol.data_received(segment)
    return time.perf_counter() - began


def compare(name: str, deliver: Deliver) -> tuple[float, float]:
    """Events per second of ours and of bare panoramisk on one recorded stream."""
    segments, count = workload(name)
    ours, bare = [], []
    for _ in range(ROUNDS):
        ours.append(asyncio.run(_ours(segments, deliver)))
        bare.append(asyncio.run(_bare(segments)))
    return count / min(ours), count / min(bare)


def run(deliver: Deliver = nothing) -> dict[str, str | float]:
    """`deliver` is what the link's consumer does with each event: state, journal, push."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # panoramisk formats nothing then: the baseline at its best
    try:
        ours, bare = compare("calls", deliver)
        all_ours, all_bare = compare("everything", deliver)
    finally:
        logging.disable(level)
    return {
        "bench": "ami",
        "ours": round(ours),
        "baseline": round(bare),
        "ratio": round(ours / bare, 2),
        "unit": "events/s",
        "goal": ">=0.5, then >=1.0",
        "note": (
            f"{EVENTS} events as our manager.conf lets them through; of an unfiltered Asterisk: "
            f"{all_ours:.0f} against {all_bare:.0f}, ratio {all_ours / all_bare:.2f}"
        ),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
