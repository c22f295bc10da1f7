"""Generate the SIP endpoints, trunks and queues of the PBX, and the short-lived credentials of browsers.

Each `write_*` replaces one generated file in a single step and reloads only the module that reads it, so talking calls
are never touched.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from callcenter.pbx.errors import UnsafeValue
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.render import check_value, write_atomic
from callcenter.pbx.trunks import TrunkSpec, trunk_config

AGENTS_FILE = "pjsip_agents.conf"
TRUNK_FILE = "pjsip_trunk.conf"
QUEUES_FILE = "queues_generated.conf"
RULES_FILE = "queuerules_generated.conf"
GENERATED_FILES = (AGENTS_FILE, TRUNK_FILE, QUEUES_FILE, RULES_FILE)

LEVELS = 5
"""Levels of a group's members; the level is the member's penalty in the queue."""
DEFAULT_COMFORT_SECONDS = 30

REALM = "callcenter"
WEB_CREDENTIAL_FAMILY = "ps_auths/auth"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_NOT_IN_A_NAME = re.compile(r"[\x00-\x1f\x7f\"\\;<>]")
_HEADER = "; Generated: changes made here are lost.\n"


@dataclass(frozen=True)
class EndpointSpec:
    """An employee's phones: `agent-<id>` with `secret` for SIP, and `agent-<id>-web` for the browser."""

    employee_id: int
    secret: str
    display_name: str


@dataclass(frozen=True)
class QueueSpec:
    """A queue with its group's settings; seconds of zero mean never, paths are without their ending."""

    name: str
    ring_all: bool = False
    ring_seconds: int = 0
    """How long one member is rung; 0 takes the setting `agent_ring_seconds`."""
    max_length: int = 0
    weight: int = 0
    widen_seconds: int = 0
    announce_seconds: int = 0
    comfort: tuple[str, ...] = ()
    """Announcements that are played in turn while a caller waits."""
    callback: bool = False


def phone_endpoint(employee_id: int) -> str:
    """Name of the employee's SIP endpoint; the channel to dial is `PJSIP/<name>`."""
    return f"agent-{employee_id}"


def web_endpoint(employee_id: int) -> str:
    """Name of the employee's browser endpoint."""
    return f"agent-{employee_id}-web"


def web_credential_db_entry(employee_id: int, password: str) -> tuple[str, str, str]:
    """(family, key, value) for AMI `DBPut`, which makes `password` valid for the browser endpoint at once.

    The same family and key for `DBDel` end it. The password itself is not stored, only its digest.
    """
    name = web_endpoint(employee_id)
    digest = hashlib.md5(f"{name}:{REALM}:{password}".encode(), usedforsecurity=False).hexdigest()
    value = {"auth_type": "md5", "username": name, "realm": REALM, "md5_cred": digest}
    return WEB_CREDENTIAL_FAMILY, name, json.dumps(value, separators=(",", ":"))


async def write_endpoints(instance: AsteriskInstance, specs: Iterable[EndpointSpec]) -> None:
    """Make exactly these employees' endpoints exist."""
    key = instance.secrets["lock_secret"]
    text = _HEADER + "".join(_agent(spec, key) for spec in sorted(specs, key=lambda spec: spec.employee_id))
    if _replace(instance, AGENTS_FILE, text):
        await instance.reload("res_pjsip")


async def write_trunk(instance: AsteriskInstance, spec: TrunkSpec) -> None:
    """Make this the trunk of the PBX."""
    if _replace(instance, TRUNK_FILE, _HEADER + trunk_config(spec)):
        for module in ("res_pjsip", "res_pjsip_endpoint_identifier_ip", "res_pjsip_outbound_registration"):
            await instance.reload(module)


