"""The OpenAPI 3.1 document, generated from the very types that validate requests."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiohttp import web

from callcenter import __version__
from callcenter.web.document_types import DocumentTypes, types_of
from callcenter.web.errors import CATALOGUE
from callcenter.web.kit import PUBLIC, SIGNED_IN, Context, Route, Routes, dump
from callcenter.web.services import Services

routes = Routes("documentation")

ERROR_REFERENCE = {"$ref": "#/components/schemas/Error"}
DOCUMENT: web.AppKey[bytes] = web.AppKey("openapi", bytes)


class ErrorText(msgspec.Struct):
    zh: str
    en: str


class ErrorInfo(msgspec.Struct):
    code: str
    message: ErrorText
    details: dict[str, Any]
    request_id: str


class Error(msgspec.Struct):
    """The one error shape."""

    error: ErrorInfo


@routes.add("GET", "/api/openapi.json", permission=PUBLIC, data="none", summary="This document", raw=True)
async def document(services: Services, context: Context) -> web.Response:
    return web.Response(body=context.request.app[DOCUMENT], content_type="application/json")


@routes.add("GET", "/api/docs", permission=PUBLIC, data="none", summary="This document as a page", raw=True)
async def docs(services: Services, context: Context) -> web.Response:
    page = _rendered(context.request.app[DOCUMENT])
    return web.Response(body=page, content_type="text/html", charset="utf-8")


@functools.lru_cache(maxsize=1)
def _rendered(document: bytes) -> bytes:
    """Rendered once: anybody may ask for it, as often as they like."""
    return render_page(msgspec.json.decode(document)).encode()


def build_document(all_routes: Sequence[Route], events: Mapping[str, Any] | None = None) -> bytes:
    """The whole document as JSON; `events`: the data of each passing event of the live link, by its name."""
    told = msgspec.defstruct("LiveEvents", [(str(name), data) for name, data in (events or {}).items()])
    types = types_of(
        answers=[Error, told, *(one.answers for one in all_routes if one.answers is not None)],
        bodies=[one.body for one in all_routes if one.body is not None],
        queries=[one.query for one in all_routes if one.query is not None],
    )
    paths: dict[str, dict[str, Any]] = {}
    for route in all_routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, types)
    return dump(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "Call centre API",
                "version": __version__,
                "description": "All times are RFC 3339 in UTC. Errors have one shape with a stable code.",
            },
            "servers": [{"url": "/"}],
            "paths": paths,
            "components": {
                "schemas": types.components,
                "securitySchemes": {
                    "session": {"type": "apiKey", "in": "cookie", "name": "cc_session"},
                    "phone": {"type": "http", "scheme": "bearer"},
                },
            },
        }
    )


def _operation(route: Route, types: DocumentTypes) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{route.tag}_{route.handler.__name__}",
        "summary": route.summary,
        "tags": [route.tag],
        "x-permission": route.permission,
        "x-data-scope": route.data,
        "parameters": [_path_parameter(name) for name in re.findall(r"{(\w+)}", route.path)],
        "responses": _responses(route, types),
    }
    if route.permission != PUBLIC:
        operation["security"] = [{"session": []}, {"phone": []}]
    if route.query is not None:
        operation["parameters"] += _query_parameters(types.query(route.query))
    if "key_missing" in route.errors:
        operation["parameters"].append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": 60, "pattern": r"^[!-~]+$(?!\n)"},
            }
        )
    if route.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": types.body(route.body)}},
        }
    return operation


def _path_parameter(name: str) -> dict[str, Any]:
    """As `kit.read_params` reads them."""
    schema: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 64 if name == "call_id" else 100}
    if name.endswith("id") and name != "call_id":
        schema = {"type": "integer", "minimum": 1, "maximum": 2**31 - 1}
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _query_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": value}
        for name, value in schema["properties"].items()
    ]


def _responses(route: Route, types: DocumentTypes) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "OK"}
    if route.answers is not None:
        good["content"] = {"application/json": {"schema": types.answer(route.answers)}}
    elif route.raw and route.status == 200:
        good["content"] = {"*/*": {}}
    responses = {str(route.status): good}
    codes = [*route.errors]
    if route.permission != PUBLIC:
        codes.append("not_signed_in")
    if route.permission not in (PUBLIC, SIGNED_IN):
        codes.append("forbidden")
    if route.body is not None:
        codes += ["bad_json", "invalid", "too_large", "bad_origin"]
    if route.query is not None:
        codes.append("invalid")
    if "{" in route.path:
        codes.append("not_found")
    if "{call_id}" in route.path:
        codes.append("invalid")
    by_status: dict[int, list[str]] = {}
    for code in dict.fromkeys(codes):
        by_status.setdefault(CATALOGUE[code].status, []).append(code)
    for status, names in sorted(by_status.items()):
        responses[str(status)] = {
            "description": ", ".join(names),
            "content": {"application/json": {"schema": ERROR_REFERENCE}},
        }
    return responses


def render_page(spec: dict[str, Any]) -> str:
    """A plain page without scripts: what exists, who may call it, what it may answer."""
    parts = [
        "<!doctype html><html lang='en'><meta charset='utf-8'><title>API</title>",
        "<meta name='viewport' content='width=device-width,initial-scale=1'><style>",
        "body{font:15px/1.55 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1d2733}",
        "code{background:#f2f4f6;padding:.1em .35em;border-radius:4px}h2{margin-top:2.2rem;text-transform:capitalize}",
        "article{border-top:1px solid #e3e7eb;padding:.7rem 0}b.m{display:inline-block;width:4.2rem;color:#0f6b5c}",
        "small{color:#5b6875}</style><h1>Call centre API</h1><p>Machine-readable: ",
        "<a href='/api/openapi.json'>openapi.json</a> (OpenAPI 3.1)</p>",
    ]
    tags: dict[str, list[str]] = {}
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            answers = " · ".join(f"{status} {one['description']}" for status, one in operation["responses"].items())
            tags.setdefault(operation["tags"][0], []).append(
                f"<article><b class='m'>{method.upper()}</b> <code>{path}</code><br>{operation['summary']}<br>"
                f"<small>permission {operation['x-permission']} · data {operation['x-data-scope']}<br>{answers}</small>"
                "</article>"
            )
    for tag, articles in tags.items():
        parts += [f"<h2>{tag}</h2>", *articles]
    return "".join(parts) + "</html>"
