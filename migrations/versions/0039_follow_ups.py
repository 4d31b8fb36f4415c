"""Which closed conversation another one continues."""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.add_column("conversations", sa.Column("follows_id", Id, nullable=True))


def downgrade():
    op.drop_column("conversations", "follows_id")
