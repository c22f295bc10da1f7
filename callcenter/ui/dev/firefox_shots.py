"""Pictures of every page in Debian's Firefox at 1440x900: python dev/firefox_shots.py <folder> [--language en] [names].

Firefox cannot be handed its answers as Chromium is, so a small server gives them; what a picture needs pressed is left out.
"""

import argparse
import asyncio
import json
import mimetypes
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs

from aiohttp import WSMsgType, web

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[3]))
import fixtures as fx  # noqa: E402
from shots import SCENES  # noqa: E402
from stage import CSP, SOUND, STATIC, registrar, reply, snapshot  # noqa: E402

from tests.browser.firefox import FirefoxPage, firefox  # noqa: E402

SHOWN: dict = {"role": None, "entities": {}}
"""Whose page is open, and what the live link tells it."""


async def api(request: web.Request) -> web.Response:
    if request.path.endswith(("/recording", "/audio")):
        return web.Response(body=SOUND, content_type="audio/wav")
    sent = await request.text()
    status, body = reply(SHOWN["role"], request.method, request.path, parse_qs(request.query_string), sent)
    return web.json_response(body, status=status)


async def live(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=request.headers.get("Sec-WebSocket-Protocol", "").replace(" ", "").split(","))
    await socket.prepare(request)
    async for message in socket:
        if message.type == WSMsgType.TEXT:
            hello = json.loads(message.data)["type"] == "hello"
            await socket.send_json(snapshot(SHOWN["entities"]) if hello else {"type": "pong", "now": fx.ago()})
    return socket


async def sip(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=("sip",))
    await socket.prepare(request)
    async for message in socket:
        answer = registrar(message.data if isinstance(message.data, str) else message.data.decode())
        if answer:
            await socket.send_str(answer)
    return socket


async def page(request: web.Request) -> web.Response:
    file = STATIC / request.path.lstrip("/")
    if not file.is_file():
        file = STATIC / "index.html"
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return web.Response(body=file.read_bytes(), content_type=kind, headers={"Content-Security-Policy": CSP.replace("ws://localhost:8088", "ws:")})


async def serve() -> tuple[web.AppRunner, str]:
    app = web.Application()
    app.router.add_get("/live", live)
    app.router.add_get("/sip", sip)
    app.router.add_route("*", "/api/{rest:.*}", api)
    app.router.add_get("/{rest:.*}", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, f"http://127.0.0.1:{runner.addresses[0][1]}"


async def quiet(browser: FirefoxPage) -> None:
    """Waits until nothing is fetched any more and no ghost stands for what is to come."""
    before = -1
    for _ in range(40):
        now = await browser.evaluate("document.querySelector('.ghost') ? -1 : performance.getEntriesByType('resource').length")
        if now == before > 0:
            return
        before = now
        await asyncio.sleep(0.8)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--language", choices=("zh-CN", "en"), default="zh-CN")
    parser.add_argument("names", nargs="*", help="names of pictures; none: all that need nothing pressed")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    runner, url = await serve()
    with tempfile.TemporaryDirectory() as home:
        async with firefox(Path(home)) as browser:
            await browser.size(1440, 900)
            await browser.goto(f"{url}/login")
            await browser.evaluate(f"localStorage.setItem('callcenter.language', '{options.language}')")
            for name, role, path, entities, step in SCENES:
                if name not in options.names if options.names else step is not None:
                    continue
                await browser.goto("about:blank")  # the page before must not ask for this person's things
                SHOWN.update(role=role, entities=entities)
                await browser.goto(url + path)
                await quiet(browser)
                await browser.picture(options.folder / f"{name}-firefox.png")
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
