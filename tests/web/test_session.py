"""Signing in and out: passwords, cookies, throttling, and sessions that end when they must."""

from __future__ import annotations

import asyncio
import statistics
import time
from datetime import timedelta
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError
from sqlalchemy import func, select, update

from callcenter.store.base import utcnow
from callcenter.store.tables.people import audit, employee, login_failure, web_session
from callcenter.web.auth import COOKIE
from callcenter.web.server import HEADERS
from callcenter.web.throttle import FAILURES_PER_ADDRESS, FAILURES_PER_LOGIN, THROTTLE_WINDOW
from tests.web.support import PASSWORD, Browser, FakeSip, Site, World, served

EVERYWHERE = {"all_companies": True}
WRONG = "wrong-horse-battery"


async def stored(site: Site, login: str) -> Any:
    query = select(employee).where(employee.c.login == login).execution_options(**EVERYWHERE)
    async with site.database.read() as connection:
        return (await connection.execute(query)).one()


async def set_employee(site: Site, name: str, **values: Any) -> None:
    who = site.world.own
    statement = update(employee).where(employee.c.company_id == who.id, employee.c.id == who.people[name])
    async with site.database.write() as connection:
        await connection.execute(statement.values(**values))


def cookie_of(answer: Any) -> Any:
    return SimpleCookie(answer.headers["Set-Cookie"])[COOKIE]


# -- who is there ------------------------------------------------------------------------------------------------------


async def test_who_is_signed_in_is_asked_without_an_error(site: Site) -> None:
    async with site.browser() as browser:
        nobody = await browser.get("/api/session")
        assert (nobody.status, nobody.json) == (200, {"me": None})
        await browser.sign_in("own-agent")
        assert (await browser.get("/api/session")).json == {"me": (await browser.get("/api/me")).json}
        await browser.ask("DELETE", "/api/session")
        browser.http.cookie_jar.update_cookies({COOKIE: "made-up"})
        stranger = await browser.get("/api/session")
        assert (stranger.status, stranger.json) == (200, {"me": None})


# -- signing in --------------------------------------------------------------------------------------------------------


async def test_sign_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(site: Site) -> None:
    async with site.browser() as browser:
        answer = await browser.sign_in("own-agent")
        assert answer.status == 200 and answer.json["login"] == "own-agent"
        cookie = cookie_of(answer)
        assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/"
        assert not cookie["domain"] and int(cookie["max-age"]) > 0
        assert not cookie["secure"], "the test is plain HTTP"
        assert len(cookie.value) >= 43, "256 random bits"
        assert (await browser.get("/api/me")).status == 200
        assert cookie.value.encode() not in answer.raw


async def test_behind_https_the_cookie_is_secure(template: Path, world: World, tmp_path: Path) -> None:
    async with (
        served(template, world, tmp_path, public_origin="https://cc.example.com") as site,
        site.browser() as browser,
    ):
        assert cookie_of(await browser.sign_in("own-agent"))["secure"]
        good = await browser.sign_in("own-agent", headers={"Origin": "https://cc.example.com"})
        assert good.status == 200
        for origin in ("http://cc.example.com", "https://cc.example.com.evil.com", site.url):
            assert (await browser.sign_in("own-agent", headers={"Origin": origin})).code == "bad_origin"


async def test_passwords_are_argon2id_and_tokens_are_kept_as_digests_only(site: Site) -> None:
    async with site.browser("admin") as admin, site.browser() as browser:
        body = {"login": "fresh", "name": "新人", "password": "long-enough-1", "role": "agent"}
        assert (await admin.ask("POST", "/api/employees", body)).status == 201
        row = await stored(site, "fresh")
        assert row.password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        token = cookie_of(await browser.sign_in("fresh", "long-enough-1")).value
    async with site.database.read() as connection:
        query = select(web_session.c.token_hash).execution_options(**EVERYWHERE)
        assert all(token not in one for one in (await connection.execute(query)).scalars())


async def test_unknown_login_and_wrong_password_cannot_be_told_apart(site: Site) -> None:
    answers, times = [], []
    async with site.browser() as browser:
        for login in ("own-agent", "nobody-at-all"):
            took = []
            for _ in range(5):
                began = time.perf_counter()
                answer = await browser.sign_in(login, WRONG)
                took.append(time.perf_counter() - began)
            answers.append(
                (answer.status, answer.code, answer.json["error"]["message"], answer.json["error"]["details"])
            )
            times.append(statistics.median(took))
    assert answers[0] == answers[1] == (401, "bad_credentials", answers[0][2], {})
    assert max(times) < 3 * min(times), f"the time tells which accounts exist: {times}"


