"""With which list the inbox opens, and whether what waits next opens by itself."""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("opens_with", sa.String(length=8), nullable=False, server_default="open"))
    op.add_column("users", sa.Column("opens_next", sa.Boolean(), nullable=False, server_default=sa.true()))


def downgrade():
    op.drop_column("users", "opens_next")
    op.drop_column("users", "opens_with")
