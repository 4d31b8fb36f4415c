"""The language and time zone that a customer chose for themselves, in place of their browser's."""

import sqlalchemy as sa
from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("customers", sa.Column("locale", sa.String(32)))
    op.add_column("customers", sa.Column("time_zone", sa.String(64)))


def downgrade():
    op.drop_column("customers", "time_zone")
    op.drop_column("customers", "locale")
