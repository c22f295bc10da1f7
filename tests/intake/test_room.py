"""The room where files from people are opened: what is taken, and that what a file does stays with its child."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import wave
from datetime import datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
import pytest
import xlsxwriter

from callcenter.domain.tables import Typed
from callcenter.intake import limits, process
from callcenter.intake.limits import MEBIBYTE, Limits, Order
from callcenter.intake.places import Places
from callcenter.intake.room import Busy, Intake, LineTooLong, TooHeavy, TooMany, Unreadable
from tests.intake import files

ME = 1


async def rows(content: bytes, **options: Any) -> tuple[list[Typed], tuple[limits.Note, ...]]:
    intake = Intake()
    with intake.place(ME) as place:
        table = await intake.table(place, content, **options)
    try:
        found = list(table)
        assert len(found) == table.rows
        return found, table.notes
    finally:
        table.close()


async def paper(content: bytes) -> str:
    intake = Intake()
    with intake.place(ME) as place:
        return await intake.paper(place, content)


# -- files that are meant to do harm -----------------------------------------------------------------------------------


async def test_two_cells_in_the_corners_of_a_sheet_end_their_child_alone() -> None:
    content = files.corners()
    assert len(content) < 2048
    with pytest.raises(TooHeavy):
        await rows(content)
    assert (await rows(b"13800000001"))[0], "the next file is opened as ever"


async def test_a_workbook_that_unpacks_without_end_is_stopped() -> None:
    content = files.bomb()
    assert len(content) < MEBIBYTE
    small = Limits(memory=160 * MEBIBYTE, output=MEBIBYTE, work_seconds=20, seconds=60)
    with pytest.raises((TooHeavy, TooMany, Unreadable)):
        await rows(content, limits=small)


async def test_a_line_without_end_is_named() -> None:
    with pytest.raises(LineTooLong) as error:
        await rows(b"13800000001\n" + b"1," * MEBIBYTE)
    assert error.value.args == (2,)
    with pytest.raises(TooMany):
        await rows(b"1," * 1000)
    with pytest.raises(TooMany):
        await rows(b"1\n" * (limits.MOST_ROWS + 2))


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 and no workbook",
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 and no workbook",
        files.picture(),
        files.pdf() + bytes(64),
        b"\x00\x01\x02\x03",
        bytes(range(1, 32)) * 20,
        b"<html><table><tr><td>13800000001</td></tr></table></html>",
    ],
    ids=["zip", "xls", "picture", "pdf", "NUL", "controls", "html"],
)
async def test_what_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(Unreadable):
        await rows(content)


async def test_a_killed_child_is_an_error_for_its_file(tmp_path: Path) -> None:
    """Somebody, or the machine out of memory, kills it in the middle of its work."""
    # What ffmpeg reads from a pipe that nobody writes to never ends.
    os.mkfifo(tmp_path / "given")
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "wav", "-i", "given", "-f", "null", "-")
    order = Order("ffmpeg", Limits(768 * MEBIBYTE, MEBIBYTE, 20, 120), command)
    running = asyncio.create_task(process.run(order, tmp_path))
    child = await _child_of_ours("given", running)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(process.Died, match="SIGKILL"):
        await running


async def test_a_child_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "given")
    command = (imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "wav", "-i", "given", "-f", "null", "-")
    with pytest.raises(process.Died, match="longer than"):
        await process.run(Order("ffmpeg", Limits(768 * MEBIBYTE, MEBIBYTE, 20, 0.5), command), tmp_path)
    assert not [one for one in _children() if "given" in _command(one)]


async def test_a_child_has_its_limits_and_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What runs in the room sees neither the product's secrets nor more than it is given."""
    monkeypatch.setenv("CALLCENTER_TRUNK_PASSWORD", "geheim")
    script = (
        "import os, resource, json; json.dump({'env': dict(os.environ), 'cwd': os.getcwd(), "
        "'limits': [resource.getrlimit(one)[1] for one in "
        "(resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, "
        "resource.RLIMIT_CORE)]}, open('made', 'w'))"
    )
    order = Order("ffmpeg", Limits(512 * MEBIBYTE, MEBIBYTE, 7, 60), (sys.executable, "-I", "-c", script))
    assert await process.run(order, tmp_path) == 0
    told = json.loads((tmp_path / "made").read_bytes())
    assert set(told["env"]) <= {"PATH", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH"}
    assert told["cwd"] == str(tmp_path.resolve())
    assert told["limits"] == [512 * MEBIBYTE, 7, MEBIBYTE, 64, 0]


# -- workbooks ---------------------------------------------------------------------------------------------------------


async def test_a_workbook_is_read_as_it_looks() -> None:
    """Numbers that are kept as fractions, results of formulas, dates; a formula without a result is told."""
    content = io.BytesIO()
    book = xlsxwriter.Workbook(content, {"in_memory": True})
    sheet = book.add_worksheet()
    sheet.write_row(0, 0, ["手机号", "姓名", "日期", "金额"])
    sheet.write_row(1, 0, [1.38e10, "王芳", "", 12.5])
    sheet.write_datetime(1, 2, datetime(2026, 11, 1), book.add_format({"num_format": "yyyy-mm-dd"}))
    sheet.write_formula(2, 0, '="138"&"00000002"', None, "13800000002")
    book.close()
    found, notes = await rows(content.getvalue())
    assert [(one.number, one.name, one.remark) for one in found] == [
        ("13800000000", "王芳", "日期: 2026-11-01；金额: 12.5"),
        ("13800000002", "", ""),
    ]
    assert "formulas_empty" not in [one.why for one in notes]


async def test_formulas_that_nobody_calculated_are_told() -> None:
    """Programs write them without a result; an empty text is one."""
    cells = b'<c r="A1"><v>13800000001</v></c><c r="B1"><f>A1</f><v></v></c><c r="C1"><f>A1</f></c>'
    cells += b'<c r="D1" t="str"><f>A1</f><v></v></c><c r="E1"><f>1+1</f><v>2</v></c>'
    found, notes = await rows(files.packed(b'<row r="1">' + cells + b"</row>"))
    assert len(found) == 1 and ("formulas_empty", 2) in [(one.why, one.count) for one in notes]


# -- papers and sounds -------------------------------------------------------------------------------------------------


async def test_papers_are_what_they_say(tmp_path: Path) -> None:
    assert await paper(files.picture(40, 30)) == ".png"
    assert await paper(files.pdf()) == ".pdf"
    (tmp_path / "one.png").write_bytes(files.picture(40, 30))
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "one.png", "one.jpg"], cwd=tmp_path, check=True
    )
    photo = (tmp_path / "one.jpg").read_bytes()
    assert await paper(photo) == ".jpg"
    for lie in (
        b"\x89PNG\r\n\x1a\n" + bytes(32),
        files.picture(40, 30)[:60],
        photo[:20] + bytes(400),
        b"\xff\xd8\xff" + b"<script>alert(1)</script>",
        b"%PDF-1.4 invoice",
        files.pdf().replace(b"xref", b"xxxx"),
        b"<svg/>",
        b"",
    ):
        with pytest.raises(Unreadable):
            await paper(lie)


