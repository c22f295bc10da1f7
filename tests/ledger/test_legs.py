"""A leg as Asterisk's records tell it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from callcenter.ledger.cel import CelRow
from callcenter.ledger.legs import CelLeg, absorb

NOW = datetime(2026, 1, 5, 3, 0, tzinfo=UTC)


def leg_of(*rows: tuple[str, str, str, str]) -> CelLeg:
    """The one leg of rows (event, context, extension, caller)."""
    legs: dict[str, CelLeg] = {}
    for number, (event, context, exten, caller) in enumerate(rows):
        absorb(
            legs, CelRow(number, event, NOW, caller, context, exten, "PJSIP/trunk-1-1", "u.customer", "u", "u", 16), "n"
        )
    return legs["u"]


@pytest.mark.parametrize("came", ["shtrunk7", "contact", "862160000001", "+8602160000001"])
def test_a_call_that_nobody_watched_is_for_the_number_that_the_dialplan_understood(came: str) -> None:
    leg = leg_of(
        ("CHAN_START", "from-trunk", came, "Restricted"), ("HANGUP", "queue-timeout", "02160000001", "anonymous")
    )
    assert (leg.exten, leg.caller_number, leg.last_context) == ("02160000001", "anonymous", "queue-timeout")


@pytest.mark.parametrize("last", ["s", "ring", "agent-12", "1"])
def test_where_a_moved_leg_ended_is_no_number_that_was_called(last: str) -> None:
    leg = leg_of(("CHAN_START", "from-trunk", "02160000001", "139"), ("HANGUP", "leg-talking", last, "139"))
    assert leg.exten == "02160000001"


def test_a_leg_that_we_dialled_keeps_what_tells_it_from_a_caller() -> None:
    leg = leg_of(("CHAN_START", "from-trunk", "s", "021"), ("HANGUP", "from-trunk", "", "13800000001"))
    assert leg.exten == "s"
