"""What Asterisk makes of it when somebody's access ends: the talking leg, the registration, the SIP account."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.demo.client import Client
from callcenter.pbx.errors import CommandFailed
from callcenter.store.tables.people import employee
from tests.live.calls import CUSTOMER, talking
from tests.live.installation import PASSWORD, Agent, Installation, until

pytestmark = pytest.mark.live

INDEX = 6


@pytest.fixture
async def admin(site: Installation) -> AsyncIterator[Client]:
    """The administrator; afterwards the agent is there again as if nothing had been."""
    client = await site.client("admin")
    yield client
    login = f"agent{INDEX}"
    found = site.agents.pop(login)
    await client.request("PATCH", f"/api/employees/{found.employee_id}", {"account_state": "active"})
    await client.post(f"/api/employees/{found.employee_id}/password", {"password": PASSWORD})
    await wish(client, "after_call")
    await site.carrier.remove_phone(found.phone)


async def wish(admin: Client, when: str) -> None:
    current = await admin.get("/api/settings/company")
    await admin.put("/api/settings/company", current | {"access_end": when})


async def registered(site: Installation, agent: Agent) -> bool:
    return f"Contact:  {agent.phone}/" in await site.stack.pbx.cli("pjsip show contacts")


async def unregistered(site: Installation, agent: Agent) -> None:
    async def gone() -> bool:
        return not await registered(site, agent)

    await until(gone, "the phone to be registered no more")


async def secret_of(site: Installation, agent: Agent) -> str:
    query = select(employee.c.sip_secret).where(
        employee.c.company_id == site.company_id, employee.c.id == agent.employee_id
    )
    async with site.database.read() as connection:
        return str((await connection.execute(query)).scalar_one())


async def refused(site: Installation, agent: Agent, password: str) -> None:
    """A phone that registers anew with that password is not let in; the old one is switched off before."""
    await site.carrier.remove_phone(agent.phone)
    with pytest.raises(CommandFailed):
        await site.carrier.add_phone(agent.phone, password, agent.tone, wait=4)


async def supervisors_view(site: Installation) -> Any:
    return await (await site.client("supervisor")).live()


async def test_a_disabled_employees_leg_ends_at_once_if_the_company_wishes_so(
    site: Installation, admin: Client
) -> None:
    agent, call_id = await talking(site, INDEX)
    await wish(admin, "at_once")
    before = await secret_of(site, agent)
    await admin.request("PATCH", f"/api/employees/{agent.employee_id}", {"account_state": "disabled"})
    board = await supervisors_view(site)
    await board.wait(lambda live: call_id not in live.entities["call"], 15, "the call to end")
    await unregistered(site, agent)
    assert f"Endpoint:  {agent.phone} " not in await site.stack.pbx.cli("pjsip show endpoints")
    assert await secret_of(site, agent) != before
    # The phone goes on trying with what it knows: nobody lets it in, now or when the account is back.
    await admin.request("PATCH", f"/api/employees/{agent.employee_id}", {"account_state": "active"})
    await refused(site, agent, before)
    assert not await registered(site, agent)
    await site.carrier.quiet(20)


async def test_a_disabled_employee_may_finish_the_call_and_then_the_phone_ends(
    site: Installation, admin: Client
) -> None:
    agent, call_id = await talking(site, INDEX)
    await admin.request("PATCH", f"/api/employees/{agent.employee_id}", {"account_state": "disabled"})
    board = await supervisors_view(site)
    assert agent.phone in await site.carrier.parties(), "the call goes on"
    assert await registered(site, agent), "the phone's BYE has to prove itself, so the account is still there"
    call = board.entities["call"][call_id]
    assert call["state"] == "talking"
    assert await site.carrier.hangup(agent.phone), "the agent hangs up on the phone itself"
    await board.wait(lambda live: call_id not in live.entities["call"], 15, "the call to end")
    await unregistered(site, agent)

    async def gone() -> bool:
        return f"Endpoint:  {agent.phone} " not in await site.stack.pbx.cli("pjsip show endpoints")

    await until(gone, "the account to end with the call")
    await site.carrier.quiet(20)


async def test_a_renewed_sip_account_lets_the_old_password_in_no_more(site: Installation, admin: Client) -> None:
    agent = await site.agent(INDEX)
    assert await registered(site, agent)
    before = await secret_of(site, agent)
    account = await admin.post(f"/api/employees/{agent.employee_id}/sip/renew")
    assert account["username"] == agent.phone
    assert account["password"] == await secret_of(site, agent) != before
    await unregistered(site, agent)
    key = str(agent.employee_id)
    live = await agent.client.live()
    await live.wait(lambda seen: not seen.entities["agent"][key]["registered"], 15, "the page to show it")
    await refused(site, agent, before)
    await site.carrier.add_phone(agent.phone, account["password"], agent.tone)
    await live.wait(lambda seen: seen.entities["agent"][key]["registered"], 40, "the phone with the new one")
    agent.live = live
    await agent.ready()
    call_id = await agent.client.dial(CUSTOMER)
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    await site.carrier.quiet(20)
