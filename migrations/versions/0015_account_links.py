"""Links that people get by mail, and the mails that bring them."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

Id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WAITING, GIVEN_UP = sa.text("state = 'due'"), sa.text("state = 'failed'")


def upgrade():
    op.create_table(
        "account_links",
        sa.Column("id", Id, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("seed", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("email_key", sa.String(length=254), nullable=False),
        sa.Column("user_id", Id, nullable=True),
        sa.Column("customer_id", Id, nullable=True),
        sa.Column("store_id", Id, nullable=True),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", Id, nullable=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('invitation', 'reset', 'confirm', 'setup')", name=op.f("ck_account_links_kind")),
        sa.ForeignKeyConstraint(["created_by"], ["users.id"], name=op.f("fk_account_links_created_by_users")),
        sa.ForeignKeyConstraint(["customer_id"], ["customers.id"], name=op.f("fk_account_links_customer_id_customers")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_account_links_store_id_stores")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_account_links_user_id_users")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_account_links_token_hash")),
    )
    for columns in (
        ["kind", "store_id", "email_key"],
        ["user_id", "kind", "created_at"],
        ["customer_id", "kind", "created_at"],
    ):
        op.create_index("ix_account_links_" + "_".join(columns), "account_links", columns)
    op.create_table(
        "account_mails",
        sa.Column("id", Id, nullable=False),
        sa.Column("message_id", sa.String(length=255), nullable=False),
        sa.Column("state", sa.String(length=8), nullable=False),
        sa.Column("attempts", Id, nullable=False),
        sa.Column("claim", sa.String(length=32), nullable=True),
        sa.Column("hand_overs", Id, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("store_id", Id, nullable=True),
        sa.Column("link_id", Id, nullable=True),
        sa.Column("words", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('due', 'sent', 'skipped', 'failed')", name=op.f("ck_account_mails_state")
        ),
        sa.ForeignKeyConstraint(["link_id"], ["account_links.id"], name=op.f("fk_account_mails_link_id_account_links")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.id"], name=op.f("fk_account_mails_store_id_stores")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_mails")),
        sa.UniqueConstraint("message_id", name=op.f("uq_account_mails_message_id")),
    )
    for name, column, rows in (("due", "next_at", WAITING), ("failed", "id", GIVEN_UP)):
        op.create_index(
            f"ix_account_mails_{name}", "account_mails", [column], sqlite_where=rows, postgresql_where=rows
        )


def downgrade():
    op.drop_table("account_mails")
    op.drop_table("account_links")
