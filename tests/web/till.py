"""A customer of the platform and its operator, both by the public API: what tests of money need."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from aiohttp import FormData
from python_calamine import CalamineWorkbook

from tests.web.support import PNG, Answer, Browser, Site

_keys = itertools.count(1)


@dataclass(slots=True)
class Till:
    """`customer` is signed in as the administrator of a company that the operator serves."""

    site: Site
    customer: Browser
    operator: Browser

    async def recharge(self, amount: int, **fields: str) -> Answer:
        """Says that `amount` fen were transferred, with a proof."""
        return await form(self.customer, "/api/recharges", {"amount": str(amount), **fields}, proof=PNG)

    async def fill(self, amount: int) -> dict[str, Any]:
        """A recharge that the operator approves."""
        made = (await self.recharge(amount)).json
        answer = await self.operator.ask("POST", f"/api/platform/recharges/{made['id']}/review", {"approve": True})
        assert answer.json["state"] == "approved", answer.raw
        found: dict[str, Any] = answer.json
        return found

    async def wallet(self) -> dict[str, Any]:
        answer = await self.customer.get("/api/wallet")
        assert answer.status == 200, answer.raw
        found: dict[str, Any] = answer.json
        return found

    async def buy(self, path: str, body: dict[str, Any], key: str = "") -> Answer:
        headers = {"Idempotency-Key": key or f"till-{next(_keys)}"}
        return await self.customer.ask("POST", path, body, headers=headers)

    async def change(self, **values: Any) -> None:
        """The operator changes the customer's company."""
        path = f"/api/platform/companies/{self.site.world.foreign.id}"
        answer = await self.operator.ask("PATCH", path, values)
        assert answer.status == 200, answer.raw

    async def prices(self, **values: Any) -> None:
        listed = (await self.operator.get("/api/platform/prices")).json
        answer = await self.operator.ask("PUT", "/api/platform/prices", listed | values)
        assert answer.status == 200, answer.raw


@contextlib.asynccontextmanager
async def opened(site: Site) -> AsyncIterator[Till]:
    async with site.browser("admin", "foreign") as customer, site.browser("admin") as operator:
        yield Till(site, customer, operator)


async def form(browser: Browser, path: str, fields: dict[str, str], **files: bytes) -> Answer:
    """Sends a form with files."""
    data = FormData(default_to_multipart=True)
    for name, value in fields.items():
        data.add_field(name, value)
    for name, content in files.items():
        data.add_field(name, io.BytesIO(content), filename=f"../../{name}.png", content_type="image/png")
    return await browser.ask("POST", path, data=data)


def sheet(answer: Answer) -> list[list[Any]]:
    """The rows of a spreadsheet that was downloaded, with its header."""
    assert answer.status == 200 and "attachment" in answer.headers["Content-Disposition"], answer.raw[:300]
    return CalamineWorkbook.from_filelike(io.BytesIO(answer.raw)).get_sheet_by_index(0).to_python()
