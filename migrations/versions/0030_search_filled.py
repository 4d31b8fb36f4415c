"""Index what was written before, in small transactions: it can be stopped at any moment, and goes on where it was.

It holds no lock for longer than one of them. What the code before this release writes meanwhile, the worker indexes.
"""

from alembic import op
from sqlalchemy.orm import Session

from messaging_app.search import indexing

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade():
    with op.get_context().autocommit_block():
        if op.get_bind().dialect.name == "sqlite":
            op.execute("COMMIT")  # the engine has begun a transaction even here, which holds the write lock
        session = Session(op.get_bind().engine)
        while indexing.catch_up(session):
            pass
        session.close()


def downgrade():
    """Leaves the documents, which go with their table."""
