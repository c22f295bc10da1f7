"""Failed sign-ins are told and counted, and cannot fill the disk."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from callcenter.engine.agents.turned_away import PER_OBJECT, entries
from callcenter.store.database import Database
from callcenter.store.tables.people import audit
from callcenter.web import openapi
from callcenter.web.failures import ROWS_PER_MINUTE, SIGN_IN
from tests.web.support import Site


async def failed(site: Site, company_id: int) -> list[Any]:
    await site.services.failures.flush()
    query = select(audit).where(audit.c.company_id == company_id, audit.c.action == SIGN_IN).order_by(audit.c.id)
    async with site.database.read() as connection:
        return list((await connection.execute(query)).all())


async def test_a_failed_sign_in_is_told_to_the_company_of_the_login(site: Site) -> None:
    own, foreign = site.world.own.id, site.world.foreign.id
    async with site.browser() as browser:
        for login in ("foreign-agent", "foreign-agent", "nobody-at-all"):
            await browser.sign_in(login, "wrong-horse-battery")
        mine = await failed(site, foreign)
        assert {(row.object, row.ip) for row in mine} == {("foreign-agent", "127.0.0.1")}
        assert sum_of(mine) == 2
        assert [row.object for row in await failed(site, own)] == ["nobody-at-all"], "nobody's login: the operator's"
        await browser.sign_in("foreign-agent", "wrong-horse-battery")
        assert sum_of(await failed(site, foreign)) == 3
        assert not any("wrong-horse" in repr(row) for row in mine)
    assert site.services.failures.counts[SIGN_IN] == 4
    async with site.browser("admin") as admin:
        shown = (await admin.get("/api/audit?action=session.failed")).json["items"]
        assert [(one["object"], one["actor"]) for one in shown] == [("nobody-at-all", None)]


async def test_a_flood_writes_a_bounded_number_of_rows(site: Site) -> None:
    for index in range(5000):
        site.services.failures.note(SIGN_IN, site.world.own.id, f"guess-{index}", f"203.0.113.{index % 250}")
    rows = await failed(site, site.world.own.id)
    assert len(rows) <= 2 * (ROWS_PER_MINUTE + 1), "two minutes at most"
    assert sum_of(rows) == 5000
    assert any(row.object == "" for row in rows), "one row for all others"


async def test_a_failure_survives_a_database_that_is_away_for_a_moment(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    site.services.failures.note(SIGN_IN, site.world.own.id, "guess", "203.0.113.1")
    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", lambda self: (_ for _ in ()).throw(ConnectionError()))
        with pytest.raises(ConnectionError):
            await site.services.failures.flush()
    assert sum_of(await failed(site, site.world.own.id)) == 1


async def test_only_the_operator_is_shown_how_many_were_refused(site: Site) -> None:
    site.hub.publish(site.world.own.id, [("system", "refused", {"sign_ins": 3})])
    for role, shown in (("admin", True), ("supervisor", False), ("agent", False)):
        async with site.browser(role) as browser, browser.http.ws_connect(site.url + "/live") as socket:
            await socket.send_json({"type": "hello"})
            told = await socket.receive_json(timeout=5)
            assert ("refused" in told["entities"]["system"]) == shown, role


async def test_the_documentation_is_rendered_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    openapi._rendered.cache_clear()
    rendered: list[int] = []
    render = openapi.render_page

    def counted(spec: dict[str, Any]) -> str:
        rendered.append(1)
        return render(spec)

    monkeypatch.setattr(openapi, "render_page", counted)
    async with site.browser() as browser:
        pages = [(await browser.get("/api/docs")).raw for _ in range(5)]
    assert len(set(pages)) == 1 and b"<h2>" in pages[0]
    assert rendered == [1]


def test_only_addresses_are_told_to_asterisk() -> None:
    many = [f"203.0.113.{index}" for index in range(40)] + ["2001:db8::1"]
    told = entries(many)
    assert len(told) == -(-len(many) // PER_OBJECT)
    assert "2001:db8::1/128" in "".join(told.values())
    assert all(len(value) < 900 for value in told.values())
    with pytest.raises(ValueError, match="does not appear"):
        entries(["0.0.0.0/0,permit"])


async def test_a_database_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.touch(mode=0o644)
    path.chmod(0o644)
    database = Database(f"sqlite+aiosqlite:///{path}")
    try:
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        await database.close()


def sum_of(rows: list[Any]) -> int:
    return sum(row.details["count"] for row in rows)
