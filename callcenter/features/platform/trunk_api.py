"""How the installation stands with its carrier, for whoever answers for the settings."""

from __future__ import annotations

from datetime import datetime

import msgspec

from callcenter.domain.trunks import TrunkState
from callcenter.web.kit import Context, Routes
from callcenter.web.services import Services

routes = Routes("trunk")


class TrunkView(msgspec.Struct):
    """`code` is the carrier's answer (a SIP status) where it refused. Who operates the installation sees the rest."""

    state: TrunkState
    code: int | None
    since: datetime
    simulated: bool
    host: str | None
    account: str | None
    profile: str | None


@routes.add(
    "GET",
    "/api/trunk",
    permission="settings.edit",
    data="none",
    summary="Whether the carrier takes and sends calls, and why not",
    answers=TrunkView,
)
async def trunk(services: Services, context: Context) -> TrunkView:
    report = services.telephony.trunk_report()
    view = TrunkView(report.state, report.code, report.since, report.simulated, None, None, None)
    if not context.me.may("platform.manage"):
        return view
    settings = services.settings
    return msgspec.structs.replace(
        view, host=settings.trunk_host, account=settings.trunk_user, profile=settings.trunk_profile
    )
