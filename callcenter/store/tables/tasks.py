"""The tables of dial tasks: a task, who shares it, what was imported, and its numbers.

Which numbers have been dialled stands in no table of its own: it follows from the calls (`store/dialled.py`).
"""

from __future__ import annotations

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, UniqueConstraint

from callcenter.store.base import BigId, UtcDateTime, company_column, metadata
from callcenter.store.searching import key_of

dial_task = Table(
    "dial_task",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("name", String(100), nullable=False),
    Column("state", String(12), nullable=False, server_default="normal"),
    Column("secret", Boolean, nullable=False, server_default="0"),
    Column("claim", String(10), nullable=False),
    Column("rule", String(16), nullable=True),
    Column("encrypted", Boolean, nullable=False, server_default="0"),
    # Who is rung first when its numbers are dialled; without one the seat says.
    Column("leg_order", String(16), nullable=True),
    Column("creator_id", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    # Calls go on naming the task, so it is never really deleted.
    Column("deleted_at", UtcDateTime, nullable=True),
    Index("ix_dial_task_company_creator", "company_id", "creator_id"),
)

dial_task_share = Table(
    "dial_task_share",
    metadata,
    Column("task_id", ForeignKey("dial_task.id"), primary_key=True),
    Column("employee_id", Integer, primary_key=True),
    company_column(),
    Column("place", Integer, nullable=False),
    Column("percent", Integer, nullable=True),
)

dial_task_import = Table(
    "dial_task_import",
    metadata,
    Column("id", Integer, primary_key=True),
    company_column(),
    Column("task_id", ForeignKey("dial_task.id"), nullable=False, index=True),
    Column("file_name", String(200), nullable=False),
    Column("state", String(8), nullable=False, server_default="running"),
    Column("total", Integer, nullable=False, server_default="0"),
    Column("success", Integer, nullable=False, server_default="0"),
    Column("duplicate_system", Integer, nullable=False, server_default="0"),
    Column("duplicate_file", Integer, nullable=False, server_default="0"),
    Column("format_error", Integer, nullable=False, server_default="0"),
    Column("blacklist", Integer, nullable=False, server_default="0"),
    # Rows that are no numbers, such as those above the header; `notes` has the words on them.
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("notes", JSON, nullable=False, server_default="[]"),
    Column("reasons", JSON, nullable=False, server_default="{}"),
    # Why it failed as a whole, as a code.
    Column("reason", String(40), nullable=False, server_default=""),
    Column("operator_id", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime, nullable=True),
)

dial_task_failed_row = Table(
    "dial_task_failed_row",
    metadata,
    Column("id", BigId, primary_key=True),
    company_column(),
    Column("import_id", ForeignKey("dial_task_import.id"), nullable=False, index=True),
    Column("line", Integer, nullable=False),
    Column("kind", String(16), nullable=False),
    # Of a row that cannot be imported as it is, as a code.
    Column("reason", String(40), nullable=False, server_default=""),
    Column("sheet", String(100), nullable=False, server_default=""),
    # As long as somebody made them: that may be the reason.
    Column("number", Text, nullable=False),
    Column("name", Text, nullable=False, server_default=""),
    Column("company", Text, nullable=False, server_default=""),
    Column("remark", Text, nullable=False, server_default=""),
)

dial_task_number = Table(
    "dial_task_number",
    metadata,
    Column("id", Integer, primary_key=True),
    # Without an index of its own: those below begin with it, and a file of numbers has to write each of them.
    Column("company_id", ForeignKey("company.id"), nullable=False),
    Column("task_id", ForeignKey("dial_task.id"), nullable=False),
    Column("import_id", Integer, nullable=False),
    Column("number", String(32), nullable=False),
    Column("extension", String(8), nullable=False, server_default=""),
    Column("name", String(100), nullable=False, server_default=""),
    Column("company", String(200), nullable=False, server_default=""),
    Column("search_key", String(200), nullable=False, default=key_of("name", "company"), server_default=""),
    Column("remark", String(4000), nullable=False, server_default=""),
    Column("assignee_id", Integer, nullable=True),
    Column("assigned_at", UtcDateTime, nullable=True),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("task_id", "number"),
    # For imports, which ask whether the company has a number already.
    Index("ix_dial_task_number_company_number", "company_id", "number"),
    # For the list of a task in its order; for claims and counts; for what an employee has to dial.
    Index("ix_dial_task_number_task", "company_id", "task_id", "id"),
    Index("ix_dial_task_number_task_assignee", "company_id", "task_id", "assignee_id", "id"),
    Index("ix_dial_task_number_assignee_task", "company_id", "assignee_id", "task_id"),
    # Calls name numbers without a foreign key: an id must never be given out again.
    sqlite_autoincrement=True,
)
