"""Indexes for the pages of the audit trail: by time, and by the kind of object."""

from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLE = "audit_entries"
INDEXES = (("ix_audit_entries_at_id", ["at", "id"]), ("ix_audit_entries_object_type_id", ["object_type", "id"]))


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        for name, columns in INDEXES:
            op.create_index(name, TABLE, columns)
        return
    with op.get_context().autocommit_block():
        for name, columns in INDEXES:
            op.drop_index(name, TABLE, if_exists=True, postgresql_concurrently=True)  # of an attempt that failed
            op.create_index(name, TABLE, columns, postgresql_concurrently=True)


def downgrade():
    for name, _columns in reversed(INDEXES):
        op.drop_index(name, TABLE)
