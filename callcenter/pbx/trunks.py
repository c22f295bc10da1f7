"""The trunk of this installation: from its settings and the carrier's profile to Asterisk's configuration."""

from __future__ import annotations

import re
from dataclasses import dataclass

from callcenter.domain.trunks import (
    PROFILES,
    WITH_ACCOUNT,
    WITHOUT_ACCOUNT,
    BadTrunk,
    CalledIn,
    ShownIn,
    Trunk,
    TrunkProfile,
    profile,
)
from callcenter.pbx.errors import UnsafeValue
from callcenter.pbx.render import check_value
from callcenter.settings import Settings, SettingsError

TRUNK = "trunk-1"
TRUNK_HEADER = "X-Trunk-Secret"

_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")
_HOST = re.compile(r"[A-Za-z0-9.\-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")
_ACCOUNT = re.compile(r"[A-Za-z0-9+._~!*'()-]{1,64}(@[A-Za-z0-9.-]{1,80})?")
_HEADERS = {CalledIn.REQUEST: "", CalledIn.TO: "To", CalledIn.P_CALLED_PARTY_ID: "P-Called-Party-ID"}
_HEADERS[CalledIn.DIVERSION] = "Diversion"


@dataclass(frozen=True)
class TrunkSpec:
    """A SIP trunk: `host` is `host` or `host:port`; `user` and `password` answer the carrier's challenges.

    `header_secret` is for the simulated network, which shares its address with everything on loopback: it is known by
    a secret header instead.
    """

    host: str
    user: str = ""
    password: str = ""
    name: str = TRUNK
    header_secret: str = ""
    kind: TrunkProfile | None = None
    """None: what is usual with and without an account."""
    others: tuple[str, ...] = ()
    """Further addresses of the carrier: calls come from all of them and go to the next when the first is silent."""
    domain: str = ""
    """The carrier's domain where it is not the host, as in an IMS."""
    auth_user: str = ""
    """The name that proves us where it is not the account, as the private identity of an IMS."""
    inbound_user: str = ""
    inbound_password: str = ""
    """What the carrier proves itself with when it calls us, besides its address."""


def kind_of(settings: Settings) -> TrunkProfile:
    """The carrier's profile as the settings correct it; `SettingsError` where they say something that there is not."""
    name = settings.trunk_profile or (WITH_ACCOUNT if settings.trunk_user else WITHOUT_ACCOUNT)
    corrections = {
        "registers": settings.trunk_register,
        "shown_in": settings.trunk_shown_in,
        "shown_as": settings.trunk_shown_as,
        "dialled_as": settings.trunk_dialled_as,
        "called_in": settings.trunk_called_in,
        "codecs": settings.trunk_codecs,
        "dtmf": settings.trunk_dtmf,
        "session_timers": settings.trunk_session_timers,
    }
    try:
        kind = profile(name, corrections)
    except BadTrunk as bad:
        raise SettingsError(str(bad)) from None
    if kind.registers and not settings.trunk_user:
        raise SettingsError(f"The trunk profile `{name}` registers, so trunk_user and trunk_password are needed.")
    return kind


def trunk_of(settings: Settings) -> Trunk:
    """How numbers are written for the carrier."""
    host = settings.trunk_domain or re.sub(r":\d+$", "", settings.trunk_host) or "127.0.0.1"
    return Trunk(kind_of(settings), settings.default_region, host)


def identity_host(settings: Settings) -> str:
    """The domain that the dialplan names in P-Preferred-Identity; empty: the trunk wants none."""
    trunk = trunk_of(settings)
    return trunk.host if ShownIn.PREFERRED in trunk.profile.shown_in else ""


def contact_user(account: str) -> str:
    """The user part of the contact under which a trunk with this account registers; it is an extension, too."""
    kept = re.sub(r"[^A-Za-z0-9]", "", account.partition("@")[0])
    return kept if len(kept) > 1 else "contact"


def account_number(account: str) -> str:
    """The number that an account is named after; 0, which nobody has, if it is not."""
    name = account.partition("@")[0].lstrip("+")
    return name if re.fullmatch(r"[0-9]{3,20}", name) else "0"


