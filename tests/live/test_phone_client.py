"""A call that a phone client starts is the same call as one from the web: log, charge, pop, live view (T-03)."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from aiohttp import ClientSession

from tests.live.calls import CUSTOMER, over
from tests.live.installation import PASSWORD, Agent, Installation

pytestmark = pytest.mark.live


class App:
    """A client that keeps no cookies and says whom it speaks for in each request."""

    def __init__(self, url: str, http: ClientSession, token: str) -> None:
        self._url, self._http = url, http
        self._headers = {"Authorization": f"Bearer {token}", "Origin": "capacitor://localhost"}

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        async with self._http.request(method, self._url + path, json=body, headers=self._headers | headers) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def live_call(self, call_id: str) -> dict[str, Any]:
        """The talking call as the app's own live connection shows it."""
        url = self._url.replace("http", "ws", 1) + "/live"
        async with self._http.ws_connect(url, headers=self._headers) as socket:
            await socket.send_json({"type": "hello", "resume": None})
            found: dict[str, Any] = (await socket.receive_json())["entities"]["call"][call_id]
            return found


async def _open(site: Installation, login: str) -> App:
    http = ClientSession()
    body = {"login": login, "password": PASSWORD, "client": "phone"}
    async with http.post(site.url + "/api/session", json=body) as answer:
        assert answer.status == 200 and not answer.cookies
        token = (await answer.json())["token"]
    return App(site.url, http, token)


def _shape(value: Any) -> Any:
    """Names and kinds of a JSON value, without what differs from call to call."""
    if isinstance(value, dict):
        return {key: _shape(one) for key, one in sorted(value.items())}
    return [_shape(one) for one in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.feature("T-03")
async def test_an_apps_call_is_the_same_object_as_the_webs(site: Installation) -> None:
    agent = await site.agent(0)
    app = await _open(site, "agent0")
    try:
        shapes = []
        for dial in (_by_web, _by_app):
            before = (await agent.client.get("/api/me/minutes"))["minutes_left"]
            pops = len(agent.live.events("pop"))
            call_id = await dial(agent, app)
            await agent.wait_state(call_id, "talking")
            pop = await agent.next_pop(pops)
            await asyncio.sleep(1.5)
            live = await app.live_call(call_id)
            assert live == agent.live.entities["call"][call_id], "both clients see one call"
            await app.ask("POST", f"/api/calls/{call_id}/hangup")
            await agent.wait_ended(call_id)
            found = await over(site, agent, call_id)
            found = await site.recorded(agent.client, call_id)
            assert (found["call"]["source"], found["call"]["minutes_charged"]) == ("manual", 1)
            assert (await app.ask("GET", "/api/me/minutes"))["minutes_left"] == before - 1
            assert await app.ask("GET", f"/api/calls/{call_id}") == await agent.client.get(f"/api/calls/{call_id}")
            shapes.append(_shape([found["call"], found["legs"], found["entries"], pop["direction"], live]))
        assert shapes[0] == shapes[1]
    finally:
        await app._http.close()


async def _by_web(agent: Agent, app: App) -> str:
    return await agent.client.dial(CUSTOMER)


async def _by_app(agent: Agent, app: App) -> str:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    first = await app.ask("POST", "/api/calls", {"number": CUSTOMER}, **key)
    again = await app.ask("POST", "/api/calls", {"number": CUSTOMER}, **key)
    assert first == again, "the same key never dials twice, whoever sends it"
    return str(first["call_id"])
