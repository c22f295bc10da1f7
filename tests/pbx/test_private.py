"""What the PBX writes is its owner's alone, and what may be asked of it is what the engine asks."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from callcenter.pbx.render import DIALPLANS, TEMPLATES, make_private
from callcenter.pbx.stack import TelephonyStack
from callcenter.settings import PROJECT_ROOT
from tests.pbx.support import Ami

OTHERS = stat.S_IRWXG | stat.S_IRWXO
UNUSED = ("res_agi", "app_originate", "func_dialplan", "func_global", "app_system", "res_curl")
"""Modules with which a mistake in the dialplan, or a phone, could do more than talk."""


def _open_to_others(folder: Path) -> list[str]:
    found = [folder, *folder.rglob("*")]
    return [str(one) for one in found if not one.is_symlink() and one.exists() and one.stat().st_mode & OTHERS]


@pytest.mark.live
async def test_nobody_else_can_read_records_logs_or_configuration(stack: TelephonyStack) -> None:
    for instance in (stack.pbx, stack.carrier.instance):
        assert not instance.run_dir.stat().st_mode & OTHERS
        assert not (instance.run_dir / "secrets.json").stat().st_mode & OTHERS
        for folder in ("etc", "log", "var", "spool", "cache"):
            assert not _open_to_others(instance.run_dir / folder)
    names = {path.name for path in (stack.pbx.run_dir / "log").iterdir()}
    assert {"master.db", "messages.log", "console.log"} <= names


def test_a_folder_of_an_earlier_version_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir(mode=0o755)
    make_private(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.live
@pytest.mark.parametrize(
    "action",
    [
        {"Action": "Command", "Command": "core show version"},
        {"Action": "UpdateConfig", "SrcFilename": "pjsip.conf", "DstFilename": "pjsip.conf"},
        {"Action": "DialplanExtensionAdd", "Context": "from-trunk", "Extension": "1", "Priority": "1"},
        {"Action": "UserEvent", "UserEvent": "Leg", "Place": "talking"},
        {"Action": "AGI", "Channel": "PJSIP/x", "Command": "EXEC"},
    ],
)
async def test_the_engines_manager_account_can_do_no_more_than_the_engine_does(
    stack: TelephonyStack, ami: Ami, action: dict[str, str]
) -> None:
    answer = await ami.action(action)
    assert answer["Response"] == "Error", answer


@pytest.mark.live
async def test_every_action_of_the_engine_is_there_and_allowed(stack: TelephonyStack, ami: Ami) -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (PROJECT_ROOT / "callcenter").rglob("*.py"))
    used = set(re.findall(r'"Action": "([A-Za-z]+)"', sources)) | {"QueueStatus", "PJSIPShowContacts"}
    allowed = await ami.action({"Action": "ListCommands"})
    assert {"PlayDTMF", "MuteAudio", "Redirect"} <= used and not used - allowed.keys() - {"Login"}


@pytest.mark.live
async def test_what_is_not_used_is_not_loaded(stack: TelephonyStack) -> None:
    loaded = await stack.pbx.cli("module show")
    assert not [one for one in UNUSED if re.search(rf"^{one}\.so", loaded, re.MULTILINE)]


@pytest.mark.live
async def test_every_application_and_function_of_the_dialplan_is_loaded(stack: TelephonyStack) -> None:
    text = "\n".join(path.read_text("utf-8") for path in DIALPLANS.glob("*.conf"))
    lines = "\n".join(line for line in text.splitlines() if not line.startswith(";"))
    known = (await stack.pbx.cli("core show applications")).lower()
    used = set(re.findall(r"(?:,1,|=> n(?:\([a-z-]+\))?,|\?)([A-Z][A-Za-z]+)\(", lines))
    assert used and not [one for one in used if not re.search(rf"^\s*{one.lower()}:", known, re.MULTILINE)]
    functions = set(re.findall(r"^\s*([A-Z_0-9]+)\(?", await stack.pbx.cli("core show functions"), re.MULTILINE))
    asked = set(re.findall(r"(?:\$\{|Set\()([A-Z_]{2,})\(", lines))
    assert asked and not asked - functions


def test_browser_phones_are_not_limited_to_a_hundred() -> None:
    assert "sessionlimit = {{softphone_sessions}}" in (TEMPLATES / "pbx" / "http.conf").read_text("utf-8")


def test_nobody_who_is_rung_sends_a_call_elsewhere() -> None:
    """A redirect (302) of a carrier or a phone would be a way out that nobody asked about: every `Dial` ignores it."""
    text = "\n".join(path.read_text("utf-8") for path in sorted(DIALPLANS.glob("*.conf")))
    dials = re.findall(r"[,?](?:Dial|Queue)\((.*)\)$", text, re.MULTILINE)
    assert len(dials) >= 8
    # The options are the third argument, and `i` stands before the first one that has an argument of its own.
    for one in dials:
        options = re.search(r"(?:\}|,)([a-zA-Z]*)b\(", one)
        assert options is not None and "i" in options[1], one
