"""Single SIP requests over UDP, written by hand: what an attacker sends, and what no SIP library would let through."""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import dataclass, field
from typing import Any, Self

from tests.pbx.sip_client import digest_answer, header

OFFER = (
    "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


@dataclass(frozen=True)
class Answer:
    """A final response: its status, and its whole text."""

    status: int
    text: str
    seconds: float

    def header(self, name: str) -> str:
        return header(self.text, name)

    @property
    def shape(self) -> tuple[str, ...]:
        """What one answer has in common with another: status line and headers, without what is new in each."""
        kept = []
        for line in self.text.split("\r\n\r\n")[0].split("\r\n"):
            if line.startswith(("Via:", "Call-ID:", "From:", "CSeq:", "Content-Length:", "Date:")):
                continue
            line = re.sub(r"tag=[^;>]+", "tag=", line) if line.startswith("To:") else line
            line = re.sub(r'(nonce|opaque)="[^"]*"', r'\1=""', line)
            kept.append(re.sub(r"sip:[^@>]*@", "sip:@", line))
        return tuple(sorted(kept))


@dataclass
class RawSip(asyncio.DatagramProtocol):
    """`async with RawSip(pbx_port) as client:` sends from `host`, any address of this machine."""

    pbx_port: int
    host: str = "127.0.0.1"
    pbx_host: str = "127.0.0.1"
    requests: list[str] = field(default_factory=list)
    """What the PBX asked of us (BYE, OPTIONS); each is answered with 200."""

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._answers: asyncio.Queue[str] = asyncio.Queue()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self.port = int(self._transport.get_extra_info("sockname")[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    async def ask(
        self,
        method: str,
        user: str,
        *,
        to: str = "",
        uri_user: str = "02155550001",
        display: str = "",
        extra: tuple[str, ...] = (),
        password: str | None = None,
        proof_of: str = "",
        timeout: float = 5.0,
    ) -> Answer:
        """One request from `user`, with the answer to a challenge if there is a `password`; the last final response.

        A challenge is answered as `proof_of` (default: `user`). A call that is taken is ended at once. Raises
        TimeoutError when nothing answers.
        """
        call_id, tag = secrets.token_hex(8), secrets.token_hex(4)
        registers = method == "REGISTER"
        uri = f"sip:{self.pbx_host}:{self.pbx_port}" if registers else f"sip:{uri_user}@{self.pbx_host}:{self.pbx_port}"
        told = to if to.startswith(("<", '"')) else f"<sip:{to or (user if registers else uri_user)}@{self.pbx_host}>"
        name = f'"{display}" ' if display else ""
        begun = asyncio.get_running_loop().time()
        proof = ""
        for number in (1, 2):
            lines = [
                f"{method} {uri} SIP/2.0",
                f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport",
                "Max-Forwards: 70",
                f"From: {name}<sip:{user}{'@' if user else ''}{self.pbx_host}>;tag={tag}",
                f"To: {told}",
                f"Call-ID: {call_id}",
                f"CSeq: {number} {method}",
                f"Contact: <sip:probe@{self.host}:{self.port}>",
                *(["Expires: 60"] if registers else []),
                *(["Event: message-summary"] if method == "SUBSCRIBE" else []),
                *extra,
                *([f"Authorization: {proof}"] if proof else []),
            ]
            body, kind = "", ""
            if method == "INVITE":
                body, kind = OFFER.format(host=self.host, port=self.port), "application/sdp"
            elif method == "MESSAGE":
                body, kind = "hello", "text/plain"
            lines += [f"Content-Type: {kind}"] * bool(kind)
            self._send("\r\n".join([*lines, f"Content-Length: {len(body.encode())}", "", body]))
            answer = await self._final(call_id, f"{number} {method}", timeout)
            if method == "INVITE":
                self._acknowledge(answer, uri, lines, number)
            status = int(answer.split()[1])
            if status != 401 or password is None or proof:
                return Answer(status, answer, asyncio.get_running_loop().time() - begun)
            proof = digest_answer(header(answer, "WWW-Authenticate"), method, uri, proof_of or user, password)
        raise AssertionError("unreachable")

    def fire(self, method: str, user: str, *, uri_user: str = "02155550001") -> None:
        """One request whose answer nobody waits for."""
        target = f"sip:{self.pbx_host}:{self.pbx_port}" if method == "REGISTER" else f"sip:{uri_user}@{self.pbx_host}"
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport",
            "Max-Forwards: 70",
            f"From: <sip:{user}@{self.pbx_host}>;tag={secrets.token_hex(4)}",
            f"To: <sip:{user}@{self.pbx_host}>",
            f"Call-ID: {secrets.token_hex(8)}",
            f"CSeq: 1 {method}",
            f"Contact: <sip:probe@{self.host}:{self.port}>",
            "Content-Length: 0",
        ]
        self._send("\r\n".join([*lines, "", ""]))

    async def _final(self, call_id: str, sequence: str, timeout: float) -> str:
        async with asyncio.timeout(timeout):
            while True:
                answer = await self._answers.get()
                if header(answer, "Call-ID") != call_id or header(answer, "CSeq") != sequence:
                    continue
                if not answer.startswith("SIP/2.0 1"):
                    return answer

    def _acknowledge(self, answer: str, uri: str, lines: list[str], number: int) -> None:
        """ACK, as the transaction needs it, and BYE if the call was taken."""
        via, caller, call_id = lines[1], lines[3], lines[5]
        common = [caller, f"To: {header(answer, 'To')}", call_id, "Max-Forwards: 70", "Content-Length: 0", "", ""]
        self._send("\r\n".join([f"ACK {uri} SIP/2.0", via, f"CSeq: {number} ACK", *common]))
        if answer.startswith("SIP/2.0 2"):
            fresh = re.sub(r"branch=[^;]+", f"branch=z9hG4bK{secrets.token_hex(6)}", via)
            target = re.search(r"<(sip:[^>]+)>", header(answer, "Contact"))
            self._send(
                "\r\n".join([f"BYE {target[1] if target else uri} SIP/2.0", fresh, f"CSeq: {number + 1} BYE", *common])
            )

    def datagram_received(self, data: bytes, _: Any) -> None:
        message = data.decode("utf-8", "replace")
        if message.startswith("SIP/2.0 "):
            self._answers.put_nowait(message)
            return
        self.requests.append(message)
        if not message.startswith("ACK"):
            vias = [f"Via: {via}" for via in re.findall(r"^Via:\s*(.*?)\r?$", message, re.MULTILINE)]
            names = ("From", "To", "Call-ID", "CSeq")
            told = [f"{name}: {header(message, name)}" for name in names]
            self._send("\r\n".join(["SIP/2.0 200 OK", *vias, *told, "Content-Length: 0", "", ""]))

    def _send(self, message: str) -> None:
        self._transport.sendto(message.encode(), (self.pbx_host, self.pbx_port))
