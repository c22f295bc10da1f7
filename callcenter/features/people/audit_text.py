"""Lines of the audit log as a spreadsheet has them: plain Chinese text."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from callcenter.web.audit_words import CODES, FIELDS, Kind
from callcenter.web.lists import clock

UNITS = {Kind.MINUTES: "分钟", Kind.DAYS: "天", Kind.SECONDS: "秒"}


class Told(Protocol):
    kind: str
    value: Any
    name: str


class Line(Protocol):
    field: str
    values: Any
    before: Any


def line_text(line: Line, zone: ZoneInfo) -> str:
    """`金额：¥10.00`, or `时区：Asia/Shanghai → Asia/Urumqi`."""
    said = _joined(line.field, line.values, zone)
    if line.before is not None:
        said = f"{_joined(line.field, line.before, zone)} → {said}"
    label = FIELDS[line.field].zh if line.field in FIELDS else line.field
    return f"{label}：{said}"


def _joined(field: str, values: Any, zone: ZoneInfo) -> str:
    return "、".join(told_text(field, one, zone) for one in values) or "空"


def told_text(field: str, one: Told, zone: ZoneInfo) -> str:
    """One value; an id whose thing nobody knows any more stays an id."""
    kind, value = Kind(one.kind), one.value
    if value is None or value == "":
        return "空"
    if kind is Kind.MONEY:
        return f"¥{value / 100:,.2f}"
    if kind is Kind.YES_NO:
        return "是" if value else "否"
    if kind is Kind.MOMENT:
        return clock(datetime.fromisoformat(value), zone)
    if kind is Kind.WORD:
        said = CODES.get(field, {}).get(value)
        return said.zh if said is not None else str(value)
    if kind is Kind.FIELD:
        return FIELDS[value].zh if value in FIELDS else str(value)
    return one.name or f"{value}{UNITS.get(kind, '')}"
