"""The built user interface: one page, hashed assets, every unknown path is the page's own business.

The build puts `.br` and `.gz` beside what is worth it; aiohttp's FileResponse answers with the one that is accepted.
"""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from callcenter.domain.refusals import Refusal
from callcenter.web.kit import PUBLIC, Context, Routes
from callcenter.web.services import Services

routes = Routes("ui")

ROOT = Path(__file__).resolve().parent / "static"
RESERVED = ("api/",)
FOR_EVER = "public, max-age=31536000, immutable"


@routes.add("GET", "/{path:.*}", permission=PUBLIC, data="none", summary="The user interface", raw=True)
async def page(services: Services, context: Context) -> web.StreamResponse:
    wanted = context.request.match_info["path"]
    if f"{wanted}/".startswith(RESERVED):
        raise Refusal("not_found")
    file = (ROOT / wanted).resolve()
    if wanted and file.is_relative_to(ROOT) and _is_file(file):
        return _file(file, FOR_EVER if wanted.startswith("assets/") else "no-cache")
    index = ROOT / "index.html"
    if wanted.startswith("assets/") or not index.is_file():
        raise Refusal("not_found")
    return _file(index, "no-cache")


def _file(file: Path, cache: str) -> web.FileResponse:
    """Caches in between keep the forms apart, also when they met the plain one first."""
    return web.FileResponse(file, headers={"Cache-Control": cache, "Vary": "Accept-Encoding"})


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:
        return False  # a name longer than any file's
