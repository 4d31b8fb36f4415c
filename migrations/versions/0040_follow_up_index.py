"""A closed conversation is continued in one other.

No old row is in the index, but PostgreSQL reads the table to find that out, so it is built while others write.
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

NAME = "uq_conversations_follows"
WHERE = sa.text("follows_id IS NOT NULL")


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(NAME, "conversations", ["follows_id"], unique=True, sqlite_where=WHERE)
        return
    with op.get_context().autocommit_block():
        op.drop_index(NAME, "conversations", if_exists=True, postgresql_concurrently=True)  # of an attempt that failed
        op.create_index(
            NAME, "conversations", ["follows_id"], unique=True, postgresql_where=WHERE, postgresql_concurrently=True
        )


def downgrade():
    op.drop_index(NAME, "conversations")
