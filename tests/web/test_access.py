"""Each cause for which somebody's access ends, and each way in: HTTP, live socket, late hello, browser phone, desk
phone, talking leg. What Asterisk makes of it is proven in tests/live/test_access.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError
from sqlalchemy import select, update

from callcenter.domain.commands import ChooseState
from callcenter.domain.terms import AgentState
from callcenter.store.base import utcnow
from callcenter.store.tables.people import company, employee, web_session
from callcenter.web.access import RULES, Cause
from callcenter.web.services import LIVE_PER_PERSON
from callcenter.web.sockets import REPLACED, REVOKED
from tests.web.support import PASSWORD, Browser, FakeSip, Site, World, served, until

EVERYWHERE = {"all_companies": True}
NEW = "another-password"


@dataclass(slots=True)
class Person:
    """The agent with two sessions: `here` has a live page, one that has said nothing yet and a phone; and `there`."""

    site: Site
    admin: Browser
    here: Browser
    there: Browser
    id: int
    sockets: dict[str, ClientWebSocketResponse] = field(default_factory=dict)

    async def open(self, name: str, browser: Browser, path: str, *, hello: bool = True) -> None:
        socket = await browser.http.ws_connect(self.site.url + path, protocols=("sip",) if path == "/sip" else ())
        if path == "/live" and hello:
            await socket.send_json({"type": "hello"})
            await socket.receive(timeout=5)
        self.sockets[name] = socket


@pytest.fixture
async def person(template: Path, world: World, tmp_path: Path) -> AsyncIterator[Person]:
    upstream = FakeSip()
    async with (
        upstream.running(),
        served(template, world, tmp_path, sip_upstream=upstream.url) as site,
        site.browser("admin") as admin,
        site.browser() as here,
        site.browser() as there,
    ):
        made = Person(site, admin, here, there, world.own.people["agent"])
        async with site.database.write() as connection:
            gone = web_session.delete().where(web_session.c.employee_id == made.id)
            await connection.execute(gone.execution_options(**EVERYWHERE))
        for browser in (here, there):
            assert (await browser.sign_in("own-agent")).status == 200
        await made.open("live", here, "/live")
        await made.open("late", here, "/live", hello=False)
        await made.open("phone", here, "/sip")
        await made.open("there", there, "/live")
        await until(lambda: site.services.live_sockets.count(made.id) == 3, "three live sockets")
        yield made


async def sign_out(person: Person) -> None:
    assert (await person.here.ask("DELETE", "/api/session")).status == 204


async def change_password(person: Person) -> None:
    change = {"old_password": PASSWORD, "new_password": NEW}
    assert (await person.here.ask("PUT", "/api/me/password", change)).status == 204


async def reset_password(person: Person) -> None:
    path = f"/api/employees/{person.id}/password"
    assert (await person.admin.ask("POST", path, {"password": NEW})).status == 204


def patched(**values: Any) -> Callable[[Person], Awaitable[None]]:
    async def change(person: Person) -> None:
        assert (await person.admin.ask("PATCH", f"/api/employees/{person.id}", values)).status == 200

    return change


async def depart(person: Person) -> None:
    assert (await person.admin.ask("POST", f"/api/employees/{person.id}/depart", {})).status == 200


async def renew(person: Person) -> None:
    assert (await person.admin.ask("POST", f"/api/employees/{person.id}/sip/renew")).status == 200


async def expire(person: Person) -> None:
    oldest = select(web_session.c.token_hash).where(web_session.c.employee_id == person.id)
    async with person.site.database.write() as connection:
        found = await connection.execute(oldest.order_by(web_session.c.created_at).execution_options(**EVERYWHERE))
        past = update(web_session).where(web_session.c.token_hash == found.scalars().first())
        await connection.execute(past.values(expires_at=utcnow()).execution_options(**EVERYWHERE))
    assert await person.site.services.access.sweep() == 1


async def end_company(person: Person) -> None:
    async with person.site.database.write() as connection:
        mine = update(company).where(company.c.id == person.site.world.own.id)
        await connection.execute(mine.values(valid_until=utcnow() - timedelta(seconds=1)))
    await person.site.engine.refresh()


@dataclass(frozen=True, slots=True)
class Ends:
    """What is expected: HTTP statuses of both sessions, which sockets close, and what telephony is told."""

    does: Callable[[Person], Awaitable[None]]
    http: tuple[int, int]
    closes: frozenset[str]
    told: tuple[str, bool, bool] | None
    """What becomes of calls; whether the browser phone ends; whether the desk phone does."""
    renews: bool = False


ALL = frozenset({"live", "late", "phone", "there"})
LIVE = frozenset({"live", "late", "there"})
MATRIX: dict[str, Ends] = {
    "signed out": Ends(sign_out, (401, 200), ALL, ("leave", True, False)),
    "password changed": Ends(change_password, (200, 401), ALL, ("finish", True, False)),
    "password reset": Ends(reset_password, (401, 401), ALL, ("finish", True, True), renews=True),
    "disabled": Ends(patched(account_state="disabled"), (401, 401), ALL, ("finish", True, True), renews=True),
    "departed": Ends(depart, (401, 401), ALL, ("finish", True, True), renews=True),
    "may not dial": Ends(patched(role="admin"), (200, 200), ALL, ("finish", True, True), renews=True),
    "other rights": Ends(patched(role="supervisor"), (200, 200), LIVE, None),
    "secret renewed": Ends(renew, (200, 200), LIVE, ("finish", False, True), renews=True),
    "session expired": Ends(expire, (401, 200), ALL, ("finish", False, False)),
    "company expired": Ends(end_company, (200, 200), frozenset(), None),
}


@pytest.mark.parametrize("name", MATRIX)
async def test_each_cause_ends_what_it_should_on_every_channel(person: Person, name: str) -> None:
    wanted, site = MATRIX[name], person.site
    before = await secret(person)
    await wanted.does(person)
    assert ((await person.here.get("/api/me")).status, (await person.there.get("/api/me")).status) == wanted.http
    for socket, closes in ((one, one in wanted.closes) for one in ALL):
        if closes:
            assert await closing(person.sockets[socket]) == REVOKED, f"{socket} stays"
        else:
            assert not person.sockets[socket].closed, f"{socket} ended"
    told = site.telephony.ended
    assert [one[1:] for one in told] == ([wanted.told] if wanted.told else [])
    assert (await secret(person) != before) == wanted.renews
    if wanted.closes:
        for browser, status in zip((person.here, person.there), wanted.http, strict=True):
            await comes_back(site, browser, "/live", allowed=status == 200)


def test_no_cause_is_forgotten() -> None:
    assert set(RULES) == set(Cause)


async def test_a_company_may_wish_that_calls_end_at_once(person: Person) -> None:
    current = (await person.admin.get("/api/settings/company")).json
    assert current["access_end"] == "after_call"
    wish = current | {"access_end": "at_once"}
    assert (await person.admin.ask("PUT", "/api/settings/company", wish)).json["access_end"] == "at_once"
    await patched(account_state="disabled")(person)
    assert person.site.telephony.ended == [(person.id, "cut", True, True)]


async def test_the_last_session_that_expires_takes_phone_and_readiness_along(person: Person) -> None:
    site = person.site
    await site.engine.execute(ChooseState(site.world.own.id, person.id, AgentState.READY))
    await expire(person)
    assert site.engine.core.registry.agents[person.id].state is AgentState.READY, "another session is left"
    await expire(person)
    assert site.engine.core.registry.agents[person.id].state is AgentState.LOGGED_OUT
    assert site.telephony.ended[-1] == (person.id, "finish", True, False)
    assert await closing(person.sockets["there"]) == REVOKED


async def test_a_hello_that_comes_after_the_end_joins_nothing(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """The account ends between the hello's look at the session and the join."""
    site, auth = person.site, person.site.services.auth
    identify, ended = auth.identify, asyncio.Event()

    async def slow(token: str) -> Any:
        found = await identify(token)
        if not ended.is_set():
            ended.set()
            await patched(account_state="disabled")(person)
        return found

    late = person.sockets["late"]
    async with site.browser("admin") as admin:
        person.admin = admin
        monkeypatch.setattr(site.services.live_sockets, "end", lambda *one, **named: None)
        monkeypatch.setattr(auth, "identify", slow)
        await late.send_json({"type": "hello"})
        await ended.wait()
        assert await closing(late) == REVOKED


