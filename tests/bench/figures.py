"""What a bench reports, and the arithmetic all of them share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Figure = dict[str, str | float]
"""One line of the output: bench, ours, baseline, ratio, unit, goal, note."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line may change; the defaults are what the goals are stated for."""

    customers: int = 1_000_000
    clicks: int = 150
    pops: int = 150
    events: int = 100_000
    past_calls: int = 1_000_000


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest-rank percentile: the smallest value that at least `share` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def spread(seconds: Sequence[float]) -> str:
    """`p50 4.1, p90 5.0, p99 9.3 ms` of times in seconds."""
    marks = ((0.5, "p50"), (0.9, "p90"), (0.99, "p99"))
    return ", ".join(f"{name} {percentile(seconds, share) * 1000:.1f}" for share, name in marks) + " ms"


def figure(bench: str, ours: float, baseline: float, unit: str, goal: str, note: str) -> Figure:
    return {
        "bench": bench,
        "ours": round(ours, 2),
        "baseline": round(baseline, 2),
        "ratio": round(ours / baseline, 2),
        "unit": unit,
        "goal": goal,
        "note": note,
    }


__all__ = ["Figure", "Options", "figure", "median", "percentile", "spread"]
