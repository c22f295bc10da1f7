"""`./dev soak [--minutes N] [--json]`: hours of ordinary work, then the question whether anything piled up.

Agents call in every mode and are called, supervisors open and leave their pages, lists are imported and exported,
through a real Asterisk and a simulated network on loopback. Exit status 1 when, after the warm-up, memory grew by a
megabyte a minute or more, or when open files or unfinished tasks end more than five away from where they began.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callcenter.demo.client import Client
from tests.chaos.site import furnish
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import all_settled
from tests.live.installation import PASSWORD, Installation, installed
from tests.soak.pages import Pages
from tests.soak.watch import Sample, Watch

AGENTS = 12
WARM_UP_MINUTES = 5.0
MOST_GROWTH_MB = 1.0
"""A minute."""
MOST_APART = 5
REST_SECONDS = 90.0
"""How long what was begun may take to end once the work is over."""
ENDLESS = 10**9


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long people work, warm-up included (30)")
    parser.add_argument("--warm-up", type=float, default=WARM_UP_MINUTES, help="minutes that are not judged (5)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(arguments)
    if wanted.minutes <= wanted.warm_up:
        parser.error("--minutes must be more than the warm-up")
    found = asyncio.run(_run(wanted))
    if wanted.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:26} {value}")
    return 0 if found["flat"] else 1


async def _run(wanted: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="callcenter-soak-") as name:
        async with installed(Path(name), AGENTS, ring_seconds=6, agent_ring_seconds=5) as made:
            await furnish(made, AGENTS)
            async with Client(made.url) as operator:
                await operator.sign_in("admin", PASSWORD)
                watch, work = Watch(operator, made.stack.pbx), Work(made, random.Random(wanted.seed))
                # Caches and pools are filled before the first look, and nobody works while it is taken.
                await work.go_on(wanted.warm_up * 60)
                before = await watch.at_rest(REST_SECONDS)
                await work.go_on((wanted.minutes - wanted.warm_up) * 60, watch)
                unsettled = await all_settled(made, 120)
                after = await watch.at_rest(REST_SECONDS, like=before)
    return _verdict(before, after, watch.samples) | {"unsettled": unsettled} | work.story()


@dataclass(slots=True)
class Work:
    """What everybody does all day."""

    made: Installation
    chance: random.Random
    traffic: Traffic = field(init=False)
    pages: Pages = field(init=False)

    def __post_init__(self) -> None:
        self.traffic, self.pages = Traffic(self.made, ENDLESS, self.chance), Pages(self.made, self.chance)

    async def go_on(self, seconds: float, watch: Watch | None = None) -> None:
        deadline = asyncio.get_running_loop().time() + seconds
        async with asyncio.TaskGroup() as group:
            group.create_task(self.traffic.run(AGENTS, deadline))
            group.create_task(self.pages.run(deadline))
            if watch is not None:
                group.create_task(watch.run(deadline))

    def story(self) -> dict[str, Any]:
        did = {"calls": len(self.traffic.accepted), "pages": self.pages.opened, "imports": self.pages.imported}
        return did | self.traffic.story()


def _verdict(before: Sample, after: Sample, steady: list[Sample]) -> dict[str, Any]:
    """What grew; a slope is that of the straight line through all samples after the warm-up."""
    minutes = [one.at / 60 for one in steady]
    growth = {
        name: statistics.linear_regression(minutes, [getattr(one, name) for one in steady]).slope
        for name in ("memory_mb", "pbx_memory_mb")
    }
    files, tasks = after.open_files - before.open_files, after.tasks - before.tasks
    return {
        "memory_mb_per_minute": round(growth["memory_mb"], 3),
        "pbx_memory_mb_per_minute": round(growth["pbx_memory_mb"], 3),
        "memory_mb": [round(before.memory_mb), round(steady[0].memory_mb), round(after.memory_mb)],
        "open_files": [before.open_files, max(one.open_files for one in steady), after.open_files],
        "tasks": [before.tasks, max(one.tasks for one in steady), after.tasks],
        "flat": growth["memory_mb"] < MOST_GROWTH_MB and abs(files) <= MOST_APART and abs(tasks) <= MOST_APART,
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
