"""What the CRM's routes declare."""

from __future__ import annotations

import msgspec

from callcenter.declared import modules
from callcenter.web.errors import CATALOGUE
from callcenter.web.kit import Routes
from callcenter.web.permissions import PERMISSIONS

CONTRACT = {
    ("GET", "/api/customers"): "customers.view",
    ("POST", "/api/customers"): "customers.edit",
    ("GET", "/api/customers/match"): "customers.view",
    ("GET", "/api/customers/{id}"): "customers.view",
    ("PATCH", "/api/customers/{id}"): "customers.edit",
    ("DELETE", "/api/customers/{id}"): "customers.delete",
    ("GET", "/api/customers/{id}/timeline"): "customers.view",
    ("POST", "/api/customers/{id}/notes"): "customers.edit",
    ("GET", "/api/notes"): "customers.view",
    ("PATCH", "/api/notes/{id}"): "customers.edit",
    ("DELETE", "/api/notes/{id}"): "customers.edit",
    ("GET", "/api/tags"): "customers.view",
}


ROUTES = [
    route
    for module in modules()
    if module.__name__.startswith("crm_bridge.")
    for routes in vars(module).values()
    if isinstance(routes, Routes)
    for route in routes.routes
]


def test_the_routes_are_those_of_the_contract_and_none_is_open() -> None:
    assert {(route.method, route.path): route.permission for route in ROUTES} == CONTRACT
    for route in ROUTES:
        assert route.permission in PERMISSIONS
        assert route.data in ("scoped", "company")
        assert set(route.errors) <= set(CATALOGUE)
    paths = [route.path for route in ROUTES if route.method == "GET"]
    assert paths.index("/api/customers/match") < paths.index("/api/customers/{id}"), "or `match` is taken for an id"


def test_every_type_can_be_documented() -> None:
    for route in ROUTES:
        for kind in (route.body, route.query, route.answers):
            if kind is not None:
                assert msgspec.json.schema(kind)
