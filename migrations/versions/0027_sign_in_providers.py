"""Which identity provider knew whoever signed in."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("sign_in_sessions", sa.Column("provider", sa.String(length=32), nullable=True))


def downgrade():
    op.drop_column("sign_in_sessions", "provider")
