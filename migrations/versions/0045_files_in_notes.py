"""The files of notes."""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "note_attachments",
        sa.Column("note_id", Id, nullable=False),
        sa.Column("id", Id, nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("mime_type", sa.String(length=100), nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("thumbnail_key", sa.String(length=255), nullable=True),
        sa.Column("thumbnail_width", Id, nullable=True),
        sa.Column("thumbnail_height", Id, nullable=True),
        sa.Column("scanned", sa.Boolean(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by_type", sa.String(length=8), nullable=True),
        sa.Column("removed_by_id", Id, nullable=True),
        sa.Column("removed_by_name", sa.String(length=200), nullable=True),
        sa.Column("removed_reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(["note_id"], ["notes.id"], name=op.f("fk_note_attachments_note_id_notes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note_attachments")),
        sa.UniqueConstraint("key", name=op.f("uq_note_attachments_key")),
    )
    op.create_index(op.f("ix_note_attachments_note_id"), "note_attachments", ["note_id"])


def downgrade():
    op.drop_table("note_attachments")
