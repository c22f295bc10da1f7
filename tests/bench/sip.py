"""Both ends of a call in a few lines of SIP over UDP, with the moment of every message: an agent's phone that rejects
or rings, and a caller from the phone network who gives up."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from typing import Any

from callcenter.pbx.trunks import TRUNK_HEADER
from tests.pbx.sip_client import DeskPhone, header

BUSY, RINGING = "486 Busy Here", "180 Ringing"


def answer(request: str, status: str, contact: str, tag: str = "bench") -> bytes:
    """A response without a body."""
    tagged = "" if "tag=" in header(request, "To") else f";tag={tag}"
    vias = [f"Via: {via}" for via in re.findall(r"^Via:\s*(.*?)\r?$", request, re.MULTILINE)]
    lines = [
        f"SIP/2.0 {status}",
        *vias,
        f"From: {header(request, 'From')}",
        f"To: {header(request, 'To')}{tagged}",
        f"Call-ID: {header(request, 'Call-ID')}",
        f"CSeq: {header(request, 'CSeq')}",
        f"Contact: <{contact}>",
        "Content-Length: 0",
    ]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Phone(DeskPhone):
    """An agent's phone that answers no call: it says `reply` to each INVITE and notes when that came."""

    def __init__(self, user: str, password: str, pbx_port: int, reply: str) -> None:
        super().__init__(user, password, pbx_port)
        self._reply_to_invite = reply
        self._ringing: dict[str, str] = {}
        self._seen: set[str] = set()
        self.rang: asyncio.Queue[float] = asyncio.Queue()
        self.quiet = asyncio.Event()
        """Set when the phone's last call is over."""

    def datagram_received(self, data: bytes, _: Any) -> None:
        now = time.monotonic()
        message = data.decode()
        call = header(message, "Call-ID")
        contact = f"sip:{self.user}@127.0.0.1:{self.port}"
        if message.startswith("SIP/2.0"):
            self.answers.put_nowait(message)
        elif message.startswith("INVITE"):
            self.transport.sendto(answer(message, self._reply_to_invite, contact), self.pbx)
            if call not in self._seen:
                self._seen.add(call)
                self._ringing[call] = message
                self.quiet.clear()
                self.rang.put_nowait(now)
        elif message.startswith("ACK"):
            self._ringing.pop(call, None)
            self.quiet.set()
        else:
            self.transport.sendto(answer(message, "200 OK", contact), self.pbx)
            if message.startswith("CANCEL") and call in self._ringing:
                gone = answer(self._ringing[call], "487 Request Terminated", contact)
                self.transport.sendto(gone, self.pbx)


class Network(asyncio.DatagramProtocol):
    """The phone network's side of the trunk: calls in, and gives up when told."""

    def __init__(self, pbx_port: int, secret: str) -> None:
        self._pbx = ("127.0.0.1", pbx_port)
        self._secret = secret
        self._replies: asyncio.Queue[str] = asyncio.Queue()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._media, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        self._port = self._transport.get_extra_info("sockname")[1]

    def close(self) -> None:
        self._transport.close()
        self._media.close()

    def datagram_received(self, data: bytes, source: Any) -> None:
        message = data.decode()
        if message.startswith("SIP/2.0"):
            self._replies.put_nowait(message)
        elif not message.startswith("ACK"):
            self._transport.sendto(answer(message, "200 OK", f"sip:127.0.0.1:{self._port}"), source)

    def call(self, did: str, caller: str) -> tuple[float, list[str]]:
        """Sends the INVITE; the moment it left, and what `give_up` needs."""
        media = self._media.get_extra_info("sockname")[1]
        sdp = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {media} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\n"
        )
        target = f"sip:{did}@127.0.0.1:{self._pbx[1]}"
        common = [
            f"Via: SIP/2.0/UDP 127.0.0.1:{self._port};branch=z9hG4bK{secrets.token_hex(8)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{caller}@127.0.0.1>;tag={secrets.token_hex(4)}",
            f"To: <{target}>",
            f"Call-ID: {secrets.token_hex(12)}",
        ]
        lines = [
            f"INVITE {target} SIP/2.0",
            *common,
            "CSeq: 1 INVITE",
            f"Contact: <sip:{caller}@127.0.0.1:{self._port}>",
            f"{TRUNK_HEADER}: {self._secret}",
            "Content-Type: application/sdp",
            f"Content-Length: {len(sdp)}",
        ]
        message = ("\r\n".join(lines) + "\r\n\r\n" + sdp).encode()
        left = time.monotonic()
        self._transport.sendto(message, self._pbx)
        return left, [target, *common]

    async def give_up(self, call: list[str], timeout: float = 5.0) -> None:
        """Cancels the call and returns once the PBX has said that it is over."""
        target, *common = call
        self._send("CANCEL", target, common)
        async with asyncio.timeout(timeout):
            while True:
                reply = await self._replies.get()
                status = int(reply.split()[1])
                ours = header(reply, "Call-ID") == common[-1].partition(": ")[2]
                if ours and status >= 300 and header(reply, "CSeq").endswith("INVITE"):
                    common = [line for line in common if not line.startswith("To:")]
                    self._send("ACK", target, [*common, f"To: {header(reply, 'To')}"])
                    return

    def _send(self, method: str, target: str, common: list[str]) -> None:
        lines = [f"{method} {target} SIP/2.0", *common, f"CSeq: 1 {method}", "Content-Length: 0"]
        self._transport.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), self._pbx)
