"""The database server is restarted, killed or away: nothing that was promised is lost, nothing happens twice."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.store import postgres
from callcenter.store.database import Database
from callcenter.store.errors import DatabaseUnavailable
from callcenter.store.tables.people import login_failure
from tests.postgres.cluster import Cluster
from tests.web.support import Site

NOW = datetime(2026, 1, 5, 2, 0, tzinfo=UTC)
ROW = insert(login_failure).values(key="x", at=NOW)


async def _rows(database: Database) -> int:
    async with database.glance() as connection:
        return int((await connection.execute(select(func.count()).select_from(login_failure))).scalar_one())


async def _note(database: Database) -> None:
    async with database.write() as connection:
        await connection.execute(ROW)


@pytest.mark.parametrize("hard", [False, True], ids=["stopped", "crashed"])
async def test_after_a_restart_everything_goes_on(database: Database, cluster: Cluster, hard: bool) -> None:
    for done in range(1, 4):
        await asyncio.gather(*(_rows(database) for _ in range(12)))  # many connections, all of which will be dead
        await _note(database)
        await asyncio.to_thread(cluster.stop, hard=hard)
        cluster.start()
        assert await _rows(database) == done


async def test_who_writes_meanwhile_waits_for_the_server(database: Database, cluster: Cluster) -> None:
    await _note(database)
    cluster.stop(hard=True)
    waiting = [asyncio.create_task(_note(database)) for _ in range(20)]
    await asyncio.sleep(0.3)
    cluster.start()
    await asyncio.gather(*waiting)
    assert await _rows(database) == 21


async def test_a_block_whose_connection_dies_leaves_nothing_and_says_so(database: Database, cluster: Cluster) -> None:
    with pytest.raises(DatabaseUnavailable):
        async with database.write() as connection:
            await connection.execute(ROW)
            cluster.restart(hard=True)
            await connection.execute(ROW)
    with pytest.raises(DatabaseUnavailable):
        async with database.write() as connection:
            await connection.execute(ROW)
            cluster.restart(hard=True)
    assert await _rows(database) == 0


async def test_what_was_read_counts_although_the_connection_died_behind_it(
    database: Database, cluster: Cluster
) -> None:
    await _note(database)
    async with database.read() as connection:
        found = (await connection.execute(select(func.count()).select_from(login_failure))).scalar_one()
        cluster.restart(hard=True)
    assert found == 1
    with pytest.raises(ZeroDivisionError):  # and what went wrong in the block is not hidden by it
        async with database.write() as connection:
            await connection.execute(ROW)
            cluster.restart(hard=True)
            raise ZeroDivisionError
    assert await _rows(database) == 1


async def test_a_commit_whose_answer_is_lost_is_asked_for(
    database: Database, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was kept, so it is not done again."""
    commit = AsyncConnection.commit

    async def kept_but_not_heard(self: AsyncConnection) -> None:
        await commit(self)
        raise ConnectionResetError

    monkeypatch.setattr(AsyncConnection, "commit", kept_but_not_heard)
    await _note(database)
    assert await _rows(database) == 1


async def test_a_server_that_stays_away_is_told_in_one_way(
    database: Database, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "REACH_SECONDS", 0.1)
    await _note(database)
    cluster.stop()
    try:
        found = await asyncio.gather(*(_note(database) for _ in range(5)), _rows(database), return_exceptions=True)
        assert {type(one) for one in found} == {DatabaseUnavailable}
    finally:
        cluster.start()
    assert await _rows(database) == 1


async def test_a_frozen_writer_does_not_keep_others_out_for_ever(
    database: Database, another: Database, cluster: Cluster
) -> None:
    """Nor does one that was cut off: its session ends, and with it its lock."""
    began, free = asyncio.Event(), asyncio.Event()

    async def frozen() -> None:
        async with database.write() as connection:
            await connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '300ms'")
            await connection.execute(ROW)
            began.set()
            await free.wait()

    stuck = asyncio.create_task(frozen())
    await began.wait()
    await _note(another)
    free.set()
    with pytest.raises(DatabaseUnavailable):
        await stuck
    assert await _rows(another) == 1


async def test_a_request_is_told_that_the_database_is_away(
    site: Site, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres, "REACH_SECONDS", 0.1)
    async with site.browser("admin") as browser:
        assert (await browser.get("/api/employees")).status == 200
        cluster.stop(hard=True)
        try:
            told = await browser.get("/api/employees")
        finally:
            cluster.start()
        assert (told.status, told.code) == (503, "database_unavailable")
        assert told.headers["Retry-After"]
        assert (await browser.get("/api/employees")).status == 200
