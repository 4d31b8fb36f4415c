"""The language and time zone that a user chose for themselves, in place of their browser's."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("users", sa.Column("locale", sa.String(32)))
    op.add_column("users", sa.Column("time_zone", sa.String(64)))


def downgrade():
    op.drop_column("users", "time_zone")
    op.drop_column("users", "locale")
