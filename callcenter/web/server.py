"""Builds the aiohttp application from the routes: sessions, permissions, errors, headers."""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from contextlib import nullcontext
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler as AioHandler
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from callcenter.domain.refusals import Refusal
from callcenter.intake.room import Busy, Place
from callcenter.store.errors import DatabaseUnavailable, is_full, refuses_value
from callcenter.web.auth import FOREIGN_ORIGIN, bearer, session_token
from callcenter.web.errors import CATALOGUE, body_of
from callcenter.web.gate import BodyTooSlow
from callcenter.web.kit import PUBLIC, SIGNED_IN, Context, Route, dump, read_body, read_params, read_query
from callcenter.web.peer import PEER, is_origin, is_reached_as, peer_of
from callcenter.web.services import SERVICES, Services

log = logging.getLogger(__name__)

MAX_BODY = 1024 * 1024
RETRY_DATABASE_SECONDS = 2
_PLAIN: dict[type[Exception], str] = {
    BodyTooSlow: "request_timeout",
    web.HTTPRequestEntityTooLarge: "too_large",
    web.HTTPNotFound: "not_found",
}
STRICT_TRANSPORT = f"max-age={365 * 24 * 3600}"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self' ws: wss:; object-src 'none'; base-uri 'none'; "
        "frame-ancestors 'none'; form-action 'self'"
    ),
}
SCRIPTS_AND_STYLES = "/assets/"
FOR_ASSETS = frozenset({"X-Content-Type-Options"})
"""The others say what a page may do; a page asks for a hundred files, and repeating them weighs as much as the code."""


