"""The locks are complete on every Python, and production gets what the tests had."""

from callcenter.settings import PROJECT_ROOT
from tests import locks

HASH = " \\\n    --hash=sha256:00"


def test_the_projects_locks_are_whole() -> None:
    assert locks.faults(PROJECT_ROOT) == []


def test_what_only_a_newer_python_needs_is_missed() -> None:
    wanted = ["pydub", "audioop-lts; python_version >= '3.13'"]
    assert locks.missing(wanted, f"pydub==1{HASH}\n") == [
        'audioop-lts; python_version >= "3.13" is missing on Python 3.13'
    ]
    assert locks.missing(wanted, f"pydub==1{HASH}\naudioop-lts==1 ; python_full_version >= '3.13'{HASH}\n") == []


def test_a_marker_that_is_too_narrow_is_missed() -> None:
    assert locks.missing(["six"], f"six==1 ; python_full_version >= '3.13'{HASH}\n") == [
        "six is missing on Python 3.11"
    ]


def test_names_are_the_same_however_they_are_spelled() -> None:
    assert locks.missing(["Prometheus_Client"], f"prometheus-client==1{HASH}\n") == []


def test_loose_entries_and_hosts_are_told() -> None:
    assert locks.loose("pydub==1\n") == ["pydub==1 is not pinned with hashes"]
    assert locks.loose(f"six>=1{HASH}\n") == ["six>=1 is not pinned with hashes"]
    assert locks.loose("--index-url https://packages.example\n") == [
        "it names a host: --index-url https://packages.example"
    ]


def test_production_gets_the_versions_that_were_tested() -> None:
    assert locks.apart(f"six==2{HASH}\n", f"six==1{HASH}\n") == ["six==2 is not what requirements.lock has"]
