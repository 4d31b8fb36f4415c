"""Indexes for the console's lists of stores, customers, admins and sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

INACTIVE = {"sqlite_where": sa.text("active = 0"), "postgresql_where": sa.text("NOT active")}
ADMINS = {"sqlite_where": sa.text("is_admin = 1"), "postgresql_where": sa.text("is_admin")}
ALIVE = {"sqlite_where": sa.text("ended_at IS NULL"), "postgresql_where": sa.text("ended_at IS NULL")}
PLATFORM = {name: sa.text("conversation_type != 'store_customer'") for name in ("sqlite_where", "postgresql_where")}
INDEXES = (
    ("ix_stores_inactive", "stores", ["sort_name", "id"], INACTIVE),
    ("ix_stores_inactive_id", "stores", ["id"], INACTIVE),
    ("ix_customers_inactive", "customers", ["sort_name", "id"], INACTIVE),
    ("ix_customers_inactive_id", "customers", ["id"], INACTIVE),
    ("ix_users_admins", "users", ["id"], ADMINS),
    ("ix_sign_in_sessions_of_store", "sign_in_sessions", ["store_id"], ALIVE),
    ("ix_conversations_platform_store", "conversations", ["store_id", "status", "last_message_at", "id"], PLATFORM),
)


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        for name, table, columns, where in INDEXES:
            op.create_index(name, table, columns, **where)
        return
    with op.get_context().autocommit_block():
        for name, table, columns, where in INDEXES:
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)  # of an attempt that failed
            op.create_index(name, table, columns, postgresql_concurrently=True, **where)


def downgrade():
    for name, table, _columns, _where in reversed(INDEXES):
        op.drop_index(name, table)
