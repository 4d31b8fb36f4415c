"""Indexes of conversations by their reason, for the lists that are filtered by it.

No old row is in them, but PostgreSQL reads the table to find that out, so they are built while others write.
"""

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

PLATFORM = "conversation_type != 'store_customer' AND reason_code IS NOT NULL"
STORE = "conversation_type != 'admin_customer' AND reason_code IS NOT NULL"
INDEXES = (
    ("ix_conversations_platform_reason", ["reason_code", "status", "last_message_at", "id"], PLATFORM),
    ("ix_conversations_store_reason", ["store_id", "reason_code", "status", "last_message_at", "id"], STORE),
)


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        for name, columns, where in INDEXES:
            op.create_index(name, "conversations", columns, sqlite_where=sa.text(where))
        return
    with op.get_context().autocommit_block():
        for name, columns, where in INDEXES:
            op.drop_index(name, "conversations", if_exists=True, postgresql_concurrently=True)  # of an attempt that failed
            op.create_index(
                name, "conversations", columns, postgresql_where=sa.text(where), postgresql_concurrently=True
            )


def downgrade():
    for name, *_ in reversed(INDEXES):
        op.drop_index(name, "conversations")
