"""Forms with files (multipart/form-data), read part by part with a limit for each."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from aiohttp import BodyPartReader, web

from callcenter.domain.refusals import Refusal
from callcenter.intake.limits import MOST_ROWS
from callcenter.intake.room import LineTooLong, TooHeavy, TooMany, Unreadable
from callcenter.store.documents import LARGEST, TYPES, Documents
from callcenter.web.kit import Context
from callcenter.web.services import Services

FIELD_LIMIT = 20_000
"""Bytes of a field that is no file."""
PARTS = 20
T = TypeVar("T")


async def read_form(request: web.Request, kind: type[T], *files: str) -> tuple[T, dict[str, bytes]]:
    """The form's fields as `kind`, and the content of those of the named files that were sent.

    Raises `invalid`, and `document_invalid` for a file that is too large.
    """
    if request.content_type != "multipart/form-data":
        raise Refusal("invalid", reason="multipart/form-data expected")
    fields: dict[str, str] = {}
    found: dict[str, bytes] = {}
    try:
        reader = await request.multipart()
        for _ in range(PARTS):
            part = await reader.next()
            if part is None:
                break
            if not isinstance(part, BodyPartReader) or not part.name:
                raise Refusal("invalid", reason="a part of the form has no name")
            is_file = part.name in files
            content = await _content(part, LARGEST if is_file else FIELD_LIMIT, "document_invalid" if is_file else "")
            if not is_file:
                fields[part.name] = content.decode()
            elif content:
                found[part.name] = content
        values = msgspec.convert(fields, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal("invalid", reason=str(error)) from None
    except (ValueError, AssertionError) as error:
        raise Refusal("invalid", reason=str(error)[:200]) from None
    if any("\x00" in text for text in fields.values()):
        raise Refusal("invalid", reason="the text holds NUL")
    return values, found


async def read_file(request: web.Request, field: str, limit: int, code: str) -> tuple[str, bytes]:
    """Name and content of the one file of a form; raises `invalid`, and `code` for more than `limit` bytes."""
    try:
        reader = await request.multipart()
        for _ in range(PARTS):
            part = await reader.next()
            if part is None:
                break
            if isinstance(part, BodyPartReader) and part.name == field:
                name = (part.filename or "").replace("\x00", "")
                return name, await _content(part, limit, code)
    except (ValueError, AssertionError) as error:
        raise Refusal("invalid", reason=str(error)[:200]) from None
    raise Refusal("invalid", reason=f"the form has no file `{field}`")


async def _content(part: BodyPartReader, limit: int, code: str) -> bytes:
    kept = bytearray()
    while chunk := await part.read_chunk(65_536):
        kept += chunk
        if len(kept) > limit:
            raise Refusal(code or "too_large")
    return bytes(kept)


@contextlib.contextmanager
def opening(code: str) -> Iterator[None]:
    """What the room says of a file, as the API says it; `code` for a file that is not what it has to be."""
    try:
        yield
    except LineTooLong as error:
        raise Refusal("import_line_too_long", line=error.args[0]) from None
    except Unreadable as error:
        raise Refusal(code, reason=str(error)) from None
    except TooMany:
        raise Refusal("import_too_large", limit=MOST_ROWS) from None
    except TooHeavy:
        raise Refusal("file_too_heavy") from None


async def keep(services: Services, context: Context, content: bytes | None) -> str:
    """Saves an uploaded document and returns its name; empty when none was sent.

    Raises `document_invalid` or `file_too_heavy`.
    """
    if content is None:
        return ""
    with opening("document_invalid"):
        ending = await services.intake.paper(context.upload, content)
    return Documents(services.settings.data_dir).save(content, ending)


def attachment(documents: Documents, name: str, called: str) -> web.StreamResponse:
    """A kept document as a download; `called` is the name it gets, without its ending. Raises `not_found`."""
    path = documents.path(name)
    if path is None:
        raise Refusal("not_found")
    headers: dict[str, Any] = {
        "Content-Type": TYPES[path.suffix],
        "Content-Disposition": f'attachment; filename="{called}{path.suffix}"',
        "Cache-Control": "private, no-store",
    }
    return web.FileResponse(path, headers=headers)
