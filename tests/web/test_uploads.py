# ruff: noqa: E501  # examples are rows: one in a line
"""What people upload is opened beside the product: it goes on, whatever the file does."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from callcenter.features.tasks.importing import Importer
from callcenter.intake.places import EACH
from tests.intake import files
from tests.web.support import Site
from tests.web.tasks import finished, good, load, make, mobile, numbers, send, sheet_of


@pytest.mark.parametrize("content", [files.corners(), files.bomb()], ids=["two cells", "110 MB unpacked"])
async def test_a_workbook_that_means_harm_is_refused_and_people_sign_in_meanwhile(
    site: Site, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.browser("agent") as agent, site.browser() as other:
        task_id = await make(agent)
        async with _stopped_children(monkeypatch) as children:
            sent = asyncio.create_task(send(agent, task_id, content, "名单.xlsx"))
            child = await children.get()
            assert (await other.sign_in("own-other")).status == 200
            assert not sent.done(), "the file is still being opened"
            os.kill(child, signal.SIGCONT)
        while not sent.done():
            assert (await other.sign_in("own-other")).status == 200
        answer = await sent
        assert answer.status in (413, 422), answer.raw
        assert answer.code in ("file_too_heavy", "import_too_large", "import_unreadable")
        assert await good(agent, "GET", f"/api/dial-tasks/{task_id}/imports") == []
        assert (await load(site, agent, task_id, mobile(1)))["success"] == 1, "the next file is read as ever"


async def test_signing_in_shares_no_threads_with_other_work(site: Site) -> None:
    """However many threads of the common pool are held up, a password is checked."""
    held = threading.Event()
    loop = asyncio.get_running_loop()
    waiting = [loop.run_in_executor(None, held.wait) for _ in range((os.cpu_count() or 1) + 40)]
    try:
        async with site.browser() as browser, asyncio.timeout(60):
            assert (await browser.sign_in("own-agent")).status == 200
    finally:
        held.set()
        await asyncio.gather(*waiting)


async def test_a_killed_child_is_one_failed_upload(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine ran out of memory, say, and the kernel chose the child."""
    async with site.browser("agent") as agent, _stopped_children(monkeypatch) as children:
        task_id = await make(agent)
        sent = asyncio.create_task(send(agent, task_id, mobile(1).encode(), "a.csv"))
        os.kill(await children.get(), signal.SIGKILL)
        answer = await sent
        assert (answer.status, answer.code) == (422, "file_too_heavy")
    async with site.browser("agent") as agent:
        assert (await load(site, agent, task_id, mobile(1)))["success"] == 1


