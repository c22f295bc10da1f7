"""The product's side of the room: files from people in, what a limited child found in them out.

This is the only way by which workbooks, tables, papers and sounds from people are opened. The product itself never
parses them, and gives the child nothing but the file.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import msgspec

from callcenter.domain.tables import Typed
from callcenter.intake import process
from callcenter.intake.limits import GIVEN, MADE, MEBIBYTE, VERDICT, Limits, Note, Order, Verdict
from callcenter.intake.places import Busy, Place, Places

__all__ = ["Busy", "Intake", "LineTooLong", "Place", "Table", "TooHeavy", "TooMany", "Unreadable"]
log = logging.getLogger(__name__)

TABLE = Limits(memory=1024 * MEBIBYTE, output=256 * MEBIBYTE, work_seconds=40, seconds=60)
PAPER = Limits(memory=768 * MEBIBYTE, output=MEBIBYTE, work_seconds=10, seconds=20)
SOUND = Limits(memory=768 * MEBIBYTE, output=16 * MEBIBYTE, work_seconds=30, seconds=60)
LARGEST_VERDICT = MEBIBYTE
MOST_PIXELS = 100_000_000
"""Of a picture: what a large scanner makes of a page."""
SOUND_RATE = 8000
LONGEST_SOUND = 180
"""Seconds of a sound that are kept."""
_WAV_HEADER = 44
_PAPERS = ((b"\x89PNG\r\n\x1a\n", ".png", "png_pipe"), (b"\xff\xd8\xff", ".jpg", "jpeg_pipe"), (b"%PDF-", ".pdf", ""))
"""First bytes, ending, and what ffmpeg calls it."""


class Unreadable(Exception):
    """The file is not what it has to be; the message says why."""


class LineTooLong(Unreadable):
    """A text with a line that no table has; `args[0]` is its number."""


class TooMany(Exception):
    """More rows or columns than are taken."""


class TooHeavy(Exception):
    """Opening the file took more memory or time than is allowed, or broke the program that tried."""


class Table:
    """The rows of a table, on disk until they are asked for; to be closed. `notes` tell what is no row of numbers."""

    def __init__(self, lines: IO[bytes], rows: int, notes: tuple[Note, ...]) -> None:
        self._lines = lines
        self.rows = rows
        self.notes = notes

    def __iter__(self) -> Iterator[Typed]:
        decoder = msgspec.json.Decoder(Typed)
        return (decoder.decode(line) for line in self._lines)

    def close(self) -> None:
        self._lines.close()


class Intake:
    """The room of one installation."""

    def __init__(self, places: Places | None = None) -> None:
        self._places = places or Places()

    def place(self, person: int) -> AbstractContextManager[Place]:
        """To be taken before an upload's body is read; raises `Busy`."""
        return self._places.taken(person)

    def at_work(self, person: int) -> int:
        """How many uploads of a person are received, wait or are being opened."""
        return self._places.of(person)

    async def table(self, place: Place, content: bytes, limits: Limits = TABLE) -> Table:
        """The rows of a workbook (xlsx, xls, ods) or a text with columns.

        Raises `Unreadable`, `LineTooLong`, `TooMany` or `TooHeavy`.
        """
        async with self._opened(place, content) as folder:
            verdict = await self._judged(Order("table", limits), folder)
            if verdict.fault == "too_many":
                raise TooMany
            if verdict.fault == "line_too_long":
                raise LineTooLong(verdict.line)
            if verdict.fault:
                raise Unreadable(verdict.reason)
            # The folder goes with the block; the open file keeps the rows.
            return Table((folder / MADE).open("rb"), verdict.rows, verdict.notes)

    async def paper(self, place: Place, content: bytes, limits: Limits = PAPER) -> str:
        """What an uploaded paper is: `.png`, `.jpg` or `.pdf`. Pictures were decoded, a PDF's structure was walked.

        Raises `Unreadable` or `TooHeavy`.
        """
        _, ending, name = next((one for one in _PAPERS if content.startswith(one[0])), (b"", "", ""))
        if not ending:
            raise Unreadable("neither PNG, JPEG nor PDF")
        async with self._opened(place, content) as folder:
            if ending == ".pdf":
                verdict = await self._judged(Order("pdf", limits), folder)
                if verdict.fault:
                    raise Unreadable(verdict.reason)
                return ending
            options = ("-max_pixels", str(MOST_PIXELS), "-f", name)
            written = ("-frames:v", "1", "-f", "framecrc", MADE)
            await self._converted(_ffmpeg(*options, "-i", GIVEN, "-map", "0:v:0", *written), limits, folder)
            frames = (folder / MADE).read_text("utf-8", "replace").splitlines() if (folder / MADE).exists() else []
            if not any(line and not line.startswith("#") for line in frames):
                raise Unreadable("the picture cannot be decoded")
        return ending

    async def sound(self, place: Place, content: bytes, target: Path, limits: Limits = SOUND) -> float:
        """Writes a sound (wav, mp3 or anything ffmpeg reads) as mono 16-bit 8 kHz WAV; its length in seconds.

        At most `LONGEST_SOUND` are kept. Raises `Unreadable` or `TooHeavy`.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        async with self._opened(place, content, target.parent) as folder:
            # Only what is inside the file may be read: a playlist could name others.
            read = ("-protocol_whitelist", "file", "-t", str(LONGEST_SOUND), "-i", GIVEN, "-map", "0:a:0")
            plain = ("-map_metadata", "-1", "-flags", "+bitexact", "-fflags", "+bitexact")
            written = ("-ac", "1", "-ar", str(SOUND_RATE), *plain, "-c:a", "pcm_s16le", "-f", "wav", MADE)
            await self._converted(_ffmpeg(*read, *written), limits, folder)
            made = folder / MADE
            size = made.stat().st_size - _WAV_HEADER if made.exists() else 0
            if size <= 0:
                raise Unreadable("there is no sound in this file")
            made.chmod(0o640)
            made.replace(target)
        return round(size / 2 / SOUND_RATE, 3)

    @contextlib.asynccontextmanager
    async def _opened(self, place: Place, content: bytes, beside: Path | None = None) -> AsyncIterator[Path]:
        """A folder with the file in it, when it is this person's turn."""
        async with self._places.turn(place):
            with tempfile.TemporaryDirectory(prefix="callcenter-intake-", dir=beside) as name:
                folder = Path(name)
                await asyncio.get_running_loop().run_in_executor(None, (folder / GIVEN).write_bytes, content)
                yield folder

    async def _judged(self, order: Order, folder: Path) -> Verdict:
        status = await _run(order, folder)
        verdict = folder / VERDICT
        if status != 0 or not verdict.is_file() or verdict.stat().st_size > LARGEST_VERDICT:
            raise TooHeavy
        try:
            return msgspec.json.decode(verdict.read_bytes(), type=Verdict)
        except msgspec.DecodeError:
            raise TooHeavy from None

    async def _converted(self, command: tuple[str, ...], limits: Limits, folder: Path) -> None:
        if await _run(Order("ffmpeg", limits, command), folder) != 0:
            raise Unreadable("ffmpeg cannot read it")


def _ffmpeg(*arguments: str) -> tuple[str, ...]:
    return (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y", "-threads", "1", *arguments)


async def _run(order: Order, folder: Path) -> int:
    try:
        return await process.run(order, folder)
    except process.Died as death:
        log.warning("the child that opened a file (%s) did not come back: %s", order.kind, death)
        raise TooHeavy from None
