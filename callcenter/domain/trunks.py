"""What carriers want of a SIP trunk: one declared profile per kind of carrier, chosen and corrected by settings.

Pure: `callcenter/pbx/trunks.py` makes Asterisk's configuration of it, the engine writes numbers by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any

import phonenumbers

from callcenter.domain.numbers import dialable


class Spelling(StrEnum):
    """How a number is written, here +86 21 6000 0101 and +86 138 0000 0001."""

    NATIONAL = "national"
    """02160000101, 13800000001; another country's begins with 00."""
    PLAIN = "plain"
    """2160000101, 13800000001: as national, without the 0."""
    COUNTRY = "country"
    """862160000101, 8613800000001."""
    PLUS = "plus"
    """+862160000101, +8613800000001."""


class ShownIn(StrEnum):
    """Which header carries the number that the called party sees."""

    FROM = "from"
    ASSERTED = "p-asserted-identity"
    PREFERRED = "p-preferred-identity"
    REMOTE_PARTY = "remote-party-id"


class CalledIn(StrEnum):
    """Where a call from the carrier says which of our numbers is called."""

    REQUEST = "request"
    TO = "to"
    P_CALLED_PARTY_ID = "p-called-party-id"
    DIVERSION = "diversion"


class Dtmf(StrEnum):
    RFC4733 = "rfc4733"
    INBAND = "inband"
    INFO = "info"
    AUTO = "auto"


class SessionTimers(StrEnum):
    NO = "no"
    YES = "yes"
    REQUIRED = "required"
    ALWAYS = "always"


class BadTrunk(ValueError):
    """A profile or one of its settings has a wrong value; the message names it and says what is accepted."""


CODECS = ("alaw", "ulaw", "g722", "gsm", "opus")
"""What this Asterisk can speak. G.729 needs a licensed module."""


@dataclass(frozen=True, slots=True)
class TrunkProfile:
    """One kind of carrier."""

    registers: bool = False
    """We sign in with the carrier's registrar and are called at the contact that we registered."""
    shown_in: tuple[ShownIn, ...] = (ShownIn.FROM,)
    """Without `from`, From names the account and the shown number is in these headers alone."""
    shown_as: Spelling = Spelling.NATIONAL
    dialled_as: Spelling = Spelling.NATIONAL
    called_in: CalledIn = CalledIn.REQUEST
    trusts_identity: bool = False
    """The caller's number is taken from P-Asserted-Identity or Remote-Party-ID where the carrier sends them."""
    codecs: tuple[str, ...] = ("alaw", "ulaw", "g722")
    dtmf: Dtmf = Dtmf.RFC4733
    session_timers: SessionTimers = SessionTimers.YES
    phone_uris: bool = False
    """`;user=phone` on the numbers we dial."""


PROFILES: Mapping[str, TrunkProfile] = {
    # A gateway or a carrier's session border controller that knows us by our address.
    "address": TrunkProfile(),
    # As above, where From is checked against the contract and the shown number goes into P-Asserted-Identity.
    "asserted": TrunkProfile(shown_in=(ShownIn.FROM, ShownIn.ASSERTED), shown_as=Spelling.PLUS, trusts_identity=True),
    # Resellers of SIP lines: account and password, From names the account.
    "register": TrunkProfile(
        registers=True, shown_in=(ShownIn.ASSERTED, ShownIn.REMOTE_PARTY), called_in=CalledIn.TO, trusts_identity=True
    ),
    # The same with softswitches that look at From and nothing else.
    "register-from": TrunkProfile(registers=True, called_in=CalledIn.TO),
    # Enterprise trunks of the IMS of China Telecom, Mobile and Unicom: a public identity per trunk, numbers with +86.
    "ims": TrunkProfile(
        registers=True,
        shown_in=(ShownIn.FROM, ShownIn.PREFERRED),
        shown_as=Spelling.PLUS,
        called_in=CalledIn.P_CALLED_PARTY_ID,
        trusts_identity=True,
        codecs=("alaw", "ulaw"),
        session_timers=SessionTimers.REQUIRED,
        phone_uris=True,
    ),
    # Numbers of others are forwarded to us, as call forwarding services and many access numbers do.
    "forwarded": TrunkProfile(called_in=CalledIn.DIVERSION, trusts_identity=True),
}

