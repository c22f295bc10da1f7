"""Two tones in, one stereo recording out; and everything that can be wrong with the files."""

from __future__ import annotations

import errno
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from callcenter.recording import pipeline
from callcenter.recording.pipeline import (
    PEAKS,
    BadAudio,
    EncodingFailed,
    NotClosed,
    NothingRecorded,
    StorageFull,
    produce,
)
from tests.recording.sound import hear, loudness, silence, tone, wav


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for almost nothing."""
    place = tmp_path / "small"
    place.mkdir()
    options = ["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(place)]
    if not sys.platform.startswith("linux") or subprocess.run(options, capture_output=True, check=False).returncode:
        pytest.skip("only root can mount a small file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def sides(folder: Path, customer: bytes | None, agent: bytes | None) -> tuple[Path, Path]:
    paths = (folder / "c-1.customer.wav", folder / "c-1.agent.wav")
    for path, content in zip(paths, (customer, agent), strict=True):
        if content is not None:
            path.write_bytes(content)
    return paths


@pytest.mark.parametrize("kind", ["opus", "mp3"])
def test_customer_is_left_and_agent_is_right(tmp_path: Path, kind: str) -> None:
    files = sides(tmp_path, wav(tone(550, 4.37)), wav(tone(1250, 4.37)))
    target = tmp_path / "out" / "deep" / f"c-1.{kind}"
    made = produce(*files, target, kind)
    assert made.duration == pytest.approx(4.37, abs=0.001)
    left, right = hear(target)
    assert len(left) / 8000 == pytest.approx(4.37, abs=0.02)
    middle = slice(8000, 24000)
    for own, other, side in ((550, 1250, left), (1250, 550, right)):
        assert loudness(side[middle], own) > 0.2
        assert loudness(side[middle], own) > 10 * loudness(side[middle], other)
    assert [path.name for path in target.parent.iterdir()] == [target.name]


def test_levels_peaks_and_silence_are_measured(tmp_path: Path) -> None:
    customer = tone(550, 2, amplitude=0.5) + silence(2)
    agent = silence(1) + tone(700, 1, amplitude=0.1) + silence(2)
    made = produce(*sides(tmp_path, wav(customer), wav(agent)), tmp_path / "c-1.opus")
    assert len(made.customer_peaks) == len(made.agent_peaks) == PEAKS
    assert made.customer_peaks[50] == pytest.approx(0.5, abs=0.01)
    assert made.customer_peaks[-1] == 0
    assert made.agent_peaks[150] == pytest.approx(0.1, abs=0.01)
    # Half of the time a sine of amplitude a: a / sqrt(2) / sqrt(2) of full scale.
    assert made.customer_level == pytest.approx(20 * math.log10(0.5 / 2), abs=0.2)
    assert made.silence_share == pytest.approx(0.5, abs=0.03)


def test_a_short_side_is_filled_up_with_silence(tmp_path: Path) -> None:
    target = tmp_path / "c-1.opus"
    made = produce(*sides(tmp_path, wav(tone(550, 3)), wav(tone(1250, 1))), target)
    assert made.duration == pytest.approx(3)
    _, right = hear(target)
    assert loudness(right[2000:7000], 1250) > 0.2
    assert loudness(right[12000:22000], 1250) < 0.01


@pytest.mark.parametrize("missing", [None, wav(b"")])
def test_a_missing_or_empty_side_is_silence(tmp_path: Path, missing: bytes | None) -> None:
    target = tmp_path / "c-1.opus"
    made = produce(*sides(tmp_path, wav(tone(550, 2)), missing), target)
    assert made.duration == pytest.approx(2)
    assert made.agent_level is None
    assert set(made.agent_peaks) == {0.0}
    left, right = hear(target)
    assert loudness(left[4000:12000], 550) > 0.2
    assert loudness(right[4000:12000], 550) < 0.02


def test_a_call_of_a_few_samples_is_a_recording_too(tmp_path: Path) -> None:
    made = produce(*sides(tmp_path, wav(b"\x01\x00" * 3), wav(b"\x01\x00")), tmp_path / "c-1.opus")
    assert len(made.customer_peaks) == 3
    assert (tmp_path / "c-1.opus").stat().st_size > 0


def test_sides_of_different_rates_are_brought_together(tmp_path: Path) -> None:
    files = sides(tmp_path, wav(tone(550, 2)), wav(tone(550, 2), rate=16000))
    assert produce(*files, tmp_path / "c-1.opus").duration == pytest.approx(2, abs=0.01)


def test_no_sound_at_all_is_said(tmp_path: Path) -> None:
    for customer, agent in ((None, None), (wav(b""), None)):
        with pytest.raises(NothingRecorded):
            produce(*sides(tmp_path, customer, agent), tmp_path / "c-1.opus")
    assert not (tmp_path / "c-1.opus").exists()


GOOD = wav(tone(550, 1))
BROKEN = {
    "zero length": b"",
    "garbage": bytes(range(256)) * 20,
    "truncated header": GOOD[:30],
    "header cut in fmt": GOOD[:22],
    "no fmt": b"RIFF\x00\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd",
    "absurd chunk": b"RIFF\x00\x00\x00\x00WAVEfmt \xff\xff\xff\xff" + b"x" * 40,
    "not PCM": GOOD[:20] + b"\x06\x00" + GOOD[22:],
    "absurd rate": wav(tone(550, 1), rate=1),
    "no channels": GOOD[:22] + b"\x00\x00" + GOOD[24:],
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_bad_audio_is_a_typed_error_and_the_other_side_can_be_saved(tmp_path: Path, content: bytes) -> None:
    files = sides(tmp_path, GOOD, content)
    target = tmp_path / "c-1.opus"
    with pytest.raises(BadAudio):
        produce(*files, target)
    assert not target.exists()
    made = produce(*files, target, salvage=True)
    assert made.unreadable == (files[1],)
    assert made.duration == pytest.approx(1)
    with pytest.raises(BadAudio):
        produce(*sides(tmp_path, content, content), target, salvage=True)


@pytest.mark.parametrize("claimed", [0, 10**9])
def test_a_file_still_being_written_is_waited_for_and_can_be_saved(tmp_path: Path, claimed: int) -> None:
    files = sides(tmp_path, wav(tone(550, 2) + b"\x00", claimed=claimed), GOOD)
    with pytest.raises(NotClosed):
        produce(*files, tmp_path / "c-1.opus")
    made = produce(*files, tmp_path / "c-1.opus", salvage=True)
    assert made.duration == pytest.approx(2)
    assert made.unreadable == ()


def test_a_full_disk_is_told_apart_and_leaves_nothing(tmp_path: Path, small_disk: Path) -> None:
    files = sides(tmp_path, wav(tone(550, 20)), wav(tone(1250, 20)))
    with pytest.raises(StorageFull):
        produce(*files, small_disk / "c-1.opus")
    assert list(small_disk.iterdir()) == []
    assert all(path.exists() for path in files)


def test_a_disk_too_full_for_a_folder_is_full_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    files = sides(tmp_path, GOOD, GOOD)
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StorageFull):
        produce(*files, tmp_path / "new" / "c-1.opus")


def test_an_encoder_that_fails_is_a_typed_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pipeline.ENCODERS, "opus", ("-c:a", "no-such-codec", "-f", "opus"))
    with pytest.raises(EncodingFailed, match="no-such-codec"):
        produce(*sides(tmp_path, GOOD, GOOD), tmp_path / "c-1.opus")
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".wav", ".wav"]


def test_only_known_formats(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="flac"):
        produce(*sides(tmp_path, GOOD, GOOD), tmp_path / "c-1.flac", "flac")
