"""Minutes that an engine held and never came back for are given back, once, and never while a call is alive."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlalchemy import func, insert, select, update

from callcenter.domain.calls import Call
from callcenter.domain.terms import Direction, Mode
from callcenter.engine import Core
from callcenter.engine.leftovers import UNCHARGED_SECONDS, UNKNOWN_SECONDS, Leftovers
from callcenter.engine.metering import Metering
from callcenter.engine.restoring import restore
from callcenter.engine.snapshot import Reconciler
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger import book
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settlement
from callcenter.store.database import Database
from callcenter.store.tables.books import posting, reservation
from callcenter.store.tables.calls import call
from tests.engine.test_core import Board, Nobody
from tests.ledger.test_settlement import Records

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
MINUTES = 100


class Floor:
    """An engine that has just started, with what an earlier one left behind; its clock is moved by hand."""

    def __init__(self, database: Database, folder: Path, company_id: int, agent_id: int) -> None:
        self.database, self.company_id, self.agent_id = database, company_id, agent_id
        self.seconds = 0.0
        self.packages = Packages(database)
        self.records = Records(folder / "master.db")
        self.package_id = 0
        self.core = Core(
            database=database,
            packages=self.packages,
            settlement=Settlement(database),
            crm=Nobody(),
            push=Board(),
            clock=lambda: NOW + timedelta(seconds=self.seconds),
        )
        self.metering = Metering(self.core, CelFile(folder / "master.db", "pbx"), reserve_minutes=5)
        self.reconciler = Reconciler(self.core, self.metering, Mock())
        self.restarted()

    def restarted(self) -> None:
        self.leftovers = Leftovers(self.core, self.metering, self.reconciler, clock=lambda: self.seconds)

    async def look(self, seconds: float) -> None:
        self.seconds += seconds
        await self.leftovers.look()

    async def hold(self, holder: str, minutes: int = 5) -> None:
        await self.packages.reserve(
            company_id=self.company_id,
            employee_id=self.agent_id,
            mode=Mode.DIRECT,
            call_id=holder,
            minutes=minutes,
            now=self.core.now(),
        )

    async def written(self, call_id: str, ended: bool = False) -> None:
        """The call's row, as the engine writes it when the dial begins."""
        values = {"id": call_id, "company_id": self.company_id, "direction": "outbound", "mode": "direct"}
        ends = {"ended_at": NOW + timedelta(seconds=20)} if ended else {}
        async with self.database.write() as connection:
            await connection.execute(
                insert(call).values(
                    **values,
                    **ends,
                    source="manual",
                    employee_id=self.agent_id,
                    number="+8613800000001",
                    state="ended" if ended else "dialing_agent",
                    started_at=NOW,
                )
            )

    def runs(self, call_id: str) -> None:
        self.core.registry.calls[call_id] = Call(
            call_id, self.company_id, Direction.OUTBOUND, "+8613800000001", NOW, employee_id=self.agent_id
        )

    async def left(self) -> book.Balances:
        async with self.database.read() as connection:
            return await book.balances(connection, self.company_id, self.package_id)

    async def postings(self) -> int:
        query = select(func.count()).select_from(posting).where(posting.c.company_id == self.company_id)
        async with self.database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def still_open(self) -> list[str]:
        query = select(reservation.c.call_id).where(reservation.c.company_id == self.company_id, reservation.c.open)
        async with self.database.read() as connection:
            return sorted((await connection.execute(query)).scalars())


@pytest.fixture
async def floor(database: Database, tmp_path: Path) -> Floor:
    company_id = await make_company(database, "甲")
    agent = await make_employee(database, company_id, login="a", name="甲", role_code="agent", password="12345678")
    made = Floor(database, tmp_path, company_id, agent.employee_id)
    made.package_id = await made.packages.grant(
        company_id=company_id,
        employee_id=agent.employee_id,
        name="畅享包",
        mode=Mode.DIRECT,
        minutes=MINUTES,
        days=30,
        now=NOW,
    )
    await restore(made.core)
    return made


