"""A colleague who is only asked has no say over the customer."""

from __future__ import annotations

from typing import Any

import pytest

from tests.live.calls import leg_of, refused, talking
from tests.live.installation import Agent, Installation

pytestmark = pytest.mark.live


async def _asked(site: Installation) -> tuple[Agent, Agent, str]:
    """Agent 1 is asked by agent 0, whose customer waits."""
    colleague = await site.agent(1)
    await colleague.ready()
    agent, call_id = await talking(site)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"employee_id": colleague.employee_id})
    await leg_of(agent, call_id, "third", state="connected")
    await leg_of(agent, call_id, "customer", place="held")
    return agent, colleague, call_id


async def test_a_consulted_colleague_cannot_drop_or_move_the_customer(site: Installation) -> None:
    agent, colleague, call_id = await _asked(site)
    call = f"/api/calls/{call_id}"
    legs: dict[str, Any] = {}
    for role in ("customer", "agent"):
        legs[role] = (await leg_of(agent, call_id, role))["id"]
        assert await refused(colleague.client, f"{call}/legs/{legs[role]}/drop", {}) == "move_not_possible"
    for move in ("hold", "resume", "cancel", "complete", "swap", "conference"):
        assert await refused(colleague.client, f"{call}/move", {"move": move}) == "move_not_possible"
    assert await refused(colleague.client, f"{call}/transfer", {"number": "13800000004"}) == "move_not_possible"
    assert await refused(colleague.client, f"{call}/consult", {"number": "13800000004"}) == "move_not_possible"
    # Keys pressed on the colleague's phone are no commands.
    for key in "*1#2**":
        await site.carrier.send_dtmf(colleague.phone, key)
    await leg_of(agent, call_id, "customer", place="held")
    await leg_of(agent, call_id, "third", state="connected")

    # Hanging up ends the colleague's own part, and agent and customer talk on.
    await colleague.client.post(f"{call}/hangup")
    await leg_of(agent, call_id, "customer", place="talking", state="connected")
    await leg_of(agent, call_id, "agent", place="talking", state="connected")
    await agent.client.post(f"{call}/hangup")
    await agent.wait_ended(call_id)
    await colleague.away()


async def test_a_colleague_in_a_call_of_three_cannot_drop_the_customer_either(site: Installation) -> None:
    agent, colleague, call_id = await _asked(site)
    await agent.client.post(f"/api/calls/{call_id}/move", {"move": "conference"})
    customer = await leg_of(agent, call_id, "customer", place="talking")
    path = f"/api/calls/{call_id}/legs/{customer['id']}/drop"
    assert await refused(colleague.client, path, {}) == "move_not_possible"
    mine = await leg_of(agent, call_id, "third", place="talking")
    await colleague.client.post(f"/api/calls/{call_id}/legs/{mine['id']}/drop")
    await leg_of(agent, call_id, "customer", place="talking", state="connected")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    await colleague.away()
