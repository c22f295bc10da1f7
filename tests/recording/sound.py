"""Tones as Asterisk would record them, and ears for what came out."""

from __future__ import annotations

import array
import math
import struct
import subprocess
from pathlib import Path

import imageio_ffmpeg

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
    samples = array.array("h", done.stdout)
    return list(samples[0::2]), list(samples[1::2])


def loudness(samples: list[int], hertz: float) -> float:
    """How strong one frequency is in the samples, 0..1 of full scale (Goertzel)."""
    weight = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for sample in samples:
        before, last = last, sample + weight * last - before
    power = before * before + last * last - weight * before * last
    return math.sqrt(max(0.0, power)) * 2 / max(1, len(samples)) / 32767
