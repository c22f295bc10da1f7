"""Business hours: closed callers are turned away or leave a message, with and without an engine."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from callcenter.pbx.tones import hears
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company
from tests.live.installation import Installation
from tests.live.lines import Line, line, upload_tone

pytestmark = pytest.mark.live

CALLER = "13900000201"
ALWAYS = {str(day): [{"start": "00:00", "end": "24:00"}] for day in range(1, 8)}


@pytest.fixture
async def closed(site: Installation) -> AsyncIterator[tuple[Line, dict[str, Any]]]:
    """A group whose number is closed today, by a holiday in hours that are open around the clock."""
    agent = await site.agent(0)
    async with line(site, agent) as group:
        hours = await group.admin.post("/api/hours", {"name": "全天", "weekly": ALWAYS, "holidays": await _today(site)})
        assert not hours["open_now"]
        await group.admin.request("PATCH", f"/api/numbers/{group.number_id}", {"hours_id": hours["id"]})
        yield group, hours
        await group.admin.request("PATCH", f"/api/numbers/{group.number_id}", {"hours_id": None})
        await group.admin.request("DELETE", f"/api/hours/{hours['id']}")


async def _today(site: Installation) -> list[dict[str, Any]]:
    """Yesterday, today and tomorrow: whatever the time zone and the hour, it is a holiday now."""
    async with site.database.read() as connection:
        query = select(company.c.time_zone).where(company.c.id == site.company_id)
        zone = ZoneInfo(str((await connection.execute(query)).scalar_one()))
    local = utcnow().astimezone(zone).date()
    return [{"date": str(local + timedelta(days=one)), "name": "假日", "intervals": []} for one in (-1, 0, 1)]


@pytest.mark.feature("P-15")
async def test_a_holiday_closes_the_number_and_an_end_of_it_opens_it(
    site: Installation, closed: tuple[Line, dict[str, Any]], tmp_path: Path
) -> None:
    group, hours = closed
    agent = await site.agent(0)
    await agent.ready()
    refused = await group.call_in(CALLER)
    row = await group.row(CALLER, end_reason="closed")
    assert (row["disposition"], row["employee"]) == ("NO ANSWER", None)
    assert not refused.heard.exists(), "without an announcement nobody answers"
    # With an announcement the caller hears why.
    await upload_tone(group.admin, "closed", 1150, tmp_path)
    try:
        told = await group.call_in(CALLER)
        second = await group.row(CALLER, end_reason="closed")
        await site.carrier.quiet()
        assert hears(told.heard, 1150)
        assert second["talk_seconds"] == 0
    finally:
        await group.admin.request("DELETE", "/api/prompts/closed")
    await group.admin.request("PATCH", f"/api/hours/{hours['id']}", {"holidays": []})
    call = await group.call_in(CALLER, seconds=2)
    await group.row(CALLER, disposition="ANSWERED")
    await site.carrier.quiet()
    assert hears(call.heard, agent.tone)


@pytest.mark.feature("P-15", "P-16")
async def test_hours_hold_and_messages_are_kept_while_no_engine_runs(
    site: Installation, closed: tuple[Line, dict[str, Any]], tmp_path: Path
) -> None:
    group, _ = closed
    await upload_tone(group.admin, "voicemail", 1050, tmp_path, seconds=1.2)
    await site.stop_engine(signal.SIGKILL)
    turned_away = await group.call_in("13900000202")
    await site.carrier.quiet()
    await site.start_engine()
    group.board = await group.admin.live()
    row = await group.row("13900000202", end_reason="closed")
    assert row["flag"] == "cel_only" and not turned_away.heard.exists()
    # The same with a message.
    await group.admin.request("PATCH", f"/api/numbers/{group.number_id}", {"closed_action": "voicemail"})
    await site.stop_engine(signal.SIGKILL)
    left = await group.call_in(CALLER, seconds=6)
    await site.carrier.quiet(20)
    assert hears(left.heard, 1050), "the company's announcement before the beep"
    await site.start_engine()
    group.board = await group.admin.live()
    row = await group.row(CALLER, end_reason="voicemail")
    assert row["flag"] == "cel_only" and row["talk_seconds"] == 0 and row["minutes_charged"] == 0
    page = await group.admin.get(f"/api/voicemails?group_id={group.id}")
    assert [one["number"] for one in page["items"]] == [f"+86{CALLER}"]
    await group.admin.request("DELETE", "/api/prompts/voicemail")
