"""The browser phone's way to Asterisk: only with a session, only as oneself, and both ways without a change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from callcenter.softphone.bridge import DIALOGS, MAX_FRAME, Speaker
from callcenter.store.tables.people import audit
from tests.web.support import FakeSip, Site, World, served

ME = "agent-3-web"
THEM = "agent-4-web"
OWN_FROM = f'"坐席" <sip:{ME}@callcenter.invalid>;tag=abc'
DIGEST = (
    'Digest algorithm=MD5, username="{0}", realm="callcenter", nonce="1/2", uri="sip:callcenter.invalid", '
    'response="0123456789abcdef0123456789abcdef", opaque="x", qop=auth, cnonce="y", nc=00000001'
)


def message(
    first: str = "REGISTER sip:callcenter.invalid SIP/2.0",
    *headers: str,
    sender: str | None = OWN_FROM,
    body: str = "",
    length: str | None = "",
) -> str:
    """A SIP message as JsSIP writes it."""
    lines = [first, "Via: SIP/2.0/WS abc.invalid;branch=z9hG4bK1", "To: <sip:callcenter.invalid>"]
    if sender is not None:
        lines.append(f"From: {sender}")
    lines += ["Call-ID: own-1", "CSeq: 1 REGISTER", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length or len(body.encode())}")
    return "\r\n".join(lines) + "\r\n\r\n" + body


def own(frame: str) -> bool:
    return Speaker(ME).is_own(frame)


# -- what passes -------------------------------------------------------------------------------------------------------

SDP = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=通话\r\n\r\n"

GOOD = {
    "register": message(),
    "authorised": message("REGISTER sip:x SIP/2.0", f"Authorization: {DIGEST.format(ME)}"),
    "proxy": message("INVITE sip:*43@x SIP/2.0", f"Proxy-Authorization: {DIGEST.format(ME)}", body=SDP),
    "body": message("INVITE sip:*43@x SIP/2.0", "Content-Type: application/sdp", body=SDP),
    "compact": message(sender=None).replace("To:", f"f: {OWN_FROM}\r\nt:").replace("Content-Length", "l"),
    "bare": message(sender=f"sip:{ME}@callcenter.invalid;tag=1"),
    "sips": message(sender=f"<SIPS:{ME}@callcenter.invalid:443;transport=ws>;tag=1"),
    "no display": message(sender=f"<sip:{ME}@callcenter.invalid>;tag=1"),
    "quoted": message(sender=f'"a \\" <sip:{THEM}@x> b" <sip:{ME}@callcenter.invalid>;tag=1'),
    "keep-alive": "\r\n\r\n",
    "pong": "\r\n",
    "response": message("SIP/2.0 200 OK", sender="<sip:13800000001@callcenter.invalid>;tag=far", body=SDP),
    "no length": message(length=None),
}


@pytest.mark.parametrize("frame", GOOD.values(), ids=GOOD)
def test_what_a_phone_says_of_itself_passes(frame: str) -> None:
    assert own(frame)


# -- what does not -----------------------------------------------------------------------------------------------------

SMUGGLED = message("INVITE sip:13800000001@x SIP/2.0", sender=f"<sip:{THEM}@callcenter.invalid>;tag=1")

BAD = {
    "somebody else": message(sender=f"<sip:{THEM}@callcenter.invalid>;tag=1"),
    "longer name": message(sender=f"<sip:{ME}2@callcenter.invalid>"),
    "shorter name": message(sender=f"<sip:{ME[:-1]}@callcenter.invalid>"),
    "the desk phone": message(sender="<sip:agent-3@callcenter.invalid>"),
    "upper case": message(sender=f"<sip:{ME.upper()}@callcenter.invalid>"),
    "own name in the display name": message(sender=f'"sip:{ME}@x" <sip:{THEM}@callcenter.invalid>'),
    "own name in a bare display name": message(sender=f"sip:{ME}@x <sip:{THEM}@callcenter.invalid>"),
    "own name as password": message(sender=f"<sip:{THEM}:{ME}@callcenter.invalid>"),
    "password after own name": message(sender=f"<sip:{ME}:x@callcenter.invalid>"),
    "two at signs": message(sender=f"<sip:{ME}@{THEM}@callcenter.invalid>"),
    "escaped": message(sender="<sip:agent%2D4%2Dweb@callcenter.invalid>"),
    "escaped own": message(sender="<sip:agent%2D3%2Dweb@callcenter.invalid>"),
    "no at sign": message(sender=f"<sip:{ME}>"),
    "no user": message(sender="<sip:callcenter.invalid>"),
    "tel": message(sender="<tel:+8613800000001>"),
    "anonymous": message(sender='"Anonymous" <sip:anonymous@anonymous.invalid>'),
    "two addresses": message(sender=f"<sip:{ME}@x>, <sip:{THEM}@x>"),
    "two brackets": message(sender=f"<sip:{ME}@x> <sip:{THEM}@x>"),
    "no From": message(sender=None),
    "empty From": message(sender=""),
    "second From": message("REGISTER sip:x SIP/2.0", f"From: <sip:{THEM}@x>"),
    "second From, compact": message("REGISTER sip:x SIP/2.0", f"f: <sip:{THEM}@x>"),
    "second From, spaced": message("REGISTER sip:x SIP/2.0", f"FROM \t : <sip:{THEM}@x>"),
    "second From behind a lone CR": message("REGISTER sip:x SIP/2.0", f"X: 1\rFrom: <sip:{THEM}@x>"),
    "second From behind a lone LF": message("REGISTER sip:x SIP/2.0", f"X: 1\nFrom: <sip:{THEM}@x>"),
    "folded From": message(sender=f'"sip:{ME}@x"\r\n <sip:{THEM}@x>'),
    "folded header": message("REGISTER sip:x SIP/2.0", "X: 1\r\n\tFrom: <sip:agent-3-web@x>"),
    "a From in the body only": message(sender=None, body=f"From: <sip:{ME}@x>"),
    "NUL": message(sender=f"<sip:{ME}\x00@x>"),
    "header without a colon": message("REGISTER sip:x SIP/2.0", "nonsense"),
    "no end of the head": message().rstrip("\r\n"),
    "LF line ends": message().replace("\r\n", "\n"),
    "leading blank line": "\r\n" + message(),
    "leading blank lines before another's": "\r\n\r\n" + SMUGGLED,
    "second message": message() + SMUGGLED,
    "second message behind a response": message("SIP/2.0 200 OK") + SMUGGLED,
    "second message in the announced rest": message("SIP/2.0 200 OK", body="x" * 5 + SMUGGLED, length="5"),
    "second message, no length": message("SIP/2.0 200 OK", length=None) + SMUGGLED,
    "two lengths": message("REGISTER sip:x SIP/2.0", "l: 0", body="x"),
    "length with a sign": message(length="+0"),
    "not SIP": "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "lower-case response": message("sip/2.0 200 OK", sender=f"<sip:{THEM}@x>"),
    "credentials of somebody else": message("REGISTER sip:x SIP/2.0", f"Authorization: {DIGEST.format(THEM)}"),
    "proxy credentials of somebody else": message("X sip:x SIP/2.0", f"Proxy-Authorization: {DIGEST.format(THEM)}"),
    "second credentials": message(
        "X sip:x SIP/2.0", f"Authorization: {DIGEST.format(ME)}", f"Authorization: {DIGEST.format(THEM)}"
    ),
    "second user in the credentials": message(
        "X sip:x SIP/2.0", f'Authorization: {DIGEST.format(ME)}, username="{THEM}"'
    ),
    "user without quotes": message("X sip:x SIP/2.0", f"Authorization: Digest username={THEM}, realm=x"),
    "user with spaces": message("X sip:x SIP/2.0", f'Authorization: Digest username = "{THEM}", realm="x"'),
    "user in another parameter": message(
        "X sip:x SIP/2.0", f'Authorization: Digest realm="username=\\"{ME}\\"", username="{THEM}"'
    ),
    "extended user name": message("X sip:x SIP/2.0", f"Authorization: {DIGEST.format(ME)}, username*=UTF-8''x"),
    "no user in the credentials": message("X sip:x SIP/2.0", 'Authorization: Digest realm="x"'),
    "other scheme": message("X sip:x SIP/2.0", "Authorization: Basic YWdlbnQtNC13ZWI6eA=="),
    "endless From": message(sender=" " * 60_000 + f"<sip:{ME}@x>" + " " * 3000 + ";"),
}


@pytest.mark.parametrize("frame", BAD.values(), ids=BAD)
def test_what_could_speak_for_somebody_else_is_refused(frame: str) -> None:
    assert not own(frame)


@settings(max_examples=300, deadline=500, derandomize=True)
@given(st.text(st.sampled_from(list(f'<>"\\:;@,= \t\r\n%sipf{ME}{THEM}')), max_size=80))
def test_no_spelling_of_the_sender_lets_another_name_through(sender: str) -> None:
    """Whatever passes names this phone in its only From, and the other name stands at most in quotes."""
    frame = message(sender=sender)
    if own(frame):
        address = sender.rsplit("<", 1)[-1]
        assert f":{ME}@" in address and frame.count("\r\nFrom:") == 1


def test_a_dialog_of_asterisk_is_answered_under_the_name_that_asterisk_used() -> None:
    """JsSIP registers a Contact with a random user; Asterisk calls that, and BYE and re-INVITE come from it."""
    speaker = Speaker(ME)
    bye = message("BYE sip:x SIP/2.0", sender="<sip:k3j2h1g8@abc.invalid>;tag=me")
    bye = bye.replace("own-1", "theirs-1").replace("To: <sip:callcenter.invalid>", "To: <sip:138@x>;tag=far")
    assert not speaker.is_own(bye), "nobody called that name"
    invite = message("INVITE sip:k3j2h1g8@abc.invalid SIP/2.0", sender="<sip:138@x>;tag=far", body=SDP)
    speaker.heard(invite.replace("own-1", "theirs-1").replace("<sip:callcenter.invalid>", "<sip:k3j2h1g8@abc.invalid>"))
    assert speaker.is_own(bye)
    assert not speaker.is_own(bye.replace("theirs-1", "theirs-2")), "another dialog"
    assert not speaker.is_own(bye.replace(";tag=far", "")), "a new dialog under that name"
    assert not speaker.is_own(bye.replace("k3j2h1g8", THEM)), "another name in the same dialog"
    for index in range(DIALOGS):
        other = invite.replace("own-1", f"more-{index}")
        speaker.heard(other.replace("<sip:callcenter.invalid>", "<sip:k3j2h1g8@abc.invalid>"))
    assert not speaker.is_own(bye), "old dialogs are forgotten, so memory stays bounded"
    for junk in ("", "\r\n", "nonsense", message("SIP/2.0 200 OK")):
        speaker.heard(junk)


# -- over real sockets -------------------------------------------------------------------------------------------------


@pytest.fixture
async def upstream() -> AsyncIterator[FakeSip]:
    async with FakeSip().running() as fake:
        yield fake


@pytest.fixture
async def phones(template: Path, world: World, tmp_path: Path, upstream: FakeSip) -> AsyncIterator[Site]:
    async with served(template, world, tmp_path, sip_upstream=upstream.url) as site:
        yield site


def of(site: Site, frame: str) -> str:
    return frame.replace(ME, f"agent-{site.world.own.people['agent']}-web")


async def closed(socket: ClientWebSocketResponse) -> int | None:
    while (await socket.receive(timeout=5)).type not in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
        pass
    return socket.close_code


@pytest.mark.parametrize(("role", "status"), [("", 401), ("admin", 403)])
async def test_a_session_that_may_dial_is_needed(phones: Site, upstream: FakeSip, role: str, status: int) -> None:
    async with phones.browser(role) as browser:
        with pytest.raises(WSServerHandshakeError) as refused:
            await browser.http.ws_connect(phones.url + "/sip", protocols=("sip",))
        assert refused.value.status == status
    assert not upstream.connections, "Asterisk was not even asked"


async def test_a_plain_request_is_told_what_is_missing(phones: Site) -> None:
    async with phones.browser("agent") as browser:
        answer = await browser.get("/sip")
        assert (answer.status, answer.code) == (422, "invalid")


async def test_frames_pass_both_ways_unchanged(phones: Site, upstream: FakeSip) -> None:
    async with (
        phones.browser("agent") as browser,
        browser.http.ws_connect(phones.url + "/sip", protocols=("sip",)) as socket,
    ):
        assert socket.protocol == "sip"
        frames = [of(phones, GOOD[name]) for name in ("register", "keep-alive", "body", "response")]
        for frame in frames:
            await socket.send_str(frame)
        assert [await upstream.heard.get() for _ in frames] == frames
        assert upstream.connections[0].subprotocol == "sip"
        for sent in (message("SIP/2.0 401 Unauthorized"), "\r\n", SDP * 500):
            await upstream.connections[0].send(sent)
            assert await socket.receive_str(timeout=5) == sent
        await upstream.connections[0].send(b"binary frames are SIP as well")
        assert await socket.receive_str(timeout=5) == "binary frames are SIP as well"
    assert upstream.heard.empty()


@pytest.mark.parametrize("name", ["somebody else", "second From", "second message", "credentials of somebody else"])
async def test_a_foreign_identity_is_cut_off_and_audited(phones: Site, upstream: FakeSip, name: str) -> None:
    async with (
        phones.browser("agent") as browser,
        browser.http.ws_connect(phones.url + "/sip", protocols=("sip",)) as socket,
    ):
        await socket.send_str(of(phones, GOOD["register"]))
        await upstream.heard.get()
        await socket.send_str(of(phones, BAD[name]))
        assert await closed(socket) == 4403
    assert upstream.heard.empty(), "the frame did not reach Asterisk"
    own_company = phones.world.own
    query = select(audit).where(audit.c.company_id == own_company.id, audit.c.action == "softphone.foreign_identity")
    async with phones.database.read() as connection:
        (row,) = (await connection.execute(query)).all()
    assert (row.actor_id, row.ip) == (own_company.people["agent"], "127.0.0.1")


async def test_without_asterisk_the_answer_is_phones_unavailable(site: Site) -> None:
    async with site.browser("agent") as browser:
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        }
        answer = await browser.get("/sip", headers=headers)
        assert (answer.status, answer.code) == (503, "phones_unavailable")


async def test_when_asterisk_goes_the_browser_is_told_to_come_back(phones: Site, upstream: FakeSip) -> None:
    async with (
        phones.browser("agent") as browser,
        browser.http.ws_connect(phones.url + "/sip", protocols=("sip",)) as socket,
    ):
        await socket.send_str("\r\n\r\n")
        await upstream.heard.get()
        await upstream.connections[0].close()
        assert await closed(socket) == 1012


async def test_when_the_browser_goes_asterisk_is_told(phones: Site, upstream: FakeSip) -> None:
    """A connection left open would keep a dead phone registered."""
    async with phones.browser("agent") as browser:
        socket = await browser.http.ws_connect(phones.url + "/sip", protocols=("sip",))
        await socket.send_str("\r\n\r\n")
        await upstream.heard.get()
        await socket.close()
        await upstream.connections[0].wait_closed()


@pytest.mark.parametrize("big", ["text", "binary"])
async def test_frames_that_are_no_sip_end_the_connection_only(phones: Site, upstream: FakeSip, big: str) -> None:
    async with phones.browser("agent") as browser:
        async with browser.http.ws_connect(phones.url + "/sip", protocols=("sip",)) as socket:
            await (socket.send_str("x" * (MAX_FRAME + 1)) if big == "text" else socket.send_bytes(b"\x00\x01"))
            assert await closed(socket) is not None
        assert upstream.heard.empty()
        assert (await browser.get("/api/me")).status == 200


async def test_credentials_are_for_ones_own_phone(phones: Site) -> None:
    async with phones.browser("agent") as browser:
        answer: Any = (await browser.ask("POST", "/api/softphone/credentials")).json
        me = phones.world.own.people["agent"]
        assert answer["username"] == f"agent-{me}-web" and answer["password"] == f"secret-of-{me}"
        assert answer["ws_path"] == "/sip"
