"""Mail about new messages: when a seat is due one, and the mails that are under way."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.DateTime(timezone=True)


def upgrade():
    for table in ("users", "customers"):
        op.add_column(table, sa.Column("mail_enabled", sa.Boolean(), nullable=False, server_default=sa.true()))
    op.add_column("conversation_participants", sa.Column("mail_due_at", Moment))
    op.add_column("conversation_participants", sa.Column("mail_not_before", Moment))
    op.add_column("conversation_participants", sa.Column("mailed_seq", Id, nullable=False, server_default="0"))
    due = sa.text("mail_due_at IS NOT NULL")
    op.create_index(
        "ix_conversation_participants_mail",
        "conversation_participants",
        ["mail_due_at"],
        sqlite_where=due,
        postgresql_where=due,
    )
    op.create_table(
        "notifications",
        sa.Column("id", Id, nullable=False),
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("participant_type", sa.String(8), nullable=False),
        sa.Column("participant_id", Id, nullable=False),
        sa.Column("email_key", sa.String(254), nullable=False),
        sa.Column("message_id", sa.String(255), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("attempts", Id, nullable=False),
        sa.Column("created_at", Moment, nullable=False),
        sa.Column("next_at", Moment, nullable=False),
        sa.Column("settled_at", Moment),
        sa.Column("last_error", sa.String(300)),
        sa.CheckConstraint("state IN ('due', 'sent', 'skipped', 'failed')", name=op.f("ck_notifications_state")),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_notifications_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notifications")),
        sa.UniqueConstraint("message_id", name=op.f("uq_notifications_message_id")),
    )
    waiting, given_up = sa.text("state = 'due'"), sa.text("state = 'failed'")
    op.create_index(
        "ix_notifications_due", "notifications", ["next_at"], sqlite_where=waiting, postgresql_where=waiting
    )
    op.create_index(
        "ix_notifications_failed", "notifications", ["id"], sqlite_where=given_up, postgresql_where=given_up
    )
    op.create_index(
        "uq_notifications_waiting",
        "notifications",
        ["conversation_id", "participant_type", "participant_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
    op.create_index("ix_notifications_conversation", "notifications", ["conversation_id", "email_key"])


def downgrade():
    op.drop_table("notifications")
    op.drop_index("ix_conversation_participants_mail", "conversation_participants")
    with op.batch_alter_table("conversation_participants") as batch:
        for column in ("mailed_seq", "mail_not_before", "mail_due_at"):
            batch.drop_column(column)
    for table in ("users", "customers"):
        with op.batch_alter_table(table) as batch:
            batch.drop_column("mail_enabled")
