"""Behind a proxy: who is believed, who waits after wrong passwords, and which hosts and origins are ours."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, WSServerHandshakeError, web
from sqlalchemy import select, update

from callcenter.settings import SettingsError, load
from callcenter.store.tables.people import login_failure, web_session
from callcenter.web.auth import COOKIE
from callcenter.web.peer import own_names, split_host
from callcenter.web.throttle import FAILURES_ANYWHERE, FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN
from tests.web.support import PASSWORD, Answer, Browser, Site, World, served, token_of

WRONG = "wrong-horse-battery"
HOP = frozenset({"connection", "host", "transfer-encoding", "content-length"})


@contextlib.asynccontextmanager
async def proxy(site: Site, scheme: str = "https") -> AsyncIterator[str]:
    """A small reverse proxy on loopback that does what nginx is told to do: it appends to X-Forwarded-For, and sets
    -Proto and -Host. It takes the client's address from X-Test-Client."""
    async with ClientSession() as upstream:

        async def forward(request: web.Request) -> web.StreamResponse:
            headers = {key: value for key, value in request.headers.items() if key.lower() not in HOP}
            client = headers.pop("X-Test-Client", request.remote or "")
            earlier = headers.pop("X-Forwarded-For", "")
            headers["X-Forwarded-For"] = f"{earlier}, {client}" if earlier else client
            headers["X-Forwarded-Proto"] = scheme
            headers["X-Forwarded-Host"] = request.headers["Host"]
            body = await request.read()
            async with upstream.request(
                request.method, site.url + request.path_qs, data=body, headers=headers
            ) as answer:
                back = {key: value for key, value in answer.headers.items() if key.lower() not in HOP}
                return web.Response(status=answer.status, headers=back, body=await answer.read())

        application = web.Application()
        application.router.add_route("*", "/{path:.*}", forward)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


@pytest.fixture
async def behind(template: Path, world: World, tmp_path: Path) -> AsyncIterator[Site]:
    """A site that trusts a proxy on loopback."""
    async with served(template, world, tmp_path, trusted_proxies="127.0.0.1, 10.0.0.0/8") as site:
        yield site


