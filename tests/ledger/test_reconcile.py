"""Asterisk's records and the books agree, and where they do not it is shown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callcenter.domain.reconciling import Charged, Recorded, compare
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.reconcile import Reconciliation, as_table, report
from callcenter.store.database import Database
from tests.ledger.test_settlement import NOW, Books

ZONE = "Asia/Shanghai"
AT = datetime(2026, 1, 5, tzinfo=UTC)


@pytest.fixture
async def books(database: Database, tmp_path: Path) -> Books:
    return Books(database, tmp_path)


async def _three_calls(books: Books) -> Reconciliation:
    await books.open()
    for index, talk in enumerate((12, 61, 240)):
        await books.start(f"call{index}")
        books.records.outbound(f"call{index}", NOW + timedelta(minutes=10 * index), talk)
        await books.settle()
    return Reconciliation(books.database, books.cel)


@pytest.mark.feature("P-54")
async def test_a_day_agrees_to_the_minute(books: Books) -> None:
    both = await _three_calls(books)
    day = NOW.astimezone().date()
    (found,) = await both.days(books.company_id, ZONE, day - timedelta(days=3), day)
    assert (found.legs, found.recorded_minutes, found.charged_minutes, found.drift, found.flagged) == (3, 7, 7, 0, 0)
    (line,) = await report(books.database, books.cel, 5, NOW + timedelta(hours=1))
    assert (line.company, line.drift) == ("甲", 0)
    assert "甲" in as_table([line])


async def test_a_charge_that_nobody_recorded_is_found(books: Books) -> None:
    both = await _three_calls(books)
    async with books.database.write() as connection:
        await book.post(
            connection,
            company_id=books.company_id,
            txn="settle:ghost",
            entry=Entry.SETTLE,
            lines={book.lot(1, Kind.AVAILABLE): -3, book.used(1, books.employee_id): 3},
            at=NOW + timedelta(minutes=5),
            call_id="call0",
            leg_id="ghost",
            seconds=130,
        )
    legs = await both.legs(books.company_id, ZONE, NOW.astimezone().date())
    (wrong,) = [one for one in legs if one.why]
    assert (wrong.leg_id, wrong.recorded_minutes, wrong.charged_minutes, wrong.why) == ("ghost", 0, 3, "not_recorded")


async def test_a_leg_that_was_not_charged_is_found(books: Books) -> None:
    both = await _three_calls(books)
    await books.start("call9")
    books.records.outbound("call9", NOW + timedelta(hours=1), 100)  # never taken in
    legs = await both.legs(books.company_id, ZONE, NOW.astimezone().date())
    assert [(one.call_id, one.drift, one.why) for one in legs if one.why] == [("call9", -2, "not_charged")]


def test_what_cannot_be_compared_is_said() -> None:
    lost = Recorded("a", "call", AT, None)
    unpaid = Recorded("b", "inbound", AT, AT + timedelta(seconds=5))
    other = Recorded("c", "call", AT, AT + timedelta(seconds=61))
    charged = {
        "a": Charged("a", "call", 4, 60, "ami_only"),
        "c": Charged("c", "call", 1, 60, "overrun"),
    }
    found = compare([lost, unpaid, other], charged, {"call": 60})
    assert [(one.leg_id, one.drift, one.why) for one in found] == [("a", 0, "end_unknown"), ("c", -1, "overrun")]
