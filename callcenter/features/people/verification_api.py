"""Real names: a code that an employee scans, or the operator's word (SPEC §A4.2, §A4.3, §B10.6).

The identity number is shown to the provider and to nobody else: it is neither stored nor logged.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Annotated, Any

import msgspec
from sqlalchemy import select

from callcenter.domain.identity_numbers import is_identity_number, plain_identity_number
from callcenter.domain.refusals import Refusal
from callcenter.features.people import verification_codes as codes
from callcenter.features.people.employees_api import PersonName, require_staff
from callcenter.features.people.verification_codes import CodeState, Holder
from callcenter.providers.real_names import MISMATCHED_NAME, RealNameProvider, provider_for
from callcenter.store.base import utcnow
from callcenter.store.people import is_staff, verify
from callcenter.store.tables.people import company, employee
from callcenter.web.access import Cause
from callcenter.web.kit import PUBLIC, Body, Context, Routes
from callcenter.web.peer import PEER
from callcenter.web.services import Services
from callcenter.web.throttle import Throttle

routes = Routes("verification")
log = logging.getLogger(__name__)

PAGE = "/verify"
"""The page that a scanned code opens. The token follows as the fragment, which browsers send to nobody."""
PROVIDER_SECONDS = 20
"""How long a provider may take."""
EVERYWHERE = {"all_companies": True}

Token = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class CodeShown(msgspec.Struct):
    """`link`: what the QR code says; it is told this once."""

    link: str
    expires_at: datetime
    simulated: bool


class CodeView(msgspec.Struct):
    """How far the employee has come. `state` null: no code was shown. `problem`: error code of the last check."""

    state: CodeState | None
    problem: str
    expires_at: datetime | None
    name: str
    verification: str


class Scanned(Body, kw_only=True):
    token: Token


class RealName(Body, kw_only=True):
    """`agreed`: to the check of name and number."""

    token: Token
    name: PersonName
    identity_number: Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
    agreed: bool


class Invitation(msgspec.Struct):
    """Who is asked for the real name, by whom, until when. `mismatched_name`: what the simulator says no to."""

    company: str
    name: str
    expires_at: datetime
    simulated: bool
    mismatched_name: str


class Verified(msgspec.Struct):
    name: str


# -- the administrator -------------------------------------------------------------------------------------------------


@routes.add(
    "POST",
    "/api/employees/{id}/verification-code",
    permission="employees.edit",
    data="company",
    summary="A code that the employee scans to verify the real name: ten minutes, one use; the older one ends",
    answers=CodeShown,
    status=201,
    errors=("not_found", "already_departed", "verification_unavailable"),
)
async def show(services: Services, context: Context) -> CodeShown:
    company_id, employee_id = context.company_id, context.params["id"]
    async with services.database.write() as connection:
        await require_staff(connection, company_id, employee_id)
        provider = _provider(services)
        made = await codes.issue(connection, company_id, employee_id, utcnow())
        me = context.me.employee_id
        await services.audit.write(connection, company_id, me, "verification.shown", str(employee_id), context.ip)
    peer = context.request[PEER]
    origin = services.settings.public_origin.rstrip("/") or f"{peer.scheme}://{peer.host}"
    return CodeShown(f"{origin}{PAGE}#{made.token}", made.expires_at, provider.simulated)


@routes.add(
    "GET",
    "/api/employees/{id}/verification-code",
    permission="employees.edit",
    data="company",
    summary="How far the employee has come with the code that was shown last",
    answers=CodeView,
    errors=("not_found",),
)
async def follow(services: Services, context: Context) -> CodeView:
    company_id, employee_id = context.company_id, context.params["id"]
    mine = (employee.c.company_id == company_id, employee.c.id == employee_id, is_staff())
    async with services.database.read() as connection:
        row = (await connection.execute(select(employee.c.name, employee.c.verification).where(*mine))).first()
        if row is None:
            raise Refusal("not_found")
        standing = await codes.standing_of(connection, company_id, employee_id, utcnow())
    if standing is None:
        return CodeView(None, "", None, row.name, row.verification)
    return CodeView(standing.state, standing.problem, standing.expires_at, row.name, row.verification)


# -- the employee, who need not be signed in ---------------------------------------------------------------------------


@routes.add(
    "POST",
    "/api/verification",
    permission=PUBLIC,
    data="none",
    summary="What a scanned code is for. The token is all the right there is; of every one that opens nothing the same"
    " is told",
    body=Scanned,
    answers=Invitation,
    errors=("verification_over", "too_many_codes"),
)
async def scanned(services: Services, context: Context) -> Invitation:
    given: Scanned = context.body
    holder, provider = await _holder(services, context, given.token)
    async with services.database.write() as connection:
        await codes.opened(connection, given.token, holder)
    return Invitation(
        holder.company_name,
        holder.name,
        holder.expires_at,
        provider.simulated,
        MISMATCHED_NAME if provider.simulated else "",
    )


@routes.add(
    "POST",
    "/api/verification/check",
    permission=PUBLIC,
    data="none",
    summary="The holder of a scanned code gives name and identity number; when they belong together, the employee is"
    " verified under that name",
    body=RealName,
    answers=Verified,
    errors=(
        "verification_over",
        "too_many_codes",
        "consent_missing",
        "identity_invalid",
        "identity_mismatch",
        "provider_unavailable",
    ),
)
async def check(services: Services, context: Context) -> Verified:
    given: RealName = context.body
    name, number, now = given.name.strip(), plain_identity_number(given.identity_number), utcnow()
    holder, provider = await _holder(services, context, given.token)
    _require_sound(given, name, number, now)
    async with services.database.write() as connection:
        if await codes.take_try(connection, given.token, now) is None:
            raise Refusal("verification_over")
    right = await _ask(services, provider, holder, given.token, name, number)
    used = await _answered(services, context, holder, given.token, name if right else "", provider.simulated)
    if not right:
        raise Refusal("identity_mismatch")
    if not used:
        raise Refusal("verification_over")
    await _tell(services, holder.company_id, holder.employee_id)
    return Verified(name)


async def _holder(services: Services, context: Context, token: str) -> tuple[Holder, RealNameProvider]:
    """Whom a token is for, and who checks; raises `verification_over`, and `too_many_codes` for who guesses on."""
    throttle = Throttle(services.database)
    await throttle.check_codes(context.ip)
    provider = provider_for(services.settings.real_name_provider)
    async with services.database.read() as connection:
        holder = await codes.holder_of(connection, token, utcnow())
    if holder is None or provider is None:
        await throttle.wrong_code(context.ip)
        raise Refusal("verification_over")
    return holder, provider


def _require_sound(given: RealName, name: str, number: str, now: datetime) -> None:
    """Whatever can be seen without a provider; it costs no try."""
    if not given.agreed:
        raise Refusal("consent_missing")
    if not name:
        raise Refusal("invalid", reason="a name is needed - at `$.name`")
    if not is_identity_number(number, now.date()):
        raise Refusal("identity_invalid")


async def _ask(
    services: Services, provider: RealNameProvider, holder: Holder, token: str, name: str, number: str
) -> bool:
    """Raises `provider_unavailable`, and the check was none. Of what went wrong nothing but its kind is logged, because
    the text of an error may hold what was asked."""
    try:
        async with asyncio.timeout(PROVIDER_SECONDS):
            return await provider.check(name, number)
    except Exception as error:
        log.error("the provider of real names gave no answer: %s", type(error).__name__)
    async with services.database.write() as connection:
        await codes.give_back(connection, token, holder)
    raise Refusal("provider_unavailable")


async def _answered(
    services: Services, context: Context, holder: Holder, token: str, real_name: str, simulated: bool
) -> bool:
    """Writes down what the provider said; a `real_name` of '' is no. False: the code was worth nothing any more."""
    company_id, employee_id = holder.company_id, holder.employee_id
    details: dict[str, Any] = {"simulated": simulated}
    async with services.database.write() as connection:
        if not real_name:
            await codes.refuse(connection, token, holder, "identity_mismatch")
            action = "verification.failed"
            details["reason"] = "identity_mismatch"
        elif await codes.use(connection, token, holder, real_name):
            action = "verification.passed"
            details["name"] = real_name
        else:
            return False
        await services.audit.write(connection, company_id, employee_id, action, str(employee_id), context.ip, **details)
    return True


# -- the operator ------------------------------------------------------------------------------------------------------


@routes.add(
    "POST",
    "/api/platform/employees/{id}/verify",
    permission="platform.manage",
    data="platform",
    summary="The operator has seen an employee's papers and vouches for the name, where no provider can be asked",
    status=204,
    errors=("not_found", "already_departed"),
)
async def vouch(services: Services, context: Context) -> None:
    employee_id, me = context.params["id"], context.me
    query = (
        select(employee.c.company_id, employee.c.name, company.c.name.label("company_name"))
        .join(company, company.c.id == employee.c.company_id)
        .where(employee.c.id == employee_id)
    )
    async with services.database.write() as connection:
        row = (await connection.execute(query.execution_options(**EVERYWHERE))).first()
        if row is None:
            raise Refusal("not_found")
        await require_staff(connection, row.company_id, employee_id)
        await verify(connection, row.company_id, employee_id)
        said = ("verification.vouched", str(employee_id))
        if row.company_id == me.company_id:
            await services.audit.write(connection, me.company_id, me.employee_id, *said, context.ip, name=row.name)
        else:
            # Its company reads that it was done, the operator who of its own people did it.
            await services.audit.write(connection, row.company_id, None, *said, name=row.name)
            told = {"name": row.name, "company": row.company_name}
            await services.audit.write(connection, me.company_id, me.employee_id, *said, context.ip, **told)
    await _tell(services, row.company_id, employee_id)


async def _tell(services: Services, company_id: int, employee_id: int) -> None:
    """The employee's pages and the engine learn of it: from now on the employee dials (SPEC §A4.3)."""
    await services.access.end(company_id, employee_id, Cause.RIGHTS_CHANGED)
    await services.telephony.changed()


def _provider(services: Services) -> RealNameProvider:
    found = provider_for(services.settings.real_name_provider)
    if found is None:
        raise Refusal("verification_unavailable")
    return found
