"""A real Asterisk with a simulated phone network and one registered phone, on free ports."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import AsyncIterator
from pathlib import Path

from callcenter.ami.link import AmiConfig
from callcenter.pbx import provision
from callcenter.pbx.stack import TelephonyStack
from callcenter.settings import Settings

PHONE, QUEUE, SECRET = "agent-1", "q-1", "pw1"


def _free(kind: socket.SocketKind, count: int) -> list[int]:
    """Ports that are free now, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, kind)) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextlib.asynccontextmanager
async def asterisk(folder: Path) -> AsyncIterator[TelephonyStack]:
    """A running PBX with one registered phone, which answers by itself, and one queue."""
    sip, carrier_sip = _free(socket.SOCK_DGRAM, 2)
    ami, carrier_ami, http = _free(socket.SOCK_STREAM, 3)
    settings = Settings(
        data_dir=folder,
        sip_port=sip,
        carrier_sip_port=carrier_sip,
        ami_port=ami,
        carrier_ami_port=carrier_ami,
        pbx_http_port=http,
        rtp_start=sip // 4 * 2 + 10_000,
        rtp_count=200,
        carrier_rtp_start=carrier_sip // 4 * 2 + 10_000,
    )
    async with TelephonyStack(settings) as stack:
        await provision.write_endpoints(stack.pbx, [provision.EndpointSpec(1, SECRET, "张三")])
        await provision.write_queues(stack.pbx, [QUEUE])
        await stack.carrier.add_phone(PHONE, SECRET)
        yield stack


def config(stack: TelephonyStack, **changes: float) -> AmiConfig:
    """How to reach this stack's AMI."""
    secret = stack.pbx.secrets["ami_secret"]
    return AmiConfig("127.0.0.1", stack.settings.ami_port, "engine", secret, **changes)  # type: ignore[arg-type]