async def write_queues(instance: AsteriskInstance, queues: Iterable[QueueSpec | str]) -> None:
    """Make exactly these queues exist; members, and callers of queues that stay, are kept.

    A name alone is a queue with the defaults of `queues.conf`.
    """
    specs = {spec.name: spec for spec in (QueueSpec(one) if isinstance(one, str) else one for one in queues)}
    text = _HEADER + "".join(queue_config(specs[name]) for name in sorted(specs))
    rules = _HEADER + "".join(map(_widening, sorted({one.widen_seconds for one in specs.values()} - {0})))
    changed = _replace(instance, RULES_FILE, rules)
    if _replace(instance, QUEUES_FILE, text) or changed:
        await instance.cli("queue reload all")


def queue_config(spec: QueueSpec) -> str:
    """The section of queues.conf for one queue."""
    text = f"[{_checked_name(spec.name)}](queue_template)\n"
    settings: dict[str, object] = {"strategy": "ringall" if spec.ring_all else "linear"}
    for key, number in (("timeout", spec.ring_seconds), ("maxlen", spec.max_length), ("weight", spec.weight)):
        if number:
            settings[key] = int(number)
    if spec.widen_seconds:
        settings["defaultrule"] = f"widen-{int(spec.widen_seconds)}"
    if spec.announce_seconds:
        # Asterisk says a waiting time only when it knows one, and rounds it to minutes.
        settings |= {"announce-position": "yes", "announce-holdtime": "yes"}
        settings |= {"announce-frequency": int(spec.announce_seconds), "min-announce-frequency": 5}
    if spec.comfort:
        settings["periodic-announce"] = ",".join(check_value("announcement", one) for one in spec.comfort)
        settings["periodic-announce-frequency"] = int(spec.announce_seconds or DEFAULT_COMFORT_SECONDS)
    if spec.callback:
        settings["context"] = "queue-keys"
    return text + "".join(f"{key} = {value}\n" for key, value in settings.items())


def _widening(seconds: int) -> str:
    """Every so many seconds one more level may be rung, and counts as much as those before it."""
    steps = "".join(f"penaltychange => {step * seconds},{step + 1},,{step + 1}\n" for step in range(1, LEVELS))
    return f"[widen-{int(seconds)}]\n{steps}"


def _agent(spec: EndpointSpec, key: str) -> str:
    phone, web = phone_endpoint(spec.employee_id), web_endpoint(spec.employee_id)
    shown = _NOT_IN_A_NAME.sub("", spec.display_name).strip()
    caller = f'callerid = "{shown}" <{int(spec.employee_id)}>\n'
    secret = check_value(f"the SIP secret of employee {spec.employee_id}", spec.secret)
    if not secret.strip():
        raise UnsafeValue(f"The SIP secret of employee {spec.employee_id} is empty.")
    return (
        f"\n[{phone}](agent-phone)\n{caller}aors = {phone}\nauth = {phone}\n"
        f"[{phone}](agent-aor)\n"
        f"[{phone}]\ntype = auth\nauth_type = userpass\nusername = {phone}\npassword = {secret}\n"
        f"[{web}](agent-browser)\n{caller}aors = {web}\nauth = {web}\n"
        f"[{web}](agent-aor)\n"
        # What a browser proves lives in AstDB as long as its session does, and counts before this (sorcery.conf).
        f"[{web}]\ntype = auth\nauth_type = md5\nusername = {web}\nrealm = {REALM}\nmd5_cred = {_lock(web, key)}\n"
    )


def _lock(name: str, key: str) -> str:
    """A digest that no password is known for, made of a key that never leaves the run folder."""
    return hmac.new(key.encode(), name.encode(), hashlib.md5).hexdigest()


def _replace(instance: AsteriskInstance, name: str, text: str) -> bool:
    """Write a generated file; False if it already said exactly this."""
    path = instance.etc / name
    if path.exists() and path.read_text("utf-8") == text:
        return False
    write_atomic(path, text)
    return True


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise UnsafeValue(f"`{name}` is not a valid name: letters, digits, - and _, at most 60.")
    return name
