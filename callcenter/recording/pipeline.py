"""Two mono files in, one stereo recording out: customer left, agent right, with levels, silence and a waveform.

Everything here blocks and holds the whole call in memory (about 60 MB per hour and side): it runs in a process of its
own, never on the event loop. Paths in, a value out; nothing else is touched.
"""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import tempfile
import warnings
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import imageio_ffmpeg

with warnings.catch_warnings():
    # pydub looks for an ffmpeg on PATH and complains; ours comes from a package and is named below.
    warnings.simplefilter("ignore")
    from pydub import AudioSegment
    from pydub.audio_segment import WavSubChunk, extract_wav_headers, read_wav_audio
    from pydub.exceptions import CouldntDecodeError

PEAKS = 400
SILENCE_DBFS = -45.0
"""A window counts as silent when neither side is louder; line noise of a telephone call lies below."""
WINDOW_MS = 100
ENCODE_TIMEOUT = 600.0

ENCODERS = {
    # `voip` keeps the two voices 34 dB apart at this rate; the default application mixes them up more.
    "opus": ("-c:a", "libopus", "-b:a", "24k", "-application", "voip", "-f", "opus"),
    "mp3": ("-c:a", "libmp3lame", "-b:a", "32k", "-joint_stereo", "0", "-f", "mp3"),
}


STARVED = (errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN)
"""Errors that tell of this machine's moment and nothing of the file."""


class RecordingError(Exception):
    """The recording could not be made; the message says why."""


class NothingRecorded(RecordingError):
    """Neither side has a sample."""


class BadAudio(RecordingError):
    """A file is not a recording of ours: garbage, a truncated header, an unknown format."""


class NotClosed(BadAudio):
    """The header does not know the length yet: Asterisk is still writing, or died while it wrote."""


class Postponed(RecordingError):
    """Nothing is wrong with the call's files: this machine cannot work on them now."""


class StorageFull(Postponed):
    """There is no space for the recording."""


class Starved(Postponed):
    """There are no descriptors, processes or memory left to work with."""


class EncodingFailed(RecordingError):
    """ffmpeg refused or hung."""


@dataclass(frozen=True, slots=True)
class Produced:
    """What a recording holds. Seconds; levels are dBFS (RMS), None for pure silence; peaks are 0..1 at equal steps."""

    format: str
    duration: float
    silence_share: float
    customer_peaks: list[float]
    agent_peaks: list[float]
    customer_level: float | None
    agent_level: float | None
    unreadable: tuple[Path, ...] = ()
    """Files that were given up for silence, when salvaging."""


def produce(customer: Path, agent: Path, target: Path, kind: str = "opus", *, salvage: bool = False) -> Produced:
    """Mixes and encodes into `target`, which appears whole or not at all.

    A side without a file or without samples is silence. With `salvage` an unclosed file is taken up to where it got
    and an unreadable one is silence too, as long as the other side has something. Raises a `RecordingError`.
    """
    if kind not in ENCODERS:
        raise ValueError(f"unknown recording format {kind!r}; known: {', '.join(ENCODERS)}")
    unreadable: list[Path] = []
    sides: list[Any] = []
    for path in (customer, agent):
        try:
            sides.append(read_side(path, salvage=salvage))
        except BadAudio:
            if not salvage:
                raise
            unreadable.append(path)
            sides.append(None)
    left, right = _in_step(sides[0], sides[1], unreadable)
    frames = int(left.frame_count())
    produced = Produced(
        format=kind,
        duration=round(frames / left.frame_rate, 3),
        silence_share=_silence_share(left, right),
        customer_peaks=_peaks(left),
        agent_peaks=_peaks(right),
        customer_level=_level(left),
        agent_level=_level(right),
        unreadable=tuple(unreadable),
    )
    _encode(AudioSegment.from_mono_audiosegments(left, right), target, kind)
    return produced


