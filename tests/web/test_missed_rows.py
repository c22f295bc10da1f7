"""A caller whom nobody took is on the list of a group's people, and its row opens the call for them."""

from __future__ import annotations

from sqlalchemy import insert

from callcenter.store.base import utcnow
from callcenter.store.tables.calls import call
from tests.web.support import Site, call_values
from tests.web.tasks import good


async def test_whoever_sees_a_missed_caller_may_open_the_call(site: Site) -> None:
    own = site.world.own
    values = call_values(own.id, None, "own-missed", "+8613912345678", utcnow()) | {
        "direction": "inbound",
        "source": "inbound",
        "group_id": own.ids["group"],
        "answered_at": None,
        "disposition": "NO ANSWER",
        "end_reason": "abandoned",
        "talk_seconds": 0,
    }
    async with site.database.write() as connection:
        await connection.execute(insert(call).values(**values))
    async with site.browser("agent") as agent, site.browser("supervisor") as head:
        for looks in (agent, head):
            listed = (await good(looks, "GET", "/api/missed-calls", params={"page_size": 100}))["items"]
            assert "own-missed" in {one["call_id"] for one in listed}
            shown = (await good(looks, "GET", "/api/calls/own-missed"))["call"]
            assert (shown["number"], shown["employee"]) == ("+8613912345678", None)
    # Reading is all: it is nobody's call, and whoever is in none of its groups does not know of it.
    async with site.browser("agent") as agent, site.browser("other") as stranger:
        assert (await agent.ask("PUT", "/api/calls/own-missed/note", {"result": None, "note": "x"})).status == 404
        assert (await stranger.get("/api/calls/own-missed")).status in (401, 404)
    async with site.browser("agent", "foreign") as foreign:
        assert (await foreign.get("/api/calls/own-missed")).status == 404
