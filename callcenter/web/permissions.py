"""Permission codes and the roles every company starts with (SPEC §A1, §A2.9-A2.11)."""

from __future__ import annotations

from typing import Any, NamedTuple

from callcenter.domain.terms import Scope

PERMISSIONS = (
    "calls.dial",
    "calls.view",
    "calls.control",
    "calls.supervise",
    "calls.export",
    "recordings.play",
    "tasks.own",
    "tasks.dial",
    "tasks.all",
    "customers.view",
    "customers.edit",
    "customers.delete",
    "live.view",
    "employees.view",
    "employees.edit",
    "departments.edit",
    "packages.view",
    "packages.grant",
    "numbers.edit",
    "settings.edit",
    "audit.view",
    "wallet.view",
    "wallet.spend",
    "platform.manage",
)
PLATFORM = ("platform.manage", "packages.grant")
"""Only the operator of the installation has these: the administrators of its first company, no customer's."""


class BuiltinRole(NamedTuple):
    code: str
    name_zh: str
    name_en: str
    scope: Scope
    permissions: tuple[str, ...]


AGENT = BuiltinRole(
    "agent",
    "坐席",
    "Agent",
    Scope.SELF,
    (
        "calls.dial",
        "calls.view",
        "calls.control",
        "recordings.play",
        "tasks.own",
        "tasks.dial",
        "customers.view",
        "customers.edit",
    ),
)
SUPERVISOR = BuiltinRole(
    "supervisor",
    "主管",
    "Supervisor",
    Scope.DEPARTMENT_TREE,
    (
        *AGENT.permissions,
        "calls.supervise",
        "calls.export",
        "tasks.all",
        "customers.delete",
        "live.view",
        "employees.view",
        "packages.view",
    ),
)
ADMIN = BuiltinRole(
    "admin",
    "管理员",
    "Administrator",
    Scope.COMPANY,
    # The enterprise account has no business operations such as dialling (SPEC §A1.1).
    tuple(code for code in PERMISSIONS if code not in ("calls.dial", "tasks.dial", *PLATFORM)),
)
BUILTIN = (AGENT, SUPERVISOR, ADMIN)


def held_by(role: BuiltinRole, *, operates: bool) -> list[str]:
    """What a built-in role may do in a company; `operates` says that the company runs the installation itself."""
    return [*role.permissions, *(PLATFORM if operates and role is ADMIN else ())]


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
