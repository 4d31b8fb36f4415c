"""Drop what only code before this migration uses: the functions of its sends, and totals of unread kept by triggers.

A contract step (docs/operations.md): run it when the last process of that code has gone. Code from here on works on
either side of it, so its readiness does not wait for it. The seats change often: they are vacuumed sooner, so that a
badge is added up from the index alone.
"""

from alembic import context, op

revision = '0016'
down_revision = '0015'
branch_labels = None
depends_on = None

contract = True
OF_TOTALS, OF_SENDS = ('0005', '0008'), ('0007', '0009')


def upgrade():
    for earlier in (*reversed(OF_SENDS), OF_TOTALS[0]):
        context.script.get_revision(earlier).module.downgrade()
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("ALTER TABLE conversation_participants SET (autovacuum_vacuum_scale_factor = 0.01)")


def downgrade():
    if op.get_bind().dialect.name == 'postgresql':
        op.execute("ALTER TABLE conversation_participants RESET (autovacuum_vacuum_scale_factor)")
    for earlier in (*OF_TOTALS, *OF_SENDS):
        context.script.get_revision(earlier).module.upgrade()
