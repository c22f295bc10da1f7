"""Dial tasks for tests: made and filled through the API, dialled the way the engine writes it down."""

from __future__ import annotations

import io
import itertools
from datetime import datetime, timedelta
from typing import Any

import xlsxwriter
from aiohttp import FormData
from python_calamine import load_workbook
from sqlalchemy import insert

from callcenter.features.tasks.importing import Importer
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call, leg
from tests.web.support import Answer, Browser, Site, call_values

_calls = itertools.count(1)


def mobile(index: int) -> str:
    """The number `index` of a file, as somebody types it."""
    return f"1391000{index:04d}"


def mobiles(count: int, first: int = 0) -> str:
    """That many numbers, one in a line."""
    return "\n".join(mobile(index) for index in range(first, first + count))


async def good(browser: Browser, method: str, path: str, body: Any = None, **options: Any) -> Any:
    answer = await browser.ask(method, path, body, **options)
    assert answer.status < 300, answer.raw
    return answer.json


async def make(browser: Browser, name: str = "本域新任务", **wanted: Any) -> int:
    return int((await good(browser, "POST", "/api/dial-tasks", {"name": name, **wanted}))["id"])


async def load(site: Site, browser: Browser, task_id: int, text: str) -> dict[str, Any]:
    """Imports pasted text and waits for the result."""
    sent = await good(browser, "POST", f"/api/dial-tasks/{task_id}/imports", {"text": text})
    return await finished(site, browser, task_id, sent["id"])


async def send(browser: Browser, task_id: int, content: bytes, name: str) -> Answer:
    form = FormData(quote_fields=False)
    form.add_field("file", io.BytesIO(content), filename=name, content_type="application/octet-stream")
    return await browser.ask("POST", f"/api/dial-tasks/{task_id}/imports", data=form)


async def finished(site: Site, browser: Browser, task_id: int, import_id: int) -> dict[str, Any]:
    await site.services.port(Importer).idle()
    listed = await good(browser, "GET", f"/api/dial-tasks/{task_id}/imports")
    found: dict[str, Any] = next(one for one in listed if one["id"] == import_id)
    return found


async def numbers(browser: Browser, task_id: int, **query: Any) -> list[dict[str, Any]]:
    answer = await good(browser, "GET", f"/api/dial-tasks/{task_id}/numbers", params={"page_size": 200, **query})
    assert answer["total"] == len(answer["items"])
    found: list[dict[str, Any]] = answer["items"]
    return found


async def mine(browser: Browser, **query: Any) -> list[dict[str, Any]]:
    """What the dial centre shows somebody."""
    answer = await good(browser, "GET", "/api/dial-centre/numbers", params={"page_size": 200, **query})
    found: list[dict[str, Any]] = answer["items"]
    return found


async def allocation(browser: Browser, task_id: int) -> dict[int | None, int]:
    """Employee -> numbers; None: nobody's."""
    portions = await good(browser, "GET", f"/api/dial-tasks/{task_id}/allocation")
    return {one["employee"]["id"] if one["employee"] else None: one["total"] for one in portions}


async def rung(
    site: Site, employee_id: int, number_id: int, *, at: datetime | None = None, outside: bool = True, **values: Any
) -> str:
    """A call of that number, as the engine leaves it; without `outside` the agent never picked up."""
    company_id, call_id = site.world.own.id, f"own-task-call-{next(_calls)}"
    row = call_values(company_id, employee_id, call_id, "+8613910000000", at or utcnow())
    legs = ["agent", *(["customer"] if outside else [])]
    async with site.database.write() as connection:
        await connection.execute(insert(call).values(**row | {"source": "task", "task_number_id": number_id, **values}))
        for role in legs:
            part = {"id": f"{call_id}-{role}", "company_id": company_id, "call_id": call_id, "role": role}
            await connection.execute(insert(leg).values(**part, state="null"))
    return call_id


def workbook(*rows: tuple[Any, ...]) -> bytes:
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet()
    for line, row in enumerate(rows):
        sheet.write_row(line, 0, row)
    book.close()
    return content.getvalue()


def sheet_of(raw: bytes) -> list[list[str]]:
    """The rows of a spreadsheet, as text, without its header."""
    rows = load_workbook(io.BytesIO(raw)).get_sheet_by_index(0).to_python()
    return [[str(cell) for cell in row] for row in rows[1:]]


def earlier(minutes: int) -> datetime:
    return utcnow() - timedelta(minutes=minutes)
