"""the books"""

from alembic import op
import sqlalchemy as sa


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


NO_FLOOR = -(10**15)


def _books() -> None:
    """The accounts of packages become accounts of anything: with an owner, a unit and a floor."""
    bind = op.get_bind()
    bind.execute(sa.text("CREATE TABLE account_old AS SELECT * FROM account"))
    bind.execute(sa.text("CREATE TABLE posting_old AS SELECT * FROM posting"))
    op.drop_table('posting')
    op.drop_table('account')
    big = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
    op.create_table('account',
    sa.Column('id', big, nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('owner', sa.String(length=64), nullable=False),
    sa.Column('kind', sa.String(length=16), nullable=False),
    sa.Column('unit', sa.String(length=8), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=True),
    sa.Column('employee_id', sa.Integer(), nullable=True),
    sa.Column('balance', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('floor', sa.BigInteger(), server_default='0', nullable=False),
    sa.CheckConstraint('balance >= floor', name=op.f('ck_account_never_overdrawn')),
    sa.CheckConstraint('floor <= 0', name=op.f('ck_account_floor_not_above_zero')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_account_company_id')),
    sa.ForeignKeyConstraint(['package_id'], ['voice_package.id'], name=op.f('fk_account_package_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_account')),
    sa.UniqueConstraint('company_id', 'owner', 'kind', name=op.f('uq_account_company_id_owner_kind'))
    )
    op.create_index(op.f('ix_account_company_id'), 'account', ['company_id'])
    op.create_index(op.f('ix_account_package_id'), 'account', ['package_id'])
    op.create_table('posting',
    sa.Column('id', big, nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('txn', sa.String(length=120), nullable=False),
    sa.Column('account_id', big, nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.String(length=20), nullable=False),
    sa.Column('call_id', sa.String(length=64), nullable=True),
    sa.Column('leg_id', sa.String(length=64), nullable=True),
    sa.Column('seconds', sa.Integer(), server_default='0', nullable=False),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('note', sa.String(length=200), server_default='', nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['account_id'], ['account.id'], name=op.f('fk_posting_account_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_posting_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_posting')),
    sa.UniqueConstraint('txn', 'account_id', name=op.f('uq_posting_txn_account_id'))
    )
    for column in ('account_id', 'call_id', 'company_id'):
        op.create_index(op.f(f'ix_posting_{column}'), 'posting', [column])
    op.create_index('ix_posting_company_at', 'posting', ['company_id', 'at'])
    bind.execute(sa.text("""
        INSERT INTO account (id, company_id, owner, kind, unit, package_id, employee_id, balance, floor)
        SELECT a.id, a.company_id,
               CASE WHEN a.kind = 'used' THEN 'package:' || a.package_id || ':' || p.employee_id ELSE 'package:' || a.package_id END,
               a.kind, 'minute', a.package_id, CASE WHEN a.kind = 'used' THEN p.employee_id END, a.minutes,
               CASE WHEN a.kind = 'issued' THEN :floor ELSE 0 END
        FROM account_old a JOIN voice_package p ON p.id = a.package_id""").bindparams(sa.bindparam('floor', NO_FLOOR, sa.BigInteger())))
    bind.execute(sa.text("""
        INSERT INTO posting (id, company_id, txn, account_id, amount, kind, call_id, leg_id, seconds, at)
        SELECT id, company_id, txn, account_id, minutes, kind, call_id, leg_id, seconds, at FROM posting_old"""))
    bind.execute(sa.text("""
        INSERT INTO reservation_part (call_id, package_id, company_id, place)
        SELECT call_id, package_id, company_id, 1 FROM reservation"""))
    op.drop_table('posting_old')
    op.drop_table('account_old')
    if bind.dialect.name == 'postgresql':
        for table in ('account', 'posting'):
            bind.execute(sa.text(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), (SELECT COALESCE(MAX(id), 0) + 1 FROM {table}), false)"))


def _immutable(sqlite: bool) -> None:
    """What is in the books stays there: the database itself refuses to change or delete a posting."""
    if sqlite:
        for what in ('UPDATE', 'DELETE'):
            op.execute(f"CREATE TRIGGER posting_no_{what.lower()} BEFORE {what} ON posting BEGIN SELECT RAISE(ABORT, 'postings are immutable'); END")
        return
    op.execute("CREATE FUNCTION posting_immutable() RETURNS trigger AS $$ BEGIN RAISE EXCEPTION 'postings are immutable' USING ERRCODE = 'integrity_constraint_violation'; END $$ LANGUAGE plpgsql")
    op.execute("CREATE TRIGGER posting_no_change BEFORE UPDATE OR DELETE ON posting FOR EACH ROW EXECUTE FUNCTION posting_immutable()")


def _rights() -> None:
    """Administrators see and spend their company's money; those of the first company run the installation as well."""
    bind = op.get_bind()
    role = sa.table('role', sa.column('id', sa.Integer), sa.column('company_id', sa.Integer), sa.column('code', sa.String), sa.column('permissions', sa.JSON))
    first = bind.execute(sa.text('SELECT MIN(id) FROM company')).scalar()
    for row in bind.execute(sa.select(role).where(role.c.code == 'admin')).all():
        operates = row.company_id == first
        held = [one for one in row.permissions if operates or one != 'packages.grant']
        added = ['wallet.view', 'wallet.spend', *(['platform.manage', 'packages.grant'] if operates else [])]
        wanted = [*held, *(one for one in added if one not in held)]
        bind.execute(role.update().where(role.c.id == row.id).values(permissions=wanted))


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == 'sqlite'
    op.create_table('coupon',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('code', sa.String(length=32), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=True),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('reason', sa.String(length=200), server_default='', nullable=False),
    sa.Column('expires_at', sa.DateTime(), nullable=True),
    sa.Column('used_by_order', sa.Integer(), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('amount > 0', name=op.f('ck_coupon_amount_positive')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_coupon')),
    sa.UniqueConstraint('code', name=op.f('uq_coupon_code'))
    )
    op.create_table('offering',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('offer', sa.String(length=10), server_default='regular', nullable=False),
    sa.Column('mode', sa.String(length=16), nullable=False),
    sa.Column('also_mode', sa.String(length=16), server_default='', nullable=False),
    sa.Column('line', sa.String(length=32), server_default='', nullable=False),
    sa.Column('minutes', sa.Integer(), nullable=False),
    sa.Column('days', sa.Integer(), nullable=False),
    sa.Column('price', sa.BigInteger(), nullable=False),
    sa.Column('list_price', sa.BigInteger(), nullable=False),
    sa.Column('per_employee', sa.Integer(), server_default='0', nullable=False),
    sa.Column('offered_from', sa.DateTime(), nullable=True),
    sa.Column('offered_until', sa.DateTime(), nullable=True),
    sa.Column('increment_seconds', sa.Integer(), server_default='60', nullable=False),
    sa.Column('on_sale', sa.Boolean(), server_default='1', nullable=False),
    sa.Column('description', sa.Text(), server_default='', nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('minutes > 0 AND days > 0 AND price >= 0 AND list_price >= price', name=op.f('ck_offering_sane')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_offering'))
    )
    op.create_table('price',
    sa.Column('code', sa.String(length=32), nullable=False),
    sa.Column('body', sa.JSON(), nullable=False),
    sa.PrimaryKeyConstraint('code', name=op.f('pk_price'))
    )
    op.create_table('ai_entry',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('kind', sa.String(length=4), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('unit_price', sa.BigInteger(), nullable=True),
    sa.Column('seconds', sa.Integer(), nullable=True),
    sa.Column('call_id', sa.String(length=64), nullable=True),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('amount > 0', name=op.f('ck_ai_entry_amount_positive')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_ai_entry_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ai_entry')),
    sa.UniqueConstraint('company_id', 'call_id', name=op.f('uq_ai_entry_company_id_call_id')),
    sa.UniqueConstraint('company_id', 'key', name=op.f('uq_ai_entry_company_id_key')),
    sa.UniqueConstraint('number', name=op.f('uq_ai_entry_number'))
    )
    with op.batch_alter_table('ai_entry', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_ai_entry_company_id'), ['company_id'], unique=False)

    op.create_table('invoice_request',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('title', sa.String(length=200), nullable=False),
    sa.Column('fields', sa.JSON(), nullable=False),
    sa.Column('urgent', sa.Boolean(), server_default='0', nullable=False),
    sa.Column('remark', sa.String(length=200), server_default='', nullable=False),
    sa.Column('letter_name', sa.String(length=200), server_default='', nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('answer', sa.String(length=200), server_default='', nullable=False),
    sa.Column('courier', sa.String(length=60), server_default='', nullable=False),
    sa.Column('courier_number', sa.String(length=60), server_default='', nullable=False),
    sa.Column('file_name', sa.String(length=200), server_default='', nullable=False),
    sa.Column('applicant_id', sa.Integer(), nullable=False),
    sa.Column('finished_at', sa.DateTime(), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_invoice_request_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_invoice_request'))
    )
    with op.batch_alter_table('invoice_request', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_invoice_request_company_id'), ['company_id'], unique=False)

    op.create_table('licence_purchase',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('kind', sa.String(length=10), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('before', sa.Integer(), nullable=False),
    sa.Column('after', sa.Integer(), nullable=False),
    sa.Column('unit_price', sa.BigInteger(), nullable=False),
    sa.Column('paid', sa.BigInteger(), nullable=False),
    sa.Column('valid_until', sa.DateTime(), nullable=True),
    sa.Column('buyer_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('quantity > 0 AND after = before + quantity', name=op.f('ck_licence_purchase_sane')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_licence_purchase_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_licence_purchase')),
    sa.UniqueConstraint('company_id', 'key', name=op.f('uq_licence_purchase_company_id_key'))
    )
    with op.batch_alter_table('licence_purchase', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_licence_purchase_company_id'), ['company_id'], unique=False)

    op.create_table('notice',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('employee_id', sa.Integer(), nullable=True),
    sa.Column('kind', sa.String(length=24), nullable=False),
    sa.Column('key', sa.String(length=120), nullable=False),
    sa.Column('data', sa.JSON(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.Column('read_at', sa.DateTime(), nullable=True),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_notice_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_notice')),
    sa.UniqueConstraint('key', name=op.f('uq_notice_key'))
    )
    with op.batch_alter_table('notice', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_notice_company_id'), ['company_id'], unique=False)

    op.create_table('number_application',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('dispatched', sa.Integer(), server_default='0', nullable=False),
    sa.Column('region', sa.String(length=64), server_default='', nullable=False),
    sa.Column('fee', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('answer', sa.String(length=200), server_default='', nullable=False),
    sa.Column('applicant_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('quantity > 0 AND dispatched >= 0 AND dispatched <= quantity', name=op.f('ck_number_application_sane')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_number_application_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_number_application')),
    sa.UniqueConstraint('company_id', 'key', name=op.f('uq_number_application_company_id_key'))
    )
    with op.batch_alter_table('number_application', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_number_application_company_id'), ['company_id'], unique=False)

    op.create_table('points_order',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('unit_price', sa.BigInteger(), nullable=False),
    sa.Column('points_each', sa.Integer(), nullable=False),
    sa.Column('gift_points', sa.Integer(), server_default='0', nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('paid', sa.BigInteger(), nullable=False),
    sa.Column('before', sa.BigInteger(), nullable=False),
    sa.Column('after', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), server_default='normal', nullable=False),
    sa.Column('buyer_id', sa.Integer(), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_points_order_company_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_points_order')),
    sa.UniqueConstraint('company_id', 'key', name=op.f('uq_points_order_company_id_key')),
    sa.UniqueConstraint('number', name=op.f('uq_points_order_number'))
    )
    with op.batch_alter_table('points_order', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_points_order_company_id'), ['company_id'], unique=False)

    op.create_table('purchase',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('action', sa.String(length=10), nullable=False),
    sa.Column('offering_id', sa.Integer(), nullable=False),
    sa.Column('name', sa.String(length=100), nullable=False),
    sa.Column('kind', sa.String(length=12), nullable=False),
    sa.Column('quantity', sa.Integer(), nullable=False),
    sa.Column('total', sa.BigInteger(), nullable=False),
    sa.Column('discount', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('paid', sa.BigInteger(), nullable=False),
    sa.Column('coupon_id', sa.Integer(), nullable=True),
    sa.Column('parent_id', sa.Integer(), nullable=True),
    sa.Column('buyer_id', sa.Integer(), nullable=False),
    sa.Column('valid_until', sa.DateTime(), nullable=False),
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('request', sa.String(length=64), nullable=False),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('quantity > 0 AND paid >= 0 AND paid = total - discount', name=op.f('ck_purchase_sane')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_purchase_company_id')),
    sa.ForeignKeyConstraint(['coupon_id'], ['coupon.id'], name=op.f('fk_purchase_coupon_id')),
    sa.ForeignKeyConstraint(['offering_id'], ['offering.id'], name=op.f('fk_purchase_offering_id')),
    sa.ForeignKeyConstraint(['parent_id'], ['purchase.id'], name=op.f('fk_purchase_parent_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase')),
    sa.UniqueConstraint('company_id', 'key', name=op.f('uq_purchase_company_id_key')),
    sa.UniqueConstraint('number', name=op.f('uq_purchase_number'))
    )
    with op.batch_alter_table('purchase', schema=None) as batch_op:
        batch_op.create_index('ix_purchase_company_created', ['company_id', 'created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_purchase_company_id'), ['company_id'], unique=False)

    op.create_table('recharge',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('channel', sa.String(length=10), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.String(length=10), nullable=False),
    sa.Column('remark', sa.String(length=200), server_default='', nullable=False),
    sa.Column('proof_name', sa.String(length=200), server_default='', nullable=False),
    sa.Column('pay_code', sa.String(length=300), server_default='', nullable=False),
    sa.Column('code_expires_at', sa.DateTime(), nullable=True),
    sa.Column('reject_reason', sa.String(length=200), server_default='', nullable=False),
    sa.Column('applicant_id', sa.Integer(), nullable=False),
    sa.Column('reviewer_id', sa.Integer(), nullable=True),
    sa.Column('reviewed_at', sa.DateTime(), nullable=True),
    sa.Column('invoice_id', sa.Integer(), nullable=True),
    sa.Column('key', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(), nullable=False),
    sa.CheckConstraint('amount > 0', name=op.f('ck_recharge_amount_positive')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_recharge_company_id')),
    sa.ForeignKeyConstraint(['invoice_id'], ['invoice_request.id'], name=op.f('fk_recharge_invoice_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_recharge')),
    sa.UniqueConstraint('company_id', 'key', name=op.f('uq_recharge_company_id_key')),
    sa.UniqueConstraint('number', name=op.f('uq_recharge_number'))
    )
    with op.batch_alter_table('recharge', schema=None) as batch_op:
        batch_op.create_index('ix_recharge_company_created', ['company_id', 'created_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_recharge_company_id'), ['company_id'], unique=False)

    op.create_table('package_log',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('what', sa.String(length=12), nullable=False),
    sa.Column('employee_id', sa.Integer(), nullable=True),
    sa.Column('from_employee_id', sa.Integer(), nullable=True),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_package_log_company_id')),
    sa.ForeignKeyConstraint(['package_id'], ['voice_package.id'], name=op.f('fk_package_log_package_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_package_log'))
    )
    with op.batch_alter_table('package_log', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_package_log_company_id'), ['company_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_package_log_package_id'), ['package_id'], unique=False)

    op.create_table('package_member',
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('employee_id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('assigned_by', sa.Integer(), nullable=True),
    sa.Column('assigned_at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_package_member_company_id')),
    sa.ForeignKeyConstraint(['employee_id'], ['employee.id'], name=op.f('fk_package_member_employee_id')),
    sa.ForeignKeyConstraint(['package_id'], ['voice_package.id'], name=op.f('fk_package_member_package_id')),
    sa.PrimaryKeyConstraint('package_id', 'employee_id', name=op.f('pk_package_member'))
    )
    with op.batch_alter_table('package_member', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_package_member_company_id'), ['company_id'], unique=False)

    op.create_table('purchase_line',
    sa.Column('id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('purchase_id', sa.Integer(), nullable=False),
    sa.Column('employee_id', sa.Integer(), nullable=True),
    sa.Column('package_id', sa.Integer(), nullable=True),
    sa.Column('offering_id', sa.Integer(), nullable=False),
    sa.Column('price', sa.BigInteger(), nullable=False),
    sa.Column('at_offer_price', sa.Boolean(), server_default='0', nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_purchase_line_company_id')),
    sa.ForeignKeyConstraint(['offering_id'], ['offering.id'], name=op.f('fk_purchase_line_offering_id')),
    sa.ForeignKeyConstraint(['package_id'], ['voice_package.id'], name=op.f('fk_purchase_line_package_id')),
    sa.ForeignKeyConstraint(['purchase_id'], ['purchase.id'], name=op.f('fk_purchase_line_purchase_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_purchase_line'))
    )
    with op.batch_alter_table('purchase_line', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_purchase_line_company_id'), ['company_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_purchase_line_purchase_id'), ['purchase_id'], unique=False)

    op.create_table('number_fee',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('number_id', sa.Integer(), nullable=False),
    sa.Column('number', sa.String(length=32), nullable=False),
    sa.Column('month', sa.Date(), nullable=False),
    sa.Column('amount', sa.BigInteger(), nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_number_fee_company_id')),
    sa.ForeignKeyConstraint(['number_id'], ['outside_number.id'], name=op.f('fk_number_fee_number_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_number_fee')),
    sa.UniqueConstraint('number_id', 'month', name=op.f('uq_number_fee_number_id_month'))
    )
    with op.batch_alter_table('number_fee', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_number_fee_company_id'), ['company_id'], unique=False)

    op.create_table('number_log',
    sa.Column('id', sa.BigInteger().with_variant(sa.Integer(), 'sqlite'), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('number_id', sa.Integer(), nullable=False),
    sa.Column('what', sa.String(length=16), nullable=False),
    sa.Column('employee_id', sa.Integer(), nullable=True),
    sa.Column('actor_id', sa.Integer(), nullable=True),
    sa.Column('note', sa.String(length=200), server_default='', nullable=False),
    sa.Column('at', sa.DateTime(), nullable=False),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_number_log_company_id')),
    sa.ForeignKeyConstraint(['number_id'], ['outside_number.id'], name=op.f('fk_number_log_number_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_number_log'))
    )
    with op.batch_alter_table('number_log', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_number_log_company_id'), ['company_id'], unique=False)
        batch_op.create_index(batch_op.f('ix_number_log_number_id'), ['number_id'], unique=False)

    op.create_table('reservation_part',
    sa.Column('call_id', sa.String(length=64), nullable=False),
    sa.Column('package_id', sa.Integer(), nullable=False),
    sa.Column('company_id', sa.Integer(), nullable=False),
    sa.Column('place', sa.Integer(), nullable=False),
    sa.ForeignKeyConstraint(['call_id'], ['reservation.call_id'], name=op.f('fk_reservation_part_call_id')),
    sa.ForeignKeyConstraint(['company_id'], ['company.id'], name=op.f('fk_reservation_part_company_id')),
    sa.ForeignKeyConstraint(['package_id'], ['voice_package.id'], name=op.f('fk_reservation_part_package_id')),
    sa.PrimaryKeyConstraint('call_id', 'package_id', name=op.f('pk_reservation_part'))
    )
    with op.batch_alter_table('reservation_part', schema=None) as batch_op:
        batch_op.create_index(batch_op.f('ix_reservation_part_company_id'), ['company_id'], unique=False)

    with op.batch_alter_table('company', schema=None) as batch_op:
        batch_op.add_column(sa.Column('verification', sa.String(length=12), server_default='verified', nullable=False))
        batch_op.add_column(sa.Column('script_state', sa.String(length=12), server_default='approved', nullable=False))
        batch_op.add_column(sa.Column('licences', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('valid_until', sa.DateTime(), nullable=True))

    with op.batch_alter_table('outside_number', schema=None) as batch_op:
        batch_op.add_column(sa.Column('application_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('employee_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('iccid', sa.String(length=32), server_default='', nullable=False))
        batch_op.add_column(sa.Column('identity_key', sa.String(length=64), server_default='', nullable=False))
        batch_op.add_column(sa.Column('monthly_fee', sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column('dispatched_at', sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column('activated_at', sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column('leave_state', sa.String(length=10), server_default='', nullable=False))
        batch_op.add_column(sa.Column('leave_reason', sa.String(length=200), server_default='', nullable=False))
        batch_op.add_column(sa.Column('leaves_at', sa.DateTime(), nullable=True))
        batch_op.create_index(batch_op.f('ix_outside_number_identity_key'), ['identity_key'], unique=False)

    with op.batch_alter_table('reservation', schema=None) as batch_op:
        batch_op.add_column(sa.Column('mode', sa.String(length=16), server_default='direct', nullable=False))
        batch_op.create_index(batch_op.f('ix_reservation_package_id'), ['package_id'], unique=False)
        if sqlite:
            batch_op.create_check_constraint('minutes_not_negative', 'minutes >= 0')

    with op.batch_alter_table('voice_package', schema=None) as batch_op:
        batch_op.add_column(sa.Column('line', sa.String(length=32), server_default='', nullable=False))
        batch_op.add_column(sa.Column('quantity', sa.Integer(), server_default='1', nullable=False))
        batch_op.add_column(sa.Column('offering_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('purchase_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('parent_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('renews_id', sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column('expired', sa.Boolean(), server_default='0', nullable=False))
        batch_op.alter_column('employee_id',
               existing_type=sa.INTEGER(),
               nullable=True)
        batch_op.create_index('ix_voice_package_expiry', ['expired', 'expires_at'], unique=False)
        batch_op.create_index(batch_op.f('ix_voice_package_purchase_id'), ['purchase_id'], unique=False)
        batch_op.create_foreign_key(batch_op.f('fk_voice_package_purchase_id'), 'purchase', ['purchase_id'], ['id'])
        batch_op.create_foreign_key(batch_op.f('fk_voice_package_renews_id'), 'voice_package', ['renews_id'], ['id'])
        batch_op.create_foreign_key(batch_op.f('fk_voice_package_parent_id'), 'voice_package', ['parent_id'], ['id'])
        batch_op.create_foreign_key(batch_op.f('fk_voice_package_offering_id'), 'offering', ['offering_id'], ['id'])
        if sqlite:  # it makes the table anew, without its conditions
            batch_op.create_check_constraint('minutes_positive', 'minutes_total > 0')
            batch_op.create_check_constraint('increment_positive', 'increment_seconds > 0')
        batch_op.create_check_constraint('quantity_positive', 'quantity > 0')

    _books()
    _immutable(sqlite)
    _rights()


def downgrade() -> None:
    raise RuntimeError("minutes and money are not taken out of the books again: restore the backup made before the upgrade")
