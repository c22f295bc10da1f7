"""Employees: accounts, roles, phones (O-05)."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from callcenter.domain.agents import endpoint_of
from callcenter.domain.refusals import Refusal
from callcenter.domain.terms import Device
from callcenter.features.money import licences
from callcenter.features.numbers.seats_api import SeatBrief, give_seat, seats_of
from callcenter.features.people.departments_api import require_department
from callcenter.features.people.superiors import require_superior
from callcenter.ledger.packages import Packages
from callcenter.store.base import utcnow
from callcenter.store.people import DEPARTED, UNVERIFIED, is_listed
from callcenter.store.tables.inbound import agent_group, group_member
from callcenter.store.tables.people import department, employee, role
from callcenter.web.access import Cause
from callcenter.web.auth import check_strength
from callcenter.web.kit import Body, Context, Id, Listing, Paging, Routes, ShortText, whole
from callcenter.web.lists import Named
from callcenter.web.services import Services

routes = Routes("employees")

Login = Annotated[str, whole(r"[A-Za-z0-9._@+-]+", min_length=2, max_length=64)]
PersonName = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Phone = Annotated[str, msgspec.Meta(max_length=32)]
GroupIds = Annotated[list[Id], msgspec.Meta(max_length=200)]


class RoleView(msgspec.Struct):
    code: str
    name_zh: str
    name_en: str
    scope: str
    permissions: list[str]


class RoleBrief(msgspec.Struct):
    code: str
    name_zh: str
    name_en: str


class EmployeeView(msgspec.Struct):
    id: int
    login: str
    name: str
    phone: str
    department: Named | None
    superior: Named | None
    role: RoleBrief
    account_state: Literal["active", "disabled", "departed"]
    verification: Literal["unverified", "verified"]
    can_dial: bool
    device: Device
    extension: str
    groups: list[Named]
    seat: SeatBrief | None
    minutes_left: int
    created_at: datetime


class EmployeeQuery(Paging, kw_only=True):
    q: ShortText = ""
    department_id: Id | None = None
    state: Literal["active", "disabled", "departed"] | None = None


class NewEmployee(Body, kw_only=True):
    login: Login
    name: PersonName
    password: Password
    role: ShortText
    department_id: Id | None = None
    superior_id: Id | None = None
    phone: Phone = ""
    group_ids: GroupIds = msgspec.field(default_factory=list)
    seat_id: Id | None = None
    """A free seat (SPEC §B8.12)."""


class EmployeeChange(Body, kw_only=True):
    name: PersonName | msgspec.UnsetType = msgspec.UNSET
    phone: Phone | msgspec.UnsetType = msgspec.UNSET
    department_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    superior_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    role: ShortText | msgspec.UnsetType = msgspec.UNSET
    group_ids: GroupIds | msgspec.UnsetType = msgspec.UNSET
    seat_id: Id | msgspec.UnsetType | None = msgspec.UNSET
    """A free seat, or null: none. The seat the employee had becomes free."""
    account_state: Literal["active", "disabled"] | msgspec.UnsetType = msgspec.UNSET
    verification: Literal["unverified"] | msgspec.UnsetType = msgspec.UNSET
    """Takes the verified real name away: without it nobody dials, and no package is bought for them (SPEC §A4.3). It is
    given by a scanned code or by the operator (`verification_api.py`), never here. Another phone has to be verified
    anew (§B10.5d)."""


class PasswordReset(Body):
    password: Password


class SipAccount(msgspec.Struct):
    server: str
    port: int
    transport: str
    username: str
    password: str


@routes.add(
    "GET",
    "/api/employees",
    permission="employees.view",
    data="scoped",
    summary="Employees in my data scope",
    query=EmployeeQuery,
    answers=Listing[EmployeeView],
)
async def employees(services: Services, context: Context) -> Listing[EmployeeView]:
    wanted: EmployeeQuery = context.query
    query = _base(context.company_id)
    if context.me.visible is not None:
        query = query.where(employee.c.id.in_(context.me.visible))
    if wanted.q.strip():
        text = wanted.q.strip()
        columns = (employee.c.name, employee.c.login, employee.c.phone)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    if wanted.department_id is not None:
        query = query.where(employee.c.department_id == wanted.department_id)
    if wanted.state is not None:
        query = query.where(employee.c.account_state == wanted.state)
    async with services.database.read() as connection:
        total = (await connection.execute(select(func.count()).select_from(query.subquery()))).scalar_one()
        page = query.order_by(employee.c.id).limit(wanted.page_size).offset(wanted.offset)
        rows = (await connection.execute(page)).all()
        items = await _views(services, connection, context.company_id, rows)
    return Listing(items, total, wanted.page, wanted.page_size)


@routes.add(
    "POST",
    "/api/employees",
    permission="employees.edit",
    data="company",
    summary="Add an employee; unverified at first (SPEC §A4.2)",
    body=NewEmployee,
    answers=EmployeeView,
    status=201,
    errors=(
        "login_taken",
        "role_unknown",
        "department_unknown",
        "superior_unknown",
        "group_unknown",
        "password_weak",
        "seat_unknown",
        "seat_assigned",
        "licences_used_up",
    ),
)
async def create(services: Services, context: Context) -> EmployeeView:
    given: NewEmployee = context.body
    company_id = context.company_id
    check_strength(given.password, given.login)
    hashed = await services.auth.hash(given.password)
    async with services.database.write() as connection:
        taken = select(employee.c.id).where(employee.c.login == given.login)
        if (await connection.execute(taken.execution_options(all_companies=True))).first():
            raise Refusal("login_taken")
        await require_department(connection, company_id, given.department_id)
        await require_superior(connection, company_id, None, given.superior_id)
        role_id = await _role_id(connection, company_id, given.role)
        licensed = await licences.used(connection, company_id)
        row = await connection.execute(
            insert(employee)
            .values(
                company_id=company_id,
                department_id=given.department_id,
                superior_id=given.superior_id,
                role_id=role_id,
                login=given.login,
                name=given.name,
                phone=given.phone,
                password_hash=hashed,
                sip_secret=secrets.token_urlsafe(18),
                created_at=utcnow(),
            )
            .returning(employee.c.id)
        )
        made = row.scalar_one()
        await licences.keep_within(connection, company_id, licensed)
        await _set_groups(connection, company_id, made, given.group_ids)
        if given.seat_id is not None:
            await give_seat(connection, company_id, made, given.seat_id)
    await services.audit.add(company_id, context.me.employee_id, "employee.created", str(made), context.ip)
    await services.telephony.changed()
    return await _one(services, company_id, made)


@routes.add(
    "PATCH",
    "/api/employees/{id}",
    permission="employees.edit",
    data="company",
    summary="Change an employee; disabling ends sessions and phones at once",
    body=EmployeeChange,
    answers=EmployeeView,
    errors=(
        "not_found",
        "already_departed",
        "role_unknown",
        "department_unknown",
        "superior_unknown",
        "superior_loop",
        "group_unknown",
        "own_account",
        "seat_unknown",
        "seat_assigned",
        "licences_used_up",
    ),
)
async def change(services: Services, context: Context) -> EmployeeView:
    given: EmployeeChange = context.body
    company_id, employee_id = context.company_id, context.params["id"]
    values = {key: value for key, value in msgspec.structs.asdict(given).items() if value is not msgspec.UNSET}
    if employee_id == context.me.employee_id and values.get("account_state", "active") != "active":
        raise Refusal("own_account")
    group_ids = values.pop("group_ids", None)
    may_dial = True
    changed = sorted(values) + (["groups"] if group_ids is not None else [])
    seat_id = values.pop("seat_id", msgspec.UNSET)
    async with services.database.write() as connection:
        await require_staff(connection, company_id, employee_id)
        await require_department(connection, company_id, values.get("department_id"))
        await require_superior(connection, company_id, employee_id, values.get("superior_id"))
        if "role" in values:
            values["role_id"] = await _role_id(connection, company_id, values.pop("role"))
            held = select(role.c.permissions).where(role.c.company_id == company_id, role.c.id == values["role_id"])
            may_dial = "calls.dial" in (await connection.execute(held)).scalar_one()
        if "phone" in values and await _phone_differs(connection, company_id, employee_id, values["phone"]):
            values["verification"] = UNVERIFIED
        if values:
            licensed = await licences.used(connection, company_id)
            await connection.execute(
                update(employee)
                .where(employee.c.company_id == company_id, employee.c.id == employee_id)
                .values(**values)
            )
            # Whoever is no administrator any more needs a licence (SPEC §A4.1).
            await licences.keep_within(connection, company_id, licensed)
        if group_ids is not None:
            await _set_groups(connection, company_id, employee_id, group_ids)
        if seat_id is not msgspec.UNSET:
            await give_seat(connection, company_id, employee_id, seat_id)
    state = values.get("account_state", "active")
    cause = Cause.DISABLED if state == "disabled" else Cause.RIGHTS_CHANGED
    if cause is Cause.RIGHTS_CHANGED and not may_dial:
        cause = Cause.DIALLING_TAKEN
    await services.access.end(company_id, employee_id, cause)
    await services.audit.add(
        company_id, context.me.employee_id, "employee.changed", str(employee_id), context.ip, fields=changed
    )
    await services.telephony.changed()
    if values.keys() & {"department_id", "superior_id", "role_id", "account_state"}:
        services.hub.drop_scoped(company_id)
    return await _one(services, company_id, employee_id)


@routes.add(
    "POST",
    "/api/employees/{id}/password",
    permission="employees.edit",
    data="company",
    summary="Set a new password; the employee's sessions end",
    body=PasswordReset,
    status=204,
    errors=("not_found", "already_departed", "password_weak"),
)
async def reset_password(services: Services, context: Context) -> None:
    given: PasswordReset = context.body
    company_id, employee_id = context.company_id, context.params["id"]
    async with services.database.read() as connection:
        await require_staff(connection, company_id, employee_id)
        query = select(employee.c.login).where(employee.c.company_id == company_id, employee.c.id == employee_id)
        login = (await connection.execute(query)).scalar_one()
    check_strength(given.password, login)
    hashed = await services.auth.hash(given.password)
    async with services.database.write() as connection:
        await connection.execute(
            update(employee)
            .where(employee.c.company_id == company_id, employee.c.id == employee_id)
            .values(password_hash=hashed)
        )
    await services.access.end(company_id, employee_id, Cause.PASSWORD_RESET)
    await services.audit.add(company_id, context.me.employee_id, "password.reset", str(employee_id), context.ip)
    await services.telephony.changed()


@routes.add(
    "GET",
    "/api/employees/{id}/sip",
    permission="employees.edit",
    data="company",
    summary="Account data for an employee's SIP phone; every look is audited",
    answers=SipAccount,
    errors=("not_found", "already_departed"),
)
async def sip_account(services: Services, context: Context) -> SipAccount:
    account = await _sip_account(services, context)
    await services.audit.add(
        context.company_id, context.me.employee_id, "sip_account.shown", str(context.params["id"]), context.ip
    )
    return account


@routes.add(
    "POST",
    "/api/employees/{id}/sip/renew",
    permission="employees.edit",
    data="company",
    summary="A new password for an employee's SIP phone; the phone has to be set up with it after the running call",
    answers=SipAccount,
    errors=("not_found", "already_departed"),
)
async def renew_sip_account(services: Services, context: Context) -> SipAccount:
    company_id, employee_id = context.company_id, context.params["id"]
    async with services.database.read() as connection:
        await require_staff(connection, company_id, employee_id)
    await services.access.end(company_id, employee_id, Cause.SECRET_RENEWED)
    await services.audit.add(company_id, context.me.employee_id, "sip_account.renewed", str(employee_id), context.ip)
    await services.telephony.changed()
    return await _sip_account(services, context)


async def _sip_account(services: Services, context: Context) -> SipAccount:
    company_id, employee_id = context.company_id, context.params["id"]
    query = select(employee.c.sip_secret).where(employee.c.company_id == company_id, employee.c.id == employee_id)
    async with services.database.read() as connection:
        await require_staff(connection, company_id, employee_id)
        secret = (await connection.execute(query)).scalar_one()
    host, port = services.telephony.phone_server()
    return SipAccount(host, port, "udp", endpoint_of(employee_id, Device.SIP), secret)


@routes.add(
    "GET",
    "/api/roles",
    permission="employees.view",
    data="company",
    summary="Roles of the company",
    answers=list[RoleView],
)
async def roles(services: Services, context: Context) -> list[RoleView]:
    query = select(role).where(role.c.company_id == context.company_id).order_by(role.c.id)
    async with services.database.read() as connection:
        return [
            RoleView(row.code, row.name_zh, row.name_en, row.scope, list(row.permissions))
            for row in (await connection.execute(query)).all()
        ]


def _base(company_id: int) -> Any:
    superior = employee.alias("superior")
    return (
        select(
            employee,
            department.c.name.label("department_name"),
            superior.c.name.label("superior_name"),
            role.c.code.label("role_code"),
            role.c.name_zh,
            role.c.name_en,
            role.c.permissions,
        )
        .join(role, role.c.id == employee.c.role_id)
        .outerjoin(department, department.c.id == employee.c.department_id)
        .outerjoin(superior, (superior.c.company_id == company_id) & (superior.c.id == employee.c.superior_id))
        .where(employee.c.company_id == company_id, is_listed())
    )


async def _require(connection: AsyncConnection, company_id: int, employee_id: int) -> str:
    """The account's state; `not_found` for an employee who is not the company's, or deleted."""
    query = select(employee.c.account_state).where(employee.c.company_id == company_id, employee.c.id == employee_id)
    state: str | None = (await connection.execute(query.where(is_listed()))).scalar()
    if state is None:
        raise Refusal("not_found")
    return state


async def require_staff(connection: AsyncConnection, company_id: int, employee_id: int) -> None:
    """A departure is final: nothing of that account changes any more (SPEC §A4.4)."""
    if await _require(connection, company_id, employee_id) == DEPARTED:
        raise Refusal("already_departed")


async def _role_id(connection: AsyncConnection, company_id: int, code: str) -> int:
    query = select(role.c.id).where(role.c.company_id == company_id, role.c.code == code)
    found: int | None = (await connection.execute(query)).scalar()
    if found is None:
        raise Refusal("role_unknown")
    return found


async def _set_groups(connection: AsyncConnection, company_id: int, employee_id: int, group_ids: list[int]) -> None:
    wanted = sorted(set(group_ids))
    known = select(agent_group.c.id).where(agent_group.c.company_id == company_id, agent_group.c.id.in_(wanted))
    if len((await connection.execute(known)).all()) != len(wanted):
        raise Refusal("group_unknown")
    await connection.execute(
        delete(group_member).where(group_member.c.company_id == company_id, group_member.c.employee_id == employee_id)
    )
    if wanted:
        await connection.execute(
            insert(group_member),
            [{"company_id": company_id, "group_id": one, "employee_id": employee_id} for one in wanted],
        )


async def _phone_differs(connection: AsyncConnection, company_id: int, employee_id: int, phone: str) -> bool:
    """Whether the employee had another phone before; a first one is no change."""
    query = select(employee.c.phone).where(employee.c.company_id == company_id, employee.c.id == employee_id)
    before = (await connection.execute(query)).scalar_one()
    return bool(before) and before != phone


async def _views(services: Services, connection: AsyncConnection, company_id: int, rows: Any) -> list[EmployeeView]:
    groups = (
        select(group_member.c.employee_id, agent_group.c.id, agent_group.c.name)
        .join(agent_group, agent_group.c.id == group_member.c.group_id)
        .where(group_member.c.company_id == company_id, group_member.c.employee_id.in_([row.id for row in rows]))
        .order_by(agent_group.c.id)
    )
    groups_of: dict[int, list[Named]] = {}
    for row in (await connection.execute(groups)).all():
        groups_of.setdefault(row.employee_id, []).append(Named(row.id, row.name))
    minutes = await services.port(Packages).minutes_left(company_id, utcnow())
    seats = await seats_of(connection, company_id, [row.id for row in rows])
    return [
        EmployeeView(
            id=row.id,
            login=row.login,
            name=row.name,
            phone=row.phone,
            department=Named(row.department_id, row.department_name) if row.department_name else None,
            superior=Named(row.superior_id, row.superior_name) if row.superior_name else None,
            role=RoleBrief(row.role_code, row.name_zh, row.name_en),
            account_state=row.account_state,
            verification=row.verification,
            can_dial="calls.dial" in row.permissions,
            device=row.device,
            extension=endpoint_of(row.id, Device(row.device)),
            groups=groups_of.get(row.id, []),
            seat=seats.get(row.id),
            minutes_left=minutes.get(row.id, 0),
            created_at=row.created_at,
        )
        for row in rows
    ]


async def _one(services: Services, company_id: int, employee_id: int) -> EmployeeView:
    async with services.database.read() as connection:
        rows = (await connection.execute(_base(company_id).where(employee.c.id == employee_id))).all()
        return (await _views(services, connection, company_id, rows))[0]