@pytest.mark.parametrize("state", ["disabled", "departed"])
async def test_an_inactive_account_is_told_so_only_with_the_right_password(site: Site, state: str) -> None:
    await set_employee(site, "agent", account_state=state)
    async with site.browser() as browser:
        assert (await browser.sign_in("own-agent", WRONG)).code == "bad_credentials"
        answer = await browser.sign_in("own-agent")
        assert (answer.status, answer.code) == (403, "account_inactive")
        assert "Set-Cookie" not in answer.headers


# -- throttling --------------------------------------------------------------------------------------------------------


async def test_a_login_is_throttled_even_for_the_right_password(site: Site) -> None:
    async with site.browser() as browser:
        for _ in range(FAILURES_PER_LOGIN):
            assert (await browser.sign_in("own-agent", WRONG)).code == "bad_credentials"
        answer = await browser.sign_in("own-agent")
        assert (answer.status, answer.code) == (429, "too_many_attempts")
        wait = int(answer.headers["Retry-After"])
        assert 0 < wait <= THROTTLE_WINDOW.total_seconds() + 1
        assert answer.json["error"]["details"] == {"retry_after": wait}
        assert (await browser.sign_in("own-other")).status == 200, "others are not locked out"
        await _age(site, THROTTLE_WINDOW)
        assert (await browser.sign_in("own-agent")).status == 200
        assert (await browser.sign_in("own-agent", WRONG)).code == "bad_credentials", "a success clears the count"


