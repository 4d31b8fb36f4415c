"""Since when each conversation waits, filled in batches, and the indexes of what a side owes and has shared out."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

BATCH = 1_000
# The first message of the party that wrote last, after the last one of the other party.
SINCE = """
UPDATE conversations SET turn_since = coalesce((
  SELECT min(m.created_at) FROM messages AS m
  WHERE m.conversation_id = conversations.id AND m.kind = 'message' AND m.seq > coalesce((
    SELECT max(o.seq) FROM messages AS o
    WHERE o.conversation_id = conversations.id AND o.kind = 'message'
    AND o.sender_type != conversations.last_sender_type), 0)
), last_message_at) WHERE id > :above AND id <= :below AND turn_since IS NULL
"""
WHERE = {"platform": "conversation_type != 'store_customer'", "store": "conversation_type != 'admin_customer'"}
SCOPES = (("admin", "platform", []), ("store", "store", ["store_id"]))


def _indexes():
    for side, audience, scope in SCOPES:
        name, where = f"ix_conversations_{audience}", WHERE[audience]
        turn = f"{where} AND status = 'open' AND last_sender_type"
        newest = ["last_message_at", "id"]
        yield f"{name}_ours", [*scope, "status", "turn_since", "id"], f"{turn} != '{side}' AND {side}_no_reply_at IS NULL"
        yield f"{name}_theirs", [*scope, "status", "turn_since", "id"], f"{turn} = '{side}'"
        yield f"{name}_ruled_out", [*scope, *newest], f"{where} AND {side}_no_reply_at IS NOT NULL"
        yield f"{name}_assigned", [*scope, f"{side}_assignee_id", "status", *newest], where
        yield f"{name}_snoozed", [*scope, *newest], f"{where} AND {side}_snoozed_until IS NOT NULL"


def upgrade():
    if op.get_bind().dialect.name != "postgresql":
        _fill()
        for name, columns, where in _indexes():
            op.create_index(name, "conversations", columns, sqlite_where=sa.text(where))
        return
    with op.get_context().autocommit_block():
        _fill()
        for name, columns, where in _indexes():
            op.drop_index(name, "conversations", if_exists=True, postgresql_concurrently=True)  # of a failed attempt
            op.create_index(
                name, "conversations", columns, postgresql_concurrently=True, postgresql_where=sa.text(where)
            )


def _fill():
    """On PostgreSQL each batch is a transaction of its own; whoever interrupts it runs the migration again."""
    bind = op.get_bind()
    most = bind.scalar(sa.text("SELECT coalesce(max(id), 0) FROM conversations"))
    for above in range(0, most, BATCH):
        bind.execute(sa.text(SINCE), {"above": above, "below": above + BATCH})


def downgrade():
    for name, _columns, _where in reversed(list(_indexes())):
        op.drop_index(name, "conversations")
