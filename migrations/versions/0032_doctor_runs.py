"""The runs of the doctor with their reports."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
PENDING = sa.text("ended_at IS NULL")


def upgrade():
    op.create_table(
        "doctor_runs",
        sa.Column("id", Id, nullable=False),
        sa.Column("asked_by", sa.String(length=200), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken", sa.Boolean(), nullable=True),
        sa.Column("lines", sa.Text(), nullable=False),
        sa.Column("entries", Id, nullable=True),
        sa.Column("error", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_doctor_runs")),
    )
    op.create_index(
        "ix_doctor_runs_pending", "doctor_runs", ["id"], sqlite_where=PENDING, postgresql_where=PENDING
    )


def downgrade():
    op.drop_table("doctor_runs")
