"""The time zone that a browser named, for the times in mail."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("sign_in_sessions", sa.Column("time_zone", sa.String(64)))


def downgrade():
    with op.batch_alter_table("sign_in_sessions") as batch:
        batch.drop_column("time_zone")
