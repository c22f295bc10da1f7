"""Queues: who is rung in which order, what a waiting caller meets, and where callers go who wait too long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callcenter.demo.client import Live
from callcenter.pbx.sounds import SPOKEN
from callcenter.pbx.tones import hears
from tests.live.installation import Agent, Installation, until
from tests.live.lines import Line, line, ringing, upload_tone
from tests.recording.sound import says

pytestmark = pytest.mark.live

WORDS = SPOKEN / "zh"
CALLER, SECOND, THIRD = "13900000101", "13900000102", "13900000103"


async def _taken(agent: Agent, group: Line, caller: str, seconds: int = 1) -> dict[str, Any]:
    """A call that this agent answers; its row."""
    await group.call_in(caller, seconds=seconds)
    await agent.wait_self("busy")
    await agent.wait_self("ready")
    return await group.row(caller, disposition="ANSWERED")


async def _rung(group: Line, call_id: str, *agents: Agent) -> None:
    wanted = {one.employee_id for one in agents}
    await group.board.wait(lambda live: ringing(live, call_id) >= wanted, 15, f"{wanted} to ring")


@pytest.mark.feature("P-11")
async def test_ring_all_rings_everybody_and_the_first_to_answer_has_the_call(site: Installation) -> None:
    slow, quick = await site.agent(0, answer_after=None), await site.agent(1, answer_after=1.0)
    async with line(site, slow, quick, strategy="ring_all") as group:
        await slow.ready()
        await quick.ready()
        call = await group.call_in(CALLER, seconds=2)
        waiting = await group.waiting(CALLER)
        await _rung(group, waiting["id"], slow, quick)
        row = await group.row(CALLER, disposition="ANSWERED")
        assert row["employee"]["id"] == quick.employee_id
        assert await slow.state() == "ready"
        await site.carrier.quiet()
        assert hears(call.heard, quick.tone) and not hears(call.heard, slow.tone)


@pytest.mark.feature("P-11")
async def test_longest_idle_round_robin_and_fewest_calls_choose_differently(site: Installation) -> None:
    first, other = await site.agent(0), await site.agent(1)
    async with line(site, first, other, strategy="longest_idle") as group:
        await first.ready()
        await other.ready()
        await group.members(first, other)
        assert (await _taken(first, group, CALLER))["employee"]["id"] == first.employee_id
        # The other one has been idle longer by now.
        await group.members(other, first)
        assert (await _taken(other, group, SECOND))["employee"]["id"] == other.employee_id
        # One call each; now the other one takes a break: idle longest and fewest calls would disagree after one more.
        await group.change(strategy="fewest_calls")
        await group.members(first, other)
        assert (await _taken(first, group, THIRD))["employee"]["id"] == first.employee_id
        await other.away()
        await other.ready()
        await group.members(other, first)
        assert (await _taken(other, group, CALLER))["employee"]["id"] == other.employee_id, "two calls against one"


@pytest.mark.feature("P-11")
async def test_round_robin_goes_by_turns_not_by_idle_time(site: Installation) -> None:
    one, two = await site.agent(0), await site.agent(1)
    async with line(site, one, two, strategy="round_robin", ring_seconds=3) as group:
        await one.ready()
        await two.ready()
        await group.members(one, two)
        assert (await _taken(one, group, CALLER))["employee"]["id"] == one.employee_id
        for agent, next_one in ((two, one), (one, two)):
            # Whose turn it is has been idle for the shorter time.
            await agent.away()
            await agent.ready()
            await group.members(agent, next_one)
            assert (await _taken(agent, group, SECOND))["employee"]["id"] == agent.employee_id
        # Who does not answer is passed over by the same call.
        await group.members(two, one)
        await site.carrier.set_phone(two.phone, answer_after=None)
        pops = len(two.live.events("pop"))
        await group.call_in(THIRD, seconds=1)
        await two.next_pop(pops)
        row = await group.row(THIRD, disposition="ANSWERED")
        assert row["employee"]["id"] == one.employee_id


@pytest.mark.feature("P-11")
async def test_skill_comes_before_idle_time_and_a_further_level_is_let_in_with_time(site: Installation) -> None:
    expert, helper = await site.agent(0), await site.agent(1)
    async with line(site, expert, helper, ring_seconds=3, widen_seconds=8) as group:
        await group.change(levels={str(expert.employee_id): 1, str(helper.employee_id): 2})
        await helper.ready()
        await expert.ready()
        await group.members(helper, expert)
        # The helper has been idle for longer, and the expert has the call.
        assert (await _taken(expert, group, SECOND))["employee"]["id"] == expert.employee_id
        # The expert does not answer: is rung again and again, and only then is the next level asked.
        await site.carrier.set_phone(expert.phone, answer_after=None)
        pops = len(expert.live.events("pop"))
        call = await group.call_in(CALLER, seconds=2)
        waiting = await group.waiting(CALLER)
        await _rung(group, waiting["id"], expert)
        assert helper.employee_id not in ringing(group.board, waiting["id"]), "level 2 is not asked at first"
        row = await group.row(CALLER, disposition="ANSWERED")
        assert row["employee"]["id"] == helper.employee_id
        assert len(expert.live.events("pop")) >= pops + 2, "and not yet when the expert had been rung once"
        await site.carrier.quiet()
        assert hears(call.heard, helper.tone)


@pytest.mark.feature("P-11")
async def test_callers_of_a_number_with_priority_are_served_first(site: Installation) -> None:
    agent = await site.agent(0)
    async with line(site, agent) as group:
        important = await group.admin.post(
            "/api/numbers", {"number": "02160019901", "group_id": group.id, "priority": 5}
        )
        try:
            first = await group.call_in(CALLER, seconds=30)
            await group.waiting(CALLER)
            await site.carrier.call_in("02160019901", SECOND, seconds=1)
            assert (await group.waiting(SECOND))["queue"]["position"] == 1
            await group.board.wait(lambda _: _position(group.board, CALLER) == 2, why="the other to move back")
            await agent.ready()
            row = await group.row(SECOND, disposition="ANSWERED")
            assert row["employee"]["id"] == agent.employee_id
            await site.carrier.hangup(first.channel_id)
        finally:
            await group.admin.request("DELETE", f"/api/numbers/{important['id']}")


def _phones_live(live: Live) -> bool:
    return bool(live.entities["system"]["phones"]["phones"] == "live")


def _gone(call_id: str) -> Callable[[Live], bool]:
    return lambda live: call_id not in live.entities["call"]


def _position(live: Live, caller: str) -> int | None:
    calls = live.entities["call"].values()
    found = next((one for one in calls if one["number"] == f"+86{caller}"), None)
    return found["queue"]["position"] if found and found["queue"] else None


@pytest.mark.feature("P-12")
async def test_a_waiting_caller_is_greeted_and_shown_with_place_and_honest_wait(
    site: Installation, tmp_path: Path
) -> None:
    agent = await site.agent(0)
    admin = await site.client("admin")
    await upload_tone(admin, "greeting", 1250, tmp_path)
    try:
        async with line(site, agent, greeting="music", announce_seconds=10) as group:
            assert (await group.until_entity(waiting=0))["expected_seconds"] is None
            first = await group.call_in(CALLER, seconds=5)
            shown = await group.waiting(CALLER)
            assert shown["queue"]["position"] == 1 and shown["queue"]["expected_seconds"] is None
            assert shown["state"] == "queued"
            entity = await group.until_entity(waiting=1)
            assert entity["oldest_since"] == shown["queue"]["waited_since"]
            await site.carrier.hangup(first.channel_id)
            row = await group.row(CALLER, end_reason="abandoned")
            assert row["talk_seconds"] == 0 and row["disposition"] == "NO ANSWER"
            await site.carrier.quiet()
            assert hears(first.heard, 1250), "the company's own greeting"
            await group.until_entity(waiting=0)
            await agent.ready()
            for caller in (CALLER, SECOND, THIRD):
                row = await _taken(agent, group, caller, 6)
                assert row["talk_seconds"] < 6, "talk begins with the agent, not with the music"
            await agent.away()
            waiter = await group.call_in(CALLER, seconds=5)
            expected = (await group.waiting(CALLER))["queue"]["expected_seconds"]
            assert isinstance(expected, int) and expected < 10
            await site.carrier.hangup(waiter.channel_id)
    finally:
        await admin.request("DELETE", "/api/prompts/greeting")


@pytest.mark.feature("P-12")
async def test_waiting_callers_are_told_their_place_in_chinese(site: Installation) -> None:
    agent = await site.agent(0)
    async with line(site, agent, greeting="music", announce_seconds=5) as group:
        first = await group.call_in(CALLER, seconds=14)
        await group.waiting(CALLER)
        second = await group.call_in(SECOND, seconds=14)
        assert (await group.waiting(SECOND))["queue"]["position"] == 2
        await group.row(CALLER, end_reason="abandoned")
        await group.row(SECOND, end_reason="abandoned")
        await site.carrier.quiet()
        assert says(first.heard, WORDS / "queue-youarenext.wav")
        assert all(says(second.heard, WORDS / f"{one}.wav") for one in ("queue-thereare", "digits/2"))
        assert not says(second.heard, WORDS / "digits/3.wav"), "the ears tell words apart"


@pytest.mark.feature("P-12")
async def test_a_full_line_and_a_long_wait_overflow(site: Installation) -> None:
    agent = await site.agent(0)
    async with line(site, agent) as second, line(site, max_length=1, max_wait_seconds=3) as group:
        waiting = await group.call_in(CALLER, seconds=5)
        await group.waiting(CALLER)
        await group.call_in(SECOND, seconds=5)
        assert (await group.row(SECOND, end_reason="queue_full"))["disposition"] == "NO ANSWER"
        assert (await group.row(CALLER, end_reason="queue_timeout"))["disposition"] == "NO ANSWER"
        assert not waiting.heard.exists(), "nobody answered, nobody pays"
        # To the next group, where somebody is free.
        await group.change(overflow="group", overflow_group_id=second.id)
        await agent.ready()
        call = await group.call_in(THIRD, seconds=2)
        row = await group.row(THIRD, disposition="ANSWERED")
        assert row["employee"]["id"] == agent.employee_id
        await site.carrier.quiet()
        assert hears(call.heard, agent.tone)
        await group.change(overflow="hang_up")


@pytest.mark.feature("P-12")
async def test_callers_overflow_to_an_employees_own_phone_at_no_charge(site: Installation) -> None:
    agent = await site.agent(0)
    async with line(site, agent, max_wait_seconds=1) as group:
        await group.admin.request("PATCH", f"/api/employees/{agent.employee_id}", {"phone": "13800000003"})
        await site.reconnect(agent)  # who is changed by an administrator has to connect anew
        await group.change(overflow="number", overflow_number="13800000003")
        before = await agent.client.get("/api/me/minutes")
        call = await group.call_in(CALLER, seconds=4)
        row = await group.row(CALLER, disposition="ANSWERED")
        await site.settled(group.admin, row["id"])
        await site.carrier.quiet()
        assert hears(call.heard, 800) and hears(site.carrier.heard("13800000003")[-1], 650)
        assert row["minutes_charged"] == 0 and row["employee"]["id"] == agent.employee_id
        assert (await agent.client.get("/api/me/minutes"))["minutes_left"] == before["minutes_left"]


@pytest.mark.feature("P-17")
async def test_the_last_agent_is_rung_first_and_the_queue_takes_over(site: Installation) -> None:
    own, idle = await site.agent(0), await site.agent(1)
    async with line(site, own, idle, sticky="last_agent", sticky_seconds=3) as group:
        await own.ready()
        assert (await _taken(own, group, CALLER))["employee"]["id"] == own.employee_id
        await own.away()
        await idle.ready()
        await own.ready()  # idle for a shorter time than the other
        assert (await _taken(own, group, CALLER))["employee"]["id"] == own.employee_id
        # Not free: the queue gives the caller to whoever is.
        await own.away()
        assert (await _taken(idle, group, CALLER))["employee"]["id"] == idle.employee_id
        # Free, but does not pick up: the same.
        await site.carrier.set_phone(idle.phone, answer_after=None)
        await own.ready()
        pops = len(idle.live.events("pop"))
        call = await group.call_in(CALLER, seconds=2)
        await idle.next_pop(pops)
        row = await group.row(CALLER, disposition="ANSWERED")
        assert row["employee"]["id"] == own.employee_id
        await site.carrier.quiet()
        assert hears(call.heard, own.tone)
        # The owner of a customer, past the other one who has been idle for longer.
        await group.change(sticky="owner")
        await group.members(idle, own)
        pops = len(idle.live.events("pop"))
        assert (await _taken(own, group, "13800000002"))["employee"]["id"] == own.employee_id
        assert len(idle.live.events("pop")) == pops, "the queue was not asked"


@pytest.mark.feature("P-17")
async def test_without_an_engine_the_queue_answers_after_half_a_second(site: Installation) -> None:
    agent = await site.agent(0)
    async with line(site, agent, sticky="owner") as group:
        await agent.ready()
        await group.members(agent)
        await site.switch.cut()
        try:
            call = await group.call_in(CALLER, seconds=2)

            async def answered() -> bool:
                return call.heard.exists()

            await until(answered, "the queue to give the caller to the agent", 30)
            await site.carrier.quiet(30)
            assert hears(call.heard, agent.tone)
        finally:
            await site.switch.join()
            await group.board.wait(_phones_live, 40, "the link to be back")
        row = await group.row(CALLER, disposition="ANSWERED")
        assert row["employee"]["id"] == agent.employee_id


@pytest.mark.feature("P-18")
async def test_a_missed_caller_is_listed_once_until_somebody_calls(site: Installation) -> None:
    agent = await site.agent(0)
    caller = "13800000001"
    async with line(site, agent, max_wait_seconds=1) as group:
        for _ in range(2):
            await group.call_in(caller)
            missed = await group.waiting(caller)
            await group.board.wait(_gone(missed["id"]), why="the call to end")
        await group.row(caller, end_reason="queue_timeout")
        await group.until_entity(missed=1)
        page = await agent.client.get(f"/api/missed-calls?group_id={group.id}")
        assert [(one["number"], one["times"]) for one in page["items"]] == [(f"+86{caller}", 2)]
        stranger = await site.agent(2)
        seen = await stranger.client.get(f"/api/missed-calls?group_id={group.id}")
        assert seen["total"] == 0, "only the group's own people see it"
        call_id = await agent.client.dial(caller)
        await agent.wait_state(call_id, "talking")
        await agent.client.post(f"/api/calls/{call_id}/hangup")
        await agent.wait_ended(call_id)
        await group.until_entity(missed=0)

        async def returned() -> Any:
            found = await agent.client.get(f"/api/missed-calls?state=returned&group_id={group.id}")
            return found["items"]

        (one,) = await until(returned, "the missed call to be returned")
        assert one["returned_by"]["id"] == agent.employee_id and one["reached"]
