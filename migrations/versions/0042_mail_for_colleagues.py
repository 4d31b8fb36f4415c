"""What e-mail has told a colleague of: who assigned a conversation to them, and which notes mention them."""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade():
    table, Id = "conversation_participants", sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column(table, sa.Column("mailed_note_id", Id, nullable=False, server_default="0"))
    op.add_column(table, sa.Column("given_by", sa.String(length=200), nullable=True))


def downgrade():
    op.drop_column("conversation_participants", "given_by")
    op.drop_column("conversation_participants", "mailed_note_id")
