"""Records that Asterisk lost: the legs are charged by what AMI told of them, and somebody stepping the clock is too."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

from callcenter.domain.clock import Step
from callcenter.ledger import clock_steps, witness
from callcenter.ledger.clock_steps import Seen
from callcenter.ledger.reconcile import Reconciliation
from callcenter.store.database import Database
from callcenter.store.tables.calls import call, leg
from tests.ledger.test_settlement import NOW, Books

ANSWERED = NOW + timedelta(seconds=3)


@pytest.fixture
async def books(database: Database, tmp_path: Path) -> Books:
    made = Books(database, tmp_path)
    await made.open(100)
    return made


async def seen_by_ami(books: Books, call_id: str, talk: float) -> None:
    """What the engine wrote of a call that talked so long and is over."""
    ended = ANSWERED + timedelta(seconds=talk)
    customer = {"id": f"{call_id}-b", "role": "customer", "channel": "PJSIP/trunk-1-00000001", "number": "1"}
    agent = {"id": call_id, "role": "agent", "channel": "PJSIP/agent-1-00000001", "number": ""}
    async with books.database.write() as connection:
        for one, employee in ((customer, None), (agent, books.employee_id)):
            times = {"started_at": NOW, "answered_at": ANSWERED, "ended_at": ended}
            named = {"company_id": books.company_id, "call_id": call_id, "state": "null", "employee_id": employee}
            await connection.execute(insert(leg).values(**one, **times, **named))
        mine = (call.c.company_id == books.company_id, call.c.id == call_id)
        await connection.execute(update(call).where(*mine).values(answered_at=ANSWERED, ended_at=ended))


async def row(books: Books, call_id: str) -> tuple[str, int, int, str]:
    query = select(call.c.flag, call.c.minutes_charged, call.c.talk_seconds, call.c.recording_state)
    async with books.database.read() as connection:
        found = await connection.execute(query.where(call.c.company_id == books.company_id, call.c.id == call_id))
        flag, minutes, seconds, recording = found.one()
        return flag, minutes, seconds, recording


async def settle(books: Books) -> None:
    rows = await books.cel.after(await books.settlement.watermark("pbx"))
    await books.settlement.advance("pbx", await witness.complete(books.database, rows), NOW)


async def test_an_answer_that_asterisk_lost_is_charged_by_what_ami_saw(books: Books) -> None:
    await books.start("c1")
    books.records.outbound("c1", NOW, 70)
    books.records._db.execute("DELETE FROM cel WHERE eventtype IN ('ANSWER', 'BRIDGE_ENTER')")
    await seen_by_ami(books, "c1", 70)
    await settle(books)
    assert await row(books, "c1") == ("ami_only", 2, 70, "pending")


async def test_records_that_come_after_the_call_was_closed_have_a_recording_to_look_for(books: Books) -> None:
    """Nobody had seen the two talk when it was closed: what was recorded is looked for once it is known."""
    await books.start("c1")
    await books.settlement.close_unrecorded("c1", books.company_id, NOW, NOW)
    assert (await row(books, "c1"))[3] == "none"
    books.records.outbound("c1", NOW, 70)
    await settle(books)
    assert (await row(books, "c1"))[1:] == (2, 70, "pending")


async def test_a_talk_that_only_the_engine_saw_has_a_recording_to_look_for(books: Books) -> None:
    """Asterisk died between the answer and the bridge that it was about to record."""
    await books.start("c1")
    books.records.outbound("c1", NOW, 70)
    books.records._db.execute("DELETE FROM cel WHERE eventtype = 'BRIDGE_ENTER'")
    async with books.database.write() as connection:
        mine = (call.c.company_id == books.company_id, call.c.id == "c1")
        await connection.execute(update(call).where(*mine).values(answered_at=ANSWERED))
    await settle(books)
    assert (await row(books, "c1"))[3] == "pending"


async def test_nothing_is_added_to_what_asterisk_has_recorded(books: Books) -> None:
    await books.start("c1")
    books.records.outbound("c1", NOW, 50)
    await seen_by_ami(books, "c1", 70)
    await settle(books)
    assert await row(books, "c1") == ("", 1, 50, "pending")
    await books.start("c2", now=NOW)
    books.records.outbound("c2", NOW, 0)
    await settle(books)
    assert await row(books, "c2") == ("", 0, 0, "none")


async def test_a_call_of_which_asterisk_lost_everything_is_charged_once(books: Books) -> None:
    package = await books.grant(50)
    await books.start("c1")
    await seen_by_ami(books, "c1", 130)
    for _ in range(2):
        async with books.database.write() as connection:
            await witness.fill_in(connection, "pbx", books.company_id, "c1")
        ended = ANSWERED + timedelta(seconds=130)
        await books.settlement.close_unrecorded("c1", books.company_id, ended, NOW)
    assert await row(books, "c1") == ("ami_only", 3, 130, "pending")
    # Its records come late after all.
    books.records.outbound("c1", NOW, 500)
    await settle(books)
    assert (await row(books, "c1"))[1] == 3
    assert (await books.left(package)).reserved == 0


@pytest.mark.parametrize("hour", [3600, -3600])
async def test_ten_seconds_over_a_step_of_an_hour_cost_one_minute(books: Books, hour: int) -> None:
    """In the charge, in the log and in the reconciliation with Asterisk's own records."""
    await books.start("c1")
    books.records.outbound("c1", NOW, 10 + hour)
    before = ANSWERED + timedelta(seconds=4)
    step = Step(before, before + timedelta(seconds=1 + hour), float(hour))
    async with books.database.write() as connection:
        await clock_steps.note(connection, step, Seen("pbx", "boot", float(hour), step.at_after))
    await settle(books)
    assert (await row(books, "c1"))[:3] == ("", 1, 10)
    legs = await Reconciliation(books.database, books.cel).legs(books.company_id, "UTC", NOW.date())
    assert [(one.recorded_minutes, one.charged_minutes, one.why) for one in legs] == [(1, 1, "")]