def trunk_config(spec: TrunkSpec) -> str:
    """The text of pjsip_trunk.conf for `spec`; `UnsafeValue` for what is no host, account or secret."""
    name = _checked(_NAME, spec.name, "a valid name: letters, digits, - and _, at most 60")
    hosts = [_checked(_HOST, one, "a host name or address with an optional port") for one in (spec.host, *spec.others)]
    parts = [_endpoint(spec, name)]
    if spec.user:
        parts.append(_auth(f"{name}-auth", spec.auth_user or spec.user, spec.password))
        if _kind(spec).registers:
            parts.append(_registration(spec, name))
    if spec.inbound_user:
        parts.append(_auth(f"{name}-inbound", spec.inbound_user, spec.inbound_password))
    contacts = "".join(f"contact = sip:{host}\n" for host in hosts)
    parts.append(f"[{name}]\ntype = aor\n{contacts}qualify_frequency = 30\nqualify_timeout = 3\n")
    parts.append(f"[{name}]\ntype = identify\nendpoint = {name}\n{_known_by(spec, hosts)}")
    return "\n".join(parts)


def _endpoint(spec: TrunkSpec, name: str) -> str:
    kind = _kind(spec)
    lines = {
        "aors": name,
        "identify_by": "header" if spec.header_secret else "ip",
        "allow": "!all," + ",".join(kind.codecs),
        "dtmf_mode": kind.dtmf.value,
        "timers": kind.session_timers.value,
        "send_pai": _yes(ShownIn.ASSERTED in kind.shown_in),
        "send_rpid": _yes(ShownIn.REMOTE_PARTY in kind.shown_in),
        "trust_id_inbound": _yes(kind.trusts_identity),
        "user_eq_phone": _yes(kind.phone_uris),
    }
    if spec.user:
        lines["outbound_auth"] = f"{name}-auth"
        lines["contact_user"] = contact_user(spec.user)
        if ShownIn.FROM not in kind.shown_in:
            lines["from_user"] = _account(spec).partition("@")[0]
    if domain := _domain(spec):
        lines["from_domain"] = domain
    if spec.inbound_user:
        lines["auth"] = f"{name}-inbound"
    told = {"CALLED_IN": _HEADERS[kind.called_in], "ASSERTS": "yes" if kind.trusts_identity else ""}
    variables = "".join(f"set_var = {key}={value}\n" for key, value in told.items() if value)
    return f"[{name}](trunk)\n" + "".join(f"{key} = {value}\n" for key, value in lines.items()) + variables


def _kind(spec: TrunkSpec) -> TrunkProfile:
    return spec.kind or PROFILES[WITH_ACCOUNT if spec.user else WITHOUT_ACCOUNT]


def _registration(spec: TrunkSpec, name: str) -> str:
    account, domain = _account(spec), _domain(spec)
    identity = account if "@" in account else f"{account}@{domain or spec.host}"
    # The registrar is asked by the carrier's domain; where that is not its address, the address is the way to it.
    registrar = f"sip:{domain}\noutbound_proxy = sip:{spec.host}\\;lr" if domain else f"sip:{spec.host}"
    return (
        f"[{name}-registration]\ntype = registration\ntransport = transport-udp\noutbound_auth = {name}-auth\n"
        f"server_uri = {registrar}\nclient_uri = sip:{identity}\ncontact_user = {contact_user(account)}\n"
        # A wrong password may be put right on the other side: we ask again, but not so often that we are locked out.
        "expiration = 600\nretry_interval = 10\nforbidden_retry_interval = 300\nmax_retries = 100000\n"
        "auth_rejection_permanent = no\nmax_random_initial_delay = 0\n"
    )


def _auth(name: str, user: str, password: str) -> str:
    user, password = check_value("trunk_user", user), check_value("trunk_password", password)
    return f"[{name}]\ntype = auth\nauth_type = userpass\nusername = {user}\npassword = {password}\n"


def _known_by(spec: TrunkSpec, hosts: list[str]) -> str:
    if spec.header_secret:
        return f"match_header = {TRUNK_HEADER}: {check_value('trunk secret', spec.header_secret)}\n"
    return "".join(f"match = {re.sub(r':[0-9]+$', '', host)}\n" for host in hosts)


def _account(spec: TrunkSpec) -> str:
    return _checked(_ACCOUNT, spec.user, "an account")


def _domain(spec: TrunkSpec) -> str:
    return _checked(_HOST, spec.domain, "a domain") if spec.domain else ""


def _checked(pattern: re.Pattern[str], value: str, what: str) -> str:
    if not pattern.fullmatch(value):
        raise UnsafeValue(f"`{value[:80]}` is not {what}.")
    return value


def _yes(wanted: bool) -> str:
    return "yes" if wanted else "no"
