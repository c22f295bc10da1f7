"""A client that is no browser: it signs in for a token and uses the same routes (SPEC T-03)."""

from __future__ import annotations

import pytest

from callcenter.web.throttle import FAILURES_PER_LOGIN
from tests.web.support import PASSWORD, Answer, Browser, Site

APP = {"Origin": "capacitor://localhost"}


async def sign_in(browser: Browser, password: str = PASSWORD, **options: object) -> Answer:
    body = {"login": "own-agent", "password": password, "client": "phone"}
    return await browser.ask("POST", "/api/session", body, **options)


def bearer(answer: Answer) -> dict[str, str]:
    return {"Authorization": f"Bearer {answer.json['token']}"}


async def test_a_phone_client_gets_a_token_and_no_cookie(site: Site) -> None:
    async with site.browser() as browser:
        signed = await sign_in(browser)
        assert signed.status == 200 and signed.json["login"] == "own-agent"
        assert len(signed.json["token"]) >= 43 and signed.json["expires_at"].endswith("Z")
        assert "Set-Cookie" not in signed.headers
        assert (await browser.get("/api/me")).code == "not_signed_in"
        me = await browser.get("/api/me", headers=bearer(signed))
        assert me.status == 200 and "token" not in me.json


async def test_a_browser_is_told_no_token(site: Site) -> None:
    async with site.browser() as browser:
        assert "token" not in (await browser.sign_in("own-agent")).json


async def test_the_origin_of_an_app_is_no_obstacle_but_a_cookie_still_is_protected(site: Site) -> None:
    async with site.browser() as browser:
        signed = await sign_in(browser, headers=APP)
        assert signed.status == 200
        state = {"state": "not_ready", "reason": "meal"}
        answer = await browser.ask("PUT", "/api/me/state", state, headers=APP | bearer(signed))
        assert (answer.status, answer.json["reason"]) == (200, "meal")
        assert (await browser.sign_in("own-agent", headers=APP)).code == "bad_origin"
    async with site.browser("agent") as browser:
        assert (await browser.ask("PUT", "/api/me/state", state, headers=APP)).code == "bad_origin"


async def test_a_token_that_is_none_does_not_open_the_cookies_session(site: Site) -> None:
    """A request says once who it is: a bad token is not made good by a cookie, and an origin is checked without one."""
    async with site.browser("agent") as browser:
        assert (await browser.get("/api/me", headers={"Authorization": "Bearer nonsense"})).code == "not_signed_in"
        for value in ("Basic abc", "Bearer", "Bearer  "):
            answer = await browser.ask(
                "PUT", "/api/me/state", {"state": "ready"}, headers=APP | {"Authorization": value}
            )
            assert answer.code == "bad_origin"


async def test_signing_out_ends_the_token(site: Site) -> None:
    async with site.browser() as browser:
        signed = await sign_in(browser)
        other = await sign_in(browser)
        assert (await browser.ask("DELETE", "/api/session", headers=bearer(signed))).status == 204
        assert (await browser.get("/api/me", headers=bearer(signed))).code == "not_signed_in"
        assert (await browser.get("/api/me", headers=bearer(other))).status == 200


async def test_guessing_is_throttled_as_for_a_browser(site: Site) -> None:
    async with site.browser() as browser:
        for _ in range(FAILURES_PER_LOGIN):
            assert (await sign_in(browser, "wrong-horse")).code == "bad_credentials"
        assert (await sign_in(browser)).code == "too_many_attempts"
        assert (await browser.sign_in("own-agent")).code == "too_many_attempts"


@pytest.mark.parametrize("path", ["/live", "/sip"])
async def test_sockets_need_the_token_too(site: Site, path: str) -> None:
    async with site.browser() as browser:
        answer = await browser.get(path, headers={"Authorization": "Bearer nonsense"})
        assert answer.code == "not_signed_in"
