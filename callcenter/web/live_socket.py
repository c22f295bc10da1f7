"""GET /live: the WebSocket behind every page that moves by itself."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any, Literal

import msgspec
from aiohttp import WSMsgType, web

from callcenter.domain.refusals import Refusal
from callcenter.web.auth import session_token
from callcenter.web.kit import SIGNED_IN, Context, Routes, dump
from callcenter.web.live import Client, LiveHub
from callcenter.web.live_messages import LiveMessage, Pong
from callcenter.web.services import Services
from callcenter.web.sockets import REVOKED, Socket

routes = Routes("live")

HELLO_SECONDS = 10.0


class Resume(msgspec.Struct):
    epoch: Annotated[str, msgspec.Meta(max_length=40)]
    seq: int


class Hello(msgspec.Struct):
    type: Literal["hello"]
    resume: Resume | None = None


@routes.add(
    "GET",
    "/live",
    permission=SIGNED_IN,
    data="scoped",
    summary="WebSocket: snapshot, numbered deltas and events, within the data scope",
    answers=LiveMessage,
    status=101,
    raw=True,
)
async def live(services: Services, context: Context) -> web.StreamResponse:
    socket = web.WebSocketResponse(heartbeat=20, max_msg_size=65_536, compress=False)
    if not socket.can_prepare(context.request):
        raise Refusal("invalid", reason="a WebSocket handshake is needed")
    with services.live_sockets.opened(context.me) as held:
        await socket.prepare(context.request)
        code = await _serve(services, context, socket, held)
        # Closed only here, when nobody reads or writes any more: a close in the middle of that loses its code.
        with contextlib.suppress(ConnectionError):
            await socket.close(code=code, message=b"" if code == 1000 else b"rights changed")
    return socket


async def _serve(services: Services, context: Context, socket: web.WebSocketResponse, held: Socket) -> int:
    """Hello, join, deltas; answers with the code to close with."""
    ended = asyncio.create_task(held.ended.wait())
    hello = asyncio.create_task(_hello(socket))
    client: Client | None = None
    work: list[asyncio.Task[Any]] = [ended, hello]
    try:
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        if held.ended.is_set():
            return held.code
        client = await _join(services, context, await hello)
        if client is None:
            return REVOKED
        work += [
            asyncio.create_task(_receive(socket, client)),
            asyncio.create_task(_send(socket, services.hub, client)),
        ]
        await asyncio.wait([ended, *work[2:]], return_when=asyncio.FIRST_COMPLETED)
        return held.code if held.ended.is_set() else REVOKED if client.revoked else 1000
    finally:
        if client is not None:
            services.hub.leave(client)
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


async def _join(services: Services, context: Context, resume: tuple[str, int] | None) -> Client | None:
    """Joins with the rights of this very moment, however late the hello came; None when there are none any more."""
    hub, token = services.hub, session_token(context.request)
    while True:
        seen = hub.drops
        identity = await services.auth.identify(token)
        if identity is None:
            return None
        if hub.drops == seen:
            break
    client = Client(identity)
    hub.join(client, resume)
    return client


async def _hello(socket: web.WebSocketResponse) -> tuple[str, int] | None:
    """The first message says where to resume; silence or anything else means from the beginning."""
    try:
        first = await socket.receive(timeout=HELLO_SECONDS)
        if first.type is WSMsgType.TEXT:
            hello = msgspec.json.decode(first.data, type=Hello)
            return (hello.resume.epoch, hello.resume.seq) if hello.resume else None
    except (TimeoutError, msgspec.DecodeError):
        pass
    return None


async def _receive(socket: web.WebSocketResponse, client: Client) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT and '"ping"' in message.data:
            client.offer(dump(Pong()))


async def _send(socket: web.WebSocketResponse, hub: LiveHub, client: Client) -> None:
    while not socket.closed:
        await client.ready.wait()
        client.ready.clear()
        if client.behind:
            hub.reset(client)
        while client.queue:
            await socket.send_str(client.queue.popleft().decode())
        if client.revoked:
            return
