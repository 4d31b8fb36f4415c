"""Messages that wait a few seconds before they are sent, and how many seconds a person wants."""

from contextlib import nullcontext

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING = sa.text("state = 'waiting'")


def upgrade():
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    # On its own: the table locks conversations, and whoever reads both would be in a deadlock with one transaction of the two.
    with op.get_context().autocommit_block() if on_postgresql else nullcontext():
        column = sa.Column("undo_send_seconds", Id, nullable=False, server_default="0")
        op.add_column("users", column, if_not_exists=on_postgresql)
    op.create_table(
        "delayed_messages",
        sa.Column("id", Id, nullable=False),
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("sender_type", sa.String(length=8), nullable=False),
        sa.Column("sender_id", Id, nullable=False),
        sa.Column("sender_name", sa.String(length=200), nullable=False),
        sa.Column("store_id", Id, nullable=True),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("idempotency_key", sa.String(length=200), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("seen", Id, nullable=True),
        sa.Column("reopens", sa.Boolean(), nullable=False),
        sa.Column("closes", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("reason", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('waiting', 'refused', 'undone', 'sent')", name=op.f("ck_delayed_messages_state")
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_delayed_messages_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delayed_messages")),
        sa.UniqueConstraint(
            "sender_type",
            "sender_id",
            "idempotency_key",
            name=op.f("uq_delayed_messages_sender_type_sender_id_idempotency_key"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_delayed_messages_conversation_id"), "delayed_messages", ["conversation_id"])
    op.create_index(
        "ix_delayed_messages_due",
        "delayed_messages",
        ["due_at", "id"],
        sqlite_where=WAITING,
        postgresql_where=WAITING,
    )


def downgrade():
    op.drop_table("delayed_messages")
    op.drop_column("users", "undo_send_seconds")
