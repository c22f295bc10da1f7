"""Where calls may not go is asked at every way out of a real installation; callers who hide are strangers each."""

from __future__ import annotations

import pytest

from callcenter.demo.client import Failed
from tests.live.calls import refused, talking
from tests.live.installation import Agent, Installation, until
from tests.live.lines import line

pytestmark = pytest.mark.live

ABROAD, SATELLITE, EMERGENCY = "+14155552671", "+881612345678", "120"
SHOWN_ABROAD = "0014155552671"
OWN_PHONE = "13800000003"
STRANGE = "7001234"
"""No numbering plan has it; a switchboard may show it."""


async def test_no_talking_call_is_passed_on_to_a_closed_destination(site: Installation) -> None:
    agent, call_id = await talking(site)
    for move in ("consult", "transfer"):
        for number in (ABROAD, SATELLITE):
            path = f"/api/calls/{call_id}/{move}"
            assert await refused(agent.client, path, {"number": number}) == "destination_closed"
    assert (await agent.wait_state(call_id, "talking"))["number"]
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)


async def test_who_shows_a_foreign_number_is_not_called_back_there(site: Installation) -> None:
    """Caller ID is what the caller says: the wish is kept, dialled by nobody, and seen by people."""
    agent = await site.agent(0)
    async with line(site, agent, greeting="music", callback_offered=True) as group:
        call = await group.call_in(SHOWN_ABROAD, seconds=30)
        await group.until_entity(waiting=1)
        await site.carrier.send_dtmf(call.channel_id, "1")
        await group.row(SHOWN_ABROAD, end_reason="callback_asked")
        await agent.ready()
        await group.until_entity(callbacks=0)
        done = (await group.admin.get(f"/api/callbacks?state=failed&group_id={group.id}"))["items"]
        assert [one["number"] for one in done] == [ABROAD]
        listed = await group.admin.get("/api/calls?q=4155552671&direction=outbound")
        assert listed["total"] == 0


async def test_callers_who_hide_their_number_are_strangers_each(site: Installation) -> None:
    agent = await site.agent(0)
    async with line(site, agent, sticky="last_agent", sticky_seconds=5) as group:
        await agent.ready()
        for caller in ("anonymous", "Restricted"):
            await group.call_in(caller, seconds=3)
            await agent.wait_self("busy")
            call = next(one for one in agent.live.entities["call"].values() if one["direction"] == "inbound")
            assert (call["number"], call["customer"]) == ("", None)
            await agent.wait_ended(call["id"], 30)
            await agent.wait_self("ready")
        await agent.away()
        await group.call_in("anonymous", seconds=20, ring_seconds=2)
        missed = await group.admin.get(f"/api/missed-calls?group_id={group.id}")
        assert "" not in [one["number"] for one in missed["items"]]


async def test_only_so_many_calls_overflow_at_once(site: Installation) -> None:
    """Nobody's minutes pay for them, so Asterisk itself keeps the limit."""
    agent = await site.agent(0)
    async with line(site, agent, max_wait_seconds=1) as group:
        await group.admin.request("PATCH", f"/api/employees/{agent.employee_id}", {"phone": OWN_PHONE})
        await site.reconnect(agent)
        await group.change(overflow="number", overflow_number=OWN_PHONE)
        before = await group.admin.get("/api/settings/destinations")
        limits = {key: before[key] for key in ("countries", "calls_per_day", "calls_per_number")}
        await group.admin.put("/api/settings/destinations", {**limits, "forwarded_at_once": 1})
        try:
            await group.call_in("13900000711", seconds=8)
            await until(lambda: _rings(site, OWN_PHONE), "the first caller to be let through")
            await group.call_in("13900000712", seconds=8)
            refused = await group.row("13900000712", disposition="NO ANSWER")
            assert refused["employee"] is None
            answered = await group.row("13900000711", disposition="ANSWERED")
            assert answered["minutes_charged"] == 0
            after = await group.admin.get("/api/settings/destinations")
            assert after["forwarded_today"] == before["forwarded_today"] + 1
        finally:
            await group.admin.put("/api/settings/destinations", {**limits, "forwarded_at_once": 5})
            await group.change(overflow="hang_up")


async def _rings(site: Installation, number: str) -> bool:
    return number in await site.carrier.parties()


async def test_an_unknown_number_that_rang_can_be_called_back_and_blocked(site: Installation) -> None:
    agent = await site.agent(0)
    admin = await site.client("admin")
    blocked = {"number": STRANGE, "reason": "骚扰"}
    assert await refused(admin, "/api/blacklist", blocked) == "number_invalid"
    assert await refused_dial(agent, STRANGE) == "number_invalid"
    async with line(site, agent) as group:
        await group.call_in(STRANGE, seconds=2, ring_seconds=2)
        await group.row(STRANGE)
        assert await refused_dial(agent, STRANGE) != "number_invalid"
        made = await admin.post("/api/blacklist", blocked)
        assert await refused_dial(agent, STRANGE) == "blacklisted"
        await admin.delete(f"/api/blacklist/{made['id']}")


async def refused_dial(agent: Agent, number: str) -> str:
    """The code with which a dial is refused; empty when it was not, and then it is ended at once."""
    try:
        call_id = await agent.client.dial(number)
    except Failed as refusal:
        return refusal.code
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id, 30)
    return ""
