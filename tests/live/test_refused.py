"""Wrong passwords of SIP phones: told, counted, and after so many the address waits, while everybody else goes on."""

from __future__ import annotations

import asyncio
import stat
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.engine.agents.turned_away import TRIES
from callcenter.store.tables.people import audit
from tests.live.calls import over, talking
from tests.live.installation import Installation, until
from tests.pbx.sip_client import digest_answer, header, register

pytestmark = pytest.mark.live

ATTACKER = "127.0.0.2"


class Peer(asyncio.DatagramProtocol):
    """A SIP client at an address of its own that registers once and says how it was answered."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    def datagram_received(self, data: bytes, _: Any) -> None:
        text = data.decode()
        if text.startswith("SIP/2.0 "):
            self.heard.put_nowait(text)


async def registers(site: Installation, address: str, user: str, password: str) -> int:
    """The final status of one registration from `address`."""
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Peer, local_addr=(address, 0))
    pbx = ("127.0.0.1", site.settings.sip_port)
    contact = f"sip:{user}@{address}:{transport.get_extra_info('sockname')[1]}"
    try:
        transport.sendto(register(user, "UDP", contact, 1).encode(), pbx)
        answer = await asyncio.wait_for(peer.heard.get(), 10)
        if answer.startswith("SIP/2.0 401"):
            proof = digest_answer(header(answer, "WWW-Authenticate"), "REGISTER", "sip:pbx", user, password)
            transport.sendto(register(user, "UDP", contact, 2, proof).encode(), pbx)
            answer = await asyncio.wait_for(peer.heard.get(), 10)
        return int(answer.split()[1])
    finally:
        transport.close()


async def rows(site: Installation, account: str) -> list[Any]:
    query = select(audit).where(
        audit.c.company_id == site.company_id, audit.c.action == "registration.refused", audit.c.object == account
    )
    async with site.database.read() as connection:
        return list((await connection.execute(query)).all())


async def test_an_address_with_wrong_passwords_waits_and_nobody_else_does(site: Installation) -> None:
    agent, call_id = await talking(site, 0)
    other = await site.agent(1)
    account = other.phone
    board = await (await site.client("admin")).live()
    for _ in range(TRIES):
        assert await registers(site, ATTACKER, account, "a-guess") == 401

    async def waits() -> bool:
        return await registers(site, ATTACKER, account, "a-guess") == 403

    await until(waits, "the address to be refused before anything else is looked at", 60)
    assert await registers(site, "127.0.0.3", account, "a-guess") == 401, "another address is asked for its password"
    assert await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await over(site, agent, call_id)

    refused = await board.wait(
        lambda live: (one := live.entities["system"].get("refused")) and ATTACKER in one["waiting"] and one, 20
    )
    assert refused["registrations"] >= TRIES

    async def counted() -> int | None:
        found = [row for row in await rows(site, account) if row.ip == ATTACKER]
        times = sum(row.details["count"] for row in found)
        assert len(found) <= 3, "a row for each minute, not for each try"
        return times if times >= TRIES else None

    await until(counted, "the tries to be in the audit log")
    # Phones whose address is known to be ours never wait, however often somebody there is wrong.
    for _ in range(TRIES + 5):
        assert await registers(site, "127.0.0.1", account, "a-guess") == 401


async def test_what_names_callers_is_readable_by_its_owner_only(site: Installation) -> None:
    files = [site.settings.data_dir / "callcenter.db", site.stack.pbx.cel_database]
    for file in [one for path in files for one in path.parent.glob(f"{path.name}*")]:
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(site.stack.pbx.log_file.stat().st_mode) & 0o077 == 0
