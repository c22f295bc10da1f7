"""The E-model's figures: what loss, jitter and delay do to how a line sounds (P-27)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcenter.domain.quality import BAD_MOS, Line, mos, rating, word

LINES = st.builds(
    Line,
    loss=st.floats(0, 1),
    jitter_ms=st.floats(0, 500),
    round_trip_ms=st.none() | st.floats(0, 2000),
)


@pytest.mark.parametrize(
    ("line", "score"),
    [
        (Line(0, 0, 0), 4.4),
        (Line(0.01, 5, 50), 4.14),
        (Line(0.05, 20, 100), 3.04),
        (Line(0.2, 40), 1.51),
        (Line(1, 0), 1.0),
    ],
)
def test_known_lines_have_known_scores(line: Line, score: float) -> None:
    """The same figures as softphone/quality.test.ts, so that both languages agree."""
    assert mos(line) == score


@pytest.mark.parametrize(
    ("score", "said"), [(4.4, "good"), (3.6, "good"), (3.59, "fair"), (BAD_MOS, "fair"), (3.0, "bad")]
)
def test_scores_have_words(score: float, said: str) -> None:
    assert word(score) == said


@given(LINES)
def test_every_line_has_a_score_between_one_and_the_best(line: Line) -> None:
    assert 1.0 <= mos(line) <= 4.5 and 0 <= rating(line) <= 93.2


@given(LINES, st.floats(0, 0.5), st.floats(0, 100))
def test_a_worse_line_is_never_rated_better(line: Line, loss: float, jitter: float) -> None:
    worse = Line(min(1.0, line.loss + loss), line.jitter_ms + jitter, line.round_trip_ms)
    assert rating(worse) <= rating(line) + 1e-9
