"""The engine's own promises: facts wait for the database, pushes wait for the commit, misfits make it look again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

import pytest
from sqlalchemy import select

from callcenter.demo.company import make_group
from callcenter.domain import events as ev
from callcenter.domain.calls import Call
from callcenter.domain.commands import ChooseDevice
from callcenter.domain.terms import Device
from callcenter.engine import Core
from callcenter.engine.commands import Commands
from callcenter.engine.directory import Directory, read_directory
from callcenter.engine.ports import Caller
from callcenter.engine.restoring import restore
from callcenter.features.people.accounts import make_company, make_employee
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settlement
from callcenter.store.database import Database
from callcenter.store.tables.calls import call, journal
from tests.web.support import QuietPbx

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)


class Board:
    """Keeps what was pushed, and what the call log held at that moment."""

    def __init__(self) -> None:
        self.changed: list[tuple[str, str]] = []
        self.events: list[str] = []

    def publish(
        self,
        company_id: int,
        changed: Sequence[tuple[str, str, Mapping[str, Any]]] = (),
        gone: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.changed += [(kind, key) for kind, key, _ in changed]

    def event(
        self, company_id: int, name: str, data: Mapping[str, Any], employee_id: int | None, *, watched: bool = False
    ) -> None:
        self.events.append(name)


class Nobody:
    """A CRM without customers."""

    async def who_is(self, company_id: int, number: str) -> Caller | None:
        return None

    async def name_of(self, company_id: int, customer_id: int) -> Caller | None:
        return None

    async def owner_of(self, company_id: int, customer_id: int) -> int | None:
        return None

    async def pop(self, call: Call, employee_id: int) -> dict[str, Any]:
        return {"call_id": call.id}

    async def call_ended(self, call: Call) -> None:
        return None


class Desk:
    def __init__(self, pbx: QuietPbx, board: Board, agent_id: int, database: Database) -> None:
        self.now = NOW
        self.pbx, self.board, self.agent_id, self.database = pbx, board, agent_id, database
        self.core = Core(
            database=database,
            packages=Packages(database),
            settlement=Settlement(database),
            crm=Nobody(),
            push=board,
            clock=lambda: self.now,
        )
        self.core.pbx = pbx

    def inbound(self, uid: str, number: str = "13900000001") -> ev.Channel:
        return ev.Channel(
            uid, name=f"PJSIP/trunk-1-{uid}", account=f"{uid}.customer", exten="02160000001", caller_number=number
        )

    def agent(self, uid: str, call_id: str, *, ringing: bool = False, up: bool = False) -> ev.Channel:
        name = f"PJSIP/agent-{self.agent_id}-web-{uid}"
        return ev.Channel(uid, name=name, account=f"{call_id}.agent", ringing=ringing, up=up)

    async def rows(self) -> list[str]:
        async with self.database.read() as connection:
            query = select(call.c.id).execution_options(all_companies=True)
            return list((await connection.execute(query)).scalars())


@pytest.fixture
async def desk(database: Database) -> Desk:
    company_id = await make_company(database, "甲")
    agent = await make_employee(database, company_id, login="a", name="甲", role_code="agent", password="12345678")
    await make_group(database, company_id, "组", [agent.employee_id], ["02160000001"])
    made = Desk(QuietPbx(), Board(), agent.employee_id, database)
    await restore(made.core)
    made.board.changed.clear()
    return made


async def test_nothing_is_pushed_before_it_is_committed(desk: Desk) -> None:
    desk.core.handle(ev.AccountChanged(desk.inbound("c1")))
    assert desk.board.changed == []
    assert await desk.rows() == []
    await desk.core.flush()
    assert await desk.rows() == ["c1"]
    assert ("call", "c1") in desk.board.changed


async def test_facts_wait_for_a_database_that_refuses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk for a moment loses nothing and tells nobody what is not kept."""
    commit, failures = desk.core.writer.commit, 2

    async def refusing(*args: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            assert desk.board.changed == []
            raise OSError("database or disk is full")
        await commit(*args)

    monkeypatch.setattr(desk.core.writer, "commit", refusing)
    monkeypatch.setattr("callcenter.engine.outbox.RETRY_COMMIT_SECONDS", 0.01)
    desk.core.handle(ev.AccountChanged(desk.inbound("c1")))
    flushing = asyncio.create_task(desk.core.flush())
    await asyncio.sleep(0)
    desk.core.handle(ev.AccountChanged(desk.inbound("c2")))
    await flushing
    await desk.core.flush()
    assert sorted(await desk.rows()) == ["c1", "c2"]
    async with desk.database.read() as connection:
        query = select(journal.c.call_id).order_by(journal.c.seq).execution_options(all_companies=True)
        assert list(dict.fromkeys((await connection.execute(query)).scalars())) == ["c1", "c2"]


async def test_the_pop_goes_out_when_the_phone_rings_and_before_the_answer(desk: Desk) -> None:
    desk.core.handle(ev.AccountChanged(desk.inbound("c1")))
    desk.core.handle(ev.AccountChanged(desk.agent("a1", "c1")))
    await desk.core.flush()
    assert desk.board.events == []
    desk.core.handle(ev.ChannelStateChanged(desk.agent("a1", "c1", ringing=True)))
    await desk.core.flush()
    assert desk.board.events == ["pop"]
    desk.core.handle(ev.ChannelStateChanged(desk.agent("a1", "c1", up=True)))
    await desk.core.flush()
    assert desk.board.events == ["pop"]


async def test_an_event_that_does_not_fit_makes_the_link_look_again_but_not_in_a_storm(desk: Desk) -> None:
    desk.core.handle(ev.AccountChanged(desk.inbound("c1")))
    desk.core.handle(ev.AccountChanged(desk.agent("a1", "c1")))
    for _ in range(3):
        desk.core.handle(ev.ChannelEnded(desk.agent("a1", "c1"), 16))
    assert desk.core.unexpected == 2
    assert len(desk.pbx.resyncs) == 1
    desk.now += timedelta(seconds=31)
    desk.core.handle(ev.ChannelEnded(desk.agent("a1", "c1"), 16))
    assert len(desk.pbx.resyncs) == 2


async def test_a_late_event_does_not_bring_an_ended_call_back(desk: Desk) -> None:
    desk.core.handle(ev.AccountChanged(desk.inbound("c1")))
    desk.core.handle(ev.ChannelEnded(desk.inbound("c1"), 16))
    await desk.core.flush()
    desk.core.handle(ev.ChannelStateChanged(desk.inbound("c1")))
    await desk.core.flush()
    assert desk.core.registry.calls == {}


async def test_an_event_that_raises_stops_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(event: ev.AmiEvent) -> None:
        raise RuntimeError("a bug")

    handle = desk.core.handle
    monkeypatch.setattr(desk.core, "handle", broken)
    running = asyncio.create_task(desk.core.run())
    desk.core.deliver(ev.AccountChanged(desk.inbound("c1")))
    await asyncio.sleep(0.05)
    monkeypatch.setattr(desk.core, "handle", handle)
    desk.core.deliver(ev.AccountChanged(desk.inbound("c2")))
    for _ in range(100):
        if await desk.rows():
            break
        await asyncio.sleep(0.02)
    running.cancel()
    assert await desk.rows() == ["c2"]
    assert desk.core.unexpected == 1


async def test_a_page_that_registers_before_the_old_one_is_gone_stays_registered(desk: Desk) -> None:
    agent = desk.core.registry.agents[desk.agent_id]
    endpoint = f"agent-{desk.agent_id}-web"
    old, new = "sip:a@127.0.0.1:1;transport=WS", "sip:b@127.0.0.1:2;transport=WS"
    for uri, reachable in ((old, True), (new, True), (old, False)):
        desk.core.handle(ev.ContactChanged(endpoint, uri, reachable))
    assert agent.has_phone(Device.BROWSER)
    desk.core.handle(ev.ContactChanged(endpoint, new, reachable=False))
    assert not agent.has_phone(Device.BROWSER)


async def test_a_phone_chosen_while_the_directory_is_read_stays_chosen(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator saves something at the moment an agent changes phones."""
    read, going_on = asyncio.Event(), asyncio.Event()

    async def slow(database: Database, region: str) -> Directory:
        found = await read_directory(database, region)
        read.set()
        await going_on.wait()
        return found

    monkeypatch.setattr("callcenter.engine.core.read_directory", slow)
    Commands(desk.core, *(Mock() for _ in range(3)))
    refreshing = asyncio.create_task(desk.core.refresh())
    await read.wait()
    choosing = asyncio.create_task(desk.core.bus.execute(ChooseDevice(1, desk.agent_id, Device.SIP)))
    await asyncio.sleep(0)
    going_on.set()
    await asyncio.gather(refreshing, choosing)
    await desk.core.refresh()
    assert desk.core.registry.agents[desk.agent_id].device is Device.SIP
