"""What a store chooses: its opening line for customers, and whether staff see only what is theirs or nobody's."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("stores", sa.Column("opening_line", sa.String(length=500), nullable=False, server_default=""))
    op.add_column("stores", sa.Column("staff_see_only_assigned", sa.Boolean(), nullable=False, server_default=sa.false()))


def downgrade():
    op.drop_column("stores", "staff_see_only_assigned")
    op.drop_column("stores", "opening_line")
