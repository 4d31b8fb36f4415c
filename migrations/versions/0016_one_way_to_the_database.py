"""Vacuum the seats sooner: they change often, and a badge is added up from the index alone.

For a while this step also dropped what 0049 drops now. A database that ran it then has nothing left for 0038 to do.
"""

from alembic import op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None


def upgrade():
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("ALTER TABLE conversation_participants SET (autovacuum_vacuum_scale_factor = 0.01)")


def downgrade():
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("ALTER TABLE conversation_participants RESET (autovacuum_vacuum_scale_factor)")
