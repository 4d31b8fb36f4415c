"""The last mention that an e-mail covered when a server may have had it."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade():
    Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("notifications", sa.Column("told_note_id", Id, nullable=True))


def downgrade():
    op.drop_column("notifications", "told_note_id")