@pytest.fixture
def quick(behind: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are compared and not hashed: these tests guess hundreds of times."""

    async def verify(stored: str, password: str) -> bool:
        return password == PASSWORD

    monkeypatch.setattr(behind.services.auth, "verify", verify)


async def sign_in(url: str, address: str, login: str, password: str, **headers: str) -> Answer:
    async with ClientSession() as http:
        browser = Browser(url, http)
        return await browser.sign_in(login, password, headers={"X-Test-Client": address, **headers})


async def addresses(site: Site) -> set[str]:
    async with site.database.read() as connection:
        query = select(web_session.c.ip).where(web_session.c.ip != "").execution_options(all_companies=True)
        return set((await connection.execute(query)).scalars())


# -- who is believed ---------------------------------------------------------------------------------------------------


async def test_the_persons_own_address_and_https_are_known_behind_a_trusted_proxy(behind: Site) -> None:
    async with proxy(behind) as url:
        answer = await sign_in(url, "203.0.113.7", "own-agent", PASSWORD)
        assert answer.status == 200
        assert SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]["secure"]
        assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
        await sign_in(url, "2001:db8::1", "own-other", PASSWORD)
    assert {"203.0.113.7", "2001:db8::1"} <= await addresses(behind)


async def test_only_what_the_proxy_added_is_believed(behind: Site) -> None:
    """The client's own X-Forwarded-For stands left of what the proxy appends; a second trusted proxy is passed over."""
    async with proxy(behind) as url:
        for forged, client, found in (
            ("198.51.100.1", "203.0.113.8", "203.0.113.8"),
            ("198.51.100.2, 203.0.113.9", "10.1.2.3", "203.0.113.9"),
            ("nonsense", "10.1.2.3", "10.1.2.3"),
            ("", "[2001:db8::2]:4711", "2001:db8::2"),
        ):
            headers = {"X-Forwarded-For": forged} if forged else {}
            assert (await sign_in(url, client, "own-agent", PASSWORD, **headers)).status == 200
            assert found in await addresses(behind)
    assert not {"198.51.100.1", "198.51.100.2", "nonsense"} & await addresses(behind)


async def test_nobody_is_believed_without_being_trusted(site: Site) -> None:
    lies = {"X-Forwarded-For": "203.0.113.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    async with site.browser() as browser:
        answer = await browser.sign_in("own-agent", headers=lies)
        assert answer.status == 200
        assert not SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]["secure"]
        assert "Strict-Transport-Security" not in answer.headers
    assert "203.0.113.7" not in await addresses(site)


async def test_origin_is_compared_with_its_scheme(behind: Site) -> None:
    async with proxy(behind) as url:
        for origin, code in (
            ("https://cc.example.com", ""),
            ("https://cc.example.com:443", ""),
            ("http://cc.example.com", "bad_origin"),
            ("https://cc.example.com:8443", "bad_origin"),
            ("https://cc.example.com.evil.com", "bad_origin"),
        ):
            answer = await sign_in(url, "203.0.113.7", "own-agent", PASSWORD, Host="cc.example.com", Origin=origin)
            assert answer.code == code, origin


def test_a_setting_that_is_no_address_is_refused() -> None:
    assert load(env={"CALLCENTER_TRUSTED_PROXIES": "10.0.0.0/8,::1"}).proxy_networks
    with pytest.raises(SettingsError, match="trusted_proxies"):
        load(env={"CALLCENTER_TRUSTED_PROXIES": "proxy.example.com"})


# -- which hosts are ours ----------------------------------------------------------------------------------------------


async def test_a_foreign_name_that_leads_here_is_refused(site: Site) -> None:
    """DNS rebinding: the attacker's own name resolves to our address, so their page would be of our origin."""
    port = site.url.rpartition(":")[2]
    good = ["127.0.0.1", f"localhost:{port}", f"127.0.0.1:{port}", *own_names()]
    bad = ["evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "203.0.113.9", "[::1]", "localhost.evil"]
    async with site.browser("agent") as browser:
        for host in good:
            assert (await browser.get("/api/me", headers={"Host": host})).status == 200, host
        for host in bad:
            answer = await browser.get("/api/me", headers={"Host": host})
            assert (answer.status, answer.code) == (421, "bad_host"), host
            page = {"Host": host, "Origin": f"http://{host}"}
            assert (await browser.sign_in("own-agent", headers=page)).code == "bad_host"
        with pytest.raises(WSServerHandshakeError) as refused:
            await browser.http.ws_connect(site.url + "/live", headers={"Host": "evil.example"})
        assert refused.value.status == 421


async def test_with_a_public_origin_any_host_may_lead_here(template: Path, world: World, tmp_path: Path) -> None:
    async with (
        served(template, world, tmp_path, public_origin="https://cc.example.com") as site,
        site.browser("agent") as browser,
    ):
        answer = await browser.get("/api/me", headers={"Host": "cc.example.com"})
        assert answer.status == 200
        assert "Strict-Transport-Security" in answer.headers


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("a", ("a", 80)),
        ("A.:8080", ("a", 8080)),
        ("[::1]:9", ("::1", 9)),
        ("::1", ("::1", 80)),
        ("a:", ("a", 80)),
        ("a:x", ("a", 0)),
        ("a:999999", ("a", 0)),
    ],
)
def test_hosts_are_read(host: str, found: tuple[str, int]) -> None:
    assert split_host(host, "http") == found


# -- who waits ---------------------------------------------------------------------------------------------------------


async def test_who_knows_a_login_cannot_lock_its_owner_out(behind: Site, quick: None) -> None:
    async with proxy(behind) as url:
        for _ in range(FAILURES_PER_LOGIN):
            assert (await sign_in(url, "203.0.113.66", "own-agent", WRONG)).code == "bad_credentials"
        assert (await sign_in(url, "203.0.113.66", "own-agent", PASSWORD)).code == "too_many_attempts"
        assert (await sign_in(url, "203.0.113.1", "own-agent", PASSWORD)).status == 200


