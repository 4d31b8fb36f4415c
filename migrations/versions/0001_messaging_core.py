"""The messaging core: directory, sign-in sessions, conversations, seats, messages, settings."""

import sqlalchemy as sa
from alembic import op

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
SortKey = sa.String(255).with_variant(sa.String(255, collation='C'), 'postgresql')


def upgrade():
    op.create_table('platform_settings',
    sa.Column('key', sa.String(length=64), nullable=False),
    sa.Column('value', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('key', name=op.f('pk_platform_settings'))
    )
    op.create_table('stores',
    sa.Column('id', Id, nullable=False),
    sa.Column('code', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('sort_name', SortKey, nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('accent', sa.String(length=16), nullable=True),
    sa.Column('logo', sa.String(length=64), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_stores')),
    sa.UniqueConstraint('code', name=op.f('uq_stores_code'))
    )
    op.create_index('ix_stores_sort_name_id', 'stores', ['sort_name', 'id'], unique=False)

    op.create_table('users',
    sa.Column('id', Id, nullable=False),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('email_key', sa.String(length=254), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('password_hash', sa.String(length=255), nullable=True),
    sa.Column('is_admin', sa.Boolean(), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users')),
    sa.UniqueConstraint('email_key', name=op.f('uq_users_email_key'))
    )
    op.create_table('customers',
    sa.Column('id', Id, nullable=False),
    sa.Column('store_id', Id, nullable=False),
    sa.Column('external_id', sa.String(length=100), nullable=True),
    sa.Column('email', sa.String(length=254), nullable=False),
    sa.Column('email_key', sa.String(length=254), nullable=False),
    sa.Column('name', sa.String(length=200), nullable=False),
    sa.Column('sort_name', SortKey, nullable=False),
    sa.Column('password_hash', sa.String(length=255), nullable=True),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], name=op.f('fk_customers_store_id_stores')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_customers')),
    sa.UniqueConstraint('store_id', 'email_key', name=op.f('uq_customers_store_id_email_key')),
    sa.UniqueConstraint('store_id', 'external_id', name=op.f('uq_customers_store_id_external_id'))
    )
    op.create_index('ix_customers_sort_name_id', 'customers', ['sort_name', 'id'], unique=False)
    op.create_index('ix_customers_store_id_sort_name_id', 'customers', ['store_id', 'sort_name', 'id'], unique=False)

    op.create_table('recipient_terms',
    sa.Column('recipient_type', sa.String(length=8), nullable=False),
    sa.Column('recipient_id', Id, autoincrement=False, nullable=False),
    sa.Column('term', SortKey, nullable=False),
    sa.Column('store_id', Id, nullable=False),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], name=op.f('fk_recipient_terms_store_id_stores')),
    sa.PrimaryKeyConstraint('recipient_type', 'recipient_id', 'term', name=op.f('pk_recipient_terms'))
    )
    op.create_index('ix_recipient_terms_all', 'recipient_terms', ['recipient_type', 'term', 'recipient_id'], unique=False)
    op.create_index('ix_recipient_terms_store', 'recipient_terms', ['recipient_type', 'store_id', 'term', 'recipient_id'], unique=False)

    op.create_table('sign_in_sessions',
    sa.Column('id', Id, nullable=False),
    sa.Column('token_hash', sa.String(length=64), nullable=False),
    sa.Column('actor_type', sa.String(length=8), nullable=False),
    sa.Column('person_id', Id, nullable=False),
    sa.Column('store_id', Id, nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('ended_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], name=op.f('fk_sign_in_sessions_store_id_stores')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_sign_in_sessions')),
    sa.UniqueConstraint('token_hash', name=op.f('uq_sign_in_sessions_token_hash'))
    )
    op.create_index('ix_sign_in_sessions_actor_type_person_id', 'sign_in_sessions', ['actor_type', 'person_id'], unique=False)

    op.create_table('store_memberships',
    sa.Column('store_id', Id, autoincrement=False, nullable=False),
    sa.Column('user_id', Id, autoincrement=False, nullable=False),
    sa.Column('role', sa.String(length=32), nullable=False),
    sa.Column('active', sa.Boolean(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], name=op.f('fk_store_memberships_store_id_stores')),
    sa.ForeignKeyConstraint(['user_id'], ['users.id'], name=op.f('fk_store_memberships_user_id_users')),
    sa.PrimaryKeyConstraint('store_id', 'user_id', name=op.f('pk_store_memberships'))
    )
    op.create_index('ix_store_memberships_user_id', 'store_memberships', ['user_id'], unique=False)

    op.create_table('conversations',
    sa.Column('id', Id, nullable=False),
    sa.Column('conversation_type', sa.String(length=16), nullable=False),
    sa.Column('subject', sa.String(length=200), nullable=False),
    sa.Column('status', sa.String(length=8), nullable=False),
    sa.Column('store_id', Id, nullable=False),
    sa.Column('customer_id', Id, nullable=True),
    sa.Column('last_seq', Id, nullable=False),
    sa.Column('last_message_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('last_message_preview', sa.String(length=120), nullable=False),
    sa.Column('last_sender_type', sa.String(length=8), nullable=False),
    sa.Column('last_sender_id', Id, nullable=False),
    sa.Column('last_sender_name', sa.String(length=200), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_by_type', sa.String(length=8), nullable=False),
    sa.Column('created_by_id', Id, nullable=False),
    sa.Column('closed_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('closed_by_type', sa.String(length=8), nullable=True),
    sa.Column('closed_by_id', Id, nullable=True),
    sa.CheckConstraint("(conversation_type = 'admin_store') = (customer_id IS NULL)", name=op.f('ck_conversations_customer')),
    sa.CheckConstraint("conversation_type IN ('admin_store', 'store_customer', 'admin_customer')", name=op.f('ck_conversations_type')),
    sa.CheckConstraint("status IN ('open', 'closed')", name=op.f('ck_conversations_status')),
    sa.ForeignKeyConstraint(['customer_id'], ['customers.id'], name=op.f('fk_conversations_customer_id_customers')),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], name=op.f('fk_conversations_store_id_stores')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_conversations')),
    sqlite_autoincrement=True,
    )
    op.create_index('ix_conversations_customer', 'conversations', ['customer_id', 'last_message_at', 'id'], unique=False, sqlite_where=sa.text('customer_id IS NOT NULL'), postgresql_where=sa.text('customer_id IS NOT NULL'))
    op.create_index('ix_conversations_customer_status', 'conversations', ['customer_id', 'status', 'last_message_at', 'id'], unique=False, sqlite_where=sa.text('customer_id IS NOT NULL'), postgresql_where=sa.text('customer_id IS NOT NULL'))
    op.create_index('ix_conversations_platform', 'conversations', ['last_message_at', 'id'], unique=False, sqlite_where=sa.text("conversation_type != 'store_customer'"), postgresql_where=sa.text("conversation_type != 'store_customer'"))
    op.create_index('ix_conversations_platform_status', 'conversations', ['status', 'last_message_at', 'id'], unique=False, sqlite_where=sa.text("conversation_type != 'store_customer'"), postgresql_where=sa.text("conversation_type != 'store_customer'"))
    op.create_index('ix_conversations_platform_type', 'conversations', ['conversation_type', 'status', 'last_message_at', 'id'], unique=False, sqlite_where=sa.text("conversation_type != 'store_customer'"), postgresql_where=sa.text("conversation_type != 'store_customer'"))
    op.create_index('ix_conversations_store', 'conversations', ['store_id', 'last_message_at', 'id'], unique=False, sqlite_where=sa.text("conversation_type != 'admin_customer'"), postgresql_where=sa.text("conversation_type != 'admin_customer'"))
    op.create_index('ix_conversations_store_status', 'conversations', ['store_id', 'status', 'last_message_at', 'id'], unique=False, sqlite_where=sa.text("conversation_type != 'admin_customer'"), postgresql_where=sa.text("conversation_type != 'admin_customer'"))
    op.create_index('ix_conversations_store_type', 'conversations', ['store_id', 'conversation_type', 'status', 'last_message_at', 'id'], unique=False, sqlite_where=sa.text("conversation_type != 'admin_customer'"), postgresql_where=sa.text("conversation_type != 'admin_customer'"))

    op.create_table('conversation_participants',
    sa.Column('conversation_id', Id, autoincrement=False, nullable=False),
    sa.Column('participant_type', sa.String(length=8), nullable=False),
    sa.Column('participant_id', Id, autoincrement=False, nullable=False),
    sa.Column('store_id', Id, nullable=False),
    sa.Column('unread_count', Id, nullable=False),
    sa.Column('last_read_seq', Id, nullable=False),
    sa.Column('last_read_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('has_written', sa.Boolean(), nullable=False),
    sa.Column('email_notifications', sa.Boolean(), nullable=False),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_conversation_participants_conversation_id_conversations')),
    sa.ForeignKeyConstraint(['store_id'], ['stores.id'], name=op.f('fk_conversation_participants_store_id_stores')),
    sa.PrimaryKeyConstraint('conversation_id', 'participant_type', 'participant_id', name=op.f('pk_conversation_participants'))
    )
    op.create_index('ix_conversation_participants_unread', 'conversation_participants', ['participant_type', 'participant_id', 'store_id', 'unread_count'], unique=False, sqlite_where=sa.text('unread_count > 0'), postgresql_where=sa.text('unread_count > 0'))

    op.create_table('messages',
    sa.Column('id', Id, nullable=False),
    sa.Column('conversation_id', Id, nullable=False),
    sa.Column('seq', Id, nullable=False),
    sa.Column('kind', sa.String(length=8), nullable=False),
    sa.Column('event', sa.String(length=8), nullable=True),
    sa.Column('sender_type', sa.String(length=8), nullable=False),
    sa.Column('sender_id', Id, nullable=False),
    sa.Column('sender_name', sa.String(length=200), nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('idempotency_key', sa.String(length=200), nullable=True),
    sa.Column('digest', sa.String(length=64), nullable=True),
    sa.CheckConstraint("kind IN ('message', 'event')", name=op.f('ck_messages_kind')),
    sa.ForeignKeyConstraint(['conversation_id'], ['conversations.id'], name=op.f('fk_messages_conversation_id_conversations')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_messages')),
    sa.UniqueConstraint('conversation_id', 'seq', name=op.f('uq_messages_conversation_id_seq'))
    )
    op.create_index('uq_messages_idempotency', 'messages', ['sender_type', 'sender_id', 'idempotency_key'], unique=True, sqlite_where=sa.text('idempotency_key IS NOT NULL'), postgresql_where=sa.text('idempotency_key IS NOT NULL'))



def downgrade():
    for table in (
        "messages",
        "conversation_participants",
        "conversations",
        "store_memberships",
        "sign_in_sessions",
        "recipient_terms",
        "customers",
        "users",
        "stores",
        "platform_settings",
    ):
        op.drop_table(table)
