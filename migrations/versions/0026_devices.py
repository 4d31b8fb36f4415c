"""From which address and with which browser somebody is signed in, for the page of their sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("sign_in_sessions", sa.Column("address", sa.String(45)))
    op.add_column("sign_in_sessions", sa.Column("user_agent", sa.String(300)))


def downgrade():
    op.drop_column("sign_in_sessions", "user_agent")
    op.drop_column("sign_in_sessions", "address")
