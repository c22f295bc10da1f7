"""The audit log as people read it: what was done to what, with names instead of ids and codes with their words."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Select, String, and_, cast, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.dial_tasks import Seen
from callcenter.features.people.audit_names import Key, names_of
from callcenter.features.people.audit_text import line_text, told_text
from callcenter.store.tables.calls import call
from callcenter.store.tables.people import audit, employee
from callcenter.store.zones import zone_of
from callcenter.web import audit_words, sheets
from callcenter.web.audit_words import ACTIONS, Kind, kind_of
from callcenter.web.identity import Identity
from callcenter.web.kit import Context, Id, Listing, Routes, ShortText
from callcenter.web.lists import Named, Period, clock, page_of
from callcenter.web.seen_numbers import number_hidden, seen_by, still_hidden
from callcenter.web.services import Services

routes = Routes("audit")

COLUMNS = ("时间", "操作人", "操作", "对象", "内容", "IP 地址")

GroupCode = Literal[
    "access", "calls", "people", "numbers", "lines", "tasks", "customers", "minutes", "money", "settings", "platform"
]


class AuditQuery(Period, kw_only=True):
    """`action` is an action or how its name begins; `q` finds objects, contents, addresses and people."""

    action: ShortText = ""
    group: GroupCode | None = None
    actor_id: Id | None = None
    q: ShortText = ""


class AuditValue(msgspec.Struct):
    """A value and how it is to be shown; `name` is that of the thing whose id it is, or a number as people write it."""

    kind: str
    value: Any
    name: str = ""


class AuditLine(msgspec.Struct):
    """One field of what was done. `before` is null where it is not known or does not apply."""

    field: str
    values: list[AuditValue]
    before: list[AuditValue] | None = None


class AuditEntry(msgspec.Struct):
    """`object` and `details` as they were written; `about` and `lines` say the same for people."""

    id: int
    at: datetime
    actor: Named | None
    action: str
    object: str
    details: dict[str, Any]
    ip: str
    about: AuditValue | None
    lines: list[AuditLine]


class Words(msgspec.Struct):
    zh: str
    en: str


class ActionWords(msgspec.Struct):
    action: str
    zh: str
    en: str


class GroupWords(msgspec.Struct):
    group: str
    zh: str
    en: str
    actions: list[ActionWords]


class AuditWords(msgspec.Struct):
    groups: list[GroupWords]
    fields: dict[str, Words]
    codes: dict[str, dict[str, Words]]
    """By field, then by code."""


@routes.add(
    "GET",
    "/api/audit/words",
    permission="audit.view",
    data="none",
    summary="Every action, field and code of the audit log in words",
    answers=AuditWords,
)
async def words(services: Services, context: Context) -> AuditWords:
    return AuditWords(
        [
            GroupWords(
                code,
                *said,
                [ActionWords(one, action.zh, action.en) for one, action in ACTIONS.items() if action.group == code],
            )
            for code, said in audit_words.GROUPS.items()
        ],
        {field: Words(one.zh, one.en) for field, one in audit_words.FIELDS.items()},
        {field: {code: Words(*one) for code, one in codes.items()} for field, codes in audit_words.CODES.items()},
    )


@routes.add(
    "GET",
    "/api/audit",
    permission="audit.view",
    data="company",
    summary="Who did what, the newest first",
    query=AuditQuery,
    answers=Listing[AuditEntry],
)
async def entries(services: Services, context: Context) -> Listing[AuditEntry]:
    wanted: AuditQuery = context.query
    async with services.database.read() as connection:
        rows, total = await page_of(connection, _matching(context.company_id, wanted), wanted, audit.c.id.desc())
        items = await _told(services, connection, context.me, rows)
    return Listing(items, total, wanted.page, wanted.page_size)


@routes.add(
    "GET",
    "/api/audit/export.xlsx",
    permission="audit.view",
    data="company",
    summary="The filtered audit log as a spreadsheet",
    query=AuditQuery,
    raw=True,
    errors=("exports_busy",),
)
async def export(services: Services, context: Context) -> Any:
    file = await sheets.answer(services, context, "audit", COLUMNS, _rows(services, context))
    await services.audit.add(
        context.company_id, context.me.employee_id, "audit.exported", ip=context.ip, rows=file.rows
    )
    return file


async def _rows(services: Services, context: Context) -> AsyncGenerator[sheets.Rows, None]:
    query = _matching(context.company_id, context.query).order_by(audit.c.id.desc())
    async with services.database.read() as connection, services.database.read() as beside:
        zone = await zone_of(connection, context.company_id)
        async for rows in sheets.pages(connection, query):
            yield [
                (
                    clock(one.at, zone),
                    one.actor.name if one.actor else "系统",
                    ACTIONS[one.action].zh if one.action in ACTIONS else one.action,
                    told_text("prompt", one.about, zone) if one.about else "",
                    "，".join(line_text(line, zone) for line in one.lines),
                    one.ip,
                )
                for one in await _told(services, beside, context.me, rows)
            ]


# -- which entries -----------------------------------------------------------------------------------------------------


def _matching(company_id: int, wanted: AuditQuery) -> Select[Any]:
    query = (
        select(audit, employee.c.name.label("actor_name"))
        .outerjoin(employee, and_(employee.c.id == audit.c.actor_id, employee.c.company_id == audit.c.company_id))
        .where(audit.c.company_id == company_id, *wanted.on(audit.c.at))
    )
    if wanted.action:
        query = query.where(audit.c.action.startswith(wanted.action, autoescape=True))
    if wanted.group is not None:
        query = query.where(audit.c.action.in_([one for one, said in ACTIONS.items() if said.group == wanted.group]))
    if wanted.actor_id is not None:
        query = query.where(audit.c.actor_id == wanted.actor_id)
    text = wanted.q.strip()
    return query.where(_holding(company_id, text)) if text else query


def _holding(company_id: int, text: str) -> Any:
    """Entries that tell of a text: of a person by name, or with it in the object, the details or the address."""
    called = [one for one, said in ACTIONS.items() if text in said.zh or text.lower() in said.en.lower()]
    of_people = [one for one, said in ACTIONS.items() if said.about is Kind.EMPLOYEE]
    named = select(cast(employee.c.id, String)).where(
        employee.c.company_id == company_id, employee.c.name.icontains(text, autoescape=True)
    )
    return or_(
        employee.c.name.icontains(text, autoescape=True),
        audit.c.object.icontains(text, autoescape=True),
        audit.c.ip.startswith(text, autoescape=True),
        # JSON is kept with letters beyond ASCII written out.
        cast(audit.c.details, String).icontains(json.dumps(text)[1:-1], autoescape=True),
        audit.c.action.in_(called),
        and_(audit.c.action.in_(of_people), audit.c.object.in_(named)),
    )


# -- in words ----------------------------------------------------------------------------------------------------------


async def _told(services: Services, connection: AsyncConnection, me: Identity, rows: Sequence[Any]) -> list[AuditEntry]:
    region = services.settings.default_region
    plain = [(row, _about(row), _lines(row)) for row in rows]
    things = [one for _, about, lines in plain for one in (*([about] if about else []), *_values(lines))]
    names = await names_of(services, connection, me.company_id, map(_key, things))
    calls = await _calls(connection, me, [one.value for one in things if one.kind == Kind.CALL], region)
    for one in things:
        if one.kind == Kind.NUMBER:
            one.name = seen_by(me, str(one.value), False, region).display
        elif one.kind == Kind.CALL:
            one.name = calls[one.value].display if one.value in calls else ""
        else:
            one.name = names.get(_key(one), "")
    refused = {row.id: row.details["task_number"] for row in rows if row.details.get("task_number")}
    secret = await still_hidden(connection, me.company_id, set(refused.values()))
    return [_entry(me, row, about, lines, refused.get(row.id) in secret, region) for row, about, lines in plain]


def _entry(
    me: Identity, row: Any, about: AuditValue | None, lines: list[AuditLine], hidden: bool, region: str
) -> AuditEntry:
    shown = row.object
    if hidden:
        one = seen_by(me, row.object, True, region)
        shown, about = one.number, AuditValue(Kind.NUMBER, one.number, one.display)
    actor = Named(row.actor_id, row.actor_name or "") if row.actor_id else None
    return AuditEntry(row.id, row.at, actor, row.action, shown, row.details, row.ip, about, lines)


def _key(one: AuditValue) -> Key:
    return Kind(one.kind), str(one.value)


def _values(lines: Iterable[AuditLine]) -> Iterable[AuditValue]:
    return (one for line in lines for one in (*line.values, *(line.before or ())))


def _about(row: Any) -> AuditValue | None:
    if not row.object:
        return None
    known = ACTIONS.get(row.action)
    return AuditValue(known.about if known is not None else Kind.TEXT, row.object)


def _lines(row: Any) -> list[AuditLine]:
    """The details, with what stands under `changes` as fields of their own."""
    found = []
    for field, value in row.details.items():
        if field == "changes":
            found += [_change(row.action, one, change) for one, change in value.items()]
        elif value not in (None, "", []):
            found.append(AuditLine(field, _all(row.action, field, value)))
    return found


def _change(action: str, field: str, change: Any) -> AuditLine:
    """Settings are kept as [before, after], other changes as what it is now."""
    if action in ACTIONS and ACTIONS[action].with_before:
        before, after = change
        return AuditLine(field, _all(action, field, after), _all(action, field, before))
    return AuditLine(field, _all(action, field, change))


def _all(action: str, field: str, value: Any) -> list[AuditValue]:
    many = value if isinstance(value, list) else [value]
    return [AuditValue(kind_of(action, field), _plain(one)) for one in many]


def _plain(value: Any) -> Any:
    """A value as one word: a span of hours as `08:30–21:30`, a pair as `number → seat`."""
    if isinstance(value, dict):
        joint = " – " if set(value) == {"start", "end"} else " → "
        return joint.join(str(one) for one in value.values())
    return value


async def _calls(connection: AsyncConnection, me: Identity, ids: list[str], region: str) -> dict[str, Seen]:
    """The numbers of those calls as somebody may see them."""
    query = select(call.c.id, call.c.number, number_hidden(me.company_id)).where(
        call.c.company_id == me.company_id, call.c.id.in_(ids)
    )
    rows = (await connection.execute(query)).all() if ids else ()
    return {row.id: seen_by(me, row.number, row.number_hidden, region) for row in rows}
