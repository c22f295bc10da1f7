"""Finds what the rooms of the product declare: routes, rights, refusals, nouns, reports. Nothing is listed by hand.

A declaration is a value at the top of a module. Whoever needs all of a kind asks here; a new file is found because it
is there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType
from typing import TypeVar

ROOMS = ("callcenter.store.tables", "callcenter.web", "callcenter.features", "crm_bridge")
"""Packages whose modules declare something."""

T = TypeVar("T")
V = TypeVar("V")


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


class Merged(Mapping[str, V]):
    """The entries of every mapping of one kind that the rooms declare, read when they are first asked for.

    ValueError: a key is declared twice.
    """

    def __init__(self, kind: type[dict[str, V]]) -> None:
        self._kind = kind
        self._all: dict[str, V] | None = None

    def _entries(self) -> dict[str, V]:
        if self._all is None:
            found: dict[str, V] = {}
            for one in declared(self._kind):
                twice = found.keys() & one.keys()
                if twice:
                    raise ValueError(f"declared twice as {self._kind.__name__}: {', '.join(sorted(twice))}")
                found |= one
            self._all = found
        return self._all

    def __getitem__(self, key: str) -> V:
        return self._entries()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries())

    def __len__(self) -> int:
        return len(self._entries())
