"""Files of numbers: what is taken, what is refused and why, and that the product goes on meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, select

from callcenter.features.tasks import importing
from callcenter.features.tasks.importing import Importer
from callcenter.features.tasks.imports_api import LARGEST
from callcenter.intake.limits import MOST_ROWS
from callcenter.store.base import utcnow
from callcenter.store.tables.tasks import dial_task_import
from tests.web.support import DOCUMENT, PNG, Browser, Site
from tests.web.tasks import finished, good, load, make, mobile, mobiles, numbers, send, sheet_of, workbook

CLASSES = ("duplicate_system", "duplicate_file", "blacklist", "format_error")


async def failed(browser: Browser, task_id: int, import_id: int, kind: str = "all") -> list[list[str]]:
    path = f"/api/dial-tasks/{task_id}/imports/{import_id}/failed"
    answer = await browser.get(path, params={"kind": kind})
    assert answer.status == 200, answer.raw
    return sheet_of(answer.raw)


@pytest.mark.feature("D-06")
async def test_every_failed_row_has_its_class_and_comes_back_as_a_file(site: Site) -> None:
    async with site.browser("agent") as agent:
        task_id = await make(agent)
        bad = await load(
            site, agent, task_id, "\n".join(["12", "abc", "1391000", "+", "１３９１", "139100000011", "--", "x,张三"])
        )
        assert (bad["total"], bad["success"], bad["failed"], bad["format_error"]) == (8, 0, 8, 8)
        assert len(await failed(agent, task_id, bad["id"])) == 8

        await load(site, agent, task_id, mobile(1))
        # In another task of the company, and once more in the file: the system comes first, then the file.
        other = await make(agent)
        text = "\n".join(
            [
                "号码,姓名",
                f"{mobile(1)},在别的任务",
                f"{mobile(2)},好",
                "",
                "139 1000 0002,同一个",
                f"{mobile(1)},又来",
                "1234567,坏",
                f"+86{mobile(3)},也好",
            ]
        )
        done = await load(site, agent, other, text)
        assert (done["total"], done["success"], done["failed"]) == (6, 2, 4)
        assert [done[one] for one in CLASSES] == [1, 2, 0, 1]
        assert done["success"] + done["failed"] == done["total"]
        assert done["operator"]["id"] == site.world.own.people["agent"] and done["state"] == "done"
        rows = {kind: await failed(agent, other, done["id"], kind) for kind in CLASSES}
        assert [row[1:3] for row in rows["duplicate_system"]] == [[mobile(1), "在别的任务"]]
        assert [row[2] for row in rows["duplicate_file"]] == ["同一个", "又来"]
        assert [(float(row[0]), row[2], row[-1]) for row in rows["format_error"]] == [(7, "坏", "格式错误")]
        assert len(await failed(agent, other, done["id"])) == 4
        assert [one["number"] for one in await numbers(agent, other)] == [f"+86{mobile(2)}", f"+86{mobile(3)}"]

        # The same file again: now everything good is in the system already.
        again = await load(site, agent, other, text)
        assert (again["success"], again["duplicate_system"]) == (0, 3)
        await good(agent, "DELETE", f"/api/dial-tasks/{task_id}")
        assert (await load(site, agent, other, mobile(1)))["success"] == 1, "a deleted task has no numbers"


@pytest.mark.feature("D-06")
async def test_failed_rows_are_imported_again_by_button_and_as_the_file_that_was_downloaded(site: Site) -> None:
    """What is free by now is taken, what is not fails again with its class; nothing that succeeded comes twice."""
    async with site.browser("agent") as agent, site.browser("admin") as admin:
        first, second = await make(agent), await make(agent)
        await load(site, agent, first, mobile(1))
        listed = await good(admin, "POST", "/api/blacklist", {"number": mobile(2), "reason": "请勿来电"})
        text = "\n".join(["号码,姓名", f"{mobile(1)},占用", f"{mobile(2)},黑名单", f"{mobile(3)},好", "1234567,坏"])
        done = await load(site, agent, second, text)
        assert [done[one] for one in ("success", *CLASSES)] == [1, 1, 0, 1, 1]
        path = f"/api/dial-tasks/{second}/imports"
        await good(agent, "DELETE", f"/api/dial-tasks/{first}")
        sent = await good(agent, "POST", f"{path}/{done['id']}/again")
        again = await finished(site, agent, second, sent["id"])
        assert [again[one] for one in ("total", "success", *CLASSES)] == [3, 1, 0, 0, 1, 1]
        assert [one["name"] for one in await numbers(agent, second)] == ["好", "占用"]
        assert [row[2] for row in await failed(agent, second, again["id"])] == ["黑名单", "坏"]

        # The file of failed rows, with the columns that say why, is a file of numbers as well (SPEC §E24.7).
        await good(admin, "DELETE", f"/api/blacklist/{listed['id']}")
        file = await agent.get(f"{path}/{again['id']}/failed", params={"kind": "all"})
        mended = await finished(site, agent, second, (await send(agent, second, file.raw, "failed.xlsx")).json["id"])
        assert [mended[one] for one in ("total", "success", *CLASSES)] == [2, 1, 0, 0, 0, 1]
        assert [one["name"] for one in await numbers(agent, second)] == ["好", "占用", "黑名单"]

        clean = await load(site, agent, second, mobile(9))
        assert (await agent.ask("POST", f"{path}/{clean['id']}/again")).code == "import_without_failures"
        assert (await agent.ask("POST", f"{path}/999999/again")).code == "not_found"
        await good(agent, "PATCH", f"/api/dial-tasks/{second}", {"state": "finished"})
        assert (await agent.ask("POST", f"{path}/{done['id']}/again")).code == "task_not_normal"


async def test_another_companys_numbers_are_no_duplicates(site: Site) -> None:
    async with site.browser("agent") as agent, site.browser("agent", "foreign") as stranger:
        theirs = await make(stranger, "外域任务")
        await good(stranger, "POST", f"/api/dial-tasks/{theirs}/imports", {"text": mobile(1)})
        task_id = await make(agent)
        assert (await load(site, agent, task_id, mobile(1)))["success"] == 1


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (workbook(("手机号", "姓名"), (13910000001, "王芳"), ("13910000002", "李雷"), ("13910000003",)), "名单.xlsx"),
        ("号码,姓名\r\n13910000001,王芳\r\n13910000002,李雷\r\n13910000003\r\n".encode("gb18030"), "名单.csv"),
        ("\ufeff13910000001;王芳\n13910000002;李雷\n13910000003\n".encode(), "list.csv"),
        ("13910000001\t王芳\n13910000002\t李雷\n13910000003".encode(), "list.txt"),
        ("13910000001，王芳\n13910000002，李雷\n１３９１０００００３ \n139-1000-0003".encode(), "list.txt"),
    ],
    ids=["xlsx", "csv in GB18030", "csv with semicolons", "tabs", "wide commas"],
)
async def test_files_of_many_kinds(site: Site, content: bytes, name: str) -> None:
    async with site.browser("agent") as agent:
        task_id = await make(agent)
        sent = await send(agent, task_id, content, name)
        assert sent.status == 202, sent.raw
        done = await finished(site, agent, task_id, sent.json["id"])
        assert (done["file_name"], done["success"], done["state"]) == (name, 3, "done")
        rows = await numbers(agent, task_id)
        assert [(one["number"], one["name"]) for one in rows] == [
            ("+8613910000001", "王芳"),
            ("+8613910000002", "李雷"),
            ("+8613910000003", ""),
        ]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (PNG, "import_unreadable"),
        (b"PK\x03\x04 and no workbook", "import_unreadable"),
        (b"\x00\x01\x02\x03", "import_unreadable"),
        (b"1\n" * (MOST_ROWS + 2), "import_too_large"),
        (b"1" * (LARGEST + 1), "import_too_large"),
    ],
    ids=["picture", "broken workbook", "no text", "too many rows", "too many bytes"],
)
async def test_files_that_cannot_be_read_are_refused_at_once(site: Site, content: bytes, code: str) -> None:
    async with site.browser("agent") as agent:
        task_id = await make(agent)
        assert (await send(agent, task_id, content, DOCUMENT)).code == code
        assert await good(agent, "GET", f"/api/dial-tasks/{task_id}/imports") == []


async def test_requests_without_a_file_are_refused(site: Site) -> None:
    async with site.browser("agent") as agent:
        path = f"/api/dial-tasks/{await make(agent)}/imports"
        for body, code in (({}, "invalid"), ({"text": ""}, "invalid"), ({"text": 1}, "invalid"), ([], "invalid")):
            assert (await agent.ask("POST", path, body)).code == code
        form: Any = {"Content-Type": "multipart/form-data; boundary=x"}
        for raw in (b"", b"--x--", b"--x\r\nContent-Disposition: form-data; name=other\r\n\r\n1\r\n--x--\r\n"):
            assert (await agent.ask("POST", path, data=raw, headers=form)).code == "invalid"


async def test_the_template_can_be_filled_in_and_sent_back(site: Site) -> None:
    async with site.browser("agent") as agent:
        empty = await agent.get("/api/dial-tasks/template")
        assert empty.status == 200 and sheet_of(empty.raw) == []
        task_id = await make(agent)
        sent = await send(agent, task_id, empty.raw, "numbers.xlsx")
        done = await finished(site, agent, task_id, sent.json["id"])
        assert (done["total"], done["state"]) == (0, "done"), "its header is no number"


async def test_others_are_served_while_a_file_is_imported(site: Site) -> None:
    async with site.browser("agent") as agent:
        task_id = await make(agent)
        await good(agent, "POST", f"/api/dial-tasks/{task_id}/imports", {"text": mobiles(9000)})
        task = await good(agent, "GET", f"/api/dial-tasks/{task_id}")
        assert task["importing"], "the answers came before the import was through"
        assert (await agent.ask("PATCH", f"/api/dial-tasks/{task_id}", {"state": "normal"})).code == "task_running"
        await site.services.port(Importer).idle()
        task = await good(agent, "GET", f"/api/dial-tasks/{task_id}")
        assert (task["importing"], task["total"]) == (False, 9000)


async def test_a_company_has_so_many_files_waiting_at_most(site: Site) -> None:
    task_id = site.world.own.ids["dial_task"]
    values = {"company_id": site.world.own.id, "task_id": task_id, "file_name": "本域.csv", "operator_id": 1}
    async with site.database.write() as connection:
        rows = [{**values, "created_at": utcnow()} for _ in range(importing.MOST_WAITING)]
        await connection.execute(insert(dial_task_import), rows)
    async with site.browser("agent") as agent:
        refused = await agent.ask("POST", f"/api/dial-tasks/{await make(agent)}/imports", {"text": mobile(1)})
        assert (refused.status, refused.code) == (409, "task_running")


async def test_an_import_that_the_last_run_left_has_failed(site: Site) -> None:
    task_id = site.world.own.ids["dial_task"]
    values = {"company_id": site.world.own.id, "task_id": task_id, "file_name": "本域.csv", "operator_id": 1}
    async with site.database.write() as connection:
        await connection.execute(insert(dial_task_import).values(**values, created_at=utcnow()))
    await site.services.port(Importer).recover()
    query = select(dial_task_import.c.state).where(
        dial_task_import.c.company_id == site.world.own.id, dial_task_import.c.task_id == task_id
    )
    async with site.database.read() as connection:
        assert sorted((await connection.execute(query)).scalars()) == ["done", "failed"]