async def test_a_person_has_few_uploads_at_once_and_others_have_theirs(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        mine, theirs = await make(agent), await make(admin)
        async with _stopped_children(monkeypatch) as children:
            waiting = [asyncio.create_task(send(agent, mine, mobile(one).encode(), "a.csv")) for one in range(EACH)]
            first = await children.get()
            while site.services.intake.at_work(site.world.own.people["agent"]) < EACH:
                await asyncio.sleep(0.01)
            refused = await send(agent, mine, mobile(9).encode(), "a.csv")
            assert (refused.status, refused.code) == (429, "uploads_busy")
            assert int(refused.headers["Retry-After"]) > 0
            other = asyncio.create_task(send(admin, theirs, mobile(8).encode(), "b.csv"))
            os.kill(await children.get(), signal.SIGCONT)
            assert (await other).status == 202, "somebody else's is opened beside it"
            os.kill(first, signal.SIGCONT)
            for _ in range(EACH - 1):
                os.kill(await children.get(), signal.SIGCONT)
            assert [one.status for one in await asyncio.gather(*waiting)] == [202] * EACH
        await site.services.port(Importer).idle()
        assert len(await numbers(agent, mine)) == EACH


async def test_pictures_and_sounds_that_lie_are_refused(site: Site) -> None:
    async with site.browser("admin") as admin:
        for kind, content in (("wav", b"RIFF\xff\xff\xff\xffWAVEfmt " + bytes(8)), ("png", files.picture())):
            async with admin.http.put(f"{site.url}/api/prompts/closed?name={kind}", data=content) as answer:
                assert (await answer.json())["error"]["code"] == "audio_invalid"


# -- tables ------------------------------------------------------------------------------------------------------------


async def test_a_list_on_the_second_sheet_is_found_and_the_first_is_named(site: Site) -> None:
    book = files.workbook(
        {
            "说明": [["请填写第二张表"], ["谢谢"]],
            "名单": [["十一月"], ["姓名", "手机号", "地址"], ["王芳", 13800000001, "上海"], ["李雷", "12", "北京"]],
            "旧名单": [["手机号"], [13800000003]],
        },
        hidden=["旧名单"],
    )
    async with site.browser("agent") as agent:
        task_id = await make(agent)
        sent = await send(agent, task_id, book, "名单.xlsx")
        done = await finished(site, agent, task_id, sent.json["id"])
        assert (done["state"], done["total"], done["success"], done["failed"]) == ("done", 2, 1, 1)
        assert [(one["name"], one["remark"]) for one in await numbers(agent, task_id)] == [("王芳", "地址: 上海")]
        told = {(one["why"], one["sheet"]): one for one in done["notes"]}
        assert told["sheet_without_numbers", "说明"]["count"] == 2
        assert told["sheet_hidden", "旧名单"]["count"] == 2
        assert (told["before_header", ""]["first"], told["before_header", ""]["count"]) == (1, 1)
        assert done["skipped"] == 5
        assert told["kept_in_remark", ""]["columns"] == ["地址"]
        assert sum(done["reasons"].values()) == done["format_error"] == 1
        path = f"/api/dial-tasks/{task_id}/imports/{done['id']}/failed"
        back = await agent.get(path)
        [row] = sheet_of(back.raw)
        assert (float(row[0]), row[1], row[2], row[4]) == (4, "12", "李雷", "地址: 北京")
        assert row[-2] and row[-1] == "格式错误"

        # Sent back unmended, the rows fail again as themselves: what the file said about them is no part of them.
        again = await send(agent, task_id, back.raw, "failed.xlsx")
        second = await finished(site, agent, task_id, again.json["id"])
        assert (second["total"], second["format_error"]) == (1, 1)
        [same] = sheet_of((await agent.get(f"/api/dial-tasks/{task_id}/imports/{second['id']}/failed")).raw)
        assert same[1:] == row[1:]


@pytest.mark.parametrize(
    ("content", "reason", "line"),
    [
        ("号码,姓名\n13800000001,王芳\n13800000002,李雷".encode("gb18030").replace("雷".encode("gb18030"), b"\xff"), "含有无法识别的字符", 3),
        ("号码,姓名\n13800000001,王芳\n,李雷".encode(), "没有号码", 3),
        ("号码\n13800000001\n1.38E+10".encode("utf-16"), "号码被表格舍入，末位丢失", 3),
        (f"号码,姓名\n13800000001,王芳\n13800000002,{'王' * 200}".encode(), "内容过长", 3),
    ],
    ids=["a bad byte", "no number", "rounded", "too long"],
)  # fmt: skip
async def test_a_failed_row_says_its_line_and_why(site: Site, content: bytes, reason: str, line: int) -> None:
    async with site.browser("agent") as agent:
        task_id = await make(agent)
        sent = await send(agent, task_id, content, "a.csv")
        done = await finished(site, agent, task_id, sent.json["id"])
        assert (done["success"], done["format_error"]) == (1, 1)
        [row] = sheet_of((await agent.get(f"/api/dial-tasks/{task_id}/imports/{done['id']}/failed")).raw)
        assert (float(row[0]), row[-2]) == (line, reason)


async def test_an_empty_list_says_that_it_is(site: Site) -> None:
    async with site.browser("agent") as agent:
        task_id = await make(agent)
        done = await load(site, agent, task_id, "号码,姓名\n\n")
        assert "no_rows" in [one["why"] for one in done["notes"]]


# -- helpers -----------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def _stopped_children(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[asyncio.Queue[int]]:
    """Every child is stopped where it begins; the queue has their process ids in order. SIGCONT lets one go on."""
    begun: asyncio.Queue[int] = asyncio.Queue()
    start = asyncio.create_subprocess_exec

    async def stopped(*command: Any, **options: Any) -> Any:
        made = await start(*command, **options)
        os.kill(made.pid, signal.SIGSTOP)
        begun.put_nowait(made.pid)
        return made

    monkeypatch.setattr(asyncio, "create_subprocess_exec", stopped)
    try:
        yield begun
    finally:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", start)