async def test_a_picture_larger_than_any_is_refused() -> None:
    with pytest.raises((Unreadable, TooHeavy)):
        await paper(files.picture(50_000, 50_000, rows=1))


async def test_sounds_are_what_they_say(tmp_path: Path) -> None:
    spoken = tmp_path / "spoken.wav"
    with wave.open(str(spoken), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(4 * 44_100))
    intake = Intake()
    with intake.place(ME) as place:
        made = tmp_path / "prompts" / "made.wav"
        assert await intake.sound(place, spoken.read_bytes(), made) == pytest.approx(1.0, abs=0.05)
        with wave.open(str(made)) as file:
            assert (file.getnchannels(), file.getframerate()) == (1, 8000)
        secret = tmp_path / "secret.wav"
        shutil.copy(spoken, secret)
        for lie in (
            b"no sound at all",
            b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(8),
            files.picture(),
            # A playlist that names a file of the machine, and one that names an address.
            f"#EXTM3U\n#EXTINF:1,\n{secret}\n#EXT-X-ENDLIST\n".encode(),
            b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.wav\n#EXT-X-ENDLIST\n",
            f"ffconcat version 1.0\nfile '{secret}'\n".encode(),
        ):
            with pytest.raises(Unreadable):
                await intake.sound(place, lie, tmp_path / "prompts" / "lie.wav")
    assert [one.name for one in (tmp_path / "prompts").iterdir()] == ["made.wav"], "nothing is left behind"


# -- places ------------------------------------------------------------------------------------------------------------


async def test_a_person_has_few_uploads_and_everybody_together_some() -> None:
    places = Places(each=2, most=3, opening=1)
    with places.taken(1) as first, places.taken(1) as second:
        with pytest.raises(Busy), places.taken(1):
            pass
        with places.taken(2) as third, pytest.raises(Busy), places.taken(3):
            pass
        order: list[str] = []
        opened, go_on = asyncio.Event(), asyncio.Event()

        async def work(name: str, place: Any) -> None:
            async with places.turn(place):
                order.append(name)
                opened.set()
                await go_on.wait()

        running = [asyncio.create_task(work("first", first))]
        await opened.wait()
        running += [asyncio.create_task(work(name, one)) for name, one in (("second", second), ("third", third))]
        await asyncio.sleep(0)
        assert order == ["first"], "one is opened at a time"
        go_on.set()
        await asyncio.gather(*running)
        assert sorted(order) == ["first", "second", "third"]
    with places.taken(1), places.taken(1):
        pass


# -- helpers -----------------------------------------------------------------------------------------------------------


def _children() -> list[int]:
    """Processes that this one started."""
    return [int(one) for one in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()]


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


async def _child_of_ours(word: str, running: asyncio.Task[int]) -> int:
    """The child once it has become ffmpeg."""
    while True:
        assert not running.done(), running
        for pid in _children():
            if "ffmpeg" in _command(pid).split("\x00")[0] and word in _command(pid):
                return pid
        await asyncio.sleep(0.01)
