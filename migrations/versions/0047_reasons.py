"""Why conversations begin: the list to choose from, and what each conversation was begun with."""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade():
    op.create_table(
        "reason_lists",
        sa.Column("id", Id, autoincrement=False, nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reason_lists")),
    )
    op.add_column("conversations", sa.Column("reason_code", sa.String(length=40), nullable=True))
    op.add_column("conversations", sa.Column("reason_name", sa.String(length=100), nullable=True))


def downgrade():
    op.drop_column("conversations", "reason_name")
    op.drop_column("conversations", "reason_code")
    op.drop_table("reason_lists")
