"""`./dev abuse [NAME…] [--json]`: attacks on the running product while at least twenty calls talk.

Everything stays on loopback, is bounded in time and number, and is ended afterwards. Exit status 1 when a call was
lost, a sign-in failed or 95 % of them took longer than a second, or the product did not recover by itself.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.abuse.attacks import ATTACKS, require_another_address
from tests.abuse.watch import TALKING, Floor
from tests.live.installation import Installation, installed

SECONDS = 25.0
MOST_SECONDS = 480.0
MOST_SIGN_IN_MS = 1000.0
SETTINGS: dict[str, Any] = {"ring_seconds": 10, "agent_ring_seconds": 10, "trusted_proxies": "127.0.0.1/32"}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="./dev abuse", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(ATTACKS)}; all by default")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long each attack lasts")
    parser.add_argument("--json", action="store_true")
    wanted = parser.parse_args(arguments)
    unknown = [name for name in wanted.names if name not in ATTACKS]
    if unknown:
        parser.error(f"no such attack: {', '.join(unknown)}")
    require_another_address()
    return asyncio.run(_run(wanted.names or list(ATTACKS), wanted.seconds, wanted.json))


async def _run(names: Sequence[str], seconds: float, as_json: bool) -> int:
    begun, good = time.monotonic(), True
    with tempfile.TemporaryDirectory(prefix="callcenter-abuse-") as folder:
        async with installed(Path(folder), agents=TALKING + 1, **SETTINGS) as made:
            floor = Floor(made, [await made.agent(index, tone_index=index % 4) for index in range(TALKING)])
            for name in names:
                found = await _attack(floor, made, name, seconds)
                good &= passed(found)
                print(json.dumps(found) if as_json else _line(found), flush=True)
    print(f"{time.monotonic() - begun:.0f} s in all", file=sys.stderr)
    return 0 if good and time.monotonic() - begun <= MOST_SECONDS else 1


async def _attack(floor: Floor, made: Installation, name: str, seconds: float) -> dict[str, Any]:
    await floor.busy()
    async with floor.watched() as seen:
        await ATTACKS[name](made, seconds)
    recovered = await floor.recovered(seen)
    return {
        "attack": name,
        "calls_lost": await floor.lost(seen),
        "sign_in_p95_ms": seen.p95_ms,
        "recovered": recovered,
        "calls": len(seen.calls),
        "sign_ins": len(seen.sign_ins),
        "sign_ins_failed": sum(one is None for one in seen.sign_ins),
    }


def passed(found: dict[str, Any]) -> bool:
    quick = found["sign_in_p95_ms"] is not None and found["sign_in_p95_ms"] < MOST_SIGN_IN_MS
    return bool(found["calls_lost"] == 0 and quick and found["recovered"])


def _line(found: dict[str, Any]) -> str:
    mark = "ok " if passed(found) else "BAD"
    return (
        f"{mark} {found['attack']:16} calls lost {found['calls_lost']} of {found['calls']}, "
        f"sign-in p95 {found['sign_in_p95_ms']} ms ({found['sign_ins']}), recovered {found['recovered']}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