def build(services: Services, routes: Iterable[Route]) -> web.Application:
    """The application with every route behind its permission."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_errors, _entrance, _origin])
    app[SERVICES] = services
    for route in routes:
        app.router.add_route(route.method, route.path, _guarded(route))
    app.on_response_prepare.append(_headers)
    return app


def _guarded(route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        context = Context(request, await _identity(services, request, route))
        # Sockets stay, and have limits of their own.
        counted = context.identity is not None and route.path.startswith("/api/")
        with services.gate.person(context.me.employee_id) if counted else nullcontext():
            return await _answered(route, services, context)

    return handle


def _place(services: Services, context: Context, held: contextlib.ExitStack) -> Place:
    try:
        return held.enter_context(services.intake.place(context.me.employee_id))
    except Busy as error:
        raise Refusal("uploads_busy", retry_after=error.retry_after) from None


async def _answered(route: Route, services: Services, context: Context) -> web.StreamResponse:
    request = context.request
    context.params = read_params(request)
    if route.query is not None:
        context.query = read_query(request, route.query)
    if route.body is not None:
        context.body = await read_body(request, route.body)
    with contextlib.ExitStack() as held:
        if route.upload:
            # Before a byte of the body is read: what waits is bounded too.
            context.place = _place(services, context, held)
        answer = await route.handler(services, context)
    if route.raw:
        assert isinstance(answer, web.StreamResponse)
        return answer
    if route.status == 204:
        return web.Response(status=204)
    return web.Response(body=dump(answer), status=route.status, content_type="application/json")


async def _identity(services: Services, request: web.Request, route: Route) -> Any:
    """The session's identity, checked against the route's permission; default deny."""
    if route.permission == PUBLIC:
        return None
    token = session_token(request)
    identity = await services.auth.identify(token) if token else None
    if identity is None:
        raise Refusal("not_signed_in")
    if route.permission != SIGNED_IN and not identity.may(route.permission):
        raise Refusal("forbidden", permission=route.permission)
    return identity


@web.middleware
async def _errors(request: web.Request, handler: AioHandler) -> web.StreamResponse:
    """Turns everything that goes wrong into the one error shape; a bug is logged under the id the client is told."""
    request_id = secrets.token_hex(6)
    try:
        return await handler(request)
    except Refusal as refusal:
        return _answer(_known(refusal.code, request_id), refusal.details, request_id)
    except (BodyTooSlow, web.HTTPRequestEntityTooLarge, web.HTTPNotFound) as error:
        return _answer(_PLAIN[type(error)], {}, request_id)
    except web.HTTPMethodNotAllowed as error:
        response = _answer("method_not_allowed", {}, request_id)
        response.headers["Allow"] = error.headers.get("Allow", "")
        return response
    except web.HTTPException as error:
        if error.status < 400:
            raise
        code = "range_invalid" if error.status == 416 else "invalid"
        return _answer(code, {"reason": error.reason}, request_id)
    except DatabaseUnavailable as error:
        log.warning("request %s: %s", request_id, error)
        return _answer("database_unavailable", {"retry_after": RETRY_DATABASE_SECONDS}, request_id)
    except DBAPIError as error:
        return _answer(_of_database(error, request_id), {}, request_id)
    except (ConnectionResetError, ConnectionError):
        raise
    except Exception:
        log.exception("request %s failed: %s %s", request_id, request.method, request.path)
        return _answer("internal", {}, request_id)


def _known(code: str, request_id: str) -> str:
    """The code, if there are words for it; else what a bug is told as."""
    if code in CATALOGUE:
        return code
    log.error("request %s: there are no words for %s", request_id, code)
    return "internal"


def _of_database(error: DBAPIError, request_id: str) -> str:
    """The code for what the database said to a statement."""
    if isinstance(error, IntegrityError | DataError) or refuses_value(error):
        log.warning("request %s: the database refused a value", request_id, exc_info=error)
        return "conflict" if isinstance(error, IntegrityError) else "invalid"
    log.error("request %s: the database failed", request_id, exc_info=error)
    return "storage_full" if is_full(error) else "internal"


def _answer(code: str, details: dict[str, Any], request_id: str) -> web.Response:
    response = web.Response(
        body=dump(body_of(code, details, request_id)),
        status=CATALOGUE[code].status,
        content_type="application/json",
    )
    if "retry_after" in details:
        response.headers["Retry-After"] = str(details["retry_after"])
    return response


@web.middleware
async def _entrance(request: web.Request, handler: AioHandler) -> web.StreamResponse:
    """Says whose request this is (`PEER`), refuses foreign host names and too many requests at once."""
    services = request.app[SERVICES]
    settings = services.settings
    peer = request[PEER] = peer_of(request, settings.proxy_networks)
    with services.gate.request(request, peer.address):
        if not settings.public_origin and not is_reached_as(request, peer, settings.host):
            raise Refusal("bad_host", host=peer.host[:200])
        return await handler(request)


@web.middleware
async def _origin(request: web.Request, handler: AioHandler) -> web.StreamResponse:
    """Cross-site requests carry a foreign Origin: they may neither change anything nor open a socket.

    A request with a bearer token is none: no browser adds that header by itself. Who signs in from a foreign origin
    gets a token at most, never a cookie (see the session resource).
    """
    if bearer(request):
        return await handler(request)
    origin = request.headers.get("Origin")
    upgrading = request.headers.get("Upgrade", "").lower() == "websocket"
    unsafe = request.method not in SAFE_METHODS or upgrading
    foreign = bool(origin and unsafe and not _same(request, origin))
    foreign |= request.headers.get("Sec-Fetch-Site") == "cross-site" and request.method not in SAFE_METHODS
    if foreign and (request.method, request.path) != ("POST", "/api/session"):
        raise Refusal("bad_origin")
    request[FOREIGN_ORIGIN] = foreign
    return await handler(request)


def _same(request: web.Request, origin: str) -> bool:
    configured = request.app[SERVICES].settings.public_origin
    if configured:
        return origin == configured.rstrip("/")
    return is_origin(request[PEER], origin)


async def _headers(request: web.Request, response: web.StreamResponse) -> None:
    asset = request.path.startswith(SCRIPTS_AND_STYLES) and response.status in (200, 206, 304)
    for name, value in HEADERS.items():
        if not asset or name in FOR_ASSETS:
            response.headers.setdefault(name, value)
    settings = request.app[SERVICES].settings
    peer = request.get(PEER)
    if (peer is not None and peer.secure) or settings.public_origin.startswith("https://"):
        response.headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
    if request.path.startswith("/api/"):
        response.headers.setdefault("Cache-Control", "no-store")
