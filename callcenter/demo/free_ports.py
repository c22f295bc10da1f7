"""Settings for a throwaway installation beside others: free ports and a folder of its own."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

import msgspec

from callcenter.pbx.ports import ABOUT_THE_PORT
from callcenter.settings import Settings

RTP_STEP = 400
FIRST_PORT, PORT_COUNT = 21_000, 8000


def sandbox(folder: Path, base: Settings | None = None, **changes: object) -> Settings:
    """`base` with every port replaced by a free one and all data in `folder`; the simulated network is used."""
    ports = iter(_free_ports(6))
    values: dict[str, object] = {
        "data_dir": folder / "data",
        "recordings_dir": folder / "recordings",
        "database_url": "",
        "trunk_host": "",
        "port": next(ports),
        "sip_port": next(ports),
        "pbx_http_port": next(ports),
        "ami_port": next(ports),
        "carrier_sip_port": next(ports),
        "carrier_ami_port": next(ports),
        "rtp_start": _free_range(30_000),
        "rtp_count": RTP_STEP,
        "carrier_rtp_start": _free_range(45_000),
    }
    return msgspec.structs.replace(base or Settings(), **{**values, **changes})


def _free_ports(count: int) -> list[int]:
    """Ports free for both TCP and UDP on loopback at this moment, below the range systems hand out by themselves."""
    found: list[int] = []
    # Two sandboxes that start in the same moment must not find the same ports free: each begins somewhere else.
    start = secrets.randbelow(PORT_COUNT)
    for step in range(PORT_COUNT):
        if len(found) == count:
            return found
        port = FIRST_PORT + (start + step) % PORT_COUNT
        if _is_free(port):
            found.append(port)
    raise OSError("there are not enough free ports between 21000 and 29000")


def _free_range(start: int) -> int:
    """The start of a block of media ports whose first one is free."""
    bases = list(range(start, start + 12_000, 2500))
    secrets.SystemRandom().shuffle(bases)
    for base in bases:
        if _is_free(base) and _is_free(base + RTP_STEP - 1):
            return base
    raise OSError(f"there is no free block of media ports above {start}")


def _is_free(port: int) -> bool:
    try:
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            with socket.socket(socket.AF_INET, kind) as probe:
                probe.bind(("127.0.0.1", port))
    except OSError as error:
        if error.errno not in ABOUT_THE_PORT:
            raise
        return False
    return True
