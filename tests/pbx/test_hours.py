"""Asterisk and the domain agree about business hours, at every hour of the day and on holidays."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from callcenter.domain import hours as rules
from callcenter.pbx.stack import TelephonyStack
from tests.pbx.support import Ami

pytestmark = pytest.mark.live

ZONES = [f"Etc/GMT{shift:+d}" for shift in range(-14, 13)]
"""One moment is every hour of the day somewhere, on two or three dates."""
ASKING = (
    "1,Gosub(business-hours,s,1(${EXTEN}))",
    "2,Set(DB(hours-said/${EXTEN})=${OPEN})",
    "3,Hangup()",
)


@pytest.mark.feature("P-15")
async def test_the_dialplan_and_the_domain_agree_at_every_hour(stack: TelephonyStack, ami: Ami) -> None:
    for step in ASKING:
        await stack.pbx.cli(f"dialplan add extension _90XX,{step} into ask-hours replace")
    now = datetime.now(UTC)
    days = sorted({now.astimezone(ZoneInfo(zone)).date() for zone in ZONES})
    spans = [
        [{"start": "00:00", "end": "07:30"}, {"start": "08:00", "end": "24:00"}],
        [{"start": "06:00", "end": "12:00"}, {"start": "13:00", "end": "17:45"}],
        [],
    ]
    weekly = {str(day.isoweekday()): span for day, span in zip(days, spans, strict=False)}
    worked = rules.parse(weekly, [{"date": str(days[-1]), "intervals": [{"start": "05:00", "end": "20:00"}]}])
    expected: dict[str, str] = {}
    for index, zone in enumerate(ZONES):
        key = f"90{index:02d}"
        values = rules.written(worked) | {"tz": zone}
        for name, value in values.items():
            await ami.send({"Action": "DBPut", "Family": "hours", "Key": f"{key}-{name}", "Val": value})
        await stack.pbx.cli(f"channel originate Local/{key}@ask-hours application Wait 0.1")
        # Whatever the clock says a moment later, it was asked in this minute or at its edge.
        expected[key] = "yes" if worked.open_at(datetime.now(ZoneInfo(zone))) else "no"
    printed = await stack.pbx.cli("database show hours-said")
    said = dict(re.findall(r"/hours-said/(\d+)\s*: (\w+)", printed))
    assert said == expected
    assert set(said.values()) == {"yes", "no"}, "some zones are open and some are not"


async def test_hours_that_are_not_there_close_nothing(stack: TelephonyStack) -> None:
    for step in ASKING:
        await stack.pbx.cli(f"dialplan add extension _90XX,{step} into ask-hours replace")
    await stack.pbx.cli("channel originate Local/9099@ask-hours application Wait 0.1")
    assert "yes" in await stack.pbx.cli("database get hours-said 9099")
