"""Whom a call can be passed to: every agent may ask, and is told names of the own company and no more."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select, update

from callcenter.store.tables.numbers import seat
from tests.web.support import FOREIGN, Browser, Site

PATH = "/api/transfer-targets"


async def found(browser: Browser, q: str = "") -> Any:
    answer = await browser.get(PATH, params={"q": q})
    assert answer.status == 200, answer.raw
    assert FOREIGN not in answer.raw.decode()
    return answer.json


async def code_of(site: Site, name: str) -> str:
    own = site.world.own
    query = select(seat.c.code).where(seat.c.company_id == own.id, seat.c.employee_id == own.people[name])
    async with site.database.read() as connection:
        return str((await connection.execute(query)).scalar_one())


async def test_an_agent_is_told_names_seat_codes_and_states_and_no_more(site: Site) -> None:
    """The agent's own data scope has no colleague in it, and the list of employees stays shut."""
    async with site.browser("agent") as agent:
        assert (await agent.get("/api/employees")).code == "forbidden"
        listed = await found(agent)
        people = {one["id"]: one for one in listed["people"]}
        assert site.world.own.people["agent"] not in people, "nobody is passed a call of their own"
        other = people[site.world.own.people["other"]]
        assert set(other) == {"id", "name", "extension", "reach", "state", "reason"}
        assert (other["extension"], other["reach"]) == (await code_of(site, "other"), "away")
        assert all(set(one) == {"id", "name", "ready"} for one in listed["groups"])
        assert {one["id"] for one in listed["groups"]} == {
            site.world.own.ids["group"],
            site.world.own.other["group"],
        }


async def test_typing_narrows_the_list_and_who_can_be_rung_comes_first(site: Site) -> None:
    agents, people = site.engine.core.registry.agents, site.world.own.people
    agents[people["other"]].contacts = frozenset({(agents[people["other"]].device, "sip:test")})
    async with site.browser("agent") as agent:
        assert [one["reach"] for one in (await found(agent))["people"]] == ["free", "away"]
        assert [one["id"] for one in (await found(agent, "OTHER"))["people"]] == [people["other"]]
        by_code = await found(agent, await code_of(site, "other"))
        assert [one["id"] for one in by_code["people"]] == [people["other"]] and by_code["groups"] == []
        agents[people["other"]].call_id = "talking"
        assert (await found(agent, "other"))["people"][0]["reach"] == "busy"
        agents[people["other"]].call_id = None
        assert (await found(agent, "nobody-of-that-name"))["people"] == []


async def test_an_emergency_number_is_nobodys_seat_code(site: Site) -> None:
    own, directory = site.world.own, site.engine.core.directory
    code = await code_of(site, "other")
    assert directory.at_extension(own.id, f" {code.lower()} ", "CN") == own.people["other"]
    assert directory.at_extension(site.world.foreign.id, "no-such-code", "CN") is None
    async with site.database.write() as connection:
        taken = update(seat).where(seat.c.company_id == own.id, seat.c.employee_id == own.people["other"])
        await connection.execute(taken.values(code="110"))
    await site.telephony.changed()
    assert site.engine.core.directory.at_extension(own.id, "110", "CN") is None
