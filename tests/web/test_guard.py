"""A query that forgets its company never reaches the database; who means all companies says so, and is listed here."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import bindparam, delete, false, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from callcenter.settings import PROJECT_ROOT
from callcenter.store.guard import TenantLeak
from callcenter.store.many import Many
from callcenter.store.tables.calls import call, call_waveform, leg
from callcenter.store.tables.people import employee, login_failure, role
from crm_bridge.customers.tables import customer, customer_number
from tests.web.support import Site

SPEAK_SQL = frozenset(f"callcenter/store/{one}.py" for one in ("database", "inline", "many"))
"""Pragmas and transactions; and statements that the guard has read before they became text."""
ALL_COMPANIES = {
    # Who signs in, and whose session a token is, is known only after the query.
    "callcenter/web/auth.py:sign_in",
    "callcenter/web/auth.py:_IDENTIFY",
    # What the last run left unfinished, of whichever company.
    "callcenter/features/tasks/importing.py:recover",
    # Logins and inbound numbers are unique on the whole platform.
    "callcenter/features/people/employees_api.py:create",
    "callcenter/features/inbound/inbound_numbers_api.py:create_number",
    "callcenter/features/numbers/outside_numbers_api.py:_taken",
    "callcenter/features/people/settings_api.py:_require_free_access",
    # The engine serves every company of its node.
    "callcenter/engine/directory.py:read_directory",
    "callcenter/engine/writer.py:open_calls",
    "callcenter/engine/writer.py:agent_states",
    "callcenter/engine/directory.py:_seats",
    "callcenter/engine/directory.py:_inbound",
    "callcenter/store/own_numbers.py:owned_by_all",
    "callcenter/store/own_numbers.py:answered_by_all",
    # A scanned code is all that is known of its holder.
    "callcenter/features/people/verification_codes.py:holder_of",
    # Accesses end by themselves, whoever's they are; a phone's secret lives as long as its session.
    "callcenter/web/access.py:sweep",
    "callcenter/provisioning/keeper.py:_tidy_credentials",
    # A number belongs to one company of the platform, and the operator decides whose it is.
    "callcenter/features/numbers/number_claims_api.py:_decide",
    "callcenter/features/numbers/number_claims_api.py:_require_free",
    "callcenter/engine/directory.py:_indebted",
    "callcenter/engine/inbound/waiting.py:load",
    "callcenter/engine/inbound/callback_store.py:open_requests",
    "callcenter/provisioning/keeper.py:_prompts",
    "callcenter/engine/leftovers.py:_UNCHARGED",
    "callcenter/engine/leftovers.py:_HELD",
    # Asterisk's records say which call, and the call says which company.
    "callcenter/ledger/witness.py:_ANSWERED",
    "callcenter/ledger/charging.py:_PAYERS",
    "callcenter/ledger/charging.py:_PARTS",
    "callcenter/ledger/finishing.py:_CALLS",
    "callcenter/ledger/finishing.py:_CHARGED",
    "callcenter/ledger/finishing.py:_found_call",
    # Hands the word of its caller on.
    "callcenter/store/many.py:__init__",
    # Recordings are worked on in order, whoever they belong to.
    "callcenter/recording/worker.py:work",
    "callcenter/recording/worker.py:_states",
    "callcenter/recording/voicemail.py:_call",
    # What was sold to anybody keeps its terms; a coupon may be anybody's.
    "callcenter/features/packages/catalogue.py:_sold",
    "callcenter/features/packages/catalogue.py:find_coupon",
    "callcenter/features/packages/catalogue.py:use_coupon",
    # The platform's operator sees every company.
    "callcenter/features/platform/offerings_api.py:coupons",
    "callcenter/features/platform/offerings_api.py:make_coupon",
    "callcenter/web/lists.py:page_of",
    "callcenter/features/money/wallet.py:standings",
    "callcenter/features/money/recharges.py:review",
    "callcenter/features/money/recharges.py:settle_stray",
    "callcenter/features/platform/stray_payments_api.py:_settle",
    "callcenter/features/money/invoices.py:answer",
    "callcenter/features/numbers/direct_numbers.py:_open",
    "callcenter/features/numbers/direct_numbers.py:review_leave",
    "callcenter/features/platform/companies_api.py:create",
    "callcenter/features/platform/companies_api.py:_by_company",
    "callcenter/features/people/verification_api.py:vouch",
    "callcenter/features/platform/money_api.py:review",
    "callcenter/features/platform/money_api.py:answer",
    "callcenter/features/platform/money_api.py:_one",
    "callcenter/features/platform/numbers_api.py:review_leave",
    "callcenter/features/platform/numbers_api.py:_one_application",
    # A pay code says which company it belongs to; numbers and identity cards are counted on the whole platform.
    "callcenter/features/money/recharges.py:of_code",
    "callcenter/features/numbers/direct_numbers.py:dispatch",
    "callcenter/features/numbers/direct_numbers.py:activate",
    # Time passes for every company.
    "callcenter/features/numbers/number_fees.py:_numbers",
    "callcenter/features/numbers/direct_numbers.py:retire_due",
    "callcenter/features/money/recharges.py:void_unpaid",
    "callcenter/features/packages/reminders.py:_companies",
    # Whoever has a notice is told, of whichever company.
    "callcenter/features/notices/push.py:begin",
    "callcenter/features/notices/push.py:step",
    "callcenter/ledger/packages.py:expire",
}
"""Every place that reads or changes rows of all companies. A new one is a decision: add it with its reason."""

OWN = 1
OTHER = call.alias("other")
LEAKS: dict[str, Callable[[], Any]] = {
    "select": lambda: select(call),
    "one by its key": lambda: select(call).where(call.c.id == "own-agent-call"),
    "columns only": lambda: select(call.c.id, call.c.note),
    "aggregate": lambda: select(func.count()).select_from(call),
    "join by key": lambda: select(call.c.id).join(employee, employee.c.id == call.c.employee_id),
    "outer join": lambda: select(employee.c.id).outerjoin(role, role.c.id == employee.c.role_id),
    "alias": lambda: select(call.alias("other")),
    "subquery": lambda: select(func.count()).select_from(select(call).subquery()),
    "scalar subquery": lambda: select(select(func.count()).select_from(call).scalar_subquery()),
    "common table expression": lambda: select(select(call.c.id).cte()),
    "the company named in the inner select only": lambda: select(leg).where(leg.c.call_id.in_(select(call.c.id))),
    "exists": lambda: select(employee.c.id).where(
        employee.c.company_id == OWN, select(call.c.id).where(call.c.employee_id == employee.c.id).exists()
    ),
    "union": lambda: select(call.c.id).where(call.c.company_id == OWN).union_all(select(leg.c.id)),
    "side by side": lambda: select(call.c.id, leg.c.id).where(call.c.company_id == OWN),
    "equal to itself": lambda: select(call).where(call.c.company_id == call.c.company_id),
    "is not null": lambda: select(call).where(call.c.company_id.is_not(None)),
    "or": lambda: select(call).where((call.c.company_id == OWN) | (call.c.id == "x")),
    "not": lambda: select(call).where(~(call.c.company_id == OWN)),
    "only the inner select is scoped": lambda: select(leg).where(
        leg.c.call_id.in_(select(call.c.id).where(call.c.company_id == OWN))
    ),
    "update scoped in its subquery only": lambda: (
        update(leg).where(leg.c.call_id.in_(select(call.c.id).where(call.c.company_id == OWN))).values(number="x")
    ),
    "update": lambda: update(call).values(note="x"),
    "update by key": lambda: update(call).where(call.c.id == "foreign-agent-call").values(note="x"),
    "no row in the subquery only": lambda: select(call).where(
        call.c.employee_id.not_in(select(employee.c.id).where(false()))
    ),
    "no row on one side": lambda: select(call).where(or_(call.c.company_id == OWN, ~false())),
    "delete": lambda: delete(customer_number),
    "delete by key": lambda: delete(customer).where(customer.c.id == 1),
    "order and limit": lambda: select(call).order_by(call.c.company_id).limit(1),
    "company only among the columns": lambda: select(call.c.company_id, func.count()).group_by(call.c.company_id),
}

SCOPED: dict[str, Callable[[], Any]] = {
    "select": lambda: select(call).where(call.c.company_id == OWN),
    "join, the one side named": lambda: (
        select(call.c.id).join(employee, employee.c.id == call.c.employee_id).where(call.c.company_id == OWN)
    ),
    "named in the join": lambda: select(call.c.id).join(
        employee, (employee.c.id == call.c.employee_id) & (employee.c.company_id == OWN)
    ),
    "alias": lambda: select(OTHER).where(OTHER.c.company_id == OWN),
    "counted subquery": lambda: select(func.count()).select_from(
        select(call).where(call.c.company_id == OWN).subquery()
    ),
    "no company's table": lambda: select(login_failure),
    "no row at all": lambda: select(func.count()).select_from(
        select(call.c.id)
        .join(employee, employee.c.id == call.c.employee_id)
        .where(call.c.company_id == OWN, false())
        .subquery()
    ),
    "update of no row": lambda: update(call).where(call.c.company_id == OWN).where(false()).values(note="x"),
    "delete of no row": lambda: delete(call_waveform).where(false()),
    "update": lambda: update(call).where(call.c.company_id == OWN, call.c.id == "none").values(note="x"),
    "delete": lambda: delete(call_waveform).where(call_waveform.c.company_id == OWN, call_waveform.c.call_id == "none"),
}


@pytest.mark.parametrize("make", LEAKS.values(), ids=LEAKS)
@pytest.mark.filterwarnings("ignore::sqlalchemy.exc.SAWarning")
async def test_a_query_that_forgets_the_company_is_refused(site: Site, make: Callable[[], Any]) -> None:
    # Twice: what was refused once must not pass as known.
    for _ in range(2):
        async with site.database.write() as connection:
            with pytest.raises(TenantLeak, match="company_id"):
                await connection.execute(make())


@pytest.mark.parametrize("make", SCOPED.values(), ids=SCOPED)
async def test_a_query_that_names_the_company_passes(site: Site, make: Callable[[], Any]) -> None:
    async with site.database.write() as connection:
        for _ in range(2):
            await connection.execute(make())


@pytest.mark.parametrize("make", [LEAKS["select"], LEAKS["update"], LEAKS["delete by key"], LEAKS["join by key"]])
async def test_all_companies_passes_when_it_is_said(site: Site, make: Callable[[], Any]) -> None:
    async with site.database.write() as connection:
        await connection.execute(make().execution_options(all_companies=True))
        with pytest.raises(TenantLeak):
            await connection.execute(make())


async def test_an_insert_without_a_company_is_refused_by_the_database(site: Site) -> None:
    async with site.database.write() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(insert(call_waveform).values(call_id="own-agent-call-2", body={}))


def places() -> set[str]:
    """`file:function` of every use of the option, by name or by the constant that holds it."""
    found: set[str] = set()
    for folder in ("callcenter", "crm_bridge"):
        for path in (PROJECT_ROOT / folder).rglob("*.py"):
            if path.name == "guard.py":
                continue
            tree = ast.parse(path.read_text("utf-8"))
            name = path.relative_to(PROJECT_ROOT)
            for function in ast.walk(tree):
                named = isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
                if named and any(_says_all(node) for node in ast.walk(function)):
                    found.add(f"{name}:{function.name}")  # type: ignore[attr-defined]
            for statement in tree.body:
                if isinstance(statement, ast.Assign) and any(_says_all(node) for node in ast.walk(statement)):
                    found |= {f"{name}:{target.id}" for target in statement.targets if isinstance(target, ast.Name)}
    return found


def _says_all(node: ast.AST) -> bool:
    if not isinstance(node, ast.keyword):
        return False
    return node.arg == "all_companies" or (
        node.arg is None and isinstance(node.value, ast.Name) and node.value.id.lstrip("_") == "EVERYWHERE"
    )


def test_every_place_that_reaches_across_companies_is_known() -> None:
    assert places() == ALL_COMPANIES


def test_the_guard_is_never_switched_off() -> None:
    """And nobody hands SQL as text to the database, which the guard cannot read."""
    for folder in ("callcenter", "crm_bridge"):
        for path in (PROJECT_ROOT / folder).rglob("*.py"):
            name = str(path.relative_to(PROJECT_ROOT))
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sqlalchemy"):
                    assert not {one.name for one in node.names} & {"text", "TextClause"}, name
                if isinstance(node, ast.Call):
                    assert not any(one.arg == "guard" for one in node.keywords), name
                if isinstance(node, ast.Attribute) and node.attr == "exec_driver_sql":
                    assert name in SPEAK_SQL, name


def test_a_statement_for_many_rows_is_looked_at_when_it_is_made() -> None:
    everybody = update(call).where(call.c.id == bindparam("one")).values(flag=bindparam("to_flag"))
    with pytest.raises(TenantLeak):
        Many(everybody, ["one", "to_flag"])
    Many(everybody.where(call.c.company_id == bindparam("company")), ["one", "to_flag", "company"])
