"""Shared fixtures: a real database at the newest schema, and the record of which features are proven."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from callcenter.settings import PROJECT_ROOT
from callcenter.store.database import Database
from tests import stores
from tests.evidence import evidence

# How fast an example comes is no property of what is tested, and nothing a busy machine may fail.
settings.register_profile("facts", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("facts")

FAILED = pytest.StashKey[bool]()
"""Set on a test that failed: what it left behind is cleaned up, so that those after it are judged by themselves."""
INSTALLATIONS = ("site", "floor")
RESULTS = PROJECT_ROOT / ".callcenter" / "features.json"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """An empty database of its own for one test."""
    async with stores.database(tmp_path / "test.db") as opened:
        yield opened


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--repeat", type=int, default=1, metavar="N", help="run every chosen test N times in a row")
    parser.addoption("--record-streams", action="store_true", help="keep the AMI streams of the live tests that pass")
    parser.addoption("--postgres", action="store_true", help="keep the tests' databases in a private PostgreSQL")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("postgres"):
        stores.stores.use_postgres()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`--repeat N` runs each test N times on the same fixtures: what depends on luck shows."""
    times = metafunc.config.getoption("repeat")
    if times > 1:
        metafunc.fixturenames.append("_repetition")
        metafunc.parametrize("_repetition", range(times), ids=lambda turn: f"turn-{turn + 1}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that share an installation come first, then the others, the largest first.

    The installation's phones, links and browsers live in the event loop of the tests. While tests run that are no
    coroutines it stands still, after half a minute they are given up, and the next live test would find them dead.
    """
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)

    def place(path: Path) -> tuple[bool, int]:
        together = any(one.get_closest_marker("live") or one.get_closest_marker("browser") for one in files[path])
        return not together, 0 if together else -len(files[path])

    items[:] = [item for path in sorted(files, key=place) for item in files[path]]


_outcomes: dict[str, dict[str, bool]] = {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """Writes on the report of a test which features it claims to prove."""
    outcome = yield
    report = outcome.get_result()
    ids = [str(one) for mark in item.iter_markers("feature") for one in mark.args]
    report.user_properties.append(("features", ids))
    if report.failed:
        item.stash[FAILED] = True
        for name in (one for one in INSTALLATIONS if hasattr(item.funcargs.get(one), "log_tail")):  # type: ignore[attr-defined]
            report.sections.extend(evidence(item.funcargs[name]))  # type: ignore[attr-defined]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Notes the outcome, also of tests that ran in another process."""
    ids: Any = next((value for name, value in report.user_properties if name == "features"), [])
    if ids and (report.when == "call" or not report.passed):
        for feature in ids:
            seen = _outcomes.setdefault(feature, {})
            seen[report.nodeid] = seen.get(report.nodeid, True) and report.passed


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Keeps what was proven; a run of a few tests adds to the last full run and never removes what it did not run."""
    if hasattr(session.config, "workerinput"):
        return  # the process that started this one collects all outcomes
    if not _outcomes:
        return
    try:
        kept: dict[str, dict[str, bool]] = json.loads(RESULTS.read_text("utf-8"))
    except (OSError, ValueError):
        kept = {}
    if _is_full_run(session):
        kept = {}
    for feature, tests in _outcomes.items():
        kept.setdefault(feature, {}).update(tests)
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(kept, indent=1, sort_keys=True), "utf-8")


def _is_full_run(session: pytest.Session) -> bool:
    option = session.config.option
    chosen = option.keyword or option.markexpr or getattr(option, "lf", False)
    return not (chosen or session.config.args_source.name == "ARGS")
