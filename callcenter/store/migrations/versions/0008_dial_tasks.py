"""dial tasks: tasks, shares, imports, numbers, and the number that a call dialled"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def _rights() -> None:
    """Whoever dials has tasks of their own and dials them; heads and administrators see those of others."""
    bind = op.get_bind()
    role = sa.table('role', sa.column('id', sa.Integer), sa.column('code', sa.String), sa.column('permissions', sa.JSON))
    for row in bind.execute(sa.select(role)).all():
        held = list(row.permissions or ())
        watches = row.code in ('supervisor', 'admin')
        added = [
            *(['tasks.own'] if watches or 'calls.dial' in held else []),
            *(['tasks.dial'] if 'calls.dial' in held else []),
            *(['tasks.all'] if watches else []),
        ]
        wanted = [*held, *(one for one in added if one not in held)]
        bind.execute(role.update().where(role.c.id == row.id).values(permissions=wanted))


def upgrade() -> None:
    op.create_table('dial_task',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('state', sa.String(length=12), server_default='normal', nullable=False),
    sa.Column('secret', sa.Boolean(), server_default='0', nullable=False),
    sa.Column('claim', sa.String(length=10), nullable=False),
    sa.Column('rule', sa.String(length=16), nullable=True),
    sa.Column('encrypted', sa.Boolean(), server_default='0', nullable=False),
    sa.Column('creator_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('deleted_at', sa.DateTime(), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_dial_task_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dial_task'))
    )
    with op.batch_alter_table('dial_task', schema=None) as batch_op:
        batch_op.create_index('ix_dial_task_company_creator', ['company_id', 'creator_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_dial_task_company_id'), ['company_id'], unique=False)

    op.create_table('dial_task_import',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('task_id', sa.Integer(), nullable=False),
    sa.Column('file_name', sa.String(length=200), nullable=False),
    sa.Column('state', sa.String(length=8), server_default='running', nullable=False),
    sa.Column('total', sa.Integer(), server_default='0', nullable=False),
    sa.Column('success', sa.Integer(), server_default='0', nullable=False),
    sa.Column('duplicate_system', sa.Integer(), server_default='0', nullable=False),
    sa.Column('duplicate_file', sa.Integer(), server_default='0', nullable=False),
    sa.Column('format_error', sa.Integer(), server_default='0', nullable=False),
    sa.Column('operator_id', sa.Integer(), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.Column('ended_at', sa.DateTime(), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_dial_task_import_company_id')),
    sa.ForeignKeyConstraint(['task_id'], ['dial_task.id'], name=op.f('fk_dial_task_import_task_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dial_task_import'))
    )
    with op.batch_alter_table('dial_task_import', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dial_task_import_company_id'), ['company_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_dial_task_import_task_id'), ['task_id'], unique=False)

    op.create_table('dial_task_number',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('task_id', sa.Integer(), nullable=False),
    sa.Column('import_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=100), server_default='', nullable=False),
    sa.Column('company', sa.String(length=200), server_default='', nullable=False),
    sa.Column('remark', sa.String(length=500), server_default='', nullable=False),
    sa.Column('assignee_id', sa.Integer(), nullable=True),
    sa.Column('assigned_at', sa.DateTime(), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_dial_task_number_company_id')),
    sa.ForeignKeyConstraint(['task_id'], ['dial_task.id'], name=op.f('fk_dial_task_number_task_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dial_task_number')),
    sa.UniqueConstraint('task_id', 'number', name=op.f('uq_dial_task_number_task_id_number')),
    sqlite_autoincrement=True
    )
    with op.batch_alter_table('dial_task_number', schema=None) as batch_op:
        batch_op.create_index('ix_dial_task_number_assignee_task', ['company_id', 'assignee_id', 'task_id'], unique=False)
        batch_op.create_index('ix_dial_task_number_task', ['company_id', 'task_id', 'id'], unique=False)
        batch_op.create_index('ix_dial_task_number_company_number', ['company_id', 'number'], unique=False)
        batch_op.create_index('ix_dial_task_number_task_assignee', ['company_id', 'task_id', 'assignee_id', 'id'], unique=False)

    op.create_table('dial_task_share',
    sa.Column('task_id', sa.Integer(), nullable=False),
    sa.Column('employee_id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.Column('percent', sa.Integer(), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_dial_task_share_company_id')),
    sa.ForeignKeyConstraint(['task_id'], ['dial_task.id'], name=op.f('fk_dial_task_share_task_id')),
    sa.PrimaryKeyConstraint('task_id', 'employee_id', name=op.f('pk_dial_task_share'))
    )
    with op.batch_alter_table('dial_task_share', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dial_task_share_company_id'), ['company_id'], unique=False)

    op.create_table('dial_task_failed_row',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('import_id', sa.Integer(), nullable=False),
    sa.Column('line', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('number', sa.String(length=100), nullable=False),
    sa.Column('name', sa.String(length=100), server_default='', nullable=False),
    sa.Column('company', sa.String(length=200), server_default='', nullable=False),
    sa.Column('remark', sa.String(length=500), server_default='', nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_dial_task_failed_row_company_id')),
    sa.ForeignKeyConstraint(['import_id'], ['dial_task_import.id'], name=op.f('fk_dial_task_failed_row_import_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_dial_task_failed_row'))
    )
    with op.batch_alter_table('dial_task_failed_row', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_dial_task_failed_row_company_id'), ['company_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_dial_task_failed_row_import_id'), ['import_id'], unique=False)

    with op.batch_alter_table('call', schema=None) as batch_op:
        batch_op.add_column(sa.Column('task_number_id', sa.Integer(), nullable=True))
        batch_op.create_index('ix_call_company_task_number', ['company_id', 'task_number_id'], unique=False, sqlite_where=sa.text('task_number_id IS NOT NULL'), postgresql_where=sa.text('task_number_id IS NOT NULL'))
    _rights()


def downgrade() -> None:
    with op.batch_alter_table('call', schema=None) as batch_op:
        batch_op.drop_index('ix_call_company_task_number')
        batch_op.drop_column('task_number_id')
    for table in ('dial_task_failed_row', 'dial_task_share', 'dial_task_number', 'dial_task_import', 'dial_task'):
        op.drop_table(table)
