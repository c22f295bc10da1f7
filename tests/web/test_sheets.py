# examples are rows: one in a line
"""Spreadsheets out: text stays text on every route, nothing is cut, and the product goes on while they are made."""

from __future__ import annotations

import asyncio
import io
import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from python_calamine import load_workbook
from sqlalchemy import insert, update

from callcenter.app import all_routes
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import employee
from callcenter.web import sheet_writer
from callcenter.web.sheet_writer import LONGEST, text_of
from tests.web.support import Site, call_values
from tests.web.tasks import good, load, make, mobile

EXPORTS = sorted(route.path for route in all_routes() if "exports_busy" in route.errors)
NASTY = (
    "external:foo.xlsx",
    "internal:Sheet1!A1",
    "=1+1",
    "=HYPERLINK(\"http://x\",\"y\")",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "{=1}",
    "http://example.com/" + "x" * 3000,
    "mailto:a@b.c",
    "ftp://x/y",
    "0012",
    "1e5",
    "13800000001",
    "  spaces  ",
    "first\nsecond",
    "tab\there",
    "bell\x07",
    "_x0041_",
    "<b>&amp;</b>",
    "王芳𠮷😀",
    "\ufffe\uffff",
    "x" * 40_000,
    "😀" * 20_000,
)  # fmt: skip


def cells_of(raw: bytes) -> list[list[Any]]:
    """Every row of every sheet but the headers; raises when the file is broken, or holds a formula or a link."""
    with zipfile.ZipFile(io.BytesIO(raw)) as parts:
        for name in parts.namelist():
            text = parts.read(name).decode()
            assert "<f>" not in text and "<hyperlink" not in text and 'TargetMode="External"' not in text, name
    book = load_workbook(io.BytesIO(raw))
    return [row for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python()[1:]]


def test_the_routes_that_answer_a_workbook_are_known() -> None:
    raw = {
        route.path for route in all_routes() if route.raw and ("export" in route.path or "spreadsheet" in route.summary)
    }
    assert raw <= set(EXPORTS) and len(EXPORTS) >= 10


async def test_text_stays_text_on_every_route(site: Site) -> None:
    """What anybody wrote anywhere is a text in the file, whole, and no route fails on it."""
    own = site.world.own
    async with site.browser("admin") as admin:
        task_id = await make(admin)
        rows = [f"{mobile(place)}\t名\t公司\t{_typed(text)}" for place, text in enumerate(NASTY) if len(text) < 4000]
        await load(site, admin, task_id, "\n".join(rows))
        bad = ["号码\t姓名\t公司\t备注", *(row.replace("1391000", "x", 1) for row in rows)]
        broken = await load(site, admin, task_id, "\n".join(bad))
        assert broken["format_error"] == len(rows)
        async with site.database.write() as connection:
            for place, text in enumerate(NASTY):
                values = call_values(own.id, own.people["agent"], f"own-nasty-{place}", "+8613910000000", utcnow())
                await connection.execute(insert(call).values(**values | {"note": text}))
            named = update(employee).where(employee.c.company_id == own.id)
            await connection.execute(named.values(name="external:本域 =1+1"))
        found: dict[str, list[list[Any]]] = {}
        for path in EXPORTS:
            ids = {"{id}": own.ids["package"] if "packages" in path else task_id, "{import_id}": broken["id"]}
            for name, value in ids.items():
                path = path.replace(name, str(value))
            answer = await admin.get(path)
            assert answer.status == 200, (path, answer.raw[:300])
            assert answer.headers["Content-Type"].endswith("spreadsheetml.sheet")
            found[path] = cells_of(answer.raw)
    texts = {path: {cell for row in rows_ for cell in row} for path, rows_ in found.items()}
    for text in NASTY:
        assert text_of(text) in texts["/api/calls/export.xlsx"], text[:80]
    for text in NASTY:
        if len(text) < 4000:
            for path in (
                f"/api/dial-tasks/{task_id}/export",
                f"/api/dial-tasks/{task_id}/imports/{broken['id']}/failed",
            ):
                assert any(_typed(text) == cell for cell in texts[path]), (path, text[:80])
    with_names = {path for path, cells in texts.items() if "external:本域 =1+1" in cells}
    assert {"/api/calls/export.xlsx", "/api/orders/export"} <= with_names


def _typed(text: str) -> str:
    """The text as one cell of a pasted list holds it."""
    return (
        "".join(letter if letter >= " " else "_" for letter in text)
        .strip()
        .replace("\ufffe", "")
        .replace("\uffff", "x")
    )


async def test_every_row_is_exported_while_others_are_served(site: Site) -> None:
    """More rows than a file once had at most; the event loop has time for everybody else."""
    own, count = site.world.own, 50_500
    now = utcnow()
    async with site.database.write() as connection:
        for first in range(0, count, 5_000):
            rows = [
                call_values(
                    own.id,
                    own.people["agent"],
                    f"own-many-{place}",
                    f"+86139{place:08d}",
                    now - timedelta(seconds=place),
                )
                for place in range(first, min(count, first + 5_000))
            ]
            await connection.execute(insert(call), rows)
    async with site.browser("admin") as admin, site.browser("agent") as agent:
        exporting = asyncio.create_task(admin.get("/api/calls/export.xlsx"))
        served = 0
        while not exporting.done():
            assert (await agent.get("/api/dial-centre/tasks")).status == 200
            served += not exporting.done()
        answer = await exporting
        assert served > 20, "others were answered in the middle of it"
        numbers = {row[2] for row in cells_of(answer.raw)}
        assert {f"+86139{place:08d}" for place in range(count)} <= numbers


async def test_a_person_has_few_exports_at_once(site: Site) -> None:
    me = site.world.own.people["admin"]
    async with site.browser("admin") as admin:
        with site.services.exports.taken(me), site.services.exports.taken(me), site.services.exports.taken(me):
            refused = await admin.get("/api/wallet/entries/export")
            assert (refused.status, refused.code) == (429, "exports_busy")
        assert (await admin.get("/api/wallet/entries/export")).status == 200
        assert await good(admin, "GET", "/api/wallet")


def test_more_rows_than_a_sheet_has_go_on_in_the_next(tmp_path: Path) -> None:
    rows: list[Any] = [["名", "数"], *([f"r{place}", place] for place in range(25)), None]
    lines = io.BytesIO(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    assert sheet_writer.written(lines, tmp_path / "a.xlsx", sheet_rows=11)
    found = load_workbook(tmp_path / "a.xlsx")
    assert len(found.sheet_names) == 3
    assert all(found.get_sheet_by_name(name).to_python()[0] == ["名", "数"] for name in found.sheet_names)
    assert [row[1] for row in cells_of((tmp_path / "a.xlsx").read_bytes())] == list(range(25))


def test_rows_that_end_without_their_mark_are_no_file(tmp_path: Path) -> None:
    """The product went away in the middle."""
    assert not sheet_writer.written(io.BytesIO(b'["a"]\n["b"]\n'), tmp_path / "a.xlsx")


@pytest.mark.parametrize("text", ["x" * 40_000, "😀" * 20_000])
def test_a_cut_is_said(text: str) -> None:
    kept = text_of(text)
    assert len(kept.encode("utf-16-le")) // 2 <= LONGEST and f"全文共 {len(text)} 字" in kept
    assert text_of("x" * LONGEST) == "x" * LONGEST
