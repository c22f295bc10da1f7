"""Rights, as rooms declare them (`rights.py`), and the roles every company starts with (SPEC §A1, §A2.9-A2.11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from callcenter.declared import Merged
from callcenter.domain.terms import Scope

OPERATOR = "operator"
"""Stands among the roles of a right that only the operator of the installation has: the administrators of its first
company, no customer's."""


class Right(NamedTuple):
    """Something that a role allows: its words, and the built-in roles that begin with it.

    The enterprise account has no business operations such as dialling (SPEC §A1.1), so those are not for `admin`.
    """

    zh: str
    en: str
    roles: tuple[str, ...]


class Rights(dict[str, Right]):
    """Codes with their rights, as a room declares them."""


PERMISSIONS: Mapping[str, Right] = Merged(Rights)
"""Every right of the product, by its code."""


@dataclass(frozen=True, slots=True)
class BuiltinRole:
    code: str
    name_zh: str
    name_en: str
    scope: Scope

    @property
    def permissions(self) -> tuple[str, ...]:
        return tuple(code for code, right in PERMISSIONS.items() if self.code in right.roles)


AGENT = BuiltinRole("agent", "坐席", "Agent", Scope.SELF)
SUPERVISOR = BuiltinRole("supervisor", "主管", "Supervisor", Scope.DEPARTMENT_TREE)
ADMIN = BuiltinRole("admin", "管理员", "Administrator", Scope.COMPANY)
BUILTIN = (AGENT, SUPERVISOR, ADMIN)


def held_by(role: BuiltinRole, *, operates: bool) -> list[str]:
    """What a built-in role may do in a company; `operates` says that the company runs the installation itself."""
    more = [code for code, right in PERMISSIONS.items() if OPERATOR in right.roles]
    return [*role.permissions, *(more if operates and role is ADMIN else ())]


def role_rows(*, operates: bool) -> list[dict[str, Any]]:
    """The rows of `role` that a new company starts with."""
    return [
        {
            "code": one.code,
            "name_zh": one.name_zh,
            "name_en": one.name_en,
            "permissions": held_by(one, operates=operates),
            "scope": one.scope.value,
        }
        for one in BUILTIN
    ]
