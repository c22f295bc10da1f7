"""`./dev bench [NAME…] [--json]`: measures the product against a baseline of the same machine in the same minute.

Without names every bench runs. `--json` prints one object per line as each bench ends; otherwise a table at the end.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from tests.bench import ami_bench, capacity_bench, click_bench, ledger_bench, pop_bench
from tests.bench.figures import Figure, Options

BENCHES: dict[str, Callable[[Options], Figure]] = {
    "ami": ami_bench.run,
    "capacity": capacity_bench.run,
    "click": click_bench.run,
    "ledger": ledger_bench.run,
    "pop": pop_bench.run,
}
UNKNOWN, FAILED = 2, 1


def main(arguments: Sequence[str]) -> int:
    """0 when every bench gave a figure, whatever it is; 1 when one failed, 2 for a name that is none."""
    wanted = _parse(arguments)
    unknown = [name for name in wanted.names if name not in BENCHES]
    if unknown:
        print(f"There is no bench called {', '.join(unknown)}. Known: {', '.join(BENCHES)}.", file=sys.stderr)
        return UNKNOWN
    options = Options(
        customers=wanted.customers,
        clicks=wanted.clicks,
        pops=wanted.pops,
        events=wanted.events,
        past_calls=wanted.past_calls,
    )
    figures: list[Figure] = []
    failed = False
    for name in wanted.names or BENCHES:
        try:
            one = BENCHES[name](options)
        except Exception as error:
            failed = True
            print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
            continue
        figures.append(one)
        if wanted.json:
            print(json.dumps(one, ensure_ascii=False), flush=True)
    if figures and not wanted.json:
        _show(figures)
    return FAILED if failed else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    standard = Options()
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(BENCHES)}; all of them without a name")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    for option, default, least, what in (
        ("customers", standard.customers, 1, "customers of the company in `pop`"),
        ("clicks", standard.clicks, 10, "clicks, and as many Originates, in `click`"),
        ("pops", standard.pops, 10, "calls in `pop`"),
        ("events", standard.events, 1000, "events in `ami`"),
        ("past-calls", standard.past_calls, 1, "settled calls in the database of `ledger`"),
    ):
        parser.add_argument(
            f"--{option}", type=_at_least(least), default=default, metavar="N", help=f"{what} (default {default})"
        )
    return parser.parse_args(arguments)


def _at_least(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(text)
        if value < least:
            raise argparse.ArgumentTypeError(f"at least {least}")
        return value

    return number


def _show(figures: Sequence[Figure]) -> None:
    console = Console()
    table = Table()
    for heading in ("bench", "ours", "baseline", "ratio", "unit", "goal"):
        table.add_column(heading)
    for one in figures:
        table.add_row(*(str(one[str(column.header)]) for column in table.columns))
    console.print(table)
    for one in figures:
        console.print(f"[bold]{one['bench']}[/]: {one['note']}", highlight=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
