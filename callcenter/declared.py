"""Finds what the rooms of the product declare: routes, rights, refusals, nouns, reports. Nothing is listed by hand.

A declaration is a value at the top of a module. Whoever needs all of a kind asks here; a new file is found because it
is there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import ModuleType
from typing import TypeVar

ROOMS = ("callcenter.web", "callcenter.features", "crm_bridge")
"""Packages whose modules declare something."""

T = TypeVar("T")


@cache
def modules() -> tuple[ModuleType, ...]:
    """Every module of those rooms, imported, by name."""
    return tuple(importlib.import_module(name) for room in ROOMS for name in sorted(_names(room)))


def _names(room: str) -> Iterator[str]:
    package = importlib.import_module(room)
    yield room
    for found in pkgutil.walk_packages(package.__path__, f"{room}."):
        yield found.name


def declared(kind: type[T]) -> list[T]:
    """Every value of that kind at the top of a module, each once, in the order of the modules' names."""
    found: dict[int, T] = {}
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, kind):
                found.setdefault(id(value), value)
    return list(found.values())
