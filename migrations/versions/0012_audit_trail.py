"""The audit trail: entries chained by their hashes, and the row that tells where the chain ends."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "audit_entries",
        sa.Column("id", Id, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor_type", sa.String(length=8), nullable=False),
        sa.Column("actor_id", Id, nullable=True),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("actor_email", sa.String(length=254), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("object_type", sa.String(length=16), nullable=False),
        sa.Column("object_id", sa.String(length=100), nullable=False),
        sa.Column("object_name", sa.String(length=200), nullable=False),
        sa.Column("object_email", sa.String(length=254), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("session_id", Id, nullable=True),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entries")),
    )
    for columns in (
        ["action", "id"],
        ["actor_email", "id"],
        ["object_type", "object_id", "id"],
        ["object_email", "id"],
    ):
        op.create_index("ix_audit_entries_" + "_".join(columns), "audit_entries", columns)
    head = op.create_table(
        "audit_head",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("last_id", Id, nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.bulk_insert(head, [{"id": 1, "last_id": 0, "hash": ""}])


def downgrade():
    op.drop_table("audit_head")
    op.drop_table("audit_entries")
