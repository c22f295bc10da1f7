"""The whole telephony side from one `Settings`: the PBX and, without a real trunk, the simulated phone network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Self

from callcenter.pbx import provision
from callcenter.pbx.carrier import Carrier
from callcenter.pbx.fetch import AsteriskInstall, ensure
from callcenter.pbx.instance import AsteriskInstance
from callcenter.pbx.ports import Port
from callcenter.pbx.render import DIALPLANS
from callcenter.pbx.trunks import TrunkSpec, account_number, contact_user, identity_host, kind_of
from callcenter.settings import Settings


def pbx_instance(install: AsteriskInstall, settings: Settings) -> AsteriskInstance:
    """The PBX of these settings, not yet started."""
    last_rtp = settings.rtp_start + settings.rtp_count - 1
    return AsteriskInstance(
        install=install,
        run_dir=settings.data_dir / "pbx",
        role="pbx",
        values={
            "sip_host": settings.asterisk_host,
            "sip_port": str(settings.sip_port),
            "ami_port": str(settings.ami_port),
            "http_port": str(settings.pbx_http_port),
            "softphone_sessions": str(settings.softphone_sessions),
            "rtp_start": str(settings.rtp_start),
            "rtp_end": str(last_rtp),
            "member_ring_seconds": str(settings.agent_ring_seconds),
            "realm": provision.REALM,
            "identity_host": identity_host(settings),
            "trunk_contact": contact_user(settings.trunk_user),
            "trunk_number": account_number(settings.trunk_user),
        },
        ports=(
            Port(settings.sip_port, "sip_port", "udp", settings.asterisk_host),
            Port(settings.ami_port, "ami_port", "tcp"),
            Port(settings.pbx_http_port, "pbx_http_port", "tcp"),
            Port(settings.rtp_start, "rtp_start", "udp", settings.asterisk_host),
        ),
        dialplans=DIALPLANS,
        generated=provision.GENERATED_FILES,
    )


class TelephonyStack:
    """`async with TelephonyStack(settings) as stack:` gives a running `stack.pbx`, and `stack.carrier` if simulated.

    With `keep_running` the processes stay when the block ends, so calls survive a restart of the program.
    """

    def __init__(self, settings: Settings, *, keep_running: bool = False) -> None:
        self.settings = settings
        self.install = ensure(settings)
        self.pbx = pbx_instance(self.install, settings)
        self.keep_running = keep_running
        self._carrier = (
            Carrier(self.install, settings, self.pbx.secrets["trunk_secret"]) if settings.simulated_carrier else None
        )

    @property
    def carrier(self) -> Carrier:
        """The simulated phone network; there is none when a real trunk is configured."""
        if self._carrier is None:
            raise LookupError("A real trunk is configured, so there is no simulated phone network.")
        return self._carrier

    def trunk(self) -> TrunkSpec:
        """The trunk that the settings ask for."""
        settings = self.settings
        simulated = self._carrier is not None
        return TrunkSpec(
            f"127.0.0.1:{settings.carrier_sip_port}" if simulated else settings.trunk_host,
            settings.trunk_user,
            settings.trunk_password,
            header_secret=self.pbx.secrets["trunk_secret"] if simulated else "",
            kind=kind_of(settings),
            others=tuple(one.strip() for one in settings.trunk_addresses.split(",") if one.strip()),
            domain=settings.trunk_domain,
            auth_user=settings.trunk_auth_user,
            inbound_user=settings.trunk_inbound_user,
            inbound_password=settings.trunk_inbound_password,
        )

    async def start(self) -> None:
        """Starts or adopts both; what this call itself started ends again when a later step fails."""
        started: list[Callable[[], Awaitable[None]]] = []
        try:
            if self._carrier is not None and not await self._carrier.start():
                started.append(self._carrier.stop)
            if not await self.pbx.start():
                started.append(self.pbx.stop)
            await provision.write_trunk(self.pbx, self.trunk())
        except BaseException:
            for stop in reversed(started):
                await stop()
            raise

    async def stop(self) -> None:
        await self.pbx.stop()
        if self._carrier is not None:
            await self._carrier.stop()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self.keep_running:
            await self.stop()