WITH_ACCOUNT, WITHOUT_ACCOUNT = "register", "address"
"""What is meant by a trunk with and without `trunk_user` where no profile is named."""


def profile(name: str, corrections: Mapping[str, str]) -> TrunkProfile:
    """The profile `name` with the settings in `corrections` (field -> text; empty changes nothing); or `BadTrunk`."""
    if name not in PROFILES:
        raise BadTrunk(f"trunk_profile is `{name}`; known are {', '.join(PROFILES)}.")
    known = {one.name: getattr(PROFILES[name], one.name) for one in fields(TrunkProfile)}
    changed = {key: _read(key, known[key], text.strip().lower()) for key, text in corrections.items() if text.strip()}
    return replace(PROFILES[name], **changed)


_LISTS: Mapping[str, tuple[str, ...]] = {"codecs": CODECS, "shown_in": tuple(ShownIn)}


def _read(key: str, known: Any, text: str) -> Any:
    if key in _LISTS:
        words = tuple(word.strip() for word in text.split(","))
        kind: Any = ShownIn if key == "shown_in" else str
        return tuple(kind(_one(key, word, _LISTS[key])) for word in words)
    if isinstance(known, bool):
        return _one(key, text, ("yes", "no")) == "yes"
    kind = type(known)
    return kind(_one(key, text, tuple(kind)))


def _one(key: str, word: str, accepted: tuple[str, ...]) -> str:
    if word not in accepted:
        raise BadTrunk(f"trunk_{key} is `{word}`; accepted are {', '.join(accepted)}.")
    return word


class TrunkState(StrEnum):
    """How we stand with the carrier."""

    REGISTERED = "registered"
    REACHABLE = "reachable"
    """It answers; this kind of trunk does not register."""
    REJECTED = "rejected"
    """It answers our registration with a refusal."""
    UNREACHABLE = "unreachable"
    WAITING = "waiting"
    """Nothing is known yet: the telephone system has just started, or is not there."""


@dataclass(frozen=True, slots=True)
class TrunkReport:
    """`code` is the carrier's own answer (a SIP status such as 401) where it refused; `since` is when `state` began."""

    state: TrunkState
    code: int | None
    since: datetime
    simulated: bool = False


@lru_cache(maxsize=8192)
def written(number: str, spelling: Spelling, region: str = "CN") -> str:
    """`number` (E.164, or what has no country: short and service numbers stay as they are) in a trunk's spelling."""
    if spelling is Spelling.NATIONAL or not number.startswith("+"):
        return dialable(number, region)
    if spelling is Spelling.PLUS:
        return number
    parsed = phonenumbers.parse(number)
    if spelling is Spelling.COUNTRY:
        return number[1:]
    if phonenumbers.region_code_for_country_code(parsed.country_code or 0) != region:
        return dialable(number, region)
    return phonenumbers.national_significant_number(parsed)


@dataclass(frozen=True, slots=True)
class Trunk:
    """How the engine writes numbers for the trunk of this installation."""

    profile: TrunkProfile = field(default_factory=TrunkProfile)
    region: str = "CN"
    host: str = ""
    """The domain of our numbers at the carrier, where a header names one."""

    def dialled(self, number: str) -> str:
        return written(number, self.profile.dialled_as, self.region)

    def shown(self, number: str) -> str:
        return written(number, self.profile.shown_as, self.region)

    def identity(self, number: str) -> str:
        """The value of P-Preferred-Identity that shows `number` (as `shown` wrote it); empty: the trunk wants none."""
        if not number or ShownIn.PREFERRED not in self.profile.shown_in:
            return ""
        return f"<sip:{number}@{self.host}>"
