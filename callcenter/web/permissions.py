"""Permission codes and the roles every company starts with (SPEC §A1, §A2.9-A2.11)."""

from __future__ import annotations

from typing import NamedTuple

from callcenter.domain.terms import Scope

PERMISSIONS = (
    "calls.dial",
    "calls.view",
    "calls.control",
    "calls.supervise",
    "calls.export",
    "recordings.play",
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
)


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
    ("calls.dial", "calls.view", "calls.control", "recordings.play", "customers.view", "customers.edit"),
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
    tuple(code for code in PERMISSIONS if code != "calls.dial"),
)
BUILTIN = (AGENT, SUPERVISOR, ADMIN)
