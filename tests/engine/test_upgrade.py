"""A database of the first release is brought up to date and its agents dial as before."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from sqlalchemy import select, text

from callcenter.store import migrate
from callcenter.store.database import Database
from callcenter.store.tables import company, seat

OLD_ROWS = """
insert into company (id, name, display_number, created_at) values
    (1, '甲', '02160000000', '2026-01-01 00:00:00.000000'), (2, '乙', '', '2026-01-01 00:00:00.000000');
insert into role (id, company_id, code, name_zh, name_en, permissions, scope) values
    (1, 1, 'agent', '坐席', 'Agent', '["calls.dial"]', 'self'), (2, 1, 'admin', '管理员', 'Admin', '[]', 'company');
insert into employee (id, company_id, role_id, login, name, password_hash, sip_secret, created_at) values
    (1, 1, 1, 'a', '甲一', 'x', 's', '2026-01-01 00:00:00.000000'),
    (2, 1, 2, 'b', '甲二', 'x', 's', '2026-01-01 00:00:00.000000'),
    (3, 1, 1, 'c', '甲三', 'x', 's', '2026-01-01 00:00:00.000000')
"""


async def test_agents_get_seats_and_the_display_number_goes_on_being_shown(tmp_path: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/old.db")
    async with database.write() as connection:
        await connection.run_sync(lambda sync: command.upgrade(migrate.config_for(sync), "0001"))
        for statement in OLD_ROWS.split(";"):
            await connection.execute(text(statement))
    await migrate.upgrade(database)
    async with database.read() as connection:
        seats = await connection.execute(select(seat.c.code, seat.c.employee_id).where(seat.c.company_id == 1))
        policies = await connection.execute(select(company.c.caller_id_policy).order_by(company.c.id))
        assert seats.all() == [("8001", 1), ("8002", 3)]
        assert list(policies.scalars()) == ["rotation", "bound"]
    await database.close()
