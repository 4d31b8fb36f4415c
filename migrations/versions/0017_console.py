"""What a store says first: its opening line for customers."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("stores", sa.Column("opening_line", sa.String(length=500), nullable=False, server_default=""))


def downgrade():
    op.drop_column("stores", "opening_line")
