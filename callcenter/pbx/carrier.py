"""The simulated phone network: a second Asterisk that answers, rings, is busy, hangs up, calls in.

It makes the product usable and testable without a SIP trunk. `NUMBERS` says what each number does; any other Chinese
mobile, landline (0...) or 400 number answers after two seconds with a 500 Hz tone. Every answering party plays its own
tone and records what it receives, so that who heard whom can be proved afterwards (`heard`, `tones.hears`).

Scripted agent phones (`add_phone`) register with the PBX as a real SIP phone would.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from pathlib import Path

from callcenter.domain.trunks import CalledIn, ShownIn, TrunkProfile
from callcenter.pbx.ami_once import AmiConnection
from callcenter.pbx.errors import CommandFailed, UnsafeValue
from callcenter.pbx.fetch import AsteriskInstall
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.ports import Port
from callcenter.pbx.render import check_value, write_atomic
from callcenter.pbx.trunks import TRUNK_HEADER, kind_of
from callcenter.settings import Settings

MAX_TALK_SECONDS = 300
MACHINE_BEEP_HZ = 1400
DEFAULT_TONE_HZ = 500
PHONES_FILE = "pjsip_phones.conf"
REGISTERED = "registered"
"""Endpoint that reaches the PBX at the contact that it registered."""
RTP_COUNT = 2000


@dataclass(frozen=True)
class SimulatedNumber:
    """A number of the simulated network; times in seconds, `tone_hz` 0 means it plays none."""

    number: str
    does: str
    does_zh: str
    steps: tuple[str, ...]
    tone_hz: int = 0
    cause: int = 16
    """The Q.850 cause that the PBX sees at the end (16: normal clearing; 480 from the network arrives as 19)."""


def _answers(number: str, tone_hz: int, after: int = 1, lasts: int = MAX_TALK_SECONDS) -> SimulatedNumber:
    does, does_zh = f"answers after {after} s", f"{after} 秒后接听"
    if lasts != MAX_TALK_SECONDS:
        does += f", hangs up after {lasts} s of talk"
        does_zh += f"，通话 {lasts} 秒后挂断"
    steps = ("Ringing()", f"Wait({after})", f"Gosub(party,s,1({tone_hz},{lasts}))", "Hangup(16)")
    return SimulatedNumber(number, f"{does}, tone {tone_hz} Hz", f"{does_zh}，{tone_hz} Hz 单音", steps, tone_hz)


def _ends(number: str, does: str, does_zh: str, cause: int, *steps: str) -> SimulatedNumber:
    seen = 19 if cause == 20 else cause
    return SimulatedNumber(number, does, does_zh, (*steps, f"Hangup({cause})"), cause=seen)


NUMBERS: tuple[SimulatedNumber, ...] = (
    _answers("13800000001", 600),
    _answers("13800000002", 700),
    _answers("13800000003", 800),
    _answers("13800000004", 1000),
    _answers("13800000011", 1100, after=3),
    _answers("13800000012", 1200, after=8),
    _ends("13800000020", "rings, never answers", "一直响铃，无人接听", 19, "Ringing()", f"Wait({MAX_TALK_SECONDS})"),
    _ends("13800000021", "busy", "忙线", 17),
    _ends("13800000022", "rings for 2 s, then rejects", "响铃 2 秒后拒接", 21, "Ringing()", "Wait(2)"),
    _ends("13800000023", "switched off", "已关机", 20),
    _ends("13800000024", "not assigned", "空号", 1),
    _ends("13800000025", "network congested", "网络拥塞", 34),
    _ends(
        "13800000026",
        "announcement (1300 Hz) before answer for 3 s, then switched off",
        "接通前播放 3 秒提示音，随后已关机",
        20,
        "Progress()",
        "Playtones(1300)",
        "Wait(3)",
    ),
    _answers("13800000030", 900, lasts=5),
    _answers("13800000031", 1500, after=2, lasts=10),
    SimulatedNumber(
        "13800000040",
        f"answering machine: greeting, {MACHINE_BEEP_HZ} Hz beep, silence",
        "答录机：问候语、嘀声、静音",
        ("Ringing()", "Wait(1)", "Gosub(machine-party,s,1)", "Hangup(16)"),
    ),
    SimulatedNumber(
        "13800000060",
        "speaking clock: 500 Hz in the first second, 600 in the second, ... 1400 in the tenth, then hangs up",
        "报时钟：每秒换一个音高，10 秒后挂断",
        ("Ringing()", "Wait(1)", "Gosub(clock-party,s,1)", "Hangup(16)"),
    ),
    SimulatedNumber(
        "13800000070",
        "voice menu: 400 Hz until a key is pressed; 5 is answered with 1600 Hz, any other key with 1800 Hz",
        "语音菜单：400 Hz 提示音；按 5 播放 1600 Hz，按其他键播放 1800 Hz",
        ("Ringing()", "Wait(1)", "Gosub(menu-party,s,1)", "Hangup(16)"),
    ),
    SimulatedNumber(
        "13800000050",
        "answers after 1 s and echoes what it hears",
        "1 秒后接听并回声",
        ("Ringing()", "Wait(1)", "Gosub(echo-party,s,1)", "Hangup(16)"),
    ),
)


@dataclass(frozen=True)
class Phone:
    """A scripted agent phone; `answer_after` None means that it rings and never answers."""

    endpoint: str
    secret: str
    tone_hz: int
    answer_after: float | None


@dataclass(frozen=True)
class SimulatedCall:
    """A call that the simulated network made into the PBX."""

    channel_id: str
    caller: str
    heard: Path
    """What the caller heard, once it was answered and has ended."""


class Carrier:
    """Control of the simulated network; start it with `start`, end it with `stop`."""

    def __init__(self, install: AsteriskInstall, settings: Settings, pbx_trunk_secret: str) -> None:
        self._trunk_secret = pbx_trunk_secret
        self._kind = kind_of(settings)
        self._pbx_sip = f"{settings.asterisk_host}:{settings.sip_port}"
        self._ami_port = settings.carrier_ami_port
        self._phones: dict[str, Phone] = {}
        self._calls = 0
        self.instance = AsteriskInstance(
            install=install,
            run_dir=settings.data_dir / "carrier",
            role="carrier",
            values={
                "sip_port": str(settings.carrier_sip_port),
                "ami_port": str(settings.carrier_ami_port),
                "rtp_start": str(settings.carrier_rtp_start),
                "rtp_end": str(settings.carrier_rtp_start + RTP_COUNT - 1),
                "pbx_sip": self._pbx_sip,
                "max_talk": str(MAX_TALK_SECONDS),
                "beep_hz": str(MACHINE_BEEP_HZ),
                "pbx_aors": ",".join(["pbx", *([_account(settings)] if self._kind.registers else [])]),
                "session_timers": self._kind.session_timers.value,
                "shown_in": _goes_by(self._kind).value,
            },
            ports=(
                Port(settings.carrier_sip_port, "carrier_sip_port"),
                Port(settings.carrier_ami_port, "carrier_ami_port", "tcp"),
                Port(settings.carrier_rtp_start, "carrier_rtp_start"),
            ),
            blocks={"numbers": _dialplan(NUMBERS), "account": _account_config(settings)},
            generated=(PHONES_FILE,),
        )

    async def start(self) -> bool:
        """Starts the network, or adopts the one that runs already: true then."""
        adopted = await self.instance.start()
        if not adopted:
            # Phones belong to whoever scripts them; those of an earlier run would register for nobody.
            await self._write_phones()
        return adopted

    async def stop(self) -> None:
        await self.instance.stop()

    # -- scripted agent phones -------------------------------------------------------------------------------------

    async def add_phone(
        self,
        endpoint: str,
        secret: str,
        tone_hz: int = 550,
        answer_after: float | None = 0.2,
        *,
        wait: float = 10.0,
    ) -> Phone:
        """Register a phone as `endpoint` with the PBX; `CommandFailed` if that does not stand in `wait` seconds."""
        phone = Phone(endpoint, secret, tone_hz, answer_after)
        self._phones[endpoint] = phone
        await self._script(phone)
        await self._write_phones()
        await self._until_registered(endpoint, wait)
        return phone

    async def set_phone(self, endpoint: str, *, tone_hz: int | None = None, answer_after: float | None = None) -> Phone:
        """Change how a phone treats its next call; `answer_after` None means never."""
        phone = self._phones[endpoint]
        phone = replace(phone, tone_hz=tone_hz or phone.tone_hz, answer_after=answer_after)
        self._phones[endpoint] = phone
        await self._script(phone)
        return phone

    async def remove_phone(self, endpoint: str) -> None:
        """Unregister a phone."""
        self._phones.pop(endpoint, None)
        await self.instance.cli(f"pjsip send unregister {_word(endpoint)}")
        await self.instance.cli(f"database del phone {_word(endpoint)}")
        await self._write_phones()

    async def phone_dials(self, endpoint: str, number: str, seconds: int = 30) -> SimulatedCall:
        """Let a phone dial `number` by itself, as a person would on a desk phone."""
        phone = self._phones[endpoint]
        dialled = f"PJSIP/{_word(number)}@{_word(endpoint)}"
        return await self._originate(dialled, f"{endpoint}.out", phone.tone_hz, seconds, [])

    # -- calls -----------------------------------------------------------------------------------------------------

    async def call_in(
        self, did: str, caller: str = "13900000001", tone_hz: int = 650, seconds: int = 60, ring_seconds: int = 120
    ) -> SimulatedCall:
        """Call the PBX's number `did` as `caller`; once answered it plays its tone and hangs up after `seconds`.

        A carrier with which the PBX registers calls what is registered; the number is where its profile says.
        """
        headers = [f"PJSIP_HEADER(add,{TRUNK_HEADER})={self._trunk_secret}"]
        way = REGISTERED if self._kind.registers else "pbx"
        if self._kind.called_in in (CalledIn.P_CALLED_PARTY_ID, CalledIn.DIVERSION):
            headers.append(f"PJSIP_HEADER(add,{self._kind.called_in.value})=<sip:{_word(did)}@network.invalid>")
            channel = f"PJSIP/{way}" if self._kind.registers else f"PJSIP/10000@{way}"
        else:
            channel = f"PJSIP/{_word(did)}@{way}"
        return await self._originate(channel, caller, tone_hz, seconds, headers, ring_seconds, caller_id=_word(caller))

    async def hangup(self, party: str) -> bool:
        """Hang up the channel of a number, phone endpoint, or `SimulatedCall.channel_id`; False if there is none."""
        for channel, account, unique_id in await self._channels():
            if party in (account, unique_id):
                await self.instance.cli(f"channel request hangup {channel}")
                return True
        return False

    async def send_dtmf(self, party: str, digits: str) -> bool:
        """Press keys on a number's or phone's live channel; False if there is none."""
        for channel, account, unique_id in await self._channels():
            if party in (account, unique_id):
                async with AmiConnection(self._ami_port, self.instance.secrets["ami_secret"]) as ami:
                    for digit in digits:
                        await ami.action({"Action": "PlayDTMF", "Channel": channel, "Digit": digit})
                        await asyncio.sleep(0.25)
                return True
        return False

    async def parties(self) -> list[str]:
        """Who is on a call now: numbers, phone endpoints, callers."""
        return [account for _, account, _ in await self._channels()]

    async def quiet(self, timeout: float = 10.0) -> None:
        """Wait until no channel is left, so that every `heard` file is complete; raises TimeoutError."""
        deadline = time.monotonic() + timeout
        while await self._channels() or await self.instance.open_recordings():
            if time.monotonic() > deadline:
                raise TimeoutError(f"Still on a call: {', '.join(await self.parties())}.")
            await asyncio.sleep(0.05)

    def heard(self, party: str) -> list[Path]:
        """Recordings of what `party` (number, phone endpoint, caller) heard, oldest first."""
        found = (self.instance.spool / "heard").glob(f"{_word(party)}.*.wav")
        return sorted(found, key=lambda path: path.stat().st_mtime)

    async def shown(self, party: str, header: ShownIn | None = None) -> str:
        """The caller's number that `party` saw with the last call it answered, or what `header` said; may be empty."""
        family = f"shown-{header.value}" if header else "shown"
        printed = await self.instance.cli(f"database get {family} {_word(party)}")
        return printed.partition("Value:")[2].strip()

    # -- inside ----------------------------------------------------------------------------------------------------

    async def _originate(
        self,
        channel: str,
        account: str,
        tone_hz: int,
        seconds: int,
        variables: list[str],
        ring_seconds: int = 60,
        caller_id: str = "",
    ) -> SimulatedCall:
        self._calls += 1
        channel_id = f"sim-{time.time_ns():x}-{self._calls}"
        async with AmiConnection(self._ami_port, self.instance.secrets["ami_secret"]) as ami:
            answer = await ami.action(
                {
                    "Action": "Originate",
                    "Channel": channel,
                    "ChannelId": channel_id,
                    "Account": account,
                    "Context": "caller",
                    "Exten": "s",
                    "Priority": "1",
                    "CallerID": f'"{caller_id}" <{caller_id}>',
                    "Timeout": str(ring_seconds * 1000),
                    "Async": "true",
                    "Variable": [f"TONE={tone_hz}", f"SECONDS={min(seconds, MAX_TALK_SECONDS)}", *variables],
                }
            )
        if answer.get("Response") != "Success":
            raise CommandFailed(f"The simulated network could not call: {answer.get('Message')}")
        return SimulatedCall(channel_id, account, self.instance.spool / "heard" / f"{account}.{channel_id}.wav")

    async def _channels(self) -> list[tuple[str, str, str]]:
        """(name, account, unique id) of every live channel."""
        printed = await self.instance.cli("core show channels concise")
        rows = [line.split("!") for line in printed.splitlines() if line.count("!") >= 13]
        return [(row[0], row[8], row[13]) for row in rows]

    async def _script(self, phone: Phone) -> None:
        after = "never" if phone.answer_after is None else f"{phone.answer_after:g}"
        await self.instance.cli(f"database put phone {_word(phone.endpoint)} {phone.tone_hz}:{after}")

    async def _write_phones(self) -> None:
        text = "; Generated: changes made here are lost.\n" + "".join(map(self._phone, self._phones.values()))
        write_atomic(self.instance.etc / PHONES_FILE, text)
        await self.instance.reload("res_pjsip")
        await self.instance.reload("res_pjsip_outbound_registration")

    def _phone(self, phone: Phone) -> str:
        name, secret = _word(phone.endpoint), check_value("phone secret", phone.secret)
        return (
            f"\n[{name}]\ntype = endpoint\ntransport = transport-udp\ncontext = network\ndisallow = all\n"
            f"allow = alaw,ulaw,g722\naors = {name}\noutbound_auth = {name}\nfrom_user = {name}\n"
            "direct_media = no\n"
            f"[{name}]\ntype = aor\ncontact = sip:{self._pbx_sip}\n"
            f"[{name}]\ntype = auth\nauth_type = userpass\nusername = {name}\npassword = {secret}\n"
            f"[{name}]\ntype = registration\ntransport = transport-udp\noutbound_auth = {name}\n"
            f"server_uri = sip:{self._pbx_sip}\nclient_uri = sip:{name}@{self._pbx_sip}\ncontact_user = {name}\n"
            "expiration = 600\nretry_interval = 2\nmax_random_initial_delay = 0\n"
            "forbidden_retry_interval = 2\nmax_retries = 1000\n"
            "auth_rejection_permanent = no\n"
        )

    async def _until_registered(self, endpoint: str, timeout: float) -> None:
        deadline = time.monotonic() + timeout
        state = ""
        while time.monotonic() < deadline:
            printed = await self.instance.cli("pjsip show registrations")
            state = next((line for line in printed.splitlines() if line.strip().startswith(f"{endpoint}/")), "")
            if " Registered" in state:
                return
            await asyncio.sleep(0.1)
        raise CommandFailed(f"The phone {endpoint} could not register with the PBX: {state.strip() or 'unknown'}")


