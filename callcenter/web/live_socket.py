"""GET /live: the WebSocket behind every page that moves by itself."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Literal

import msgspec
from aiohttp import WSMsgType, web

from callcenter.web.kit import SIGNED_IN, Context, Routes, dump
from callcenter.web.live import Client, LiveHub
from callcenter.web.services import Services

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
    raw=True,
)
async def live(services: Services, context: Context) -> web.StreamResponse:
    socket = web.WebSocketResponse(heartbeat=20, max_msg_size=65_536, compress=False)
    await socket.prepare(context.request)
    client = Client(context.me)
    try:
        resume = await _hello(socket)
        services.hub.join(client, resume)
        work = [
            asyncio.create_task(_receive(socket, client)),
            asyncio.create_task(_send(socket, services.hub, client)),
        ]
        try:
            await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
    finally:
        services.hub.leave(client)
        # Closed only here, when nobody reads or writes any more: a close in the middle of that loses its code.
        code, reason = (4401, b"rights changed") if client.revoked else (1000, b"")
        with contextlib.suppress(ConnectionError):
            await socket.close(code=code, message=reason)
    return socket


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
            client.offer(dump({"type": "pong"}))


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
