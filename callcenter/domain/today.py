"""The key numbers of a day: counted for each employee, and summed for whoever may see them.

A valid call talked for at least as long as the company's threshold (SPEC §B4.2; the manual leaves open whether a call
that is exactly as long counts: it does).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from callcenter.domain.entities import Figures

COUNTED = (
    "calls",
    "inbound",
    "answered",
    "ended",
    "missed",
    "valid",
    "talk_seconds",
    "minutes_charged",
)
"""What is counted and may be summed. `missed`: callers who left or were turned away before anybody answered."""


def summed(parts: Iterable[Mapping[str, int]]) -> Figures:
    """The numbers of several employees together. The answer rate is of ended calls only; None before the first one."""
    total = dict.fromkeys(COUNTED, 0)
    for part in parts:
        for name in COUNTED:
            total[name] += part[name]
    ended, answered = total["ended"], total["answered"]
    return {
        "calls": total["calls"],
        "inbound": total["inbound"],
        "answered": answered,
        "missed": total["missed"],
        "valid": total["valid"],
        "talk_seconds": total["talk_seconds"],
        "minutes_charged": total["minutes_charged"],
        "outbound": total["calls"] - total["inbound"],
        "average_talk_seconds": round(total["talk_seconds"] / answered) if answered else 0,
        "answer_rate": round(answered / ended, 4) if ended else None,
    }