def _dialplan(numbers: tuple[SimulatedNumber, ...]) -> str:
    lines = []
    for number in numbers:
        lines.append(f"; {number.does}")
        lines.append(f"exten => {number.number},1,Set(CHANNEL(accountcode)=${{EXTEN}})")
        lines += [f" same => n,{step}" for step in number.steps]
    return "\n".join(lines)


def _goes_by(kind: TrunkProfile) -> ShownIn:
    """Which header this carrier believes: the most telling one that the kind uses."""
    return next(one for one in reversed(tuple(ShownIn)) if one in kind.shown_in)


def _account(settings: Settings) -> str:
    return settings.trunk_user.partition("@")[0]


def _account_config(settings: Settings) -> str:
    """The PBX's account: every request of its trunk is challenged, and where the kind registers, it is called there."""
    if not settings.trunk_user:
        return "; The PBX is known by its address alone.\n"
    account = check_value("trunk_user", _account(settings))
    user = check_value("trunk_auth_user", settings.trunk_auth_user or settings.trunk_user)
    password = check_value("carrier_password", settings.carrier_password or settings.trunk_password)
    text = (
        "[pbx](+)\nauth = pbx-account\n"
        f"[pbx-account]\ntype = auth\nauth_type = userpass\nusername = {user}\npassword = {password}\n"
    )
    if kind_of(settings).registers:
        text += (
            f"[{account}]\ntype = aor\nmax_contacts = 1\nremove_existing = yes\n"
            f"[{REGISTERED}]\ntype = endpoint\ntransport = transport-udp\ncontext = network\ndisallow = all\n"
            f"allow = alaw,ulaw,g722\naors = {account}\ndirect_media = no\ndtmf_mode = rfc4733\n"
        )
    return text


def _word(text: str) -> str:
    """`text` if it is one safe word for a console command or a file name."""
    if not text or not all(character.isalnum() or character in "+-_.*#" for character in text):
        raise UnsafeValue(f"`{text[:60]}` is not a number or endpoint name.")
    return text
