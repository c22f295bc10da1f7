"""Generated requests against the generated document: no crash, and every answer is one that the document promises."""

from __future__ import annotations

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from callcenter.app import all_routes
from callcenter.web import openapi, static
from callcenter.web.auth import COOKIE
from tests.web.support import Site, World, served, token_of

ROUTES = [route for route in all_routes() if route.tag != static.routes.tag]
DOCUMENT = json.loads(openapi.build_document(ROUTES))
LEFT_OUT = {
    ("get", "/live"): "a WebSocket, not request and answer; see test_live",
    ("get", "/sip"): "a WebSocket, not request and answer; see test_softphone_bridge",
    ("delete", "/api/session"): "ends the very session that all other requests use; see test_session",
}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 25
# The session is a real one: told of the cookie, the generator would make up its own and see nothing but 401.
for operations in DOCUMENT["paths"].values():
    for operation in operations.values():
        operation.pop("security", None)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
OPERATIONS = {
    f"{method.upper()} {path}": SCHEMA[path][method]
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if (method, path) not in LEFT_OUT
}
# A refused login costs the same as a good one, and its throttle would answer all but the first few.
FEWER = {"POST /api/session": 6}


class Served:
    """The product in a thread of its own: generated requests come from plain synchronous code."""

    def __init__(self, template: Path, world: World, folder: Path) -> None:
        self._arguments = (template, world, folder)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._end: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self.site: Site | None = None

    async def _run(self) -> None:
        self._end = asyncio.Event()
        async with served(*self._arguments) as site:
            self.site = site
            self._ready.set()
            await self._end.wait()

    def __enter__(self) -> Site:
        self._thread.start()
        assert self._ready.wait(20) and self.site is not None
        return self.site

    def __exit__(self, *_: object) -> None:
        assert self._end is not None
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture(scope="module", params=["admin", "agent"])
def person(
    request: pytest.FixtureRequest, template: Path, world: World, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Site, requests.Session, str]]:
    role = str(request.param)
    with Served(template, world, tmp_path_factory.mktemp("generated")) as site, requests.Session() as session:
        session.cookies.set(COOKIE, token_of("own", role))
        yield site, session, role
        assert session.get(f"{site.url}/api/me", timeout=10).status_code == 200, "the session was lost on the way"
        assert not site.pbx.originated(), "no generated request may ring a phone"


def test_only_these_are_left_out() -> None:
    assert len(OPERATIONS) == len(ROUTES) - len(LEFT_OUT)


def modes(name: str) -> list[GenerationMode]:
    """Good requests, and broken ones where there is something to break."""
    route = next(one for one in ROUTES if f"{one.method} {one.path}" == name)
    takes = route.body is not None or route.query is not None or "{" in route.path
    return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes else [GenerationMode.POSITIVE]


@pytest.mark.parametrize("name", OPERATIONS)
def test_generated_requests(person: tuple[Site, requests.Session, str], name: str) -> None:
    site, session, role = person
    operation = OPERATIONS[name]
    # Generated ids hit nothing. The colleague's rows are real, and changing them does not end this session.
    other = site.world.own.other
    real = {"id": other.get([*name.split("/"), ""][2].removesuffix("s")), "call_id": "own-agent-call"}
    seen: Counter[int] = Counter()

    @settings(
        max_examples=FEWER.get(name, EXAMPLES),
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes(name)]), known=st.booleans())
    def check(case: Any, known: bool) -> None:
        for parameter in case.path_parameters or {}:
            if known and real.get(parameter) is not None:
                case.path_parameters[parameter] = real[parameter]
        seen[case.call_and_validate(base_url=site.url, session=session, checks=CHECKS, timeout=10).status_code] += 1

    check()
    if name != "POST /api/session":
        assert seen[401] < seen.total(), f"{role} was not signed in, so nothing was tried"
