"""Drop what only the first version uses: the functions of its sends, and totals of unread kept by triggers.

First put right what that version's sends left behind, while both served, in columns that it does not know.

A contract step (docs/operations.md): run it when the last process of that code has gone. Code from here on works on
either side of it, so its readiness does not wait for it.
"""

from alembic import context, op
from sqlalchemy import inspect, text

revision = '0049'
down_revision = '0048'
branch_labels = None
depends_on = None

contract = True
OF_TOTALS, OF_SENDS = ('0005', '0008'), ('0007', '0009')
# The time of the first message since the other party last wrote.
SINCE = """
SELECT min(m.created_at) FROM messages AS m
WHERE m.conversation_id = conversations.id AND m.kind = 'message' AND m.seq > coalesce((
  SELECT max(o.seq) FROM messages AS o
  WHERE o.conversation_id = conversations.id AND o.kind = 'message'
  AND o.sender_type != conversations.last_sender_type), 0)
"""
WRONG = f"""
SELECT id FROM (SELECT id, turn_since, ({SINCE}) AS since FROM conversations) AS found
WHERE since IS NOT NULL AND (turn_since IS NULL OR turn_since != since)
"""
PUT_RIGHT = f"UPDATE conversations SET turn_since = ({SINCE}) WHERE id = :id"
# "No reply needed" and a snooze end with the other side's next message.
END_OVERTAKEN = """
UPDATE conversations SET {side}_no_reply_at = NULL, {side}_snoozed_until = NULL
WHERE ({side}_no_reply_at IS NOT NULL OR {side}_snoozed_until IS NOT NULL) AND last_sender_type != '{side}'
AND last_message_at > (
  SELECT max(l.created_at) FROM side_lines AS l
  WHERE l.conversation_id = conversations.id AND l.side = '{side}' AND l.event IN ('no_reply', 'snoozed'))
"""


def upgrade():
    if op.get_bind().dialect.name == 'postgresql':
        with op.get_context().autocommit_block():  # or locks on conversations would meet those of the drops
            _put_right()
    else:
        _put_right()
    if inspect(op.get_bind()).has_table('unread_totals'):  # else 0016 dropped it all, as it did for a while
        for earlier in (*reversed(OF_SENDS), OF_TOTALS[0]):
            context.script.get_revision(earlier).module.downgrade()


def _put_right():
    """Look again until nothing is wrong: on PostgreSQL a message may come while its conversation is put right."""
    bind = op.get_bind()
    wrong = bind.scalars(text(WRONG)).all()
    while wrong:
        for number in wrong:
            bind.execute(text(PUT_RIGHT), {'id': number})
        wrong = [number for number in wrong if bind.scalar(text(f'{WRONG} AND id = :id'), {'id': number})]
    for side in ('admin', 'store'):
        bind.execute(text(END_OVERTAKEN.format(side=side)))


def downgrade():
    for earlier in (*OF_TOTALS, *OF_SENDS):
        context.script.get_revision(earlier).module.upgrade()
