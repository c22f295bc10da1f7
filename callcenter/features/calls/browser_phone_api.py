"""The browser phone: short-lived credentials and the SIP socket."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from aiohttp import web

from callcenter.domain.agents import endpoint_of
from callcenter.domain.commands import PhoneSeen
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Device
from callcenter.softphone.bridge import MAX_FRAME, UpstreamDown, bridge, open_upstream
from callcenter.store.base import utcnow
from callcenter.web.auth import session_token
from callcenter.web.kit import Context, Routes
from callcenter.web.services import Services
from callcenter.web.sockets import REPLACED

routes = Routes("softphone")

SIP_DOMAIN = "callcenter.invalid"


class SipCredentials(msgspec.Struct):
    uri: str
    username: str
    password: str
    ws_path: str
    expires_at: datetime
    ice_servers: list[str]


@routes.add(
    "POST",
    "/api/softphone/credentials",
    permission="calls.dial",
    data="own",
    summary="Fresh short-lived SIP credentials for my browser phone; the earlier ones end",
    answers=SipCredentials,
    errors=("phones_unavailable",),
)
async def credentials(services: Services, context: Context) -> SipCredentials:
    employee_id = context.me.employee_id
    password, life = await services.telephony.browser_credentials(employee_id)
    username = endpoint_of(employee_id, Device.BROWSER)
    return SipCredentials(
        uri=f"sip:{username}@{SIP_DOMAIN}",
        username=username,
        password=password,
        ws_path="/sip",
        expires_at=utcnow() + timedelta(seconds=life),
        ice_servers=[],
    )


@routes.add(
    "GET",
    "/sip",
    permission="calls.dial",
    data="own",
    summary="WebSocket (subprotocol sip) to the PBX, for my own browser phone only",
    errors=("phones_unavailable",),
    raw=True,
)
async def sip(services: Services, context: Context) -> web.StreamResponse:
    browser = web.WebSocketResponse(protocols=("sip",), heartbeat=25, max_msg_size=MAX_FRAME, compress=False)
    if not browser.can_prepare(context.request):
        raise Refusal("invalid", reason="a WebSocket handshake is needed")
    employee_id = context.me.employee_id
    with services.phones.opened(context.me) as held:
        # Entered first, looked at again after: an end of rights is either seen here or reaches `held`.
        identity = await services.auth.identify(session_token(context.request))
        if identity is None or not identity.may("calls.dial"):
            raise Refusal("not_signed_in")
        try:
            upstream = await open_upstream(services.sip_upstream)
        except UpstreamDown:
            raise Refusal("phones_unavailable") from None
        try:
            await browser.prepare(context.request)
        except BaseException:
            await upstream.close()
            raise
        await services.execute(PhoneSeen(context.company_id, employee_id, here=True))
        try:
            ended = await bridge(browser, upstream, endpoint_of(employee_id, Device.BROWSER), held.ended)
        finally:
            await services.execute(PhoneSeen(context.company_id, employee_id, here=False))
    if ended == "foreign_identity":
        await services.audit.add(context.company_id, employee_id, "softphone.foreign_identity", ip=context.ip)
        await browser.close(code=4403, message=b"foreign identity")
    elif ended == "revoked":
        reason = b"replaced by a newer page" if held.code == REPLACED else b"rights changed"
        await browser.close(code=held.code, message=reason)
    elif not browser.closed:
        await browser.close(code=1012, message=b"pbx gone")
    return browser
