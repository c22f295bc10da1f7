"""A SIP user agent of a few lines, for what the simulated phones cannot do: hold, and SIP over WebSocket."""

from __future__ import annotations

import asyncio
import hashlib
import re
import secrets
from typing import Any

import websockets


def digest_answer(challenge: str, method: str, uri: str, user: str, password: str) -> str:
    """The Authorization value for a WWW-Authenticate challenge (MD5, qop auth if offered)."""
    fields = dict(re.findall(r'(\w+)="?([^",]+)"?', challenge))
    first = hashlib.md5(f"{user}:{fields['realm']}:{password}".encode()).hexdigest()
    second = hashlib.md5(f"{method}:{uri}".encode()).hexdigest()
    cnonce = secrets.token_hex(8)
    response = hashlib.md5(f"{first}:{fields['nonce']}:00000001:{cnonce}:auth:{second}".encode()).hexdigest()
    opaque = f', opaque="{fields["opaque"]}"' if "opaque" in fields else ""
    return (
        f'Digest username="{user}", realm="{fields["realm"]}", nonce="{fields["nonce"]}", uri="{uri}", '
        f'response="{response}", algorithm=MD5, qop=auth, nc=00000001, cnonce="{cnonce}"{opaque}'
    )


def header(message: str, name: str) -> str:
    found = re.search(rf"^{name}\s*:\s*(.*?)\r?$", message, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""


def register(user: str, transport: str, contact: str, number: int, authorization: str = "") -> str:
    lines = [
        "REGISTER sip:pbx SIP/2.0",
        f"Via: SIP/2.0/{transport} client.invalid;branch=z9hG4bK{secrets.token_hex(6)};rport",
        "Max-Forwards: 70",
        f"From: <sip:{user}@pbx>;tag=one",
        f"To: <sip:{user}@pbx>",
        f"Call-ID: register-{user}-{contact}",
        f"CSeq: {number} REGISTER",
        f"Contact: <{contact}>",
        "Expires: 600",
        *([f"Authorization: {authorization}"] if authorization else []),
        "Content-Length: 0",
    ]
    return "\r\n".join(lines) + "\r\n\r\n"


async def _response(link: websockets.ClientConnection) -> str:
    """The next response; Asterisk may ask something of its own (OPTIONS) before it."""
    async with asyncio.timeout(5):
        while True:
            frame = str(await link.recv())
            if frame.startswith("SIP/2.0 "):
                return frame


async def register_over_websocket(port: int, user: str, password: str) -> int:
    """Register as a browser would; returns the final status code."""
    async with websockets.connect(
        f"ws://127.0.0.1:{port}/ws", subprotocols=[websockets.Subprotocol("sip")], close_timeout=1
    ) as link:
        contact = f"sip:{user}@client.invalid;transport=ws"
        await link.send(register(user, "WS", contact, 1))
        answer = await _response(link)
        if " 401 " in answer.splitlines()[0]:
            proof = digest_answer(header(answer, "WWW-Authenticate"), "REGISTER", "sip:pbx", user, password)
            await link.send(register(user, "WS", contact, 2, proof))
            answer = await _response(link)
        return int(answer.split()[1])


class DeskPhone(asyncio.DatagramProtocol):
    """A phone over UDP that registers, answers the first call, and can put it on hold. It sends no audio."""

    def __init__(self, user: str, password: str, pbx_port: int) -> None:
        self.user, self.password, self.pbx = user, password, ("127.0.0.1", pbx_port)
        self.answers: asyncio.Queue[str] = asyncio.Queue()
        self.invite = ""
        self.answered = asyncio.Event()

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self.transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self.media, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, local_addr=("127.0.0.1", 0))
        self.port = self.transport.get_extra_info("sockname")[1]
        contact = f"sip:{self.user}@127.0.0.1:{self.port}"
        self._send(register(self.user, "UDP", contact, 1))
        challenge = header(await self.status(), "WWW-Authenticate")
        proof = digest_answer(challenge, "REGISTER", "sip:pbx", self.user, self.password)
        self._send(register(self.user, "UDP", contact, 2, proof))
        assert " 200 " in (await self.status()).splitlines()[0]

    def close(self) -> None:
        self.transport.close()
        self.media.close()

    async def status(self) -> str:
        """The next final response."""
        while True:
            answer = await asyncio.wait_for(self.answers.get(), 5)
            if not answer.startswith("SIP/2.0 1"):
                return answer

    async def _answer_to(self, invite: str, number: int) -> str:
        """Sends until a final response with that number is there, as RFC 3261 17.1.1 has it: a datagram may be lost."""
        for patience in (0.5, 1, 2, 4, 8):
            self._send(invite)
            deadline = asyncio.get_running_loop().time() + patience
            while (left := deadline - asyncio.get_running_loop().time()) > 0:
                try:
                    answer = await asyncio.wait_for(self.answers.get(), left)
                except TimeoutError:
                    break
                if not answer.startswith("SIP/2.0 1") and header(answer, "CSeq").startswith(f"{number} "):
                    return answer
        raise TimeoutError(f"no answer to INVITE {number}")

    async def set_direction(self, direction: str, number: int) -> None:
        """Re-INVITE the call with `sendonly` (hold) or `sendrecv` (talk)."""
        target = re.search(r"<(sip:[^>]+)>", header(self.invite, "Contact"))
        assert target
        common = [
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport",
            "Max-Forwards: 70",
            f"From: {header(self.invite, 'To')};tag=phone",
            f"To: {header(self.invite, 'From')}",
            f"Call-ID: {header(self.invite, 'Call-ID')}",
        ]
        sdp = self._sdp(direction, number)
        invite = "\r\n".join([f"INVITE {target[1]} SIP/2.0", *common, f"CSeq: {number} INVITE", *self._body(sdp)])
        assert " 200 " in (await self._answer_to(invite, number)).splitlines()[0]
        self._send("\r\n".join([f"ACK {target[1]} SIP/2.0", *common, f"CSeq: {number} ACK", *self._body("")]))

    async def refer(self, target: str, number: int) -> int:
        """The phone's own transfer key: asks the PBX to connect the other party with `target`; the final status."""
        contact = re.search(r"<(sip:[^>]+)>", header(self.invite, "Contact"))
        assert contact
        lines = [
            f"REFER {contact[1]} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{secrets.token_hex(6)};rport",
            "Max-Forwards: 70",
            f"From: {header(self.invite, 'To')};tag=phone",
            f"To: {header(self.invite, 'From')}",
            f"Call-ID: {header(self.invite, 'Call-ID')}",
            f"CSeq: {number} REFER",
            f"Refer-To: <{target}>",
            f"Referred-By: <sip:{self.user}@pbx>",
            *self._body(""),
        ]
        answer = await self._answer_to("\r\n".join(lines), number)
        if " 401 " in answer.splitlines()[0]:
            proof = digest_answer(header(answer, "WWW-Authenticate"), "REFER", contact[1], self.user, self.password)
            lines[6] = f"CSeq: {number + 1} REFER"
            lines.insert(7, f"Authorization: {proof}")
            lines[1] = re.sub(r"branch=[^;]+", f"branch=z9hG4bK{secrets.token_hex(6)}", lines[1])
            answer = await self._answer_to("\r\n".join(lines), number + 1)
        return int(answer.split()[1])

    def datagram_received(self, data: bytes, _: Any) -> None:
        message = data.decode()
        if message.startswith("SIP/2.0"):
            self.answers.put_nowait(message)
        elif message.startswith("INVITE"):
            self.invite = message
            self._reply(message, self._sdp("sendrecv", 1))
            self.answered.set()
        elif not message.startswith("ACK"):
            self._reply(message, "")

    def _reply(self, request: str, sdp: str) -> None:
        tag = "" if "tag=" in header(request, "To") else ";tag=phone"
        vias = [f"Via: {via}" for via in re.findall(r"^Via:\s*(.*?)\r?$", request, re.MULTILINE)]
        lines = ["SIP/2.0 200 OK", *vias, f"From: {header(request, 'From')}", f"To: {header(request, 'To')}{tag}"]
        lines += [f"Call-ID: {header(request, 'Call-ID')}", f"CSeq: {header(request, 'CSeq')}"]
        self._send("\r\n".join([*lines, *self._body(sdp)]))

    def _body(self, sdp: str) -> list[str]:
        kind = ["Content-Type: application/sdp"] if sdp else []
        contact = f"Contact: <sip:{self.user}@127.0.0.1:{self.port}>"
        return [contact, *kind, f"Content-Length: {len(sdp)}", "", sdp]

    def _sdp(self, direction: str, version: int) -> str:
        port = self.media.get_extra_info("sockname")[1]
        return (
            f"v=0\r\no=- 1 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\na={direction}\r\n"
        )

    def _send(self, message: str) -> None:
        self.transport.sendto(message.encode(), self.pbx)
