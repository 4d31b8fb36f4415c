"""Compare e-mail addresses by NFC and lower case, their domains by UTS 46, no longer by case folding.

Case folding took `ß` for `ss`, so that `info@faß.example` and `info@fass.example` were one person.
"""

from alembic import op

from messaging_app.doctor import emails

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade():
    emails.put_right(op.get_bind())


def downgrade():
    emails.put_right(op.get_bind(), lambda email: email.strip().casefold())