async def test_one_wrong_colleague_locks_no_office_out(behind: Site, quick: None) -> None:
    office = "203.0.113.5"
    async with proxy(behind) as url:
        assert (await sign_in(url, office, "own-other", PASSWORD)).status == 200
        for _ in range(FAILURES_PER_LOGIN + 5):
            await sign_in(url, office, "own-agent", WRONG)
        assert (await sign_in(url, office, "own-agent", PASSWORD)).code == "too_many_attempts"
        assert (await sign_in(url, office, "own-supervisor", PASSWORD)).status == 200
        # Somebody in the office goes through many logins: who has come from there before does not wait with them.
        for index in range(FAILURES_PER_ADDRESS):
            await sign_in(url, office, f"guess-{index}", WRONG)
        assert (await sign_in(url, office, "own-admin", PASSWORD)).code == "too_many_attempts"
        assert (await sign_in(url, office, "own-other", PASSWORD)).status == 200
        assert (await sign_in(url, "203.0.113.6", "own-admin", PASSWORD)).status == 200


async def test_many_addresses_guess_one_login_slower_and_slower(behind: Site, quick: None) -> None:
    async with proxy(behind) as url:
        assert (await sign_in(url, "203.0.113.1", "own-agent", PASSWORD)).status == 200
        for index in range(FAILURES_ANYWHERE):
            assert (await sign_in(url, f"198.51.100.{index}", "own-agent", WRONG)).code == "bad_credentials"
        waits = []
        for index in range(5):
            answer = await sign_in(url, f"192.0.2.{index}", "own-agent", WRONG)
            assert answer.code == "too_many_attempts"
            waits.append(answer.json["error"]["details"]["retry_after"])
            assert (await sign_in(url, "203.0.113.1", "own-agent", PASSWORD)).status == 200, "the owner's own address"
            await pass_by(behind, "login:own-agent", timedelta(seconds=waits[-1]))
            assert (await sign_in(url, f"192.0.2.{index}", "own-agent", WRONG)).code == "bad_credentials"
        assert waits == sorted(waits)
        assert waits[-1] > 4 * waits[0]


async def test_addresses_of_one_network_count_as_one(behind: Site, quick: None) -> None:
    async with proxy(behind) as url:
        for index in range(FAILURES_PER_LOGIN):
            await sign_in(url, f"2001:db8:1:1::{index + 1}", "own-agent", WRONG)
        assert (await sign_in(url, "2001:db8:1:1:ffff::1", "own-agent", PASSWORD)).code == "too_many_attempts"
        assert (await sign_in(url, "2001:db8:1:2::1", "own-agent", PASSWORD)).status == 200


async def pass_by(site: Site, key: str, by: timedelta) -> None:
    """Failures of a key are so much older."""
    async with site.database.write() as connection:
        for row in (await connection.execute(select(login_failure).where(login_failure.c.key == key))).all():
            one = update(login_failure).where(login_failure.c.id == row.id)
            await connection.execute(one.values(at=row.at - by))


async def test_requests_of_one_address_are_bounded_behind_a_proxy_too(
    behind: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All connections come from the proxy, so requests are counted by the person's own address."""
    gate = behind.services.gate
    gate.limits = replace(gate.limits, per_address=3)
    inside, go_on = asyncio.Semaphore(0), asyncio.Event()
    identify = behind.services.auth.identify

    async def slow(token: str) -> Any:
        inside.release()
        await go_on.wait()
        return await identify(token)

    monkeypatch.setattr(behind.services.auth, "identify", slow)
    cookie = {"Cookie": f"{COOKIE}={token_of('own', 'agent')}"}
    async with proxy(behind) as url, ClientSession() as http:
        browser = Browser(url, http)
        ask = [
            asyncio.create_task(browser.get("/api/me", headers={"X-Test-Client": "203.0.113.1", **cookie}))
            for _ in range(3)
        ]
        for _ in ask:
            await inside.acquire()
        more = await browser.get("/healthz", headers={"X-Test-Client": "203.0.113.1"})
        assert (more.status, more.code) == (429, "too_many_requests")
        assert (await browser.get("/healthz", headers={"X-Test-Client": "203.0.113.2"})).status == 200
        go_on.set()
        assert {one.status for one in await asyncio.gather(*ask)} == {200}
