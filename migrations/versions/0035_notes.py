"""Notes in a thread that only one side reads."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "notes",
        sa.Column("id", Id, nullable=False),
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("after_seq", Id, nullable=False),
        sa.Column("author_id", Id, nullable=False),
        sa.Column("author_name", sa.String(length=200), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("mentions", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attachment_count", Id, nullable=False, server_default="0"),
        sa.Column("idempotency_key", sa.String(length=200), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_notes_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notes")),
    )
    op.create_index(op.f("ix_notes_conversation_id_side_after_seq"), "notes", ["conversation_id", "side", "after_seq"])
    where = sa.text("idempotency_key IS NOT NULL")
    op.create_index(
        "uq_notes_idempotency",
        "notes",
        ["side", "author_id", "idempotency_key"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def downgrade():
    op.drop_table("notes")
