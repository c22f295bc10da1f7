"""What the audit log's entries say, in Chinese and English: each room declares its own actions, fields and codes.

An action that stands here in no words cannot be written (`AuditLog.write`).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from callcenter.declared import Merged


class Words(NamedTuple):
    zh: str
    en: str


class Kind(StrEnum):
    """What a value is, and so how it is shown. Those from `EMPLOYEE` on are ids of things that have names."""

    TEXT = "text"
    COUNT = "count"
    MONEY = "money"
    """Whole fen."""
    MINUTES = "minutes"
    DAYS = "days"
    SECONDS = "seconds"
    YES_NO = "yes_no"
    MOMENT = "moment"
    COUNTRY = "country"
    NUMBER = "number"
    """A telephone number as E.164."""
    WORD = "word"
    """A code; its words stand in the codes under the field's name."""
    FIELD = "field"
    """The name of a field that was changed."""
    EMPLOYEE = "employee"
    DEPARTMENT = "department"
    GROUP = "group"
    SEAT = "seat"
    HOURS = "hours"
    INBOUND_NUMBER = "inbound_number"
    OUTSIDE_NUMBER = "outside_number"
    BLOCKED = "blocked"
    CUSTOMER = "customer"
    TASK = "task"
    TASK_NUMBER = "task_number"
    """A number of a dial task; it is named by its task, never by its digits."""
    CALL = "call"
    VOICEMAIL = "voicemail"
    CALLBACK = "callback"
    PACKAGE = "package"
    OFFERING = "offering"
    ORDER = "order"
    INVOICE = "invoice"
    LICENCES = "licences"
    COUPON = "coupon"
    APPLICATION = "application"
    COMPANY = "company"


class Field(NamedTuple):
    """A field of an entry's details."""

    kind: Kind
    zh: str
    en: str


class Action(NamedTuple):
    """One thing that somebody can do. `group` is the part of the product, `about` what the entry's object is."""

    group: str
    about: Kind
    zh: str
    en: str
    fields: Mapping[str, Kind] = MappingProxyType({})
    """Fields that mean something else here than in other entries."""
    with_before: bool = False
    """Its `changes` are pairs of what was before and what is now."""


class Groups(dict[str, Words]):
    """Parts of the product, as a room declares them."""


class Actions(dict[str, Action]):
    """Actions, as a room declares them (`audited.py`)."""


class Fields(dict[str, Field]):
    """Fields of details, as a room declares them."""


class Codes(dict[str, Mapping[str, Words]]):
    """Field -> its codes, as a room declares them."""


GROUPS: Mapping[str, Words] = Merged(Groups)
ACTIONS: Mapping[str, Action] = Merged(Actions)
FIELDS: Mapping[str, Field] = Merged(Fields)
CODES: Mapping[str, Mapping[str, Words]] = Merged(Codes)


def kind_of(action: str, field: str) -> Kind:
    """What a field of an action's details is; one that nobody declared is text."""
    if action in ACTIONS and field in ACTIONS[action].fields:
        return ACTIONS[action].fields[field]
    return FIELDS[field].kind if field in FIELDS else Kind.TEXT
