"""What is documented is what there is: settings in the README, routes in the OpenAPI document."""

from __future__ import annotations

import json
import re

import msgspec
import pytest

from callcenter.app import all_routes
from callcenter.settings import ENV_PREFIX, PROJECT_ROOT, Settings
from callcenter.web import openapi, static
from callcenter.web.kit import PUBLIC, Route
from tests.web.support import Site

README = PROJECT_ROOT / "README.md"
ROUTES = [route for route in all_routes() if route.tag != static.routes.tag]


@pytest.mark.parametrize("name", [field.name for field in msgspec.structs.fields(Settings)])
def test_every_setting_is_in_the_readme(name: str) -> None:
    """As a row of the settings table, by its name or by its environment variable."""
    rows = [line.split("|")[1] for line in README.read_text("utf-8").splitlines() if line.startswith("|")]
    named = {word for row in rows for word in re.findall(r"`([^`]+)`", row)}
    assert named & {name, f"{ENV_PREFIX}{name.upper()}"}


def test_the_readme_names_no_setting_that_does_not_exist() -> None:
    known = {field.name for field in msgspec.structs.fields(Settings)} | {"config"}
    for name in re.findall(rf"{ENV_PREFIX}([A-Z0-9_]+)\b(?!\*)", README.read_text("utf-8")):
        assert name.lower() in known, name


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_is_in_the_document(route: Route) -> None:
    document = json.loads(openapi.build_document(ROUTES))
    operation = document["paths"][route.path][route.method.lower()]
    assert operation["x-permission"] == route.permission
    assert operation["x-data-scope"] == route.data
    assert operation["summary"] == route.summary
    assert ("security" in operation) == (route.permission != PUBLIC)
    assert ("401" in operation["responses"]) == (route.permission != PUBLIC or "bad_credentials" in route.errors)
    if route.body is not None:
        assert operation["requestBody"]["content"]["application/json"]["schema"]
    named = {one["name"] for one in operation["parameters"] if one["in"] == "path"}
    assert named == set(re.findall(r"{(\w+)}", route.path))


def test_operation_ids_are_unique() -> None:
    document = json.loads(openapi.build_document(ROUTES))
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids)) == len(ROUTES)


async def test_the_document_and_its_page_are_served_to_anybody(site: Site) -> None:
    async with site.browser() as browser:
        document = (await browser.get("/api/openapi.json")).json
        assert document["openapi"].startswith("3.1") and len(document["paths"]) > 30
        page = (await browser.get("/api/docs")).raw.decode()
        for path in document["paths"]:
            assert f"<code>{path}</code>" in page


def _patterns(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["pattern"]] if isinstance(node.get("pattern"), str) else []
        return own + [found for value in node.values() for found in _patterns(value)]
    return [found for value in node for found in _patterns(value)] if isinstance(node, list) else []


def test_published_patterns_mean_the_same_in_python_and_in_browsers() -> None:
    """A `$` accepts a line break behind it, `\\d` digits of every script in Python and ASCII ones in browsers."""
    patterns = set(_patterns(json.loads(openapi.build_document(ROUTES))))
    assert patterns
    for pattern in patterns:
        assert pattern.startswith("^") and pattern.endswith(r"$(?!\n)"), pattern
        assert not re.search(r"\\[dswDSW]", pattern), pattern


async def test_a_line_break_at_the_end_is_no_part_of_a_code(site: Site) -> None:
    async with site.browser("admin") as admin:
        assert (await admin.ask("POST", "/api/seats", {"code": "A-77\n"})).code == "invalid"
        settings = (await admin.get("/api/settings/company")).json
        for zone in ("localtime", "Factory", "Asia/Shanghai\n"):
            assert (await admin.ask("PUT", "/api/settings/company", settings | {"time_zone": zone})).code == "invalid"