async def test_an_address_that_tries_many_logins_is_throttled(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def quick(stored_hash: str, password: str) -> bool:
        return password == PASSWORD

    monkeypatch.setattr(site.services.auth, "verify", quick)
    async with site.browser() as browser:
        for index in range(FAILURES_PER_ADDRESS):
            assert (await browser.sign_in(f"guess-{index}", WRONG)).code == "bad_credentials"
        answer = await browser.sign_in("own-agent")
        assert (answer.status, answer.code) == (429, "too_many_attempts")
        assert int(answer.headers["Retry-After"]) > 0


async def test_attempts_all_at_once_get_no_more_guesses(site: Site) -> None:
    """A burst passes the first look together; the password must not be confirmed to those beyond the limit."""
    async with site.browser() as browser:
        burst = [browser.sign_in("own-agent", WRONG) for _ in range(4 * FAILURES_PER_LOGIN)]
        codes = [answer.code for answer in await asyncio.gather(*burst)]
        assert set(codes) == {"bad_credentials", "too_many_attempts"}
        # Two hashes are computed at a time, so two answers may be under way when the limit is reached.
        assert codes.count("bad_credentials") <= FAILURES_PER_LOGIN + 2
        assert (await browser.sign_in("own-agent")).code == "too_many_attempts"


async def test_a_stolen_session_is_no_oracle_for_the_password(site: Site) -> None:
    async with site.browser("agent") as browser:
        for _ in range(FAILURES_PER_LOGIN):
            guess = {"old_password": WRONG, "new_password": "another-password"}
            assert (await browser.ask("PUT", "/api/me/password", guess)).code == "bad_credentials"
        right = {"old_password": PASSWORD, "new_password": "another-password"}
        assert (await browser.ask("PUT", "/api/me/password", right)).code == "too_many_attempts"


async def _age(site: Site, by: timedelta) -> None:
    async with site.database.write() as connection:
        rows = (await connection.execute(select(login_failure))).all()
        for row in rows:
            await connection.execute(
                update(login_failure).where(login_failure.c.id == row.id).values(at=row.at - by - timedelta(seconds=1))
            )


# -- the end of a session ----------------------------------------------------------------------------------------------


async def test_sign_out_ends_the_session_on_the_server(site: Site) -> None:
    async with site.browser() as browser, site.browser() as thief:
        token = cookie_of(await browser.sign_in("own-agent")).value
        thief.http.cookie_jar.update_cookies({COOKIE: token})
        assert (await thief.get("/api/me")).status == 200
        assert (await browser.ask("DELETE", "/api/session")).status == 204
        assert (await browser.get("/api/me")).status == 401
        assert (await thief.get("/api/me")).status == 401, "a copied cookie is worth nothing after sign-out"
    assert site.telephony.revoked == [site.world.own.people["agent"]]


async def test_a_session_expires_on_the_server(site: Site) -> None:
    async with site.browser("agent") as browser:
        assert (await browser.get("/api/me")).status == 200
        async with site.database.write() as connection:
            past = update(web_session).values(expires_at=utcnow() - timedelta(seconds=1))
            await connection.execute(past.execution_options(**EVERYWHERE))
        assert (await browser.get("/api/me")).status == 401


async def test_a_changed_password_ends_the_other_sessions(site: Site) -> None:
    async with site.browser("agent") as browser, site.browser() as elsewhere:
        await elsewhere.sign_in("own-agent")
        socket = await elsewhere.http.ws_connect(site.url + "/live")
        await socket.send_json({"type": "hello"})
        await socket.receive(timeout=5)
        change = {"old_password": PASSWORD, "new_password": "another-password"}
        assert (await browser.ask("PUT", "/api/me/password", change)).status == 204
        assert (await browser.get("/api/me")).status == 200, "the one that changed it stays"
        assert (await elsewhere.get("/api/me")).status == 401
        assert (await closing(socket)) == 4401
        assert (await elsewhere.sign_in("own-agent")).code == "bad_credentials"
        assert (await elsewhere.sign_in("own-agent", "another-password")).status == 200
        wrong = {"old_password": PASSWORD, "new_password": "third-password"}
        assert (await browser.ask("PUT", "/api/me/password", wrong)).code == "bad_credentials"


async def test_an_admins_reset_ends_every_session_of_the_employee(site: Site) -> None:
    target = site.world.own.people["agent"]
    async with site.browser("admin") as admin, site.browser("agent") as agent:
        socket = await agent.http.ws_connect(site.url + "/live")
        await socket.send_json({"type": "hello"})
        await socket.receive(timeout=5)
        reset = await admin.ask("POST", f"/api/employees/{target}/password", {"password": "reset-password"})
        assert reset.status == 204
        assert (await agent.get("/api/me")).status == 401
        assert (await closing(socket)) == 4401
        assert target in site.telephony.revoked


async def test_a_disabled_employee_loses_everything_at_once(template: Path, world: World, tmp_path: Path) -> None:
    """Session, live connection and browser phone; and an enabled one may come back."""
    target, upstream = world.own.people["agent"], FakeSip()
    async with (
        upstream.running(),
        served(template, world, tmp_path, sip_upstream=upstream.url) as site,
        site.browser("admin") as admin,
        site.browser("agent") as agent,
    ):
        live = await agent.http.ws_connect(site.url + "/live")
        await live.send_json({"type": "hello"})
        await live.receive(timeout=5)
        phone = await agent.http.ws_connect(site.url + "/sip", protocols=("sip",))
        assert (await admin.ask("PATCH", f"/api/employees/{target}", {"account_state": "disabled"})).status == 200
        assert (await closing(live)) == 4401
        assert (await closing(phone)) == 4401
        assert target in site.telephony.revoked
        assert (await agent.get("/api/me")).status == 401
        for path in ("/live", "/sip"):
            with pytest.raises(WSServerHandshakeError) as refused:
                await agent.http.ws_connect(site.url + path)
            assert refused.value.status == 401
        assert (await agent.sign_in("own-agent")).code == "account_inactive"
        assert (await admin.ask("PATCH", f"/api/employees/{target}", {"account_state": "active"})).status == 200
        assert (await agent.sign_in("own-agent")).status == 200


async def test_an_agent_who_may_no_longer_dial_loses_the_phone(template: Path, world: World, tmp_path: Path) -> None:
    upstream = FakeSip()
    async with (
        upstream.running(),
        served(template, world, tmp_path, sip_upstream=upstream.url) as site,
        site.browser("admin") as admin,
        site.browser("agent") as agent,
    ):
        phone = await agent.http.ws_connect(site.url + "/sip", protocols=("sip",))
        target = f"/api/employees/{world.own.people['agent']}"
        assert (await admin.ask("PATCH", target, {"name": "改名", "role": "agent"})).status == 200
        assert not phone.closed and not site.telephony.revoked, "another name is no reason to cut the phone off"
        assert (await admin.ask("PATCH", target, {"role": "admin"})).status == 200
        assert (await closing(phone)) == 4401


async def test_sign_out_ends_the_browser_phone(template: Path, world: World, tmp_path: Path) -> None:
    upstream = FakeSip()
    async with (
        upstream.running(),
        served(template, world, tmp_path, sip_upstream=upstream.url) as site,
        site.browser("agent") as agent,
    ):
        phone = await agent.http.ws_connect(site.url + "/sip", protocols=("sip",))
        live = await agent.http.ws_connect(site.url + "/live")
        await live.send_json({"type": "hello"})
        await live.receive(timeout=5)
        assert (await agent.ask("DELETE", "/api/session")).status == 204
        assert (await closing(phone)) == 4401
        assert (await closing(live)) == 4401


async def closing(socket: Any) -> int | None:
    """The code with which the server closes."""
    while True:
        message = await socket.receive(timeout=5)
        if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED, WSMsgType.CLOSING):
            code: int | None = socket.close_code
            return code


