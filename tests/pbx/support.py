"""Free ports and polling for tests that run a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TypeVar

from callcenter.pbx.ami_once import AmiConnection, Headers, Message
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.provision import TRUNK_FILE
from callcenter.settings import Settings

T = TypeVar("T")


def free_port(kind: socket.SocketKind) -> int:
    with closing(socket.socket(socket.AF_INET, kind)) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def telephony_settings(data_dir: Path) -> Settings:
    """Settings whose ports clash with nothing that runs now."""
    udp = [free_port(socket.SOCK_DGRAM) for _ in range(2)]
    tcp = [free_port(socket.SOCK_STREAM) for _ in range(3)]
    # Below the range from which the kernel gives out ports, and away from the defaults.
    media = random.randrange(10000, 18000, 200)
    return Settings(
        data_dir=data_dir,
        sip_port=udp[0],
        carrier_sip_port=udp[1],
        pbx_http_port=tcp[0],
        ami_port=tcp[1],
        carrier_ami_port=tcp[2],
        rtp_start=media,
        rtp_count=2000,
        carrier_rtp_start=media + 12000,
    )


async def until(check: Callable[[], T], what: str, timeout: float = 10.0) -> T:
    """The first true answer of `check`; fails with `what` after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = check()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not within {timeout:.0f} s: {what}"
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def probes(pbx: AsteriskInstance, endpoints: Mapping[str, Mapping[str, str]]) -> AsyncIterator[None]:
    """Trunks for as long as the block lasts: a request with the header `X-Probe: <name>` comes from that one."""
    text = ""
    for name, settings in endpoints.items():
        text += f"\n[probe-{name}](trunk)\nidentify_by = header\n"
        text += "".join(f"{key} = {value}\n" for key, value in settings.items())
        text += f"[probe-{name}]\ntype = identify\nendpoint = probe-{name}\nmatch_header = X-Probe: {name}\n"
    path = pbx.etc / TRUNK_FILE
    before = path.read_text("utf-8")

    async def put(content: str) -> None:
        path.write_text(content, "utf-8")
        for module in ("res_pjsip", "res_pjsip_endpoint_identifier_ip"):
            await pbx.reload(module)

    await put(before + text)
    yield
    await put(before)


class Ami(AmiConnection):
    """The engine's AMI user, with look-ups over the events seen so far."""

    def seen(self, event: str, **values: str) -> list[Message]:
        wanted = values.items()
        return [one for one in self.events if one["Event"] == event and wanted <= one.items()]

    async def wait(self, event: str, timeout: float = 10.0, **values: str) -> Message:
        found = await until(lambda: self.seen(event, **values), f"{event} {values}", timeout)
        return found[0]

    async def send(self, headers: Headers) -> None:
        answer = await self.action(headers)
        assert answer["Response"] == "Success", answer

    async def originate(self, headers: Headers) -> str:
        await self.send(headers)
        return str(headers["ChannelId"])

    async def gone(self, *unique_ids: str, timeout: float = 15.0) -> None:
        for unique_id in unique_ids:
            await self.wait("Hangup", timeout, Uniqueid=unique_id)

    async def channel_of(self, account: str, timeout: float = 10.0) -> Message:
        """The NewAccountCode event of the channel that plays `<call id>.<role>`."""

        def find() -> list[Message]:
            return [one for one in self.seen("NewAccountCode", AccountCode=account) if "Channel" in one]

        # A callee is created with its caller's account code and gets its own next; the last one is right.
        return (await until(find, f"a channel with account code {account}", timeout))[-1]


def cel_rows(pbx: AsteriskInstance, account: str) -> list[tuple[str, float]]:
    """(event, time) rows of one account code, in the order Asterisk wrote them."""
    with closing(sqlite3.connect(f"file:{pbx.cel_database}?mode=ro", uri=True)) as connection:
        rows = connection.execute(
            "SELECT eventtype, eventtime FROM cel WHERE accountcode = ? ORDER BY AcctId", (account,)
        ).fetchall()
    return [(str(kind), float(when)) for kind, when in rows]
