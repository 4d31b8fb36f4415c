"""What a conversation is to each side: whose turn it is, who has it, until when it sleeps; and the lines of one side."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
Moment = sa.DateTime(timezone=True)
COLUMNS = (
    ("turn_since", Moment),
    *((f"{side}_{name}", kind) for side in ("admin", "store") for name, kind in (
        ("no_reply_at", Moment), ("assignee_id", Id), ("snoozed_until", Moment), ("lines", None),
    )),
)


def upgrade():
    for name, kind in COLUMNS:
        column = sa.Column(name, kind) if kind is not None else sa.Column(name, Id, nullable=False, server_default="0")
        op.add_column("conversations", column)
    op.create_table(
        "side_lines",
        sa.Column("id", Id, nullable=False),
        sa.Column("conversation_id", Id, nullable=False),
        sa.Column("side", sa.String(length=8), nullable=False),
        sa.Column("after_seq", Id, nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column("actor_id", Id, nullable=False),
        sa.Column("actor_name", sa.String(length=200), nullable=False),
        sa.Column("content", sa.String(length=200), nullable=False),
        sa.Column("user_id", Id),
        sa.Column("created_at", Moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["conversation_id"], ["conversations.id"], name=op.f("fk_side_lines_conversation_id_conversations")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_side_lines")),
    )
    op.create_index("ix_side_lines_conversation_id_side_after_seq", "side_lines", ["conversation_id", "side", "after_seq"])


def downgrade():
    op.drop_table("side_lines")
    for name, _kind in reversed(COLUMNS):
        op.drop_column("conversations", name)
