"""Write sort names and the words by which recipients are found anew: vowel signs are no spaces any more, `ł` is `l`."""

from alembic import op

from messaging_app.doctor import recipients

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None


def upgrade():
    recipients.bring_in_step(op.get_bind())


def downgrade():
    """Leaves them: older code finds by them what they have in common, and its `check --repair` makes its own."""
