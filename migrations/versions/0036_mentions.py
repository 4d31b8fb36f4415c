"""Mentions that somebody has not read yet, and seats that exist only because of one."""

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None


def upgrade():
    table, Id = "conversation_participants", sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column(table, sa.Column("mentions", Id, nullable=False, server_default="0"))
    op.add_column(table, sa.Column("by_mention", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade():
    op.drop_column("conversation_participants", "by_mention")
    op.drop_column("conversation_participants", "mentions")
