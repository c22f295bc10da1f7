"""The operator's companies: who they are, what they have, opening one, checking and licensing it. Money in fen."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.refusals import Refusal
from callcenter.domain.time_zones import is_time_zone
from callcenter.features.money import wallet
from callcenter.features.people.companies import add_company
from callcenter.ledger.book import Kind
from callcenter.store.base import utcnow
from callcenter.store.people import is_staff
from callcenter.store.tables.books import account
from callcenter.store.tables.packages import voice_package
from callcenter.store.tables.people import company, employee, role
from callcenter.web.kit import Body, Context, Listing, Name, Paging, Routes, ShortText, whole
from callcenter.web.lists import aware
from callcenter.web.permissions import role_rows
from callcenter.web.services import Services

routes = Routes("platform")

EVERYWHERE = {"all_companies": True}
CALLS_PER_NUMBER = 20
"""Dials of one number a day that a new company starts with; its administrator may change it."""
Verification = Literal["unverified", "reviewing", "verified", "rejected"]
ScriptState = Literal["missing", "reviewing", "approved", "rejected"]
LicenceCount = Annotated[int, msgspec.Meta(ge=0, le=100_000)]
Login = Annotated[str, whole(r"[A-Za-z0-9._@+-]+", min_length=2, max_length=64)]


class CompanyView(msgspec.Struct):
    """`licences` null: no limit. `employees` that are not departed. `minutes_left` of packages that are valid now."""

    id: int
    name: str
    created_at: datetime
    verification: Verification
    script_state: ScriptState
    licences: int | None
    employees: int
    valid_until: datetime | None
    balance: int
    frozen: int
    points: int
    minutes_left: int
    premium_open: bool
    satellite_open: bool
    dialling_suspended: bool


class CompanyQuery(Paging, kw_only=True):
    q: ShortText = ""


class NewCompany(Body, kw_only=True):
    name: Name
    admin_login: Login
    admin_name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    licences: LicenceCount | None = None
    valid_until: datetime | None = None
    time_zone: Annotated[str, msgspec.Meta(max_length=64)] = "Asia/Shanghai"


class CompanyChange(Body, kw_only=True):
    verification: Verification | msgspec.UnsetType = msgspec.UNSET
    script_state: ScriptState | msgspec.UnsetType = msgspec.UNSET
    licences: LicenceCount | msgspec.UnsetType | None = msgspec.UNSET
    valid_until: datetime | msgspec.UnsetType | None = msgspec.UNSET
    name: Name | msgspec.UnsetType = msgspec.UNSET
    premium_open: bool | msgspec.UnsetType = msgspec.UNSET
    """Whether premium numbers may be called; satellite networks likewise. Nobody but the operator opens them."""
    satellite_open: bool | msgspec.UnsetType = msgspec.UNSET
    dialling_suspended: bool | msgspec.UnsetType = msgspec.UNSET
    """Whether nobody of the company may dial (SPEC §B3.5); running calls go on and callers still come in."""


class Opened(msgspec.Struct):
    """The administrator's password is shown this once."""

    company: CompanyView
    password: str


@routes.add(
    "GET",
    "/api/platform/companies",
    permission="platform.manage",
    data="platform",
    summary="All companies of the installation",
    query=CompanyQuery,
    answers=Listing[CompanyView],
)
async def listing(services: Services, context: Context) -> Listing[CompanyView]:
    wanted: CompanyQuery = context.query
    query = select(company)
    if wanted.q.strip():
        query = query.where(company.c.name.icontains(wanted.q.strip(), autoescape=True))
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        page = query.order_by(company.c.id).limit(wanted.page_size).offset(wanted.offset)
        items = await _views(connection, (await connection.execute(page)).all())
    return Listing(items, total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/platform/companies",
    permission="platform.manage",
    data="platform",
    summary="Open a company with its administrator; it is to be verified before it buys and dials",
    body=NewCompany,
    answers=Opened,
    status=201,
    errors=("login_taken", "name_taken", "invalid"),
)
async def create(services: Services, context: Context) -> Opened:
    given: NewCompany = context.body
    if not is_time_zone(given.time_zone):
        raise Refusal("invalid", reason="unknown time zone - at `$.time_zone`")
    password = secrets.token_urlsafe(9)
    hashed = await services.auth.hash(password)
    values = {
        "name": given.name,
        "time_zone": given.time_zone,
        "licences": given.licences,
        "valid_until": aware(given.valid_until) if given.valid_until is not None else None,
        "verification": "unverified",
        "script_state": "missing",
        "calls_per_number": CALLS_PER_NUMBER,
    }
    async with services.database.write() as connection:
        taken = select(employee.c.id).where(employee.c.login == given.admin_login)
        if (await connection.execute(taken.execution_options(**EVERYWHERE))).first() is not None:
            raise Refusal("login_taken")
        await _require_free_name(connection, given.name)
        company_id = await add_company(connection, values, role_rows(operates=False), utcnow())
        admin = select(role.c.id).where(role.c.company_id == company_id, role.c.code == "admin")
        await connection.execute(
            insert(employee).values(
                company_id=company_id,
                role_id=(await connection.execute(admin)).scalar_one(),
                login=given.admin_login,
                name=given.admin_name,
                password_hash=hashed,
                sip_secret=secrets.token_urlsafe(18),
                created_at=utcnow(),
            )
        )
        await _audit(services, connection, context, "company.opened", str(company_id), name=given.name)
    await services.telephony.changed()
    return Opened(await _one(services, company_id), password)


