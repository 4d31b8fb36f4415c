"""Whose a mail is while it is sent, and how often a server may have taken it without saying so."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.add_column("notifications", sa.Column("claim", sa.String(32)))
    op.add_column("notifications", sa.Column("hand_overs", Id, nullable=False, server_default="0"))
    op.add_column("notifications", sa.Column("told_seq", Id))


def downgrade():
    with op.batch_alter_table("notifications") as batch:
        for column in ("told_seq", "hand_overs", "claim"):
            batch.drop_column(column)
