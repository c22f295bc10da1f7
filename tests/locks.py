"""`python -m tests.locks`: the locks hold all that pyproject.toml asks for, on every Python that it allows.

A lock made for one machine lacks what only another needs (`audioop-lts; python_version >= '3.13'`), and there the
installation ends in a traceback.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from callcenter.settings import PROJECT_ROOT

PYTHONS = ("3.11", "3.12", "3.13", "3.14")
TESTS = "requirements.lock"
PRODUCTION = "callcenter/deploy/requirements.lock"


@dataclass(frozen=True, slots=True)
class Locked:
    """One entry of a lock: what it pins, and how many hashes stand with it."""

    requirement: Requirement
    hashes: int

    @property
    def name(self) -> str:
        return canonicalize_name(self.requirement.name)


def entries(lock: str) -> list[Locked]:
    """The entries of a lock as pip reads it: continued lines are one."""
    found = []
    for line in lock.replace("\\\n", " ").splitlines():
        text = line.split("#", 1)[0].strip()
        if text and not text.startswith("-"):
            requirement, *hashes = re.split(r"\s+--hash=", text)
            found.append(Locked(Requirement(requirement), len(hashes)))
    return found


def environments() -> Iterator[tuple[str, dict[str, str]]]:
    """Linux with every Python that we run on, as markers see it."""
    here: dict[str, Any] = dict(default_environment())
    for version in PYTHONS:
        yield version, {**here, "python_version": version, "python_full_version": f"{version}.0", "extra": ""}


def missing(wanted: list[str], lock: str) -> list[str]:
    """What of `wanted` a Python would not get from `lock`, one sentence each."""
    found = []
    held = entries(lock)
    for asked in map(Requirement, wanted):
        name = canonicalize_name(asked.name)
        lines = [one.requirement for one in held if one.name == name]
        for version, environment in environments():
            if asked.marker is not None and not asked.marker.evaluate(environment):
                continue
            if not any(line.marker is None or line.marker.evaluate(environment) for line in lines):
                found.append(f"{asked} is missing on Python {version}")
                break
    return found


def loose(lock: str) -> list[str]:
    """Entries that are not pinned to one version with hashes, and hosts that the lock names."""
    found = [
        f"{one.requirement} is not pinned with hashes"
        for one in entries(lock)
        if not one.hashes or not str(one.requirement.specifier).startswith("==")
    ]
    return found + [f"it names a host: {line.strip()}" for line in lock.splitlines() if "://" in line]


def apart(part: str, whole: str) -> list[str]:
    """What production would get otherwise than the tests had it."""
    pinned = {str(one.requirement) for one in entries(whole)}
    return [f"{one.requirement} is not what {TESTS} has" for one in entries(part) if str(one.requirement) not in pinned]


def faults(root: Path) -> list[str]:
    """Everything that is wrong with the project's locks."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    production = list(project["dependencies"])
    tests = production + [one for group in project["optional-dependencies"].values() for one in group]
    whole, part = ((root / name).read_text("utf-8") for name in (TESTS, PRODUCTION))
    found = {
        TESTS: missing(tests, whole) + loose(whole),
        PRODUCTION: missing(production, part) + loose(part) + apart(part, whole),
    }
    return [f"{name}: {fault}" for name, of_it in found.items() for fault in of_it]


if __name__ == "__main__":
    wrong = faults(PROJECT_ROOT)
    if wrong:
        sys.exit("\n".join([*wrong, "Make the locks anew; CONTRIBUTING.md has the two commands."]))