def read_side(path: Path, *, salvage: bool = False) -> Any | None:
    """One mono file as an AudioSegment; None when there is no file or no sample. Raises `BadAudio` or `NotClosed`."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in STARVED:
            raise Starved(f"{path.name} cannot be opened: {error.strerror}") from None
        raise BadAudio(f"{path.name} cannot be read: {error.strerror}") from None
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise BadAudio(f"{path.name} is not a WAV file ({len(data)} bytes)")
    headers = extract_wav_headers(data)
    if not headers or headers[-1].id != b"data":
        raise BadAudio(f"{path.name} has a truncated header")
    head = headers[-1]
    there = len(data) - head.position - 8
    if head.size > there or (head.size == 0 and there > 0):
        # Asterisk writes the length when it closes the file.
        if not salvage:
            raise NotClosed(f"{path.name} holds {there} bytes of sound, its header says {head.size}")
        headers[-1] = WavSubChunk(head.id, head.position, there)
    return _segment(path, data, headers)


def _segment(path: Path, data: bytes, headers: Any) -> Any | None:
    try:
        wav = read_wav_audio(data, headers)
    except (CouldntDecodeError, ValueError, IndexError) as error:
        raise BadAudio(f"{path.name} cannot be decoded: {error}") from None
    except Exception as error:  # struct.error and whatever else a broken header provokes
        raise BadAudio(f"{path.name} cannot be decoded: {type(error).__name__}") from None
    if wav.bits_per_sample != 16 or wav.channels not in (1, 2) or not 8000 <= wav.sample_rate <= 48_000:
        raise BadAudio(f"{path.name} has {wav.channels} channels of {wav.bits_per_sample} bits at {wav.sample_rate} Hz")
    frame = 2 * wav.channels
    sound = wav.raw_data[: len(wav.raw_data) // frame * frame]
    if not sound:
        return None
    segment = AudioSegment(sound, sample_width=2, frame_rate=wav.sample_rate, channels=wav.channels)
    return segment.set_channels(1)


def _in_step(customer: Any | None, agent: Any | None, unreadable: list[Path]) -> tuple[Any, Any]:
    """Both sides at one rate and of one length; the two files begin together, so silence is added at the end."""
    present = [side for side in (customer, agent) if side is not None]
    if not present:
        if unreadable:
            raise BadAudio("no side can be read: " + ", ".join(path.name for path in unreadable))
        raise NothingRecorded("neither side has any sound")
    rate = max(side.frame_rate for side in present)
    resampled = [side.set_frame_rate(rate) if side is not None else None for side in (customer, agent)]
    frames = max(int(side.frame_count()) for side in resampled if side is not None)
    left, right = (_padded(side, frames, rate) for side in resampled)
    return left, right


def _padded(side: Any | None, frames: int, rate: int) -> Any:
    sound = side.raw_data if side is not None else b""
    return AudioSegment(sound + bytes(2 * frames - len(sound)), sample_width=2, frame_rate=rate, channels=1)


def _peaks(side: Any) -> list[float]:
    frames = int(side.frame_count())
    steps = min(PEAKS, frames)
    edges = [step * frames // steps for step in range(steps + 1)]
    return [round(min(1.0, side.get_sample_slice(start, end).max / 32768), 3) for start, end in pairwise(edges)]


def _level(side: Any) -> float | None:
    return round(float(side.dBFS), 1) if side.rms > 0 else None


def _silence_share(left: Any, right: Any) -> float:
    threshold = 32768 * 10 ** (SILENCE_DBFS / 20)
    step = left.frame_rate * WINDOW_MS // 1000
    starts = range(0, int(left.frame_count()), step)
    silent = sum(
        all(side.get_sample_slice(start, start + step).rms < threshold for side in (left, right)) for start in starts
    )
    return round(silent / len(starts), 3)


def _encode(mixed: Any, target: Path, kind: str) -> None:
    """Encodes beside the target, makes it durable, then moves it into place: the originals may be deleted after."""
    part: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=target.parent)
        os.close(handle)
        part = Path(name)
        _run_ffmpeg(mixed, part, kind)
        part.chmod(0o640)
        _sync(part)
        part.replace(target)
        _sync(target.parent)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageFull(f"no space left for {target}") from None
        if error.errno in STARVED:
            raise Starved(f"{target} cannot be written: {error.strerror}") from None
        raise EncodingFailed(f"cannot write {target}: {error.strerror}") from None
    finally:
        if part is not None:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)


def _run_ffmpeg(mixed: Any, part: Path, kind: str) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-threads", "1"]
    command += ["-f", "s16le", "-ar", str(mixed.frame_rate), "-ac", "2", "-i", "pipe:0"]
    command += [*ENCODERS[kind], "-map_metadata", "-1", str(part)]
    try:
        done = subprocess.run(command, input=mixed.raw_data, capture_output=True, timeout=ENCODE_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise EncodingFailed(f"ffmpeg took longer than {ENCODE_TIMEOUT:.0f} s") from None
    said = done.stderr.decode("utf-8", "replace").strip()
    if os.strerror(errno.ENOSPC) in said or os.strerror(errno.EDQUOT) in said:
        raise StorageFull(said[-300:])
    if done.returncode != 0:
        raise EncodingFailed(f"ffmpeg ended with {done.returncode}: {said[-300:]}")


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
