"""Profiles of carriers: declared, corrected by settings, refused with what is accepted."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from callcenter.cli import main
from callcenter.domain.trunks import (
    PROFILES,
    BadTrunk,
    CalledIn,
    Dtmf,
    SessionTimers,
    ShownIn,
    Spelling,
    Trunk,
    profile,
    written,
)
from callcenter.pbx.trunks import TrunkSpec, kind_of, trunk_config, trunk_of
from callcenter.settings import Settings, SettingsError


def test_settings_correct_a_profile() -> None:
    found = profile(
        "ims",
        {
            "registers": "no",
            "shown_in": "from, remote-party-id",
            "shown_as": "COUNTRY",
            "called_in": "to",
            "codecs": "ulaw",
            "dtmf": "info",
            "session_timers": "no",
            "dialled_as": "",
        },
    )
    assert not found.registers and found.shown_in == (ShownIn.FROM, ShownIn.REMOTE_PARTY)
    assert (found.shown_as, found.dialled_as, found.called_in) == (Spelling.COUNTRY, Spelling.NATIONAL, CalledIn.TO)
    assert (found.codecs, found.dtmf, found.session_timers) == (("ulaw",), Dtmf.INFO, SessionTimers.NO)
    assert profile("ims", {}) == PROFILES["ims"]


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"trunk_profile": "telecom"}, "trunk_profile"),
        ({"trunk_shown_in": "to"}, "trunk_shown_in"),
        ({"trunk_codecs": "g729"}, "trunk_codecs"),
        ({"trunk_register": "maybe"}, "trunk_register"),
        ({"trunk_shown_as": "e164"}, "trunk_shown_as"),
        ({"trunk_profile": "ims"}, "trunk_user"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, Any], word: str) -> None:
    with pytest.raises(SettingsError, match=word):
        kind_of(Settings(**settings))
    with pytest.raises(BadTrunk):
        profile("nobody", {})


def test_the_program_says_which_setting_is_wrong_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CALLCENTER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("CALLCENTER_TRUNK_PROFILE", "telecom")
    umask = os.umask(0o077)
    try:
        assert main(["serve"]) != 0
    finally:
        os.umask(umask)
    told = capsys.readouterr()
    assert "trunk_profile" in told.out + told.err and not (tmp_path / "data").exists()


def test_old_settings_mean_what_they_meant() -> None:
    assert kind_of(Settings(trunk_host="sip.example.com")) == PROFILES["address"]
    assert kind_of(Settings(trunk_host="sip.example.com", trunk_user="a", trunk_password="b")) == PROFILES["register"]


@pytest.mark.parametrize(
    ("spelling", "landline", "mobile", "foreign"),
    [
        (Spelling.NATIONAL, "02160000101", "13800000001", "0012125550123"),
        (Spelling.PLAIN, "2160000101", "13800000001", "0012125550123"),
        (Spelling.COUNTRY, "862160000101", "8613800000001", "12125550123"),
        (Spelling.PLUS, "+862160000101", "+8613800000001", "+12125550123"),
    ],
)
def test_numbers_as_a_trunk_writes_them(spelling: Spelling, landline: str, mobile: str, foreign: str) -> None:
    assert written("+862160000101", spelling) == landline
    assert written("+8613800000001", spelling) == mobile
    assert written("+12125550123", spelling) == foreign
    assert written("10086", spelling) == "10086" and written("", spelling) == ""


def test_the_preferred_identity_names_the_carriers_domain() -> None:
    settings = Settings(
        trunk_host="192.0.2.1:5060", trunk_user="+862160000101", trunk_profile="ims", trunk_domain="sh.ims.example.com"
    )
    trunk = trunk_of(settings)
    assert trunk.identity(trunk.shown("+862160000102")) == "<sip:+862160000102@sh.ims.example.com>"
    assert Trunk().identity("02160000101") == "" and trunk.identity("") == ""


def test_the_configuration_says_what_the_profile_says() -> None:
    spec = TrunkSpec(
        "192.0.2.1:5060",
        "+862160000101@sh.ims.example.com",
        "secret",
        kind=PROFILES["ims"],
        others=("192.0.2.2", "sbc.example.com:5070"),
        domain="sh.ims.example.com",
        auth_user="private@sh.ims.example.com",
        inbound_user="carrier",
        inbound_password="proof",
    )
    lines = trunk_config(spec).splitlines()
    for line in (
        "identify_by = ip",
        "set_var = CALLED_IN=P-Called-Party-ID",
        "set_var = ASSERTS=yes",
        "allow = !all,alaw,ulaw",
        "timers = required",
        "auth = trunk-1-inbound",
        "username = private@sh.ims.example.com",
        "client_uri = sip:+862160000101@sh.ims.example.com",
        "server_uri = sip:sh.ims.example.com",
        "outbound_proxy = sip:192.0.2.1:5060\\;lr",
        "contact_user = 862160000101",
        "from_domain = sh.ims.example.com",
        "match = 192.0.2.1",
        "match = 192.0.2.2",
        "match = sbc.example.com",
        "contact = sip:192.0.2.2",
    ):
        assert line in lines, line
    assert not [line for line in lines if line.startswith(("from_user", "line ="))]
    account = trunk_config(TrunkSpec("192.0.2.1", "account", "secret"))
    assert "from_user = account\n" in account and "send_pai = yes\n" in account and "send_rpid = yes\n" in account