# -- other sites -------------------------------------------------------------------------------------------------------

FOREIGN_ORIGINS = ["https://evil.example", "null", "http://127.0.0.1:1", "http://[", "file://", "http://"]


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_a_request_from_another_site_changes_nothing(site: Site, origin: str) -> None:
    async with site.browser("admin") as browser:
        body = {"name": "外来"}
        answer = await browser.ask("POST", "/api/departments", body, headers={"Origin": origin})
        assert (answer.status, answer.code) == (403, "bad_origin")
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert all(one["name"] != "外来" for one in (await browser.get("/api/departments")).json)
        same = await browser.ask("POST", "/api/departments", {"name": "自己"}, headers={"Origin": site.url})
        assert same.status == 201


async def test_a_cross_site_request_without_origin_is_known_by_its_fetch_metadata(site: Site) -> None:
    async with site.browser("admin") as browser:
        headers = {"Sec-Fetch-Site": "cross-site"}
        assert (await browser.ask("POST", "/api/departments", {"name": "外来"}, headers=headers)).code == "bad_origin"


@pytest.mark.parametrize("path", ["/live", "/sip"])
@pytest.mark.parametrize("origin", ["https://evil.example", "null"])
async def test_a_socket_from_another_site_is_refused(site: Site, path: str, origin: str) -> None:
    """Browsers send cookies with any WebSocket and do not apply the same-origin rule to it."""
    async with site.browser("agent") as browser:
        with pytest.raises(WSServerHandshakeError) as refused:
            await browser.http.ws_connect(site.url + path, origin=origin)
        assert refused.value.status == 403


# -- headers and passwords ---------------------------------------------------------------------------------------------


async def test_security_headers_are_on_every_answer(site: Site) -> None:
    async with site.browser("agent") as browser:
        for path in (
            "/",
            "/healthz",
            "/api/me",
            "/api/nothing",
            "/api/employees",
            "/api/docs",
            "/live",
            "/assets/x.js",
        ):
            answer = await browser.get(path)
            for name, value in HEADERS.items():
                assert answer.headers.get(name) == value, f"{path} {answer.status}: {name}"
            if path.startswith("/api/"):
                assert answer.headers["Cache-Control"] == "no-store", path
        policy = answer.headers["Content-Security-Policy"]
        assert "script-src 'self';" in policy and "unsafe-eval" not in policy and "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("weak", ["short-7", "own-agent", "OWN-AGENT", "1234567", "x"])
async def test_weak_passwords_are_refused_everywhere(site: Site, weak: str) -> None:
    async with site.browser("admin") as admin, site.browser("agent") as agent:
        change = {"old_password": PASSWORD, "new_password": weak}
        answer = await agent.ask("PUT", "/api/me/password", change)
        assert (answer.status, answer.code) == (422, "password_weak")
        reset = f"/api/employees/{site.world.own.people['agent']}/password"
        assert (await admin.ask("POST", reset, {"password": weak})).code == "password_weak"
        new = {"login": "own-agent", "name": "新人", "password": weak, "role": "agent"}
        assert (await admin.ask("POST", "/api/employees", new)).code == "password_weak"
        assert (await agent.sign_in("own-agent")).status == 200, "the old one still holds"


async def test_signing_in_and_password_changes_are_audited_without_secrets(site: Site) -> None:
    async with site.browser() as browser:
        await browser.sign_in("own-agent")
        change = {"old_password": PASSWORD, "new_password": "another-password"}
        await browser.ask("PUT", "/api/me/password", change)
    company = site.world.own.id
    async with site.database.read() as connection:
        rows = (await connection.execute(select(audit).where(audit.c.company_id == company))).all()
        count = await connection.execute(select(func.count()).select_from(audit).where(audit.c.company_id == company))
        assert count.scalar_one() == len(rows)
    assert {"session.sign_in", "password.changed"} <= {row.action for row in rows}
    assert not any("another-password" in repr(row) or PASSWORD in repr(row) for row in rows)


async def test_a_browser_that_signs_in_again_gets_another_token(site: Site) -> None:
    """A session that somebody planted before the sign-in must not become the person's."""
    async with site.browser() as browser:
        browser.http.cookie_jar.update_cookies({COOKIE: "planted"})
        first = cookie_of(await browser.sign_in("own-agent")).value
        second = cookie_of(await browser.sign_in("own-agent")).value
        assert len({"planted", first, second}) == 3
        assert isinstance(browser, Browser)
