"""The built interface on the wire: compressed for who accepts it, kept for ever under a hashed name."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from callcenter.web import static
from callcenter.web.server import HEADERS
from tests.web.support import Site

TEXT = b"call " * 1000


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small built interface in place of the real one."""
    root = tmp_path / "static"
    (root / "assets").mkdir(parents=True)
    (root / "index.html").write_bytes(b"<!doctype html>")
    for name, content in (
        ("a-1.js", TEXT),
        ("a-1.js.gz", gzip.compress(TEXT)),
        ("a-1.js.br", b"brotli"),
        ("b-1.js", b"x"),
    ):
        (root / "assets" / name).write_bytes(content)
    monkeypatch.setattr(static, "ROOT", root)
    return root


@pytest.mark.parametrize(("accepted", "encoding"), [("gzip, deflate, br", "br"), ("gzip", "gzip"), ("identity", None)])
async def test_assets_come_in_the_form_that_is_accepted(
    site: Site, built: Path, accepted: str, encoding: str | None
) -> None:
    async with site.browser() as browser:
        url = f"{browser.url}/assets/a-1.js"
        async with browser.http.get(url, headers={"Accept-Encoding": accepted}, auto_decompress=False) as answer:
            assert answer.status == 200
            assert answer.headers.get("Content-Encoding") == encoding
            assert "javascript" in answer.headers["Content-Type"]
            assert answer.headers.getall("Vary") == ["Accept-Encoding"]
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert set(HEADERS) & set(answer.headers) == {"X-Content-Type-Options"}, "the page said the rest"
            raw = await answer.read()
    assert raw == {"br": b"brotli", "gzip": (built / "assets/a-1.js.gz").read_bytes(), None: TEXT}[encoding]


async def test_pages_are_asked_for_anew_and_chunks_that_are_gone_are_no_page(site: Site, built: Path) -> None:
    async with site.browser() as browser:
        page = await browser.get("/work")
        assert (page.status, page.headers["Cache-Control"]) == (200, "no-cache")
        assert set(HEADERS) <= set(page.headers)
        assert (await browser.get("/assets/gone-1.js")).status == 404
        small = await browser.get("/assets/b-1.js", headers={"Accept-Encoding": "br"})
        assert small.raw == b"x" and small.headers["Vary"] == "Accept-Encoding"
