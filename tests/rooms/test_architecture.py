"""What the documents name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from callcenter.settings import PROJECT_ROOT

DOCUMENTS = [PROJECT_ROOT / "CONTRIBUTING.md", *sorted((PROJECT_ROOT / "docs").rglob("*.md"))]
NAMED = re.compile(r"`((?:[\w-]+/)*[\w-]+\.(?:py|conf|ts|vue|toml|md))`")


def everywhere() -> set[str]:
    """Every file of ours, and every way of naming it by its last folders."""
    found: set[str] = set()
    for top in ("callcenter", "crm_bridge", "dialplans", "asterisk-conf", "docs", "tests"):
        for path in (PROJECT_ROOT / top).rglob("*"):
            parts = path.relative_to(PROJECT_ROOT).parts
            if path.is_file() and "node_modules" not in parts:
                found |= {"/".join(parts[start:]) for start in range(len(parts))}
    return found | {path.name for path in PROJECT_ROOT.iterdir()}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    there = everywhere()
    named = set(NAMED.findall(document.read_text("utf-8")))
    assert {one for one in named if one not in there} == set()
