"""What conversations are about: orders, returns and the like."""

from contextlib import nullcontext

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
COLUMNS = (("context_id", Id), ("context_kind", sa.String(length=20)), ("context", sa.Text()))


def upgrade():
    on_postgresql = op.get_bind().dialect.name == "postgresql"
    # On their own: the tables lock stores and customers, and one transaction of them all could be in a deadlock.
    with op.get_context().autocommit_block() if on_postgresql else nullcontext():
        for name, kind in COLUMNS:
            op.add_column("conversations", sa.Column(name, kind, nullable=True), if_not_exists=on_postgresql)
    op.create_table(
        "contexts",
        sa.Column("id", Id, nullable=False),
        sa.Column("store_id", Id, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reference", sa.String(length=100), nullable=False),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("title", sa.String(length=200), nullable=True),
        sa.Column("url", sa.String(length=2000), nullable=True),
        sa.Column("state", sa.String(length=40), nullable=True),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("version", Id, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_contexts_customer_id_customers")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_contexts_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contexts")),
        sa.UniqueConstraint("store_id", "reference", "kind", name="uq_contexts_key"),
    )
    op.create_index("ix_contexts_reference", "contexts", ["reference", "kind"])
    op.create_index("ix_contexts_customer", "contexts", ["customer_id", "updated_at", "id"])
    op.create_table(
        "context_facts",
        sa.Column("context_id", Id, nullable=False),
        sa.Column("fact_id", sa.String(length=100), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["context_id"], ["contexts.id"], name=op.f("fk_context_facts_context_id_contexts")),
        sa.PrimaryKeyConstraint("context_id", "fact_id", name=op.f("pk_context_facts")),
    )


def downgrade():
    for name, _kind in COLUMNS:
        op.drop_column("conversations", name)
    op.drop_table("context_facts")
    op.drop_table("contexts")
