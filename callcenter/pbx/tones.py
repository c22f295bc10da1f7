"""Tones: making the warning beeps, and telling which tones a recording holds (how tests prove who heard whom)."""

from __future__ import annotations

import array
import math
import sys
import wave
from collections.abc import Iterable
from pathlib import Path

SHARE = 0.2
"""A tone counts as heard when it holds at least this share of a window's energy ..."""
FLOOR = 100.0
"""... and the window is not silence (root mean square of 16-bit samples)."""


def samples(path: Path) -> tuple[int, array.array[int]]:
    """(samples per second, 16-bit mono samples) of a WAV file that has been closed."""
    with wave.open(str(path), "rb") as file:
        if file.getsampwidth() != 2 or file.getnchannels() != 1:
            raise ValueError(f"{path} is not 16-bit mono.")
        data = array.array("h", file.readframes(file.getnframes()))
        rate = file.getframerate()
    if sys.byteorder == "big":
        data.byteswap()
    return rate, data


def write_beeps(path: Path, hz: float, count: int = 2, on: float = 0.25, off: float = 0.2) -> None:
    """Write `count` beeps as a telephone-quality WAV file (8 kHz, 16-bit, mono); beeps fade, so none clicks."""
    rate, peak, fade = 8000, 9000, 0.01
    data = array.array("h")
    for _ in range(count):
        length = int(on * rate)
        for index in range(length):
            edge = min(1.0, index / (fade * rate), (length - index) / (fade * rate))
            data.append(int(peak * edge * math.sin(2.0 * math.pi * hz * index / rate)))
        data.extend([0] * int(off * rate))
    if sys.byteorder == "big":
        data.byteswap()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data.tobytes())


def seconds(path: Path) -> float:
    """Length of a WAV file in seconds."""
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()


def goertzel(block: array.array[int], rate: int, hz: float) -> float:
    """Share (0..1) of the block's energy that lies at `hz`.

    Taken over short pieces, so a packet that was lost or repeated (a jump in phase) does not hide the tone.
    """
    size = max(1, rate // 10)
    pieces = [block[start : start + size] for start in range(0, len(block), size)]
    return sum(_share(piece, rate, hz) * len(piece) for piece in pieces) / max(1, len(block))


def _share(block: array.array[int], rate: int, hz: float) -> float:
    energy = sum(sample * sample for sample in block)
    if not energy:
        return 0.0
    coefficient = 2.0 * math.cos(2.0 * math.pi * hz / rate)
    previous = before = 0.0
    for sample in block:
        previous, before = sample + coefficient * previous - before, previous
    power = previous * previous + before * before - coefficient * previous * before
    return 2.0 * power / (len(block) * energy)


def heard_tones(path: Path, candidates_hz: Iterable[float], window: float = 1.0) -> list[set[float]]:
    """For each window (one second, unless told), the candidates that are heard in it."""
    rate, data = samples(path)
    size = max(1, int(rate * window))
    candidates = list(candidates_hz)
    heard: list[set[float]] = []
    for start in range(0, len(data), size):
        block = data[start : start + size]
        if len(block) < size // 2:
            break
        loud = math.sqrt(sum(sample * sample for sample in block) / len(block)) >= FLOOR
        heard.append({hz for hz in candidates if loud and goertzel(block, rate, hz) >= SHARE})
    return heard


def hears(path: Path, hz: float, min_seconds: float = 1.0, window: float = 0.25) -> bool:
    """True if `hz` is heard for at least `min_seconds` in all."""
    windows = heard_tones(path, [hz], window)
    return sum(1 for tones in windows if hz in tones) * window >= min_seconds
