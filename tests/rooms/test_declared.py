"""What rooms declare is found by itself, and nothing is declared twice."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from callcenter import declared
from callcenter.app import all_routes
from callcenter.settings import PROJECT_ROOT
from callcenter.store import migrate
from callcenter.store.base import metadata
from callcenter.store.database import Database
from callcenter.web.audit_words import ACTIONS, CODES, FIELDS, GROUPS
from callcenter.web.errors import CATALOGUE, Refusals
from callcenter.web.permissions import PERMISSIONS

KINDS = ("Actions", "Codes", "Fields", "Groups", "Refusals", "Rights", "Routes", "Table")
MERGED: dict[str, Mapping[str, object]] = {
    "actions": ACTIONS,
    "codes": CODES,
    "fields": FIELDS,
    "groups": GROUPS,
    "refusals": CATALOGUE,
    "rights": PERMISSIONS,
}


def declaring_files() -> dict[Path, set[str]]:
    """Every file of ours that makes a declaration at its top, with the kinds."""
    found: dict[Path, set[str]] = {}
    for folder in ("callcenter", "crm_bridge"):
        for path in (PROJECT_ROOT / folder).rglob("*.py"):
            if "migrations" in path.parts or "node_modules" in path.parts:
                continue
            for node in ast.parse(path.read_text("utf-8")).body:
                value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
                if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id in KINDS:
                    found.setdefault(path, set()).add(value.func.id)
    return found


def test_every_file_that_declares_something_is_found() -> None:
    read = {Path(str(module.__file__)) for module in declared.modules()}
    declaring = declaring_files()
    assert {kind for kinds in declaring.values() for kind in kinds} == set(KINDS), "the scan finds each kind"
    assert {path for path in declaring if path not in read} == set()


@pytest.mark.parametrize("kind", MERGED)
def test_nothing_is_declared_twice(kind: str) -> None:
    assert len(MERGED[kind]) > 5


def test_a_second_declaration_of_a_code_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["callcenter.features.tasks.refusals"]
    monkeypatch.setattr(module, "AGAIN", Refusals({"not_found": CATALOGUE["not_found"]}), raising=False)
    with pytest.raises(ValueError, match="not_found"):
        len(declared.Merged(Refusals))


def test_no_route_is_declared_twice() -> None:
    counted = Counter((route.method, route.path) for route in all_routes())
    assert {route for route, count in counted.items() if count > 1} == set()


def test_a_fixed_path_comes_before_one_with_a_parameter() -> None:
    paths = [route.path for route in all_routes()]
    assert paths.index("/api/customers/match") < paths.index("/api/customers/{id}")
    assert paths[-1] == "/{path:.*}", "the pages take what is left"


def test_every_right_has_words_in_both_languages() -> None:
    assert all(right.zh and right.en and right.en.isascii() for right in PERMISSIONS.values())


async def test_a_migration_drafted_with_nothing_changed_is_empty(tmp_path: Path) -> None:
    """Also of the CRM's tables, which no room below it imports."""
    declared.modules()
    assert {"customer", "voice_package", "recharge", "dial_task", "clock_step", "notice"} <= set(metadata.tables)
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/empty.db")
    await migrate.upgrade(database)
    async with database.read() as connection:
        drafted = await connection.run_sync(lambda sync: compare_metadata(MigrationContext.configure(sync), metadata))
    await database.close()
    assert [one for one in drafted if one[0] in ("add_table", "remove_table", "add_column", "remove_column")] == []
