"""Who really asks: the address, scheme and host of a request, as far as they can be believed.

What stands in `X-Forwarded-*` is believed only of a connection that comes from a trusted proxy, and only what that
proxy itself added: anybody may send these headers, and a proxy appends to them.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from callcenter.settings import Network

LONGEST_CHAIN = 50
DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Peer:
    """`address` of the person's machine, `scheme` and `host` (with port, as typed) that the person used."""

    address: str
    scheme: str
    host: str
    proxied: bool = False
    """A trusted proxy says all this."""

    @property
    def secure(self) -> bool:
        return self.scheme == "https"


PEER = web.RequestKey("peer", Peer)


def is_trusted(address: str, networks: Sequence[Network]) -> bool:
    try:
        one = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(one, IPv6Address) and one.ipv4_mapped is not None:
        one = one.ipv4_mapped
    return any(one.version == network.version and one in network for network in networks)


def counted_as(address: str) -> str:
    """What is counted for an address: of IPv6 the /64, because whoever has one address of it has them all."""
    try:
        one = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(one, IPv6Address):
        if one.ipv4_mapped is not None:
            return str(one.ipv4_mapped)
        return f"{IPv6Address(int(one) >> 64 << 64)}/64"
    return address


def peer_of(request: web.Request, networks: Sequence[Network]) -> Peer:
    """The peer of a request; without a trusted proxy the connection itself tells."""
    near = _near(request)
    scheme = "https" if request.secure else "http"
    host = request.headers.get("Host", "")
    if not is_trusted(near, networks):
        return Peer(near, scheme, host)
    chain = _values(request, "X-Forwarded-For")
    address, hops = near, 0
    for one in reversed(chain):
        plain = _address(one)
        if plain is None:
            break
        address = plain
        if not is_trusted(plain, networks):
            break
        hops += 1
    scheme = _said(_values(request, "X-Forwarded-Proto"), hops, scheme).lower()
    return Peer(
        address,
        scheme if scheme in DEFAULT_PORTS else "http",
        _said(_values(request, "X-Forwarded-Host"), hops, host),
        proxied=True,
    )


def is_origin(peer: Peer, origin: str) -> bool:
    """Whether a page of `origin` is one of this very peer's scheme, host and port."""
    scheme, _, rest = origin.partition("://")
    return bool(rest) and scheme == peer.scheme and split_host(rest, scheme) == split_host(peer.host, peer.scheme)


def is_reached_as(request: web.Request, peer: Peer, listening: str) -> bool:
    """Whether the request names a host that this socket is really reached by.

    A foreign name that leads here (DNS rebinding) makes a stranger's page the same origin as ours.
    """
    if peer.proxied or not peer.host:
        return True
    name, _ = split_host(peer.host, peer.scheme)
    if name in ("localhost", listening.lower()) or name in own_names():
        return True
    local = request.transport.get_extra_info("sockname") if request.transport is not None else None
    try:
        return local is not None and _plain(name) == _plain(local[0])
    except ValueError:
        return False


def split_host(host: str, scheme: str) -> tuple[str, int]:
    """(name or address, port) of `host[:port]`; an unreadable port is 0."""
    name, colon, port = host.rpartition(":")
    if not colon or (name.count(":") and not name.endswith("]")):
        name, port = host, ""
    number = DEFAULT_PORTS.get(scheme, 0) if not port else int(port) if port.isdecimal() and len(port) < 6 else 0
    return name.strip("[]").lower().rstrip("."), number


@functools.cache
def own_names() -> frozenset[str]:
    """The names that this machine has for itself."""
    name = socket.gethostname().lower()
    return frozenset(one for one in (name, name.partition(".")[0]) if one)


def _near(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(peer[0]) if isinstance(peer, tuple) and peer else ""


def _plain(address: str) -> str:
    one = ip_address(address.partition("%")[0])
    if isinstance(one, IPv6Address) and one.ipv4_mapped is not None:
        return str(one.ipv4_mapped)
    return str(one)


def _values(request: web.Request, name: str) -> list[str]:
    joined = ",".join(request.headers.getall(name, []))
    return [one.strip() for one in joined.split(",") if one.strip()][-LONGEST_CHAIN:]


def _address(text: str) -> str | None:
    """An address as proxies write it: bare, `[v6]`, or with a port."""
    for one in (text, text.rpartition(":")[0], text.strip("[]"), text.rpartition(":")[0].strip("[]")):
        try:
            return _plain(one)
        except ValueError:
            continue
    return None


def _said(values: Sequence[str], hops: int, otherwise: str) -> str:
    """What the outermost trusted proxy said: each appends, so it stands `hops` before the last."""
    return values[-min(hops + 1, len(values))] if values else otherwise
