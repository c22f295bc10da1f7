"""How well a line sounds, from what RTP tells: the E-model of ITU-T G.107, reduced to what loss, jitter and delay do.

All default values of the recommendation give a rating R of 93.2 for a perfect narrow-band line. Delay takes away `Id`
(the approximation of G.107 by Cole and Rosenbluth, which differs by less than one point below 400 ms), loss takes away
`Ie-eff` with a codec that conceals some of it, and R becomes the opinion score (MOS) that people would give.
"""

from __future__ import annotations

from dataclasses import dataclass

BEST_R = 93.2
LOSS_ROBUSTNESS = 10.0
"""`Bpl` of G.113 for codecs with concealment and random loss, between G.711 without (4.3) and with it (25)."""
JITTER_BUFFERS = 2.0
"""A receiver waits about twice the jitter before it plays; so much is added to the delay."""
CODEC_MS = 20.0
"""Packetisation and processing at the two ends, milliseconds."""
BAD_MOS = 3.1
"""Below this many users are dissatisfied (R of 60, G.107 annex B)."""
FAIR_MOS = 3.6
"""Below this some users are dissatisfied (R of 70)."""


@dataclass(frozen=True, slots=True)
class Line:
    """What was measured: `loss` is a fraction from 0 to 1, the times are milliseconds."""

    loss: float
    jitter_ms: float
    round_trip_ms: float | None = None


def rating(line: Line) -> float:
    """R of G.107, from 0 to 93.2."""
    one_way = (line.round_trip_ms or 0.0) / 2 + JITTER_BUFFERS * line.jitter_ms + CODEC_MS
    delay = 0.024 * one_way + (0.11 * (one_way - 177.3) if one_way > 177.3 else 0.0)
    percent = 100 * min(1.0, max(0.0, line.loss))
    impaired = 95.0 * percent / (percent + LOSS_ROBUSTNESS)
    return max(0.0, min(BEST_R, BEST_R - delay - impaired))


def mos(line: Line) -> float:
    """The opinion score from 1 (bad) to 4.4 (as good as a telephone gets), two decimals (G.107 annex B)."""
    r = rating(line)
    return round(max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6), 2)


def word(score: float) -> str:
    """`good`, `fair` or `bad`."""
    if score < BAD_MOS:
        return "bad"
    return "fair" if score < FAIR_MOS else "good"
