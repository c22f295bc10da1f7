"""What a resource needs to declare a route: its path, types, permission and data scope. Nothing is open by default.

The same declaration validates requests, checks permissions and writes the OpenAPI document.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import MAXYEAR, MINYEAR, date
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
from aiohttp import web

from callcenter.domain.refusals import Refusal
from callcenter.intake.room import Place
from callcenter.web.identity import Identity
from callcenter.web.peer import PEER

PUBLIC = "public"
"""No session needed: the route must be harmless to anybody."""
SIGNED_IN = "signed_in"
"""Any signed-in employee."""

Data = Literal["none", "own", "scoped", "company", "platform"]
"""Which rows a route may touch: none, the person's own, those in the role's data scope, the whole company's, or (with
`platform.manage` only) those of every company."""


def whole(pattern: str, **more: Any) -> msgspec.Meta:
    """A text that is `pattern` from its first to its last character.

    `$` alone also stands before a line break at the end, in Python and in what the OpenAPI document tells browsers.
    """
    return msgspec.Meta(pattern=rf"^(?:{pattern})$(?!\n)", **more)


Id = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
ShortText = Annotated[str, msgspec.Meta(max_length=100)]
LongText = Annotated[str, msgspec.Meta(max_length=10_000)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Page = Annotated[int, msgspec.Meta(ge=1, le=100_000)]
PageSize = Annotated[int, msgspec.Meta(ge=1, le=200)]

UPLOAD_ERRORS = ("uploads_busy", "file_too_heavy")

T = TypeVar("T")
F = TypeVar("F", bound="Handler")


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of request bodies: a field that is not known is an error, never ignored."""


class Query(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Base of query strings."""


class Paging(Query):
    page: Page = 1
    page_size: PageSize = 20

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


class Listing(msgspec.Struct, Generic[T]):
    """One page of a list; `total` counts all rows that match."""

    items: list[T]
    total: int
    page: int
    page_size: int


@dataclass(slots=True)
class Context:
    """One request as a handler sees it."""

    request: web.Request
    identity: Identity | None
    body: Any = None
    query: Any = None
    params: dict[str, Any] = field(default_factory=dict)
    place: Place | None = None

    @property
    def me(self) -> Identity:
        if self.identity is None:
            raise Refusal("not_signed_in")
        return self.identity

    @property
    def company_id(self) -> int:
        return self.me.company_id

    @property
    def upload(self) -> Place:
        """The place of this upload, without which no file is opened; only routes with `upload` have one."""
        if self.place is None:
            raise RuntimeError("the route does not say that it takes files")
        return self.place

    @property
    def ip(self) -> str:
        """The person's own address, behind trusted proxies too."""
        return self.request[PEER].address

    @property
    def idempotency_key(self) -> str:
        """The request's Idempotency-Key header; raises `key_missing`."""
        key = self.request.headers.get("Idempotency-Key", "").strip()
        if not key or len(key) > 60 or not key.isascii() or not key.isprintable():
            raise Refusal("key_missing")
        return key

    @property
    def any_idempotency_key(self) -> str | None:
        """The same where a request may come without one."""
        return self.idempotency_key if "Idempotency-Key" in self.request.headers else None


Handler = Callable[[Any, Context], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: str
    handler: Handler
    permission: str
    data: Data
    summary: str
    tag: str
    body: type[Any] | None = None
    query: type[Any] | None = None
    answers: Any = None
    status: int = 200
    errors: tuple[str, ...] = ()
    raw: bool = False
    """The handler answers with an aiohttp response of its own (files, sockets)."""
    upload: bool = False
    """The body holds a file: a person has few of them at once."""


class Routes:
    """Collects the routes of one resource; `tag` groups them in the documentation."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.routes: list[Route] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        permission: str,
        data: Data,
        summary: str,
        body: type[Any] | None = None,
        query: type[Any] | None = None,
        answers: Any = None,
        status: int = 200,
        errors: tuple[str, ...] = (),
        raw: bool = False,
        upload: bool = False,
    ) -> Callable[[F], F]:
        def keep(handler: F) -> F:
            self.routes.append(
                Route(
                    method,
                    path,
                    handler,
                    permission,
                    data,
                    summary,
                    self.tag,
                    body,
                    query,
                    answers,
                    status,
                    (*errors, *UPLOAD_ERRORS) if upload else errors,
                    raw,
                    upload,
                )
            )
            return handler

        return keep


async def read_body(request: web.Request, kind: type[T]) -> T:
    """The validated JSON body; raises `bad_json`, `invalid` or `too_large`."""
    try:
        raw = await request.read()
    except web.HTTPRequestEntityTooLarge:
        raise Refusal("too_large") from None
    try:
        value = msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise Refusal("invalid", reason=str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refusal("bad_json") from None
    _refuse_control_text(raw)
    _refuse_edges_of_time(value)
    return value


def read_query(request: web.Request, kind: type[T]) -> T:
    values: dict[str, Any] = {}
    for key, value in request.query.items():
        values[key] = _clean(value)
    try:
        found = msgspec.convert(values, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Refusal("invalid", reason=str(error)) from None
    _refuse_edges_of_time(found)
    return found


def _refuse_edges_of_time(value: Any) -> None:
    """Refuses days of the first and the last year that there is: in another time zone, or a day on, there are none.

    A moment, which has a time zone of its own, is judged by whoever asks for it.
    """
    if not isinstance(value, msgspec.Struct):
        return
    for name in value.__struct_fields__:
        given = getattr(value, name)
        if type(given) is date and not MINYEAR < given.year < MAXYEAR:
            raise Refusal("invalid", reason=f"there is no day to count with: `$.{name}`")


def read_params(request: web.Request) -> dict[str, Any]:
    """Path parameters: names that end in `id` but `call_id` are whole numbers."""
    found: dict[str, Any] = {}
    for key, value in request.match_info.items():
        if key.endswith("id") and key != "call_id":
            if not re.fullmatch("[0-9]{1,10}", value) or not 1 <= int(value) <= 2**31 - 1:
                raise Refusal("not_found")
            found[key] = int(value)
        else:
            found[key] = _clean(value)[:100]
    return found


def _clean(value: str) -> str:
    """Refuses text that no database takes: NUL and bytes that were not UTF-8."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refusal("invalid", reason="the text is not UTF-8") from None
    if "\x00" in value:
        raise Refusal("invalid", reason="the text holds NUL")
    return value


def _refuse_control_text(raw: bytes) -> None:
    if b"\\u0000" in raw or b"\x00" in raw:
        raise Refusal("invalid", reason="the text holds NUL")


def dump(value: Any) -> bytes:
    """JSON with datetimes as RFC 3339 in UTC."""
    return msgspec.json.encode(value)
