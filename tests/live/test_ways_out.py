"""Where calls may not go is asked at every way out of a real installation; callers who hide are strangers each."""

from __future__ import annotations

import pytest

from tests.live.calls import refused, talking
from tests.live.installation import Installation
from tests.live.lines import line

pytestmark = pytest.mark.live

ABROAD, SATELLITE, EMERGENCY = "+14155552671", "+881612345678", "120"
SHOWN_ABROAD = "0014155552671"


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
