"""A thousand browser phones at once: each through the bridge, registered, and answering when Asterisk asks for it."""

from __future__ import annotations

import asyncio
import hashlib
import re
import resource
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import websockets
from aiohttp import ClientSession, TCPConnector
from sqlalchemy import insert, select

from callcenter import machine
from callcenter.store.base import utcnow
from callcenter.store.tables.people import employee, role, web_session
from callcenter.web.auth import COOKIE
from tests.live.installation import Installation, installed, until
from tests.pbx.sip_client import digest_answer, header, register

pytestmark = pytest.mark.live

PHONES = 1000
AT_ONCE = 40
"""Phones that are being connected at the same moment."""
MANY = timedelta(seconds=150)
"""Far more than it takes (some 20 s on two cores); a deadline, not a measure."""


@pytest.fixture(scope="module")
async def crowd(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Installation]:
    """An installation of its own with a thousand employees."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    machine.raise_descriptor_limit()
    async with installed(tmp_path_factory.mktemp("crowd"), agents=1) as made:
        yield made
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def hire(site: Installation, count: int) -> dict[int, str]:
    """So many agents with a session each: employee id -> token."""
    now = utcnow()
    async with site.database.write() as connection:
        found = select(role.c.id).where(role.c.company_id == site.company_id, role.c.code == "agent")
        role_id = (await connection.execute(found)).scalar_one()
        common: dict[str, Any] = {"company_id": site.company_id, "role_id": role_id, "password_hash": "-"}
        people = [
            {**common, "login": f"crowd{one}", "name": f"坐席{one}", "sip_secret": f"desk-{one}", "created_at": now}
            for one in range(count)
        ]
        await connection.execute(insert(employee), people)
        mine = select(employee.c.id).where(employee.c.company_id == site.company_id, employee.c.login.like("crowd%"))
        ids = list((await connection.execute(mine)).scalars())
        tokens = {one: f"crowd-token-{one}" for one in ids}
        sessions = [
            {
                "token_hash": hashlib.sha256(token.encode()).hexdigest(),
                "company_id": site.company_id,
                "employee_id": one,
                "created_at": now,
                "expires_at": now + timedelta(hours=1),
            }
            for one, token in tokens.items()
        ]
        await connection.execute(insert(web_session), sessions)
    # Anybody's change makes the product read the directory anew.
    admin = await site.client("admin")
    await admin.put("/api/settings/company", await admin.get("/api/settings/company"))
    return tokens


async def phone(site: Installation, http: ClientSession, token: str, turn: asyncio.Semaphore, ready: set[str]) -> None:
    """Registers as a page does, then answers whatever Asterisk asks, until cancelled."""
    cookie = {"Cookie": f"{COOKIE}={token}"}
    async with turn:
        async with http.post(f"{site.url}/api/softphone/credentials", headers=cookie) as answer:
            assert answer.status == 200, await answer.text()
            given = await answer.json()
        user = given["username"]
        address = site.url.replace("http:", "ws:") + given["ws_path"]
        link = await websockets.connect(
            address, subprotocols=[websockets.Subprotocol("sip")], additional_headers=cookie, open_timeout=60
        )
        contact = f"sip:{user}@client.invalid;transport=ws"
        await link.send(register(user, "WS", contact, 1))
        number = 1
        while True:
            said = str(await asyncio.wait_for(link.recv(), 60))
            if said.startswith("SIP/2.0 401"):
                number += 1
                challenge = header(said, "WWW-Authenticate")
                proof = digest_answer(challenge, "REGISTER", "sip:pbx", user, given["password"])
                await link.send(register(user, "WS", contact, number, proof))
            elif said.startswith("SIP/2.0 "):
                assert said.startswith("SIP/2.0 200"), said.splitlines()[0]
                break
            else:
                await link.send(agreed(said))
    async for frame in link:
        said = str(frame)
        if said.startswith("OPTIONS "):
            await link.send(agreed(said))
            ready.add(user)


def agreed(request: str) -> str:
    """200 to a request of Asterisk's."""
    kept = [line for line in request.split("\r\n") if re.match(r"(?i)(via|from|to|call-id|cseq)\s*:", line)]
    kept = [f"{line};tag=here" if re.match(r"(?i)to\s*:", line) and ";tag=" not in line else line for line in kept]
    return "\r\n".join(["SIP/2.0 200 OK", *kept, "Content-Length: 0", "", ""])


async def test_a_thousand_browser_phones_are_registered_at_once(crowd: Installation) -> None:
    tokens = await hire(crowd, PHONES)
    turn, ready = asyncio.Semaphore(AT_ONCE), set[str]()
    async with ClientSession(connector=TCPConnector(limit=AT_ONCE)) as http:
        phones = [asyncio.create_task(phone(crowd, http, token, turn, ready)) for token in tokens.values()]
        try:

            async def all_there() -> bool:
                for one in phones:
                    if one.done():
                        one.result()
                        raise AssertionError("a phone was disconnected")
                return len(ready) == PHONES

            await until(all_there, f"{PHONES} phones to answer", MANY.total_seconds())
            printed = await crowd.stack.pbx.cli("pjsip show contacts")
            assert len(re.findall(r"Contact:\s+agent-\d+-web/.*\sAvail\b", printed)) == PHONES
            # And whoever comes now is served: the cap is no wall at a thousand.
            assert (await (await crowd.client("supervisor")).get("/api/me"))["login"] == "supervisor"
        finally:
            for one in phones:
                one.cancel()
            await asyncio.gather(*phones, return_exceptions=True)
