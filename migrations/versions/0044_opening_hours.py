"""When a store is open and how soon it answers, as its customers read it."""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("stores", sa.Column("hours", sa.String(length=200), nullable=False, server_default=""))


def downgrade():
    op.drop_column("stores", "hours")
