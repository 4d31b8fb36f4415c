"""Who has a seat in what store and customer write to each other, for a send in one statement (models/sending.py).

On PostgreSQL only. VOLATILE, so that it sees what is committed when it is called, not when the statement began; in
PL/pgSQL, so that its plan is kept.
"""

from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

PEOPLE = """
CREATE FUNCTION messaging_people(of_store bigint, of_customer bigint) RETURNS TABLE (type varchar, id bigint)
LANGUAGE plpgsql VOLATILE ROWS 5 AS $$
BEGIN
    RETURN QUERY
    SELECT 'store'::varchar, m.user_id
      FROM store_memberships AS m JOIN users AS u ON u.id = m.user_id JOIN stores AS s ON s.id = m.store_id
     WHERE m.store_id = of_store AND m.active AND u.active AND s.active
    UNION ALL
    SELECT 'customer'::varchar, c.id
      FROM customers AS c JOIN stores AS s ON s.id = c.store_id
     WHERE c.id = of_customer AND c.active AND s.active;
END $$
"""


def upgrade():
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(PEOPLE)


def downgrade():
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("DROP FUNCTION messaging_people(bigint, bigint)")
