"""Drop what only the first version uses: the functions of its sends, and totals of unread kept by triggers.

A contract step (docs/operations.md): run it when the last process of that code has gone. Code from here on works on
either side of it, so its readiness does not wait for it.
"""

from alembic import context, op
from sqlalchemy import inspect

revision = '0049'
down_revision = '0048'
branch_labels = None
depends_on = None

contract = True
OF_TOTALS, OF_SENDS = ('0005', '0008'), ('0007', '0009')


def upgrade():
    if inspect(op.get_bind()).has_table('unread_totals'):  # else 0016 dropped it all, as it did for a while
        for earlier in (*reversed(OF_SENDS), OF_TOTALS[0]):
            context.script.get_revision(earlier).module.downgrade()


def downgrade():
    for earlier in (*OF_TOTALS, *OF_SENDS):
        context.script.get_revision(earlier).module.upgrade()
