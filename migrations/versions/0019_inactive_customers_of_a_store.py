"""An index for the inactive customers of one store, in the console's list."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

NAME, COLUMNS = "ix_customers_inactive_of_store", ["store_id", "sort_name", "id"]


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        op.create_index(NAME, "customers", COLUMNS, sqlite_where=sa.text("active = 0"))
        return
    with op.get_context().autocommit_block():
        op.drop_index(NAME, "customers", if_exists=True, postgresql_concurrently=True)  # of an attempt that failed
        op.create_index(
            NAME, "customers", COLUMNS, postgresql_concurrently=True, postgresql_where=sa.text("NOT active")
        )


def downgrade():
    op.drop_index(NAME, "customers")
