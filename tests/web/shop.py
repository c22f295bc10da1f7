"""A company that buys: what tests of orders and packages need, all of it through the public API."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from sqlalchemy import insert, update

from callcenter.domain.terms import Mode
from callcenter.ledger import book
from callcenter.ledger.book import Entry, Kind
from callcenter.ledger.cel import CelFile
from callcenter.ledger.packages import Packages
from callcenter.ledger.settle import Settlement
from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call
from callcenter.store.tables.packages import voice_package
from tests.ledger.test_settlement import Records
from tests.web.support import Answer, Browser, Site

_keys = itertools.count(1)
SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


class Shop:
    """The enterprise account of the world's own company, with verified staff and money in the wallet."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site = site
        self.browser = browser
        self.people = site.world.own.people

    async def verify(self, *names: str, state: str = "verified") -> None:
        for name in names:
            if state == "verified":
                await self.good("POST", f"/api/platform/employees/{self.people[name]}/verify")
            else:
                await self.good("PATCH", f"/api/employees/{self.people[name]}", {"verification": state})

    async def put_in(self, fen: int) -> None:
        """Money in the wallet, as an approved recharge posts it."""
        async with self.site.database.write() as connection:
            await book.post(
                connection,
                company_id=self.site.world.own.id,
                txn=f"test-money:{next(_keys)}",
                entry=Entry.RECHARGE,
                lines={book.money(Kind.PAID_IN): -fen, book.money(Kind.WALLET): fen},
                at=utcnow(),
            )

    async def balance(self) -> int:
        async with self.site.database.read() as connection:
            return await book.balance(connection, self.site.world.own.id, book.money(Kind.WALLET))

    async def good(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        answer = await self.browser.ask(method, path, body, **options)
        assert answer.status < 300, f"{method} {path}: {answer.status} {answer.raw[:300].decode()}"
        return answer.json

    async def offering(self, **fields: Any) -> int:
        """Puts something on sale; its id."""
        given = {"name": "畅享包", "kind": "non_shared", "mode": "direct", "minutes": 1000, "days": 30, "price": 6000}
        given |= fields
        given.setdefault("list_price", given["price"])
        return int((await self.good("POST", "/api/platform/offerings", given))["id"])

    async def quote(self, offering_id: int, quantity: int = 1, *people: str, **more: Any) -> Answer:
        return await self.browser.ask("POST", "/api/orders/quote", self._basket(offering_id, quantity, people, more))

    async def order(self, offering_id: int, quantity: int = 1, *people: str, key: str = "", **more: Any) -> Answer:
        """Buys at the price that a quote has just named, as the page does."""
        basket = self._basket(offering_id, quantity, people, more)
        named = await self.browser.ask("POST", "/api/orders/quote", basket)
        paid = named.json["paid"] if named.status == 200 else 0
        headers = {"Idempotency-Key": key or f"key-{next(_keys)}"}
        body = {"agreed": True, "expected_paid": paid} | basket
        return await self.browser.ask("POST", "/api/orders", body, headers=headers)

    async def buy(self, offering_id: int, quantity: int = 1, *people: str, **more: Any) -> Any:
        answer = await self.order(offering_id, quantity, *people, **more)
        assert answer.status == 201, answer.raw.decode()
        return answer.json

    def _basket(self, offering_id: int, quantity: int, people: tuple[str, ...], more: dict[str, Any]) -> dict[str, Any]:
        ids = [self.people[one] for one in people]
        given = {"offering_id": offering_id, "action": "new", "quantity": quantity, "employee_ids": ids}
        return given | more

    async def bought(self, order: Any) -> list[Any]:
        """The packages of an order."""
        return list((await self.good("GET", f"/api/orders/{order['id']}"))["packages"])

    async def package(self, package_id: int) -> Any:
        return await self.good("GET", f"/api/packages/{package_id}")

    async def left_of(self, name: str) -> int:
        """Minutes that an employee could talk now."""
        minutes = await self.site.services.port(Packages).minutes_left(self.site.world.own.id, utcnow())
        return minutes.get(self.people[name], 0)


SHOWN = "+862160000000"
"""The number that the customers of these calls see."""


class Calls:
    """Outbound calls as the engine and Asterisk leave them behind: minutes held, the row, the records, the charge."""

    def __init__(self, site: Site, folder: Path) -> None:
        self.site = site
        self.records = Records(folder / "master.db")
        self.cel = CelFile(folder / "master.db", "calls")
        self.settlement = Settlement(site.database)
        self.made = 0

    async def hold(self, name: str, mode: Mode = Mode.DIRECT) -> str:
        """A call that is being dialled; its id."""
        self.made += 1
        call_id, company_id = f"call{self.made}", self.site.world.own.id
        employee_id = self.site.world.own.people[name]
        await self.site.services.port(Packages).reserve(
            company_id=company_id, employee_id=employee_id, mode=mode, call_id=call_id, minutes=5, now=utcnow()
        )
        values = {
            "id": call_id,
            "company_id": company_id,
            "direction": "outbound",
            "mode": mode.value,
            "source": "manual",
            "employee_id": employee_id,
            "number": f"+861380000{self.made:04d}",
            "company_number": SHOWN,
            "state": "ended",
            "started_at": utcnow(),
        }
        async with self.site.database.write() as connection:
            await connection.execute(insert(call).values(**values))
        return call_id

    async def end(self, call_id: str, talk: int) -> None:
        """The call is over after that many seconds of talk; none: it was not answered."""
        self.records.outbound(call_id, utcnow(), talk)
        last = await self.settlement.watermark("calls")
        await self.settlement.advance("calls", await self.cel.after(last), utcnow())

    async def talk(self, name: str, seconds: int, mode: Mode = Mode.DIRECT) -> str:
        call_id = await self.hold(name, mode)
        await self.end(call_id, seconds)
        return call_id


@asynccontextmanager
async def opened(site: Site, *, money: int = 10_000_00) -> AsyncIterator[Shop]:
    async with site.browser("admin") as browser:
        shop = Shop(site, browser)
        await shop.verify("agent", "other", "supervisor")
        if money:
            await shop.put_in(money)
        yield shop


@asynccontextmanager
async def bare(site: Site) -> AsyncIterator[Shop]:
    """The same, of a company whose people have only what the test buys: the world's own packages are over."""
    async with site.database.write() as connection:
        old = update(voice_package).where(voice_package.c.company_id == site.world.own.id)
        await connection.execute(old.values(expires_at=utcnow()))
    async with opened(site) as shop:
        yield shop


def cells(workbook: bytes) -> list[list[str]]:
    """What a spreadsheet says, row by row, as text."""
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        shared: list[str] = []
        if "xl/sharedStrings.xml" in archive.namelist():
            strings = ElementTree.fromstring(archive.read("xl/sharedStrings.xml"))
            shared = ["".join(part.text or "" for part in one.iter(f"{SHEET}t")) for one in strings]
        sheet = ElementTree.fromstring(archive.read("xl/worksheets/sheet1.xml"))
        return [[_text(cell, shared) for cell in row] for row in sheet.iter(f"{SHEET}row")]


def _text(cell: ElementTree.Element, shared: list[str]) -> str:
    found = "".join(part.text or "" for part in cell.iter() if part.tag in (f"{SHEET}v", f"{SHEET}t"))
    return shared[int(found)] if cell.get("t") == "s" else found
