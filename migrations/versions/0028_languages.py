"""The language and time zone that somebody chose for themselves, in place of their browser's."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade():
    for table in ("users", "customers"):
        op.add_column(table, sa.Column("locale", sa.String(32)))
        op.add_column(table, sa.Column("time_zone", sa.String(64)))


def downgrade():
    for table in ("users", "customers"):
        op.drop_column(table, "time_zone")
        op.drop_column(table, "locale")
