"""One frozen `Settings`, read from a TOML file and overridden by `CALLCENTER_*` environment variables."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any

import msgspec

PROJECT_ROOT = Path(__file__).resolve().parent.parent
Network = IPv4Network | IPv6Network
ENV_PREFIX = "CALLCENTER_"


class SettingsError(ValueError):
    """A setting is unknown or has a wrong value; the message names it and says what is accepted."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator may set. Ports are TCP unless said otherwise; all times are seconds."""

    data_dir: Path = PROJECT_ROOT / ".callcenter"
    """Everything the program writes but recordings: database, run folders, secrets, logs."""
    recordings_dir: Path = PROJECT_ROOT / "recordings"
    database_url: str = ""
    """SQLAlchemy async URL; empty means SQLite in `data_dir`."""
    host: str = "127.0.0.1"
    port: int = 8088
    public_origin: str = ""
    """The origin users type, e.g. `https://cc.example.com`, when a proxy stands in front."""
    trusted_proxies: str = ""
    """Addresses or networks (CIDR), separated by commas, of the proxies in front; only they are believed when they say
    for whom they ask (`X-Forwarded-For`, `-Proto`, `-Host`)."""
    max_connections: int = 0
    """Connections that the web face holds at once; 0 derives it from the limit of open files, and leaves a reserve."""
    max_connections_per_address: int = 0
    """How many of them one address may have; 0 is half of them."""
    time_zone: str = "Asia/Shanghai"
    default_region: str = "CN"
    """Region for numbers typed without a country code (ISO 3166-1 alpha-2)."""

    asterisk: str = ""
    """Path of an installed Asterisk 20+ binary; empty fetches a private one."""
    asterisk_cache: Path = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "callcenter"
    asterisk_host: str = "127.0.0.1"
    sip_port: int = 5160
    """UDP port where the PBX listens for SIP phones and the trunk."""
    pbx_http_port: int = 8188
    """Port of Asterisk's own HTTP server; browsers never reach it, the softphone bridge does."""
    softphone_sessions: int = 2000
    """Browser phones that may be connected at the same time; each needs a file descriptor here and in Asterisk."""
    ami_port: int = 5138
    """TCP port of Asterisk's manager interface, on loopback."""
    ami_through: str = ""
    """`host:port` that leads to the manager interface when it is not reached directly (a tunnel, a proxy)."""
    rtp_start: int = 20000
    """First UDP media port of the PBX; `rtp_count` ports from here are used."""
    rtp_count: int = 2000

    trunk_host: str = ""
    """`host:port` of the SIP trunk; empty means the simulated phone network on loopback."""
    trunk_user: str = ""
    """The account at the carrier."""
    trunk_password: str = ""
    trunk_profile: str = ""
    """The kind of carrier (callcenter/domain/trunks.py): `address`, `asserted`, `register`, `register-from`, `ims` or
    `forwarded`; empty: `register` with `trunk_user`, otherwise `address`. The settings below correct it."""
    trunk_addresses: str = ""
    """Further addresses of the carrier, separated by commas."""
    trunk_domain: str = ""
    """The carrier's domain where it is not the host, e.g. `sh.ims.example.com`."""
    trunk_auth_user: str = ""
    """The name that goes with the password where it is not `trunk_user`."""
    trunk_inbound_user: str = ""
    """With `trunk_inbound_password`: what the carrier has to prove when it calls us."""
    trunk_inbound_password: str = ""
    trunk_register: str = ""
    """`yes` or `no`."""
    trunk_shown_in: str = ""
    """Headers that carry the number shown, separated by commas: `from`, `p-asserted-identity`,
    `p-preferred-identity`, `remote-party-id`."""
    trunk_shown_as: str = ""
    """How it is written: `national` (02160000101), `plain` (2160000101), `country` (862160000101) or `plus`."""
    trunk_dialled_as: str = ""
    """The same for numbers that are dialled."""
    trunk_called_in: str = ""
    """Where a call from the carrier says which number is called: `request`, `to`, `p-called-party-id`, `diversion`."""
    trunk_codecs: str = ""
    """Separated by commas: `alaw`, `ulaw`, `g722`, `gsm`, `opus`."""
    trunk_dtmf: str = ""
    """`rfc4733`, `inband`, `info` or `auto`."""
    trunk_session_timers: str = ""
    """`yes`, `no`, `required` or `always`."""
    carrier_password: str = ""
    """What the simulated network expects of `trunk_user`; empty: `trunk_password`."""
    carrier_sip_port: int = 5260
    carrier_ami_port: int = 5238
    carrier_rtp_start: int = 24000

    ring_seconds: int = 45
    """How long a customer's phone may ring before the call counts as not answered."""
    agent_ring_seconds: int = 20
    agent_lost_seconds: int = 30
    """How long a customer waits with music for an agent's browser that vanished in the middle of a call."""
    callback_tries: int = 3
    """How often a caller who asked to be called back is dialled in vain before it is given up."""
    callback_retry_seconds: int = 600
    """The pause between two of these attempts."""
    reserve_minutes: int = 5
    """Minutes reserved ahead on a voice package while a call talks."""
    payments: str = ""
    """Who takes online payments: `simulator` (labelled, no money moves) or `off`. Empty: the simulator as long as the
    phone network is simulated too."""
    real_names: str = ""
    """Who verifies employees' real names by a code that they scan: `simulator` (labelled, nobody is asked) or `off`
    (the operator's word alone). Empty: the simulator as long as the phone network is simulated too."""
    recording_workers: int = 1
    recording_format: str = "opus"
    """`opus` or `mp3`."""
    log_level: str = "INFO"

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'callcenter.db'}"

    @property
    def payment_provider(self) -> str:
        """Name of the payment provider (callcenter/providers/payment.py); empty when online payment is off."""
        return self._provider(self.payments)

    @property
    def real_name_provider(self) -> str:
        """Name of the provider of real names (callcenter/providers/real_names.py); empty when there is none."""
        return self._provider(self.real_names)

    def _provider(self, chosen: str) -> str:
        """Simulators stand in for outside services as long as the phone network is simulated too."""
        chosen = chosen or ("simulator" if self.simulated_carrier else "off")
        return "" if chosen == "off" else chosen

    @property
    def proxy_networks(self) -> tuple[Network, ...]:
        """`trusted_proxies` as networks; raises ValueError for what is none."""
        return tuple(ip_network(one.strip()) for one in self.trusted_proxies.split(",") if one.strip())

    @property
    def simulated_carrier(self) -> bool:
        return not self.trunk_host


def load(path: Path | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """Settings from `path` (TOML, optional) and `env`; raises `SettingsError` naming the bad setting."""
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values.update(tomllib.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            raise SettingsError(f"The settings file {path} does not exist.") from None
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"The settings file {path} is not valid TOML: {error}") from None
    known = {field.name for field in msgspec.structs.fields(Settings)}
    for key, value in (os.environ if env is None else env).items():
        if not key.startswith(ENV_PREFIX):
            continue
        name = key.removeprefix(ENV_PREFIX).lower()
        if name == "config":
            continue
        if name not in known:
            raise SettingsError(f"{key} names no setting. Known settings: {', '.join(sorted(known))}.")
        values[name] = value
    try:
        made = msgspec.convert(values, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise SettingsError(f"Bad setting: {error}") from None
    try:
        made.proxy_networks  # noqa: B018  # read for what it raises
    except ValueError as error:
        raise SettingsError(f"Bad setting trusted_proxies: {error}; give addresses or networks (10.0.0.0/8).") from None
    return made


def _decode(kind: type[Any], value: Any) -> Any:
    """Paths are the one type of a setting that TOML and the environment do not know."""
    if kind is Path and isinstance(value, str):
        return Path(value).expanduser()
    raise NotImplementedError(kind)
