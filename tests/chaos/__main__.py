"""`./dev chaos [--calls N] [--json]`: real calls while everything breaks, then what is left is judged.

Calls in direct and callback mode, on shared and own packages, through a real Asterisk and a simulated network on
loopback; meanwhile the engine and Asterisk are killed, the link between them is cut and stalled, the database is
locked, and a second engine is started. Bounded by the number of calls and by time.
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
from tests.chaos.traffic import Traffic, stock
from tests.chaos.verdict import all_settled, judge
from tests.live.installation import Installation, installed

AGENTS = 8
ZERO = ("lost_logs", "double_charges", "double_dials", "drift_minutes", "worst_overdraft_minutes", "minutes_still_held")


def main(arguments: Sequence[str]) -> int:
    """0 when nothing was lost, doubled or overdrawn; 1 otherwise."""
    wanted = _parse(arguments)
    found = asyncio.run(_run(wanted.calls, wanted.seconds, wanted.seed))
    if wanted.json:
        print(json.dumps(found, ensure_ascii=False))
    else:
        for name, value in found.items():
            print(f"{name:26} {value}")
    return int(any(found[name] for name in ZERO))


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./dev chaos", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="how many calls (default 100)")
    parser.add_argument("--seconds", type=int, default=900, help="give up after this time (default 900)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    return parser.parse_args(arguments)


async def _run(calls: int, seconds: int, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="callcenter-chaos-") as name:
        async with installed(Path(name), AGENTS, ring_seconds=6, agent_ring_seconds=5) as made:
            await stock(made)
            await _phones(made)
            return await _storm(made, calls, seconds, seed)


async def _phones(made: Installation) -> None:
    for index in range(AGENTS):
        await made.agent(index)
    made.agents.clear()


async def _storm(made: Installation, calls: int, seconds: int, seed: int) -> dict[str, Any]:
    traffic = Traffic(made, calls, random.Random(seed))
    done: dict[str, int] = dict.fromkeys(FAULTS, 0)
    breaking = asyncio.create_task(keep_breaking(made, done))
    await traffic.run(AGENTS, asyncio.get_running_loop().time() + seconds)
    breaking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await breaking
    # Far ends of calls that Asterisk lost never hear of it.
    for party in await made.carrier.parties():
        await made.carrier.hangup(party)
    await all_settled(made, 90)
    found = await judge(made, traffic)
    return {**found, "faults": done, "refused": traffic.refused}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
