"""Any bytes, cut anywhere: the same events, and never an exception."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from callcenter.ami.parse import Framer
from callcenter.ami.wire import GuardedProtocol, Stats
from callcenter.domain.events import AmiEvent

STREAMS = sorted((Path(__file__).parent / "streams").glob("*.ami"))


class Collector:
    def __init__(self) -> None:
        self.events: list[AmiEvent] = []
        self.booted = 0

    def on_events(self, events: list[AmiEvent]) -> None:
        self.events.extend(events)

    def on_booted(self) -> None:
        self.booted += 1

    def on_lost(self, reason: str) -> None:
        raise AssertionError(reason)


def read(segments: list[bytes]) -> tuple[list[AmiEvent], dict[str, int]]:
    """What a connection makes of these segments."""
    sink, stats = Collector(), Stats()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        protocol = GuardedProtocol(sink, stats)
        protocol.connection_made(Mock(spec=asyncio.Transport))
        for segment in segments:
            protocol.data_received(segment)

    try:
        loop.run_until_complete(run())
    finally:
        loop.close()
    return sink.events, stats.as_dict()


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


cuts = st.lists(st.integers(0, 1 << 30), max_size=12)
pieces = st.lists(
    st.sampled_from(
        [
            b"\r\n",
            b"\r",
            b"\n",
            b"\r\n\r\n",
            b"Event: Newchannel\r\nUniqueid: 1.1",
            b"Event: Hangup\r\nUniqueid: 1.1\r\nCause: ",
            b"Event: ",
            b"Response: Success",
            b"Asterisk Call Manager/11.0.0\r\n",
            b": ",
            "ChannelState: 6\r\nCallerIDName: 张三".encode(),
            "李".encode(),
            b"\xe5\xbc",
            b"\xff",
            b"\0",
            b"9" * 5000,
        ]
    )
    | st.binary(max_size=8),
    max_size=25,
).map(b"".join)


@given(pieces, cuts)
@example(b"Event: Newchannel\r\nUniqueid: 1\r\n\r\n\r\nEvent: Newchannel\r\nUniqueid: 2\r\n\r\n", [36])
def test_any_bytes_cut_anywhere_give_the_same_events_and_never_raise(data: bytes, at: list[int]) -> None:
    assert read(split(data, at)) == read([data])


@pytest.mark.parametrize("path", STREAMS, ids=lambda path: path.stem)
def test_a_recorded_stream_cut_anywhere_gives_the_same_events(path: Path) -> None:
    data = path.read_bytes()
    whole, stats = read([data])
    assert whole
    assert stats["unparsed"] == 0
    for size in (1, 7, 1460):
        assert read([data[at : at + size] for at in range(0, len(data), size)])[0] == whole


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8), cuts)
def test_a_block_over_the_limit_is_dropped_wherever_it_is_cut(sizes: list[int], at: list[int]) -> None:
    data = b"".join(b"x" * size + b"\r\n\r\n" for size in sizes)
    framer = Framer(limit=100)
    blocks = [block for segment in split(data, at) for block in framer.feed(segment)]
    assert [len(block) for block in blocks if block] == [size for size in sizes if size <= 100]
    assert framer.oversized == sum(size > 100 for size in sizes)


def test_a_stream_without_an_end_takes_bounded_memory() -> None:
    framer = Framer(limit=1000)
    for _ in range(1000):
        assert framer.feed(b"y" * 500) == []
    assert len(framer._tail) <= 1000
    assert framer.feed(b"\r\n\r\nEvent: X\r\n\r\n") == ["Event: X"]
