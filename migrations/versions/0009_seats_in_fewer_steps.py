"""Ask for everybody who has or gets a seat, the sender among them, in one query of the database.

`messaging_people` (0007) left the sender to the statement that called it, and looked for the store twice. It stays for
code that is still running while this is applied, and goes with a later version. VOLATILE and in PL/pgSQL as before.
"""

from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

SEATS = """
CREATE FUNCTION messaging_seats(of_store bigint, of_customer bigint, by_type varchar, by_id bigint)
RETURNS TABLE (type varchar, id bigint)
LANGUAGE plpgsql VOLATILE ROWS 5 AS $$
BEGIN
    RETURN QUERY
    SELECT by_type, by_id
    UNION ALL
    SELECT of_side.type, of_side.id
      FROM stores AS s, LATERAL (
        SELECT 'store'::varchar AS type, m.user_id AS id
          FROM store_memberships AS m JOIN users AS u ON u.id = m.user_id
         WHERE m.store_id = s.id AND m.active AND u.active AND (by_type <> 'store' OR m.user_id <> by_id)
        UNION ALL
        SELECT 'customer'::varchar, c.id
          FROM customers AS c
         WHERE c.id = of_customer AND c.store_id = s.id AND c.active AND (by_type <> 'customer' OR c.id <> by_id)
      ) AS of_side
     WHERE s.id = of_store AND s.active;
END $$
"""


def upgrade():
    if op.get_bind().dialect.name == 'postgresql':
        op.execute(SEATS)


def downgrade():
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("DROP FUNCTION messaging_seats(bigint, bigint, varchar, bigint)")
