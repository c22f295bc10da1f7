"""The ports that an Asterisk needs, and whether they are free."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterable
from dataclasses import dataclass

from callcenter.pbx.errors import PortTaken

# What says something about the port or its address; anything else (no descriptors, no memory) is about us.
ABOUT_THE_PORT = (errno.EADDRINUSE, errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL)


@dataclass(frozen=True)
class Port:
    """A port the instance needs, and the setting that changes it."""

    number: int
    setting: str
    kind: str = "udp"
    host: str = "127.0.0.1"


def require_free(ports: Iterable[Port]) -> None:
    """Raises `PortTaken` for the first needed port that another program holds."""
    for port in ports:
        kind = socket.SOCK_DGRAM if port.kind == "udp" else socket.SOCK_STREAM
        with socket.socket(socket.AF_INET, kind) as probe:
            if port.kind == "tcp":
                # As Asterisk does, so connections that linger after a restart are no hindrance.
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((port.host, port.number))
            except OSError as error:
                if error.errno not in ABOUT_THE_PORT:
                    raise
                raise PortTaken(
                    f"{port.kind.upper()} port {port.number} on {port.host} cannot be used ({error.strerror}). "
                    f"End the program that holds it, or change the setting `{port.setting}`.",
                    port=port.number,
                    setting=port.setting,
                ) from None