@routes.add(
    "PATCH",
    "/api/platform/companies/{id}",
    permission="platform.manage",
    data="platform",
    summary="Check a company, license it, set its validity or correct its name",
    body=CompanyChange,
    answers=CompanyView,
    errors=("not_found", "name_taken"),
)
async def change(services: Services, context: Context) -> CompanyView:
    given: CompanyChange = context.body
    company_id = context.params["id"]
    values = {key: value for key, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}
    if values.get("valid_until") is not None:
        values["valid_until"] = aware(values["valid_until"])
    async with services.database.write() as connection:
        row = (await connection.execute(select(company).where(company.c.id == company_id))).first()
        if row is None:
            raise Refusal("not_found")
        if values.get("name", row.name) != row.name:
            await _require_free_name(connection, values["name"])
        if values:
            await connection.execute(update(company).where(company.c.id == company_id).values(**values))
        shown = {key: msgspec.to_builtins(value) for key, value in values.items()}
        await _audit(services, connection, context, "company.changed", str(company_id), changes=shown)
    await services.telephony.changed()
    return await _one(services, company_id)


async def _require_free_name(connection: AsyncConnection, name: str) -> None:
    if (await connection.execute(select(company.c.id).where(company.c.name == name))).first() is not None:
        raise Refusal("name_taken")


async def _one(services: Services, company_id: int) -> CompanyView:
    async with services.database.read() as connection:
        rows = (await connection.execute(select(company).where(company.c.id == company_id))).all()
        return (await _views(connection, rows))[0]


async def _views(connection: AsyncConnection, rows: Any) -> list[CompanyView]:
    people = select(employee.c.company_id, func.count()).where(is_staff())
    now = utcnow()
    minutes = (
        select(account.c.company_id, func.sum(account.c.balance))
        .join(voice_package, voice_package.c.id == account.c.package_id)
        .where(account.c.kind.in_((Kind.AVAILABLE.value, Kind.RESERVED.value)))
        .where(voice_package.c.starts_at <= now, voice_package.c.expires_at > now)
    )
    employees = await _by_company(connection, people.group_by(employee.c.company_id))
    left = await _by_company(connection, minutes.group_by(account.c.company_id))
    money = await wallet.standings(connection)
    nothing = wallet.Standing(0, 0, 0, 0)
    return [
        CompanyView(
            row.id,
            row.name,
            row.created_at,
            row.verification,
            row.script_state,
            row.licences,
            employees.get(row.id, 0),
            row.valid_until,
            money.get(row.id, nothing).balance,
            money.get(row.id, nothing).frozen,
            money.get(row.id, nothing).points,
            left.get(row.id, 0),
            bool(row.premium_open),
            bool(row.satellite_open),
            bool(row.dialling_suspended),
        )
        for row in rows
    ]


async def _by_company(connection: AsyncConnection, query: Any) -> dict[int, int]:
    rows = (await connection.execute(query.execution_options(**EVERYWHERE))).all()
    return {company_id: int(number) for company_id, number in rows}


async def _audit(services: Services, connection: Any, context: Context, action: str, what: str, **details: Any) -> None:
    me = context.me
    await services.audit.write(connection, me.company_id, me.employee_id, action, what, context.ip, **details)
