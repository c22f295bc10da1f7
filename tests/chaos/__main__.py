"""`./dev chaos [--calls N] [--json]`: real calls while everything breaks, then what is left is judged.

Calls in every mode, on shared and own packages, held, consulted about and passed on, and callers who wait in a queue,
through a real Asterisk and a simulated network on loopback; meanwhile the engine and Asterisk are killed, the link
between them is cut and stalled, the database is locked, a second engine is started, the disk fills up and the clock is
set. Bounded by the number of calls and by time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.chaos.faults import FAULTS, keep_breaking
from tests.chaos.postgres import KINDS, RESTARTED, database_of
from tests.chaos.site import end_leftovers, furnish, keep, own_clock, small_storage
from tests.chaos.traffic import Traffic
from tests.chaos.verdict import ZERO, all_settled, judge
from tests.live.installation import Installation, installed

AGENTS = 12


def main(arguments: Sequence[str]) -> int:
    """0 when nothing was lost, doubled or overdrawn; 1 otherwise."""
    wanted = _parse(arguments)
    with database_of(wanted.database, FAULTS) as database_url:
        found = asyncio.run(_run(wanted, database_url))
    if wanted.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:26} {value}")
    return int(any(found[name] for name in ZERO))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="how many calls (default 100)")
    parser.add_argument("--seconds", type=int, default=660, help="give up after this time (default 660)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="keep the product's log, database and Asterisk's records here")
    parser.add_argument("--only", nargs="*", choices=[*FAULTS, RESTARTED], help="these faults alone")
    parser.add_argument("--database", choices=KINDS, default="sqlite", help="where the product keeps its data")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


async def _run(wanted: argparse.Namespace, database_url: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="callcenter-chaos-") as name:
        folder = Path(name)
        environment, no_clock = own_clock(folder)
        with small_storage(folder) as no_disk:
            left_out = {"disk_full": no_disk, "clock_stepped": no_clock, "clock_stepped_unseen": no_clock}
            settings = {"ring_seconds": 6, "agent_ring_seconds": 5, "recordings_dir": folder / "data" / "recordings"}
            settings["database_url"] = database_url
            try:
                async with installed(folder, AGENTS, environment=environment, **settings) as made:
                    await furnish(made, AGENTS)
                    return await _storm(made, wanted, {name: why for name, why in left_out.items() if why})
            finally:
                await end_leftovers(folder)
                if wanted.keep is not None:
                    keep(folder, wanted.keep)


async def _storm(made: Installation, wanted: argparse.Namespace, left_out: dict[str, str]) -> dict[str, Any]:
    traffic = Traffic(made, wanted.calls, random.Random(wanted.seed))
    faults = [name for name in FAULTS if name not in left_out and name in (wanted.only or FAULTS)]
    done = dict.fromkeys(faults, 0)
    breaking = asyncio.create_task(keep_breaking(made, done, faults))
    await traffic.run(AGENTS, asyncio.get_running_loop().time() + wanted.seconds)
    breaking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await breaking
    # Far ends of calls that Asterisk lost never hear of it.
    for party in await made.carrier.parties():
        await made.carrier.hangup(party)
    unsettled = await all_settled(made, 120)
    found = await judge(made, traffic)
    return {**found, "faults": done | left_out, "unsettled": unsettled, **traffic.story()}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