@pytest.mark.feature("P-53")
async def test_minutes_of_a_call_that_was_never_written_down_come_back_once(floor: Floor) -> None:
    """The engine was killed between holding the minutes and writing the call."""
    await floor.hold("lost")
    await floor.look(0)
    await floor.look(UNKNOWN_SECONDS - 1)
    assert await floor.left() == book.Balances(MINUTES - 5, 5, 0), "it may only be slow"
    await floor.look(1)
    assert await floor.left() == book.Balances(MINUTES, 0, 0)
    posted = await floor.postings()
    for _ in range(3):
        await floor.look(UNKNOWN_SECONDS)
    # Nor does the next engine give anything back a second time.
    floor.restarted()
    await floor.look(0)
    await floor.look(10 * UNKNOWN_SECONDS)
    assert await floor.postings() == posted and await floor.left() == book.Balances(MINUTES, 0, 0)


async def test_minutes_of_a_live_call_and_of_its_third_party_are_its_own(floor: Floor) -> None:
    floor.runs("alive")
    for holder in ("alive", "alive.third", "stray.third"):
        await floor.hold(holder)
    for _ in range(4):
        await floor.look(10 * UNKNOWN_SECONDS)
    assert await floor.still_open() == ["alive", "alive.third"]
    assert await floor.left() == book.Balances(MINUTES - 10, 10, 0)


async def test_what_was_known_for_a_while_is_given_time_anew(floor: Floor) -> None:
    await floor.hold("slow")
    await floor.look(0)
    floor.runs("slow")
    await floor.look(UNKNOWN_SECONDS)
    del floor.core.registry.calls["slow"]
    await floor.look(1)
    await floor.look(UNKNOWN_SECONDS - 1)
    assert await floor.still_open() == ["slow"]
    await floor.look(1)
    assert await floor.still_open() == []


async def test_a_call_that_is_written_down_is_left_to_its_records(floor: Floor) -> None:
    """It talks on in Asterisk while a new engine finds its feet: what it talks is charged, the rest comes back."""
    await floor.hold("talks")
    await floor.written("talks")
    for _ in range(3):
        await floor.look(10 * UNKNOWN_SECONDS)
    assert await floor.left() == book.Balances(MINUTES - 5, 5, 0)
    floor.records.outbound("talks", NOW, 61)
    await floor.metering.settle()
    assert await floor.left() == book.Balances(MINUTES - 2, 0, 2)
    posted = await floor.postings()
    for _ in range(3):
        await floor.look(10 * UNKNOWN_SECONDS)
    assert await floor.postings() == posted


async def test_an_ended_call_without_any_record_is_closed_once(floor: Floor) -> None:
    await floor.hold("silent")
    await floor.written("silent", ended=True)
    await floor.look(0)
    await floor.look(UNCHARGED_SECONDS - 1)
    assert await floor.still_open() == ["silent"], "the record may be on its way"
    await floor.look(1)
    assert await floor.left() == book.Balances(MINUTES, 0, 0), "nobody saw it talk"
    posted = await floor.postings()
    for _ in range(3):
        await floor.look(10 * UNKNOWN_SECONDS)
    assert await floor.postings() == posted


async def test_one_that_still_runs_here_is_not_closed_by_its_row(floor: Floor) -> None:
    await floor.hold("ends")
    await floor.written("ends", ended=True)
    floor.runs("ends")
    for _ in range(3):
        await floor.look(10 * UNKNOWN_SECONDS)
    assert await floor.still_open() == ["ends"]
    mine = (call.c.company_id == floor.company_id, call.c.id == "ends")
    async with floor.database.write() as connection:
        await connection.execute(update(call).where(*mine).values(billing="settled"))
    await floor.look(10 * UNKNOWN_SECONDS)
    assert await floor.still_open() == ["ends"], "it is in the registry"
