"""Indexes of conversations by what they are about, and at most one open conversation for each.

No old row is in them, but PostgreSQL reads the table to find that out, so they are built while others write.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OPEN = "status = 'open' AND context_id IS NOT NULL AND customer_id IS {}"
PLATFORM = "conversation_type != 'store_customer' AND context_kind IS NOT NULL"
STORE = "conversation_type != 'admin_customer' AND context_kind IS NOT NULL"
INDEXES = (
    ("uq_conversations_open_context", ["conversation_type", "customer_id", "context_id"], OPEN.format("NOT NULL")),
    ("uq_conversations_open_context_of_store", ["context_id"], OPEN.format("NULL")),
    ("ix_conversations_context", ["context_id", "last_message_at", "id"], "context_id IS NOT NULL"),
    ("ix_conversations_platform_kind", ["context_kind", "status", "last_message_at", "id"], PLATFORM),
    ("ix_conversations_store_kind", ["store_id", "context_kind", "status", "last_message_at", "id"], STORE),
)


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        for name, columns, where in INDEXES:
            op.create_index(name, "conversations", columns, unique=name[:2] == "uq", sqlite_where=sa.text(where))
        return
    with op.get_context().autocommit_block():
        for name, columns, where in INDEXES:
            op.drop_index(name, "conversations", if_exists=True, postgresql_concurrently=True)  # of an attempt that failed
            op.create_index(
                name,
                "conversations",
                columns,
                unique=name[:2] == "uq",
                postgresql_where=sa.text(where),
                postgresql_concurrently=True,
            )


def downgrade():
    for name, *_ in reversed(INDEXES):
        op.drop_index(name, "conversations")
