"""Files sent with messages."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.add_column("conversations", sa.Column("removed_files", Id, nullable=False, server_default="0"))
    op.add_column("messages", sa.Column("attachment_count", Id, nullable=False, server_default="0"))
    op.create_table(
        "message_attachments",
        sa.Column("id", Id, nullable=False),
        sa.Column("message_id", Id, nullable=False),
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("seq", Id, nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("mime_type", sa.String(100), nullable=False),
        sa.Column("size", Id, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("thumbnail_key", sa.String(255)),
        sa.Column("thumbnail_width", Id),
        sa.Column("thumbnail_height", Id),
        sa.Column("scanned", sa.Boolean(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True)),
        sa.Column("removed_by_type", sa.String(8)),
        sa.Column("removed_by_id", Id),
        sa.Column("removed_by_name", sa.String(200)),
        sa.Column("removed_reason", sa.String(500)),
        sa.ForeignKeyConstraint(
            ["message_id"], ["messages.id"], name=op.f("fk_message_attachments_message_id_messages")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_message_attachments_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message_attachments")),
        sa.UniqueConstraint("key", name=op.f("uq_message_attachments_key")),
    )
    op.create_index("ix_message_attachments_message_id", "message_attachments", ["message_id"])
    op.create_index("ix_message_attachments_conversation_id_seq", "message_attachments", ["conversation_id", "seq"])


def downgrade():
    op.drop_table("message_attachments")
    for table, column in (("messages", "attachment_count"), ("conversations", "removed_files")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
