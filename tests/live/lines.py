"""Groups with numbers of their own for tests of waiting callers, and what callers and screens see of them."""

from __future__ import annotations

import contextlib
import itertools
import re
import uuid
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from callcenter.demo.client import Client, Live
from callcenter.pbx.carrier import SimulatedCall
from callcenter.pbx.tones import write_beeps
from tests.live.installation import Agent, Installation, until

_numbers = itertools.count(1)


@dataclass(slots=True)
class Line:
    """A group with an inbound number, and an administrator who watches it."""

    site: Installation
    admin: Client
    board: Live
    id: int
    number: str
    number_id: int

    async def call_in(self, caller: str, **how: Any) -> SimulatedCall:
        return await self.site.carrier.call_in(self.number, caller, **how)

    async def change(self, **rules: Any) -> None:
        await self.admin.request("PATCH", f"/api/groups/{self.id}", rules)

    async def waiting(self, caller: str, timeout: float = 15) -> dict[str, Any]:
        """The live call of that caller once it is in the line."""

        def look(live: Live) -> dict[str, Any] | None:
            calls: Iterable[dict[str, Any]] = live.entities["call"].values()
            return next((one for one in calls if one["number"] == f"+86{caller}" and one["queue"]), None)

        found: dict[str, Any] = await self.board.wait(look, timeout, f"{caller} to wait")
        return found

    def entity(self) -> dict[str, Any]:
        found: dict[str, Any] = self.board.entities["queue"][str(self.id)]
        return found

    async def until_entity(self, **wanted: Any) -> dict[str, Any]:
        def look(live: Live) -> dict[str, Any] | None:
            found: dict[str, Any] = live.entities["queue"].get(str(self.id), {})
            return found if found and all(found[key] == value for key, value in wanted.items()) else None

        found: dict[str, Any] = await self.board.wait(look, 15, f"the queue to show {wanted}")
        return found

    async def members(self, *agents: Agent) -> None:
        """Waits until Asterisk itself would ring exactly these agents, in this order."""
        wanted = [one.phone for one in agents]

        async def look() -> bool:
            printed = await self.site.stack.pbx.cli(f"queue show q-{self.id}")
            listed = printed.partition("Members:")[2].partition("Callers:")[0]
            return re.findall(r"PJSIP/(agent-\d+)\)?", listed) == wanted

        await until(look, f"the queue to hold {wanted}")

    async def row(self, caller: str, **wanted: Any) -> dict[str, Any]:
        """The caller's latest call in the log once it has ended, is settled, and is as wanted."""

        async def look() -> dict[str, Any] | None:
            page = await self.admin.get(f"/api/calls?q={caller}&page_size=1")
            found: dict[str, Any] | None = page["items"][0] if page["items"] else None
            if found is None or found["ended_at"] is None:
                return None
            return found if all(found[key] == value for key, value in wanted.items()) else None

        return await until(look, f"a call of {caller} with {wanted}", 20)


@contextlib.asynccontextmanager
async def line(site: Installation, *members: Agent, **rules: Any) -> AsyncIterator[Line]:
    """A group of these agents; rings 4 s, unless told otherwise. It is gone afterwards, and nobody is READY."""
    admin = await site.client("admin")
    board = await admin.live()
    name = f"组{uuid.uuid4().hex[:8]}"
    values = {"name": name, "member_ids": [one.employee_id for one in members], "ring_seconds": 4, **rules}
    group = await admin.post("/api/groups", values)
    number = f"0216001{next(_numbers):04d}"
    made = await admin.post("/api/numbers", {"number": number, "group_id": group["id"]})
    try:
        yield Line(site, admin, board, group["id"], number, made["id"])
    finally:
        for one in members:
            await one.away()
        await site.carrier.quiet(30)
        await admin.request("DELETE", f"/api/numbers/{made['id']}")
        for one in (await admin.get(f"/api/callbacks?group_id={group['id']}"))["items"]:
            await admin.request("DELETE", f"/api/callbacks/{one['id']}")
        await admin.request("PATCH", f"/api/groups/{group['id']}", {"overflow": "hang_up"})
        await admin.request("DELETE", f"/api/groups/{group['id']}")


async def upload_tone(admin: Client, kind: str, hz: float, folder: Path, seconds: float = 1.5) -> None:
    """Makes a tone the company's announcement of that kind."""
    path = folder / f"{kind}.wav"
    write_beeps(path, hz, count=1, on=seconds, off=0.0)
    await upload(admin, kind, path.read_bytes())


async def upload(admin: Client, kind: str, audio: bytes) -> Any:
    async with admin.http.put(f"{admin.url}/api/prompts/{kind}?name=test", data=audio) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()


def ringing(live: Live, call_id: str) -> set[int]:
    """Employees whose phones ring or talk in a call."""
    found = live.entities["call"].get(call_id)
    legs = found["legs"] if found is not None else ()
    return {leg["employee_id"] for leg in legs if leg["employee_id"] and leg["state"] != "failed"}
