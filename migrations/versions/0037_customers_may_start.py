"""Whether a store lets its customers begin conversations, where the platform does."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column(
        "stores", sa.Column("customers_may_start", sa.String(length=12), nullable=False, server_default="always")
    )


def downgrade():
    op.drop_column("stores", "customers_may_start")
