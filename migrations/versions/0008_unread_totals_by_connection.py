"""Split the totals of unread messages by who writes, not by conversation.

People who write in two conversations of one store at once still waited for each other's commit wherever both
conversations fell to one part. Two connections never do one statement at a time, so here the part follows from the
connection. On PostgreSQL only: SQLite lets one write at a time. What is in the parts stays; only their sum has a
meaning, and a part may fall below zero. `CREATE OR REPLACE` keeps nobody out, and old code runs with it as well.
"""

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

FUNCTION = """
CREATE OR REPLACE FUNCTION unread_totals_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO unread_totals (participant_type, participant_id, store_id, platform, shard, unread)
    VALUES (
        {seat}.participant_type,
        {seat}.participant_id,
        CASE WHEN {seat}.participant_type = 'store' THEN {seat}.store_id ELSE 0 END,
        {seat}.participant_type = 'customer' AND EXISTS (
            SELECT 1 FROM conversations AS c WHERE c.id = {seat}.conversation_id AND c.conversation_type = 'admin_customer'
        ),
        {shard} % 8,
        {change}
    )
    ON CONFLICT (participant_type, participant_id, store_id, platform, shard)
    DO UPDATE SET unread = unread_totals.unread + excluded.unread;
    RETURN NULL;
END $$
"""
CASES = (  # of which trigger, whose seat, how much the total changes
    ("insert", "NEW", "NEW.unread_count"),
    ("update", "NEW", "NEW.unread_count - OLD.unread_count"),
    ("delete", "OLD", "-OLD.unread_count"),
)


def upgrade():
    _split_by("pg_backend_pid()")


def downgrade():
    _split_by("{seat}.conversation_id")


def _split_by(number):
    if op.get_bind().dialect.name == 'postgresql':
        for name, seat, change in CASES:
            op.execute(FUNCTION.format(name=name, seat=seat, shard=number.format(seat=seat), change=change))
