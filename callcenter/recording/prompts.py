"""A company's own announcements: any audio file in, telephone-quality WAV out.

Converting blocks and starts ffmpeg: call `convert` off the event loop.
"""

from __future__ import annotations

import subprocess
import tempfile
from datetime import datetime
from pathlib import Path

import imageio_ffmpeg

from callcenter.settings import Settings

RATE = 8000
LONGEST_SECONDS = 180
CONVERT_TIMEOUT = 60.0
_HEADER_BYTES = 44


class BadPrompt(ValueError):
    """The file holds no sound that ffmpeg can read, or none at all."""


def prompt_folder(settings: Settings) -> Path:
    """Where announcements are kept; Asterisk reads them from there."""
    return settings.data_dir.resolve() / "prompts"


def prompt_file(folder: Path, prompt_id: int, made: datetime) -> Path:
    """The file of one announcement; a new upload has a new name, so that Asterisk never plays half of each."""
    return folder / f"prompt-{prompt_id}-{int(made.timestamp() * 1000)}.wav"


def convert(audio: bytes, target: Path) -> float:
    """Writes `audio` (wav, mp3 or anything ffmpeg reads) as mono 16-bit 8 kHz WAV; its length in seconds.

    At most `LONGEST_SECONDS` are kept. Raises `BadPrompt`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        given, made = Path(folder) / "given", Path(folder) / "made.wav"
        given.write_bytes(audio)
        # Only what is inside the file may be read: a playlist could name others.
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-protocol_whitelist", "file"]
        command += ["-t", str(LONGEST_SECONDS), "-i", str(given), "-map", "0:a:0", "-ac", "1", "-ar", str(RATE)]
        command += [
            "-map_metadata",
            "-1",
            "-flags",
            "+bitexact",
            "-fflags",
            "+bitexact",
            "-c:a",
            "pcm_s16le",
            "-f",
            "wav",
        ]
        try:
            done = subprocess.run([*command, str(made)], capture_output=True, timeout=CONVERT_TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            raise BadPrompt("the file takes too long to read") from None
        size = made.stat().st_size - _HEADER_BYTES if made.exists() else 0
        if done.returncode != 0 or size <= 0:
            raise BadPrompt("there is no sound in this file")
        made.chmod(0o640)
        made.replace(target)
    return round(size / 2 / RATE, 3)