async def test_a_third_phone_closes_the_oldest_and_the_newest_is_never_refused(person: Person) -> None:
    phones = [person.sockets["phone"]]
    for index in range(4):
        await person.open(f"phone-{index}", person.there if index % 2 else person.here, "/sip")
        phones.append(person.sockets[f"phone-{index}"])
    for replaced in phones[:3]:
        assert await closing(replaced) == REPLACED
    assert not any(one.closed for one in phones[3:])
    await until(lambda: person.site.services.phones.count(person.id) == 2, "two phones")
    async with person.site.browser("other") as colleague:
        await colleague.http.ws_connect(person.site.url + "/sip", protocols=("sip",))
    assert not any(one.closed for one in phones[3:]), "everybody has two of their own"


async def test_an_eleventh_live_page_closes_the_oldest(person: Person) -> None:
    for index in range(LIVE_PER_PERSON - 2):
        await person.open(f"live-{index}", person.here, "/live")
    assert await closing(person.sockets["live"]) == REPLACED
    assert not person.sockets[f"live-{LIVE_PER_PERSON - 3}"].closed
    assert person.site.services.live_sockets.count(person.id) == LIVE_PER_PERSON


async def secret(person: Person) -> str:
    async with person.site.database.read() as connection:
        query = select(employee.c.sip_secret).where(employee.c.id == person.id).execution_options(**EVERYWHERE)
        return str((await connection.execute(query)).scalar_one())


async def comes_back(site: Site, browser: Browser, path: str, *, allowed: bool) -> None:
    if not allowed:
        with pytest.raises(WSServerHandshakeError) as refused:
            await browser.http.ws_connect(site.url + path)
        assert refused.value.status == 401
        return
    socket = await browser.http.ws_connect(site.url + path)
    await socket.send_json({"type": "hello"})
    assert (await socket.receive_json(timeout=5))["type"] == "snapshot"
    await socket.close()


async def closing(socket: ClientWebSocketResponse) -> int | None:
    """The code with which the server closes; what it says before does not count."""
    while True:
        message = await socket.receive(timeout=5)
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            return socket.close_code
