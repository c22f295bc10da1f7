"""steps of the clock"""

from alembic import op
import sqlalchemy as sa


revision = '0006'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    big = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('clock_step',
    sa.Column('id', big, nullable=False),
    sa.Column('node', sa.String(length=120), nullable=False),
    sa.Column('boot_id', sa.String(length=40), nullable=False),
    sa.Column('at_before', sa.DateTime(), nullable=False),
    sa.Column('at_after', sa.DateTime(), nullable=False),
    sa.Column('seconds', sa.Float(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_clock_step'))
    )
    op.create_index('ix_clock_step_node', 'clock_step', ['node', 'id'])
    op.create_table('clock_seen',
    sa.Column('node', sa.String(length=120), nullable=False),
    sa.Column('boot_id', sa.String(length=40), nullable=False),
    sa.Column('ahead', sa.Float(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.PrimaryKeyConstraint('node', name=op.f('pk_clock_seen'))
    )


def downgrade() -> None:
    op.drop_table('clock_seen')
    op.drop_index('ix_clock_step_node', table_name='clock_step')
    op.drop_table('clock_step')
