"""The product with every kind of carrier: the number shown at the far end, a number called in, a wrong password."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from callcenter.demo.client import Client
from callcenter.domain.trunks import PROFILES, ShownIn, Spelling, TrunkState, written
from callcenter.provisioning.trunk_watch import contact_state, last_answer
from tests.live.installation import INBOUND, Installation, direct_number, installed, until
from tests.live.test_modes import e164

pytestmark = pytest.mark.live

ACCOUNT = "sh-trunk.7"
CUSTOMER = "13800000001"
QUICK: dict[str, Any] = {"ring_seconds": 6, "agent_ring_seconds": 5}
WRITTEN = {"address": "862160000001", "asserted": "+862160000001", "register": "2160000001"}
"""How this kind's carrier writes our number when it is called; others write it as people here do."""


def carrier(kind: str) -> dict[str, Any]:
    account = {"trunk_user": ACCOUNT, "trunk_password": "right"} if PROFILES[kind].registers else {}
    return {"trunk_profile": kind, **account, **QUICK}


async def trunk(client: Client, *states: str) -> dict[str, Any]:
    """What the administrators' page asks for, once the trunk is in one of `states`."""

    async def look() -> dict[str, Any] | None:
        found: dict[str, Any] = await client.get("/api/trunk")
        return found if found["state"] in states else None

    return await until(look, f"the trunk to be {states}", 40)


async def calls_out(site: Installation) -> None:
    """An agent calls a customer, who sees the agent's bound number where and as this carrier writes it."""
    agent, kind = await site.agent(0), PROFILES[site.settings.trunk_profile]
    call_id = await agent.client.dial(CUSTOMER)
    await agent.wait_state(call_id, "talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    bound = written(e164(direct_number(0)), kind.shown_as)
    told = {one: await site.carrier.shown(CUSTOMER, one) for one in ShownIn}
    assert await site.carrier.shown(CUSTOMER) == bound
    for header, number in told.items():
        account = ACCOUNT if header is ShownIn.FROM and kind.registers else ""
        assert number == (bound if header in kind.shown_in else account), told


async def calls_in(site: Installation) -> None:
    agent = await site.agent(0)
    await agent.ready()
    known = len(agent.live.events("pop"))
    call = await site.carrier.call_in(WRITTEN.get(site.settings.trunk_profile, INBOUND), "13900000001", seconds=20)
    pop = await agent.next_pop(known)
    await agent.wait_state(pop["call_id"], "talking")
    found = (await agent.client.get(f"/api/calls/{pop['call_id']}"))["call"]
    assert found["company_number"] == e164(INBOUND) and found["number"] == "+8613900000001"
    await site.carrier.hangup(call.channel_id)
    await agent.wait_ended(pop["call_id"])
    await agent.away()


@pytest.mark.parametrize("kind", sorted(PROFILES))
async def test_calls_go_out_and_come_in_with_every_kind_of_carrier(tmp_path: Path, kind: str) -> None:
    async with installed(tmp_path, agents=1, **carrier(kind)) as site:
        admin = await site.client("admin")
        await trunk(admin, "registered" if PROFILES[kind].registers else "reachable")
        await calls_out(site)
        await calls_in(site)


async def test_a_wrong_password_is_told_with_the_carriers_reason(tmp_path: Path) -> None:
    async with installed(tmp_path, agents=1, **carrier("register"), carrier_password="another") as site:
        admin = await site.client("admin")
        found = await trunk(admin, "rejected")
        assert found["code"] == 401 and found["since"]
        agent = await site.agent(0)
        call_id = await agent.client.dial(CUSTOMER)
        ended = await agent.wait_ended(call_id)
        assert ended["disposition"] != "answered"
        with pytest.raises(Exception, match="forbidden"):
            await agent.client.get("/api/trunk")


def test_asterisks_words_about_the_trunk_are_understood() -> None:
    refused = (
        "WARNING[1] x.c: Temporal response '{}' received from 'sip:a' on registration attempt to 'sip:b', retrying\n"
    )
    silent = "WARNING[1] x.c: No response received from 'sip:a' on registration attempt to 'sip:b', retrying in '10'\n"
    assert last_answer("") is None and last_answer("NOTICE other\n") is None
    assert last_answer(refused.format(403) + "NOTICE other\n") == 403
    assert last_answer(refused.format(401) + silent) == 0 and last_answer(silent + refused.format(401)) == 401
    contacts = [{"Event": "ContactStatusDetail", "Status": one} for one in ("Unreachable", "Reachable")]
    assert contact_state(contacts) is TrunkState.REACHABLE
    assert contact_state(contacts[:1]) is TrunkState.UNREACHABLE
    assert contact_state([{"Event": "EndpointDetail"}]) is TrunkState.WAITING


def test_every_profile_is_told_in_the_readme() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    for name in (*PROFILES, *Spelling, *ShownIn):
        assert f"`{name}`" in readme, name
