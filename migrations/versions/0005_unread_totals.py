"""Totals of unread messages by person, kept by triggers on the seats.

A later migration that lets Alembic rebuild `conversation_participants` on SQLite (batch mode) must create the three
triggers anew: SQLite drops them with the old table.
"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
SHARDS = 8
TOTALS = "INSERT INTO unread_totals (participant_type, participant_id, store_id, platform, shard, unread)"
# The parts of a total's key as they follow from a seat.
STORE = "CASE WHEN {seat}.participant_type = 'store' THEN {seat}.store_id ELSE 0 END"
PLATFORM = (
    "{seat}.participant_type = 'customer' AND EXISTS (SELECT 1 FROM conversations AS c"
    " WHERE c.id = {seat}.conversation_id AND c.conversation_type = 'admin_customer')"
)
KEY = f"{{seat}}.participant_type, {{seat}}.participant_id, {STORE}, {PLATFORM}, {{seat}}.conversation_id % {SHARDS}"
ADD = (
    "ON CONFLICT (participant_type, participant_id, store_id, platform, shard)"
    " DO UPDATE SET unread = unread_totals.unread + excluded.unread"
)
CASES = (  # when, on what condition, whose seat, how much the total changes
    ("insert", "INSERT", "NEW.unread_count <> 0", "NEW", "NEW.unread_count"),
    ("update", "UPDATE OF unread_count", "NEW.unread_count <> OLD.unread_count", "NEW", "NEW.unread_count - OLD.unread_count"),
    ("delete", "DELETE", "OLD.unread_count <> 0", "OLD", "-OLD.unread_count"),
)


def upgrade():
    op.create_table(
        'unread_totals',
        sa.Column('participant_type', sa.String(length=8), nullable=False),
        sa.Column('participant_id', Id, autoincrement=False, nullable=False),
        sa.Column('store_id', Id, autoincrement=False, nullable=False),
        sa.Column('platform', sa.Boolean(), nullable=False),
        sa.Column('shard', Id, autoincrement=False, nullable=False),
        sa.Column('unread', Id, nullable=False),
        sa.PrimaryKeyConstraint(
            'participant_type', 'participant_id', 'store_id', 'platform', 'shard', name=op.f('pk_unread_totals')
        ),
    )
    postgresql = op.get_bind().dialect.name == 'postgresql'
    if postgresql:
        # Room on each page for the next version of a row: totals change often, and then no index needs to know.
        op.execute("ALTER TABLE unread_totals SET (fillfactor = 50)")
    for name, event, condition, seat, change in CASES:
        add = f"{TOTALS} VALUES ({KEY.format(seat=seat)}, {change}) {ADD};"
        trigger = f"CREATE TRIGGER unread_totals_{name} AFTER {event} ON conversation_participants FOR EACH ROW"
        if postgresql:
            op.execute(
                f"CREATE FUNCTION unread_totals_{name}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN {add} RETURN NULL; END $$"
            )
            op.execute(f"{trigger} WHEN ({condition}) EXECUTE FUNCTION unread_totals_{name}()")
        else:
            op.execute(f"{trigger} WHEN {condition} BEGIN {add} END")
    # After the triggers, whose creation keeps writers out until the commit: nothing is read between sum and trigger.
    key = KEY.format(seat='s')
    op.execute(
        f"{TOTALS} SELECT {key}, sum(s.unread_count) FROM conversation_participants AS s"
        " WHERE s.unread_count <> 0 GROUP BY 1, 2, 3, 4, 5"
    )


def downgrade():
    for name, *_rest in CASES:
        if op.get_bind().dialect.name == 'postgresql':
            op.execute(f"DROP TRIGGER unread_totals_{name} ON conversation_participants")
            op.execute(f"DROP FUNCTION unread_totals_{name}()")
        else:
            op.execute(f"DROP TRIGGER unread_totals_{name}")
    op.drop_table('unread_totals')
