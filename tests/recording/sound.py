"""Tones as Asterisk would record them, and ears for what came out."""

from __future__ import annotations

import array
import math
import struct
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg

from callcenter.pbx.tones import samples

RATE = 8000


def tone(hertz: float, seconds: float, amplitude: float = 0.3) -> bytes:
    steps = range(int(RATE * seconds))
    return array.array(
        "h", (int(32767 * amplitude * math.sin(2 * math.pi * hertz * n / RATE)) for n in steps)
    ).tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * int(RATE * seconds))


def wav(sound: bytes, *, claimed: int | None = None, rate: int = RATE, channels: int = 1) -> bytes:
    """A 16-bit WAV file; `claimed` is the length the header tells, if not the true one."""
    size = len(sound) if claimed is None else claimed
    head = struct.pack("<HHIIHH", 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    return b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack(
        "<I", size
    ) + sound  # fmt: skip


def hear(path: Path) -> tuple[list[int], list[int]]:
    """Left and right samples of a recording at 8 kHz."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path)]
    command += ["-f", "s16le", "-ar", str(RATE), "-ac", "2", "pipe:1"]
    done = subprocess.run(command, capture_output=True, check=True)
    both = array.array("h", done.stdout)
    return list(both[0::2]), list(both[1::2])


def loudness(track: list[int], hertz: float) -> float:
    """How strong one frequency is in the samples, 0..1 of full scale (Goertzel)."""
    weight = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for sample in track:
        before, last = last, sample + weight * last - before
    power = before * before + last * last - weight * before * last
    return math.sqrt(max(0.0, power)) * 2 / max(1, len(track)) / 32767


def says(heard: Path, words: Path) -> bool:
    """Whether a recording holds the words of another file, both 8 kHz: sought by loudness, then compared in full."""
    rate, track = samples(heard)
    same_rate, wanted = samples(words)
    assert rate == same_rate
    frame = rate // 50
    loud, pattern = _envelope(track, frame), _envelope(wanted, frame)
    places = sorted(
        range(max(0, len(loud) - len(pattern) + 1)),
        key=lambda at: -_alike(loud[at : at + len(pattern)], pattern),
    )
    middle = len(wanted) // 2
    piece = list(wanted[middle - rate // 8 : middle + rate // 8])
    return any(
        _alike(list(track[start : start + len(piece)]), piece) > 0.8
        for place in places[:3]
        for start in range(
            max(0, place * frame + middle - rate // 8 - frame), place * frame + middle - rate // 8 + frame
        )
    )


def _envelope(track: Sequence[int], frame: int) -> list[float]:
    return [sum(abs(one) for one in track[at : at + frame]) / frame for at in range(0, len(track) - frame, frame)]


def _alike(one: Sequence[float], other: Sequence[float]) -> float:
    """The correlation of two stretches of the same length: 1 when they rise and fall together."""
    if len(one) != len(other):
        return 0.0
    mean, same_mean = sum(one) / len(one), sum(other) / len(other)
    over = sum((a - mean) * (b - same_mean) for a, b in zip(one, other, strict=True))
    under = math.sqrt(sum((a - mean) ** 2 for a in one) * sum((b - same_mean) ** 2 for b in other))
    return over / under if under else 0.0
