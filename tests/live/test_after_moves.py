"""What is left of a call that was moved: words for what failed, the right end, a whole recording, and a call that is
still in order when the product or its link dies between two steps."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import struct
from pathlib import Path
from typing import Any

import pytest

from callcenter.domain.quality import FAIR_MOS
from callcenter.pbx.tones import hears
from tests.live.calls import (
    CUSTOMER,
    CUSTOMER_HZ,
    THIRD,
    THIRD_HZ,
    consulting,
    leg_of,
    minutes,
    move,
    over,
    recorded_over,
)
from tests.live.calls import talking as talk
from tests.live.installation import Agent, Installation
from tests.recording.sound import hear, wav

pytestmark = pytest.mark.live


async def _failure(agent: Agent, call_id: str) -> str:
    def look(live: Any) -> str | None:
        said = [one.message["data"] for one in live.events("consult_failed")]
        return next((one["reason"] for one in said if one["call_id"] == call_id), None)

    found: str = await agent.live.wait(look, 20, "the word about the failed consultation")
    return found


async def _phones(agent: Agent, *, live: bool) -> None:
    await agent.live.wait(
        lambda one: (one.entities["system"]["phones"]["phones"] == "live") is live, 40, f"phones live: {live}"
    )


@pytest.mark.parametrize(
    ("number", "reason"), [("13800000021", "busy"), ("13800000022", "rejected"), ("13800000024", "number_invalid")]
)
async def test_a_failed_consultation_is_said_with_its_reason(site: Installation, number: str, reason: str) -> None:
    agent, call_id = await talk(site)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": number})
    assert await _failure(agent, call_id) == reason
    await leg_of(agent, call_id, "customer", place="talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    assert (await agent.wait_ended(call_id))["end_reason"] == "agent_hung_up"
    await over(site, agent, call_id)


async def test_a_customer_who_hangs_up_on_hold_hung_up(site: Installation) -> None:
    agent, call_id = await talk(site)
    await move(agent, call_id, "hold")
    await leg_of(agent, call_id, "customer", place="held")
    await site.carrier.hangup(CUSTOMER)
    assert (await agent.wait_ended(call_id))["end_reason"] == "customer_hung_up"
    await over(site, agent, call_id)


async def test_a_third_party_that_ends_a_passed_on_call_hung_up(site: Installation) -> None:
    agent, call_id = await consulting(site)
    await move(agent, call_id, "complete")
    await agent.wait_self("not_ready")
    await leg_of(agent, call_id, "third", place="talking")
    await asyncio.sleep(1)
    await site.carrier.hangup(THIRD)
    assert (await over(site, agent, call_id))["call"]["end_reason"] == "third_hung_up"


@pytest.mark.feature("P-02")
async def test_the_link_is_cut_between_the_two_halves_of_a_transfer(site: Installation) -> None:
    """Half a transfer is done: the dialplan does the other half, and the engine finds it so when it is back."""
    agent, call_id = await consulting(site)
    site.switch.cut_after = b"Action: Redirect"
    with pytest.raises(Exception, match="phones_unavailable"):
        await move(agent, call_id, "complete")
    await _phones(agent, live=False)
    await asyncio.sleep(3)
    await site.switch.join()
    await _phones(agent, live=True)
    await agent.wait_self("not_ready")
    await asyncio.sleep(1.5)
    await site.carrier.hangup(CUSTOMER)
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(CUSTOMER)[-1], THIRD_HZ, 2.0)
    assert hears(site.carrier.heard(THIRD)[-1], CUSTOMER_HZ, 2.0)
    assert minutes(found) == {"agent": 0, "customer": 1, "third": 1}


@pytest.mark.feature("P-02")
async def test_the_link_is_cut_before_a_consultation_is_dialled(site: Installation) -> None:
    """Only the variables were set: nobody was moved, and the call talks on."""
    agent, call_id = await talk(site)
    site.switch.cut_after = b"Action: Setvar"
    with pytest.raises(Exception, match="phones_unavailable"):
        await agent.client.post(f"/api/calls/{call_id}/consult", {"number": THIRD})
    await asyncio.sleep(2)
    await site.switch.join()
    await _phones(agent, live=True)
    await agent.wait_state(call_id, "talking")
    assert site.carrier.heard(THIRD) == [] or THIRD not in await site.carrier.parties()
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    assert (await agent.wait_ended(call_id))["end_reason"] == "agent_hung_up"
    found = await over(site, agent, call_id)
    assert hears(site.carrier.heard(CUSTOMER)[-1], agent.tone, 2.0)
    assert minutes(found) == {"agent": 0, "customer": 1}


async def test_a_consultation_that_fails_while_the_link_is_cut_is_said_afterwards(site: Installation) -> None:
    agent, call_id = await talk(site)
    site.switch.cut_after = b"Action: Redirect"
    with contextlib.suppress(Exception):  # the answer is lost with the link
        await agent.client.post(f"/api/calls/{call_id}/consult", {"number": "13800000024"})
    await _phones(agent, live=False)
    await recorded_over(site, call_id, "third")
    await site.switch.join()
    assert await _failure(agent, call_id) == "number_invalid"
    await leg_of(agent, call_id, "customer", place="talking")
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await over(site, agent, call_id)


@pytest.mark.feature("P-01")
async def test_a_call_on_hold_is_on_hold_again_after_a_restart(site: Installation) -> None:
    agent, call_id = await talk(site)
    await move(agent, call_id, "hold")
    await leg_of(agent, call_id, "customer", place="held")
    await leg_of(agent, call_id, "agent", place="waiting")
    await site.stop_engine(signal.SIGKILL)
    await site.start_engine()
    await site.reconnect(agent)
    assert (await agent.wait_state(call_id, "held"))["state"] == "held"
    assert (await leg_of(agent, call_id, "customer"))["place"] == "held"
    await move(agent, call_id, "resume")
    await agent.wait_state(call_id, "talking")
    await asyncio.sleep(1.5)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    await over(site, agent, call_id)


@pytest.mark.feature("T-23")
async def test_the_recording_of_a_moved_call_is_whole(site: Installation, tmp_path: Path) -> None:
    """Agent, three-way and the party it was passed on to are in it; the consultation is a recording of its own."""
    agent, call_id = await talk(site)
    await asyncio.sleep(2)
    await agent.client.post(f"/api/calls/{call_id}/consult", {"number": THIRD})
    await leg_of(agent, call_id, "third", state="connected")
    await asyncio.sleep(2)
    await move(agent, call_id, "conference")
    await leg_of(agent, call_id, "customer", place="talking")
    await asyncio.sleep(2)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_self("not_ready")
    await asyncio.sleep(2.5)
    await site.carrier.hangup(CUSTOMER)
    await over(site, agent, call_id)
    found = await site.recorded(agent.client, call_id)
    left, right = await _sides(agent, f"/api/calls/{call_id}/recording", tmp_path)
    assert hears(left, CUSTOMER_HZ, 5.0), "the customer, in all of it"
    assert hears(right, agent.tone, 3.0) and hears(right, THIRD_HZ, 3.5)
    (consulted,) = found["consultations"]
    assert 1.0 < consulted["duration"] < 4.0
    left, right = await _sides(agent, f"/api/calls/{call_id}/recording?consult={consulted['id']}", tmp_path)
    assert hears(left, THIRD_HZ, 1.0) and hears(right, agent.tone, 1.0)
    assert not hears(left, CUSTOMER_HZ, 0.5) and not hears(right, CUSTOMER_HZ, 0.5)
    admin = await site.client("admin")
    played = (await admin.get("/api/audit?action=recording.played&page_size=200"))["items"]
    assert any(one["object"] == call_id for one in played)


async def _sides(agent: Agent, path: str, folder: Path) -> tuple[Path, Path]:
    """Both sides of a played recording, each as a WAV file of its own."""
    (folder / "played.opus").write_bytes(await agent.client.get(path))
    found = []
    for name, samples in zip(("left", "right"), hear(folder / "played.opus"), strict=True):
        file = folder / f"{name}.wav"
        file.write_bytes(wav(struct.pack(f"<{len(samples)}h", *samples)))
        found.append(file)
    return found[0], found[1]


@pytest.mark.feature("P-27")
async def test_the_line_of_a_desk_phone_is_measured_by_asterisk(site: Installation) -> None:
    agent, call_id = await talk(site)
    await asyncio.sleep(3)
    await agent.client.post(f"/api/calls/{call_id}/hangup")
    await agent.wait_ended(call_id)
    found = await over(site, agent, call_id)
    (line,) = found["quality"]
    assert line["measured_by"] == "pbx" and line["mos"] > FAIR_MOS
    assert line["leg_id"] == next(leg["id"] for leg in found["legs"] if leg["role"] == "agent")
    assert found["call"]["mos"] == line["mos"]
